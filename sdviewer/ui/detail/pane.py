"""DetailPane: what is selected, at once; its numbers as soon as a job has read them."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import FactGrid, GridView, NoteStrip, TextView, clear, heading, plain_label
from sdviewer.ui.detail.code_view import CodeView
from sdviewer.ui.detail.describe import Description, Grid, can_be_read, describe
from sdviewer.ui.detail.statistics_view import StatisticsView
from sdviewer.ui.errors import describe_error
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.analysis.histogram import Histogram
    from sdviewer.analysis.statistics import TensorStatistics
    from sdviewer.ui.plots.histogram_view import HistogramView

_BINS = 128
# A job that ends sooner shows no notice: it would only flicker.
_MS_BEFORE_NOTICE = 150


class DetailPane(QScrollArea):
    """The right half of a tab."""

    node_wanted = Signal(int)
    """A row of a table leads to this node."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._slot = bridge, library, slot
        self._checkpoint: Checkpoint | None = None
        self._title = ""
        self._pending = False
        self._waiting: Histogram | None = None
        self.description: Description | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setAccessibleName("Details of the selected entry")
        self.setBackgroundRole(QPalette.ColorRole.Base)

        self.name = QLineEdit()
        self.name.setReadOnly(True)
        self.name.setFrame(False)
        self.name.setAcceptDrops(False)
        self.name.setAccessibleName("Name")
        font = QFont(number_font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setWeight(QFont.Weight.DemiBold)
        self.name.setFont(font)
        self.copy_button = QToolButton()
        self.copy_button.setText("Copy")
        self.copy_button.setToolTip("Copy the name")
        self.copy_button.setAutoRaise(True)
        self.copy_button.setAccessibleName("Copy the name")
        self.copy_button.clicked.connect(self.copy_name)
        self.subtitle = plain_label(muted=True, selectable=True)
        self.subtitle.setWordWrap(True)
        self.facts = FactGrid()
        self.statistics_heading = heading("Statistics")
        self.statistics = StatisticsView()
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.distribution_heading = heading("Distribution")
        self.histogram: HistogramView | None = None

        self._notes, self._blocks, self._plot = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.copy_button)
        column = QVBoxLayout()
        column.setContentsMargins(20, 14, 20, 20)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.subtitle)
        column.addLayout(self._notes)
        column.addSpacing(6)
        column.addWidget(self.facts)
        for widget in (self.statistics_heading, self.statistics, self.notice, self.distribution_heading):
            column.addWidget(widget)
        column.addLayout(self._plot)
        column.addLayout(self._blocks)
        column.addStretch(1)
        content = QWidget()
        content.setLayout(column)
        content.setBackgroundRole(QPalette.ColorRole.Base)
        content.setAutoFillBackground(True)
        content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setWidget(content)

        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        library.settled.connect(self._plots_settled)

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the selection is in sight."""
        return not self._pending and self._waiting is None

    def show_node(self, checkpoint: Checkpoint, node: int, title: str) -> None:
        """Describe a node at once; for a tensor, read its numbers in a job."""
        self._bridge.drop(self._slot)
        self._pending, self._waiting, self._checkpoint = False, None, checkpoint
        self._show_description(describe(checkpoint, node, title))
        is_tensor = int(checkpoint.tree.what[node]) == TreeNode.TENSOR
        self.statistics.setVisible(False)
        self._set_notice("")
        self._hide_plot()
        self.statistics_heading.setVisible(is_tensor)
        if node == 0 and checkpoint.description.texts:
            self._blocks.addWidget(heading("Text that the file carries"))
            self._blocks.addWidget(CodeView(checkpoint, self._bridge, self._slot))
        if is_tensor:
            row = int(checkpoint.tree.ref[node])
            reason = can_be_read(checkpoint, row)
            if reason:
                self._set_notice(reason)
            else:
                self._measure(TensorRef(checkpoint, row))
        self.verticalScrollBar().setValue(0)

    def copy_name(self) -> None:
        """Put the name of what is shown on the clipboard, as the file has it."""
        if self.description is not None:
            QGuiApplication.clipboard().setText(self.description.copy_name)

    def _show_description(self, description: Description) -> None:
        self.description = description
        self.name.setText(description.name)
        self.name.setCursorPosition(0)
        self.name.setToolTip(tooltip(description.name))
        self.subtitle.setText(description.subtitle)
        self.facts.show_facts(description.facts)
        clear(self._notes)
        clear(self._blocks)
        for note in description.notes:
            self._notes.addWidget(NoteStrip(note))
        for block in description.blocks:
            self._blocks.addWidget(heading(block.title))
            if isinstance(block, Grid):
                grid = GridView(block, self.widget())
                grid.node_wanted.connect(self.node_wanted)
                self._blocks.addWidget(grid)
            else:
                self._blocks.addWidget(TextView(block))

    def _measure(self, ref: TensorRef) -> None:
        def statistics(control: Control) -> TensorStatistics:
            from sdviewer.analysis.statistics import statistics

            return statistics(ref, control)

        self._pending = True
        self.statistics.clear()
        self.statistics.show()
        self._notice_timer.start()
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            statistics,
            on_value=lambda result: self._show_statistics(ref, result),
            on_error=self._show_error,
            on_stopped=self._stopped,
            title="Reading values",
        )

    def _show_statistics(self, ref: TensorRef, statistics: TensorStatistics) -> None:
        self._set_notice("")
        self.statistics.show_statistics(statistics)
        low, high = statistics.min, statistics.max
        if not isinstance(low, int | float) or not isinstance(high, int | float) or not statistics.finite:
            self._pending = False
            if statistics.count and not isinstance(low, complex):
                self._set_notice("No value is finite: there is no distribution to draw.")
            return
        low, high = _padded(float(low), float(high))

        def histogram(control: Control) -> Histogram:
            from sdviewer.analysis.histogram import histogram

            return histogram(ref, low, high, _BINS, control)

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            histogram,
            on_value=self._show_histogram,
            on_error=self._show_error,
            on_stopped=self._stopped,
            title="Counting values",
        )

    def _show_histogram(self, histogram: Histogram) -> None:
        self._pending = False
        if self._library.error is not None:
            self._set_notice(f"The distribution cannot be drawn. {describe_error(self._library.error).message}")
        elif not self._library.ready:
            self._waiting = histogram
            self._library.load()
        else:
            self._draw(histogram)

    def _draw(self, histogram: Histogram) -> None:
        if self.histogram is None:
            from sdviewer.ui.plots.histogram_view import HistogramView

            self.histogram = HistogramView()
            self._plot.addWidget(self.histogram)
        self.histogram.show_histogram(histogram)
        self.distribution_heading.show()
        self.histogram.show()

    def _plots_settled(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._show_histogram(waiting)

    def _show_error(self, error: BaseException) -> None:
        self._pending = False
        text = describe_error(error)
        self.statistics.hide()
        self._set_notice(" ".join(part for part in (text.message, text.hint) if part))
        self.notice.setToolTip(tooltip(text.details[-2000:]))

    def _stopped(self) -> None:
        self._pending = False
        self.statistics.hide()
        self._set_notice("Stopped. Select the tensor again to read its values.")

    def _say_reading(self) -> None:
        if self._pending:
            self._set_notice("Reading values …")

    def _set_notice(self, text: str) -> None:
        self._notice_timer.stop()
        self.notice.setText(text)
        self.notice.setToolTip("")
        self.notice.setVisible(bool(text))

    def _hide_plot(self) -> None:
        self.distribution_heading.hide()
        if self.histogram is not None:
            self.histogram.hide()


def _padded(low: float, high: float) -> tuple[float, float]:
    """A range with some width: a constant tensor stands in the middle of its only bar."""
    if low < high:
        return low, high
    half = max(abs(low) * 0.5, 0.5)
    return (low - half, high + half) if math.isfinite(low - half) and math.isfinite(high + half) else (low, high)
