"""The table of all tensors as text: to paste (TSV, Markdown) and to save (CSV, JSON), exact and without a locale."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.json_text import SCHEMA, text_to_json, to_json
from sdviewer.checkpoint.listing import Column, Listing
from sdviewer.checkpoint.saving import save_whole
from sdviewer.control import Control
from sdviewer.errors import CannotWrite

Rows = npt.NDArray[np.integer]

# Rows of a piece: few enough that a thread which makes text does not hold the others up.
_ROWS_A_PIECE = 1_000
# Tabs and whatever else may end a line; the backslash, so that all is told apart again.
_LINE_BREAKING = re.compile("[\\\\\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029\0]")
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
# What Markdown takes for markup; an underscore inside a word is none.
_MARKUP = re.compile(r"[\\`*|<&~\[]|(?<![^\W_])_|_(?![^\W_])")


def plain(value: Any) -> str:
    """A value as text: "" for none, numbers with all their digits, a shape as `[3, 4]`."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return "" if value is None else to_json(value).strip('"')


def tsv_pieces(listing: Listing, rows: Rows, columns: Sequence[Column], control: Control) -> Iterator[str]:
    r"""A line for each row below one with the titles; tabs, line breaks and backslashes are escaped (`\t`)."""
    yield "\t".join(column.title for column in columns) + "\n"
    for piece in _pieces(listing, rows, columns, control):
        yield "".join(["\t".join([one_line(plain(value)) for value in row]) + "\n" for row in piece])


def markdown_pieces(listing: Listing, rows: Rows, columns: Sequence[Column], control: Control) -> Iterator[str]:
    """A table as GitHub reads it; whatever would be markup in a name is escaped."""
    yield f"| {' | '.join(column.title for column in columns)} |\n"
    yield f"| {' | '.join('---:' if column.kind == 'number' else '---' for column in columns)} |\n"
    for piece in _pieces(listing, rows, columns, control):
        yield "".join([f"| {' | '.join(map(markdown_cell, row))} |\n" for row in piece])


def csv_pieces(listing: Listing, rows: Rows, columns: Sequence[Column], control: Control) -> Iterator[str]:
    """As RFC 4180 has it, below one line with the columns' ids."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.id for column in columns])
    for piece in chain([()], _pieces(listing, rows, columns, control)):
        writer.writerows([[plain(value) for value in row] for row in piece])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def json_pieces(listing: Listing, rows: Rows, columns: Sequence[Column], control: Control) -> Iterator[str]:
    """One document, an object a tensor, a tensor a line."""
    keys = [to_json(column.id) for column in columns]
    yield f'{{"schema": {SCHEMA}, "path": {to_json(listing.checkpoint.path)}, "tensors": ['
    separator = "\n"
    for piece in _pieces(listing, rows, columns, control):
        objects = [
            "{" + ", ".join([f"{key}: {_json(value)}" for key, value in zip(keys, row, strict=True)]) + "}"
            for row in piece
        ]
        yield separator + ",\n".join(objects)
        separator = ",\n"
    yield "]}\n"


SAVED_AS = {".csv": csv_pieces, ".json": json_pieces}


def save_listing(listing: Listing, rows: Rows, columns: Sequence[Column], target: str, control: Control) -> int:
    """Write rows as the ending of `target` says, .csv or .json, whole or not at all; returns the bytes written.

    Raises:
        CannotWrite: the ending, the folder, the disk, or `target` is a file of the checkpoint.
        Cancelled: `control` was cancelled; nothing is left of the file.

    """
    pieces = SAVED_AS.get(Path(target).suffix.lower())
    if pieces is None:
        raise CannotWrite("cannot be written as a table", file=target, hint="end the name with .csv or .json")

    def write(file: IO[bytes]) -> None:
        for piece in pieces(listing, rows, columns, control):
            # A name may hold half of a surrogate pair, which UTF-8 does not have.
            file.write(piece.encode("utf-8", "backslashreplace"))

    return save_whole(listing.checkpoint, target, write)


def one_line(text: str) -> str:
    """A text without anything that would end its cell or its line."""
    return _LINE_BREAKING.sub(_escape, text)


def _pieces(
    listing: Listing, rows: Rows, columns: Sequence[Column], control: Control
) -> Iterator[Sequence[Sequence[Any]]]:
    """The exact values of some rows at a time."""
    for first in range(0, len(rows), _ROWS_A_PIECE):
        control.report(first, len(rows), "Writing rows")
        chosen = rows[first : first + _ROWS_A_PIECE].astype(np.int64)
        yield list(zip(*[column.values(listing.facts, chosen) for column in columns], strict=True))


def _json(value: Any) -> str:
    """As `to_json`; texts and integers are most of a table."""
    return text_to_json(value) if isinstance(value, str) else str(value) if type(value) is int else to_json(value)


def markdown_cell(value: Any) -> str:
    """A value as the text of a cell of a table as GitHub reads it."""
    if not isinstance(value, str):
        return plain(value)
    # Line breaks become escapes after what stands before them: a backslash of theirs is no markup.
    return re.sub(r"[\n\r\t\v\f\x1c-\x1e\x85\u2028\u2029\0]", _escape, _MARKUP.sub(r"\\\g<0>", value))


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    return _ESCAPES.get(char) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
