"""TreeMarks: health at the nodes of a tree; the worst of what lies below a node rises to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.health import Finding, Health, Severity
from sdviewer.analysis.health_rules import RULES
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.wording import PROBLEM_MARKS, shown
from sdviewer.ui.tree.health import Mark

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SEVERITY_MARKS: Mapping[Severity, Mark] = {
    Severity.ERROR: Mark.ERROR,
    Severity.WARNING: Mark.WARNING,
    Severity.NOTE: Mark.NOTE,
}
SIGNS: Mapping[Severity, str] = {
    Severity.ERROR: PROBLEM_MARKS["error"],
    Severity.WARNING: PROBLEM_MARKS["warning"],
    Severity.NOTE: PROBLEM_MARKS["info"],
}
TITLES: Mapping[str, str] = {rule.id: rule.title for rule in RULES}
REASONS: Mapping[str, str] = {rule.id: rule.reason for rule in RULES}
_CHANNELS_TOLD = 8


@dataclass(frozen=True, eq=False, slots=True)
class TreeMarks:
    """Nodes of tensors with findings, sorted, and how many tensors up to a node were examined.

    Attributes:
        tree: the nodes.
        health: what was found.
        nodes: mark → nodes of tensors that have it as their worst.
        examined: int64, shape `(nodes + 1,)`: tensors among the nodes before each that were looked at.
        expected: the same of all that have values.

    """

    tree: ModuleTree
    health: Health
    nodes: Mapping[Mark, Int64]
    examined: Int64
    expected: Int64

    def worst(self, first: int, end: int) -> Mark:
        """The worst in the nodes [first, end); whether all of them were looked at if nothing was found."""
        for mark, nodes in self.nodes.items():
            if np.searchsorted(nodes, first) < np.searchsorted(nodes, end):
                return mark
        expected = int(self.expected[end] - self.expected[first])
        is_examined = 0 < expected <= int(self.examined[end] - self.examined[first])
        return Mark.GOOD if is_examined else Mark.UNKNOWN

    def count(self, first: int, end: int, mark: Mark) -> int:
        """How many tensors of the nodes [first, end) have this as their worst."""
        found = np.searchsorted(self.nodes[mark], (first, end))
        return int(found[1] - found[0])

    def left(self, first: int, end: int) -> int:
        """How many tensors of the nodes [first, end) were not looked at."""
        return int(self.expected[end] - self.expected[first] - self.examined[end] + self.examined[first])

    def words(self, node: int) -> list[str]:
        """What was found in the tensor of a node itself, a line each."""
        if self.tree.what[node] != TreeNode.TENSOR:
            return []
        return [finding_words(finding) for finding in self.health.of(int(self.tree.ref[node]))]

    def next_to(self, node: int, step: int) -> int:
        """The node with an error or a warning that follows in the direction of `step`, going round; -1 for none."""
        found = np.sort(np.concatenate((self.nodes[Mark.ERROR], self.nodes[Mark.WARNING])))
        if not len(found):
            return -1
        at = np.searchsorted(found, node, "right") if step > 0 else np.searchsorted(found, node) - 1
        return int(found[at % len(found)])


def tree_marks(checkpoint: Checkpoint, health: Health, examined: Mask, has_values: Mask) -> TreeMarks:
    """The marks of a checkpoint's tree, given which rows have values, and were looked at; not for the GUI thread."""
    tree = checkpoint.tree
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR)
    rows = tree.ref[tensors]
    worst = health.marks[rows]
    nodes = {mark: tensors[worst == severity] for severity, mark in SEVERITY_MARKS.items()}
    looked, expected = np.zeros((2, len(tree) + 1), np.int64)
    looked[tensors[has_values[rows] & examined[rows]] + 1] = 1
    expected[tensors[has_values[rows]] + 1] = 1
    return TreeMarks(tree, health, nodes, np.cumsum(looked), np.cumsum(expected))


def finding_words(finding: Finding) -> str:
    """A finding on one line: its sign, its rule, what the figures show, and which channels are meant."""
    told = ", ".join(f"{channel}" for channel in finding.channels[:_CHANNELS_TOLD])
    more = " …" if len(finding.channels) > _CHANNELS_TOLD else ""
    where = f" ({'index' if len(finding.channels) == 1 else 'indices'} {told}{more} of axis 0)" if told else ""
    return f"{SIGNS[finding.severity]} {TITLES[finding.rule]}: {shown(finding.message)}{where}"
