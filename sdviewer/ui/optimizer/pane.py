"""OptimizerPane: the groups of an optimizer, its parameters with what is kept of each, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.analysis.statistics_table import StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.training.effective_step import has_effective_step
from sdviewer.training.findings import look_at_moments
from sdviewer.ui.detail.blocks import GridView, NoteStrip, clear, heading, plain_label, text_button
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.detail.parts import Note
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.optimizer.linking import optimizer_around
from sdviewer.ui.optimizer.reading import Known, read_optimizer, with_figures
from sdviewer.ui.optimizer.step_view import StepView
from sdviewer.ui.optimizer.table import ParameterTable
from sdviewer.ui.plots.library import LOOPS_SLOT
from sdviewer.ui.translating import tr

_MS_BEFORE_NOTICE = 150
_NOTES_SHOWN = 6
# How often figures of a scan that goes on are taken over.
_MS_BETWEEN_FIGURES = 500
# What of the optimizers of a large model takes a second with compiled loops takes half a minute without.
_SECONDS_FOR_LOOPS = 30.0


class OptimizerPane(Pane):
    """Reads one optimizer in a job, and keeps it while its entries are walked through."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._scanning = context.bridge, context.scanning
        self._slot = (context.slot, "optimizer")
        self._node = -1
        self._checkpoint: Checkpoint | None = None
        self._section: Section | None = None
        self.known: Known | None = None
        self._has_news = False

        self.headline = plain_label(selectable=True)
        self.reason = plain_label(muted=True, selectable=True)
        self.quiet = plain_label(muted=True, selectable=True)
        for label in (self.headline, self.reason, self.quiet):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.error = ErrorStrip(self)
        self._notes, self._groups = QVBoxLayout(), QVBoxLayout()
        self.table = ParameterTable()
        self.step = StepView(context.bridge, context.library, self._slot)
        self.parameter_button = text_button(
            tr("Go to parameter"), tr("Show the selected parameter in the model (Enter)")
        )
        self.state_button = text_button(
            tr("Go to state"), tr("Show what is kept of the selected parameter (Shift+Enter)")
        )
        self.step_button = text_button(tr("Effective step"), tr("Work out how far the last step moved each value"))
        self.look_button = text_button(
            tr("Look at the moments"), tr("Read all moments: their norms, and whether they are finite and not negative")
        )
        self._arrange()

        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(lambda: self._say(tr("Reading the optimizer …")))
        self._news_timer = QTimer(self)
        self._news_timer.setSingleShot(True)
        self._news_timer.setInterval(_MS_BETWEEN_FIGURES)
        self._news_timer.timeout.connect(self._take_news)
        if self._scanning is not None:
            self._scanning.values_came.connect(self._news_came)
        self.table.current_changed.connect(self._row_changed)
        self.table.parameter_wanted.connect(self.go_to_parameter)
        self.table.state_wanted.connect(self.go_to_state)
        self.parameter_button.clicked.connect(lambda: self.go_to_parameter(self._row))
        self.state_button.clicked.connect(lambda: self.go_to_state(self._row))
        self.step_button.clicked.connect(self.show_step)
        self.look_button.clicked.connect(self.look)
        self.step.message.connect(self.message)
        self._row_changed(-1)

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the node is in sight."""
        return self._slot not in self._bridge.running and self.step.is_settled and not self._news_timer.isActive()

    @property
    def _row(self) -> int:
        return self.table.currentIndex().row()

    def show_selection(self, selection: Selection) -> None:
        """Read the optimizer that the node is or lies in, unless it is the one in sight."""
        checkpoint, self._node = selection.checkpoint, selection.node
        section = optimizer_around(checkpoint, self._node)
        is_same = self.known is not None and checkpoint is self._checkpoint and section is self._section
        self._checkpoint, self._section = checkpoint, section
        if is_same:
            self._select_node()
            self._news_came()
            return
        self.step.clear()
        self._show(None)
        self._read()

    def close_jobs(self) -> None:
        """Stop reading; what is in sight stays."""
        self._notice_timer.stop()
        self._news_timer.stop()
        self._bridge.drop(self._slot)
        self.step.close_jobs()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """What a scan has found meanwhile belongs into sight."""
        super().showEvent(event)
        if self._has_news:
            self._news_came()

    def go_to_parameter(self, row: int) -> None:
        """Show a parameter in the model."""
        if self.known is None or row < 0:
            return
        node = self.known.parameter_node(row)
        if node >= 0:
            self.node_wanted.emit(node)
        else:
            self.message.emit(
                tr("It is not known which parameter of the model this is: see what is said above the table.")
            )

    def go_to_state(self, row: int) -> None:
        """Show what is kept of a parameter."""
        if self.known is None or row < 0:
            return
        node = self.known.state_node(row)
        if node >= 0:
            self.node_wanted.emit(node)
        else:
            self.message.emit(tr("Nothing is kept of this parameter."))

    def show_step(self) -> None:
        """Work out the effective step of the selected parameter."""
        if self.known is not None and self._row >= 0:
            self.step.measure(self.known, self._row)

    def look(self) -> None:
        """Read all moments, and say what is wrong with them."""
        known = self.known
        if known is None:
            return

        figures = self._figures_of(known.checkpoint)
        is_compiling = LOOPS_SLOT in self._bridge.running

        def work(control: Control) -> Known:
            from sdviewer.ui.scan.work import wait_for_loops

            if is_compiling:
                wait_for_loops(control, _SECONDS_FOR_LOOPS)
            return with_figures(known, look_at_moments(known.checkpoint, known.state, control, figures), control)

        self._start(work, self.look, "Looking at the moments")

    def _news_came(self) -> None:
        """A scan has found more: take it over soon, if it can say more than what is in sight."""
        known = self.known
        self._has_news = known is not None and known.needs_figures and self._figures_of(known.checkpoint) is not None
        if self._has_news and self.isVisible() and not self._news_timer.isActive():
            self._news_timer.start()

    def _take_news(self) -> None:
        known = self.known
        figures = self._figures_of(known.checkpoint) if known is not None else None
        if known is None or figures is None or not self.isVisible():
            return
        if self._slot in self._bridge.running:
            self._news_timer.start()
            return
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: with_figures(known, figures, control),
            on_value=self._show_figures,
            # What is in sight stays; of what the scan cannot read it tells itself.
            on_error=lambda _: None,
            title=tr("Reading the optimizer"),
            background=True,
        )

    def _figures_of(self, checkpoint: Checkpoint) -> StatisticsTable | None:
        found = self._scanning.found_in(checkpoint) if self._scanning is not None else None
        return None if found is None else found.table

    def _read(self) -> None:
        checkpoint, section = self._checkpoint, self._section
        if checkpoint is None or section is None:
            self._say(tr("There is no optimizer here."))
            return
        figures = self._figures_of(checkpoint)
        self._notice_timer.start()
        self._start(
            lambda control: read_optimizer(checkpoint, section, figures, control), self._read, "Reading the optimizer"
        )

    def _start(self, work: Callable[[Control], Known], again: Callable[[], None], title: str) -> None:
        def done(known: Known) -> None:
            row = self._row
            self._show(known)
            if row >= 0:
                self.table.go_to_row(row)
            else:
                self._select_node()

        def fail(error: BaseException) -> None:
            self._notice_timer.stop()
            self._say("")
            self.error.show_error(error, tr("The optimizer cannot be read."), again)

        def stopped() -> None:
            self._notice_timer.stop()
            self._say("")
            self.error.show_stopped(tr("{title} was stopped.", title=title), again)

        self.error.clear()
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=done,
            on_error=fail,
            on_stopped=stopped,
            title=title,
        )

    def _show(self, known: Known | None) -> None:
        self._notice_timer.stop()
        self.known = known
        clear(self._notes)
        clear(self._groups)
        self.table.parameters.show_known(known)
        self._content.setVisible(known is not None)
        if known is None:
            self._say("")
            self._row_changed(-1)
            return
        self._say(known.headline, known.naming.reason)
        self._show_findings(known)
        grid, quiet = known.groups_grid
        if grid.rows:
            self._groups.addWidget(heading(grid.title))
            self._groups.addWidget(GridView(grid))
        self.quiet.setText(quiet)
        self.quiet.setVisible(bool(quiet))
        self.table.show_rows()
        self.look_button.setEnabled(known.needs_figures)
        self._row_changed(-1)

    def _show_figures(self, known: Known) -> None:
        """Show the same optimizer with further figures: what is selected and in sight stays so."""
        before, self.known, self._has_news = self.known, known, False
        row, bar = self._row, self.table.verticalScrollBar()
        if before is not None and before.header == known.header:
            self.table.parameters.change_known(known)
        else:
            place = bar.value()
            self.table.parameters.show_known(known)
            self.table.show_rows()
            if row >= 0:
                self.table.go_to_row(row)
            bar.setValue(place)
        if before is None or before.findings != known.findings:
            clear(self._notes)
            self._show_findings(known)
        self.look_button.setEnabled(known.needs_figures)

    def _show_findings(self, known: Known) -> None:
        for finding in known.findings[:_NOTES_SHOWN]:
            self._notes.addWidget(NoteStrip(Note(finding.severity, finding.text)))
        more = len(known.findings) - _NOTES_SHOWN
        if more > 0:
            self._notes.addWidget(
                plain_label(tr("and {further_remarks}", further_remarks=plural(more, "further remark")), muted=True)
            )

    def _select_node(self) -> None:
        """The parameter that the selected node belongs to is the current row."""
        row = self.known.row_of_node(self._node) if self.known is not None else -1
        if row >= 0:
            self.table.go_to_row(row)

    def _row_changed(self, row: int) -> None:
        known = self.known
        inside = known is not None and 0 <= row < len(known.state)
        self.parameter_button.setEnabled(known is not None and row >= 0)
        self.state_button.setEnabled(inside and known is not None and bool(known.state.entry[row] >= 0))
        self.step_button.setEnabled(inside and known is not None and has_effective_step(known.state, row))

    def _say(self, text: str, reason: str = "") -> None:
        self.headline.setText(text)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))

    def _arrange(self) -> None:
        buttons = FlowLayout()
        for button in (self.parameter_button, self.state_button, self.step_button, self.look_button):
            buttons.addWidget(button)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addLayout(buttons, 1)
        above = QWidget()
        upper = QVBoxLayout(above)
        upper.setContentsMargins(20, 4, 12, 6)
        upper.setSpacing(4)
        upper.addLayout(self._groups)
        upper.addWidget(self.quiet)
        upper.addWidget(heading(tr("Parameters")))
        upper.addWidget(self.table, 1)
        upper.addLayout(line)
        self._content = LineSplitter(Qt.Orientation.Vertical)
        self._content.setHandleWidth(1)
        self._content.setChildrenCollapsible(False)
        self._content.addWidget(above)
        self._content.addWidget(self.step)
        self._content.setStretchFactor(0, 3)
        self._content.setStretchFactor(1, 2)
        top = QWidget()
        head = QVBoxLayout(top)
        head.setContentsMargins(20, 10, 20, 0)
        head.setSpacing(4)
        head.addWidget(self.headline)
        head.addWidget(self.reason)
        head.addWidget(self.error)
        head.addLayout(self._notes)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(top)
        column.addWidget(self._content, 1)
        column.addStretch(0)
        area = ScrollArea(tr("Optimizer"))
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
