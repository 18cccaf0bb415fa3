"""Frame: which two axes of a tensor are looked at, and where it stands on the others; its windows and pages.

Every place is a Python integer: an expanded tensor may have 2**60 rows, a table in a window has not.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from sdviewer.checkpoint.decoding import value_bits
from sdviewer.checkpoint.payload import Index
from sdviewer.checkpoint.tensors import TensorRef

# What a table may hold of an axis that is longer: counts and pixels of Qt are C integers.
MOST_ROWS = 1_000_000
MOST_COLUMNS = 100_000

# A page: so many values at most, so many of them along the axis whose neighbours lie farther apart …
_PAGE_VALUES = 2048
_PAGE_SLOW = 16
# … and so many bytes at most, those between its values counted: short gaps are read through.
_PAGE_BYTES = 256 << 10
_GAP_READ_THROUGH = 16 << 10

_INDEX_PART = re.compile(r"[+-]?\d{1,30}")
_FLAT = re.compile(r"#\s*(\d[\d,_ ]{0,60})")

Page = tuple[int, int]
"""Which page of a frame, downwards and across."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A table out of a tensor of any number of axes.

    Attributes:
        shape: of the tensor's values.
        row_axis: the axis that runs down, -1 for one row.
        column_axis: the axis that runs across, -1 for one column.
        at: an index for each axis; 0 for the two that run.

    """

    shape: tuple[int, ...]
    row_axis: int
    column_axis: int
    at: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows of the whole frame."""
        return self.shape[self.row_axis] if self.row_axis >= 0 else 1

    @property
    def columns(self) -> int:
        """Columns of the whole frame."""
        return self.shape[self.column_axis] if self.column_axis >= 0 else 1

    @property
    def others(self) -> tuple[int, ...]:
        """The axes that do not run."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in {self.row_axis, self.column_axis})

    def transposed(self) -> Frame:
        """Rows as columns."""
        return replace(self, row_axis=self.column_axis, column_axis=self.row_axis)

    def with_rows(self, axis: int) -> Frame:
        """Another axis runs down; if it ran across, the two change places."""
        if axis == self.row_axis:
            return self
        return self.transposed() if axis == self.column_axis else _running(self, axis, self.column_axis, self.at)

    def with_columns(self, axis: int) -> Frame:
        """Another axis runs across; if it ran down, the two change places."""
        return self.transposed().with_rows(axis).transposed()

    def with_at(self, axis: int, index: int) -> Frame:
        """Another place on an axis that does not run."""
        return replace(self, at=(*self.at[:axis], index, *self.at[axis + 1 :]))

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """The tensor's index of a cell."""
        index = list(self.at)
        for axis, place in ((self.row_axis, row), (self.column_axis, column)):
            if axis >= 0:
                index[axis] = place
        return tuple(index)

    def holding(self, index: tuple[int, ...]) -> tuple[Frame, int, int]:
        """The frame of these axes that holds an index, and its row and column there."""
        row = index[self.row_axis] if self.row_axis >= 0 else 0
        column = index[self.column_axis] if self.column_axis >= 0 else 0
        return _running(self, self.row_axis, self.column_axis, index), row, column

    def slice_of(self, rows: range, columns: range) -> Index:
        """The index that reads a rectangle of it; see `arranged`."""
        index: list[int | slice] = list(self.at)
        for axis, places in ((self.row_axis, rows), (self.column_axis, columns)):
            if axis >= 0:
                index[axis] = slice(places.start, places.stop)
        return tuple(index)

    def arranged(self, values: npt.NDArray[Any], rows: range, columns: range) -> npt.NDArray[Any]:
        """What `slice_of` read, rows first; dimensions behind those of the tensor stay."""
        running = (self.row_axis >= 0) + (self.column_axis >= 0)
        if self.row_axis > self.column_axis >= 0:
            values = values.swapaxes(0, 1)
        return values.reshape(len(rows), len(columns), *values.shape[running:])


def _running(frame: Frame, row_axis: int, column_axis: int, index: tuple[int, ...]) -> Frame:
    at = tuple(0 if axis in {row_axis, column_axis} else place for axis, place in enumerate(index))
    return Frame(frame.shape, row_axis, column_axis, at)


def frame_of(shape: tuple[int, ...]) -> Frame:
    """The frame to begin with: the last axis across, the one before it down; a vector is a column."""
    axes = len(shape)
    return Frame(shape, *((axes - 2, axes - 1) if axes >= 2 else (axes - 1, -1)), at=(0,) * axes)


def value_shape(ref: TensorRef) -> tuple[int, ...]:
    """The shape in which a tensor's values are given: a byte of two float4 counts twice."""
    dtype, shape = ref.checkpoint.table.dtype_of(ref.row), ref.shape
    values = dtype.bits // value_bits(dtype)
    return shape if values == 1 else (*shape[:-1], shape[-1] * values) if shape else (values,)


@dataclass(frozen=True, slots=True)
class Window:
    """The rectangle of a frame that a table holds; all of it unless an axis is giant."""

    first_row: int
    rows: int
    first_column: int
    columns: int

    def holds(self, row: int, column: int) -> bool:
        """Whether a cell of the frame is in it."""
        return 0 <= row - self.first_row < self.rows and 0 <= column - self.first_column < self.columns


def window_around(frame: Frame, row: int, column: int) -> Window:
    """The window with a cell in its middle, as far as the ends of the frame allow."""
    return Window(*_stretch(frame.rows, row, MOST_ROWS), *_stretch(frame.columns, column, MOST_COLUMNS))


def _stretch(size: int, around: int, most: int) -> tuple[int, int]:
    return max(0, min(around - most // 2, size - most)), min(size, most)


@dataclass(frozen=True, slots=True)
class Paging:
    """How a frame is cut into pages that are read at once: rows and columns of a page."""

    rows: int
    columns: int

    def page_at(self, row: int, column: int) -> Page:
        """The page that holds a cell."""
        return row // self.rows, column // self.columns

    def places(self, frame: Frame, page: Page) -> tuple[range, range]:
        """The rows and the columns of a page; at the ends of the frame there are fewer."""
        top, left = page[0] * self.rows, page[1] * self.columns
        return range(top, min(top + self.rows, frame.rows)), range(left, min(left + self.columns, frame.columns))


def paging_of(frame: Frame, steps: tuple[int, ...], value_bytes: int) -> Paging:
    """Pages that cost little to read, whichever axis runs down.

    `steps` are the bytes from a value to its neighbour along each axis.
    """
    down = steps[frame.row_axis] if frame.row_axis >= 0 else 0
    across = steps[frame.column_axis] if frame.column_axis >= 0 else 0
    if frame.columns == 1 or (frame.rows > 1 and down < across):
        columns, rows = _page_sides(frame.columns, frame.rows, down, value_bytes)
    else:
        rows, columns = _page_sides(frame.rows, frame.columns, across, value_bytes)
    return Paging(rows, columns)


def _page_sides(slow: int, fast: int, step: int, value_bytes: int) -> tuple[int, int]:
    slow_side = max(1, min(slow, _PAGE_SLOW, _PAGE_BYTES // value_bytes))
    cost = slow_side * max(value_bytes, min(step, _GAP_READ_THROUGH))
    fast_side = min(fast, _PAGE_VALUES // slow_side, max(_PAGE_BYTES // cost, 1))
    return slow_side, max(1, fast_side)


def flat_index(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The number of an element when all are counted row by row."""
    flat = 0
    for place, size in zip(index, shape, strict=True):
        flat = flat * size + place
    return flat


def unravelled(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index of the element with this number."""
    index = []
    for size in reversed(shape):
        flat, place = divmod(flat, size)
        index.append(place)
    return tuple(reversed(index))


def parse_index(text: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index that someone typed: "12, 34", "[12, 34]", or "#1234" for the element of that number.

    Negative places count from the end of their axis.

    Raises:
        IndexError: it is none, or lies outside the shape; the message says so to whoever typed it.

    """
    text = text.strip()
    if text.startswith("#"):
        return _parse_flat(text, shape)
    inner = text[1:-1] if text[:1] + text[-1:] in {"[]", "()"} else text
    parts = [part for part in re.split(r"[,;\s]+", inner) if part]
    if not all(_INDEX_PART.fullmatch(part) for part in parts) or not (parts or text):
        raise IndexError(f"This is no index. One looks like {_example(shape)}, or #0 for the first element.")
    if len(parts) != len(shape):
        axes = f"{len(shape)} axis" if len(shape) == 1 else f"{len(shape)} axes"
        raise IndexError(f"The tensor has {axes}, this index has {len(parts)}. One looks like {_example(shape)}.")
    return tuple(_place(int(part), axis, size) for axis, (part, size) in enumerate(zip(parts, shape, strict=True)))


def _parse_flat(text: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    match = _FLAT.fullmatch(text)
    if match is None:
        raise IndexError("After # stands the number of an element, such as #1234.")
    flat, numel = int(re.sub(r"[,_ ]", "", match[1])), math.prod(shape)
    if flat >= numel:
        raise IndexError(f"There is no element {flat:,}: the last one is {numel - 1:,}.")
    return unravelled(flat, shape)


def _place(place: int, axis: int, size: int) -> int:
    if not -size <= place < size:
        raise IndexError(f"{place} is outside axis {axis}, which ends at {size - 1}.")
    return place % size


def _example(shape: tuple[int, ...]) -> str:
    return ", ".join(str(min(size - 1, 12)) for size in shape[:8]) + (" …" if len(shape) > 8 else "") or "[]"
