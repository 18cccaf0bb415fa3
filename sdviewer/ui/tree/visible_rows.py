"""VisibleRows: the flattened tree, which item stands in which row while some are collapsed.

Qt's own tree view asks Python about every row of an open parent (100,000 siblings: a second and
more). Preorder columns make the same a few array operations: a collapsed item hides the range
behind it, and the visible rows are where no range lies.

An item is a node of the tree or a group of nodes, see `Outline`. A group that is off has no row of
its own, and what is in it stands where it would without: runs of alike blocks as long as they are
not folded, and all groups while a filter is on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.alike_blocks import alike_runs
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.checkpoint.outline import Group, Outline, outline_of
from sdviewer.checkpoint.tree_problems import NO_PROBLEMS, TreeProblems, problems_of_tree
from sdviewer.control import Control
from sdviewer.ui.tree.health import Health

Int32 = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

# A freshly opened tree shows whole levels as long as they fit on a screen.
_ROWS_AT_FIRST = 40
_LOOKED_AT_ONCE = 1 << 16


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


def rows_of(checkpoint: Checkpoint, control: Control) -> VisibleRows:
    """The rows of a checkpoint with all that they can show: ranges, alike blocks, problems. Not for the GUI thread.

    Raises:
        Cancelled: `control` was cancelled.

    """
    outline = outline_of(checkpoint.tree, alike_runs(checkpoint, control))
    control.check()
    return VisibleRows(checkpoint.tree, outline, problems_of_tree(checkpoint))


class VisibleRows:
    """Rows of a tree view. Node 0, the root, is always the first row and always open.

    `has_children` and `expanded` hold one entry an item, `folded` one a group: whether it is on. `health` is what a
    scan has found, None before one.
    """

    def __init__(self, tree: ModuleTree, outline: Outline | None = None, problems: TreeProblems = NO_PROBLEMS) -> None:
        self.tree = tree
        self.outline = outline if outline is not None else outline_of(tree)
        self.problems = problems
        self.has_children = np.ones(len(self.outline), np.bool_)
        self.has_children[: len(tree)] = tree.end > np.arange(1, len(tree) + 1)
        self.expanded = _expanded_at_first(self.outline, self.has_children)
        self.folded = self.outline.kind == Group.RANGE
        self.remains: Remains | None = None
        self.health: Health | None = None
        self._unfiltered = (self.has_children, self.expanded)
        self.places = self._visible_within(0, len(self.outline))

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves, all of it open; None shows everything again, open where it was before."""
        if self.remains is None:
            self._unfiltered = (self.has_children, self.expanded)
        self.remains = remains
        if remains is None:
            self.has_children, self.expanded = self._unfiltered
            self.places = self._visible_within(0, len(self.outline))
        else:
            self.has_children = self._with_groups(remains.has_children)
            self.expanded = self.has_children.copy()
            self.expanded[0] = True
            self.places = self.outline.place[remains.nodes]

    def admit(self, node: int) -> None:
        """Show a node that the filter has left out, and the way up from it, beside what matches."""
        if self.remains is None or self.outline.is_group(node) or self.remains.shown[node]:
            return
        shown, has_children = self.remains.shown.copy(), self.remains.has_children.copy()
        ancestors = self.ancestors(node)
        shown[[node, *ancestors]] = True
        has_children[ancestors] = True
        self.expanded[[above for above in ancestors if not self.has_children[above]]] = True
        self.has_children = self._with_groups(has_children)
        self.remains = Remains(self.remains.matched, shown, has_children, np.flatnonzero(shown).astype(np.int32))
        self.places = self._visible_within(0, len(self.outline))

    def fold_all(self, *, fold: bool) -> None:
        """Show every run of alike blocks as one row, or none."""
        alike = self.outline.kind == Group.ALIKE
        self.folded = (self.folded & ~alike) | (alike & fold)
        self.expanded_unfiltered[len(self.tree) :][alike] = False
        self.places = self._visible_within(0, len(self.outline))

    def take_over(self, before: VisibleRows) -> None:
        """Be open and folded as the rows of another tree of the same nodes are, or will be without their filter."""
        if np.array_equal(before.outline.place, self.outline.place):
            self.expanded, self.folded = before.expanded_unfiltered.copy(), before.folded.copy()
        else:
            self.expanded[: len(self.tree)] = before.expanded_unfiltered[: len(before.tree)]
        self._unfiltered = (self.has_children, self.expanded)
        self.places = self._visible_within(0, len(self.outline))

    def next_problem(self, node: int, step: int) -> int:
        """The next node with a problem, or with something bad that a scan has found, going round; -1 for none."""
        found = {self.problems.next_to(node, step), self.health.next_to(node, step) if self.health is not None else -1}
        found.discard(-1)
        # Behind the node first, then those to which it goes round.
        ahead = [other for other in found if (other - node) * step > 0]
        nearest = min if step > 0 else max
        return nearest(ahead or found, default=-1)

    @property
    def expanded_unfiltered(self) -> Mask:
        """What is open where no filter is on, or will be when it is taken away."""
        return self.expanded if self.remains is None else self._unfiltered[1]

    @property
    def has_alike(self) -> bool:
        """Whether there are any runs of alike blocks."""
        return bool((self.outline.kind == Group.ALIKE).any())

    @property
    def has_folded(self) -> bool:
        """Whether any run of alike blocks is folded."""
        return bool((self.folded & (self.outline.kind == Group.ALIKE)).any())

    def is_folded_run(self, item: int) -> bool:
        """Whether an item is a run of alike blocks that has a row."""
        return (
            self.outline.is_group(item)
            and self.outline.kind[self.outline.group(item)] == Group.ALIKE
            and self.is_on(item)
        )

    def is_on(self, item: int) -> bool:
        """Whether an item has a row of its own where all around it is open: a node, or a group that is on."""
        return not self.outline.is_group(item) or (self.remains is None and bool(self.folded[self.outline.group(item)]))

    def is_match(self, item: int) -> bool:
        """Whether a filter is on and the node fits it."""
        return self.remains is not None and bool(self.remains.matched[item])

    def expand_only(self, nodes: npt.NDArray[np.int64]) -> None:
        """Open these items and close all others."""
        self.expanded = np.zeros(len(self.outline), np.bool_)
        self.expanded[nodes] = True
        self.expanded &= self.has_children
        self.expanded[0] = True
        self.places = self._visible_within(0, len(self.outline))

    def __len__(self) -> int:
        return len(self.places)

    def item(self, row: int) -> int:
        """The item in a row."""
        return int(self.outline.item[self.places[row]])

    def node(self, row: int) -> int:
        """The node in a row; of a group the node whose children it holds."""
        return self.outline.owner(self.item(row))

    def items(self, first: int, end: int) -> Int32:
        """The items in some rows."""
        return self.outline.item[self.places[first:end]]

    def row_of(self, item: int) -> int:
        """The row of an item, -1 while something around it is collapsed or it is a group that is off."""
        place = self.outline.place[item]
        row = int(np.searchsorted(self.places, place))
        return row if row < len(self.places) and self.places[row] == place else -1

    def rows_below(self, item: int) -> range:
        """The rows that all below an item take."""
        first, end = np.searchsorted(self.places, (self.outline.place[item] + 1, self.outline.end[item])).tolist()
        return range(first, end)

    def ancestors(self, item: int) -> list[int]:
        """From the item around it up to the root, those that may have rows."""
        parent, found = self.outline.parent, []
        while (item := int(parent[item])) >= 0:
            if self.is_on(item):
                found.append(item)
        return found

    def parent(self, item: int) -> int:
        """The innermost item around it that may have a row; -1 for the root."""
        while (item := int(self.outline.parent[item])) >= 0 and not self.is_on(item):
            pass
        return item

    def alike_around(self, item: int) -> int:
        """The innermost run of alike blocks that is not folded and that an item is or lies in; -1 for none."""
        while item >= 0:
            if self.outline.is_group(item) and not self.folded[self.outline.group(item)]:
                return item
            item = int(self.outline.parent[item])
        return -1

    def level(self, item: int) -> int:
        """How many rows stand above an item: its depth, with the groups around it."""
        outline = self.outline
        depth = int(self.tree.depth[item]) if item < len(self.tree) else int(self.tree.depth[outline.owner(item)]) + 1
        if self.remains is not None or not len(outline.kind):
            return depth
        place, groups = outline.place[item], len(self.tree)
        around = (outline.place[groups:] < place) & (outline.end[groups:] > place) & self.folded
        return depth + int(np.count_nonzero(around))

    def places_to_show(self, item: int, *, deep: bool = False) -> Int32:
        """The places of the rows that opening a collapsed, visible item would add; with `deep`, of all below it."""
        first, end = int(self.outline.place[item]) + 1, int(self.outline.end[item])
        return self._on(np.arange(first, end, dtype=np.int32)) if deep else self._visible_within(first, end)

    def insert(self, item: int, below: Int32, *, deep: bool = False) -> None:
        """Open an item whose `places_to_show` are `below`."""
        row = self.row_of(item) + 1
        self.places = np.concatenate([self.places[:row], below, self.places[row:]])
        if deep:
            nodes, groups = self._within(int(self.outline.place[item]), int(self.outline.end[item]))
            self.expanded[nodes] = self.has_children[nodes]
            if self.remains is None:
                self.expanded[len(self.tree) :][groups] = self.folded[groups]
        self.expanded[item] = True

    def cut(self, rows: range) -> None:
        """Take rows away."""
        self.places = np.delete(self.places, slice(rows.start, rows.stop))

    def put(self, row: int, places: Int32) -> None:
        """Let rows with these places begin at `row`."""
        self.places = np.concatenate([self.places[:row], places, self.places[row:]])

    def find_prefix(self, prefix: str, row: int) -> int:
        """The first row at or behind `row`, going round, whose label begins so (ASCII case ignored); -1 for none.

        A group has the label of its first node.
        """
        wanted = np.frombuffer(prefix.encode("utf-8", "surrogatepass"), np.uint8)
        for first, end in ((row, len(self)), (0, row)):
            # Mostly the next one is near, and a million rows need not be looked at.
            for start in range(first, end, _LOOKED_AT_ONCE):
                found = self._find_within(wanted, start, min(start + _LOOKED_AT_ONCE, end))
                if found >= 0:
                    return found
        return -1

    def _find_within(self, wanted: npt.NDArray[np.uint8], first: int, end: int) -> int:
        labels, nodes = self.tree.label, self.items(first, end)
        groups = np.flatnonzero(nodes >= len(self.tree))
        if len(groups):
            nodes[groups] = self.outline.first[nodes[groups] - len(self.tree)]
        start = labels.offsets[:-1][nodes]
        rows = np.flatnonzero(labels.offsets[1:][nodes] - start >= len(wanted))
        for position, byte in enumerate(wanted):
            found = labels.bytes_array[start[rows] + position]
            rows = rows[_lower(found) == _lower(byte)]
        return first + int(rows[0]) if len(rows) else -1

    def _with_groups(self, of_nodes: Mask) -> Mask:
        """While a filter is on, groups are off: they have no children and are not open."""
        return np.concatenate((of_nodes, np.zeros(len(self.outline.kind), np.bool_)))

    def _within(self, first: int, end: int) -> tuple[slice, slice]:
        """The nodes and the groups that have the places [first, end)."""
        groups = self.outline.groups_within(first, end)
        return slice(first - groups.start, end - groups.stop), groups

    def _on(self, places: Int32) -> Int32:
        """Of some places those whose items may have rows: no groups that are off, nor what a filter hides."""
        if self.remains is not None:
            items = self.outline.item[places]
            is_node = items < len(self.tree)
            places = places[is_node]
            return places[self.remains.shown[items[is_node]]]
        off = self.outline.place[len(self.tree) :][~self.folded]
        at = np.searchsorted(places, off)
        at, off = at[at < len(places)], off[at < len(places)]
        return np.delete(places, at[places[at] == off]) if len(at) else places

    def _visible_within(self, first: int, end: int) -> Int32:
        """Places of [first, end) with nothing collapsed around them in it, in order."""
        outline, groups_from = self.outline, len(self.tree)
        nodes, groups = self._within(first, end)
        closed = np.flatnonzero(self.has_children[nodes] & ~self.expanded[nodes]) + nodes.start
        if groups.stop > groups.start and self.remains is None:
            closed_groups = self.folded[groups] & ~self.expanded[groups_from:][groups]
            closed = np.concatenate((closed, np.flatnonzero(closed_groups) + groups_from + groups.start))
        # What lies directly in something closed hides nothing more: nearly all of a tree of which little is open.
        # All lies in the item whose place is before the first: that is about to be opened.
        around = outline.parent[closed]
        matters = self.expanded[around]
        matters |= around == (outline.item[first - 1] if first else -1)
        if len(outline.kind):
            in_group = np.flatnonzero(around >= groups_from)
            is_off = ~self.folded | (self.remains is not None)
            matters[in_group] |= is_off[around[in_group] - groups_from]
        closed = closed[matters]
        closed = closed[np.argsort(outline.place[closed], kind="stable")]
        # Of those left some lie deeper in others: the outermost follow each other.
        begin, stop = outline.place[closed] + 1, outline.end[closed]
        reached = np.maximum.accumulate(stop)
        outermost = begin > np.concatenate(([first], reached[:-1]))[: len(begin)]
        starts = np.concatenate(([first], stop[outermost]))
        counts = np.concatenate((begin[outermost], [end])) - starts
        shift = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return self._on((shift + np.arange(len(shift))).astype(np.int32))


def _lower(codes: npt.NDArray[np.uint8] | np.uint8) -> npt.NDArray[np.uint8]:
    return np.where((codes >= ord("A")) & (codes <= ord("Z")), codes | 32, codes).astype(np.uint8)


def _expanded_at_first(outline: Outline, has_children: Mask) -> Mask:
    """The root and its first branch are open, further levels while the rows stay few; ranges are closed."""
    tree = outline.tree
    expanded = np.zeros(len(outline), np.bool_)
    expanded[0] = True
    depth = tree.depth
    ranges = np.flatnonzero(outline.kind == Group.RANGE)
    if len(ranges):
        # Each outermost range is a row, and what lies in it is none.
        cover = np.zeros(len(tree) + 1, np.int32)
        np.add.at(cover, outline.first[ranges], 1)
        np.subtract.at(cover, tree.end[outline.last[ranges]], 1)
        outermost = ranges[outline.parent[len(tree) + ranges] < len(tree)]
        rows = np.flatnonzero(np.cumsum(cover[:-1], dtype=np.int32) == 0)
        depth = np.concatenate((tree.depth[rows], tree.depth[outline.first[outermost]]))
    level_sizes = np.bincount(depth)
    for level in range(1, len(level_sizes) - 1):
        if level_sizes[: level + 2].sum() > _ROWS_AT_FIRST:
            break
        expanded[: len(tree)] |= (tree.depth == level) & has_children[: len(tree)]
    branches = np.flatnonzero((tree.depth == 1) & has_children[: len(tree)])
    if len(branches):
        expanded[branches[0]] = True
    return expanded
