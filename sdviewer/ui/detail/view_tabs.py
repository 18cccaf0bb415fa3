"""ViewTabs: the views of one thing side by side, quieter than the tabs of files around them.

Painted here: a style sheet makes every widget slower to show, to resize and to change its theme.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QTabBar, QTabWidget, QWidget

from sdviewer.ui.theme import colors

_BEFORE, _BEHIND, _ABOVE = 20, 2, 5
_BAR = 2


class ViewBar(QTabBar):
    """Titles above a line, or `below` one; at the one in front a bar, and a frame around it while it has the keys."""

    def __init__(self, parent: QWidget | None = None, *, below: bool = False) -> None:
        super().__init__(parent)
        self._below = below
        self._hovered = -1
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setMouseTracking(True)

    def tabSizeHint(self, index: int) -> QSize:  # noqa: N802  # Qt
        """A title with air before it."""
        metrics = QFontMetrics(self.font())
        width = metrics.horizontalAdvance(self.tabText(index)) + _BEFORE + _BEHIND
        return QSize(width, metrics.height() + 2 * _ABOVE + _BAR)

    def minimumTabSizeHint(self, index: int) -> QSize:  # noqa: N802  # Qt
        """No title is cut: there are buttons to scroll by."""
        return self.tabSizeHint(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The title under the pointer is as dark as the one in front."""
        self._hover(self.tabAt(event.position().toPoint()))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """No title is under the pointer any more."""
        self._hover(-1)
        super().leaveEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the titles in sight."""
        c = colors()
        painter = QPainter(self)
        painter.fillRect(0, 0 if self._below else self.height() - 1, self.width(), 1, QColor(c.line))
        for index in range(self.count()):
            if not self.isTabVisible(index):
                continue
            room = self.tabRect(index)
            title = QRect(room.left() + _BEFORE, room.top(), room.width() - _BEFORE - _BEHIND, room.height() - _BAR)
            front = index == self.currentIndex()
            painter.setPen(QColor(c.text if front or index == self._hovered else c.muted))
            painter.drawText(title, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine, self.tabText(index))
            if front:
                top = 0 if self._below else self.height() - _BAR
                painter.fillRect(title.left(), top, title.width(), _BAR, QColor(c.accent))
                if self.hasFocus():
                    painter.setPen(QColor(c.accent))
                    painter.drawRect(title.adjusted(-4, 2, 3, -3))
        painter.end()

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()


class ViewTabs(QTabWidget):
    """A tab widget with these quiet titles."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabBar(ViewBar())
        self.setDocumentMode(True)
        for widget in (self, self.tabBar()):
            widget.setAccessibleName(name)
