"""DiffModel: the rows of a comparison as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.standing import Standing
from sdviewer.ui.comparison.rows import Arranged, DiffRows
from sdviewer.ui.models.diff_cells import DiffCells, DiffColumn, make_cells, tip
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

Index = QModelIndex | QPersistentModelIndex

ROW_FORMAT = "application/x-sdviewer-compared-row"
_CELLS_KEPT = 4096
_HEADERS = (
    tr("Name"),
    tr("Mark"),
    tr("Dtype and shape"),
    tr("max |Δ|"),
    "‖Δ‖ / ‖A‖",
    tr("Cosine"),
    tr("Changed"),
    tr("Paired by"),
)
_TIPS = (
    tr("Name in A, or in B where A has none"),
    tr("What differs; of a module how many tensors of each mark"),
    tr("Dtype and shape, A → B where they are not the same"),
    tr("The largest absolute difference: max |a − b|"),
    tr("√Σ(a − b)² / √Σa²: how far the values went, measured by their size"),
    tr("Σab / (‖A‖·‖B‖): 1 for the same direction"),
    tr("Values that are not equal as a share of all"),
    tr("Why two tensors are compared, and of a guess how sure"),
)
_RIGHT = frozenset((DiffColumn.MAX_ABS, DiffColumn.RELATIVE, DiffColumn.COSINE, DiffColumn.CHANGED))
SORTS = ("name", "mark", "", "max_abs", "relative", "cosine", "changed", "score")
"""What a click on each header sorts by."""


class DiffModel(QAbstractTableModel):
    """Reads columns that are ready; opening and closing a module inserts and removes rows."""

    def __init__(self, standing: Standing, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.standing, self.title = standing, title
        self.rows = DiffRows(standing.tree)
        self._cells: dict[int, DiffCells] = {}

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Rows in sight; a table's cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Eight, and none below a cell."""
        return 0 if parent is not None and parent.isValid() else len(DiffColumn)

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
            if column != DiffColumn.NAME:
                return f"{_HEADERS[column]}: {cells.text(column) or 'none'}"
            state = ""
            if cells.has_children:
                state = ", expanded" if self.rows.expanded[cells.node] else ", collapsed"
            what = "module" if cells.is_module else "tensor"
            return f"{cells.name}{cells.aside}, {what}, level {cells.indent + 1}{state}, {cells.told}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names, with an arrow at the one that the list is sorted by."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(DiffColumn):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            wish = self.rows.arranged.wish
            arrow = (" ▾" if wish.descending else " ▴") if wish.sort and SORTS[section] == wish.sort else ""
            return _HEADERS[section] + arrow
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(f"{_TIPS[section]}." + (tr(" A click sorts by it.") if SORTS[section] else ""))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in _RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A tensor can be dragged on another one, to make a pair of them."""
        found = super().flags(index)
        if index.isValid() and self.standing.tree.what[self.node(index.row())] != Leaf.MODULE:
            found |= Qt.ItemFlag.ItemIsDragEnabled | Qt.ItemFlag.ItemIsDropEnabled
        return found

    def mimeTypes(self) -> list[str]:  # noqa: N802  # Qt
        """Rows of this window alone."""
        return [ROW_FORMAT]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802  # Qt
        """The dragged tensor, by the number of its node."""
        data = QMimeData()
        rows = {index.row() for index in indexes}
        if len(rows) == 1:
            data.setData(ROW_FORMAT, str(self.node(rows.pop())).encode("ascii"))
        return data

    def node(self, row: int) -> int:
        """The node in a row."""
        return int(self.rows.nodes[row])

    def cells(self, row: int) -> DiffCells:
        """What stands in a row, made once while it is on screen."""
        return self.cells_of(self.node(row))

    def cells_of(self, node: int) -> DiffCells:
        """What stands in the row of a node, be it in sight or not."""
        found = self._cells.get(node)
        if found is None:
            if len(self._cells) >= _CELLS_KEPT:
                self._cells.clear()
            found = self._cells[node] = make_cells(self.standing, self.rows, node, self.title)
        return found

    def tip(self, row: int, column: int) -> str:
        """The whole text of a cell, with exact figures."""
        return tip(self.standing, self.cells(row), column)

    def refresh(self) -> None:
        """More is known: what is in sight is made anew."""
        self._cells.clear()
        if len(self.rows):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(DiffColumn) - 1))

    def arrange(self, arranged: Arranged) -> None:
        """Show what a wish has left, in its order."""
        self.beginResetModel()
        self.rows.arrange(arranged)
        self._cells.clear()
        self.endResetModel()

    def expand(self, node: int, *, deep: bool = False) -> None:
        """Open a node in sight, with `deep` all below it as well."""
        rows = self.rows
        if rows.is_list or not rows.has_children[node]:
            return
        if rows.expanded[node]:
            if not deep:
                return
            self._close(node)
        first = rows.row_of(node) + 1
        below = rows.to_show(node, deep=deep)
        if len(below):
            self.beginInsertRows(QModelIndex(), first, first + len(below) - 1)
            rows.insert(first, below)
            self.endInsertRows()

    def collapse(self, node: int) -> None:
        """Close a node; the root stays open."""
        if node != 0 and not self.rows.is_list and self.rows.expanded[node]:
            self._close(node)

    def reveal(self, node: int) -> int:
        """Open the way to a node; returns its row, -1 where a filter hides it."""
        if self.rows.is_list or not self.rows.shown[node]:
            return self.rows.row_of(node)
        closed = [above for above in self.rows.ancestors(node) if not self.rows.expanded[above]]
        if closed:
            # Those out of sight first, so that all rows come in one go.
            self.rows.expanded[closed[:-1]] = True
            self.expand(closed[-1])
        return self.rows.row_of(node)

    def _close(self, node: int) -> None:
        below = self.rows.below(node)
        if below and self.rows.row_of(node) >= 0:
            self.beginRemoveRows(QModelIndex(), below.start, below.stop - 1)
            self.rows.cut(below)
            self.rows.expanded[node] = False
            self.endRemoveRows()
        self.rows.expanded[node] = False
