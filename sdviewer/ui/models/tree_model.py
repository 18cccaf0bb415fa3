"""TreeModel: the visible rows of a checkpoint's tree as a table of five columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.wording import bytes_for_people, label_of, plural, shape_text, shown
from sdviewer.ui.scalars import scalar_line
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.tree.visible_rows import Remains, VisibleRows

Index = QModelIndex | QPersistentModelIndex

_CELLS_KEPT = 4096
_LONGEST_VALUE = 120


class Column(IntEnum):
    """The columns, in the order in which they stand."""

    NAME = 0
    KIND = 1
    DTYPE = 2
    SHAPE = 3
    SIZE = 4


_HEADERS = ("Name", "Kind", "Dtype", "Shape", "Size")
_RIGHT = frozenset((Column.SHAPE, Column.SIZE))


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, ready to be painted. `aside` follows the name, muted.

    `on_the_way` is a row that a filter shows only because it leads to one that fits.
    """

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
    on_the_way: bool = False

    def text(self, column: int) -> str:
        """The text of one column."""
        return (self.name, self.kind, self.dtype, self.shape, self.size)[column]


class TreeModel(QAbstractTableModel):
    """Reads columns that are ready; opening and closing a node inserts and removes rows."""

    def __init__(self, checkpoint: Checkpoint, rows: VisibleRows, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.checkpoint = checkpoint
        self.rows = rows
        self.title = title
        self._cells: dict[int, Cells] = {}

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Visible rows; a table's cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Five, and none below a cell."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, alignment and what a screen reader says."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cells(index.row()).text(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self.tip(index.row(), column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.AccessibleTextRole:
            cells = self.cells(index.row())
            return self._spoken(cells) if column == Column.NAME else f"{_HEADERS[column]}: {cells.text(column)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names, aligned as their cells are."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in _RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def cells(self, row: int) -> Cells:
        """What stands in a row, made once while it is on screen."""
        return self.cells_of(self.rows.node(row))

    def cells_of(self, node: int) -> Cells:
        """What stands in the row of a node, be it visible or not."""
        found = self._cells.get(node)
        if found is None:
            if len(self._cells) >= _CELLS_KEPT:
                self._cells.clear()
            found = self._cells[node] = self._make(node)
        return found

    def tip(self, row: int, column: int) -> str:
        """The whole text of a cell, with exact figures."""
        cells, tree = self.cells(row), self.checkpoint.tree
        if column == Column.NAME:
            return cells.name + cells.aside
        if column == Column.SIZE and cells.size:
            return f"{int(tree.nbytes[cells.node]):,} bytes"
        if column == Column.SHAPE and cells.has_children and cells.shape:
            tensors, parameters = int(tree.tensors[cells.node]), int(tree.parameters[cells.node])
            return f"{tensors:,} tensors, {parameters:,} parameters"
        return cells.text(column)

    def expand(self, node: int, *, deep: bool = False) -> None:
        """Open a visible node, with `deep` all below it as well."""
        if not self.rows.has_children[node]:
            return
        if self.rows.expanded[node]:
            if not deep:
                return
            self._close(node)
        below = self.rows.nodes_to_show(node, deep=deep)
        first = self.rows.row_of(node) + 1
        self.beginInsertRows(QModelIndex(), first, first + len(below) - 1)
        self.rows.insert(node, below, deep=deep)
        self.endInsertRows()
        self._mark_changed(node)

    def collapse(self, node: int) -> None:
        """Close a visible node; the root stays open."""
        if node != 0 and self.rows.expanded[node]:
            self._close(node)
            self._mark_changed(node)

    def reveal(self, node: int) -> int:
        """Open the way to a node; returns its row. One that a filter has left out is shown from now on."""
        if self.rows.remains is not None and not self.rows.remains.shown[node]:
            self.beginResetModel()
            self.rows.admit(node)
            self._cells.clear()
            self.endResetModel()
        closed = [ancestor for ancestor in self.rows.ancestors(node) if not self.rows.expanded[ancestor]]
        if closed:
            # Those out of sight first, so that all rows come in one go.
            self.rows.expanded[closed[:-1]] = True
            self.expand(closed[-1])
        return self.rows.row_of(node)

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves; None shows all again."""
        self.beginResetModel()
        self.rows.show_only(remains)
        self._cells.clear()
        self.endResetModel()

    def _close(self, node: int) -> None:
        rows = self.rows.rows_below(node)
        self.beginRemoveRows(QModelIndex(), rows.start, rows.stop - 1)
        self.rows.remove(node)
        self.endRemoveRows()

    def _mark_changed(self, node: int) -> None:
        cell = self.index(self.rows.row_of(node), Column.NAME)
        self.dataChanged.emit(cell, cell)

    def _make(self, node: int) -> Cells:
        tree, table = self.checkpoint.tree, self.checkpoint.table
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
            name, kind = self.title, self.checkpoint.format
        elif what is TreeNode.SCALAR:
            aside, kind = f" = {scalar_line(self.checkpoint, node, _LONGEST_VALUE)}", ""
        elif what is TreeNode.ALIAS:
            aside = " (shown above)"
        if what is not TreeNode.TENSOR and tree.tensors[node] > 0:
            shape, size = plural(int(tree.tensors[node]), "tensor"), bytes_for_people(int(tree.nbytes[node]))
        return Cells(
            node,
            what,
            role,
            max(int(tree.depth[node]) - 1, 0),
            bool(self.rows.has_children[node]),
            name,
            aside,
            shown(kind),
            dtype,
            shape,
            size,
            tie,
            self.rows.remains is not None and not self.rows.is_match(node),
        )

    def _spoken(self, cells: Cells) -> str:
        state = ""
        if cells.has_children:
            state = ", expanded" if self.rows.expanded[cells.node] else ", collapsed"
        what = cells.kind or cells.what.name.lower()
        tied = ", tied" if cells.tie else ""
        fits = ", match" if self.rows.is_match(cells.node) else ""
        level = int(self.checkpoint.tree.depth[cells.node])
        return f"{cells.name}{cells.aside}, {what}, level {level}{state}{tied}{fits}"
