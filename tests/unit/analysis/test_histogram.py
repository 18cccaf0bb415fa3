"""Histograms count as `numpy.histogram` counts, and what has no bin is counted beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sdviewer.analysis.histogram as histogram_module  # one loop is replaced
from sdviewer.analysis.histogram import MOST_BINS, Histogram, even_edges, histogram, histogram_between, histogram_of
from sdviewer.analysis.masses import Masses, masses
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.arrays import checkpoint_of_arrays
from tests.helpers.saved import in_one_folder, opened

pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


def counted(folder: Path, values: torch.Tensor | npt.NDArray[Any], lo: float, hi: float, bins: int) -> Histogram:
    return histogram(checkpoint_of_arrays(folder / "it", {"t": values}).tensors["t"], lo, hi, bins)


def assert_agree(found: Histogram, values: npt.NDArray[np.float64], lo: float, hi: float, bins: int) -> None:
    flat = values.reshape(-1)
    finite = flat[np.isfinite(flat)]
    counts, edges = np.histogram(finite, bins, (lo, hi))
    assert found.counts.tolist() == counts.tolist()
    assert found.counts.dtype == np.int64
    assert np.array_equal(found.edges, edges)
    assert found.below == int((finite < lo).sum())
    assert found.above == int((finite > hi).sum())
    assert (found.nan, found.posinf, found.neginf) == (
        int(np.isnan(flat).sum()),
        int((flat == np.inf).sum()),
        int((flat == -np.inf).sum()),
    )
    everything = found.counts.sum() + found.below + found.above + found.nan + found.posinf + found.neginf
    assert everything == len(flat)


numbers = st.floats(-10, 10) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 2.0, 5e-324])


@in_one_folder(120)
@given(st.lists(numbers, max_size=30), st.floats(-5, 5), st.floats(0.01, 10), st.integers(1, 20))
def test_any_values_are_counted_as_numpy_counts_them(
    tmp_path: Path, values: list[float], lo: float, width: float, bins: int
) -> None:
    array = np.array(values, np.float64)
    assert_agree(counted(tmp_path, array, lo, lo + width, bins), array, lo, lo + width, bins)


def test_values_on_edges_belong_to_the_bin_that_they_begin_and_the_last_to_the_last(tmp_path: Path) -> None:
    found = counted(tmp_path, np.array([0.0, 1.0, 1.0, 2.0, 3.0]), 0, 3, 3)
    assert found.counts.tolist() == [1, 2, 2]
    assert found.edges.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int16, torch.uint8], ids=str
)
def test_other_dtypes_are_counted_by_their_values(tmp_path: Path, dtype: torch.dtype) -> None:
    raw = torch.from_numpy(np.random.default_rng(0).integers(0, 256, 4096 * dtype.itemsize, np.uint8)).view(dtype)
    found = histogram(opened(tmp_path, {"t": raw}).tensors["t"], -100, 100, 33)
    assert_agree(found, raw.double().numpy(), -100, 100, 33)


def test_complex_bool_and_quantised_values_are_counted_by_the_numbers_that_they_mean(tmp_path: Path) -> None:
    numbers = np.array([3 + 4j, 0, 1j, complex(np.nan, 0)])
    assert_agree(counted(tmp_path, numbers, 0, 6, 6), np.array([5.0, 0, 1, np.nan]), 0, 6, 6)
    truths = np.array([True, False, True])
    assert_agree(counted(tmp_path, truths, 0, 1, 2), truths.astype(np.float64), 0, 1, 2)
    quantised = torch.quantize_per_tensor(torch.linspace(-3, 3, 50), 0.05, 7, torch.qint8)
    found = histogram(opened(tmp_path, {"t": quantised}).tensors["t"], -4, 4, 10)
    assert_agree(found, quantised.dequantize().double().numpy(), -4, 4, 10)


def test_a_tensor_of_many_chunks_and_one_with_gaps_are_counted_whole(tmp_path: Path) -> None:
    base = torch.randn(600, 700, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for view in (base, base.T, base[::2, ::3]):
        assert_agree(counted(tmp_path, view, -2, 2, 100), view.numpy(), -2, 2, 100)


def test_the_whole_range_of_float64_can_be_divided(tmp_path: Path) -> None:
    low, high = -1.7e308, 1.7e308
    values = np.array([low, high, 0.0, 1e307, -1e307, 1.79e308])
    found = counted(tmp_path, values, low, high, 4)
    assert found.counts.tolist() == [1, 1, 2, 1]
    assert (found.above, found.below) == (1, 0)
    assert found.edges[[0, 2, 4]].tolist() == [low, 0.0, high]


def test_an_empty_tensor_has_empty_bins(tmp_path: Path) -> None:
    found = counted(tmp_path, np.zeros((0, 4)), 0, 1, 3)
    assert found.counts.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("lo", "hi", "bins"),
    [
        (1.0, 1.0, 4),
        (2.0, 1.0, 4),
        (np.nan, 1.0, 4),
        (0.0, np.inf, 4),
        (0.0, 1.0, 0),
        (0.0, 1.0, -1),
        (0.0, 1.0, MOST_BINS + 1),
        (1.0, np.nextafter(1.0, 2.0), 4),
    ],
)
def test_limits_and_bins_that_make_no_histogram_are_refused(tmp_path: Path, lo: float, hi: float, bins: int) -> None:
    with pytest.raises(ValueError, match=r"bins|limits"):
        counted(tmp_path, np.zeros(3), lo, hi, bins)


def test_the_work_tells_its_progress_and_stops_on_request(tmp_path: Path) -> None:
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": np.ones(1 << 19)}).tensors["t"]
    steps: list[tuple[int, int, str]] = []
    histogram(ref, 0, 2, 4, Control(lambda done, total, note: steps.append((done, total, note))))
    assert steps[-1] == (1 << 19, 1 << 19, "t")
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        histogram(ref, 0, 2, 4, control)


EDGES = np.concatenate([-np.geomspace(1e-300, 1e300, 40)[::-1], [0.0], np.geomspace(5e-324, 1e300, 60)])


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])
def test_bins_between_any_edges_are_those_of_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    if not compiled:
        monkeypatch.setattr(histogram_module, "compiled_or", lambda _, plain: plain)
    bits = np.random.default_rng(1).integers(0, 2**64, 5000, np.uint64)
    values = np.concatenate([bits.view(np.float64), EDGES, -EDGES, [0.0, -0.0, np.nan, np.inf, -np.inf]])
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": values}).tensors["t"]
    finite = values[np.isfinite(values)]
    assert histogram_between(ref, EDGES).counts.tolist() == np.histogram(finite, EDGES)[0].tolist()
    above_zero = EDGES[EDGES >= 0]
    found = histogram_between(ref, above_zero, magnitude=True)
    assert found.counts.tolist() == np.histogram(np.abs(finite), above_zero)[0].tolist()
    assert found.above == int((np.abs(finite) > 1e300).sum())
    assert (found.nan, found.posinf, found.neginf) == (
        int(np.isnan(values).sum()),
        int((values == np.inf).sum()),
        int((values == -np.inf).sum()),
    )


@pytest.mark.parametrize(("lo", "hi"), [(0.0, 1e-322), (1.0, 1.0 + 1e-14), (-0.0, 1.0), (-1e300, 1e300)], ids=str)
def test_bins_are_right_however_near_or_far_their_edges_are(tmp_path: Path, lo: float, hi: float) -> None:
    values = np.linspace(lo, hi, 333)
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": values}).tensors["t"]
    edges = even_edges(lo, hi, 16)
    expected = np.histogram(values, edges)[0].tolist()
    assert histogram(ref, lo, hi, 16).counts.tolist() == expected
    assert histogram_between(ref, edges).counts.tolist() == expected


def test_an_expanded_tensor_counts_what_it_repeats(tmp_path: Path) -> None:
    values = torch.linspace(0, 1, 10).expand(7, 10)
    found = histogram(opened(tmp_path, {"t": values}).tensors["t"], 0, 1, 4)
    assert_agree(found, values.double().numpy(), 0, 1, 4)


def points_of(values: npt.NDArray[np.float64]) -> Masses:
    """Every distinct value in a bucket of its own."""
    found, counts = np.unique(values, return_counts=True)
    return masses(found, found, counts)


def buckets_of(values: npt.NDArray[np.float32]) -> Masses:
    """Buckets of float32 that have their upper 16 bits in common."""
    upper, counts = np.unique(np.sort(values).view(np.uint32) >> 16, return_counts=True)
    low = (upper.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    high = ((upper.astype(np.uint32) << 16) | 0xFFFF).view(np.float32).astype(np.float64)
    order = np.argsort(np.minimum(low, high))
    return masses(np.minimum(low, high)[order], np.maximum(low, high)[order], counts[order])


@given(st.lists(st.floats(-10, 10), max_size=40), st.floats(-5, 5), st.floats(0.01, 10), st.integers(1, 20))
def test_known_values_are_binned_without_reading_as_numpy_bins_them(
    values: list[float], lo: float, width: float, bins: int
) -> None:
    array = np.array(values, np.float64)
    found = histogram_of(points_of(array), lo, lo + width, bins)
    assert_agree(found, array, lo, lo + width, bins)
    assert found.is_exact
    assert not found.approximate.any()


def test_buckets_are_spread_and_bins_narrower_than_four_of_them_are_approximate() -> None:
    values = np.random.default_rng(0).normal(1, 0.003, 100_000).astype(np.float32)
    found = buckets_of(values)
    # Below 1 a bucket is 2**-8 wide, above 2**-7.
    fine = histogram_of(found, 0.98, 1.02, 40)
    assert fine.approximate[fine.counts > 0].all()
    assert not fine.is_exact
    assert fine.counts.sum() + fine.below + fine.above == len(values)
    below = np.searchsorted(np.sort(values.astype(np.float64)), fine.edges[1:])
    assert np.abs(fine.below + np.cumsum(fine.counts) - below).max() < found.counts.max()


def test_bins_whose_edges_are_those_of_buckets_are_exact() -> None:
    values = np.abs(np.random.default_rng(0).normal(0, 1, 10_000)).astype(np.float32)
    found = histogram_of(buckets_of(values), 0, 8, 16)
    assert found.is_exact
    assert found.counts.tolist() == np.histogram(values.astype(np.float64), 16, (0, 8))[0].tolist()


def test_wide_bins_over_buckets_are_nearly_those_of_numpy_and_not_marked() -> None:
    values = np.random.default_rng(0).normal(0, 1, 1_000_000).astype(np.float32)
    found = histogram_of(buckets_of(values), -3.3, 3.3, 20)
    assert not found.approximate.any()
    expected = np.histogram(values.astype(np.float64), 20, (-3.3, 3.3))[0]
    assert np.abs(found.counts - expected).max() < 0.01 * expected.max()


def test_magnitudes_put_both_signs_together() -> None:
    values = np.array([-3.0, -1.0, -1.0, -0.0, 0.0, 1.0, 2.0])
    found = points_of(values).magnitudes()
    assert (found.low.tolist(), found.counts.tolist()) == ([0, 1, 2, 3], [2, 3, 1, 1])
