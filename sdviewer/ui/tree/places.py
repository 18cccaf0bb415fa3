"""Places: where the nodes of one tree are found in another, that of the same file after it changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.modules import ModuleTree

Int64 = npt.NDArray[np.int64]

# Branches beyond these stay as they are at first: each costs a look at its siblings.
_BRANCHES_FOLLOWED = 2_000


def rows_with(column: StringColumn, text: str, rows: npt.NDArray[np.integer]) -> Int64:
    """Those of `rows` at which a column has just this text."""
    wanted = text.encode("utf-8", "surrogatepass")
    start = column.offsets[:-1][rows]
    alike = np.flatnonzero(column.offsets[1:][rows] - start == len(wanted))
    for position, byte in enumerate(wanted):
        alike = alike[column.bytes_array[start[alike] + position] == byte]
        if not len(alike):
            break
    return rows[alike].astype(np.int64)


def children_of(tree: ModuleTree, node: int) -> Int64:
    """The direct children of a node."""
    first = node + 1
    return np.flatnonzero(tree.parent[first : int(tree.end[node])] == node) + first


def child_like(tree: ModuleTree, children: Int64, label: str, what: int) -> int:
    """The child that is called so and is such a `TreeNode`; -1 if there is none."""
    found = rows_with(tree.label, label, children[tree.what[children] == what])
    return int(found[0]) if len(found) else -1


def same_node(before: ModuleTree, node: int, after: ModuleTree) -> int:
    """The node of `after` at the place that `node` has in `before`; -1 if it is gone."""
    way = []
    while node > 0:
        way.append(node)
        node = int(before.parent[node])
    place = 0
    for step in reversed(way):
        place = child_like(after, children_of(after, place), before.label[step], int(before.what[step]))
        if place < 0:
            return -1
    return place


def same_branches(before: ModuleTree, expanded: npt.NDArray[np.bool_], after: ModuleTree) -> Int64:
    """The nodes of `after` that are open when those of `before` are."""
    found = {0: 0}
    children: dict[int, Int64] = {}
    for node in np.flatnonzero(expanded)[:_BRANCHES_FOLLOWED].tolist():
        parent = found.get(int(before.parent[node]), -1) if node else 0
        if node and parent >= 0:
            if parent not in children:
                children[parent] = children_of(after, parent)
            place = child_like(after, children[parent], before.label[node], int(before.what[node]))
            if place >= 0:
                found[node] = place
    return np.array(list(found.values()), np.int64)
