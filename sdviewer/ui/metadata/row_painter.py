"""RowPainter: draws one row of the metadata in one call, with what was found in it marked."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette

from sdviewer.ui.models.metadata_model import Cells, Column
from sdviewer.ui.row_look import RowLook, paint_branch
from sdviewer.ui.theme import colors

_MARGIN = 6
_ALIGNMENT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
_ELLIPSIS = "…"
# Characters kept before a find that would else be out of sight.
_BEFORE_FIND = 12


@dataclass(frozen=True, slots=True)
class RowState:
    """How a row is drawn; `find` is what is looked for, case folded."""

    expanded: bool
    selected: bool
    hovered: bool
    active: bool
    find: str


class RowPainter(RowLook):
    """The look of the rows of metadata."""

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        super().refresh(font, palette)
        self.narrowest = max(min(map(self.metrics.horizontalAdvance, "il.")), 1)
        c = colors()
        self.found, self.found_text = QColor(c.found), QColor(c.text)

    def width(self, text: str, column: int) -> int:
        """Pixels that a whole text takes in a column."""
        metrics = self.metrics if column == Column.TYPE else self.number_metrics
        return metrics.horizontalAdvance(text) + 2 * _MARGIN

    def paint(
        self, painter: QPainter, cells: Cells, rects: dict[Column, QRect], branch: QRect, state: RowState
    ) -> None:
        """Draw a row into the rectangles of its cells; `branch` is where its sign stands."""
        whole = QRect(0, branch.top(), rects[Column.TYPE].right() + 1, branch.height())
        plain, quiet, loud = self.text, self.muted, self.accent
        self.paint_ground(painter, whole, selected=state.selected, hovered=state.hovered, active=state.active)
        if state.selected and state.active:
            plain = quiet = loud = self.highlighted_text
        if cells.count:
            paint_branch(painter, QPointF(branch.center()), quiet, expanded=state.expanded)
        painter.setFont(self.numbers)
        find = "" if cells.is_note else state.find
        self._paint_text(painter, rects[Column.KEY], cells.key, quiet if cells.is_note else plain, find)
        # Of a container the value is what lies below: a hint, and no place of a find.
        is_leaf = not cells.count
        color = quiet if cells.is_note or not is_leaf else loud if cells.type in ("reference", "tensor") else plain
        self._paint_text(painter, rects[Column.VALUE], cells.value, color, find if is_leaf else "")
        painter.setFont(self.font)
        self._paint_text(painter, rects[Column.TYPE], cells.type, quiet, "" if is_leaf else find, self.metrics)

    def _paint_text(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        color: QColor,
        find: str,
        metrics: QFontMetrics | None = None,
    ) -> None:
        metrics = metrics or self.number_metrics
        room = rect.width() - 2 * _MARGIN
        if not text or room < 4:
            return
        folded = text.casefold()
        # Folding may lengthen a text; then what was found stands elsewhere in it.
        start = folded.find(find) if find and len(folded) == len(text) else -1
        if start > 0 and metrics.horizontalAdvance(text[: start + len(find)]) > room:
            # What was found is in sight, whatever stands before it.
            cut = max(start - _BEFORE_FIND, 1)
            text, start = _ELLIPSIS + text[cut:], start - cut + 1
        # No sign is narrower than this: what lies behind need not be measured.
        most = room // self.narrowest + 1
        if len(text) > most or metrics.horizontalAdvance(text) > room:
            text = text if len(text) <= most else text[:most] + _ELLIPSIS
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        left = rect.left() + _MARGIN
        if start >= 0:
            before = metrics.horizontalAdvance(text[:start])
            width = metrics.horizontalAdvance(text[start : start + len(find)])
            mark = QRect(left + before, rect.top() + 2, min(width, room - before), rect.height() - 4)
            painter.fillRect(mark, self.found)
        painter.setPen(color)
        painter.drawText(QRect(left, rect.top(), room, rect.height()), _ALIGNMENT, text)
        if start >= 0:
            # In the colour that can be read on the mark, on a selected row as well.
            painter.save()
            painter.setClipRect(mark)
            painter.setPen(self.found_text)
            painter.drawText(QRect(left, rect.top(), room, rect.height()), _ALIGNMENT, text)
            painter.restore()
