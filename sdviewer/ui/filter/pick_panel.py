"""PickPanel: a line and the list of what fits it, over the window; the keys of the list work from the line."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QRect, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.filter.hit_list import HitModel, HitView
from sdviewer.ui.filter.line import lens_icon
from sdviewer.ui.filter.overlay import Overlay
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_WIDTH = 720
_ROWS = 12
_TOP = 44


class PickPanel(Overlay):
    """What is listed, and what a choice does, each kind knows by itself."""

    def __init__(
        self,
        window: QWidget,
        *,
        name: str,
        placeholder: str,
        line_name: str,
        list_name: str,
        font: Callable[[], QFont] = number_font,
    ) -> None:
        super().__init__(window)
        self.setAccessibleName(name)
        self.line = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.line.setAcceptDrops(False)
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(line_name)
        self.line.setMaxLength(1000)
        self._lens = self.line.addAction(lens_icon(), QLineEdit.ActionPosition.LeadingPosition)
        self._lens.setText(tr("Find"))
        self.model = HitModel(self)
        self.list = HitView(self.model, list_name, font)
        self.footer = plain_label(muted=True)
        self.footer.setContentsMargins(10, 0, 10, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 2)
        column.setSpacing(4)
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        column.addWidget(self.footer)
        self.line.textChanged.connect(self._text_changed)
        self.line.installEventFilter(self)
        self.list.clicked.connect(self._clicked)

    def typed(self) -> None:
        """Something else stands in the line."""
        raise NotImplementedError

    def choose(self, row: int) -> None:
        """Do what this row of the list stands for."""
        raise NotImplementedError

    def take(self) -> None:
        """Choose the current row, if there is one."""
        if self.list.currentIndex().isValid():
            self.choose(self.list.currentIndex().row())

    def select(self, row: int) -> None:
        """Make a row current, if it is there."""
        if 0 <= row < self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(row))

    def open_line(self) -> None:
        """Open over the window; what was typed the last time stands there, selected."""
        self._lens.setIcon(lens_icon())
        self.open_over(self.line)
        self.line.selectAll()
        self.typed()

    def place_in(self, room: QRect) -> QRect:
        """In the middle, a little below the top."""
        width = max(min(_WIDTH, room.width() - 40), 120)
        row = self.list.fontMetrics().height() + 9
        height = min(self.line.sizeHint().height() + _ROWS * row + 50, room.height() - _TOP - 10)
        return QRect((room.width() - width) // 2, _TOP, width, max(height, 80))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The line's keys for the list."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        row, last = self.list.currentIndex().row(), self.model.rowCount() - 1
        page = max(self.list.viewport().height() // max(self.list.sizeHintForRow(0), 1) - 1, 1)
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_overlay()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.take()
            case Qt.Key.Key_Down:
                self.select(row + 1 if row < last else 0)
            case Qt.Key.Key_Up:
                self.select(row - 1 if row > 0 else last)
            case Qt.Key.Key_PageDown:
                self.select(min(row + page, last))
            case Qt.Key.Key_PageUp:
                self.select(max(row - page, 0))
            case Qt.Key.Key_Tab | Qt.Key.Key_Backtab:
                pass  # there is nothing else to go to
            case _:
                return False
        return True

    def _text_changed(self) -> None:
        self.typed()

    def _clicked(self, index: QModelIndex) -> None:
        self.choose(index.row())
