"""TableRowPainter: draws one row of the table in one call, instead of eight model calls a cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen

from sdviewer.ui.reading_order import in_order
from sdviewer.ui.row_look import RowLook
from sdviewer.ui.theme import colors

MARGIN = 8
_LEAST_ROOM = 4
_FITTED_KEPT = 16_384


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell on screen; a `quiet` one is muted, of a long `name` the ends are kept."""

    text: str
    rect: QRect
    is_number: bool
    name: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How a row is drawn."""

    selected: bool
    hovered: bool
    current: bool
    active: bool


class TableRowPainter(RowLook):
    """The look of the table's rows, with what was fitted into a cell kept."""

    def refresh(self, font: QFont, palette: QPalette) -> None:
        """Take over a font and a palette."""
        super().refresh(font, palette)
        self._fitted: dict[tuple[str, bool, bool, int], tuple[str, int]] = {}
        self._baselines = [
            (self.row_height - metrics.height()) // 2 + metrics.ascent()
            for metrics in (self.metrics, self.number_metrics)
        ]
        c = colors()
        self.marks = {"✖": QColor(c.error), "⚠": QColor(c.warning)}

    def width(self, text: str, *, is_number: bool) -> int:
        """Pixels that a cell with this text takes."""
        return self._metrics(is_number).horizontalAdvance(text) + 2 * MARGIN

    def paint(self, painter: QPainter, whole: QRect, cells: Iterable[Cell], state: State) -> None:
        """Draw a row: its ground in `whole`, and its cells."""
        plain, quiet = self.text, self.muted
        bright = state.selected and state.active
        self.paint_ground(painter, whole, selected=state.selected, hovered=state.hovered, active=state.active)
        if bright:
            plain = quiet = self.highlighted_text
        pen: QColor | None = None
        numbers: bool | None = None
        for cell in cells:
            room = cell.rect.width() - 2 * MARGIN
            if not cell.text or room < _LEAST_ROOM:
                continue
            color = quiet if cell.quiet else plain
            if not bright:
                color = self.marks.get(cell.text[0], color)
            if color is not pen:
                painter.setPen(color)
                pen = color
            if cell.is_number is not numbers:
                painter.setFont(self.numbers if cell.is_number else self.font)
                numbers = cell.is_number
            text, width = self._fit(cell, room)
            left = cell.rect.left() + MARGIN + (room - width if cell.is_number else 0)
            # At its baseline: to lay a text out in a rectangle takes three times as long.
            painter.drawText(left, cell.rect.top() + self._baselines[cell.is_number], text)
        if state.current:
            painter.setPen(QPen(self.highlighted_text if bright else self.accent, 1, Qt.PenStyle.DotLine))
            painter.drawRect(whole.adjusted(0, 0, -1, -1))

    def _fit(self, cell: Cell, room: int) -> tuple[str, int]:
        """The text as it fits into `room` pixels, and its width."""
        key = (cell.text, cell.is_number, cell.name, room)
        found = self._fitted.get(key)
        if found is None:
            if len(self._fitted) >= _FITTED_KEPT:
                self._fitted.clear()
            metrics, text = self._metrics(cell.is_number), in_order(cell.text)
            width = metrics.horizontalAdvance(text)
            if width > room:
                cut = Qt.TextElideMode.ElideMiddle if cell.name else Qt.TextElideMode.ElideRight
                text = metrics.elidedText(text, cut, room)
                width = metrics.horizontalAdvance(text)
            found = self._fitted[key] = text, width
        return found

    def _metrics(self, is_number: bool) -> QFontMetrics:
        return self.number_metrics if is_number else self.metrics
