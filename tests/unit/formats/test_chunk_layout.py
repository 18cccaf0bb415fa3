"""Whether boxes cover a tensor, each value once: held against counting over every value."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.formats.chunk_layout import Layout, layout

Box = tuple[tuple[int, ...], tuple[int, ...]]


@st.composite
def boxes_in(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Box]]:
    """A shape and boxes anywhere inside it."""
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    boxes = []
    for _ in range(draw(st.integers(0, 5))):
        start = tuple(draw(st.integers(0, size)) for size in shape)
        size = tuple(draw(st.integers(0, whole - begin)) for whole, begin in zip(shape, start, strict=True))
        boxes.append((start, size))
    return shape, boxes


@given(boxes_in())
def test_holes_and_overlaps_are_those_that_counting_finds(case: tuple[tuple[int, ...], list[Box]]) -> None:
    shape, boxes = case
    count = np.zeros(shape, int)
    for start, size in boxes:
        count[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] += 1
    found = layout(shape, boxes)
    assert found.exact == bool((count == 1).all())
    assert (found.hole is None) == bool((count > 0).all())
    assert (found.overlap is None) == bool((count < 2).all())
    if found.hole is not None:
        assert count[found.hole] == 0
    if found.overlap is not None:
        assert count[found.overlap] > 1


def test_the_chunks_of_a_thousand_ranks_are_looked_at_at_once() -> None:
    boxes = [((row * 8, 0), (8, 4096)) for row in range(1024)]
    begin = time.perf_counter()
    assert layout((8192, 4096), boxes) == Layout(exact=True)
    assert layout((8192, 4096), boxes[:-1]) == Layout(exact=False, hole=(8184, 0))
    assert time.perf_counter() - begin < 1


def test_what_would_take_endless_sums_is_left_open() -> None:
    shape = (4,) * 40
    boxes = [((n % 4, *(0,) * 39), (1, *(3,) * 39)) for n in range(4)]
    begin = time.perf_counter()
    assert layout(shape, boxes) == Layout(exact=False)
    scattered = [((n * 3, n * 5, n * 7), (2, 2, 2)) for n in range(2000)]
    assert layout((10**4, 10**5, 10**6), scattered) == Layout(exact=False)
    assert time.perf_counter() - begin < 1
