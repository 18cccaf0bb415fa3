"""TreeModel: the visible rows of a checkpoint's tree as a table of six columns."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.models.tree_cells import Cells, Column, make_cells, tip
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.health import Health
from sdviewer.ui.tree.visible_rows import Remains, VisibleRows

__all__ = ["Cells", "Column", "TreeModel"]

Index = QModelIndex | QPersistentModelIndex

_CELLS_KEPT = 4096
_HEADERS = (tr("Name"), tr("Kind"), tr("Dtype"), tr("Shape"), tr("Size"), "♥")
_RIGHT = frozenset((Column.SHAPE, Column.SIZE))


class TreeModel(QAbstractTableModel):
    """Reads columns that are ready; opening and closing an item inserts and removes rows.

    An item is a node of the tree under its own number, or a group of nodes, see `Outline`.
    """

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
        """Six, and none below a cell."""
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
            if column == Column.HEALTH:
                return f"Health: {cells.health.value or 'not scanned'}"
            return self._spoken(cells) if column == Column.NAME else f"{_HEADERS[column]}: {cells.text(column)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names, aligned as their cells are."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole and section == Column.HEALTH:
            return "Health: what a scan has found"
        if role == Qt.ItemDataRole.AccessibleTextRole and section == Column.HEALTH:
            return "Health"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            if section == Column.HEALTH:
                return Qt.AlignmentFlag.AlignCenter
            side = Qt.AlignmentFlag.AlignRight if section in _RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def cells(self, row: int) -> Cells:
        """What stands in a row, made once while it is on screen."""
        return self.cells_of(self.rows.item(row))

    def cells_of(self, item: int) -> Cells:
        """What stands in the row of an item, be it visible or not."""
        found = self._cells.get(item)
        if found is None:
            if len(self._cells) >= _CELLS_KEPT:
                self._cells.clear()
            found = self._cells[item] = make_cells(self.checkpoint, self.rows, item, self.title)
        return found

    def tip(self, row: int, column: int) -> str:
        """The whole text of a cell, with exact figures."""
        return tip(self.checkpoint, self.rows, self.cells(row), column)

    def expand(self, item: int, *, deep: bool = False) -> None:
        """Open a visible item, with `deep` all below it as well."""
        if not self.rows.has_children[item]:
            return
        if self.rows.expanded[item]:
            if not deep:
                return
            self._close(item)
        below = self.rows.places_to_show(item, deep=deep)
        first = self.rows.row_of(item) + 1
        self.beginInsertRows(QModelIndex(), first, first + len(below) - 1)
        self.rows.insert(item, below, deep=deep)
        self.endInsertRows()
        self._mark_changed(item)

    def collapse(self, item: int) -> None:
        """Close an item, in sight or not; the root stays open."""
        if item != 0 and self.rows.expanded[item]:
            self._close(item)
            self._mark_changed(item)

    def reveal(self, item: int) -> int:
        """Open the way to an item; returns its row. A node that a filter has left out is shown from now on."""
        remains = self.rows.remains
        if remains is not None and not self.rows.outline.is_group(item) and not remains.shown[item]:
            self.beginResetModel()
            self.rows.admit(item)
            self._cells.clear()
            self.endResetModel()
        closed = [ancestor for ancestor in self.rows.ancestors(item) if not self.rows.expanded[ancestor]]
        if closed:
            # Those out of sight first, so that all rows come in one go.
            self.rows.expanded[closed[:-1]] = True
            self.expand(closed[-1])
        return self.rows.row_of(item)

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves; None shows all again."""
        self.beginResetModel()
        self.rows.show_only(remains)
        self._cells.clear()
        self.endResetModel()

    def show_health(self, health: Health | None) -> None:
        """Mark what a scan has found so far; None for no scan."""
        self.rows.health = health
        self._cells.clear()
        if len(self.rows):
            last = self.index(len(self.rows) - 1, Column.HEALTH)
            self.dataChanged.emit(self.index(0, Column.HEALTH), last)

    def fold_all(self, *, fold: bool) -> None:
        """Show every run of alike blocks as one row, or none."""
        self.beginResetModel()
        self.rows.fold_all(fold=fold)
        self._cells.clear()
        self.endResetModel()

    def fold(self, item: int) -> None:
        """Show a run of alike blocks as one closed row."""
        rows, outline = self.rows, self.rows.outline
        group = outline.group(item)
        if rows.folded[group] or rows.remains is not None:
            return
        first = rows.row_of(int(outline.first[group]))
        if first >= 0:
            self._take_out(range(first, rows.rows_below(item).stop))
        rows.folded[group], rows.expanded[item] = True, False
        # What is in it stands further to the right from now on.
        self._cells.clear()
        if first >= 0:
            self._put_in(first, item, item_only=True)

    def unfold(self, item: int) -> None:
        """Show the blocks of a folded run among their siblings again."""
        rows, group = self.rows, self.rows.outline.group(item)
        if not rows.folded[group] or rows.remains is not None:
            return
        row = rows.row_of(item)
        if row >= 0:
            self._take_out(range(row, rows.rows_below(item).stop))
        rows.folded[group], rows.expanded[item] = False, False
        self._cells.clear()
        if row >= 0:
            self._put_in(row, item, item_only=False)

    def _take_out(self, rows: range) -> None:
        if not rows:
            return  # something around it is collapsed
        self.beginRemoveRows(QModelIndex(), rows.start, rows.stop - 1)
        self.rows.cut(rows)
        self.endRemoveRows()

    def _put_in(self, row: int, item: int, *, item_only: bool) -> None:
        places = self.rows.outline.place[[item]] if item_only else self.rows.places_to_show(item)
        self.beginInsertRows(QModelIndex(), row, row + len(places) - 1)
        self.rows.put(row, places)
        self.endInsertRows()

    def _close(self, item: int) -> None:
        self._take_out(self.rows.rows_below(item))
        self.rows.expanded[item] = False

    def _mark_changed(self, item: int) -> None:
        row = self.rows.row_of(item)
        if row >= 0:
            cell = self.index(row, Column.NAME)
            self.dataChanged.emit(cell, cell)

    def _spoken(self, cells: Cells) -> str:
        state = ""
        if cells.has_children:
            state = ", expanded" if self.rows.expanded[cells.item] else ", collapsed"
        what = "group" if cells.is_group else cells.kind or cells.what.name.lower()
        tied = ", tied" if cells.tie else ""
        fits = ", match" if not cells.is_group and self.rows.is_match(cells.item) else ""
        problem = f", {cells.problem}{'' if cells.is_own else ' below'}" if cells.problem else ""
        health = f", health: {cells.health.value}" if cells.health.value else ""
        level = self.rows.level(cells.item)
        return f"{cells.name}{cells.aside}, {what}, level {level}{state}{tied}{problem}{health}{fits}"
