"""The parts of which the detail pane is made: headings, notes, facts, small tables, text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.wording import PROBLEM_MARKS, shown
from sdviewer.control import WAY
from sdviewer.ui.detail.parts import Fact, Grid, Note, Text
from sdviewer.ui.focus_frame import paint_focus_frame
from sdviewer.ui.long_lines import fill
from sdviewer.ui.models.grid_model import GridModel
from sdviewer.ui.plain_table import make_plain
from sdviewer.ui.reading_order import in_order, without_marks
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_MOST_ROWS_IN_SIGHT = 14
_MOST_LINES_IN_SIGHT = 24
_ROWS_MEASURED = 100
_BAR = 3
_NARROWEST_COLUMN = 50
# Unseen, and a place where a line may end; names are shown with theirs escaped, so every one is ours.
_BREAK = "\u200b"
_LONG_WORD = re.compile(r"\S{40,}")
_BREAKABLE = re.compile(r"[._/\\](?=\w)")


def plain_label(text: str = "", *, muted: bool = False, selectable: bool = False) -> QLabel:
    """A label that never takes its text for HTML."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if muted:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def heading(text: str) -> QLabel:
    """The title of a part."""
    label = plain_label(text)
    font = QFont(label.font())
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
    label.setContentsMargins(0, 10, 0, 2)
    return label


class ValueLabel(QLabel):
    """A value that may be broken behind its dots and lines: names have no blanks. It is copied without the breaks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFont(number_font())
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def value(self) -> str:
        """What is shown."""
        return self._value

    def show_value(self, value: str) -> None:
        """Show another value."""
        self._value = value
        broken = _LONG_WORD.sub(lambda word: _BREAKABLE.sub(rf"\g<0>{_BREAK}", word.group()), value)
        self.setText(in_order(broken))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ctrl+C."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """Copy, without the breaks."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("&Copy"), self._copy)
        menu.popup(event.globalPos())

    def _copy(self) -> None:
        selected = without_marks(self.selectedText()).replace(_BREAK, "").replace("\u2029", "\n")
        QGuiApplication.clipboard().setText(selected or self._value)


class FactGrid(QWidget):
    """Facts, one a line; the labels are kept and filled anew, so that walking through tensors is quick."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, ValueLabel]] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these and no others."""
        while len(self._rows) < len(facts):
            self._add_row()
        for position, (name, value) in enumerate(self._rows):
            used = position < len(facts)
            # Asked first: to show or hide lays everything out anew.
            if name.isHidden() == used:
                name.setVisible(used)
                value.setVisible(used)
            if used:
                fact = facts[position]
                name.setText(fact.label)
                value.show_value(fact.value)
                value.setToolTip(tooltip(fact.exact))
                value.setAccessibleName(f"{fact.label}: {fact.value}")

    def texts(self) -> list[tuple[str, str]]:
        """The facts in sight."""
        return [(name.text(), value.value) for name, value in self._rows if not name.isHidden()]

    def _add_row(self) -> None:
        name, value = plain_label(muted=True), ValueLabel()
        name.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        row = len(self._rows)
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(value, row, 1)
        self._rows.append((name, value))


class NoteStrip(QLabel):
    """A problem of what is shown, with its mark and a colour of its own."""

    def __init__(self, note: Note, parent: QWidget | None = None) -> None:
        super().__init__(f"{PROBLEM_MARKS.get(note.severity, '')} {note.text}", parent)
        self._severity = note.severity
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setContentsMargins(_BAR + 7, 3, 0, 3)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The text beside a bar of its colour."""
        super().paintEvent(event)
        painter = QPainter(self)
        c = colors()
        color = {"error": c.error, "warning": c.warning}.get(self._severity, c.accent)
        painter.fillRect(0, 0, _BAR, self.height(), QColor(color))
        painter.end()


class PartStrip(QFrame):
    """Says that the file is a part of something, and offers the whole."""

    whole_wanted = Signal(str)

    def __init__(self, text: str, whole: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = whole
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = plain_label(text, selectable=True)
        self.text.setWordWrap(True)
        self.button = QPushButton(tr("Open the whole"))
        self.button.setToolTip(tooltip(shown(whole)))
        self.button.clicked.connect(self._ask)
        row = QHBoxLayout(self)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)

    def _ask(self) -> None:
        self.whole_wanted.emit(self._whole)


class CopyButton(QToolButton):
    """Copies a text to the clipboard; without one, whoever made it connects it."""

    def __init__(self, what: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self.setText(tr("Copy"))
        self.setToolTip(tr("Copy {what}", what=what))
        self.setAccessibleName(tr("Copy {what}", what=what))
        if text:
            self.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)


def text_button(text: str, tip: str) -> QToolButton:
    """A small button with a word on it."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


class GridView(QTableView):
    """A small table as tall as its rows, up to a limit.

    A click on the first cell of a row, a double click on any of it, or Enter goes where the row leads.
    """

    node_wanted = Signal(int)

    filter_wanted = Signal(str)

    def __init__(self, grid: Grid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = grid
        self.setAccessibleName(grid.title)
        self.setModel(GridModel(grid, self))
        row_height = make_plain(self)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._text_widths = [self._text_width(column) for column in range(len(grid.header))]
        self._fit_columns()
        rows = min(len(grid.rows), _MOST_ROWS_IN_SIGHT)
        self.setFixedHeight(rows * row_height + self.horizontalHeader().sizeHint().height() + 2)
        self.setMouseTracking(True)
        self.activated.connect(self._follow)
        self.clicked.connect(self._clicked)

    def selected_text(self) -> str:
        """The selected rows, cells parted by tabs."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return "\n".join("\t".join(self.grid.rows[row]) for row in rows)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ctrl+C copies whole rows: Qt would copy one cell."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.selectionModel().hasSelection():
            QGuiApplication.clipboard().setText(self.selected_text())
            event.accept()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Qt asks the model several times a cell: nothing else may keep the interpreter meanwhile."""
        WAY.keep_clear()
        super().paintEvent(event)
        if self.hasFocus():
            paint_focus_frame(self.viewport())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  # Qt
        """A table that shows all of its rows leaves the wheel to the pane around it."""
        if self.verticalScrollBar().maximum() > 0:
            super().wheelEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """The columns share the width."""
        super().resizeEvent(event)
        self._fit_columns()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A hand over what leads somewhere."""
        index = self.indexAt(event.position().toPoint())
        is_link = index.isValid() and index.column() == 0 and self.grid.leads(index.row())
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.ArrowCursor)
        super().mouseMoveEvent(event)

    def _text_width(self, column: int) -> int:
        metrics, head = QFontMetrics(self.font()), QFontMetrics(self.horizontalHeader().font())
        texts = (row[column] for row in self.grid.rows[:_ROWS_MEASURED])
        longest = max(map(metrics.horizontalAdvance, texts), default=0)
        return max(longest, head.horizontalAdvance(self.grid.header[column])) + 22

    def _fit_columns(self) -> None:
        """As wide as their texts; where these do not fit, the widest column gives way, then the next one, too."""
        widths = list(self._text_widths)
        while (excess := sum(widths) - self.viewport().width()) > 0 and max(widths) > _NARROWEST_COLUMN:
            widest = max(range(len(widths)), key=widths.__getitem__)
            next_one = max((width for width in widths if width < widths[widest]), default=_NARROWEST_COLUMN)
            widths[widest] = max(widths[widest] - excess, min(next_one, widths[widest] - 1), _NARROWEST_COLUMN)
        for column, width in enumerate(widths):
            self.horizontalHeader().resizeSection(column, width)

    def _clicked(self, index: QModelIndex) -> None:
        # With a key held, rows are chosen.
        if index.column() == 0 and QGuiApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self._follow(index)

    def _follow(self, index: QModelIndex) -> None:
        row = index.row()
        if self.grid.nodes and self.grid.nodes[row] >= 0:
            self.node_wanted.emit(self.grid.nodes[row])
        elif self.grid.filters and self.grid.filters[row]:
            self.filter_wanted.emit(self.grid.filters[row])


class TextView(QPlainTextEdit):
    """Read-only text, as tall as its lines, up to a limit."""

    def __init__(self, text: Text, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptDrops(False)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(text.title)
        self.setFont(number_font())
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.show_text(text.text)

    def show_text(self, text: str) -> None:
        """Show another text."""
        fill(self, text)
        # A long line wraps; 90 characters are about what a pane holds.
        lines = sum(1 + len(line) // 90 for line in text.split("\n", _MOST_LINES_IN_SIGHT)[:_MOST_LINES_IN_SIGHT])
        lines = min(lines, _MOST_LINES_IN_SIGHT)
        self.setFixedHeight(lines * QFontMetrics(self.font()).lineSpacing() + 16)


def clear(layout: QVBoxLayout) -> None:
    """Remove what a layout holds and let it go when control is back in the event loop."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


__all__ = [
    "CopyButton",
    "FactGrid",
    "GridView",
    "NoteStrip",
    "PartStrip",
    "TextView",
    "clear",
    "heading",
    "plain_label",
    "text_button",
]
