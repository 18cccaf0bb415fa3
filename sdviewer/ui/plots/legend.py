"""Legend: what the colours and lines of a picture stand for, in the picture itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QApplication, QGraphicsWidget, QStyleOptionGraphicsItem, QWidget

from sdviewer.ui.plots.series import series_color, series_pen
from sdviewer.ui.theme import colors

_LINE = 26.0
_GAP = 16.0
_AIR = 4.0
_MOST_ROWS = 4


class Legend(QGraphicsWidget):
    """Lines with names, in as many rows as they take; it asks its layout for that height."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[tuple[int, str]] = []
        self._places: list[tuple[float, float, float]] = []
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        # Another width may need another height.
        self.widthChanged.connect(self._fit)
        self._fit()

    def show_entries(self, entries: Sequence[tuple[int, str]]) -> None:
        """Series by their numbers, with what they are called."""
        self._entries = list(entries)
        self._fit()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """A piece of line, then its name."""
        del option, widget
        font = QApplication.font()
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for (index, text), (x, y, width) in zip(self._entries, self._places, strict=False):
            middle = y + metrics.height() / 2
            painter.setPen(QPen(series_color(index), 2, series_pen(index)))
            painter.drawLine(int(x), int(middle), int(x + _LINE), int(middle))
            painter.setPen(QColor(colors().text))
            told = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)
            where = QRectF(x + _LINE + 5, y, width + 1, metrics.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, told)

    def _fit(self) -> None:
        metrics = QFontMetricsF(QApplication.font())
        room, line = max(self.size().width(), 60.0), metrics.height() + 2
        self._places.clear()
        x = y = 0.0
        for _, text in self._entries:
            width = min(metrics.horizontalAdvance(text) + 1, room - _LINE - 5)
            if x > 0 and x + _LINE + 5 + width > room:
                x, y = 0.0, y + line
            if y >= _MOST_ROWS * line:
                break
            self._places.append((x, y, width))
            x += _LINE + 5 + width + _GAP
        height = y + line + _AIR if self._places else 0.0
        if self.minimumHeight() != height:
            self.setMinimumHeight(height)
            self.setMaximumHeight(height)
        self.update()
