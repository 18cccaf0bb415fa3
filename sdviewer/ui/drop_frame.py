"""DropFrame: the frame over the window while files are dragged across it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from sdviewer.ui.theme import colors

_INSET = 7
_ROUND = 8
_PADDING = 16


class DropFrame(QWidget):
    """Lies over everything and takes no event itself."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._below = parent
        self.text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def offer(self, count: int) -> None:
        """Cover the parent and say what a drop would do."""
        self.text = "Drop to open" if count == 1 else f"Drop to open all {count:,}"
        self.setAccessibleName(self.text)
        self.setGeometry(self._below.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A frame, a tint over what lies below, and the words on a ground of their own."""
        c = colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = QColor(c.base)
        tint.setAlphaF(0.72)
        painter.fillRect(self.rect(), tint)
        painter.setPen(QPen(QColor(c.accent), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET), _ROUND, _ROUND)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.35)
        words = QFontMetricsF(font).boundingRect(self.text)
        pill = QRectF(0, 0, words.width() + 2 * _PADDING, words.height() + _PADDING)
        pill.moveCenter(QRectF(self.rect()).center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.highlight))
        painter.drawRoundedRect(pill, _ROUND, _ROUND)
        painter.setFont(font)
        painter.setPen(QColor(c.highlighted_text))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, self.text)
        painter.end()
