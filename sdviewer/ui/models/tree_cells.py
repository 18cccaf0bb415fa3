"""Cells: what stands in one row of the tree, as texts and marks that are ready to be painted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Severity
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.outline import Group, group_totals
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.wording import bytes_for_people, label_of, plural, shape_text, shown
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.scalars import scalar_line
from sdviewer.ui.tree.health import Mark
from sdviewer.ui.tree.visible_rows import VisibleRows

_LONGEST_VALUE = 120
_LONGEST_END = 40
_NAMES_TOLD = 6
_WORSE = {Mark.ERROR: "errors", Mark.WARNING: "warnings", Mark.NOTE: "notes"}
_PLACES = (TreeNode.CONTAINER, TreeNode.SECTION, TreeNode.OBJECT, TreeNode.MODULE)


class Column(IntEnum):
    """The columns, in the order in which they stand."""

    NAME = 0
    KIND = 1
    DTYPE = 2
    SHAPE = 3
    SIZE = 4
    HEALTH = 5


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, ready to be painted. `aside` follows the name, muted.

    `item` is what the row shows, `node` the node behind it: of a group the one whose children it holds.
    `health` is what a scan has found at or below it, `is_sick` whether the row itself has one so bad.
    `problem` is the worst at or below it, `is_own` whether the row itself has one so bad. `on_the_way` is a row that a
    filter shows only because it leads to one that fits.
    """

    item: int
    node: int
    what: TreeNode
    role: Role
    indent: int
    has_children: bool
    name: str
    aside: str
    kind: str
    dtype: str
    shape: str
    size: str
    tie: bool
    is_group: bool = False
    problem: Severity | None = None
    is_own: bool = False
    on_the_way: bool = False
    health: Mark = Mark.UNKNOWN
    is_sick: bool = False

    def text(self, column: int) -> str:
        """The text of one column."""
        return (self.name, self.kind, self.dtype, self.shape, self.size, self.health.value)[column]


def make_cells(checkpoint: Checkpoint, rows: VisibleRows, item: int, title: str) -> Cells:
    """The row of an item; `title` is how the file is called."""
    return _group(checkpoint, rows, item) if rows.outline.is_group(item) else _node(checkpoint, rows, item, title)


def entries(checkpoint: Checkpoint, node: int) -> int:
    """How many entries the container or object of a node has; -1 if it is none of the file's."""
    tree = checkpoint.tree
    structure, place = checkpoint.description.structure, int(tree.node[node])
    if place < 0:
        return -1
    if tree.what[node] == TreeNode.SECTION:
        # Of a mapping that is several sections, each has only its own entries.
        return int(np.count_nonzero(tree.parent[node + 1 : int(tree.end[node])] == node))
    return int(np.count_nonzero(structure.parent[place + 1 : int(structure.end[place])] == place))


def _node(checkpoint: Checkpoint, rows: VisibleRows, node: int, title: str) -> Cells:
    tree, table = checkpoint.tree, checkpoint.table
    what = TreeNode(int(tree.what[node]))
    kind = tree.kinds[int(tree.kind[node])] if tree.kind[node] >= 0 else ""
    name, aside, dtype, shape, size = label_of(tree.label[node]), "", "", "", ""
    role, tie = Role.UNKNOWN, False
    if what is TreeNode.TENSOR:
        row = int(tree.ref[node])
        role, tie = Role(int(tree.role[row])), bool(tree.tie[row] >= 0)
        kind = "" if role is Role.UNKNOWN else role.name.lower()
        dtype, shape = shown(table.dtype_name(row)), shape_text(table.shape_of(row))
        size = bytes_for_people(int(tree.nbytes[node]))
    elif what is TreeNode.ROOT:
        name, kind = title, checkpoint.format
    elif what is TreeNode.SCALAR:
        aside, kind = f" = {scalar_line(checkpoint, node, _LONGEST_VALUE)}", ""
    elif what is TreeNode.ALIAS:
        aside = " (shown above)"
    elif not kind and tree.node[node] >= 0:
        kind = checkpoint.description.structure.type_name(int(tree.node[node]))
    if what is not TreeNode.TENSOR and tree.tensors[node] > 0:
        shape, size = plural(int(tree.tensors[node]), "tensor"), bytes_for_people(int(tree.nbytes[node]))
    elif what in _PLACES and (count := entries(checkpoint, node)) >= 0:
        shape = "empty" if count == 0 else plural(count, "entry", "entries")
    problem = rows.problems.within(node, int(tree.end[node]))
    health = rows.health.worst(node, int(tree.end[node])) if rows.health is not None else Mark.UNKNOWN
    return Cells(
        node,
        node,
        what,
        role,
        max(rows.level(node) - 1, 0),
        bool(rows.has_children[node]),
        name,
        aside,
        shown(kind),
        dtype,
        shape,
        size,
        tie,
        problem=problem,
        is_own=problem is not None and rows.problems.within(node, node + 1) == problem,
        on_the_way=rows.remains is not None and not rows.is_match(node),
        health=health,
        is_sick=what is TreeNode.TENSOR,
    )


def _group(checkpoint: Checkpoint, rows: VisibleRows, item: int) -> Cells:
    tree, outline = checkpoint.tree, rows.outline
    group = outline.group(item)
    first, last, count = int(outline.first[group]), int(outline.last[group]), int(outline.count[group])
    totals, nodes = group_totals(outline, item), outline.nodes_of(item)
    alike = outline.kind[group] == Group.ALIKE
    return Cells(
        item,
        outline.owner(item),
        TreeNode(int(tree.what[first])),
        Role.UNKNOWN,
        max(rows.level(item) - 1, 0),
        True,
        f"{_end(tree.label[first])} … {_end(tree.label[last])}",
        # Where it holds nothing but tensors, their number says it.
        f"  × {count:,} alike" if alike else "" if totals.tensors == count else f"  {count:,} entries",
        shown(tree.kinds[int(tree.kind[first])]) if alike and tree.kind[first] >= 0 else "",
        "",
        plural(totals.tensors, "tensor") if totals.tensors else "",
        bytes_for_people(totals.nbytes) if totals.tensors else "",
        tie=False,
        is_group=True,
        problem=rows.problems.within(nodes.start, nodes.stop),
        health=rows.health.worst(nodes.start, nodes.stop) if rows.health is not None else Mark.UNKNOWN,
    )


def _end(label: str) -> str:
    """One end of a range: of a long name what it ends with, for there neighbours differ."""
    text = label_of(label)
    return text if len(text) <= _LONGEST_END else f"…{text[-_LONGEST_END:]}"


def tip(checkpoint: Checkpoint, rows: VisibleRows, cells: Cells, column: int) -> str:
    """The whole text of a cell, with exact figures and full names."""
    tree = checkpoint.tree
    if column == Column.NAME:
        return _name_tip(checkpoint, rows, cells)
    if column == Column.HEALTH:
        return _health_tip(rows, cells)
    if column == Column.KIND and cells.what in _PLACES and not cells.is_group:
        count = entries(checkpoint, cells.node)
        return (
            cells.kind if count < 0 else f"{cells.kind}: {count:,} {'entry' if count == 1 else 'entries'}".lstrip(": ")
        )
    if column not in (Column.SHAPE, Column.SIZE) or not cells.size:
        return cells.text(column)
    if cells.is_group:
        totals = group_totals(rows.outline, cells.item)
        tensors, parameters, nbytes = totals.tensors, totals.parameters, totals.nbytes
    else:
        tensors, parameters = int(tree.tensors[cells.node]), int(tree.parameters[cells.node])
        nbytes = int(tree.nbytes[cells.node])
    if column == Column.SIZE:
        return f"{nbytes:,} bytes"
    if cells.what is TreeNode.TENSOR and not cells.is_group:
        numel = int(checkpoint.table.numel[int(tree.ref[cells.node])])
        return f"{cells.shape}: {numel:,} {'element' if numel == 1 else 'elements'}"
    return f"{tensors:,} tensors, {parameters:,} parameters"


def _name_tip(checkpoint: Checkpoint, rows: VisibleRows, cells: Cells) -> str:
    lines = [cells.name + cells.aside]
    if cells.is_group:
        around = shown(name_of(checkpoint, cells.node))
        lines.append(f"in {around}" if around else "")
    else:
        full = shown(name_of(checkpoint, cells.item))
        if full and full != cells.name:
            lines[0] = full + cells.aside
    if cells.tie:
        lines.append(_tied_to(checkpoint, cells.item))
    own = "" if cells.is_group else rows.problems.message(cells.item)
    lines += [shown(line) for line in own.splitlines()]
    nodes = rows.outline.nodes_of(cells.item)
    below = rows.problems.count(nodes.start, nodes.stop) - bool(own)
    if below:
        lines.append(f"{plural(below, 'tensor')} with problems below")
    return "\n".join(filter(None, lines))


def _health_tip(rows: VisibleRows, cells: Cells) -> str:
    """What a scan has found, in words; of a parent how many of the tensors below it have what."""
    health = rows.health
    if health is None:
        return ""
    nodes = rows.outline.nodes_of(cells.item)
    if cells.what is TreeNode.TENSOR and not cells.is_group:
        lines = health.words(cells.item)
        return "\n".join(lines) or ("✓ Nothing was found" if cells.health is Mark.GOOD else "Not scanned")
    counts = [(mark, health.count(nodes.start, nodes.stop, mark)) for mark in (Mark.ERROR, Mark.WARNING, Mark.NOTE)]
    lines = [f"{plural(count, 'tensor')} with {_WORSE[mark]}" for mark, count in counts if count]
    left = health.left(nodes.start, nodes.stop)
    if left:
        lines.append(f"{plural(left, 'tensor')} not scanned")
    return "\n".join(lines) or ("✓ Nothing was found" if cells.health is Mark.GOOD else "")


def _tied_to(checkpoint: Checkpoint, node: int) -> str:
    tree = checkpoint.tree
    row = int(tree.ref[node])
    others = np.flatnonzero(tree.tie == tree.tie[row])
    others = others[others != row]
    names = [shown(checkpoint.table.name[other], 200) for other in others[:_NAMES_TOLD].tolist()]
    more = f"\nand {len(others) - _NAMES_TOLD:,} more" if len(others) > _NAMES_TOLD else ""
    return "Tied with " + "\n".join(names) + more
