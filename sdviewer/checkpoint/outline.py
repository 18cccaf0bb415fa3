"""Outline: the module tree with groups of siblings between a node and its children.

A group is a range of a node's many children ("0 … 999"), or a run of blocks that are alike. It takes a
place of its own in preorder, so that all that is done with nodes is done with groups in the same way.

An *item* is a node, under its own number, or a group: those are numbered from `len(tree)` up, in the
order of their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.alike_blocks import AlikeRuns
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.sections import exact_total

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

# A node with more children than this shows ranges of so many, and ranges of so many ranges.
RANGE = 1_000


class Group(IntEnum):
    """What holds a group together."""

    RANGE = 0
    ALIKE = 1


@dataclass(frozen=True, eq=False)
class Outline:
    """Columns over items, and over groups alone; a place is a position in preorder of nodes and groups.

    Attributes:
        tree: the tree of the nodes.
        item: by place, the item there.
        place: of each item.
        end: of each item, the place behind the last one in it.
        parent: of each item, the item around it; -1 for the root.
        kind: of each group, a `Group`.
        first: of each group, the first node in it.
        last: of each group, the last of its direct nodes.
        count: of each group, its direct nodes; of a range of ranges, all in these.

    """

    tree: ModuleTree
    item: Int32
    place: Int32
    end: Int32
    parent: Int32
    kind: npt.NDArray[np.uint8]
    first: Int64
    last: Int64
    count: Int64

    def __len__(self) -> int:
        return len(self.item)

    def is_group(self, item: int) -> bool:
        """Whether an item is a group, and no node."""
        return item >= len(self.tree)

    def group(self, item: int) -> int:
        """The index of a group among the groups."""
        return item - len(self.tree)

    def owner(self, item: int) -> int:
        """The node that an item is, or whose children a group holds."""
        return int(self.tree.parent[self.first[self.group(item)]]) if self.is_group(item) else item

    def groups_within(self, first: int, end: int) -> slice:
        """The groups whose places are in [first, end)."""
        places = self.place[len(self.tree) :]
        return slice(*np.searchsorted(places, (first, end)).tolist())

    def nodes_of(self, item: int) -> range:
        """All nodes at or below an item."""
        if not self.is_group(item):
            return range(item, int(self.tree.end[item]))
        group = self.group(item)
        return range(int(self.first[group]), int(self.tree.end[self.last[group]]))

    def members(self, item: int) -> Int64:
        """The direct nodes of a group, those of a range of ranges as well."""
        nodes = self.nodes_of(item)
        return np.flatnonzero(self.tree.parent[nodes.start : nodes.stop] == self.owner(item)) + nodes.start


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """What lies in a group: tensors, their elements without buffers, and bytes; tied tensors once in the latter two."""

    tensors: int
    parameters: int
    nbytes: int


def group_totals(outline: Outline, item: int) -> GroupTotals:
    """The totals of a group, as `ModuleTree` has those of a node."""
    tree, nodes = outline.tree, outline.nodes_of(item)
    tensors = np.flatnonzero(tree.what[nodes.start : nodes.stop] == TreeNode.TENSOR) + nodes.start
    tie = tree.tie[tree.ref[tensors]]
    return GroupTotals(len(tensors), _once(tree.parameters[tensors], tie), _once(tree.nbytes[tensors], tie))


def _once(values: Int64, tie: Int64) -> int:
    """The sum without what is tied to one that has been counted."""
    tied = np.flatnonzero((tie >= 0) & (values != 0))
    if not len(tied):
        return exact_total(values)
    _, counted = np.unique(tie[tied], return_index=True)
    return exact_total(np.concatenate((values[tie < 0], values[tied[counted]])))


@dataclass(frozen=True, eq=False)
class _Level:
    """Groups of one coarseness: their direct nodes one after another, `count` each."""

    kind: Group
    count: Int64
    nodes: Int64

    @property
    def first(self) -> Int64:
        return self.nodes.take(np.cumsum(self.count) - self.count)

    @property
    def last(self) -> Int64:
        return self.nodes.take(np.cumsum(self.count) - 1)


def outline_of(tree: ModuleTree, runs: AlikeRuns | None = None) -> Outline:
    """The outline of a tree: ranges wherever a node has more than `RANGE` children, and runs of alike blocks.

    A run that reaches over several ranges becomes a run in each; where it fills one, the range stands for it.
    """
    nodes = len(tree)
    children, index, siblings = _many_children(tree)
    levels = _ranges(children, index, siblings)
    if runs is not None:
        levels.append(_runs(tree, runs, children, index, siblings))
    levels = [level for level in levels if len(level.count)]
    if not levels:
        places, nothing = np.arange(nodes, dtype=np.int32), np.zeros(0, np.int64)
        return Outline(tree, places, places, tree.end, tree.parent, nothing.astype(np.uint8), nothing, nothing, nothing)
    first = np.concatenate([level.first for level in levels])
    last = np.concatenate([level.last for level in levels])
    coarseness = np.repeat(np.arange(len(levels)), [len(level.count) for level in levels])
    end = tree.end[last].astype(np.int64)
    # The groups around a node stand before it, the widest first.
    order = np.lexsort((coarseness, -end, first))
    starts = first[order]
    place = np.empty(nodes + len(order), np.int32)
    place[:nodes] = np.arange(nodes) + np.searchsorted(starts, np.arange(nodes), "right")
    place[nodes:] = starts + np.arange(len(order))
    ends = np.concatenate((tree.end, end[order]))
    item = np.empty(len(place), np.int32)
    item[place] = np.arange(len(place))

    number = np.empty(len(order), np.int64)
    number[order] = nodes + np.arange(len(order))
    parent = np.empty(len(place), np.int32)
    parent[:nodes] = tree.parent
    for level, numbers in zip(levels, np.split(number, np.flatnonzero(np.diff(coarseness)) + 1), strict=True):
        # By now the parent of a node is the innermost group around it of those that are coarser.
        parent[numbers] = parent[level.first]
        parent[level.nodes] = np.repeat(numbers, level.count)
    kind = np.concatenate([np.full(len(level.count), level.kind, np.uint8) for level in levels])
    return Outline(
        tree,
        item,
        place,
        (ends + np.searchsorted(starts, ends)).astype(np.int32),
        parent,
        kind[order],
        starts,
        last[order],
        np.concatenate([level.count for level in levels])[order],
    )


def _many_children(tree: ModuleTree) -> tuple[Int64, Int64, Int64]:
    """The children of nodes that have more than `RANGE`, parent after parent.

    With each goes which child of its parent it is, and how many that has.
    """
    parent = tree.parent[1:]
    is_large = np.bincount(parent, minlength=len(tree)) > RANGE
    children = np.flatnonzero(is_large[parent]) + 1
    children = children[np.argsort(tree.parent[children], kind="stable")]
    begins = np.flatnonzero(np.diff(tree.parent[children], prepend=-1))
    counts = np.diff(begins, append=len(children))
    siblings = np.repeat(counts, counts)
    return children, np.arange(len(children)) - np.repeat(begins, counts), siblings


def _ranges(children: Int64, index: Int64, siblings: Int64) -> list[_Level]:
    """Ranges of ranges before ranges; what would hold one thing alone is left out."""
    levels: list[_Level] = []
    width = RANGE
    while width < siblings.max(initial=0):
        many = siblings > width
        nodes, starts = children[many], np.flatnonzero(index[many] % width == 0)
        count = np.diff(starts, append=len(nodes))
        kept = count > width // RANGE
        levels.insert(0, _Level(Group.RANGE, count[kept], nodes[np.repeat(kept, count)]))
        width *= RANGE
    return levels


def _runs(tree: ModuleTree, runs: AlikeRuns, children: Int64, index: Int64, siblings: Int64) -> _Level:
    """The runs, cut where ranges begin."""
    # Where there are no ranges a node has at most as many children as one would hold.
    place, most = np.zeros(len(tree), np.int64), np.full(len(tree), -1)
    place[children], most[children] = index, siblings
    begin = place[runs.first]
    pieces = (begin + runs.count - 1) // RANGE - begin // RANGE + 1
    run = np.repeat(np.arange(len(pieces)), pieces)
    piece = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin, size, first = begin[run], runs.size[run], runs.first[run]
    range_start = (begin // RANGE + piece) * RANGE
    low, high = np.maximum(range_start, begin), np.minimum(range_start + RANGE, begin + runs.count[run])
    count = high - low
    fills = count == np.minimum(RANGE, most[first] - range_start)
    kept = (count > 1) & ~fills
    first, size, count = (first + (low - begin) * size)[kept], size[kept], count[kept]
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return _Level(Group.ALIKE, count, np.repeat(first, count) + step * np.repeat(size, count))
