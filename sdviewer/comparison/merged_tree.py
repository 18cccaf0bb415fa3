"""MergedTree: the modules of both sides as one tree, and what its tensors' differences add up to.

A pair stands under the name that it has on the left; a tensor of the right alone stands where the
renames that the pairs show would put it. Columns are preorder; children come in natural order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.natural_order import natural_ranks
from sdviewer.comparison.comparing import MARKS, Compared
from sdviewer.comparison.matching import Matching
from sdviewer.comparison.rename_rules import rename_rules
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]

_AT_ONCE = 4096


class Leaf(IntEnum):
    """What a node of the merged tree is."""

    MODULE = 0
    PAIR = 1
    ONLY_A = 2
    ONLY_B = 3


@dataclass(frozen=True, eq=False, slots=True)
class MergedTree:
    """Columns of one length, preorder; node 0 is the root, descendants of `i` are `i + 1 … end[i] - 1`.

    Attributes:
        label: the last segment of each node's name, "" for the root.
        what: a `Leaf`.
        place: of a pair its place in `matching.pairs`; of others the place among the keys of their side; -1.
        parent, depth, end: int64.
        node_of_pair: the node of each pair, shape `(len(matching.pairs),)`.

    """

    label: tuple[str, ...]
    what: npt.NDArray[np.uint8]
    place: Int64
    parent: Int64
    depth: Int64
    end: Int64
    node_of_pair: Int64

    def __len__(self) -> int:
        return len(self.label)


@dataclass(slots=True)
class _Module:
    modules: dict[str, _Module] = field(default_factory=dict)
    leaves: list[tuple[str, Leaf, int]] = field(default_factory=list)


def merged_tree(matching: Matching, control: Control | None = None) -> MergedTree:
    """The tree of a matching.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    root = _Module()
    segments: dict[str, None] = {}
    names_a, names_b = matching.a.keys, matching.b.keys
    back = rename_rules((names_b[pair.b], names_a[pair.a]) for pair in matching.pairs if pair.part is None)

    def hang(name: str, leaf: Leaf, place: int) -> None:
        *path, last = name.split(".")
        at = root
        for segment in path:
            segments[segment] = None
            at = at.modules.setdefault(segment, _Module())
        segments[last] = None
        at.leaves.append((last, leaf, place))

    for place, pair in enumerate(matching.pairs):
        if place % _AT_ONCE == 0:
            control.check()
        # Of a fused tensor each part is a pair: it stands under the name of the part.
        is_split_a = pair.part is not None and _is_whole(matching, pair.a, pair.b)
        hang(names_b[pair.b] if is_split_a else names_a[pair.a], Leaf.PAIR, place)
    for place in matching.only_a:
        hang(names_a[place], Leaf.ONLY_A, place)
    for place in matching.only_b:
        name = names_b[place]
        for rule in back:
            name = rule.apply(name)
        hang(name, Leaf.ONLY_B, place)
    ranks = natural_ranks(StringColumn.of(list(segments)), control)
    return _columns(root, dict(zip(segments, ranks.tolist(), strict=True)), len(matching.pairs), control)


def _is_whole(matching: Matching, a: int, b: int) -> bool:
    """Whether the left one of a fused pair is the fused tensor."""
    shape_a, shape_b = matching.a.ref(a).shape, matching.b.ref(b).shape
    return math.prod(shape_a) > math.prod(shape_b)


def _columns(root: _Module, rank: dict[str, int], pairs: int, control: Control) -> MergedTree:
    labels: list[str] = []
    what: list[int] = []
    place: list[int] = []
    parent: list[int] = []
    depth: list[int] = []
    todo: list[tuple[str, _Module | tuple[Leaf, int], int, int]] = [("", root, -1, 0)]
    while todo:
        label, item, above, level = todo.pop()
        node = len(labels)
        if node % _AT_ONCE == 0:
            control.check()
        labels.append(label)
        parent.append(above)
        depth.append(level)
        if not isinstance(item, _Module):
            what.append(item[0])
            place.append(item[1])
            continue
        what.append(Leaf.MODULE)
        place.append(-1)
        below: list[tuple[str, _Module | tuple[Leaf, int], int, int]] = [
            (name, (leaf, number), node, level + 1) for name, leaf, number in item.leaves
        ]
        below += [(name, module, node, level + 1) for name, module in item.modules.items()]
        below.sort(key=lambda child: rank[child[0]], reverse=True)
        todo += below
    parents = np.array(parent, np.int64)
    end = np.arange(1, len(labels) + 1, dtype=np.int64)
    for node in range(len(labels) - 1, 0, -1):
        above = parent[node]
        end[above] = max(end[above], end[node])
    kinds, places = np.array(what, np.uint8), np.array(place, np.int64)
    node_of_pair = np.full(pairs, -1, np.int64)
    at = np.flatnonzero(kinds == Leaf.PAIR)
    node_of_pair[places[at]] = at
    return MergedTree(tuple(labels), kinds, places, parents, np.array(depth, np.int64), end, node_of_pair)


ROLLED = (*MARKS, "only_a", "only_b", "waiting")
"""What is counted for every node: marks, tensors without a partner, and pairs whose values are still to come."""


class Rollups:
    """For every node how many tensors below have each mark, and the squares that their norms are made of.

    Attributes:
        counts: int64, shape `(nodes, len(ROLLED))`.
        delta2, a2: Σ‖Δ‖² and Σ‖a‖² of the pairs below; averages of ratios would say nothing.

    """

    def __init__(self, tree: MergedTree, compared: list[Compared]) -> None:
        self._tree = tree
        self.counts = np.zeros((len(tree), len(ROLLED)), np.int64)
        self.delta2 = np.zeros(len(tree))
        self.a2 = np.zeros(len(tree))
        for node in range(len(tree)):
            leaf = tree.what[node]
            if leaf == Leaf.PAIR:
                self.counts[node, [ROLLED.index(mark) for mark in compared[tree.place[node]].marks]] = 1
                self.counts[node, -1] = 1
            elif leaf != Leaf.MODULE:
                self.counts[node, ROLLED.index("only_a" if leaf == Leaf.ONLY_A else "only_b")] = 1
        # From the last node to the first every node has all of its own below when it is added to its parent.
        for node in range(len(tree) - 1, 0, -1):
            self.counts[tree.parent[node]] += self.counts[node]

    def settle(self, place: int, before: Compared, after: Compared) -> None:
        """The values of a pair were compared: change its node and all above."""
        change = np.zeros(len(ROLLED), np.int64)
        for mark in after.marks:
            change[ROLLED.index(mark)] += 1
        for mark in before.marks:
            change[ROLLED.index(mark)] -= 1
        node = int(self._tree.node_of_pair[place])
        change[-1] = -int(self.counts[node, -1])
        sums = after.sums
        delta2 = math.ldexp(sums.delta2, 2 * sums.exponent) if sums is not None else 0.0
        a2 = math.ldexp(sums.a2, 2 * sums.exponent) if sums is not None else 0.0
        old_delta2, old_a2 = self.delta2[node], self.a2[node]
        while node >= 0:
            self.counts[node] += change
            self.delta2[node] += delta2 - old_delta2
            self.a2[node] += a2 - old_a2
            node = int(self._tree.parent[node])

    def relative(self, node: int) -> float | None:
        """‖Δ‖ / ‖a‖ over all pairs below that were compared; None if there is nothing to divide by."""
        a2 = float(self.a2[node])
        return math.sqrt(max(float(self.delta2[node]), 0.0) / a2) if a2 > 0 else None
