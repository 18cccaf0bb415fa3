"""Which nodes of the tree have problems, and which stand above such nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint, Problem, Severity
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensor_problems import problems_of_tensors, rows_named

Int64 = npt.NDArray[np.int64]

# What is only worth knowing is no problem that a reader is led to.
_SEVERITIES: tuple[Severity, ...] = ("error", "warning")
_MOST_TOLD = 6


@dataclass(frozen=True, eq=False)
class TreeProblems:
    """Nodes with errors and warnings, sorted; the root has those that concern no tensor.

    Attributes:
        nodes: of all, by severity.
        which: with each node, the index of its message in `messages`.
        messages: the different messages.

    """

    nodes: Mapping[Severity, Int64] = field(default_factory=dict)
    which: Mapping[Severity, Int64] = field(default_factory=dict)
    messages: tuple[str, ...] = ()

    def within(self, first: int, end: int) -> Severity | None:
        """The worst in the nodes [first, end), None for none."""
        for severity, nodes in self.nodes.items():
            # Asked for each row that is painted, and most files have no problems at all.
            if len(nodes) and nodes.searchsorted(first) < nodes.searchsorted(end):
                return severity
        return None

    def message(self, node: int) -> str:
        """What is wrong with a node itself, "" for nothing."""
        for severity, nodes in self.nodes.items():
            at = int(np.searchsorted(nodes, node))
            if at < len(nodes) and nodes[at] == node:
                return self.messages[int(self.which[severity][at])]
        return ""

    def count(self, first: int, end: int) -> int:
        """How many of the nodes [first, end) have problems."""
        return sum(int(np.diff(np.searchsorted(nodes, (first, end)))[0]) for nodes in self.nodes.values())

    def next_to(self, node: int, step: int) -> int:
        """The node with a problem that follows in the direction of `step`, going round; -1 for none."""
        found = np.sort(np.concatenate([np.zeros(0, np.int64), *self.nodes.values()]))
        if not len(found):
            return -1
        at = np.searchsorted(found, node, "right") if step > 0 else np.searchsorted(found, node) - 1
        return int(found[at % len(found)])


NO_PROBLEMS = TreeProblems()


def problems_of_tree(checkpoint: Checkpoint) -> TreeProblems:
    """The problems of a checkpoint at their nodes: those of tensors and parts at theirs, all others at the root."""
    tree, found = checkpoint.tree, problems_of_tensors(checkpoint)
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR)
    index = found.index[tree.ref[tensors]]
    table = checkpoint.table
    of_tensors = rows_named(table.name, table.listed, [problem.where for problem in checkpoint.problems])
    others = [problem for problem in checkpoint.problems if problem.where not in of_tensors]
    section_nodes = nodes_of_sections(checkpoint)
    beside: dict[int, list[Problem]] = {}
    for problem in others:
        beside.setdefault(section_nodes.get(problem.where, 0), []).append(problem)
    messages = [*found.messages]
    placed: dict[Severity, dict[int, int]] = {severity: {} for severity in _SEVERITIES}
    for node, problems in beside.items():
        worst = next((kind for kind in _SEVERITIES if any(problem.severity == kind for problem in problems)), None)
        if worst is not None:
            placed[worst][node] = len(messages)
            messages.append("\n".join([problem.message for problem in problems[:_MOST_TOLD]]))
    nodes: dict[Severity, Int64] = {}
    which: dict[Severity, Int64] = {}
    for severity in _SEVERITIES:
        is_such = np.array([*(kind == severity for kind in found.severities), False], np.bool_)
        at = np.flatnonzero(is_such[index])
        own = placed[severity]
        all_nodes = np.concatenate((np.fromiter(own, np.int64, len(own)), tensors[at]))
        order = np.argsort(all_nodes, kind="stable")
        nodes[severity] = all_nodes[order]
        which[severity] = np.concatenate((np.fromiter(own.values(), np.int64, len(own)), index[at]))[order]
    return TreeProblems(nodes, which, tuple(messages))


def nodes_of_sections(checkpoint: Checkpoint) -> Mapping[str, int]:
    """Path of a section in the file → its node in the tree; the root, which is no part of it, left out."""
    tree = checkpoint.tree
    sections = list(checkpoint.sections.values())
    at = np.flatnonzero(tree.what == TreeNode.SECTION).tolist()
    return {path: node for node in reversed(at) if (path := sections[int(tree.ref[node])].path)}
