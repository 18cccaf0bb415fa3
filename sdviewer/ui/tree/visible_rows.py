"""VisibleRows: the flattened tree, which node stands in which row while some are collapsed.

Qt's own tree view asks Python about every row of an open parent (100,000 siblings: a second and
more). Preorder columns make the same a few array operations: a collapsed node hides the range
behind it, and the visible rows are where no range lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.modules import ModuleTree

Int32 = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

# A freshly opened tree shows whole levels as long as they fit on a screen.
_ROWS_AT_FIRST = 40


@dataclass(frozen=True, eq=False)
class Remains:
    """What a filter leaves of a tree: the nodes that match, and the way up from each.

    `matched`, `shown` and `has_children` (shown ones) hold one entry a node; `nodes` are those shown, in order.
    """

    matched: Mask
    shown: Mask
    has_children: Mask
    nodes: Int32


def remains_of(tree: ModuleTree, nodes: npt.NDArray[np.integer]) -> Remains:
    """What is left where `nodes` match; the root always is."""
    matched = np.zeros(len(tree), np.bool_)
    matched[nodes] = True
    # In preorder a node's descendants are a range: some match in it if the running count grows over it.
    count = np.zeros(len(tree) + 1, np.int32)
    np.cumsum(matched, out=count[1:])
    below = count[tree.end] > count[1:]
    shown = matched | below
    shown[0] = True
    return Remains(matched, shown, below, np.flatnonzero(shown).astype(np.int32))


class VisibleRows:
    """Rows of a tree view. Node 0, the root, is always the first row and always open."""

    def __init__(self, tree: ModuleTree) -> None:
        self.tree = tree
        self.has_children = tree.end > np.arange(1, len(tree) + 1)
        self.expanded = _expanded_at_first(tree, self.has_children)
        self.remains: Remains | None = None
        self._unfiltered = (self.has_children, self.expanded)
        self.nodes = self._visible_within(0, len(tree))

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves, all of it open; None shows everything again, open where it was before."""
        if self.remains is None:
            self._unfiltered = (self.has_children, self.expanded)
        self.remains = remains
        if remains is None:
            self.has_children, self.expanded = self._unfiltered
            self.nodes = self._visible_within(0, len(self.tree))
        else:
            self.has_children, self.expanded = remains.has_children, remains.has_children.copy()
            self.expanded[0] = True
            self.nodes = remains.nodes

    def admit(self, node: int) -> None:
        """Show a node that the filter has left out, and the way up from it, beside what matches."""
        if self.remains is None or self.remains.shown[node]:
            return
        shown, has_children = self.remains.shown.copy(), self.has_children.copy()
        ancestors = self.ancestors(node)
        shown[[node, *ancestors]] = True
        has_children[ancestors] = True
        self.expanded[[above for above in ancestors if not self.has_children[above]]] = True
        self.has_children = has_children
        self.remains = Remains(self.remains.matched, shown, has_children, np.flatnonzero(shown).astype(np.int32))
        self.nodes = self._visible_within(0, len(self.tree))

    @property
    def expanded_unfiltered(self) -> Mask:
        """What is open where no filter is on, or will be when it is taken away."""
        return self.expanded if self.remains is None else self._unfiltered[1]

    def is_match(self, node: int) -> bool:
        """Whether a filter is on and the node fits it."""
        return self.remains is not None and bool(self.remains.matched[node])

    def expand_only(self, nodes: npt.NDArray[np.int64]) -> None:
        """Open these nodes and close all others."""
        self.expanded = np.zeros(len(self.tree), np.bool_)
        self.expanded[nodes] = True
        self.expanded &= self.has_children
        self.expanded[0] = True
        self.nodes = self._visible_within(0, len(self.tree))

    def __len__(self) -> int:
        return len(self.nodes)

    def node(self, row: int) -> int:
        """The node in a row."""
        return int(self.nodes[row])

    def row_of(self, node: int) -> int:
        """The row of a node, -1 while an ancestor is collapsed."""
        row = int(np.searchsorted(self.nodes, node))
        return row if row < len(self.nodes) and self.nodes[row] == node else -1

    def rows_below(self, node: int) -> range:
        """The rows that a visible node's descendants take."""
        first = self.row_of(node) + 1
        return range(first, int(np.searchsorted(self.nodes, int(self.tree.end[node]))))

    def ancestors(self, node: int) -> list[int]:
        """From the parent up to the root."""
        found = []
        while (node := int(self.tree.parent[node])) >= 0:
            found.append(node)
        return found

    def nodes_to_show(self, node: int, *, deep: bool = False) -> Int32:
        """The rows that opening a collapsed, visible node would add; with `deep`, all below it."""
        first, end = node + 1, int(self.tree.end[node])
        if not deep:
            return self._visible_within(first, end)
        if self.remains is None:
            return np.arange(first, end, dtype=np.int32)
        return (np.flatnonzero(self.remains.shown[first:end]) + first).astype(np.int32)

    def insert(self, node: int, below: Int32, *, deep: bool = False) -> None:
        """Open a node whose `nodes_to_show` are `below`."""
        row = self.row_of(node) + 1
        self.nodes = np.concatenate([self.nodes[:row], below, self.nodes[row:]])
        if deep:
            self.expanded[node : int(self.tree.end[node])] = self.has_children[node : int(self.tree.end[node])]
        self.expanded[node] = True

    def remove(self, node: int) -> None:
        """Collapse a visible node; what was open below it is remembered."""
        rows = self.rows_below(node)
        self.nodes = np.delete(self.nodes, slice(rows.start, rows.stop))
        self.expanded[node] = False

    def find_prefix(self, prefix: str, row: int) -> int:
        """The first row at or behind `row`, going round, whose label begins so (ASCII case ignored); -1 for none."""
        wanted = np.frombuffer(prefix.encode("utf-8", "surrogatepass"), np.uint8)
        labels = self.tree.label
        start = labels.offsets[:-1][self.nodes]
        long_enough = labels.offsets[1:][self.nodes] - start >= len(wanted)
        rows = np.flatnonzero(long_enough)
        for position, byte in enumerate(wanted):
            found = labels.bytes_array[start[rows] + position]
            rows = rows[_lower(found) == _lower(byte)]
        if not len(rows):
            return -1
        return int(rows[np.searchsorted(rows, row) % len(rows)])

    def _visible_within(self, first: int, end: int) -> Int32:
        """Nodes of [first, end) with no collapsed ancestor in it, in order."""
        closed = np.flatnonzero(self.has_children[first:end] & ~self.expanded[first:end])
        depth_of_cover = np.zeros(end - first + 1, np.int32)
        np.add.at(depth_of_cover, closed + 1, 1)
        np.subtract.at(depth_of_cover, self.tree.end[first:end][closed] - first, 1)
        visible = np.cumsum(depth_of_cover[:-1], dtype=np.int32) == 0
        if self.remains is not None:
            visible &= self.remains.shown[first:end]
        return (np.flatnonzero(visible) + first).astype(np.int32)


def _lower(codes: npt.NDArray[np.uint8] | np.uint8) -> npt.NDArray[np.uint8]:
    return np.where((codes >= ord("A")) & (codes <= ord("Z")), codes | 32, codes).astype(np.uint8)


def _expanded_at_first(tree: ModuleTree, has_children: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The root and its first branch are open, further levels while the rows stay few."""
    expanded = np.zeros(len(tree), np.bool_)
    expanded[0] = True
    level_sizes = np.bincount(tree.depth)
    for depth in range(1, len(level_sizes) - 1):
        if level_sizes[: depth + 2].sum() > _ROWS_AT_FIRST:
            break
        expanded |= (tree.depth == depth) & has_children
    branches = np.flatnonzero((tree.depth == 1) & has_children)
    if len(branches):
        expanded[branches[0]] = True
    return expanded
