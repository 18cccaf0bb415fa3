"""CloseButton: the cross at the end of a tab, in the colours of the theme."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_SIDE = 18
_ARM = 3.5


class CloseButton(QAbstractButton):
    """A quiet cross; under the pointer it stands on a ground of its own."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setToolTip(tr("Close"))
        self.setAccessibleName(tr("Close {what}", what=what))

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """A square."""
        return QSize(_SIDE, _SIDE)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the cross."""
        c = colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.line if self.isDown() else c.inactive_highlight))
            painter.drawRoundedRect(self.rect(), 4, 4)
        painter.setPen(QPen(QColor(c.text if self.underMouse() else c.muted), 1.4))
        x, y = self.width() / 2, self.height() / 2
        painter.drawLine(QPointF(x - _ARM, y - _ARM), QPointF(x + _ARM, y + _ARM))
        painter.drawLine(QPointF(x - _ARM, y + _ARM), QPointF(x + _ARM, y - _ARM))
        painter.end()
