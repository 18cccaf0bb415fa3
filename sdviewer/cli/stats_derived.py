"""Statistics of what tensors mean together, behind those of the tensors: for people, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sdviewer.analysis.derived_scan import DerivedFigures
from sdviewer.analysis.derived_values import Derivation, Derived
from sdviewer.analysis.results import ScanResult
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.listing_text import markdown_cell
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.cli.stats_text import AS, error_fields, json_pieces, markdown_table, only_fields, only_row, text_table

_END = "]}\n"


def about(checkpoint: Checkpoint, derivation: Derivation, derived: Derived | None) -> dict[str, Any]:
    """What a weight is, as JSON: the facts of columns and those that came with its values."""
    names = checkpoint.table.name
    return {
        "title": derivation.title,
        "facts": dict(derivation.facts) | (dict(derived.facts) if derived is not None else {}),
        "members": {role: names[row] for role, row in derivation.members.items()},
        "warnings": list(derived.warnings) if derived is not None else [],
    }


def _json(result: ScanResult, derived: Sequence[DerivedFigures]) -> Iterator[str]:
    """The document of `json_pieces` with one field more."""
    for piece in json_pieces(result):
        yield piece if piece != _END else '],\n"derived": ['
    lines = []
    for each in derived:
        shape = None if each.derived is None else list(each.derived.checkpoint.table.shape_of(0))
        known = {"name": each.derivation.name, "dtype": "float32", "shape": shape}
        known |= about(result.checkpoint, each.derivation, each.derived)
        lines.append(to_json(known | (only_fields(each.result) if each.result else _error(each))))
    yield "\n" + ",\n".join(lines) + _END


def _error(each: DerivedFigures) -> dict[str, Any]:
    return error_fields(each.error) if each.error is not None else {}


def _text(result: ScanResult, derived: Sequence[DerivedFigures]) -> Iterator[str]:
    yield from AS["text"](result)
    yield f"\n{_heading(derived)}\n"
    yield from (f"{line}\n" for line in text_table([_rows(derived, lambda value: shown(value) or '""')]))


def _markdown(result: ScanResult, derived: Sequence[DerivedFigures]) -> Iterator[str]:
    yield from AS["markdown"](result)
    yield f"\n{_heading(derived)}\n\n"
    yield from markdown_table([_rows(derived, markdown_cell)])


def _heading(derived: Sequence[DerivedFigures]) -> str:
    return f"What tensors mean together: {plural(len(derived), 'weight')}"


def _rows(derived: Sequence[DerivedFigures], text: Callable[[str], str]) -> list[list[str]]:
    """As the rows of tensors, what they are in place of the dtype."""
    rows = []
    for each in derived:
        what = dict(each.derivation.facts).get("Quantised", each.derivation.title)
        shape = "" if each.derived is None else str(list(each.derived.checkpoint.table.shape_of(0)))
        error = [text(each.error.message)] if each.error is not None else []
        figures = only_row(each.result, text) if each.result else error
        rows.append([text(each.derivation.name), text(what), shape, *figures])
    return rows


WITH_DERIVED: dict[str, Callable[[ScanResult, Sequence[DerivedFigures]], Iterator[str]]] = {
    "json": _json,
    "markdown": _markdown,
    "text": _text,
}
"""How each form of output that has room for it is made."""
