"""DiffPainter: draws one row of a comparison in one call."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen

from sdviewer.ui.comparison.marks import SIDE, mark_color, paint_mark
from sdviewer.ui.models.diff_cells import DiffCells, DiffColumn
from sdviewer.ui.reading_order import in_order
from sdviewer.ui.row_look import RowLook, paint_branch
from sdviewer.ui.theme import colors
from sdviewer.ui.tree.row_painter import RowState

_INDENT, _MARGIN, _NAME_KEPT = 16, 8, 120
_LINE = Qt.AlignmentFlag.AlignVCenter.value | Qt.TextFlag.TextSingleLine.value
_LEFT = Qt.AlignmentFlag.AlignLeft.value | _LINE
_RIGHT = Qt.AlignmentFlag.AlignRight.value | _LINE
_NUMBERS = (DiffColumn.MAX_ABS, DiffColumn.RELATIVE, DiffColumn.COSINE, DiffColumn.CHANGED)


class DiffPainter(RowLook):
    """The look of a comparison's rows."""

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        super().refresh(font, palette)
        self.ground = QColor(colors().base)
        self.bold = QFont(font)
        self.bold.setWeight(QFont.Weight.DemiBold)
        self.bold_metrics = QFontMetrics(self.bold)

    def branch_rect(self, cells: DiffCells, rect: QRect) -> QRect:
        """Where a click opens or closes the node, given the rectangle of its name cell."""
        return QRect(rect.left() + 4 + self._indent(cells, rect.width()), rect.top(), _INDENT, rect.height())

    def cell_width(self, cells: DiffCells, column: int) -> int:
        """Pixels that the whole text of a cell would take."""
        metrics = self.number_metrics if column in _NUMBERS else self.metrics
        width = metrics.horizontalAdvance(cells.text(column)) + 2 * _MARGIN
        if column == DiffColumn.NAME:
            width += 4 + _INDENT * (cells.indent + (cells.node != 0)) + SIDE + 6
        return width

    def paint(self, painter: QPainter, cells: DiffCells, rects: Sequence[QRect], state: RowState) -> None:
        """Draw a row into the rectangles of its cells."""
        whole = QRect(rects[0])
        whole.setRight(max(rect.right() for rect in rects))
        self.paint_ground(painter, whole, selected=state.selected, hovered=state.hovered, active=state.active)
        is_lit = state.selected and state.active
        plain, quiet = (self.highlighted_text,) * 2 if is_lit else (self.text, self.muted)
        self._paint_name(painter, cells, rects[DiffColumn.NAME], state, plain, quiet)
        painter.setFont(self.font)
        is_quiet = cells.mark in {"identical", "waiting", "equal", ""}
        painter.setPen(plain if is_lit else quiet if is_quiet else self.text)
        self._text(painter, rects[DiffColumn.MARK], cells.told, self.metrics, _LEFT)
        painter.setPen(quiet)
        self._text(painter, rects[DiffColumn.FORM], cells.form, self.metrics, _LEFT)
        painter.setPen(plain if is_lit or not cells.is_guess else QColor(colors().warning))
        self._text(painter, rects[DiffColumn.WHY], cells.why, self.metrics, _LEFT)
        painter.setFont(self.numbers)
        painter.setPen(quiet if cells.is_module else plain)
        for column in _NUMBERS:
            self._text(painter, rects[column], cells.text(column), self.number_metrics, _RIGHT)
        if state.current and not state.selected:
            painter.setPen(QPen(self.accent, 1, Qt.PenStyle.DotLine))
            painter.drawRect(whole.adjusted(0, 0, -1, -1))

    def _paint_name(
        self, painter: QPainter, cells: DiffCells, rect: QRect, state: RowState, plain: QColor, quiet: QColor
    ) -> None:
        branch = self.branch_rect(cells, rect)
        if cells.has_children and cells.node != 0:
            paint_branch(painter, QRectF(branch).center(), quiet, expanded=state.expanded)
        left = branch.left() if cells.node == 0 else branch.right() + 3
        place = QRectF(left, rect.center().y() - SIDE / 2 + 0.5, SIDE, SIDE)
        is_lit = state.selected and state.active
        if cells.mark:
            color, ground = (plain, self.highlight) if is_lit else (mark_color(cells.mark), self.ground)
            paint_mark(painter, place, cells.mark, color, ground, is_own=not cells.is_module)
        room = QRect(rect)
        room.setLeft(int(place.right()) + 6 - _MARGIN)
        is_bold = cells.node == 0
        painter.setFont(self.bold if is_bold else self.font)
        painter.setPen(plain)
        metrics = self.bold_metrics if is_bold else self.metrics
        self._text(painter, room, cells.name, metrics, _LEFT)
        if cells.aside:
            used = metrics.horizontalAdvance(cells.name)
            painter.setPen(quiet)
            self._text(painter, room.adjusted(used, 0, 0, 0), cells.aside, self.metrics, _LEFT)

    @staticmethod
    def _text(painter: QPainter, rect: QRect, text: str, metrics: QFontMetrics, alignment: int) -> None:
        room = rect.width() - 2 * _MARGIN
        if room <= 0 or not text:
            return
        text = in_order(text)
        if metrics.horizontalAdvance(text) > room:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect.adjusted(_MARGIN, 0, -_MARGIN, 0), alignment, text)

    @staticmethod
    def _indent(cells: DiffCells, room: int) -> int:
        return max(min(cells.indent * _INDENT, room - min(_NAME_KEPT, room // 2)), 0)
