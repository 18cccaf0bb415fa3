"""HealthReport: what a scan has found so far in a checkpoint, as texts with the places to which they lead."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from sdviewer.analysis.health import Health, Severity
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.wording import label_of, plural, shown
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.scan.findings import WORDS_OF_RULE
from sdviewer.ui.scan.marks import REASONS, SIGNS
from sdviewer.ui.translating import tr

# Of each rule and severity so many are told one by one; the others are a filter away.
_TOLD = 6
_LONGEST_MESSAGE = 400
_NAMES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What is told of a checkpoint.

    Attributes:
        verdict: one line.
        severity: what colour it has: error, warning, good, or "" where nobody knows yet.
        extent: how much was looked at.
        grid: the findings, grouped by rule, the worst first; None for none.

    """

    verdict: str
    severity: str
    extent: str
    grid: Grid | None


def health_report(checkpoint: Checkpoint, health: Health, pending: str = "") -> HealthReport:
    """Put the findings into words; `pending` is what was not looked at yet. Not for the GUI thread."""
    counts = {severity: health.count(severity) for severity in sorted(Severity, reverse=True)}
    told = ", ".join(f"{SIGNS[sev]} {plural(count, _NAMES[sev])}" for sev, count in counts.items() if count)
    is_complete = health.is_complete and not pending
    if counts[Severity.ERROR] or counts[Severity.WARNING]:
        verdict = told if is_complete else f"{told} so far"
    elif is_complete:
        verdict = f"✓ Healthy; worth knowing: {told}" if told else "✓ Healthy: nothing was found"
    else:
        verdict = f"{told} so far" if told else "Nothing found so far"
    severity = next((sev for sev, count in counts.items() if count), None)
    name = "good" if is_complete else ""
    if severity is not None and severity is not Severity.NOTE:
        name = _NAMES[severity]
    return HealthReport(verdict, name, _extent(health, pending), _grid(checkpoint, health))


def _extent(health: Health, pending: str) -> str:
    if not health.expected:
        return "No tensor has values to look at."
    if health.is_complete:
        text = "The only tensor was looked at"
        if health.expected > 1:
            text = f"All {plural(health.expected, 'tensor')} were looked at"
    else:
        text = f"{health.examined:,} of {plural(health.expected, 'tensor')} were looked at"
    return f"{text}; {pending}." if pending else f"{text}."


def _grid(checkpoint: Checkpoint, health: Health) -> Grid | None:
    rows: list[tuple[str, str]] = []
    nodes: list[int] = []
    filters: list[str] = []
    tips: list[str] = []

    def add(cells: tuple[str, str], node: int, term: str, tip: str) -> None:
        rows.append(cells)
        nodes.append(node)
        filters.append(term)
        tips.append(tip)

    place = _first_nodes(checkpoint)
    for severity in sorted(Severity, reverse=True):
        for rule, hits in health.hits:
            count = int(np.count_nonzero(hits.severity == severity))
            if not count:
                continue
            words = WORDS_OF_RULE[rule.id]
            add((f"{SIGNS[severity]} {rule.title}", plural(count, "tensor")), -1, f"health:{words}", rule.reason)
            for finding in islice(health.findings_of(rule, severity), _TOLD):
                cells = f"    {label_of(finding.where)}", shown(finding.message, _LONGEST_MESSAGE)
                add(cells, int(place[finding.row]), "", REASONS[rule.id])
            if count > _TOLD:
                add((f"    … {count - _TOLD:,} more", ""), -1, f"health:{words}", "Filter the tensors that have it")
    if not rows:
        return None
    header = ("Finding", "What the values show")
    return Grid(tr("Findings"), header, tuple(rows), frozenset(), tuple(nodes), tuple(filters), tuple(tips))


def _first_nodes(checkpoint: Checkpoint) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first tree node of each row, -1 for none (a component)."""
    tree = checkpoint.tree
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR)[::-1]
    place = np.full(len(checkpoint.table), -1, np.int64)
    place[tree.ref[tensors]] = tensors
    return place
