"""The places that two tensors have in common are those that numpy's own turning and cutting gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.comparison.places import NoCommonPlaces, Places, places_of
from sdviewer.comparison.relations import Relation, relation_of

SHAPES = (
    ((5, 7), (5, 7)),
    ((5, 7), (7, 5)),
    ((3, 4, 5), (5, 3, 4)),
    ((5, 7), (9, 7)),
    ((9, 7), (5, 7)),
    ((5, 1, 7), (5, 7)),
    ((5, 7), (1, 5, 7, 1)),
    ((), ()),
    ((1,), ()),
    ((4, 1, 3, 2), (4, 3, 2)),
)


def b_as_a(
    places: Places, b: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """What numpy makes of b."""
    a, shape = places.shape_a, places.shape
    match relation_of(a, b.shape):
        case Relation.TRANSPOSED:
            return b.T
        case Relation.PERMUTED:
            return b.transpose([b.shape.index(size) for size in a])
        case Relation.ROWS:
            return b[: shape[0]]
        case _:
            return b.reshape(a)


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("most", [1, 3, 16, 1000])
def test_tiles_hold_every_place_once_and_both_values_of_it(a: tuple[int, ...], b: tuple[int, ...], most: int) -> None:
    values_a, values_b = (np.arange(math.prod(shape)).reshape(shape) for shape in (a, b))
    places = places_of(a, b, relation_of(a, b))
    turned = b_as_a(places, values_b)
    seen = np.zeros(places.shape, np.int64)
    tiles = places.tiles(most)
    for index in range(len(tiles)):
        box = tiles[index]
        assert box.numel <= most
        within = tuple(slice(start, start + size) for start, size in zip(box.start, box.size, strict=True))
        seen[within] += 1
        assert np.array_equal(values_a[places.index_a(box)], values_a[within])
        assert np.array_equal(places.as_a(values_b[places.index_b(box)], box), turned[within])
    assert (seen == 1).all()


@given(st.lists(st.integers(1, 5), max_size=4).map(tuple), st.data())
def test_row_major_boxes_hold_a_stretch_in_its_order(shape: tuple[int, ...], data: st.DataObject) -> None:
    total = math.prod(shape)
    first = data.draw(st.integers(0, total - 1))
    count = data.draw(st.integers(0, total - first))
    places = places_of(shape, shape, Relation.SAME)
    values = np.arange(total).reshape(shape)
    found = [values[places.index_a(box)].reshape(-1) for box in places.row_major(first, count)]
    assert np.array_equal(np.concatenate([np.empty(0, np.int64), *found]), np.arange(first, first + count))


def test_the_rows_of_a_part_are_found_in_the_whole() -> None:
    whole, part = np.arange(36).reshape(9, 4), np.arange(12, 24).reshape(3, 4)
    for places in (places_of((9, 4), (3, 4), Relation.PART, (3, 3)), places_of((3, 4), (9, 4), Relation.PART, (3, 3))):
        box = places.tiles(100)[0]
        a, b = (whole, part) if places.shape_a == (9, 4) else (part, whole)
        assert np.array_equal(a[places.index_a(box)], b[places.index_b(box)])
        assert a.reshape(-1)[places.flat_a] == b.reshape(-1)[places.flat_b] == 12


def test_tiles_are_long_on_the_last_axis_of_both() -> None:
    tiles = places_of((4096, 11008), (11008, 4096), Relation.TRANSPOSED).tiles(1 << 20)
    assert tiles.size == (1024, 1024)
    assert places_of((1000, 64), (1000, 64), Relation.SAME).tiles(1 << 12).size == (64, 64)


def test_what_could_be_exchanged_in_several_ways_has_no_common_places() -> None:
    with pytest.raises(NoCommonPlaces, match="several ways"):
        places_of((3, 3, 4), (4, 3, 3), Relation.PERMUTED)
    with pytest.raises(NoCommonPlaces):
        places_of((3,), (4, 4), Relation.OTHER)
