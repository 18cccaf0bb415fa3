"""The columns of the table of all tensors that a scan fills: one for each statistic, and one for health."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.health import Severity
from sdviewer.analysis.statistics import CASTS
from sdviewer.analysis.statistics_columns import STATISTICS, Exact, Statistic
from sdviewer.analysis.statistics_table import BOUNDED_PLACE, INTEGERS, NARROWER, PLACE, QUANTILE_COLUMNS, FiguresBlock
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.listing import MISSING, Column
from sdviewer.checkpoint.listing_text import plain
from sdviewer.checkpoint.wording import number, share
from sdviewer.control import Control
from sdviewer.ui.scan.findings import Findings, FindingsOf
from sdviewer.ui.scan.marks import SIGNS, TITLES, finding_words
from sdviewer.ui.translating import tr

Int64 = npt.NDArray[np.int64]

# What a reader looks for first, from the left; the others follow in the order of the engine.
_FIRST = ("min", "max", "mean", "std", "zeros_share", "nan")
_WHOLE = frozenset(
    name for name, statistic in STATISTICS.items() if statistic.form == "count" or name.startswith("exponent_")
)
_HEALTHY = "✓"
_RULES = 64


def scan_columns(found_in: FindingsOf) -> tuple[Column, ...]:
    """Columns that show what `found_in` gives for the checkpoint of a listing."""
    made = {name: _figure(statistic, found_in) for name, statistic in STATISTICS.items()}
    made["zeros_share"] = _zeros_share(found_in)
    first = tuple(made.pop(name) for name in _FIRST)
    return (_health(found_in), *first, *made.values())


def _group(name: str) -> str:
    if name in QUANTILE_COLUMNS:
        return "Quantiles"
    return "Casts" if name.startswith(tuple(f"{cast}_" for cast in CASTS)) else "Statistics"


def _figure(statistic: Statistic, found_in: FindingsOf) -> Column:
    name, is_text = statistic.id, statistic.form == "text"

    def text(facts: TensorFacts, row: int) -> str:
        value, bounds = _one(found_in, facts, row, name)
        told = _told(statistic, value)
        if bounds is None or not told:
            return told
        return f"≥ {told}" if bounds[0] == value else f"≈ {told}"

    def exact(facts: TensorFacts, row: int) -> str:
        value, bounds = _one(found_in, facts, row, name)
        if value is None or is_text:
            return ""
        lines = [f"{statistic.title}: {statistic.about}", f"{value:,}" if isinstance(value, int) else plain(value)]
        if bounds is not None:
            low, high = (plain(limit) for limit in bounds)
            lines.append(f"at least {low}" if math.isinf(bounds[1]) else f"between {low} and {high}")
        return "\n".join(lines)

    def values(facts: TensorFacts, rows: Int64) -> list[Any]:
        found = found_in(facts.checkpoint)
        if found is None:
            return [None] * len(rows)
        block = found.table.block(rows)
        known = dict(zip(block.rows.tolist(), _column_of(block, name), strict=True))
        return [known.get(row) for row in rows.tolist()]

    def key(facts: TensorFacts, _: Control) -> npt.NDArray[np.float64]:
        listed = facts.checkpoint.table.listed
        found = found_in(facts.checkpoint)
        if found is None:
            return np.full(listed, np.nan)
        column = found.table.column(name)[:listed]
        return np.where(column > 0, column, np.nan) if is_text else column

    at_first = name in _FIRST
    kind = "text" if is_text else "number"
    return Column(name, statistic.title, kind, text, values, key, exact, at_first, _group(name), grows=True)  # type: ignore[arg-type]  # one of the two


def _zeros_share(found_in: FindingsOf) -> Column:
    def counts(facts: TensorFacts, row: int) -> tuple[int, int] | None:
        found = found_in(facts.checkpoint)
        figures = found.table.figures(row) if found is not None else None
        return None if figures is None else (int(figures.values[PLACE["zeros"]]), int(figures.values[PLACE["count"]]))

    def text(facts: TensorFacts, row: int) -> str:
        known = counts(facts, row)
        return share(*known) if known is not None else ""

    def exact(facts: TensorFacts, row: int) -> str:
        known = counts(facts, row)
        return f"{known[0]:,} of {known[1]:,} values are 0" if known is not None else ""

    def key(facts: TensorFacts, _: Control) -> npt.NDArray[np.float64]:
        found = found_in(facts.checkpoint)
        listed = facts.checkpoint.table.listed
        return found.figure("zeros_share")[:listed] if found is not None else np.full(listed, np.nan)

    def values(facts: TensorFacts, rows: Int64) -> list[Any]:
        shares = key(facts, Control())
        return [None if math.isnan(value) else value for value in shares[rows].tolist()]

    return Column("zeros_share", tr("Zeros %"), "number", text, values, key, exact, group=tr("Statistics"), grows=True)


def _health(found_in: FindingsOf) -> Column:
    """What was found, the worst first; what was examined and has nothing is healthy."""

    def text(facts: TensorFacts, row: int) -> str:
        lines = _lines(found_in, facts, row, brief=True)
        return " · ".join(lines) if lines is not None else ""

    def exact(facts: TensorFacts, row: int) -> str:
        lines = _lines(found_in, facts, row, brief=False)
        return "\n".join(lines) if lines else ""

    def values(facts: TensorFacts, rows: Int64) -> list[Any]:
        told = [_lines(found_in, facts, row, brief=False) for row in rows.tolist()]
        return ["; ".join(lines) if lines else None if lines is None else "healthy" for lines in told]

    def key(facts: TensorFacts, _: Control) -> Int64:
        # The worst first, then by the order of the rules.
        found, listed = found_in(facts.checkpoint), facts.checkpoint.table.listed
        judged = found.judged if found is not None else None
        ranks = np.full(listed, MISSING)
        if judged is None:
            return ranks
        ranks[judged.examined[:listed]] = _RULES * (1 + Severity.ERROR)
        for index, (_rule, hits) in reversed(list(enumerate(judged.health.hits))):
            is_listed = hits.rows < listed
            rows, severity = hits.rows[is_listed], hits.severity[is_listed].astype(np.int64)
            ranks[rows] = np.minimum(ranks[rows], _RULES * (Severity.ERROR - severity) + index)
        return ranks

    return Column("health", tr("Health"), "text", text, values, key, exact, group=tr("Statistics"), grows=True)


def _lines(found_in: FindingsOf, facts: TensorFacts, row: int, *, brief: bool) -> list[str] | None:
    """The findings of a tensor; None where it was not examined."""
    found = found_in(facts.checkpoint)
    judged = found.judged if found is not None else None
    if judged is None or not judged.examined[row]:
        return None
    if not judged.health.marks[row]:
        return [_HEALTHY] if brief else []
    if brief:
        return [f"{SIGNS[severity]} {TITLES[rule]}" for severity, rule in judged.rules_of(row)]
    return [finding_words(finding) for finding in judged.health.of(row)]


def _one(found_in: FindingsOf, facts: TensorFacts, row: int, name: str) -> tuple[Exact, tuple[float, float] | None]:
    """One figure of one tensor, and its limits where it is not exact."""
    found: Findings | None = found_in(facts.checkpoint)
    figures = found.table.figures(row) if found is not None else None
    if figures is None:
        return None, None
    value = _exact(name, float(figures.values[PLACE[name]]), figures.integers)
    if value is None or figures.bounds is None or name not in BOUNDED_PLACE:
        return value, None
    low, high = figures.bounds[BOUNDED_PLACE[name]].tolist()
    return value, (low, high) if low < high else None


def _column_of(block: FiguresBlock, name: str) -> list[Exact]:
    """One figure of all tensors of a block."""
    values = block.values[:, PLACE[name]].tolist()
    integers = block.integers if name in INTEGERS else {}
    return [_exact(name, value, integers.get(row)) for row, value in zip(block.rows.tolist(), values, strict=True)]


def _exact(name: str, value: float, integers: tuple[int, int, int] | None) -> Exact:
    """The value itself: counts and the extremes of integers as integers, None for nothing."""
    if name == "narrower":
        return NARROWER[int(value)]
    if math.isnan(value):
        return None
    if integers is not None and name in INTEGERS:
        return integers[INTEGERS.index(name)]
    return int(value) if name in _WHOLE else value


def _told(statistic: Statistic, value: Exact) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,}" if statistic.form == "count" else number(value)
