"""Statistics of many tensors as text: for people, as Markdown, CSV and TSV, as JSON; a piece at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdviewer.analysis.results import ScanResult
from sdviewer.analysis.statistics_columns import STATISTICS, Exact, bounds_rows, exact_rows
from sdviewer.analysis.statistics_json import ALONE, statistics_fields
from sdviewer.analysis.statistics_table import BOUNDED, COLUMNS, PLACE
from sdviewer.checkpoint.json_text import SCHEMA, to_json
from sdviewer.checkpoint.listing_text import markdown_cell, one_line, plain
from sdviewer.checkpoint.wording import number, share, shown
from sdviewer.errors import SdviewerError

_ROWS_A_PIECE = 1_000
_WIDEST_NAME = 72
_WIDEST_SHAPE = 30
# What people see; files have everything.
_FOR_PEOPLE = ("min", "max", "mean", "std", "rms", "absmax")
_TITLES = ("name", "dtype", "shape", *(STATISTICS[name].title for name in _FOR_PEOPLE), "Zeros", "NaN", "±Inf")
_TEXTS = 3
_ERROR_TITLE = "error"

Bounds = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Told:
    """A row: the error, or values in the order of `COLUMNS` and the limits of those that are not exact."""

    row: int
    error: SdviewerError | None = None
    values: Sequence[Exact] = ()
    bounds: Bounds = field(default_factory=dict)

    def __getitem__(self, name: str) -> Exact:
        return self.values[PLACE[name]]


def _told(result: ScanResult) -> Iterator[list[_Told]]:
    """The rows in their order, some at a time."""
    for first in range(0, len(result.rows), _ROWS_A_PIECE):
        rows = result.rows[first : first + _ROWS_A_PIECE]
        block = result.table.block(rows)
        columns = zip(block.rows.tolist(), exact_rows(block), bounds_rows(block), strict=True)
        known = {row: _Told(row, None, values, bounds) for row, values, bounds in columns}
        for row in rows.tolist():
            if (error := result.error_of(row)) is not None:
                known[row] = _Told(row, error)
        yield [known[row] for row in rows.tolist()]


# -- JSON -----------------------------------------------------------------------------------------


def json_pieces(result: ScanResult) -> Iterator[str]:
    """One document, a tensor a line, see contracts; `bounds` tells the limits of every figure that is not exact."""
    checkpoint = result.checkpoint
    about = f'"path": {to_json(checkpoint.path)}, "format": {to_json(checkpoint.format)}'
    yield f'{{"schema": {SCHEMA}, {about}, "tensors": ['
    separator = "\n"
    table = checkpoint.table
    for piece in _told(result):
        lines = []
        for told in piece:
            row = told.row
            known = {"name": table.name[row], "dtype": table.dtype_name(row), "shape": list(table.shape_of(row))}
            lines.append(to_json(known | (_fields(told) if told.error is None else error_fields(told.error))))
        yield separator + ",\n".join(lines)
        separator = ",\n"
    yield "]}\n"


def _fields(told: _Told) -> dict[str, Any]:
    return statistics_fields(told.values, told.bounds) | {"error": None}


def error_fields(error: SdviewerError) -> dict[str, Any]:
    """What JSON says in place of figures."""
    told = {"kind": error.kind, "message": error.message, "file": error.file}
    nothing: dict[str, Any] = dict.fromkeys(ALONE) | {"quantiles": {}, "casts": {}, "bounds": {}}
    return nothing | {"error": told | ({"hint": error.hint} if error.hint else {})}


# -- CSV and TSV ----------------------------------------------------------------------------------

_FILE_COLUMNS = (
    "name",
    "dtype",
    "shape",
    *(column for name in COLUMNS for column in ((name, f"{name}_low", f"{name}_high") if name in BOUNDED else (name,))),
    _ERROR_TITLE,
)


def _file_rows(result: ScanResult) -> Iterator[list[list[str]]]:
    """All figures with all their digits; where one is exact, its limits are empty."""
    table = result.checkpoint.table
    bounded = frozenset(BOUNDED)
    for piece in _told(result):
        rows = []
        for told in piece:
            row = told.row
            cells = [table.name[row], table.dtype_name(row), plain(list(table.shape_of(row)))]
            if told.error is not None:
                cells += [""] * (len(_FILE_COLUMNS) - len(cells) - 1) + [_reason(told.error)]
            else:
                for name, value in zip(COLUMNS, told.values, strict=True):
                    cells.append(plain(value))
                    if name in bounded:
                        cells += map(plain, told.bounds.get(name, (None, None)))
                cells.append("")
            rows.append(cells)
        yield rows


def csv_pieces(result: ScanResult) -> Iterator[str]:
    """As RFC 4180 has it, below one line with the columns' ids."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_FILE_COLUMNS)
    for rows in _file_rows(result):
        writer.writerows(rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def tsv_pieces(result: ScanResult) -> Iterator[str]:
    """The same between tabs; tabs, line breaks and backslashes in a name are escaped."""
    yield "\t".join(_FILE_COLUMNS) + "\n"
    for rows in _file_rows(result):
        yield "".join(["\t".join(map(one_line, cells)) + "\n" for cells in rows])


# -- for people -----------------------------------------------------------------------------------


def _people_rows(result: ScanResult, text: Callable[[str], str]) -> Iterator[list[list[str]]]:
    """What a reader looks for first; an error comes in place of numbers, as a fourth and last cell."""
    table = result.checkpoint.table
    for piece in _told(result):
        rows = []
        for told in piece:
            shape = f"[{', '.join(map(str, table.shape_of(told.row)))}]"
            cells = [text(table.name[told.row]), text(table.dtype_name(told.row)), text(shape)]
            rows.append([*cells, *([text(_reason(told.error))] if told.error is not None else _figures(told))])
        yield rows


def only_row(result: ScanResult, text: Callable[[str], str]) -> list[str]:
    """The cells behind name, dtype and shape for the only tensor of a result; an error is one cell."""
    (told,) = next(_told(result))
    return [text(_reason(told.error))] if told.error is not None else _figures(told)


def only_fields(result: ScanResult) -> dict[str, Any]:
    """What JSON says of the only tensor of a result behind name, dtype and shape."""
    (told,) = next(_told(result))
    return _fields(told) if told.error is None else error_fields(told.error)


def _figures(told: _Told) -> list[str]:
    nan, infinite = _count(told, "nan"), _count(told, "posinf") + _count(told, "neginf")
    zeros = share(_count(told, "zeros"), _count(told, "count"))
    return [*(_number(told[name]) for name in _FOR_PEOPLE), zeros, f"{nan:,}", f"{infinite:,}"]


def text_lines(result: ScanResult) -> Iterator[str]:
    """An aligned table."""
    return text_table(list(_people_rows(result, lambda value: shown(value) or '""')))


def text_table(pieces: Sequence[Sequence[list[str]]]) -> Iterator[str]:
    """An aligned table of these rows, some at a time; one of four cells ends with an error."""
    widths = [len(title) for title in _TITLES]
    for cells in (cells for piece in pieces for cells in piece):
        aligned = cells[:_TEXTS] if len(cells) == _TEXTS + 1 else cells
        widths = [max(pair) for pair in zip(widths, map(len, aligned), strict=False)] + widths[len(aligned) :]
    widths[0], widths[2] = min(widths[0], _WIDEST_NAME), min(widths[2], _WIDEST_SHAPE)
    yield _aligned(_TITLES, widths)
    for cells in (cells for piece in pieces for cells in piece):
        yield _aligned(cells, widths)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    if len(cells) == _TEXTS + 1:
        return "  ".join([*(cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)), cells[-1]])
    texts = [cell.ljust(width) for cell, width in zip(cells[:_TEXTS], widths[:_TEXTS], strict=True)]
    return "  ".join(
        [*texts, *(cell.rjust(width) for cell, width in zip(cells[_TEXTS:], widths[_TEXTS:], strict=True))]
    )


def markdown_pieces(result: ScanResult) -> Iterator[str]:
    """The same as a table that GitHub reads; an error stands in its last column."""
    return markdown_table(_people_rows(result, markdown_cell))


def markdown_table(pieces: Iterable[Sequence[list[str]]]) -> Iterator[str]:
    """The same of these rows, some at a time."""
    yield f"| {' | '.join((*_TITLES, _ERROR_TITLE))} |\n"
    yield f"| {' | '.join(['---'] * _TEXTS + ['---:'] * (len(_TITLES) - _TEXTS) + ['---'])} |\n"
    for rows in pieces:
        lines = []
        for cells in rows:
            failed = len(cells) == _TEXTS + 1
            full = [*cells[:_TEXTS], *[""] * (len(_TITLES) - _TEXTS), cells[-1]] if failed else [*cells, ""]
            lines.append(f"| {' | '.join(full)} |\n")
        yield "".join(lines)


def _number(value: Exact) -> str:
    return number(value) if not isinstance(value, str) else value


def _count(told: _Told, name: str) -> int:
    return int(told[name] or 0)


def _reason(error: SdviewerError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


AS: dict[str, Callable[[ScanResult], Iterator[str]]] = {
    "json": json_pieces,
    "csv": csv_pieces,
    "tsv": tsv_pieces,
    "markdown": markdown_pieces,
    "text": lambda result: (f"{line}\n" for line in text_lines(result)),
}
"""How each form of output is made."""
