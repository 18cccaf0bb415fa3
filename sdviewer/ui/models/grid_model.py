"""GridModel: a small table of prepared texts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip

Index = QModelIndex | QPersistentModelIndex
_WIDE = 40


class GridModel(QAbstractTableModel):
    """Shows a `Grid` as it is; the first cell of a row that leads somewhere has the colour of links."""

    def __init__(self, grid: Grid, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.grid = grid

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Rows; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.grid.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Columns; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.grid.header)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour, alignment, what a screen reader says, and a tooltip that explains, or for what may be cut."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        text = self.grid.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return text or "empty"
        if role == Qt.ItemDataRole.ToolTipRole:
            tip = self.grid.tips[index.row()] if self.grid.tips else ""
            whole = text if len(text) > _WIDE else ""
            return tooltip("\n".join(filter(None, (whole, tip)))) or None
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(colors().accent) if index.column() == 0 and self.grid.leads(index.row()) else None
        return self._alignment(index.column()) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names, aligned as their cells are."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.grid.header):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.grid.header[section]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.grid.header[section] or self.grid.title
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column in self.grid.right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
