"""Δ as values, histogram and picture is that of numpy, however either side lies in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.analysis.plane import matrix
from sdviewer.analysis.raster import Area, raster
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.comparison.differences import Common, common_values, delta_histogram, delta_raster, values_of
from sdviewer.comparison.matching import Matching, match
from sdviewer.comparison.sides import Side
from tests.helpers.saved import opened


def matching_of(folder: Path, a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> Matching:
    sides = []
    for name, tensors in (("a", a), ("b", b)):
        (folder / name).mkdir()
        checkpoint = opened(folder / name, tensors)
        sides.append(Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors))))
    return match(*sides)


def common_of(folder: Path, a: torch.Tensor, b: torch.Tensor) -> Common:
    matching = matching_of(folder, {"w": a}, {"w": b})
    found = common_values(matching, matching.pairs[0])
    assert found is not None
    return found


def test_values_stand_side_by_side(tmp_path: Path) -> None:
    a, b = torch.randn(5, 7), torch.randn(7, 5).t()
    matching = matching_of(tmp_path, {"w": a}, {"w": b})
    common = common_values(matching, matching.pairs[0])
    assert common is not None
    found = values_of(common, 3, 20)
    expected = (a.reshape(-1)[3:23].numpy(), b.reshape(-1)[3:23].numpy())
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert np.array_equal(found[2], expected[0].astype(np.float64) - expected[1])


def test_of_a_grown_vocabulary_the_common_rows_are_taken(tmp_path: Path) -> None:
    matching = matching_of(tmp_path, {"w": torch.ones(4, 3)}, {"w": torch.zeros(6, 3)})
    common = common_values(matching, matching.pairs[0])
    assert common is not None
    assert common.count == 12
    assert common.places.shape == (4, 3)


TURNED = (
    (torch.randn(40, 30), torch.randn(30, 40), lambda b: b.T),
    (torch.randn(5, 4, 3), torch.randn(3, 5, 4), lambda b: b.permute(1, 2, 0)),
    (torch.randn(6, 5), torch.randn(9, 5), lambda b: b[:6]),
    (torch.randn(6, 1, 5), torch.randn(6, 5), lambda b: b[:, None]),
    # A view whose rows are the columns of what is stored, against another one's.
    (torch.randn(30, 40).t(), torch.randn(30, 40), lambda b: b.T),
    (torch.randn(7, 6).bfloat16(), torch.randn(6, 7).double().t().contiguous().t(), lambda b: b.T),
)
Turn = Callable[[torch.Tensor], torch.Tensor]


@pytest.mark.parametrize(("a", "b", "turn"), TURNED)
def test_values_stand_beside_those_that_they_are_compared_with(
    tmp_path: Path, a: torch.Tensor, b: torch.Tensor, turn: Turn
) -> None:
    common = common_of(tmp_path, a, b)
    one, other = (tensor.double().reshape(-1).numpy() for tensor in (a, turn(b)))
    for first, count in ((0, common.count), (3, 10), (common.count - 1, 1)):
        found = values_of(common, first, count)
        for got, expected in zip(found, (one, other, one - other), strict=True):
            assert np.array_equal(got.astype(np.float64), expected[first : first + count])


@pytest.mark.parametrize(("a", "b", "turn"), TURNED)
def test_the_picture_and_the_histogram_are_of_what_is_compared(
    tmp_path: Path, a: torch.Tensor, b: torch.Tensor, turn: Turn
) -> None:
    common = common_of(tmp_path, a, b)
    delta = (a.double() - turn(b).double()).numpy()
    limit = float(np.abs(delta).max())
    found = delta_histogram(common, limit, 21)
    assert np.array_equal(found.counts, np.histogram(delta, np.linspace(-limit, limit, 22))[0])
    plane = matrix(frame_of(common.places.shape))
    area = Area(0.0, 0.0, float(plane.rows), float(plane.columns))
    shown = delta_raster(common, plane, area, 100, 100)
    expected = np.array(
        [[delta[plane.index(row, column)] for column in range(plane.columns)] for row in range(plane.rows)]
    )
    assert np.array_equal(shown.mean, expected)
    in_a, in_b = common.planes(plane)
    for ref, its, tensor in ((common.a, in_a, a), (common.b, in_b, turn(b))):
        one = raster(ref, its, area, 100, 100)
        values = tensor.double().numpy()
        there = [[values[plane.index(row, column)] for column in range(plane.columns)] for row in range(plane.rows)]
        assert np.array_equal(one.mean, np.array(there))


def test_a_cell_is_named_by_its_index_on_either_side(tmp_path: Path) -> None:
    common = common_of(tmp_path, torch.randn(4, 3), torch.randn(3, 4))
    in_a, in_b = common.planes(matrix(frame_of((4, 3))))
    assert (in_a.index(3, 1), in_b.index(3, 1)) == ((3, 1), (1, 3))


def test_large_transposed_tensors_are_cut_into_tiles(tmp_path: Path) -> None:
    a, b = torch.randn(1100, 700), torch.randn(700, 1100)
    common = common_of(tmp_path, a, b)
    delta = (a.double() - b.T.double()).numpy()
    found = delta_histogram(common, float(np.abs(delta).max()), 11)
    assert int(found.counts.sum()) == delta.size
    plane = matrix(frame_of((1100, 700)))
    shown = delta_raster(common, plane, Area(0.0, 0.0, 1100.0, 700.0), 110, 70)
    assert shown.high == pytest.approx(delta.reshape(110, 10, 70, 10).max(axis=(1, 3)))
    assert shown.mean == pytest.approx(delta.reshape(110, 10, 70, 10).mean(axis=(1, 3)))


def test_what_could_be_turned_in_several_ways_has_no_common_values(tmp_path: Path) -> None:
    matching = matching_of(tmp_path, {"w": torch.ones(4, 3, 3)}, {"w": torch.zeros(3, 3, 4)})
    assert common_values(matching, matching.pairs[0]) is None


def test_reshaped_values_have_a_common_order_and_no_common_axes(tmp_path: Path) -> None:
    common = common_of(tmp_path, torch.randn(4, 6), torch.randn(8, 3))
    assert not common.has_axes
    assert values_of(common, 5, 4)[0].shape == (4,)


def test_the_part_of_a_fused_tensor_is_found_in_it(tmp_path: Path) -> None:
    whole = torch.randn(9, 4)
    parts = {f"attn.{name}_proj.weight": whole[3 * i : 3 * i + 3] + 1 for i, name in enumerate("qkv")}
    matching = matching_of(tmp_path, {"attn.qkv.weight": whole}, parts)
    assert all(pair.part is not None for pair in matching.pairs)
    for pair in matching.pairs:
        common = common_values(matching, pair)
        assert common is not None
        assert values_of(common, 0, common.count)[2] == pytest.approx(np.full(12, -1.0))


def test_the_histogram_is_that_of_numpy(tmp_path: Path) -> None:
    a, b = torch.randn(400, 500), torch.randn(400, 500)
    a[0, :10] = b[0, :10]
    a[1, 1] = torch.nan
    b[1, 2] = torch.inf
    matching = matching_of(tmp_path, {"w": a}, {"w": b})
    common = common_values(matching, matching.pairs[0])
    assert common is not None
    delta = a.numpy().astype(np.float64) - b.numpy()
    delta = delta[np.isfinite(delta)]
    limit = float(np.abs(delta).max())
    found = delta_histogram(common, limit, 101)
    assert found.zeros == 10
    assert found.odd == 2
    assert np.array_equal(found.counts, np.histogram(delta[delta != 0], np.linspace(-limit, limit, 102))[0])


def test_each_cell_of_a_picture_is_a_difference(tmp_path: Path) -> None:
    a, b = torch.randn(6, 8).to(torch.bfloat16), torch.randn(8, 6).t()
    common = common_of(tmp_path, a, b)
    plane = matrix(frame_of((6, 8)))
    found = delta_raster(common, plane, Area(1.0, 2.0, 5.0, 8.0), 100, 100)
    assert np.array_equal(found.mean, (a.double() - b.double()).numpy()[1:5, 2:8])
    assert found.is_cells


def test_pixels_of_many_values_tell_the_largest_difference(tmp_path: Path) -> None:
    a, b = torch.zeros(64, 64), torch.zeros(64, 64)
    a[10, 20], b[11, 21] = 3.0, 5.0
    common = common_of(tmp_path, a, b)
    found = delta_raster(common, matrix(frame_of((64, 64))), Area(0.0, 0.0, 64.0, 64.0), 8, 8)
    assert found.high.max() == 3.0
    assert found.low.min() == -5.0
