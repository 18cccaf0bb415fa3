"""Findings: what a scan has found in one checkpoint so far, for the table, the tree, the filter and the details."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.health import Health, Severity
from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint

if TYPE_CHECKING:
    from sdviewer.analysis.channel_table import ChannelTable
    from sdviewer.ui.scan.marks import TreeMarks
    from sdviewer.ui.scan.report import HealthReport

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

# The filter's words for what a rule finds.
RULE_OF_WORD = {
    "dead": "dead_channels",
    "zero": "all_zero",
    "constant": "constant",
    "saturated": "saturated",
    "subnormal": "subnormal",
    "outlier": "layer_outlier",
    "copy": "byte_equal",
    "equal_rows": "equal_rows",
    "running_var": "running_var",
    "unreadable": "unreadable",
}
WORDS_OF_RULE = {rule: word for word, rule in RULE_OF_WORD.items()} | {"nonfinite": "nan,inf"}
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}
_FIGURES = {"norm": "l2"}


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """What health says of the figures that were there at a moment.

    Attributes:
        health: the findings.
        examined: bool a row: what was counted or could not be read.
        marks: the same at the nodes of the tree.
        report: the same in words.
        is_whole: whether nothing is left to be looked at.

    """

    health: Health
    examined: Mask
    marks: TreeMarks
    report: HealthReport
    is_whole: bool

    def rules_of(self, row: int) -> list[tuple[Severity, str]]:
        """What was found in a tensor, the worst first: how bad, and the rule; without the words, which take time."""
        found = []
        for rule, hits in self.health.hits:
            # Rows ascend in every rule's hits.
            place = int(np.searchsorted(hits.rows, row))
            if place < len(hits.rows) and hits.rows[place] == row:
                found.append((Severity(int(hits.severity[place])), rule.id))
        return sorted(found, key=lambda each: -each[0])


class Findings:
    """Grows while a scan runs, on its threads; any thread may read it.

    Attributes:
        checkpoint: of which.
        table: the statistics by row of the tensor table.
        channels: what is known of channels; None where figures were remembered and channels were not.
        judged: what health said last.

    """

    def __init__(
        self, checkpoint: Checkpoint, table: StatisticsTable | None = None, channels: ChannelTable | None = None
    ) -> None:
        self.checkpoint = checkpoint
        self.table = table if table is not None else StatisticsTable(len(checkpoint.table))
        self.channels = channels
        self.judged: Judged | None = None

    @property
    def has_figures(self) -> Mask:
        """Whose values were counted."""
        filled = self.table.filled
        return np.asarray((filled == Filled.EXACT) | (filled == Filled.BOUNDED))

    @property
    def is_examined(self) -> Mask:
        """What health has judged."""
        judged = self.judged
        return judged.examined if judged is not None else np.zeros(len(self.table), np.bool_)

    def figure(self, field: str) -> Floats:
        """A figure by the name of its field of the filter; NaN where there is none."""
        column = self.table.column
        match field:
            case "inf":
                return column("posinf") + column("neginf")
            case "sparsity" | "zeros_share":
                with np.errstate(invalid="ignore", divide="ignore"):
                    return np.asarray(column("zeros") / column("count"))
            case _:
                return column(_FIGURES.get(field, field))

    def having(self, word: str) -> Mask:
        """What a word of the filter's field `health` means."""
        nothing = np.zeros(len(self.table), np.bool_)
        judged = self.judged
        if judged is None:
            return nothing
        match word:
            case "nan" | "inf":
                return judged.examined & (self.figure(word) > 0)
            case "bad":
                return np.asarray(judged.health.marks >= Severity.WARNING)
            case "ok":
                return judged.examined & (judged.health.marks < Severity.WARNING)
        for rule, hits in judged.health.hits:
            if word in _SEVERITIES:
                nothing[hits.rows[hits.severity == _SEVERITIES[word]]] = True
            elif RULE_OF_WORD.get(word) == rule.id:
                nothing[hits.rows] = True
        return nothing


FindingsOf = Callable[[Checkpoint], Findings | None]
"""What was found in a checkpoint, None where it was not scanned."""
