"""VisibleRows: the flattened tree, which node stands in which row while some are collapsed.

Qt's own tree view asks Python about every row of an open parent (100,000 siblings: a second and
more). Preorder columns make the same a few array operations: a collapsed node hides the range
behind it, and the visible rows are where no range lies.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.modules import ModuleTree

Int32 = npt.NDArray[np.int32]

# A freshly opened tree shows whole levels as long as they fit on a screen.
_ROWS_AT_FIRST = 40


class VisibleRows:
    """Rows of a tree view. Node 0, the root, is always the first row and always open."""

    def __init__(self, tree: ModuleTree) -> None:
        self.tree = tree
        self.has_children = tree.end > np.arange(1, len(tree) + 1)
        self.expanded = _expanded_at_first(tree, self.has_children)
        self.nodes = self._visible_within(0, len(tree))

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
        return np.arange(first, end, dtype=np.int32) if deep else self._visible_within(first, end)

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
        hidden = np.cumsum(depth_of_cover[:-1], dtype=np.int32) > 0
        return (np.flatnonzero(~hidden) + first).astype(np.int32)


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
