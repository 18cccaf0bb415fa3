"""HelpPopup: what a filter can say, with examples that a click or Enter puts into the line."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from sdviewer.search.fields import FIELDS, NAME_TERMS
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.filter.overlay import Overlay
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_WIDTH = 620
_HEIGHT = 560
_EDGE = 8
_EXAMPLES_WIDTH = 250
_INTRODUCTION = (
    "A tensor has to fit all terms, which stand between blanks. Values between commas are alternatives; "
    "a value with a blank in it stands in quotes. Click an example to put it into the filter."
)


class HelpPopup(Overlay):
    """Lies below the line that it explains."""

    chosen = Signal(str)
    """An example was clicked."""

    def __init__(self, line: QWidget) -> None:
        super().__init__(line.window())
        self._line = line
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAccessibleName(tr("What a filter can say"))
        self.examples: dict[str, QPushButton] = {}
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(7)
        grid.setColumnMinimumWidth(0, _EXAMPLES_WIDTH)
        grid.setColumnStretch(1, 1)
        introduction = plain_label(_INTRODUCTION, muted=True)
        introduction.setWordWrap(True)
        grid.addWidget(introduction, 0, 0, 1, 2)
        self._add_part(grid, "Names", NAME_TERMS)
        self._add_part(grid, "Fields", tuple((field.examples, field.meaning) for field in FIELDS))
        grid.setRowStretch(grid.rowCount(), 1)
        inner.setBackgroundRole(QPalette.ColorRole.Base)
        area = QScrollArea()
        area.setBackgroundRole(QPalette.ColorRole.Base)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(area)
        self._area = area

    def open_help(self) -> None:
        """Open it, with the first example focused."""
        self.open_over(next(iter(self.examples.values())))

    def place_in(self, room: QRect) -> QRect:
        """Below the line, as much of it as the window has room for."""
        below = self._line.mapTo(self._window, QPoint(0, self._line.height() + 2))
        width = min(_WIDTH, room.width() - 2 * _EDGE)
        x = max(min(below.x(), room.width() - width - _EDGE), _EDGE)
        return QRect(x, below.y(), width, max(min(_HEIGHT, room.height() - below.y() - _EDGE), 120))

    def _add_part(self, grid: QGridLayout, title: str, rows: tuple[tuple[tuple[str, ...], str], ...]) -> None:
        grid.addWidget(heading(title), grid.rowCount(), 0, 1, 2)
        for examples, meaning in rows:
            row = grid.rowCount()
            holder = QWidget()
            flow = FlowLayout(holder)
            for example in examples:
                button = _ExampleButton(example)
                button.setAccessibleName(f"{example}: {meaning}")
                button.clicked.connect(partial(self._choose, example))
                button.focused.connect(self._keep_in_sight)
                flow.addWidget(button)
                self.examples[example] = button
            policy = holder.sizePolicy()
            policy.setHeightForWidth(True)
            holder.setSizePolicy(policy)
            grid.addWidget(holder, row, 0)
            label = plain_label(meaning)
            label.setWordWrap(True)
            grid.addWidget(label, row, 1, Qt.AlignmentFlag.AlignVCenter)

    def _choose(self, example: str) -> None:
        self.close_overlay()
        self.chosen.emit(example)

    def _keep_in_sight(self) -> None:
        focus = self.focusWidget()
        if focus is not None:
            self._area.ensureWidgetVisible(focus)


class _ExampleButton(QPushButton):
    """An example as it would be typed."""

    focused = Signal()

    def __init__(self, text: str) -> None:
        super().__init__(text.replace("&", "&&"))
        self.setFont(number_font())
        self.setAutoDefault(True)
        metrics = self.fontMetrics()
        self.setFixedSize(metrics.horizontalAdvance(text) + 14, metrics.height() + 6)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802  # Qt
        """Tell it, so that it is scrolled into sight."""
        super().focusInEvent(event)
        self.focused.emit()
