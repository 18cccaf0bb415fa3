"""Sketches and extremes: as numpy counts, and no peak lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis.extremes import extremes
from sdviewer.analysis.sketches import Sketch, sketch
from tests.helpers.arrays import checkpoint_of_arrays

NORMAL = np.random.default_rng(0).normal(0.1, 0.02, 50_000)


def sketched(folder: Path, values: npt.NDArray[Any]) -> Sketch:
    return sketch(checkpoint_of_arrays(folder / "it", {"t": values}).tensors["t"])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_counts_are_nearly_those_of_numpy_on_own_and_wider_axes(tmp_path: Path, dtype: npt.DTypeLike) -> None:
    values = NORMAL.astype(dtype)
    found = sketched(tmp_path, values)
    assert (found.low, found.high) == (float(values.min()), float(values.max()))
    for low, high in ((found.low, found.high), (-1.0, 1.0), (0.1, 0.12)):
        expected = np.histogram(values.astype(np.float64), 48, (low, high))[0]
        counts = found.counts(low, high, 48)
        inside = np.count_nonzero((values >= low) & (values <= high))
        assert counts.sum() == pytest.approx(inside, abs=len(values) * 2e-3)
        # Codes of 16 bits lie on edges: what one bin has too much its neighbour has too little.
        assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() < len(values) * 6e-3


def test_whole_numbers_are_where_they_are(tmp_path: Path) -> None:
    found = sketched(tmp_path, np.repeat(np.array([0, 5, 10], np.int32), (10, 20, 30)))
    assert found.counts(0, 10, 10)[[0, 9]].tolist() == pytest.approx([10, 30], abs=0.1)
    assert found.counts(0, 10, 10).sum() == pytest.approx(60)


def test_a_constant_is_one_bar_and_what_has_no_values_none(tmp_path: Path) -> None:
    found = sketched(tmp_path, np.full(7, 2.5, np.float32))
    assert found.counts(2.0, 3.0, 4).tolist() == [0, 0, 7, 0]
    assert found.counts(5.0, 6.0, 4).sum() == 0
    nothing = sketched(tmp_path, np.full(3, np.nan, np.float32))
    assert nothing.counts(0.0, 1.0, 4).tolist() == [0, 0, 0, 0]
    assert np.isnan(nothing.low)


def test_the_whole_range_of_float64_is_no_harm(tmp_path: Path) -> None:
    largest = np.finfo(np.float64).max
    found = sketched(tmp_path, np.array([-largest, 0.0, largest]))
    assert found.counts(-largest, largest, 3).tolist() == pytest.approx([1, 1, 1], abs=0.1)


@given(
    st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(np.nan)), min_size=1, max_size=300),
    st.integers(1, 60),
    st.data(),
)
def test_each_column_has_the_extremes_of_its_values(values: list[float], columns: int, data: st.DataObject) -> None:
    array = np.array(values)
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first + 1, len(values)))
    x, low, high = extremes(array, first, last, columns)
    assert len(x) == min(columns, last - first)
    ends = [*x[1:].astype(int).tolist(), last]
    assert int(x[0]) == first
    for start, end, least, most in zip(x.astype(int).tolist(), ends, low.tolist(), high.tolist(), strict=True):
        part = [value for value in values[start:end] if value == value]  # noqa: PLR0124  # NaN
        assert end > start
        assert (np.isnan(least) and np.isnan(most)) if not part else (least, most) == (min(part), max(part))


def test_nothing_has_no_columns() -> None:
    assert [len(each) for each in extremes(np.empty(0), 0, 0, 5)] == [0, 0, 0]
