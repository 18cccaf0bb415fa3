"""Chips: the terms that are asked for most, at a click."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from sdviewer.ui.filter.terms import has_term
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_ALL = ""
CHIPS: tuple[tuple[str, str, str], ...] = (
    (tr("all"), _ALL, tr("All tensors: empty the filter")),
    (tr("parameters"), "role:parameter", tr("Only parameters")),
    (tr("buffers"), "role:buffer", tr("Only buffers")),
    (tr("float"), "dtype:float", tr("Only floating point tensors")),
    (tr("tied"), "tied:yes", tr("Only tensors that are the same as another one")),
    (tr("problems"), "problem:yes", tr("Only tensors with something wrong: bytes missing, out of bounds")),
    (tr("NaN"), "nan:>0", tr("Only tensors with values that are NaN, as far as they were scanned")),
    (tr("findings"), "health:bad", tr("Only tensors in which a scan has found an error or a warning")),
)


class Chip(QAbstractButton):
    """A small switch with round ends; one that is on is filled and has a tick."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """Room for the text and a tick, so that switching moves nothing."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(f"✓ {self.text()}") + 18, metrics.height() + 6)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  # Qt
        """The same."""
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw it."""
        c = colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        ground = c.inactive_highlight if self.isChecked() or self.isDown() or self.underMouse() else c.base
        ink = c.text if self.isChecked() else c.muted
        frame = c.accent if self.isChecked() else c.frame
        if self.hasFocus():
            # A frame alone would look as that of a chip that is on.
            ground, ink, frame = c.highlight, c.highlighted_text, c.text
        painter.setPen(QPen(QColor(frame), 1.8 if self.hasFocus() else 1))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        painter.setPen(QColor(ink))
        text = f"✓ {self.text()}" if self.isChecked() else self.text()
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new font makes another size."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self.updateGeometry()


class ChipRow(QWidget):
    """All chips; what is on follows the line."""

    toggled = Signal(str, bool)
    """A term that is to be added to the line (True) or removed from it; "" empties it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = FlowLayout(self)
        self.chips: dict[str, Chip] = {}
        for text, term, tip in CHIPS:
            chip = Chip(text)
            chip.setToolTip(tooltip(tip))
            chip.setAccessibleName(tip)
            chip.clicked.connect(partial(self._clicked, term))
            layout.addWidget(chip)
            self.chips[term] = chip
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_text(self, text: str) -> None:
        """Switch on what the line says."""
        for term, chip in self.chips.items():
            chip.setChecked(not text.strip() if term == _ALL else has_term(text, term))

    def _clicked(self, term: str) -> None:
        self.toggled.emit(term, self.chips[term].isChecked())
