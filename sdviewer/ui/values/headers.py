"""IndexHeader: the places along an axis, drawn without asking which of a million sections are selected.

Qt's own header does ask, row by row in Python, as soon as a whole column is selected.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

_PADDING = 8


class IndexHeader(QHeaderView):
    """Sections of one size; the table says which of them are selected."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self._selected = range(0)
        self._current = -1
        self.setFont(number_font())
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        across = orientation is Qt.Orientation.Horizontal
        self.setAccessibleName(
            tr("Places on the axis that runs across") if across else tr("Places on the axis that runs down")
        )

    def mark(self, selected: range, current: int) -> None:
        """These sections hold what is selected, this one the current cell."""
        if (selected, current) != (self._selected, self._current):
            self._selected, self._current = selected, current
            self.viewport().update()

    def fit(self) -> None:
        """As wide as the places that it shows now; Qt asks for the hint only when fonts change."""
        self.setFixedWidth(max(self.sizeHint().width(), 1))

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """One line high; as wide as the largest place. Qt would measure a sample and miss the longest."""
        metrics = QFontMetrics(self.font())
        height = metrics.height() + _PADDING
        if self.orientation() is Qt.Orientation.Horizontal or self.model() is None or not self.count():
            return QSize(0, height)
        last = str(self.model().headerData(self.count() - 1, self.orientation()) or "")
        return QSize(metrics.horizontalAdvance(last) + 2 * _PADDING, height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The sections, and behind the last one the ground of the table."""
        super().paintEvent(event)
        across, end = self.orientation() is Qt.Orientation.Horizontal, self.length() - self.offset()
        rest = self.viewport().rect()
        if across:
            rest.setLeft(end)
        else:
            rest.setTop(end)
        if rest.isValid():
            painter = QPainter(self.viewport())
            self._paint_ground(painter, rest, colors().base)
            painter.end()

    def paintSection(self, painter: QPainter, rect: QRect, logical: int) -> None:  # noqa: N802  # Qt
        """The place, right-aligned as the values are."""
        c = colors()
        across = self.orientation() is Qt.Orientation.Horizontal
        self._paint_ground(painter, rect, c.inactive_highlight if logical in self._selected else c.base)
        painter.setPen(QColor(c.text if logical in self._selected else c.muted))
        text = str(self.model().headerData(logical, self.orientation()) or "")
        room = rect.adjusted(2, 0, -_PADDING, 0)
        if across and painter.fontMetrics().horizontalAdvance(text) > room.width():
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideLeft, room.width())
        if logical == self._current:
            font = painter.font()
            font.setBold(True)
            painter.setFont(font)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_ground(self, painter: QPainter, rect: QRect, color: str) -> None:
        """With the line towards the cells."""
        painter.fillRect(rect, QColor(color))
        painter.setPen(QColor(colors().line))
        if self.orientation() is Qt.Orientation.Horizontal:
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        else:
            painter.drawLine(rect.topRight(), rect.bottomRight())
