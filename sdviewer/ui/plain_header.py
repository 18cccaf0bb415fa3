"""PlainHeader: the titles of a table's columns as quiet text above a line.

Painted here: a style sheet makes every widget slower to show, to resize and to change its theme.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from sdviewer.ui.theme import colors


class PlainHeader(QHeaderView):
    """A horizontal header whose texts stand `margin` pixels off the edges of their columns."""

    def __init__(self, margin: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._margin = margin
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        # Said outright, or the font of a table of numbers would be taken over.
        font = QFont(QGuiApplication.font())
        font.setFamilies(font.families())
        font.setPointSizeF(font.pointSizeF())
        self.setFont(font)

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """A line of text with some air."""
        return QSize(super().sizeHint().width(), QFontMetrics(self.font()).height() + 9)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The sections, and nothing behind the last of them."""
        super().paintEvent(event)
        end = self.length() - self.offset()
        painter = QPainter(self.viewport())
        painter.fillRect(end, 0, self.viewport().width() - end, self.height(), QColor(colors().base))
        painter.end()

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802  # Qt
        """Draw one title."""
        c, role = colors(), Qt.ItemDataRole
        painter.save()
        painter.fillRect(rect, QColor(c.base))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, QColor(c.line))
        painter.setPen(QColor(c.muted))
        painter.setFont(self.font())
        room = rect.adjusted(self._margin, 0, -self._margin, 0)
        model = self.model()
        title = str(model.headerData(section, self.orientation(), role.DisplayRole) or "")
        alignment = Qt.AlignmentFlag(model.headerData(section, self.orientation(), role.TextAlignmentRole) or 0)
        text = QFontMetrics(self.font()).elidedText(title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, alignment | Qt.TextFlag.TextSingleLine, text)
        painter.restore()
