"""SortHeader: titles of columns that sort when they are clicked, and are moved when they are dragged."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF
from PySide6.QtWidgets import QHeaderView, QWidget

from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

# Room that a title leaves for the arrow.
ARROW = 16


class SortHeader(PlainHeader):
    """A third click on the same title takes the sorting away."""

    def __init__(self, margin: int, parent: QWidget | None = None) -> None:
        super().__init__(margin, parent)
        self.setAccessibleName(tr("Columns"))
        self.setSectionsMovable(True)
        self.setSortIndicatorShown(True)
        self.setSortIndicatorClearable(True)
        self.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setStretchLastSection(False)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802  # Qt
        """The title, and on the free side of the sorted one an arrow: up for the smallest first."""
        super().paintSection(painter, rect, section)
        c = colors()
        painter.save()
        painter.fillRect(rect.right(), rect.top() + 5, 1, rect.height() - 10, QColor(c.line))
        if self.sortIndicatorSection() == section:
            alignment = self.model().headerData(section, self.orientation(), Qt.ItemDataRole.TextAlignmentRole)
            is_right = bool(Qt.AlignmentFlag(alignment) & Qt.AlignmentFlag.AlignRight)
            x = rect.left() + 3 + ARROW / 2 if is_right else rect.right() - 3 - ARROW / 2
            y, up = rect.center().y() + 0.5, self.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            side = 2.5 if up else -2.5
            painter.fillRect(int(x - ARROW / 2), rect.top(), ARROW, rect.height() - 1, QColor(c.base))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.accent))
            painter.drawPolygon(QPolygonF([QPointF(x - 4, y + side), QPointF(x + 4, y + side), QPointF(x, y - side)]))
        painter.restore()
