"""A rectangle of a tensor's values as text for a spreadsheet or for Python, every digit kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from sdviewer.checkpoint.decoding import Values
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import Frame
from sdviewer.checkpoint.value_pages import element_bytes, read_values
from sdviewer.checkpoint.value_text import exact_texts, python_texts
from sdviewer.control import Control

MOST_COPIED = 1_000_000
_MOST_BYTES = 64 << 20
# Texts are made in pieces of this many values, so that the work can be stopped and others can run.
_PIECE = 2000
_BETWEEN_LISTS = ",\n "

Texts = Callable[[Values, Dtype], list[str]]


def most_copied(ref: TensorRef) -> int:
    """How many values of a tensor may be copied at once."""
    return min(MOST_COPIED, max(1, _MOST_BYTES // element_bytes(ref)))


def as_tsv(ref: TensorRef, frame: Frame, rows: range, columns: range, control: Control) -> str:
    """A line for each row, values parted by tabs.

    Raises:
        CannotRead: as the methods of `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    lines = ("\t".join(row) for row in _rows(ref, frame, rows, columns, exact_texts, control))
    return _joined("\n", lines)


def as_python(ref: TensorRef, frame: Frame, rows: range, columns: range, control: Control) -> str:
    """A list of lists, or one list if it is a single row or column.

    Raises:
        CannotRead: as the methods of `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    texts = _rows(ref, frame, rows, columns, python_texts, control)
    if len(rows) == 1 or len(columns) == 1:
        return f"[{_joined(', ', (', '.join(row) for row in texts))}]"
    lists = (f"[{', '.join(row)}]" for row in texts)
    return f"[{_joined(_BETWEEN_LISTS, lists)}]"


def _joined(separator: str, parts: Iterator[str]) -> str:
    """All of them, joined in pieces: to join a million texts, and to forget them, holds up every other thread."""
    pieces = iter(lambda: separator.join(itertools.islice(parts, _PIECE)), "")
    return separator.join(pieces)


def _rows(
    ref: TensorRef, frame: Frame, rows: range, columns: range, texts: Texts, control: Control
) -> Iterator[list[str]]:
    dtype = ref.checkpoint.table.dtype_of(ref.row)
    values = read_values(ref, frame, rows, columns, control)
    if len(columns) == 1:
        for start in range(0, len(rows), _PIECE):
            control.check()
            yield from ([text] for text in texts(values[start : start + _PIECE, 0], dtype))
        return
    for row in values:
        line: list[str] = []
        for start in range(0, len(columns), _PIECE):
            control.check()
            line += texts(row[start : start + _PIECE], dtype)
        yield line
