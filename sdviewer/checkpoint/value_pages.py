"""Pages: rectangles of a tensor's values with their texts, read when a table shows them, kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes, Values, decoded_dtype
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import Frame, Page, paging_of
from sdviewer.checkpoint.value_holes import read_around_holes
from sdviewer.checkpoint.value_text import Mark, as_shown, code_text, long_text, marks_of, short_texts
from sdviewer.control import Control
from sdviewer.errors import MissingBytes

# Of the values that were read lately; far more than a screen shows, whatever the size of an element.
_BYTES_KEPT = 64 << 20
# What a value's text and its place in lists take.
_TEXT_BYTES = 80
_VALUES_AT_ONCE = 1 << 16
MISSING_TEXT = "missing"
"""Stands in a cell whose value is not there."""
_NOT_THERE = "not there: no file holds the chunk that it lies in"


def element_bytes(ref: TensorRef) -> int:
    """Bytes of one value in memory."""
    dtype = ref.checkpoint.table.dtype_of(ref.row)
    if dtype.kind == "other":
        return max(1, int(ref.checkpoint.table.extra_of(ref.row).get("itemsize", 1)))
    return max(1, dtype.itemsize)


def read_rectangle(ref: TensorRef, frame: Frame, rows: range, columns: range) -> tuple[Values, Codes]:
    """Values, shape `(rows, columns)`, and codes, with their further dimensions.

    Where the dtype's values are not known, they are its codes: see `as_shown`.

    Raises:
        CannotRead: as the methods of `TensorRef`.

    """
    dtype, index = ref.checkpoint.table.dtype_of(ref.row), frame.slice_of(rows, columns)
    if decoded_dtype(dtype) is None:
        payload = ref.payload()
        payload.check_unchanged()
        codes = frame.arranged(payload.read_slice(index), rows, columns)
        payload.check_unchanged()
        return as_shown(codes, dtype), codes
    values, codes = ref.read_values_and_codes(index)
    return frame.arranged(values, rows, columns), frame.arranged(codes, rows, columns)


def read_values(ref: TensorRef, frame: Frame, rows: range, columns: range, control: Control) -> Values:
    """The values of a large rectangle, read in pieces so that it can be stopped.

    Raises:
        CannotRead: as the methods of `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    down = ref.stride[frame.row_axis] if frame.row_axis >= 0 else 0
    across = ref.stride[frame.column_axis] if frame.column_axis >= 0 else 0
    # Cut along the axis whose neighbours lie farther apart: no byte is read twice.
    by_rows = len(rows) > 1 and (down >= across or len(columns) == 1)
    cut, whole = (rows, columns) if by_rows else (columns, rows)
    step = max(1, _VALUES_AT_ONCE // len(whole))
    result: Values | None = None
    for start in range(0, len(cut), step):
        control.report(start, len(cut), ref.name)
        part = cut[start : start + step]
        piece, _ = read_rectangle(ref, frame, *((part, columns) if by_rows else (rows, part)))
        if result is None:
            result = np.empty((len(rows), len(columns)), piece.dtype)
        place = slice(start, start + len(part))
        result[(place, slice(None)) if by_rows else (slice(None), place)] = piece
    assert result is not None  # noqa: S101  # a rectangle has a value at least
    return result


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """What a page holds, ready to be shown.

    Attributes:
        top, left: the row and column of its first value.
        texts: by row and column.
        marks: a `Mark` for each, same shape.
        values, codes: as `read_rectangle` gives them.
        longest: characters of its longest text.

    """

    top: int
    left: int
    texts: list[list[str]]
    marks: npt.NDArray[np.uint8]
    values: Values
    codes: Codes
    longest: int

    @property
    def nbytes(self) -> int:
        """About what it takes in memory."""
        return self.values.nbytes + self.codes.nbytes + _TEXT_BYTES * self.values.size

    def text(self, row: int, column: int) -> str:
        """The text of a cell of the frame."""
        return self.texts[row - self.top][column - self.left]

    def mark(self, row: int, column: int) -> int:
        """The mark of a cell of the frame."""
        return int(self.marks[row - self.top, column - self.left])

    def exact(self, row: int, column: int, dtype: Dtype) -> tuple[str, str]:
        """The value of a cell with all its digits, and its code."""
        place = row - self.top, column - self.left
        if self.marks[place] == Mark.MISSING:
            return _NOT_THERE, ""
        return long_text(np.asarray(self.values[place]), dtype), code_text(self.codes[place], dtype)


class PagedValues:
    """A frame of a tensor as pages: the ones that were read lately are here, reading them is for others."""

    def __init__(self, ref: TensorRef, frame: Frame) -> None:
        self.ref, self.frame = ref, frame
        self.dtype = ref.checkpoint.table.dtype_of(ref.row)
        width = element_bytes(ref)
        self.paging = paging_of(frame, tuple(step * width for step in ref.stride) or (width,), width)
        self._blocks: OrderedDict[Page, Block] = OrderedDict()
        self._bytes = 0

    def at(self, row: int, column: int) -> Block | None:
        """The block that holds a cell of the frame, None if it was not read yet."""
        return self.block(self.paging.page_at(row, column))

    def block(self, page: Page) -> Block | None:
        """The block of a page, None if it was not read yet."""
        found = self._blocks.get(page)
        if found is not None:
            self._blocks.move_to_end(page)
        return found

    def put(self, page: Page, block: Block) -> None:
        """Keep a block; the one that was asked for longest ago gives way."""
        if page in self._blocks:
            self._bytes -= self._blocks.pop(page).nbytes
        self._blocks[page] = block
        self._bytes += block.nbytes
        while self._bytes > _BYTES_KEPT and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self._bytes -= oldest.nbytes

    def __len__(self) -> int:
        return len(self._blocks)

    def read(self, page: Page) -> Block:
        """The block of a page out of the file; for a job, changes nothing here.

        Raises:
            CannotRead: as the methods of `TensorRef`.

        """
        rows, columns = self.paging.places(self.frame, page)
        missing: npt.NDArray[np.bool_] | None = None
        try:
            values, codes = read_rectangle(self.ref, self.frame, rows, columns)
        except MissingBytes:
            around = read_around_holes(self.ref, self.frame.slice_of(rows, columns))
            if around is None:
                raise
            values, codes, missing = (self.frame.arranged(part, rows, columns) for part in around)
        texts, marks = short_texts(values, self.dtype), marks_of(values)
        if missing is not None:
            marks[missing] = Mark.MISSING
            for row, column in np.argwhere(missing).tolist():
                texts[row][column] = MISSING_TEXT
        longest = max((len(text) for row in texts for text in row), default=0)
        return Block(rows.start, columns.start, texts, marks, values, codes, longest)
