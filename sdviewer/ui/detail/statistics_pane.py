"""StatisticsPane: every figure of the selected tensor, each with how exact it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from sdviewer.analysis.statistics_table import Figures
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import GridView, clear, heading, plain_label
from sdviewer.ui.detail.describe import basis_of, can_be_read
from sdviewer.ui.detail.figures import Group, Line, ShownFigures, shown_figures
from sdviewer.ui.detail.measuring import Asker, Measured
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

T = TypeVar("T")

_MS_BEFORE_NOTICE = 150
_GROUP_WIDTH = 328
_NOTE_WIDTH = 84


class GroupView(QWidget):
    """The lines of one group: name, value, note, beneath each other; the labels are kept and filled anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(_GROUP_WIDTH)
        self._title = heading("")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 8, 8)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(2, _NOTE_WIDTH)
        self._grid.addWidget(self._title, 0, 0, 1, 3)
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []

    def show_group(self, group: Group) -> None:
        """Show other lines."""
        self._title.setText(group.title)
        while len(self._rows) < len(group.lines):
            self._add_row()
        for position, labels in enumerate(self._rows):
            used = position < len(group.lines)
            for label in labels:
                label.setVisible(used)
            if used:
                _fill(labels, group.lines[position])

    def texts(self) -> dict[str, str]:
        """The lines in sight, without their notes."""
        return {name.text(): value.text() for name, value, _ in self._rows if not name.isHidden()}

    def note(self, title: str) -> str:
        """What stands behind a value."""
        return next(note.text() for name, _, note in self._rows if name.text() == title)

    def tip(self, title: str) -> str:
        """What explains a value."""
        return next(value.toolTip() for name, value, _ in self._rows if name.text() == title)

    def _add_row(self) -> None:
        name, value, note = plain_label(muted=True), plain_label(selectable=True), plain_label(muted=True)
        value.setFont(number_font())
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = len(self._rows) + 1
        for column, label in enumerate((name, value, note)):
            self._grid.addWidget(label, row, column)
        self._rows.append((name, value, note))


def _fill(labels: tuple[QLabel, QLabel, QLabel], line: Line) -> None:
    name, value, note = labels
    name.setText(line.title)
    value.setText(line.value)
    note.setText(line.note)
    for label in labels:
        label.setToolTip(tooltip(line.tip))
    value.setAccessibleName(f"{line.title}: {line.value} {line.note}".rstrip())
    value.setAccessibleDescription(line.tip)


class StatisticsPane(Pane):
    """Shows one tensor at a time; another one supersedes it."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._measuring = context.bridge, context.measuring
        self._slot = (context.slot, "statistics")
        self._ref: TensorRef | None = None
        self._basis = ""
        self._pending: set[str] = set()
        self.measured: Measured | None = None
        self.shown: ShownFigures | None = None
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.error = ErrorStrip(self)
        self.exact_button = QPushButton(tr("Make all exact"))
        self.exact_button.setToolTip(tr("Read the values once more, so that no figure is known within limits only"))
        self.exact_button.clicked.connect(self.make_exact)
        self.bad_button = QPushButton(tr("Go to the first bad value"))
        self.bad_button.setToolTip(tr("Show the first NaN or infinity in the table of values"))
        self.bad_button.clicked.connect(self.find_bad)
        self.copy_button = MenuButton(tr("Copy"), tr("Copy the statistics"))
        self.menu = QMenu(self)
        self.menu.addAction(tr("Copy as &Text"), self.copy_text)
        self.menu.addAction(tr("Copy as &TSV"), self.copy_tsv)
        self.menu.addAction(tr("Copy as &JSON"), self.copy_json)
        self.copy_button.setMenu(self.menu)
        buttons = QHBoxLayout()
        for button in (self.exact_button, self.bad_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.copy_button)
        self.groups: list[GroupView] = []
        self._flow = FlowLayout()
        self._casts = QVBoxLayout()
        self._casts_heading = heading(tr("Casts"))
        self._content = QWidget()
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.addLayout(self._flow)
        content.addWidget(self._casts_heading)
        content.addLayout(self._casts)
        page = QWidget()
        page.setBackgroundRole(QPalette.ColorRole.Base)
        page.setAutoFillBackground(True)
        page.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        column = QVBoxLayout(page)
        column.setContentsMargins(20, 10, 20, 20)
        column.setSpacing(6)
        column.addLayout(buttons)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addWidget(self._content)
        column.addStretch(1)
        self.area = ScrollArea(tr("Statistics of the selected tensor"))
        self.area.setWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self._clear()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way."""
        return not self._pending

    def show_selection(self, selection: Selection) -> None:
        """Show the figures of a tensor."""
        checkpoint = selection.checkpoint
        row = int(checkpoint.tree.ref[selection.node])
        self._clear()
        reason = can_be_read(checkpoint, row)
        if reason:
            self._say(reason)
            return
        self._ref, self._basis = TensorRef(checkpoint, row), basis_of(checkpoint, row)
        self._measure()

    def close_jobs(self) -> None:
        """Stop reading."""
        self._clear()

    def make_exact(self) -> None:
        """Have every figure that is known within limits counted exactly."""
        measured = self.measured
        if measured is None or "exact" in self._pending:
            return

        def work(control: Control) -> Figures:
            from sdviewer.analysis.exact import exact_figures

            return exact_figures(measured.ref, measured.counts, control)

        def value(figures: Figures) -> None:
            better = Measured(measured.ref, measured.counts, measured.masses, figures, figures.statistics())
            self._measuring.keep(better)
            self._show(better)

        self._start("exact", "Counting exactly", work, value)

    def find_bad(self) -> None:
        """Look for the first value that is NaN or infinite, and show it among the values."""
        measured = self.measured
        if measured is None or "bad" in self._pending:
            return

        def work(control: Control) -> tuple[int, ...] | None:
            from sdviewer.analysis.first_bad import first_bad

            return first_bad(measured.ref, control)

        def value(index: tuple[int, ...] | None) -> None:
            if index is not None:
                self.value_wanted.emit(index)

        self._start("bad", "Looking for the first bad value", work, value)

    def copy_text(self) -> None:
        """As lines for people."""
        if self.shown is not None:
            self._copy(self.shown.as_text(), "text")

    def copy_tsv(self) -> None:
        """For a spreadsheet."""
        if self.shown is not None:
            self._copy(self.shown.as_tsv(), "TSV")

    def copy_json(self) -> None:
        """For a program."""
        if self.shown is not None and self._ref is not None:
            self._copy(self.shown.as_json(self._ref), "JSON")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ctrl+C copies all as text."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.shown is not None:
            self.copy_text()
        else:
            super().keyPressEvent(event)

    def text(self, title: str) -> str:
        """The value that stands beside a title."""
        return next(texts[title] for group in self.groups if title in (texts := group.texts()))

    def _clear(self) -> None:
        self._measuring.forget(self)
        for name in tuple(self._pending):
            self._bridge.drop((self._slot, name))
        self._pending.clear()
        self._ref, self.measured, self.shown = None, None, None
        self.error.clear()
        self._say("")
        self._content.hide()
        for button in (self.exact_button, self.bad_button, self.copy_button):
            button.setEnabled(True)
            button.hide()

    def _measure(self) -> None:
        if self._ref is not None:
            self._pending.add("count")
            self._notice_timer.start()
            self._measuring.ask(self, self._ref, Asker(self._counted, self._failed, self._stopped))

    def _counted(self, measured: Measured) -> None:
        self._pending.discard("count")
        self._say(self._basis)
        self._show(measured)

    def _show(self, measured: Measured) -> None:
        self.measured = measured
        self.shown = shown = shown_figures(measured.figures)
        groups = shown.groups()
        while len(self.groups) < len(groups):
            view = GroupView()
            self.groups.append(view)
            self._flow.addWidget(view)
        for view, group in zip(self.groups, groups, strict=True):
            view.show_group(group)
        clear(self._casts)
        self._casts.addWidget(GridView(shown.casts(), self._content))
        statistics = measured.statistics
        self.exact_button.setVisible(not shown.is_exact)
        self.bad_button.setVisible(statistics.finite < statistics.count)
        self.copy_button.show()
        self._content.show()

    def _failed(self, error: BaseException) -> None:
        self._pending.discard("count")
        self._say("")
        self.error.show_error(error, tr("The values cannot be read."), self._measure)

    def _stopped(self) -> None:
        self._pending.discard("count")
        self._say("")
        self.error.show_stopped(tr("Reading the values was stopped."), self._measure)

    def _start(self, name: str, title: str, work: Callable[[Control], T], then: Callable[[T], None]) -> None:
        """Run a job that a button has begun; the button waits for it."""
        button = {"exact": self.exact_button, "bad": self.bad_button}[name]
        self._pending.add(name)
        self.error.clear()
        button.setEnabled(False)

        def ended() -> None:
            self._pending.discard(name)
            button.setEnabled(True)

        def value(result: T) -> None:
            ended()
            then(result)

        def error(failure: BaseException) -> None:
            ended()
            self.error.show_error(failure, again=lambda: self._start(name, title, work, then))

        self._bridge.start(
            Lane.COMPUTING,
            (self._slot, name),
            work,
            on_value=value,
            on_error=error,
            on_stopped=ended,
            title=title,
            background=True,
        )

    def _copy(self, text: str, what: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.message.emit(tr("Copied the statistics as {what}.", what=what))

    def _say_reading(self) -> None:
        if "count" in self._pending:
            self._say(tr("Reading values …"))

    def _say(self, text: str) -> None:
        self._notice_timer.stop()
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
