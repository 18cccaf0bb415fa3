"""Preview: every key as it is in the file and as it will be, with a line to look for some of them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.wording import plural
from sdviewer.ui.clear_button import add_clear_button
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.find_line import is_find_key
from sdviewer.ui.export.keys import EXPORT_KEYS
from sdviewer.ui.export.planning import PlanFacts, Planned, Shown
from sdviewer.ui.models.plan_model import Column, Index, PlanModel
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.row_table import RowTable
from sdviewer.ui.table.row_painter import MARGIN, Cell, State, TableRowPainter
from sdviewer.ui.translating import tr

_MS_BEFORE_LOOKING = 60
_WIDTHS = {Column.DTYPE: 82, Column.SHAPE: 100, Column.SIZE: 84}
_CAST_WIDTH = 190
_NARROWEST_NAME = 180
_NOTE_SHARE = 0.2
_EMPTY_NOTE = 50


class PreviewTable(RowTable):
    """Shows a `PlanModel`; a new name is edited by F2 or a double click."""

    exclusion_wanted = Signal(str)
    """The user wants the key that would have this new name left out."""

    def __init__(self, model: PlanModel, parent: QWidget | None = None) -> None:
        painter = TableRowPainter(QApplication.font(), QApplication.palette())
        super().__init__(tr("Keys, as they are in the file and as they will be"), PlainHeader(MARGIN), painter, parent)
        self.row_painter = painter
        self.empty_text = ""
        self.plan_model = model
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setModel(model)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self._fitted = (0, False, False)
        self._kinds = (False, False)

    def row_starting_with(self, text: str, first: int) -> int:
        """Among the next few thousand rows: who looks for more has the line above."""
        model, count = self.plan_model, self.plan_model.rowCount()
        for step in range(min(count, 5000)):
            row = (first + step) % count
            if model.old_name(row).casefold().startswith(text.casefold()):
                return row
        return -1

    def go_to_row(self, row: int) -> None:
        """Make a row current."""
        self.setCurrentIndex(self.plan_model.index(row, Column.NEW))

    def tip_at(self, row: int, column: int) -> str:
        """A text that was cut."""
        text = self.plan_model.text(row, column)
        return text if self.row_painter.width(text, is_number=column == Column.SIZE) > self.columnWidth(column) else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Copy the names of the current row, or write another new name."""
        row = self.currentIndex().row()
        name = EXPORT_KEYS.find(event) if row >= 0 else ""
        if event.matches(QKeySequence.StandardKey.Copy) and row >= 0:
            self._copy(row)
        elif name == "rename":
            self.rename(row)
        elif name == "remove":
            self._leave_out(row)
        else:
            super().keyPressEvent(event)

    def rename(self, row: int) -> None:
        """Let the user write the new name of a row."""
        index = self.plan_model.index(row, Column.NEW)
        self.setCurrentIndex(index)
        if self.plan_model.flags(index) & Qt.ItemFlag.ItemIsEditable:
            self.edit(index)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """At the pointer, or for the key below the current row."""
        row = self.currentIndex().row()
        place = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Mouse:
            row = self.rowAt(event.pos().y())
            if row >= 0:
                self.go_to_row(row)
        else:
            place = self.viewport().mapToGlobal(QPoint(24, self.rowViewportPosition(max(row, 0)) + 20))
        if row >= 0:
            menu = self.row_menu(row)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)

    def row_menu(self, row: int) -> QMenu:
        """What can be done with a row."""
        menu = QMenu(self)
        dropped = self.plan_model.is_dropped(row)
        for text, act, enabled in (
            ("&Rename…\tF2", lambda: self.rename(row), not dropped),
            ("&Leave Out\tDel", lambda: self._leave_out(row), not dropped),
            ("&Copy\tCtrl+C", lambda: self._copy(row), True),
        ):
            action = menu.addAction(text)
            action.setEnabled(enabled)
            action.triggered.connect(act)
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the rows in sight, one call each."""
        model, painter = self.plan_model, QPainter(self.viewport())
        if not model.rowCount():
            painter.setPen(self.row_painter.muted)
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self.empty_text)
            painter.end()
            return
        first = max(self.rowAt(event.rect().top()), 0)
        last = self.rowAt(event.rect().bottom())
        last = model.rowCount() - 1 if last < 0 else last
        current = self.currentIndex().row()
        active = self.isActiveWindow() and self.hasFocus()
        width = max(self.viewport().width(), self.horizontalHeader().length())
        for row in range(first, last + 1):
            whole = QRect(0, self.rowViewportPosition(row), width, self.row_painter.row_height)
            dropped, conflict = model.is_dropped(row), model.is_conflict(row)
            key = model.key(row)
            same = key is not None and key.old == key.new
            cells = [
                Cell(
                    # The mark of a conflict stands before its name as well: it is what is to be mended.
                    f"✖ {model.text(row, column)}" if conflict and column == Column.NEW else model.text(row, column),
                    self.cell_rect(row, column),
                    column == Column.SIZE,
                    name=column in (Column.OLD, Column.NEW),
                    quiet=dropped or (column == Column.NEW and same) or column == Column.SHAPE,
                )
                for column in Column
            ]
            state = State(row == current, row == self.hovered, row == current and active, active)
            self.row_painter.paint(painter, whole, cells, state)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The row under the pointer is tinted."""
        self.hover(self.rowAt(event.position().toPoint().y()))
        super().mouseMoveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """Names take the room that the others leave."""
        super().resizeEvent(event)
        self.fit(*self._kinds)

    def fit(self, has_casts: bool, has_notes: bool) -> None:
        """Columns as wide as what is in them, until the user moves them; anew where there is something else in them."""
        width = self.viewport().width()
        self._kinds = has_casts, has_notes
        if self._fitted == (width, has_casts, has_notes):
            return
        self._fitted = width, has_casts, has_notes
        widths = {**_WIDTHS, Column.DTYPE: _CAST_WIDTH} if has_casts else _WIDTHS
        note = int(width * _NOTE_SHARE) if has_notes else _EMPTY_NOTE
        name = max((width - note - sum(widths.values())) // 2, _NARROWEST_NAME)
        # The last one stretches, but does not shrink by itself.
        widths = {**widths, Column.OLD: name, Column.NEW: name, Column.NOTE: note}
        for column, each in widths.items():
            self.setColumnWidth(column, each)

    def currentChanged(self, current: Index, before: Index) -> None:  # noqa: N802  # Qt
        """Rows are painted whole."""
        super().currentChanged(current, before)
        self.viewport().update()

    def _leave_out(self, row: int) -> None:
        if (key := self.plan_model.key(row)) is not None:
            self.exclusion_wanted.emit(key.new)

    def _copy(self, row: int) -> None:
        key = self.plan_model.key(row)
        old = self.plan_model.old_name(row)
        QGuiApplication.clipboard().setText(f"{old}\t{key.new}" if key is not None else old)


class Preview(QWidget):
    """The table, and above it which of the keys are shown."""

    choice_changed = Signal()
    """Other keys shall be shown."""

    check_wanted = Signal()
    """The user asks what the casts do to the values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = PlanModel(self)
        self.table = PreviewTable(self.model)
        self.line = QLineEdit()
        self.line.setAcceptDrops(False)
        add_clear_button(self.line)
        self.line.setPlaceholderText(tr("Find in old and new names"))
        self.line.setAccessibleName(tr("Find in old and new names"))
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Which keys are shown"))
        for shown in Shown:
            self.choice.addItem(shown.value.capitalize(), shown)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.count = plain_label(muted=True)
        self.check_button = QPushButton(tr("Check the casts"))
        self.check_button.setAutoDefault(False)
        self.check_button.setToolTip(tr("Count the values that become infinite or 0 when they are cast"))
        self.check_button.hide()
        line = QHBoxLayout()
        line.setContentsMargins(8, 6, 8, 6)
        line.setSpacing(6)
        line.addWidget(self.line, 1)
        line.addWidget(self.choice)
        line.addWidget(self.count)
        line.addWidget(self.check_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.table, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_LOOKING)
        self._timer.timeout.connect(self.choice_changed)
        self.line.textChanged.connect(self._timer.start)
        self.line.returnPressed.connect(self._go_down)
        self.choice.currentIndexChanged.connect(self.choice_changed)
        self.check_button.clicked.connect(self.check_wanted)

    @property
    def is_settled(self) -> bool:
        """Whether what was typed last has been asked for."""
        return not self._timer.isActive()

    @property
    def chosen(self) -> Shown:
        """Which keys shall be shown."""
        return Shown(self.choice.currentData())

    @property
    def text(self) -> str:
        """What is looked for."""
        return self.line.text()

    def choose(self, shown: Shown) -> None:
        """Show these keys."""
        self.choice.setCurrentIndex(list(Shown).index(shown))

    def focus_line(self) -> None:
        """Begin to type."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def show_planned(self, planned: Planned | None) -> None:
        """Show a plan; the rows stay where they were scrolled to."""
        bar = self.table.verticalScrollBar()
        place = bar.value()
        row = self.table.currentIndex().row()
        self.model.install(planned)
        self.table.updateGeometries()
        bar.setValue(place)
        if 0 <= row < self.model.rowCount():
            self.table.selectionModel().setCurrentIndex(
                self.model.index(row, Column.NEW), self.table.selectionModel().SelectionFlag.NoUpdate
            )
        facts = planned.facts if planned is not None else None
        self._tell_counts(facts)
        if facts is not None:
            counts = facts.counts
            casts = counts[Shown.CAST] > 0
            self.table.fit(casts, casts or counts[Shown.CONFLICTS] + counts[Shown.DROPPED] > 0)
        nothing = "No key has this in its name." if self.text else "There are none."
        self.table.empty_text = nothing if planned is not None else ""
        self.check_button.setVisible(facts is not None and facts.counts[Shown.CAST] > 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape empties the line before it leaves the export."""
        if event.key() == Qt.Key.Key_Escape and self.line.hasFocus() and self.text:
            self.line.clear()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Ctrl+F is for the line above the table before it is for the window."""
        if is_find_key(event):
            event.accept()
            if event.type() is QEvent.Type.KeyPress:
                self.focus_line()
            return True
        return super().event(event)

    def _tell_counts(self, facts: PlanFacts | None) -> None:
        for at, shown in enumerate(Shown):
            count = f" ({facts.counts[shown]:,})" if facts is not None else ""
            self.choice.setItemText(at, shown.value.capitalize() + count)
        rows = self.model.rowCount()
        self.count.setText(plural(rows, "row") if self.text else "")

    def _go_down(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        if self.model.rowCount() and self.table.currentIndex().row() < 0:
            self.table.go_to_row(0)
