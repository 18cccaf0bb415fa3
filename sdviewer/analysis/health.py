"""Health: what is wrong with the values of a checkpoint, found by the rules of `health_rules` in columns.

It reads nothing and says no more than the figures show, so it can be asked while a scan still fills them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.channel_table import ChannelTable
from sdviewer.analysis.health_facts import HealthFacts
from sdviewer.analysis.health_rules import RULES, Hits, Rule, Severity, Symptoms
from sdviewer.analysis.statistics_table import Filled, StatisticsTable

__all__ = ["Finding", "Health", "Severity", "health"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One tensor and one rule.

    Attributes:
        rule: its id.
        severity: how bad.
        row: of the tensor table.
        where: the canonical name.
        message: what the figures show.
        value, threshold: what was compared.
        channels: indices along axis 0 that are meant, the first ones; empty where it is all of the tensor.

    """

    rule: str
    severity: Severity
    row: int
    where: str
    message: str
    value: float
    threshold: float
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Health:
    """The findings of all rules as columns; texts are made for those that are asked for.

    Attributes:
        hits: what each rule has found, in the order of `RULES`.
        marks: uint8 of `Severity` a row of the tensor table, the worst; 0 for nothing found.
        examined: rows whose figures are known.
        expected: rows that have values.

    """

    hits: tuple[tuple[Rule, Hits], ...]
    marks: npt.NDArray[np.uint8]
    examined: int
    expected: int
    _symptoms: Symptoms = field(repr=False)

    @property
    def verdict(self) -> Literal["healthy", "findings"]:
        """Healthy means notes at most, in what was examined so far: see `is_complete`."""
        return "findings" if self.count(Severity.WARNING) or self.count(Severity.ERROR) else "healthy"

    @property
    def is_complete(self) -> bool:
        """Whether every tensor that has values was examined."""
        return self.examined >= self.expected

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(int(np.count_nonzero(hits.severity == severity)) for _, hits in self.hits)

    def findings(self, most: int | None = None) -> Iterator[Finding]:
        """The findings, worst first, then by rule and in file order; at most so many of each rule and severity."""
        for severity in sorted(Severity, reverse=True):
            for rule, _ in self.hits:
                yield from islice(self.findings_of(rule, severity), most)

    def findings_of(self, rule: Rule, severity: Severity) -> Iterator[Finding]:
        """The findings of one rule and severity, in file order."""
        for other, hits in self.hits:
            if other is rule:
                for place in np.flatnonzero(hits.severity == severity).tolist():
                    yield self._finding(rule, hits, place)

    def of(self, row: int) -> list[Finding]:
        """The findings of one tensor, worst first."""
        found = [
            self._finding(rule, hits, int(place))
            for rule, hits in self.hits
            for place in np.flatnonzero(hits.rows == row)
        ]
        return sorted(found, key=lambda finding: -finding.severity)

    def _finding(self, rule: Rule, hits: Hits, place: int) -> Finding:
        row, value = int(hits.rows[place]), float(hits.values[place])
        message, channels = rule.say(self._symptoms, row, value)
        name = self._symptoms.facts.checkpoint.table.name[row]
        return Finding(
            rule.id, Severity(int(hits.severity[place])), row, name, message, value, rule.threshold, channels
        )


def health(
    facts: HealthFacts,
    table: StatisticsTable,
    channels: ChannelTable | None = None,
    *,
    equal: Mapping[int, int] | None = None,
    equal_channels: Mapping[int, Sequence[tuple[int, ...]]] | None = None,
    first_bad: Mapping[int, tuple[int, ...]] | None = None,
) -> Health:
    """What the rules find in the rows that are filled; some milliseconds for a hundred thousand.

    `equal` and `equal_channels` are what `equal_bytes` has found: row → the first row with the same bytes,
    row → groups of channels with the same bytes. `first_bad` is the index of the first value that is not finite, by
    row, where somebody looked.
    """
    symptoms = Symptoms(facts, table, channels, equal or {}, equal_channels or {}, first_bad or {})
    hits = tuple((rule, rule.find(symptoms)) for rule in RULES)
    marks = np.zeros(len(table), np.uint8)
    for _, found in hits:
        np.maximum.at(marks, found.rows, found.severity)
    dense = facts.dense & ~facts.unknown
    examined = int(np.count_nonzero((table.filled != Filled.NOTHING) & dense))
    return Health(hits, marks, examined, int(np.count_nonzero(dense)), symptoms)
