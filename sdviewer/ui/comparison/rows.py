"""DiffRows: which node of a merged tree stands in which row, as a tree or as a sorted list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.comparison.merged_tree import MergedTree
from sdviewer.comparison.standing import Standing, sorted_nodes
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ROWS_AT_FIRST = 40
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants to see.

    Attributes:
        text: words that must all be in one of a tensor's keys, whatever their case.
        marks: of `ROLLED`, one of which a tensor must have; none for any.
        only_different: whether tensors that differ by nothing but their names are left out.
        sort: a measure of `MEASURES`, "name" or "mark", for a list of tensors; "" for the tree.
        descending: the largest first.

    """

    text: str = ""
    marks: frozenset[str] = frozenset()
    only_different: bool = False
    sort: str = ""
    descending: bool = True

    @property
    def narrows(self) -> bool:
        """Whether something was asked for by name or mark."""
        return bool(self.text.strip() or self.marks)


@dataclass(frozen=True, eq=False, slots=True)
class Arranged:
    """What a job makes of a wish.

    Attributes:
        wish: which one.
        leaves: for every node whether it is a tensor that is shown; None for all.
        listed: the nodes of a list, in order; None for the tree.

    """

    wish: Wish
    leaves: Mask | None
    listed: Int64 | None


def arranged(standing: Standing, wish: Wish, control: Control | None = None) -> Arranged:
    """Do what a wish asks for.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    leaves: Mask | None = None
    if wish.only_different:
        leaves = standing.differs()
    if wish.marks:
        marked = standing.marked(wish.marks)
        leaves = marked if leaves is None else leaves & marked
    words = wish.text.lower().split()
    if words:
        leaves = standing.is_leaf.copy() if leaves is None else leaves
        for count, node in enumerate(np.flatnonzero(leaves).tolist()):
            if count % _AT_ONCE == 0:
                control.check()
            keys = "\n".join(standing.keys_at(node)).lower()
            if not all(word in keys for word in words):
                leaves[node] = False
    listed = None
    if wish.sort:
        nodes = np.flatnonzero(standing.is_leaf if leaves is None else leaves)
        listed = sorted_nodes(standing, nodes, wish.sort, descending=wish.descending)
    return Arranged(wish, leaves, listed)


class DiffRows:
    """Node 0 is the first row of a tree and always open.

    `nodes` are those in sight, in order; `shown` is which of all nodes are not filtered away.
    """

    def __init__(self, tree: MergedTree) -> None:
        self.tree = tree
        size = len(tree)
        self.has_children: Mask = tree.end > np.arange(1, size + 1)
        self.expanded = _expanded_at_first(tree, self.has_children)
        self._unfiltered = self.expanded
        self.shown: Mask = np.ones(size, np.bool_)
        self.arranged = Arranged(Wish(), None, None)
        self.nodes = self._visible()

    @property
    def is_list(self) -> bool:
        """Whether tensors stand in a sorted list."""
        return self.arranged.listed is not None

    def arrange(self, arranged: Arranged) -> None:
        """Show what a wish has left, all of it open if something was asked for."""
        was_narrow, self.arranged = self.arranged.wish.narrows, arranged
        size = len(self.tree)
        if arranged.leaves is None:
            self.shown = np.ones(size, np.bool_)
        else:
            count = np.zeros(size + 1, np.int64)
            np.cumsum(arranged.leaves, out=count[1:])
            self.shown = arranged.leaves | (count[self.tree.end] > count[1:])
            self.shown[0] = True
        if arranged.wish.narrows and not was_narrow:
            self._unfiltered = self.expanded
        if arranged.wish.narrows:
            self.expanded = self.has_children.copy()
        elif was_narrow:
            self.expanded = self._unfiltered
        self.nodes = arranged.listed if arranged.listed is not None else self._visible()

    def __len__(self) -> int:
        return len(self.nodes)

    def row_of(self, node: int) -> int:
        """The row of a node; -1 for none."""
        if self.is_list:
            found = np.flatnonzero(self.nodes == node)
            return int(found[0]) if len(found) else -1
        row = int(np.searchsorted(self.nodes, node))
        return row if row < len(self.nodes) and self.nodes[row] == node else -1

    def below(self, node: int) -> range:
        """The rows that all below a node take."""
        first, last = np.searchsorted(self.nodes, (node + 1, self.tree.end[node])).tolist()
        return range(first, last)

    def to_show(self, node: int, *, deep: bool = False) -> Int64:
        """The nodes that come into sight when a node in sight is opened; with `deep`, all below it is open then."""
        if deep:
            below = slice(node, int(self.tree.end[node]))
            self.expanded[below] = self.has_children[below]
        else:
            self.expanded[node] = True
        nodes = self._visible()
        first, last = np.searchsorted(nodes, (node + 1, self.tree.end[node])).tolist()
        return nodes[first:last]

    def insert(self, row: int, nodes: Int64) -> None:
        """Put nodes into rows from `row` on."""
        self.nodes = np.concatenate((self.nodes[:row], nodes, self.nodes[row:]))

    def cut(self, rows: range) -> None:
        """Take rows away."""
        self.nodes = np.delete(self.nodes, slice(rows.start, rows.stop))

    def ancestors(self, node: int) -> list[int]:
        """From the parent of a node up to the root."""
        found = []
        while (node := int(self.tree.parent[node])) >= 0:
            found.append(node)
        return found

    def next_among(self, marked: Mask, node: int, step: int) -> int:
        """The next marked node in the order that is shown, going round; -1 for none."""
        if self.is_list:
            nodes = self.nodes[marked[self.nodes]]
            places = np.flatnonzero(marked[self.nodes])
            at = self.row_of(node)
        else:
            nodes = np.flatnonzero(marked & self.shown)
            places, at = nodes, node
        if not len(nodes):
            return -1
        if step > 0:
            place = int(np.searchsorted(places, at, side="right"))
            return int(nodes[place % len(nodes)])
        return int(nodes[int(np.searchsorted(places, at)) - 1])

    def find_prefix(self, prefix: str, row: int) -> int:
        """The first row at or behind `row`, going round, whose label begins so; -1 for none."""
        wanted, size = prefix.lower(), len(self.nodes)
        for turn in range(size):
            at = (row + turn) % size
            if self.tree.label[self.nodes[at]].lower().startswith(wanted):
                return at
        return -1

    def _visible(self) -> Int64:
        closed = np.flatnonzero(self.has_children & ~self.expanded)
        depth = np.zeros(len(self.tree) + 1, np.int64)
        depth[closed + 1] += 1
        depth -= np.bincount(self.tree.end[closed], minlength=len(self.tree) + 1)
        found: Int64 = np.flatnonzero((np.cumsum(depth[:-1]) == 0) & self.shown)
        return found


def _expanded_at_first(tree: MergedTree, has_children: Mask) -> Mask:
    """The root, and further levels while the rows stay few."""
    expanded = np.zeros(len(tree), np.bool_)
    expanded[0] = True
    sizes = np.bincount(tree.depth)
    for level in range(1, len(sizes)):
        if sizes[: level + 2].sum() > _ROWS_AT_FIRST:
            break
        expanded |= (tree.depth == level) & has_children
    return expanded
