"""NumbersView: the statistics and the distribution of a tensor, as soon as jobs have read them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.detail.statistics_view import StatisticsView
from sdviewer.ui.errors import describe_error
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.analysis.histogram import Histogram
    from sdviewer.analysis.statistics import TensorStatistics
    from sdviewer.ui.plots.histogram_view import HistogramView

# A job that ends sooner shows no notice: it would only flicker.
_MS_BEFORE_NOTICE = 150


class NumbersView(QWidget):
    """Reads one tensor at a time; another one supersedes it."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._slot = bridge, library, slot
        self._pending = False
        self._waiting: Histogram | None = None
        self._basis = ""
        self.statistics = StatisticsView()
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.distribution_heading = heading("Distribution")
        self.histogram: HistogramView | None = None
        self._plot = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (heading("Statistics"), self.statistics, self.notice, self.distribution_heading):
            column.addWidget(widget)
        column.addLayout(self._plot)
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self._made_timer = QTimer(self)
        self._made_timer.setSingleShot(True)
        self._made_timer.setInterval(0)
        for signal in (library.settled, self._made_timer.timeout):
            signal.connect(self._plots_settled)

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the tensor is in sight."""
        return not self._pending and self._waiting is None

    def clear(self) -> None:
        """Stop what is read, and show nothing."""
        self._bridge.drop(self._slot)
        self._pending, self._waiting = False, None
        self._set_notice("")
        self.hide()

    def refuse(self, reason: str) -> None:
        """Say why there are no numbers."""
        self._begin()
        self._pending = False
        self.statistics.hide()
        self._set_notice(reason)

    def measure(self, ref: TensorRef, basis: str) -> None:
        """Read the numbers of a tensor in jobs; `basis` says what they are of, where that is not plain."""
        self._begin()
        self._basis = basis

        def statistics(control: Control) -> TensorStatistics:
            from sdviewer.analysis.statistics import statistics

            return statistics(ref, control)

        self._notice_timer.start()
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            statistics,
            on_value=lambda result: self._show_statistics(ref, result),
            on_error=self._show_error,
            on_stopped=self._stopped,
            title="Reading values",
            bytes_a_step=ref.nbytes / max(ref.numel, 1),
        )

    def _begin(self) -> None:
        self._bridge.drop(self._slot)
        self._pending, self._waiting = True, None
        self._set_notice("")
        self.statistics.clear()
        self.statistics.show()
        self.distribution_heading.hide()
        if self.histogram is not None:
            self.histogram.hide()
        self.show()

    def _show_statistics(self, ref: TensorRef, statistics: TensorStatistics) -> None:
        self.statistics.show_statistics(statistics)
        if not statistics.finite:
            self._pending = False
            nothing = "No value is finite: there is no distribution to draw." if statistics.count else ""
            self._set_notice(nothing or "This tensor has no elements.")
            return
        self._set_notice(self._basis)

        def histogram(control: Control) -> Histogram | None:
            from sdviewer.analysis.binning import binning
            from sdviewer.analysis.histogram import histogram

            bins = binning(statistics)
            return histogram(ref, bins.low, bins.high, bins.bins, control) if bins is not None else None

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            histogram,
            on_value=self._show_histogram,
            on_error=self._show_no_histogram,
            on_stopped=self._histogram_stopped,
            title="Counting values",
            bytes_a_step=ref.nbytes / max(ref.numel, 1),
        )

    def _show_histogram(self, histogram: Histogram) -> None:
        self._pending = False
        if self._library.error is not None:
            self._show_no_histogram(self._library.error)
        elif not self._library.ready:
            self._waiting = histogram
            self._library.load()
        elif self.histogram is None:
            # The first one takes 20 ms to make: it is drawn in an event of its own.
            self._waiting = histogram
            self._make_plot()
            self._made_timer.start()
        else:
            self._draw(self.histogram, histogram)

    def _make_plot(self) -> None:
        from sdviewer.ui.plots.histogram_view import HistogramView

        self.histogram = HistogramView()
        self.histogram.hide()
        self._plot.addWidget(self.histogram)

    def _draw(self, view: HistogramView, histogram: Histogram) -> None:
        view.show_histogram(histogram)
        self.distribution_heading.show()
        view.show()

    def _plots_settled(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._show_histogram(waiting)

    def _show_error(self, error: BaseException) -> None:
        self._pending = False
        self.statistics.hide()
        self._tell(error)

    def _show_no_histogram(self, error: BaseException) -> None:
        """The statistics stay."""
        self._pending = False
        self._tell(error, "The distribution cannot be drawn. ")

    def _tell(self, error: BaseException, before: str = "") -> None:
        text = describe_error(error)
        self._set_notice(before + " ".join(part for part in (text.message, text.hint) if part))
        self.notice.setToolTip(tooltip(text.details[-2000:]))

    def _stopped(self) -> None:
        self._pending = False
        self.statistics.hide()
        self._set_notice("Stopped. Press F5 or select the tensor again to read its values.")

    def _histogram_stopped(self) -> None:
        self._pending = False
        self._set_notice("Stopped. Press F5 or select the tensor again to see the distribution.")

    def _say_reading(self) -> None:
        if self._pending and not self.statistics.is_filled:
            self._set_notice("Reading values …")

    def _set_notice(self, text: str) -> None:
        self._notice_timer.stop()
        self.notice.setText(text)
        self.notice.setToolTip("")
        self.notice.setVisible(bool(text))
