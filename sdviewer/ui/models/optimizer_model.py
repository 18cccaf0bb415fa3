"""OptimizerModel: the parameters of an optimizer, a row each, made as they come into sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.ui.optimizer.reading import Known

Index = QModelIndex | QPersistentModelIndex

_FIRST_NUMBER = 3


class OptimizerModel(QAbstractTableModel):
    """Shows what was read; texts of cells are put together when they are painted."""

    def __init__(self, known: Known | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.known = known

    def show_known(self, known: Known | None) -> None:
        """Show another optimizer."""
        self.beginResetModel()
        self.known = known
        self.endResetModel()

    def change_known(self, known: Known) -> None:
        """Show other figures of the same optimizer, in the same columns."""
        self.known = known
        if len(known):
            self.dataChanged.emit(self.index(0, 0), self.index(len(known) - 1, len(known.header) - 1))

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Parameters; cells have none."""
        return 0 if self.known is None or (parent is not None and parent.isValid()) else len(self.known)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Columns; cells have none."""
        return 0 if self.known is None or (parent is not None and parent.isValid()) else len(self.known.header)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, the colour of what is missing, and all that is kept as a tooltip."""
        if self.known is None or not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.known.cell(index.row(), index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            name = self.known.name(index.row())
            return tooltip("\n".join(filter(None, (name, self.known.tip(index.row())))))
        if role == Qt.ItemDataRole.ForegroundRole and index.column():
            return QColor(colors().muted)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' titles, aligned as their cells are."""
        if self.known is None or orientation is not Qt.Orientation.Horizontal:
            return None
        if not 0 <= section < len(self.known.header):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.known.header[section]
        return _alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column >= _FIRST_NUMBER else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
