"""DragStart: a press on what is selected is a click when it is let go, and a drag when it is moved."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


class DragStart(QObject):
    """Belongs to a view, which asks it with its events of the left button."""

    clicked = Signal(int)
    """It was a click, on this row."""

    wanted = Signal()
    """What is selected shall be dragged."""

    given_up = Signal()
    """The button was let go."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._from = QPoint()
        self._row = -1
        self._begun = False

    def press(self, event: QMouseEvent, row: int) -> None:
        """The button went down on a selected row."""
        self._from, self._row, self._begun = event.position().toPoint(), row, False

    def move(self, event: QMouseEvent) -> bool:
        """Whether a move of the pointer is no other's: the button went down here."""
        if self._row < 0:
            return False
        way = event.position().toPoint() - self._from
        if not self._begun and way.manhattanLength() >= QApplication.startDragDistance():
            self._begun = True
            self.wanted.emit()
        return True

    def release(self) -> bool:
        """Whether the button that is let go went down here."""
        row, self._row = self._row, -1
        if row >= 0 and self._begun:
            self.given_up.emit()
        elif row >= 0:
            self.clicked.emit(row)
        return row >= 0
