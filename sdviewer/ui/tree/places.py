"""Places: where the nodes of one tree are found in another, that of the same file after it changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.checkpoint.outline import RANGE, Group
from sdviewer.ui.tree.visible_rows import VisibleRows

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
    for node in np.flatnonzero(expanded[: len(before)])[:_BRANCHES_FOLLOWED].tolist():
        parent = found.get(int(before.parent[node]), -1) if node else 0
        if node and parent >= 0:
            if parent not in children:
                children[parent] = children_of(after, parent)
            place = child_like(after, children[parent], before.label[node], int(before.what[node]))
            if place >= 0:
                found[node] = place
    return np.array(list(found.values()), np.int64)


def same_item(before: VisibleRows, item: int, after: VisibleRows) -> int:
    """The item of `after` at the place that `item` has in `before`; -1 if it is gone.

    A group is known by its first node: of the same kind is the group that this lies in.
    """
    outline = before.outline
    if not outline.is_group(item):
        return same_node(before.tree, item, after.tree)
    group = outline.group(item)
    found = same_node(before.tree, int(outline.first[group]), after.tree)
    while found >= 0:
        found = int(after.outline.parent[found])
        if not after.outline.is_group(found):
            return -1
        other = after.outline.group(found)
        is_wide = outline.count[group] > RANGE
        if after.outline.kind[other] == outline.kind[group] and (after.outline.count[other] > RANGE) == is_wide:
            return found
    return -1


def open_as(before: VisibleRows, after: VisibleRows) -> None:
    """Let the rows of another tree be open and folded as those of `before` are."""
    groups = len(before.tree)
    found = same_branches(before.tree, before.expanded_unfiltered, after.tree).tolist()
    is_open, is_run = before.expanded_unfiltered[groups:], before.outline.kind == Group.ALIKE
    for group in np.flatnonzero(is_open | (before.folded & is_run))[:_BRANCHES_FOLLOWED].tolist():
        item = same_item(before, groups + group, after)
        if item >= 0:
            after.folded[after.outline.group(item)] |= before.folded[group]
            found += [item] if is_open[group] else []
    after.expand_only(np.array(found, np.int64))
