"""Δ as values, histogram and picture is that of numpy, however either side lies in its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.analysis.plane import matrix
from sdviewer.analysis.raster import Area
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.comparison.differences import common_values, delta_histogram, delta_raster, values_of
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


def refs_of(matching: Matching) -> tuple[TensorRef, TensorRef]:
    (pair,) = matching.pairs
    return matching.a.ref(pair.a), matching.b.ref(pair.b)


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


def test_transposed_values_have_no_common_order(tmp_path: Path) -> None:
    matching = matching_of(tmp_path, {"w": torch.ones(4, 3)}, {"w": torch.zeros(3, 4)})
    assert common_values(matching, matching.pairs[0]) is None


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
    ref_a, ref_b = refs_of(matching_of(tmp_path, {"w": a}, {"w": b}))
    plane = matrix(frame_of((6, 8)))
    found = delta_raster(ref_a, ref_b, plane, Area(1.0, 2.0, 5.0, 8.0), 100, 100)
    assert np.array_equal(found.mean, (a.double() - b.double()).numpy()[1:5, 2:8])
    assert found.is_cells


def test_pixels_of_many_values_tell_the_largest_difference(tmp_path: Path) -> None:
    a, b = torch.zeros(64, 64), torch.zeros(64, 64)
    a[10, 20], b[11, 21] = 3.0, 5.0
    ref_a, ref_b = refs_of(matching_of(tmp_path, {"w": a}, {"w": b}))
    found = delta_raster(ref_a, ref_b, matrix(frame_of((64, 64))), Area(0.0, 0.0, 64.0, 64.0), 8, 8)
    assert found.high.max() == 3.0
    assert found.low.min() == -5.0
