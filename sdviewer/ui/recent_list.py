"""RecentList: the recent files on the empty page."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from sdviewer.checkpoint.wording import shown
from sdviewer.ui.recent_files import RecentFiles, name_and_folder
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_PATH = Qt.ItemDataRole.UserRole
_FOLDER = Qt.ItemDataRole.UserRole + 1
_PADDING = 10
_GAP = 16
_LEAST_NAME = 0.45
_FEWEST_ROWS = 3


class _Rows(QStyledItemDelegate):
    """A name, and behind it, muted, where it lies."""

    def sizeHint(self, option: QStyleOptionViewItem, _: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802  # Qt
        """Rows of one height."""
        return QSize(0, option.fontMetrics.height() + 10)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """One row."""
        c = colors()
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected) and bool(state & QStyle.StateFlag.State_HasFocus)
        enabled = bool(state & QStyle.StateFlag.State_Enabled)
        if chosen:
            painter.fillRect(option.rect, QColor(c.highlight))
        elif enabled and state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, QColor(c.inactive_highlight))
        room = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        name, folder = str(index.data()), str(index.data(_FOLDER))
        if not enabled:
            folder = f"missing from {folder}"
        metrics = QFontMetrics(option.font)
        width = max(room.width() - _GAP - metrics.horizontalAdvance(folder), int(room.width() * _LEAST_NAME))
        name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, width)
        left = metrics.horizontalAdvance(name) + _GAP
        folder = metrics.elidedText(folder, Qt.TextElideMode.ElideMiddle, room.width() - left)
        side = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(option.font)
        painter.setPen(QColor(c.highlighted_text if chosen else c.text if enabled else c.muted))
        painter.drawText(room, side | Qt.AlignmentFlag.AlignLeft, name)
        painter.setPen(QColor(c.highlighted_text if chosen else c.muted))
        painter.drawText(QRect(room).adjusted(left, 0, 0, 0), side | Qt.AlignmentFlag.AlignRight, folder)


class RecentList(QListWidget):
    """A click or Enter opens a file; one that is missing is only named."""

    file_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Recent files"))
        self.setItemDelegate(_Rows(self))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.viewport().setAutoFillBackground(False)
        self.itemClicked.connect(self._wanted)
        self.hide()

    def show_files(self, recent: RecentFiles) -> None:
        """Show these; without any the list is not there."""
        row = self.currentRow()
        self.clear()
        for path in recent.paths:
            name, folder = name_and_folder(path)
            item = QListWidgetItem(name)
            item.setData(_PATH, path)
            item.setData(_FOLDER, folder)
            item.setToolTip(tooltip(shown(path)))
            missing = path in recent.missing
            said = "missing from" if missing else "in"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {said} {folder}")
            if missing:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.addItem(item)
        if self.count():
            self.setCurrentRow(min(max(row, 0), self.count() - 1))
        self.setVisible(self.count() > 0)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """As high as its rows."""
        return QSize(560, self._height_of(self.count()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802  # Qt
        """A low window shows some of them and scrolls."""
        return QSize(200, self._height_of(min(self.count(), _FEWEST_ROWS)))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Enter opens what is chosen."""
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self._wanted(item)
            event.accept()
        else:
            super().keyPressEvent(event)

    def _height_of(self, rows: int) -> int:
        return rows * max(self.sizeHintForRow(0), 1) + 2 * self.frameWidth()

    def _wanted(self, item: QListWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.file_wanted.emit(item.data(_PATH))
