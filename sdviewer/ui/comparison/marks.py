"""The marks of a comparison as shapes: told apart without their colours."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from sdviewer.ui.theme import colors

SIDE = 11


def mark_color(mark: str) -> QColor:
    """The colour of a mark."""
    c = colors()
    found = {
        "failed": c.error,
        "changed": c.warning,
        "shape": c.error,
        "only_a": c.error,
        "only_b": c.good,
        "close": c.warning,
        "dtype": c.accent,
        "equal_after_cast": c.accent,
        "renamed": c.accent,
    }
    return QColor(found.get(mark, c.muted))


def paint_mark(painter: QPainter, place: QRectF, mark: str, color: QColor, ground: QColor, *, is_own: bool) -> None:
    """Draw a mark; it is filled where it is the row's own, and hollow where it lies further down."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    box, x, y = place.adjusted(1, 1, -1, -1), place.center().x(), place.center().y()
    inner = ground if is_own else color
    if is_own and mark in {"failed", "changed", "shape", "only_a", "only_b"}:
        painter.setBrush(color)
    match mark:
        case "failed":
            painter.drawEllipse(box)
            _strokes(painter, inner, x, y, ((-2, -2, 2, 2), (-2, 2, 2, -2)))
        case "changed" | "close":
            painter.drawPolygon(_diamond(box))
        case "only_a" | "only_b":
            painter.drawRoundedRect(box, 2, 2)
            across = (-2.5, 0, 2.5, 0)
            _strokes(painter, inner, x, y, (across,) if mark == "only_a" else (across, (0, -2.5, 0, 2.5)))
        case "shape":
            painter.drawPolygon(QPolygonF([QPointF(x, box.top()), box.bottomRight(), box.bottomLeft()]))
        case "dtype" | "equal_after_cast":
            painter.drawEllipse(box)
            if mark == "dtype":
                painter.setBrush(color)
                painter.drawPie(box, 90 * 16, 180 * 16)
            else:
                _strokes(painter, color, x, y, ((-2, -1.2, 2, -1.2), (-2, 1.2, 2, 1.2)))
        case "renamed":
            _strokes(painter, color, x, y, ((-4, 0, 4, 0), (1.2, -2.8, 4, 0), (1.2, 2.8, 4, 0)))
        case "waiting":
            painter.setBrush(color)
            painter.setPen(Qt.PenStyle.NoPen)
            for shift in (-3.5, 0.0, 3.5):
                painter.drawEllipse(QPointF(x + shift, y), 1.0, 1.0)
        case "identical" | "equal":
            _strokes(painter, color, x, y, ((-3.2, -1.8, 3.2, -1.8), (-3.2, 1.8, 3.2, 1.8)))
            if mark == "equal":
                _strokes(painter, color, x, y, ((-2.6, 4, 2.6, -4),))
    painter.restore()


def _diamond(box: QRectF) -> QPolygonF:
    x, y = box.center().x(), box.center().y()
    return QPolygonF([QPointF(x, box.top()), QPointF(box.right(), y), QPointF(x, box.bottom()), QPointF(box.left(), y)])


def _strokes(
    painter: QPainter, color: QColor, x: float, y: float, lines: tuple[tuple[float, float, float, float], ...]
) -> None:
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for x1, y1, x2, y2 in lines:
        painter.drawLine(QPointF(x + x1, y + y1), QPointF(x + x2, y + y2))
