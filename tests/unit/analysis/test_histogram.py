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

from sdviewer.analysis.histogram import MOST_BINS, Histogram, histogram
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.arrays import checkpoint_of_arrays
from tests.helpers.saved import in_one_folder, opened

pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


def histogram_of(folder: Path, values: torch.Tensor | npt.NDArray[Any], lo: float, hi: float, bins: int) -> Histogram:
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
    assert_agree(histogram_of(tmp_path, array, lo, lo + width, bins), array, lo, lo + width, bins)


def test_values_on_edges_belong_to_the_bin_that_they_begin_and_the_last_to_the_last(tmp_path: Path) -> None:
    found = histogram_of(tmp_path, np.array([0.0, 1.0, 1.0, 2.0, 3.0]), 0, 3, 3)
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
    assert_agree(histogram_of(tmp_path, numbers, 0, 6, 6), np.array([5.0, 0, 1, np.nan]), 0, 6, 6)
    truths = np.array([True, False, True])
    assert_agree(histogram_of(tmp_path, truths, 0, 1, 2), truths.astype(np.float64), 0, 1, 2)
    quantised = torch.quantize_per_tensor(torch.linspace(-3, 3, 50), 0.05, 7, torch.qint8)
    found = histogram(opened(tmp_path, {"t": quantised}).tensors["t"], -4, 4, 10)
    assert_agree(found, quantised.dequantize().double().numpy(), -4, 4, 10)


def test_a_tensor_of_many_chunks_and_one_with_gaps_are_counted_whole(tmp_path: Path) -> None:
    base = torch.randn(600, 700, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for view in (base, base.T, base[::2, ::3]):
        assert_agree(histogram_of(tmp_path, view, -2, 2, 100), view.numpy(), -2, 2, 100)


def test_the_whole_range_of_float64_can_be_divided(tmp_path: Path) -> None:
    low, high = -1.7e308, 1.7e308
    values = np.array([low, high, 0.0, 1e307, -1e307, 1.79e308])
    found = histogram_of(tmp_path, values, low, high, 4)
    assert found.counts.tolist() == [1, 1, 2, 1]
    assert (found.above, found.below) == (1, 0)
    assert found.edges[[0, 2, 4]].tolist() == [low, 0.0, high]


def test_an_empty_tensor_has_empty_bins(tmp_path: Path) -> None:
    found = histogram_of(tmp_path, np.zeros((0, 4)), 0, 1, 3)
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
        histogram_of(tmp_path, np.zeros(3), lo, hi, bins)


def test_the_work_tells_its_progress_and_stops_on_request(tmp_path: Path) -> None:
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": np.ones(1 << 19)}).tensors["t"]
    steps: list[tuple[int, int, str]] = []
    histogram(ref, 0, 2, 4, Control(lambda done, total, note: steps.append((done, total, note))))
    assert steps[-1] == (1 << 19, 1 << 19, "t")
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        histogram(ref, 0, 2, 4, control)
