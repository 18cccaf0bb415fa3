"""RowTable: what the tree and the table of all tensors have in common as tables of rows that are painted whole."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRect, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QToolTip, QWidget

from sdviewer.control import WAY
from sdviewer.ui.drag_start import DragStart
from sdviewer.ui.row_look import RowLook
from sdviewer.ui.tooltips import tooltip


@dataclass(slots=True)
class TypeAhead:
    """The letters that were typed one shortly after the other."""

    text: str = ""
    at: float = 0.0

    @property
    def is_going_on(self) -> bool:
        """Whether another letter would belong to those before."""
        return bool(self.text) and time.monotonic() - self.at < QApplication.keyboardInputInterval() / 1000

    def searches(self, typed: str, row: int) -> list[tuple[str, int]]:
        """One more letter: the beginnings to look for, each with the row from which on, until one is found."""
        continued = self.is_going_on
        self.text, self.at = self.text + typed if continued else typed, time.monotonic()
        # One letter again and again walks through the names that begin with it.
        same = len(set(self.text.lower())) == 1
        whole = (self.text, row + (not continued or same))
        return [whole, (typed, row + 1)] if same else [whole]


class RowTable(QTableView):
    """Tints the row under the pointer, shows tooltips, finds rows by their first letters."""

    def __init__(self, name: str, header: QHeaderView, look: RowLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = look
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalHeader(header)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.typing = TypeAhead()
        self.drag_start = DragStart(self)
        self.drag_start.clicked.connect(self.go_to_row)
        self.hovered = -1
        self.take_look()

    def row_starting_with(self, text: str, first: int) -> int:
        """The next row whose name begins so, from `first` on and around; -1 for none."""
        raise NotImplementedError

    def go_to_row(self, row: int) -> None:
        """Make a row current, and it alone selected."""
        raise NotImplementedError

    def tip_at(self, row: int, column: int) -> str:
        """What a tooltip adds to a cell, "" if all is in sight."""
        raise NotImplementedError

    def cell_rect(self, row: int, column: int) -> QRect:
        """Where a cell is painted."""
        left, top = self.columnViewportPosition(column), self.rowViewportPosition(row)
        return QRect(left, top, self.columnWidth(column), self.look.row_height)

    def hover(self, row: int) -> None:
        """Another row is under the pointer, or with -1 none."""
        if row != self.hovered:
            for changed in (row, self.hovered):
                if 0 <= changed < self.model().rowCount():
                    top, width = self.rowViewportPosition(changed), self.viewport().width()
                    self.viewport().update(0, top, width, self.look.row_height)
            self.hovered = row

    def keyboardSearch(self, search: str) -> None:  # noqa: N802  # Qt
        """Type-ahead over the names, as arrays: Qt would ask the model row by row."""
        for text, first in self.typing.searches(search, self.currentIndex().row()):
            row = self.row_starting_with(text, first)
            if row >= 0:
                self.go_to_row(row)
                return

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """Buttons that lead back and forward select nothing: they are the window's."""
        if event.button() in (Qt.MouseButton.BackButton, Qt.MouseButton.ForwardButton):
            event.ignore()
        else:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The end of a click on what was selected, or of a drag that has not begun yet."""
        if event.button() is Qt.MouseButton.LeftButton and self.drag_start.release():
            event.accept()
        else:
            super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """No row is under the pointer any more."""
        self.hover(-1)
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new font or palette is taken over."""
        super().changeEvent(event)
        kinds = (QEvent.Type.FontChange, QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
        if event.type() in kinds and hasattr(self, "hovered"):
            self.take_look()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  # Qt
        """A tooltip where the text was cut, or where there are exact figures to add."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row, column = self.rowAt(event.pos().y()), self.columnAt(event.pos().x())
            if row < 0 or column < 0:
                QToolTip.hideText()
            else:
                text = tooltip(self.tip_at(row, column))
                QToolTip.showText(event.globalPos(), text, self.viewport(), self.cell_rect(row, column))
            return True
        if event.type() is QEvent.Type.Paint:
            WAY.keep_clear()
        return super().viewportEvent(event)

    def take_look(self) -> None:
        """Rows in the font and the palette of the view, and as high as these ask for."""
        self.look.refresh(self.font(), self.palette())
        self.verticalHeader().setMinimumSectionSize(self.look.row_height)
        self.verticalHeader().setDefaultSectionSize(self.look.row_height)
