"""SpectrumPane: the singular values of the selected tensor, once the user has seen what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from sdviewer.analysis.spectrum import Cost, Method, Spectrum, axes_of, estimate, matrix_of, spectrum
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import SdviewerError
from sdviewer.jobs.runner import Lane
from sdviewer.processes.torch_process import torch_process
from sdviewer.ui.detail.blocks import FactGrid, plain_label
from sdviewer.ui.detail.describe import can_be_read
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.plots.spectrum.words import METHODS, cost_words, done_words, figure_facts
from sdviewer.ui.status.job_bar import JobBar, progress_words
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.plots.spectrum.view import SpectrumView

# What costs no more is computed without a question.
SECONDS_AT_ONCE = 0.3
_MOST_KEPT = 256
_FIGURES_WIDTH = 270
_FIGURES_HEIGHT = 215
_NARROW = 640
_MS_BEFORE_PROGRESS = 200
_QT_MOST = 16_777_215

Key = tuple[int, int, Method]


class SpectrumPane(Pane):
    """Results are kept as long as the tab is open: by tensor, axis of the rows, and method."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._slot = context.bridge, context.library, (context.slot, "spectrum")
        self._checkpoint: Checkpoint | None = None
        self._ref: TensorRef | None = None
        self._results: dict[Key, Spectrum] = {}
        self._cost: Cost | None = None
        self._is_computing = False
        self._waiting: Spectrum | None = None
        self.view: SpectrumView | None = None

        self.axes = QComboBox()
        self.axes.setAccessibleName(tr("Axis that makes the rows of the matrix"))
        self.axes.setToolTip(tr("The axis that makes the rows of the matrix; all others make its columns"))
        self.methods = QComboBox()
        self.methods.setAccessibleName(tr("Method"))
        for title, tip in METHODS.values():
            self.methods.addItem(title)
            self.methods.setItemData(self.methods.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.compute_button = QPushButton(tr("Compute"))
        self.compute_button.setAutoDefault(False)
        self.tools = QWidget()
        flow = FlowLayout(self.tools)
        for widget in (self.axes, self.methods, self.compute_button):
            flow.addWidget(widget)
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.progress = QWidget()
        self.bar = JobBar()
        self.bar.setFixedWidth(160)
        self.activity = plain_label(muted=True)
        self.activity.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.cancel_button = QPushButton(tr("Cancel"))
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.setAccessibleName(tr("Cancel computing the singular values"))
        row = QHBoxLayout(self.progress)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar)
        row.addWidget(self.cancel_button)
        row.addWidget(self.activity, 1)
        self.error = ErrorStrip(self.compute_button)
        self.figures = FactGrid()
        self._figures_area = _scrolled(self.figures)
        self._picture = QVBoxLayout()
        self._picture.setContentsMargins(0, 0, 0, 0)
        self.results = QWidget()
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.results)
        self._beside.setContentsMargins(0, 0, 0, 0)
        self._beside.setSpacing(16)
        self._beside.addLayout(self._picture, 1)
        self._beside.addWidget(self._figures_area)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        for part in (self.tools, self.notice, self.progress, self.error):
            column.addWidget(part)
        column.addWidget(self.results, 1)
        column.addStretch(0)
        self._progress_timer = _timer(self, _MS_BEFORE_PROGRESS)
        self._progress_timer.timeout.connect(self._show_progress)
        self._made_timer = _timer(self, 0)
        for signal in (self._library.settled, self._made_timer.timeout):
            signal.connect(self._plots_settled)
        self._bridge.changed.connect(self._tell_progress)
        self.axes.activated.connect(self._axis_chosen)
        self.methods.activated.connect(self._method_chosen)
        self.compute_button.clicked.connect(self.compute)
        self.cancel_button.clicked.connect(self.cancel)
        self._clear()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being computed, and what was is drawn."""
        return not self._is_computing and self._waiting is None

    @property
    def shown(self) -> Spectrum | None:
        """The spectrum in sight."""
        key = self._key()
        return self._results.get(key) if key is not None and not self.results.isHidden() else None

    def show_selection(self, selection: Selection) -> None:
        """Show the spectrum of a tensor if it is known or costs nothing; else what it costs."""
        self._bridge.drop(self._slot)
        self._is_computing = False
        checkpoint = selection.checkpoint
        if checkpoint is not self._checkpoint:
            self._checkpoint = checkpoint
            self._results.clear()
        row = int(checkpoint.tree.ref[selection.node])
        self._ref = TensorRef(checkpoint, row)
        self._clear()
        reason = can_be_read(checkpoint, row)
        if reason:
            self._ref = None
            self.tools.hide()
            self._say(reason)
            return
        self.tools.show()
        self._offer_axes(checkpoint, selection.node)
        self._choose_method()
        self._look()

    def compute(self) -> None:
        """Begin to compute the spectrum that is asked for."""
        ref, cost, axis = self._ref, self._cost, self._axis()
        key = self._key()
        if ref is None or cost is None or key is None:
            return
        self._clear()
        self._is_computing = True
        self._say(cost_words(matrix_of(ref.shape, axis), cost, starts=not torch_process().is_running))
        self.compute_button.setEnabled(False)
        self._progress_timer.start()

        def work(control: Control) -> Spectrum:
            return spectrum(ref, control, axis=axis, method=cost.method)

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=lambda found: self._computed(key, found),
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Singular values"),
        )

    def cancel(self) -> None:
        """Stop computing: the process that does it is ended."""
        self._bridge.cancel(self._slot)

    def close_jobs(self) -> None:
        """Stop computing and saving."""
        self._bridge.drop(self._slot)
        self._is_computing = False
        self._waiting = None
        self._hide_progress()
        if self.view is not None:
            self.view.close_jobs()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """The figures stand beside the picture if there is room, else below it."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < _NARROW
        directions = QBoxLayout.Direction
        self._beside.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)
        self._figures_area.setMinimumWidth(0 if is_narrow else _FIGURES_WIDTH)
        self._figures_area.setMaximumWidth(_QT_MOST if is_narrow else _FIGURES_WIDTH)
        self._figures_area.setMaximumHeight(_FIGURES_HEIGHT if is_narrow else _QT_MOST)

    # -- what is asked for -------------------------------------------------------------------------

    def _offer_axes(self, checkpoint: Checkpoint, node: int) -> None:
        assert self._ref is not None  # noqa: S101  # it was just set
        shape = self._ref.shape
        self.axes.clear()
        for axis in axes_of(shape):
            matrix = matrix_of(shape, axis)
            self.axes.addItem(
                tr("Rows: axis {axis} ({rows:,} × {columns:,})", axis=axis, rows=matrix.rows, columns=matrix.columns),
                axis,
            )
        # The transpose of a matrix has the same singular values.
        self.axes.setVisible(len(shape) > 2 and self.axes.count() > 1)
        usual = self.axes.findData(rows_axis(checkpoint, node))
        self.axes.setCurrentIndex(max(usual, 0))

    def _axis(self) -> int:
        return int(self.axes.currentData() or 0)

    def _method(self) -> Method:
        return list(METHODS)[self.methods.currentIndex()]

    def _key(self) -> Key | None:
        return (self._ref.row, self._axis(), self._method()) if self._ref is not None else None

    def _choose_method(self) -> None:
        """The one whose result is known, else the one that suits the size."""
        assert self._ref is not None  # noqa: S101  # a tensor is shown
        known = [method for method in METHODS if (self._ref.row, self._axis(), method) in self._results]
        try:
            method = known[0] if known else estimate(self._ref, self._axis()).method
        except SdviewerError:
            method = "top"
        self.methods.setCurrentIndex(list(METHODS).index(method))

    def _axis_chosen(self) -> None:
        self._stop()
        self._choose_method()
        self._look()

    def _method_chosen(self) -> None:
        self._stop()
        self._look()

    def _stop(self) -> None:
        self._bridge.drop(self._slot)
        self._is_computing = False
        self._clear()

    def _look(self) -> None:
        """Show what is known of the chosen axis and method, or what it costs."""
        ref, key = self._ref, self._key()
        assert ref is not None  # noqa: S101  # a tensor is shown
        assert key is not None  # noqa: S101  # as before
        try:
            self._cost = cost = estimate(ref, self._axis(), self._method())
        except SdviewerError as error:
            self._cost = None
            self.compute_button.setEnabled(False)
            self.error.show_error(error)
            return
        found = self._results.get(key)
        if found is not None:
            self._show(found)
            return
        self.compute_button.setEnabled(True)
        self._say(cost_words(matrix_of(ref.shape, self._axis()), cost, starts=not torch_process().is_running))
        if cost.seconds <= SECONDS_AT_ONCE:
            self.compute()

    # -- what comes --------------------------------------------------------------------------------

    def _computed(self, key: Key, found: Spectrum) -> None:
        self._is_computing = False
        self._hide_progress()
        while len(self._results) >= _MOST_KEPT:
            del self._results[next(iter(self._results))]
        self._results[key] = found
        self._show(found)

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.error.show_error(error, tr("The singular values cannot be computed."), self.compute)

    def _stopped(self) -> None:
        self._end()
        self.error.show_stopped(tr("Computing the singular values was stopped."), self.compute)

    def _end(self) -> None:
        self._is_computing = False
        self._hide_progress()
        self.compute_button.setEnabled(True)

    def _show(self, found: Spectrum) -> None:
        self.compute_button.setEnabled(False)
        self._say(done_words(found))
        self.figures.show_facts(figure_facts(found))
        self.results.show()
        self._draw(found)

    def _draw(self, found: Spectrum) -> None:
        if not found.singular[0]:
            if self.view is not None:
                self.view.hide()
        elif self._library.error is not None:
            self._waiting = None
            self.error.show_error(self._library.error, tr("The spectrum cannot be drawn."))
        elif not self._library.ready:
            self._waiting = found
            self._library.load()
        elif self.view is None:
            from sdviewer.ui.plots.spectrum.view import SpectrumView

            # The first one takes 20 ms to make: it is drawn in an event of its own.
            self._waiting = found
            self.view = SpectrumView(self._bridge, self._slot)
            self.view.message.connect(self.message)
            self._picture.addWidget(self.view)
            self._made_timer.start()
        elif self._ref is not None:
            self._waiting = None
            self.view.show()
            self.view.show_spectrum(self._ref, found)

    def _plots_settled(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._draw(waiting)

    # -- what is said ------------------------------------------------------------------------------

    def _clear(self) -> None:
        self._waiting = None
        self.error.clear()
        self.results.hide()
        self._hide_progress()
        self._say("")

    def _show_progress(self) -> None:
        if self._is_computing:
            self.progress.show()
            self._tell_progress()

    def _hide_progress(self) -> None:
        self._progress_timer.stop()
        self.progress.hide()

    def _tell_progress(self) -> None:
        running = self._bridge.running.get(self._slot)
        if running is not None and not self.progress.isHidden():
            self.bar.show_running(running)
            self.activity.setText(progress_words(running))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))


def rows_axis(checkpoint: Checkpoint, node: int) -> int:
    """The axis of the outputs: the first, but the second in a transposed convolution."""
    tree = checkpoint.tree
    parent = int(tree.parent[node])
    kind = tree.kinds[int(tree.kind[parent])] if parent >= 0 and tree.kind[parent] >= 0 else ""
    return 1 if kind.startswith("ConvTranspose") else 0


def _scrolled(widget: QWidget) -> ScrollArea:
    area = ScrollArea(tr("Figures of the spectrum"))
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch(1)
    area.setWidget(inner)
    for part in (area, inner):
        part.setBackgroundRole(QPalette.ColorRole.Base)
    return area


def _timer(parent: QWidget, milliseconds: int) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    return timer
