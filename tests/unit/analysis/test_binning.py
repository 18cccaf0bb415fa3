"""Bins hold all that is finite, are never too fine for their numbers, and fit integers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.analysis.binning import Binning, binning
from sdviewer.analysis.statistics import TensorStatistics
from sdviewer.analysis.statistics_table import COLUMNS, PLACE, Figures


def statistics_of(low: float | None, high: float | None, finite: int = 100) -> TensorStatistics:
    figures = Figures(np.zeros(len(COLUMNS)))
    for name, value in {"count": finite, "finite": finite, "min": low, "max": high}.items():
        figures.values[PLACE[name]] = np.nan if value is None else value
    integers = (low, high, 0) if isinstance(low, int) and isinstance(high, int) else None
    return Figures(figures.values, None, integers).statistics()


finite_floats = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite_floats, min_size=2, max_size=2).map(sorted), st.integers(2, 10**12))
def test_the_edges_differ_and_hold_all_values(limits: list[float], count: int) -> None:
    found = binning(statistics_of(limits[0], limits[1], count))
    assert found is not None
    assert found.low <= limits[0] <= limits[1] <= found.high
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
    # As the histogram does: halved where the width is beyond float64.
    edges = np.linspace(found.low / 2, found.high / 2, found.bins + 1)
    assert np.all(np.diff(edges) > 0)
    assert 8 <= found.bins <= 128


@example([-9928007452590081, 0])
@example([0, 9928007452590081])
@given(st.lists(st.integers(-(2**63), 2**63), min_size=2, max_size=2, unique=True).map(sorted))
def test_the_edges_of_integers_differ_and_hold_all_values(limits: list[int]) -> None:
    found = binning(statistics_of(*limits))
    assert found is not None
    assert found.low <= limits[0]
    assert limits[1] <= found.high
    assert np.all(np.diff(np.linspace(found.low, found.high, found.bins + 1)) > 0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, Binning(-0.5, 1.5, 2)),
        (0, 9, Binning(-0.5, 9.5, 10)),
        (-64, 63, Binning(-64.5, 63.5, 128)),
        (0, 255, Binning(-0.5, 255.5, 128)),
        (0, 999, Binning(-0.5, 999.5, 125)),
        (-1.0, 1.0, Binning(-1.0, 1.0, 20)),
    ],
)
def test_each_bin_of_integers_holds_the_same_number_of_them(low: float, high: float, expected: Binning) -> None:
    assert binning(statistics_of(low, high)) == expected


@pytest.mark.parametrize("value", [0, 3, 0.0, -2.5, 1e300, 5e-324])
def test_a_constant_stands_in_the_middle(value: float) -> None:
    found = binning(statistics_of(value, value))
    assert found is not None
    counts, edges = np.histogram([float(value)], found.bins, (found.low, found.high))
    middle = found.bins // 2
    assert counts[middle] == 1
    assert (edges[middle] + edges[middle + 1]) / 2 == pytest.approx(value)


def test_without_a_finite_value_there_are_no_bins() -> None:
    assert binning(statistics_of(None, None)) is None
