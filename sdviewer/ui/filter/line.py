"""FilterLine: the line in which a filter is typed; what is wrong in it is underlined where it stands."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QLineEdit, QWidget

from sdviewer.ui.clear_button import add_clear_button
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_WAVE = 2.0


class FilterLine(QLineEdit):
    """Keys that belong to what the line filters leave it as signals."""

    help_wanted = Signal()
    results_wanted = Signal()
    left = Signal()
    """Escape in an empty line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(tr("Filter: words, *.weight, dtype:bf16 …"))
        self.setAccessibleName(tr("Filter"))
        self.setAccessibleDescription(tr("Words, patterns and fields that a tensor has to fit; Shift+F1 explains them"))
        add_clear_button(self)
        self._lens = self.addAction(lens_icon(), QLineEdit.ActionPosition.LeadingPosition)
        self._lens.setText(tr("Filter"))
        self.setMaxLength(10_000)
        # Files that are dropped here are meant for the window, not their paths for the line.
        self.setAcceptDrops(False)
        self._wrong = (0, 0)

    def mark_wrong(self, start: int, length: int) -> None:
        """Underline what is not understood; a length of 0 takes the line away."""
        if self._wrong != (start, length):
            self._wrong = (start, length)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape empties the line, arrow down goes to what it found."""
        if event.key() == Qt.Key.Key_F1 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.help_wanted.emit()
        elif event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        elif event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.left.emit()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.results_wanted.emit()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The glass takes the colour of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_lens"):
            self._lens.setIcon(lens_icon())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The line, and the wave below what is wrong."""
        super().paintEvent(event)
        start, length = self._wrong
        if not length:
            return
        metrics, text = self.fontMetrics(), self.text()
        cursor = self.cursorRect()
        origin = cursor.center().x() - metrics.horizontalAdvance(text[: self.cursorPosition()])
        left = origin + metrics.horizontalAdvance(text[:start])
        # What is missing at the end has no character: a short wave stands in its place.
        right = max(origin + metrics.horizontalAdvance(text[: start + length]), left + metrics.averageCharWidth())
        baseline = cursor.center().y() + metrics.height() / 2 - 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self.contentsRect().adjusted(3, 0, -3, 0))
        painter.setPen(QPen(QColor(colors().error), 1.4))
        steps = range(int((right - left) / _WAVE) + 1)
        painter.drawPolyline(QPolygonF([QPointF(left + step * _WAVE, baseline + step % 2 * _WAVE) for step in steps]))
        painter.end()


def lens_icon() -> QIcon:
    """A magnifying glass in the theme's colour of the moment, sharp on every screen."""
    icon = QIcon()
    for side in (16, 32, 48):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors().muted), side / 11, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        centre, radius = QPointF(side * 0.42, side * 0.42), side * 0.26
        painter.drawEllipse(centre, radius, radius)
        painter.drawLine(centre + QPointF(radius * 0.72, radius * 0.72), centre + QPointF(radius * 1.7, radius * 1.7))
        painter.end()
        icon.addPixmap(pixmap)
    return icon
