"""A frame is two axes of a tensor: numpy says which values it holds, and every index has its place in it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.value_frame import (
    MOST_COLUMNS,
    MOST_ROWS,
    Frame,
    flat_index,
    frame_of,
    paging_of,
    parse_index,
    unravelled,
    value_shape,
    window_around,
)
from tests.helpers.saved import opened

SHAPES = st.lists(st.integers(1, 5), max_size=5).map(tuple)
HUGE = st.integers(1, 2**62)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Any two axes of a small tensor, anywhere on the others."""
    shape = draw(SHAPES)
    frame = frame_of(shape)
    for axis in draw(st.lists(st.integers(0, max(len(shape) - 1, 0)), max_size=4)) if len(shape) >= 2 else ():
        frame = frame.with_rows(axis) if draw(st.booleans()) else frame.with_columns(axis)
    if draw(st.booleans()):
        frame = frame.transposed()
    for axis in frame.others:
        frame = frame.with_at(axis, draw(st.integers(0, shape[axis] - 1)))
    return frame


@given(frames(), st.data())
def test_a_rectangle_of_a_frame_holds_the_values_that_numpy_has_there(frame: Frame, data: st.DataObject) -> None:
    array = np.arange(math.prod(frame.shape)).reshape(frame.shape)
    top, left = data.draw(st.integers(0, frame.rows - 1)), data.draw(st.integers(0, frame.columns - 1))
    rows = range(top, data.draw(st.integers(top + 1, frame.rows)))
    columns = range(left, data.draw(st.integers(left + 1, frame.columns)))
    found = frame.arranged(array[frame.slice_of(rows, columns)], rows, columns)
    assert found.shape == (len(rows), len(columns))
    assert found.tolist() == [[int(array[frame.index(row, column)]) for column in columns] for row in rows]
    # A code may have further dimensions.
    pairs = np.stack([array, -array], axis=-1)
    assert frame.arranged(pairs[frame.slice_of(rows, columns)], rows, columns)[..., 1].tolist() == (-found).tolist()


@given(frames(), st.data())
def test_every_index_is_found_in_the_frame_of_the_same_axes(frame: Frame, data: st.DataObject) -> None:
    index = tuple(data.draw(st.integers(0, size - 1)) for size in frame.shape)
    there, row, column = frame.holding(index)
    assert (there.row_axis, there.column_axis) == (frame.row_axis, frame.column_axis)
    assert there.index(row, column) == index
    assert 0 <= row < there.rows
    assert 0 <= column < there.columns
    assert all(there.at[axis] == 0 for axis in (there.row_axis, there.column_axis) if axis >= 0)


@given(frames())
def test_transposing_twice_changes_nothing(frame: Frame) -> None:
    turned = frame.transposed()
    assert (turned.rows, turned.columns) == (frame.columns, frame.rows)
    assert turned.transposed() == frame


def test_a_matrix_runs_as_it_is_written_and_a_vector_runs_down() -> None:
    assert (frame_of((2, 3, 4)).rows, frame_of((2, 3, 4)).columns, frame_of((2, 3, 4)).others) == (3, 4, (0,))
    assert (frame_of((7,)).rows, frame_of((7,)).columns) == (7, 1)
    assert (frame_of(()).rows, frame_of(()).columns) == (1, 1)


def test_choosing_the_axis_that_runs_the_other_way_swaps_them() -> None:
    frame = frame_of((2, 3, 4))
    assert frame.with_rows(2) == frame.transposed()
    assert frame.with_columns(1) == frame.transposed()
    assert frame.with_rows(1) is frame
    other = frame.with_at(0, 1).with_columns(0)
    assert (other.row_axis, other.column_axis, other.at) == (1, 0, (0, 0, 0))


@given(HUGE, HUGE, st.data())
def test_a_window_holds_the_cell_and_never_leaves_the_frame(rows: int, columns: int, data: st.DataObject) -> None:
    frame = frame_of((rows, columns))
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    window = window_around(frame, row, column)
    assert window.holds(row, column)
    assert 0 <= window.first_row <= window.first_row + window.rows <= rows
    assert 0 <= window.first_column <= window.first_column + window.columns <= columns
    assert (window.rows, window.columns) == (min(rows, MOST_ROWS), min(columns, MOST_COLUMNS))
    assert not window.holds(window.first_row - 1, column)
    assert not window.holds(window.first_row + window.rows, column)


def test_the_last_row_of_a_giant_axis_is_in_the_last_window() -> None:
    frame = frame_of((2**60, 2))
    window = window_around(frame, 2**60 - 1, 0)
    assert window.first_row + window.rows == 2**60
    assert window_around(frame, 0, 0).first_row == 0


@given(
    st.integers(1, 3000), st.integers(1, 3000), st.tuples(*[st.integers(0, 1 << 20)] * 2), st.sampled_from([1, 4, 16])
)
def test_pages_cover_a_frame_once_and_cost_little(
    rows: int, columns: int, steps: tuple[int, int], value_bytes: int
) -> None:
    frame = frame_of((rows, columns))
    paging = paging_of(frame, steps, value_bytes)
    assert 1 <= paging.rows * paging.columns <= 2048
    downwards = [paging.places(frame, (page, 0))[0] for page in range(paging.page_at(rows - 1, 0)[0] + 1)]
    across = [paging.places(frame, (0, page))[1] for page in range(paging.page_at(0, columns - 1)[1] + 1)]
    assert [place for part in downwards for place in part] == list(range(rows))
    assert [place for part in across for place in part] == list(range(columns))
    last = paging.page_at(rows - 1, columns - 1)
    assert rows - 1 in paging.places(frame, last)[0]
    assert columns - 1 in paging.places(frame, last)[1]


def test_pages_lie_along_the_axis_whose_neighbours_are_close() -> None:
    row_major = paging_of(frame_of((4096, 4096)), (16384, 4), 4)
    column_major = paging_of(frame_of((4096, 4096)), (4, 16384), 4)
    assert row_major.columns > row_major.rows
    assert (column_major.rows, column_major.columns) == (row_major.columns, row_major.rows)


@given(SHAPES, st.data())
def test_flat_numbers_are_those_of_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    index = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    flat = int(np.ravel_multi_index(index, shape)) if shape else 0
    assert flat_index(index, shape) == flat
    assert unravelled(flat, shape) == index
    assert parse_index(f"#{flat}", shape) == index
    for text in (str(list(index)), str(index), ", ".join(map(str, index)), " ".join(map(str, index))):
        if text.strip():
            assert parse_index(text, shape) == index
    behind = ", ".join(str(place - size) for place, size in zip(index, shape, strict=True))
    assert parse_index(f"[{behind}]", shape) == index


def test_numbers_beyond_64_bits_are_places_too() -> None:
    shape = (2**40, 2**40)
    assert parse_index("#1,208,925,819,614,629,174,706,175", shape) == (2**40 - 1, 2**40 - 1)
    assert parse_index(f"{2**40 - 1}, -1", shape) == (2**40 - 1, 2**40 - 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no index"),
        ("1.5, 2", "no index"),
        ("a, b", "no index"),
        ("1, 2, 3", "has 2 axes, this index has 3"),
        ("4", "has 2 axes, this index has 1"),
        ("[3, 0]", "3 is outside axis 0, which ends at 2"),
        ("0, -5", "-5 is outside axis 1, which ends at 3"),
        ("#12", "no element 12: the last one is 11"),
        ("#", "such as #1234"),
        ("#-1", "such as #1234"),
        ("9" * 5000, "no index"),
        ("#" + "9" * 5000, "such as #1234"),
    ],
)
def test_what_is_no_index_is_told_in_words(text: str, words: str) -> None:
    with pytest.raises(IndexError, match=words):
        parse_index(text, (3, 4))


def test_a_scalar_has_one_index() -> None:
    assert parse_index("[]", ()) == parse_index("#0", ()) == ()
    with pytest.raises(IndexError):
        parse_index("", ())


def test_a_byte_of_two_values_counts_twice(tmp_path: Path) -> None:
    pairs = torch.zeros(3, 2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    refs = opened(tmp_path, {"pairs": pairs, "one": pairs[0, 0].clone(), "plain": torch.zeros(3, 2)}).tensors
    assert [value_shape(refs[name]) for name in ("pairs", "one", "plain")] == [(3, 4), (2,), (3, 2)]
    assert value_shape(refs["pairs"]) == refs["pairs"].numpy().shape
    assert value_shape(refs["one"]) == refs["one"].numpy().shape
