"""The frame around what has the keys, where the style paints none or one that is hardly seen."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QFocusEvent, QPainter
from PySide6.QtWidgets import QScrollArea, QWidget

from sdviewer.ui.theme import colors


def paint_focus_frame(widget: QWidget, color: QColor | None = None) -> None:
    """Draw a frame just within the edge of a widget that is being painted."""
    painter = QPainter(widget)
    painter.setPen(QColor(colors().accent) if color is None else color)
    painter.drawRect(widget.rect().adjusted(0, 0, -1, -1))
    painter.end()


class ScrollArea(QScrollArea):
    """A page that scrolls, flat until it has the keys; what it holds is as wide as it is."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        # Room for the frame, always there so that nothing moves.
        self.setViewportMargins(1, 1, 1, 1)

    def event(self, event: QEvent) -> bool:
        """Painted here: what Qt calls the paint event of a scroll area is that of its viewport."""
        handled = super().event(event)
        if event.type() is QEvent.Type.Paint:
            paint_focus_frame(self, None if self.hasFocus() else self.palette().color(self.backgroundRole()))
        return handled

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802  # Qt
        """The frame comes."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802  # Qt
        """And goes."""
        super().focusOutEvent(event)
        self.update()
