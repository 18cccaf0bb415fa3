"""Squarified rectangles: areas as the weights, no overlap, all covered, and shapes that can be read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis.squarified import Rect, squarified

WEIGHTS = st.lists(st.integers(1, 10**6), min_size=1, max_size=40).map(lambda found: sorted(found, reverse=True))
SIDES = st.floats(1.0, 2000.0)


def overlap(one: Rect, other: Rect) -> float:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


@given(WEIGHTS, SIDES, SIDES)
def test_areas_are_proportional_and_nothing_overlaps_or_is_left_over(
    weights: list[int], width: float, height: float
) -> None:
    rect = (3.0, -5.0, width, height)
    parts = squarified([float(weight) for weight in weights], rect)
    areas = np.array([part[2] * part[3] for part in parts])
    expected = np.array(weights) / sum(weights) * width * height
    assert areas == pytest.approx(expected, rel=1e-6, abs=1e-6 * width * height)
    for one, other in itertools.combinations(parts, 2):
        assert overlap(one, other) <= 1e-6 * width * height
    for left, top, wide, high in parts:
        assert left >= 3.0 - 1e-9
        assert top >= -5.0 - 1e-9
        assert left + wide <= 3.0 + width + 1e-6
        assert top + high <= -5.0 + height + 1e-6


def test_the_example_of_the_paper_is_cut_as_there() -> None:
    # Bruls, Huizing and van Wijk, figure 5: 6, 6, 4, 3, 2, 2, 1 in 6 × 4.
    parts = squarified([6, 6, 4, 3, 2, 2, 1], (0, 0, 6, 4))
    assert parts[0] == pytest.approx((0, 0, 3, 2))
    assert parts[1] == pytest.approx((0, 2, 3, 2))
    assert parts[2] == pytest.approx((3, 0, 12 / 7, 7 / 3))
    assert parts[3] == pytest.approx((3 + 12 / 7, 0, 9 / 7, 7 / 3))


def test_equal_weights_are_near_to_squares() -> None:
    for _, _, width, height in squarified([1.0] * 12, (0, 0, 400, 300)):
        assert max(width / height, height / width) < 1.4


def test_huge_weights_and_empty_rectangles_do_no_harm() -> None:
    assert squarified([], (0, 0, 4, 4)) == []
    assert squarified([2.0, 1.0], (1, 2, 0, 4)) == [(1, 2, 0.0, 0.0)] * 2
    parts = squarified([1e308, 1e308], (0, 0, 4, 2))
    assert [part[2] * part[3] for part in parts] == pytest.approx([4, 4])
