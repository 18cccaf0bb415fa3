"""NumbersView: the first statistics and the distribution of a tensor, both from one job that counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.detail.measuring import Asker, Measured
from sdviewer.ui.detail.panes import PaneContext
from sdviewer.ui.detail.statistics_view import StatisticsView
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.distribution.holder import DistributionHolder
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.plots.distribution.view import DistributionView

# A job that ends sooner shows no notice: it would only flicker.
_MS_BEFORE_NOTICE = 150

NOTHING_FINITE = tr("No value is finite: there is no distribution to draw.")
NO_ELEMENTS = tr("This tensor has no elements.")


class NumbersView(QWidget):
    """Shows one tensor at a time; another one supersedes it."""

    message = Signal(str)
    """What was saved or copied, or why not."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measuring = context.measuring
        self._pending = False
        self._ref: TensorRef | None = None
        self._basis = ""
        self.statistics = StatisticsView()
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.distribution_heading = heading(tr("Distribution"))
        self.holder = DistributionHolder(context.bridge, context.library, (context.slot, "histogram"), compact=True)
        self.error = ErrorStrip(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (heading(tr("Statistics")), self.statistics, self.notice, self.error, self.distribution_heading):
            column.addWidget(widget)
        column.addWidget(self.holder)
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self.holder.message.connect(self.message)
        self.holder.failed.connect(self._show_no_picture)
        self.holder.drawn.connect(self.distribution_heading.show)

    @property
    def histogram(self) -> DistributionView | None:
        """The picture, None before the first."""
        return self.holder.view

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the tensor is in sight."""
        return not self._pending and self.holder.is_settled

    def clear(self) -> None:
        """Stop what is read, and show nothing."""
        self._measuring.forget(self)
        self._pending, self._ref = False, None
        self.holder.clear()
        self._set_notice("")
        self.hide()

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self.clear()
        self.holder.close_jobs()

    def refuse(self, reason: str) -> None:
        """Say why there are no numbers."""
        self._begin(None)
        self._pending = False
        self.statistics.hide()
        self._set_notice(reason)

    def measure(self, ref: TensorRef, basis: str) -> None:
        """Show the numbers of a tensor; `basis` says what they are of, where that is not plain."""
        self._begin(ref)
        self._basis = basis
        self._notice_timer.start()
        self._measuring.ask(self, ref, Asker(self._show, self._show_error, self._stopped))

    def _begin(self, ref: TensorRef | None) -> None:
        self._measuring.forget(self)
        self._pending, self._ref = True, ref
        self._set_notice("")
        self.error.clear()
        self.statistics.clear()
        self.statistics.show()
        if ref is None:
            self._clear_picture()
        else:
            # It keeps its place: to lay out the page twice would take longer than to count a tensor.
            self.holder.blank()
        self.show()

    def _show(self, measured: Measured) -> None:
        self._pending = False
        statistics = measured.statistics
        self.statistics.show_statistics(statistics)
        if not statistics.finite:
            self._clear_picture()
            self._set_notice(NOTHING_FINITE if statistics.count else NO_ELEMENTS)
            return
        self._set_notice(self._basis)
        self.holder.show_measured([(measured.ref.name, measured)])

    def _show_error(self, error: BaseException) -> None:
        self._pending = False
        self._set_notice("")
        self.statistics.hide()
        self._clear_picture()
        self.error.show_error(error, tr("The values cannot be read."), self._again)

    def _show_no_picture(self, error: BaseException) -> None:
        """The statistics stay."""
        self.error.show_error(error, tr("The distribution cannot be drawn."))

    def _stopped(self) -> None:
        self._pending = False
        self._set_notice("")
        self.statistics.hide()
        self._clear_picture()
        self.error.show_stopped(tr("Reading the values was stopped."), self._again)

    def _clear_picture(self) -> None:
        self.distribution_heading.hide()
        self.holder.clear()

    def _again(self) -> None:
        if self._ref is not None:
            self.measure(self._ref, self._basis)

    def _say_reading(self) -> None:
        if self._pending and not self.statistics.is_filled:
            self._clear_picture()
            self._set_notice("Reading values …")

    def _set_notice(self, text: str) -> None:
        self._notice_timer.stop()
        self.notice.setText(text)
        self.notice.setToolTip("")
        self.notice.setVisible(bool(text))
