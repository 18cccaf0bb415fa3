"""RowPainter: draws one row of the tree in one call, instead of eight model calls a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPolygonF

from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.roles import Role
from sdviewer.ui.models.tree_cells import Cells, Column
from sdviewer.ui.reading_order import in_order
from sdviewer.ui.row_look import RowLook, paint_branch
from sdviewer.ui.theme import colors
from sdviewer.ui.tree.health import Mark

_INDENT = 16
_MARGIN = 8
_MARK = 8
_SIGN = 11
_NAME_KEPT = 150
# As plain numbers: to join flags takes as long as to draw a text.
_LINE = Qt.AlignmentFlag.AlignVCenter.value | Qt.TextFlag.TextSingleLine.value
_LEFT = Qt.AlignmentFlag.AlignLeft.value | _LINE
_RIGHT = Qt.AlignmentFlag.AlignRight.value | _LINE


@dataclass(frozen=True, slots=True)
class RowState:
    """How a row is drawn; `alone` is whether no other row is selected."""

    expanded: bool
    selected: bool
    hovered: bool
    current: bool
    active: bool
    alone: bool = True


class RowPainter(RowLook):
    """The look of the tree's rows."""

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        super().refresh(font, palette)
        self.bold = QFont(font)
        self.bold.setWeight(QFont.Weight.DemiBold)
        self.bold_metrics = QFontMetrics(self.bold)
        c = colors()
        self.ground = QColor(c.base)
        self.health_colors = {
            Mark.GOOD: QColor(c.good),
            Mark.NOTE: QColor(c.muted),
            Mark.WARNING: QColor(c.warning),
            Mark.ERROR: QColor(c.error),
        }
        self.problem_colors = {"error": QColor(c.error), "warning": QColor(c.warning)}

    def branch_rect(self, cells: Cells, rect: QRect) -> QRect:
        """Where a click opens or closes the node, given the rectangle of its name cell."""
        left = rect.left() + 4 + _indent(cells, rect.width())
        return QRect(left, rect.top(), _INDENT, rect.height())

    def name_width(self, cells: Cells, room: int) -> int:
        """Pixels that the whole name would take in a cell of `room` pixels."""
        metrics = self.bold_metrics if _is_bold(cells) else self.metrics
        text = metrics.horizontalAdvance(cells.name) + self.metrics.horizontalAdvance(cells.aside)
        return _name_left(cells, room) + text + _MARGIN + _marks_width(cells)

    def cell_width(self, cells: Cells, column: int, room: int = 0) -> int:
        """Pixels that the whole text of a cell would take."""
        if column == Column.NAME:
            return self.name_width(cells, room)
        metrics = self.number_metrics if column in (Column.SHAPE, Column.SIZE) else self.metrics
        return metrics.horizontalAdvance(cells.text(column)) + 2 * _MARGIN

    def paint(self, painter: QPainter, cells: Cells, rects: Sequence[QRect], state: RowState) -> None:
        """Draw a row into the rectangles of its cells."""
        whole = QRect(rects[0])
        # A hidden column has no place.
        whole.setRight(max(rect.right() for rect in rects))
        plain, quiet = self.text, self.muted
        self.paint_ground(painter, whole, selected=state.selected, hovered=state.hovered, active=state.active)
        if state.selected and state.active:
            plain = quiet = self.highlighted_text
        if cells.on_the_way and not (state.selected and state.active):
            plain = quiet
        # A value may stand in the empty columns beside it.
        end = whole if spans_row(cells) else rects[Column.NAME]
        self._paint_name(painter, cells, rects[Column.NAME], end.right(), state, plain, quiet)
        parent = cells.what is not TreeNode.TENSOR or cells.is_group
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
        if cells.health is not Mark.UNKNOWN and rects[Column.HEALTH].width() >= _SIGN:
            is_lit = state.selected and state.active
            color, ground = self.health_colors[cells.health], self.ground
            if is_lit:
                color, ground = plain, self.highlight
            centre = QRectF(rects[Column.HEALTH]).center()
            place = QRectF(centre.x() - _SIGN / 2, centre.y() - _SIGN / 2 + 0.5, _SIGN, _SIGN)
            _paint_health(painter, place, color, ground, cells.health, is_own=cells.is_sick)
        if state.current and not (state.selected and state.alone):
            painter.setPen(QPen(plain if state.selected else self.accent, 1, Qt.PenStyle.DotLine))
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
            paint_branch(painter, QRectF(branch).center(), quiet, expanded=state.expanded)
        if _has_mark(cells):
            mark = QRectF(branch.right() + 4, branch.center().y() - _MARK / 2 + 1, _MARK, _MARK)
            color = plain if state.selected else self.accent if cells.role is Role.PARAMETER else quiet
            self._paint_mark(painter, cells, mark, color)
        room = rect.adjusted(_name_left(cells, rect.width()), 0, 0, 0)
        room.setRight(end - 4 - _marks_width(cells))
        self._paint_marks(painter, cells, QRect(rect.topLeft(), QPoint(end, rect.bottom())), state, quiet)
        bold = _is_bold(cells)
        metrics = self.bold_metrics if bold else self.metrics
        painter.setFont(self.bold if bold else self.font)
        painter.setPen(plain)
        # What a group holds is worth more than the end of its name.
        aside = self.metrics.horizontalAdvance(cells.aside) if cells.is_group else 0
        name = metrics.elidedText(in_order(cells.name), Qt.TextElideMode.ElideRight, max(room.width() - aside, 40))
        self._paint_text(painter, room.adjusted(-_MARGIN, 0, _MARGIN, 0), name, metrics, _LEFT)
        if cells.aside:
            painter.setFont(self.font)
            painter.setPen(quiet)
            left = room.left() + metrics.horizontalAdvance(name)
            self._paint_text(
                painter, room.adjusted(left - room.left() - _MARGIN, 0, _MARGIN, 0), cells.aside, self.metrics, _LEFT
            )

    def _paint_marks(self, painter: QPainter, cells: Cells, rect: QRect, state: RowState, quiet: QColor) -> None:
        """At the end of the name: a problem, and whether the tensor is tied to others."""
        place = QRectF(rect.right() - 3 - _SIGN, rect.center().y() - _SIGN / 2 + 1, _SIGN, _SIGN)
        if cells.problem is not None:
            # On the highlight only its own text colour is sure to be seen.
            is_lit = state.selected and state.active
            color = quiet if is_lit else self.problem_colors[cells.problem]
            ground = self.highlight if is_lit else self.ground
            _paint_problem(painter, place, color, ground, is_error=cells.problem == "error", is_own=cells.is_own)
            place.translate(-_SIGN - 4, 0)
        if cells.tie:
            _paint_tie(painter, place, quiet)

    @staticmethod
    def _paint_text(painter: QPainter, rect: QRect, text: str, metrics: QFontMetrics, alignment: int) -> None:
        room = rect.width() - 2 * _MARGIN
        if not text or room < 4:
            return
        text = in_order(text)
        if metrics.horizontalAdvance(text) > room:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect.adjusted(_MARGIN, 0, -_MARGIN, 0), alignment, text)

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


def _paint_problem(
    painter: QPainter, place: QRectF, color: QColor, ground: QColor, *, is_error: bool, is_own: bool
) -> None:
    """An error is a disc with a cross, a warning a triangle with a stroke; hollow where it lies further down."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    if is_own:
        painter.setBrush(color)
    shape, centre = place.adjusted(0.7, 0.7, -0.7, -0.7), place.center()
    if is_error:
        painter.drawEllipse(shape)
        strokes = [(-2.2, -2.2, 2.2, 2.2), (-2.2, 2.2, 2.2, -2.2)]
    else:
        painter.drawPolygon(QPolygonF([QPointF(centre.x(), shape.top()), shape.bottomRight(), shape.bottomLeft()]))
        strokes = [(0, -1.6, 0, 1.4), (0, 3.2, 0, 3.3)]
    if is_own:
        painter.setPen(QPen(ground, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for x1, y1, x2, y2 in strokes:
        painter.drawLine(QPointF(centre.x() + x1, centre.y() + y1), QPointF(centre.x() + x2, centre.y() + y2))
    painter.restore()


def _paint_health(painter: QPainter, place: QRectF, color: QColor, ground: QColor, mark: Mark, *, is_own: bool) -> None:
    """A tick for nothing found, a dot for a note, and the signs of problems for warnings and errors."""
    if mark in (Mark.WARNING, Mark.ERROR):
        _paint_problem(painter, place, color, ground, is_error=mark is Mark.ERROR, is_own=is_own)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    centre = place.center()
    if mark is Mark.GOOD:
        x, y = centre.x(), centre.y()
        painter.drawPolyline(QPolygonF([QPointF(x - 3.5, y), QPointF(x - 1, y + 2.7), QPointF(x + 3.7, y - 3)]))
    else:
        if is_own:
            painter.setBrush(color)
        painter.drawEllipse(centre, 2.4, 2.4)
    painter.restore()


def _paint_tie(painter: QPainter, place: QRectF, color: QColor) -> None:
    """Two arrows, there and back."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    left, right, middle = place.left() + 0.5, place.right() - 0.5, place.center().y()
    for y, tip, back in ((middle - 2.5, right, -3), (middle + 2.5, left, 3)):
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        painter.drawPolyline(QPolygonF([QPointF(tip + back, y - 2), QPointF(tip, y), QPointF(tip + back, y + 2)]))
    painter.restore()


def spans_row(cells: Cells) -> bool:
    """Whether the name and what follows it have the whole row for themselves."""
    return not cells.is_group and cells.what in (TreeNode.SCALAR, TreeNode.ALIAS)


def _indent(cells: Cells, room: int) -> int:
    """Pixels by which a name is moved to the right: never so far that too little of it is seen."""
    return max(min(cells.indent * _INDENT, room - min(_NAME_KEPT, room // 2)), 0)


def _name_left(cells: Cells, room: int) -> int:
    mark = _MARK + 6 if _has_mark(cells) else 0
    branch = 4 if cells.what is TreeNode.ROOT else _INDENT + 4
    return 4 + _indent(cells, room) + branch + mark


def _has_mark(cells: Cells) -> bool:
    """Whether a shape before the name tells what it is."""
    return not cells.is_group and cells.what in (TreeNode.TENSOR, TreeNode.SCALAR, TreeNode.OBJECT)


def _marks_width(cells: Cells) -> int:
    """Pixels that the marks at the end of the name take."""
    return (_SIGN + 4) * (cells.tie + (cells.problem is not None))


def _is_bold(cells: Cells) -> bool:
    return not cells.is_group and cells.what in (TreeNode.ROOT, TreeNode.SECTION)
