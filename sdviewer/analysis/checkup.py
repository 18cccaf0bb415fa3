"""Checkup: health, integrity and safety of a checkpoint, by reading every byte of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sdviewer.analysis.channel_table import ChannelTable, beside_scan
from sdviewer.analysis.equal_bytes import equal_channels, equal_tensors, likely_equal
from sdviewer.analysis.first_bad import first_bad
from sdviewer.analysis.health import Health, health
from sdviewer.analysis.health_facts import health_facts
from sdviewer.analysis.scan import Scan
from sdviewer.analysis.statistics_table import StatisticsTable
from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.facts import has_findings
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.formats.archive_check import ArchiveCheck, check_archives

# Where so much is broken, the first places tell enough.
_MOST_LOOKED_AT = 100


@dataclass(frozen=True, eq=False, slots=True)
class Checkup:
    """What was found.

    Attributes:
        checkpoint: in which.
        table: the statistics of every tensor, for whoever wants to keep them.
        health: what is wrong with values.
        archives: what checksums say.

    """

    checkpoint: Checkpoint
    table: StatisticsTable
    health: Health
    archives: ArchiveCheck

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file, by its description and its checksums."""
        return (*self.checkpoint.problems, *self.archives.problems)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, partial, duplicated, damaged or unreadable, and no global is dangerous."""
        return not has_findings(self.checkpoint) and not any(p.severity == "error" for p in self.problems)

    @property
    def verdict(self) -> Literal["healthy", "findings"]:
        """Healthy means that values, file and globals give no reason to hesitate."""
        return self.health.verdict if self.is_whole else "findings"


def check_up(checkpoint: Checkpoint, control: Control | None = None) -> Checkup:
    """Read everything and judge it. Progress is in bytes, pass by pass.

    A tensor that cannot be read is a finding, and the others are still examined.

    Raises:
        CannotRead: a file was changed or has gone while it was read.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    facts = health_facts(checkpoint, control)
    channels = ChannelTable(len(checkpoint.table))
    table = Scan(checkpoint, further=[beside_scan(checkpoint, channels)]).run(control)
    equal = equal_tensors(checkpoint, likely_equal(checkpoint, table), control)
    rows = _equal_rows(checkpoint, channels, control)
    archives = check_archives(checkpoint, control)
    bad = _first_bad(checkpoint, table, control)
    found = health(facts, table, channels, equal=equal, equal_channels=rows, first_bad=bad)
    return Checkup(checkpoint, table, found, archives)


def _equal_rows(
    checkpoint: Checkpoint, channels: ChannelTable, control: Control
) -> Mapping[int, list[tuple[int, ...]]]:
    found: dict[int, list[tuple[int, ...]]] = {}
    for row, told in channels.told.items():
        if told.maybe_equal:
            try:
                found[row] = equal_channels(TensorRef(checkpoint, row), 0, told.maybe_equal, control)
            except CannotRead:  # the scan has told of it, or will at the next look
                continue
    return found


def _first_bad(checkpoint: Checkpoint, table: StatisticsTable, control: Control) -> Mapping[int, tuple[int, ...]]:
    """The index of the first value that is not finite, for the first tensors that have any."""
    rows = np.flatnonzero(table.column("nan") + table.column("posinf") + table.column("neginf") > 0)
    found: dict[int, tuple[int, ...]] = {}
    for row in rows[:_MOST_LOOKED_AT].tolist():
        try:
            place = first_bad(TensorRef(checkpoint, row), control)
        except CannotRead:  # as above
            continue
        if place is not None:
            found[row] = place
    return found
