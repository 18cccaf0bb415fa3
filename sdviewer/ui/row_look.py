"""RowLook: the fonts and colours of rows that are painted whole, and what is drawn alike in all of them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPolygonF

from sdviewer.ui.theme import colors, number_font

_AIR = 7
_BAR = 2


class RowLook:
    """Remade by `refresh` when the theme or the font changes."""

    def __init__(self, font: QFont, palette: QPalette) -> None:
        self.refresh(font, palette)

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        self.font, self.numbers = QFont(font), number_font()
        self.metrics, self.number_metrics = QFontMetrics(self.font), QFontMetrics(self.numbers)
        self.row_height = max(self.metrics.height(), self.number_metrics.height()) + _AIR
        c = colors()
        self.text, self.muted, self.accent = QColor(c.text), QColor(c.muted), QColor(c.accent)
        self.highlight = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight)
        self.highlighted_text = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.HighlightedText)
        self.inactive = QColor(c.inactive_highlight)
        self.hover = QColor(c.highlight)
        self.hover.setAlpha(26 if c.is_dark else 14)

    def paint_ground(self, painter: QPainter, row: QRect, *, selected: bool, hovered: bool, active: bool) -> None:
        """What lies behind a row's texts."""
        if selected:
            painter.fillRect(row, self.highlight if active else self.inactive)
            if not active:
                # The ground alone is faint.
                painter.fillRect(row.left(), row.top(), _BAR, row.height(), self.accent)
        elif hovered:
            painter.fillRect(row, self.hover)


def paint_branch(painter: QPainter, centre: QPointF, color: QColor, *, expanded: bool) -> None:
    """The sign by which an entry is opened and closed."""
    x, y = centre.x(), centre.y() + 0.5
    points = (
        [QPointF(x - 3.5, y - 2), QPointF(x, y + 2), QPointF(x + 3.5, y - 2)]
        if expanded
        else [QPointF(x - 2, y - 3.5), QPointF(x + 2, y), QPointF(x - 2, y + 3.5)]
    )
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.drawPolyline(QPolygonF(points))
    painter.restore()
