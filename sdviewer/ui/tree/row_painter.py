"""RowPainter: draws one row of the tree in one call, instead of eight model calls a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPolygonF

from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.roles import Role
from sdviewer.ui.models.tree_model import Cells, Column
from sdviewer.ui.theme import colors, number_font

_INDENT = 16
_MARGIN = 8
_MARK = 8
_NAME_KEPT = 150
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class RowState:
    """How a row is drawn."""

    expanded: bool
    selected: bool
    hovered: bool
    current: bool
    active: bool


class RowPainter:
    """Fonts and colours of the tree, remade by `refresh` when the theme or the font changes."""

    def __init__(self, font: QFont, palette: QPalette) -> None:
        self.refresh(font, palette)

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        self.font = font
        self.bold = QFont(font)
        self.bold.setWeight(QFont.Weight.DemiBold)
        self.numbers = number_font()
        self.metrics = QFontMetrics(font)
        self.bold_metrics = QFontMetrics(self.bold)
        self.number_metrics = QFontMetrics(self.numbers)
        self.row_height = max(self.metrics.height(), self.number_metrics.height()) + 7
        c = colors()
        self.text, self.muted, self.accent = QColor(c.text), QColor(c.muted), QColor(c.accent)
        self.line = QColor(c.line)
        self.highlight = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight)
        self.highlighted_text = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.HighlightedText)
        self.inactive = QColor(c.inactive_highlight)
        self.hover = QColor(c.highlight)
        self.hover.setAlpha(26 if c.is_dark else 14)

    def branch_rect(self, cells: Cells, rect: QRect) -> QRect:
        """Where a click opens or closes the node, given the rectangle of its name cell."""
        left = rect.left() + 4 + _indent(cells, rect.width())
        return QRect(left, rect.top(), _INDENT, rect.height())

    def name_width(self, cells: Cells, room: int) -> int:
        """Pixels that the whole name would take in a cell of `room` pixels."""
        metrics = self.bold_metrics if _is_bold(cells) else self.metrics
        text = metrics.horizontalAdvance(cells.name) + self.metrics.horizontalAdvance(cells.aside)
        return _name_left(cells, room) + text + _MARGIN

    def cell_width(self, cells: Cells, column: int, room: int = 0) -> int:
        """Pixels that the whole text of a cell would take."""
        if column == Column.NAME:
            return self.name_width(cells, room)
        metrics = self.number_metrics if column in (Column.SHAPE, Column.SIZE) else self.metrics
        return metrics.horizontalAdvance(cells.text(column)) + 2 * _MARGIN

    def paint(self, painter: QPainter, cells: Cells, rects: Sequence[QRect], state: RowState) -> None:
        """Draw a row into the rectangles of its cells."""
        whole = QRect(rects[0].topLeft(), rects[-1].bottomRight())
        plain, quiet = self.text, self.muted
        if state.selected:
            painter.fillRect(whole, self.highlight if state.active else self.inactive)
            if state.active:
                plain = quiet = self.highlighted_text
        elif state.hovered:
            painter.fillRect(whole, self.hover)
        if cells.on_the_way and not (state.selected and state.active):
            plain = quiet
        # A value may stand in the empty columns beside it.
        end = rects[-1] if spans_row(cells) else rects[Column.NAME]
        self._paint_name(painter, cells, rects[Column.NAME], end.right(), state, plain, quiet)
        parent = cells.what is not TreeNode.TENSOR
        painter.setFont(self.font)
        painter.setPen(quiet)
        self._paint_text(painter, rects[Column.KIND], cells.kind, self.metrics, _LEFT)
        painter.setPen(plain)
        self._paint_text(painter, rects[Column.DTYPE], cells.dtype, self.metrics, _LEFT)
        painter.setFont(self.font if parent else self.numbers)
        painter.setPen(quiet if parent else plain)
        metrics = self.metrics if parent else self.number_metrics
        self._paint_text(painter, rects[Column.SHAPE], cells.shape, metrics, _RIGHT)
        painter.setFont(self.numbers)
        self._paint_text(painter, rects[Column.SIZE], cells.size, self.number_metrics, _RIGHT)
        if state.current and not state.selected:
            painter.setPen(QPen(self.accent, 1, Qt.PenStyle.DotLine))
            painter.drawRect(whole.adjusted(0, 0, -1, -1))

    def _paint_name(
        self, painter: QPainter, cells: Cells, rect: QRect, end: int, state: RowState, plain: QColor, quiet: QColor
    ) -> None:
        branch = self.branch_rect(cells, rect)
        if cells.indent * _INDENT > _indent(cells, rect.width()):
            # So deep that it stands no further right than the row above: its depth is told instead.
            painter.setFont(self.numbers)
            painter.setPen(quiet)
            self._paint_text(
                painter,
                QRect(rect.left(), rect.top(), branch.left(), rect.height()),
                f"{cells.indent}",
                self.number_metrics,
                _RIGHT,
            )
        if cells.has_children and cells.what is not TreeNode.ROOT:
            self._paint_branch(painter, QRectF(branch).center(), state.expanded, quiet)
        if cells.what in (TreeNode.TENSOR, TreeNode.SCALAR, TreeNode.OBJECT):
            mark = QRectF(branch.right() + 4, branch.center().y() - _MARK / 2 + 1, _MARK, _MARK)
            color = plain if state.selected else self.accent if cells.role is Role.PARAMETER else quiet
            self._paint_mark(painter, cells, mark, color)
        room = rect.adjusted(_name_left(cells, rect.width()), 0, 0, 0)
        room.setRight(end - 4)
        bold = _is_bold(cells)
        metrics = self.bold_metrics if bold else self.metrics
        painter.setFont(self.bold if bold else self.font)
        painter.setPen(plain)
        self._paint_text(painter, room.adjusted(-_MARGIN, 0, _MARGIN, 0), cells.name, metrics, _LEFT)
        if cells.aside:
            painter.setFont(self.font)
            painter.setPen(quiet)
            left = room.left() + metrics.horizontalAdvance(cells.name)
            self._paint_text(
                painter, room.adjusted(left - room.left() - _MARGIN, 0, _MARGIN, 0), cells.aside, self.metrics, _LEFT
            )

    @staticmethod
    def _paint_text(
        painter: QPainter, rect: QRect, text: str, metrics: QFontMetrics, alignment: Qt.AlignmentFlag
    ) -> None:
        room = rect.width() - 2 * _MARGIN
        if not text or room < 4:
            return
        if metrics.horizontalAdvance(text) > room:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect.adjusted(_MARGIN, 0, -_MARGIN, 0), alignment | Qt.TextFlag.TextSingleLine, text)

    @staticmethod
    def _paint_branch(painter: QPainter, centre: QPointF, expanded: bool, color: QColor) -> None:
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

    @staticmethod
    def _paint_mark(painter: QPainter, cells: Cells, mark: QRectF, color: QColor) -> None:
        """Shapes, not colours alone: a full square is a parameter, a hollow one a buffer, a half one unknown."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.2))
        square = mark.adjusted(0.6, 0.6, -0.6, -0.6)
        if cells.what is TreeNode.TENSOR:
            if cells.role is Role.PARAMETER:
                painter.setBrush(color)
            painter.drawRoundedRect(square, 1.5, 1.5)
            if cells.role is Role.UNKNOWN:
                painter.fillRect(QRectF(square.left(), square.center().y(), square.width(), square.height() / 2), color)
        elif cells.what is TreeNode.OBJECT:
            centre = square.center()
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(centre.x(), square.top()),
                        QPointF(square.right(), centre.y()),
                        QPointF(centre.x(), square.bottom()),
                        QPointF(square.left(), centre.y()),
                    ]
                )
            )
        else:
            painter.setBrush(color)
            painter.drawEllipse(square.center(), 1.8, 1.8)
        painter.restore()


def spans_row(cells: Cells) -> bool:
    """Whether the name and what follows it have the whole row for themselves."""
    return cells.what in (TreeNode.SCALAR, TreeNode.ALIAS)


def _indent(cells: Cells, room: int) -> int:
    """Pixels by which a name is moved to the right: never so far that too little of it is seen."""
    return max(min(cells.indent * _INDENT, room - min(_NAME_KEPT, room // 2)), 0)


def _name_left(cells: Cells, room: int) -> int:
    mark = _MARK + 6 if cells.what in (TreeNode.TENSOR, TreeNode.SCALAR, TreeNode.OBJECT) else 0
    branch = 4 if cells.what is TreeNode.ROOT else _INDENT + 4
    return 4 + _indent(cells, room) + branch + mark


def _is_bold(cells: Cells) -> bool:
    return cells.what in (TreeNode.ROOT, TreeNode.SECTION)
