"""Report: a comparison as JSON, Markdown, CSV, and as lines for a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdviewer.checkpoint.json_text import document
from sdviewer.checkpoint.listing_text import markdown_cell
from sdviewer.checkpoint.wording import number, plural, shown
from sdviewer.comparison.comparing import MARKS, Compared, Comparison
from sdviewer.comparison.relations import WORDS, Relation
from sdviewer.comparison.rename_rules import rename_rules

_WORDS = {
    "identical": "identical",
    "equal": "equal in value",
    "equal_after_cast": "equal after a cast",
    "close": "within the tolerance",
    "changed": "changed",
    "shape": "another shape",
    "dtype": "another dtype",
    "renamed": "renamed",
    "failed": "could not be compared",
    "only_a": "only in A",
    "only_b": "only in B",
}
_COLUMNS = (
    "a",
    "b",
    "by",
    "score",
    "marks",
    "dtype_a",
    "dtype_b",
    "shape_a",
    "shape_b",
    "relation",
    "changed_fraction",
    "max_abs",
    "max_abs_index",
    "mean_abs",
    "rmse",
    "rel_fro",
    "cosine",
    "sign_flips",
    "max_ulp",
    "nan_mismatch",
    "close",
    "error",
)


def pair_facts(found: Comparison, item: Compared) -> dict[str, Any]:
    """One pair as JSON has it."""
    matching, pair, measures = found.matching, item.pair, item.measures
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    told: dict[str, Any] = {
        "a": matching.a.keys[pair.a],
        "b": matching.b.keys[pair.b],
        "match": {"by": pair.by.word, "score": pair.score},
        "marks": list(item.marks),
        "dtype_a": a.dtype,
        "dtype_b": b.dtype,
        "shape_a": list(a.shape),
        "shape_b": list(b.shape),
        "relation": pair.relation.name.lower(),
    }
    if pair.part is not None:
        told["rows"] = list(pair.part)
    told |= {
        "max_abs": measures.max_abs if measures else None,
        "max_abs_index": list(item.index) if item.index is not None else None,
        "max_abs_values": _values(measures.max_abs_values) if measures else None,
        "mean_abs": measures.mean_abs if measures else None,
        "rmse": measures.rmse if measures else None,
        "rel_fro": measures.rel_fro if measures else None,
        "cosine": measures.cosine if measures else None,
        "best_scale": measures.best_scale if measures else None,
        "changed_fraction": measures.changed_fraction if measures else None,
        "sign_flips": measures.sign_flips if measures else None,
        "max_ulp": measures.max_ulp if measures else None,
        "nan_mismatch": measures.nan_mismatch if measures else None,
        "inf_mismatch": measures.inf_mismatch if measures else None,
        "equal_after_cast": item.equal_after_cast,
        "close": measures.close if measures else None,
        "error": item.error or None,
    }
    return told


def as_json(found: Comparison, path_a: str, path_b: str, optimizers: Sequence[Mapping[str, Any]] = ()) -> str:
    """The whole document, one line; `optimizers` is what is told of them beside."""
    matching = found.matching
    sections = [side.section.name if side.section is not None else None for side in (matching.a, matching.b)]
    return document(
        a=path_a,
        b=path_b,
        section_a=sections[0],
        section_b=sections[1],
        partial=found.partial,
        summary=found.summary,
        pairs=[pair_facts(found, item) for item in found.pairs],
        only_a=[matching.a.keys[place] for place in matching.only_a],
        only_b=[matching.b.keys[place] for place in matching.only_b],
        ambiguous=[
            {"a": matching.a.keys[place], "b": [matching.b.keys[other] for other in others]}
            for place, others in matching.ambiguous_a.items()
        ],
        rename_rules=[{"rename": rule.text, "keys": rule.keys} for rule in rules_of(found)],
        optimizers=list(optimizers),
    )


def rules_of(found: Comparison) -> tuple[Any, ...]:
    """The rename rules that pairs of different names have in common, as `--map` and `--rename` take them."""
    matching = found.matching
    return rename_rules(
        (matching.a.keys[item.pair.a], matching.b.keys[item.pair.b]) for item in found.pairs if item.pair.part is None
    )


def csv_pieces(found: Comparison) -> Iterator[str]:
    """A row a pair, and one for each tensor without a partner."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in found.pairs:
        facts = pair_facts(found, item)
        facts |= facts.pop("match")
        writer.writerow([_cell(facts[name]) for name in _COLUMNS])
        yield _taken(buffer)
    for side, places, mark in (("a", found.matching.only_a, "only_a"), ("b", found.matching.only_b, "only_b")):
        for place in places:
            chosen = found.matching.a if side == "a" else found.matching.b
            ref = chosen.ref(place)
            facts = {side: chosen.keys[place], "marks": mark}
            facts |= {f"dtype_{side}": ref.dtype, f"shape_{side}": _cell(list(ref.shape))}
            writer.writerow([facts.get(name, "") for name in _COLUMNS])
            yield _taken(buffer)
    yield _taken(buffer)


def markdown_lines(found: Comparison) -> Iterator[str]:
    """A report for an issue or a pull request: the summary, then what differs."""
    yield "| mark | tensors |"
    yield "|---|---:|"
    for mark, count in found.summary.items():
        if count:
            yield f"| {_WORDS[mark]} | {count:,} |"
    different = most_telling(found)
    if different:
        yield ""
        yield "| tensor | marks | max abs | rel | cosine | changed |"
        yield "|---|---|---:|---:|---:|---:|"
        for item in different:
            yield "| " + " | ".join(markdown_cell(cell) for cell in _row(found, item)) + " |"
    for title, side, places in (
        ("Only in A", found.matching.a, found.matching.only_a),
        ("Only in B", found.matching.b, found.matching.only_b),
    ):
        if places:
            yield ""
            yield f"{title}: " + ", ".join(f"`{markdown_cell(shown(side.keys[place]))}`" for place in places)


def text_lines(found: Comparison, most: int | None = None) -> Iterator[str]:
    """For a terminal: how many of each mark, then what differs most, at most `most` of each kind."""
    pairs, matching = len(found.pairs), found.matching
    if not found.fails("changed"):
        yield f"The same: {plural(pairs, 'tensor')}, bit by bit."
        return
    yield f"{plural(pairs, 'pair')}: " + ", ".join(
        f"{found.summary[mark]:,} {_WORDS[mark]}" for mark in MARKS if found.summary[mark]
    )
    different = most_telling(found)
    if different:
        yield ""
        rows: list[tuple[str, ...]] = [("tensor", "marks", "max abs", "rel", "cosine", "changed")]
        rows += [_row(found, item) for item in different[:most]]
        yield from _aligned(rows)
        if (more := len(different) - len(different[:most])) > 0:
            yield f"and {more:,} more"
    for title, side, places in (("Only in A", matching.a, matching.only_a), ("Only in B", matching.b, matching.only_b)):
        if places:
            yield ""
            yield f"{title} ({plural(len(places), 'tensor')}):"
            for place in places[:most]:
                ref = side.ref(place)
                could_be = matching.ambiguous_a.get(place) if side is matching.a else matching.ambiguous_b.get(place)
                note = f"  (could be any of {len(could_be):,})" if could_be else ""
                yield f"  {shown(side.keys[place])}  {ref.dtype} {list(ref.shape)}{note}"
            if (more := len(places) - len(places[:most])) > 0:
                yield f"  and {more:,} more"
    if rules := rules_of(found):
        yield ""
        yield "Names of A become those of B by:"
        yield from (f"  --map '{shown(rule.text)}'  ({plural(rule.keys, 'key')})" for rule in rules)
    if found.partial:
        yield ""
        yield "This is not the whole comparison: some tensors were not compared, or a file changed meanwhile."


def most_telling(found: Comparison) -> list[Compared]:
    """The pairs whose values, shapes or dtypes differ, or that failed; the largest relative change first."""

    def weight(item: Compared) -> tuple[int, float]:
        measures = item.measures
        if measures is None:
            return (0, 0.0)
        return (1, -(measures.rel_fro if measures.rel_fro is not None else measures.norm_delta))

    return sorted((item for item in found.pairs if set(item.marks) - {"identical", "renamed"}), key=weight)


def _row(found: Comparison, item: Compared) -> tuple[str, ...]:
    matching, pair, measures = found.matching, item.pair, item.measures
    name, other = matching.a.keys[pair.a], matching.b.keys[pair.b]
    marks = [_WORDS[mark] for mark in item.marks if mark != "shape"]
    if pair.relation is not Relation.SAME:
        shapes = f"{list(matching.a.ref(pair.a).shape)} → {list(matching.b.ref(pair.b).shape)}"
        marks.append(f"{WORDS[pair.relation]} {shapes}")
    if "dtype" in item.marks:
        marks[marks.index(_WORDS["dtype"])] = f"{matching.a.ref(pair.a).dtype} → {matching.b.ref(pair.b).dtype}"
    title = shown(name) if name == other else f"{shown(name)} → {shown(other)}"
    if measures is None:
        return (title, ", ".join(marks) + (f": {shown(item.error)}" if item.error else ""), "", "", "", "")
    return (
        title,
        ", ".join(marks),
        number(measures.max_abs),
        number(measures.rel_fro),
        number(measures.cosine),
        f"{measures.changed_fraction:.2%}",
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return value


def _values(pair: tuple[complex, complex] | None) -> list[Any] | None:
    if pair is None:
        return None
    return [value.real if not value.imag else value for value in pair]


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
