"""Axes hold every finite value, bars keep their places while one zooms, and zero stands in the middle."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.analysis.bin_axis import BinAxis, Scale, axis_for
from sdviewer.analysis.masses import Masses, masses

Floats = npt.NDArray[np.float64]


def masses_with(values: Floats) -> Masses:
    found, counts = np.unique(values, return_counts=True)
    return masses(found, found, counts)


def axis_of(scale: Scale, values: Floats) -> tuple[BinAxis, Masses]:
    found = masses_with(values)
    axis = axis_for(scale, [found], (float(values.min()), float(values.max())))
    return axis, found.magnitudes() if axis.magnitude else found


finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("scale", Scale, ids=lambda scale: scale.value)
@given(values=st.lists(finite, min_size=1, max_size=30))
@example(values=[5e-324])
@example(values=[0.0, 5e-324])
@example(values=[-1.7e308, 1.7e308])
@example(values=[1.0, math.nextafter(1.0, 2.0)])
@example(values=[0.0])
@example(values=[-1e-300, 1e300])
def test_every_finite_value_is_on_the_axis_and_zeros_are_below_exponents(scale: Scale, values: list[float]) -> None:
    axis, found = axis_of(scale, np.array(values))
    grid = axis.grid(axis.start, axis.end, len(values))
    histogram = axis.histogram(found, grid)
    zeros = values.count(0.0) if scale is Scale.EXPONENT else 0
    assert histogram.counts.sum() == len(values) - zeros
    assert (histogram.below, histogram.above) == (zeros, 0)
    assert histogram.is_exact
    positions = axis.positions(grid)
    assert (np.diff(positions) > 0).all()
    assert positions[0] >= axis.start - 1e-9
    assert positions[-1] <= axis.end + axis.width


def test_a_linear_axis_in_full_sight_has_the_bins_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    axis, found = axis_of(Scale.LINEAR, values)
    histogram = axis.histogram(found, axis.grid(axis.start, axis.end, 5000))
    counts, edges = np.histogram(values, len(histogram.counts))
    assert histogram.counts.tolist() == counts.tolist()
    assert histogram.edges == pytest.approx(edges, abs=1e-12)


@pytest.mark.parametrize("scale", [Scale.LINEAR, Scale.MAGNITUDE], ids=lambda scale: scale.value)
def test_edges_stay_where_they_are_while_one_zooms_in_and_pans(scale: Scale) -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    axis, _ = axis_of(scale, values)
    whole = axis.positions(axis.grid(axis.start, axis.end, len(values)))
    middle, width = (axis.start + axis.end) / 2, axis.end - axis.start
    before = whole
    for part in (0.3, 0.1, 0.03):
        grid = axis.grid(middle - part * width / 2, middle + part * width / 2, len(values))
        assert grid.width < axis.width
        assert 30 < grid.last - grid.first <= 140
        now = axis.positions(grid)
        shared = before[(before >= now[0] - 1e-12) & (before <= now[-1] + 1e-12)]
        assert all(np.abs(now - edge).min() < 1e-9 * width for edge in shared)
        panned = axis.positions(axis.grid(middle - 0.1 * part * width, middle + 0.9 * part * width, len(values)))
        overlap = panned[(panned > now[0]) & (panned < now[-1])]
        assert all(np.abs(now - edge).min() < 1e-9 * width for edge in overlap)
        before = now


def test_few_values_in_sight_get_few_bins() -> None:
    axis, _ = axis_of(Scale.LINEAR, np.random.default_rng(0).normal(size=100_000))
    grid = axis.grid(axis.start, axis.start + 0.1 * (axis.end - axis.start), 10)
    assert grid.last - grid.first <= 16


def test_integers_have_a_bar_each_and_bars_of_many_hold_equally_many() -> None:
    found = masses_with(np.arange(1000.0))
    axis = axis_for(Scale.LINEAR, [found], (0, 999))
    assert axis.is_whole
    counts = axis.histogram(found, axis.grid(axis.start, axis.end, 1000)).counts
    assert set(counts.tolist()) == {8}
    near = axis.grid(99.5, 149.5, 10_000)
    assert near.width == 1
    assert axis.histogram(found, near).counts.tolist() == [1] * 50
    middles = [(low + high) / 2 for low, high in pairwise(axis.edges(near))]
    assert middles == list(range(100, 150))


def test_zero_stands_in_the_middle_of_a_bin_of_its_own_on_a_signed_axis_of_magnitudes() -> None:
    values = np.array([-1e3, -1.0, 0, 0, 0, 1e-4, 10.0])
    axis, found = axis_of(Scale.MAGNITUDE, values)
    grid = axis.grid(axis.start, axis.end, 10_000)
    histogram = axis.histogram(found, grid)
    index = int(np.searchsorted(histogram.edges, 0.0)) - 1
    assert histogram.counts[index] == 3
    assert histogram.edges[index] == pytest.approx(-histogram.edges[index + 1])
    assert axis.position(10.0) == pytest.approx(-axis.position(-10.0))
    assert axis.position(10.0) - axis.position(1e-4) == pytest.approx(5)


def test_exponents_are_those_of_floating_point_numbers() -> None:
    values = np.array([0.0, 0.5, -0.75, 1.0, 1.999, -2.0, 4.0])
    axis, found = axis_of(Scale.EXPONENT, values)
    grid = axis.grid(axis.start, axis.end, 7)
    histogram = axis.histogram(found, grid)
    middles = ((axis.positions(grid)[1:] + axis.positions(grid)[:-1]) / 2).tolist()
    assert dict(zip(middles, histogram.counts.tolist(), strict=True)) == {-1: 2, 0: 2, 1: 1, 2: 1}
    assert histogram.below == 1
