"""StepView: the effective step of one parameter: its formula, its figures, its distribution."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.training.effective_step import StepRule, count_effective_step, step_rule
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.detail.measuring import Measured
from sdviewer.ui.detail.statistics_view import StatisticsView
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.optimizer.reading import Known
from sdviewer.ui.plots.distribution.holder import DistributionHolder
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.translating import tr


class StepView(QWidget):
    """Counts in a job; another parameter supersedes the one before."""

    message = Signal(str)

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "step")
        self.title = heading(tr("Effective step"))
        self.formula = plain_label(muted=True, selectable=True)
        self.formula.setWordWrap(True)
        self.error = ErrorStrip(self)
        self.statistics = StatisticsView()
        self.holder = DistributionHolder(bridge, library, (slot, "step picture"), compact=True)
        self.holder.message.connect(self.message)
        self.holder.failed.connect(lambda error: self.error.show_error(error, tr("The distribution cannot be drawn.")))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 0, 20, 8)
        for widget in (self.title, self.formula, self.error, self.statistics, self.holder):
            column.addWidget(widget)
        self.hide()

    @property
    def is_settled(self) -> bool:
        """Whether what was asked for is in sight."""
        return self._slot not in self._bridge.running and self.holder.is_settled

    def measure(self, known: Known, row: int) -> None:
        """Count and draw the effective step of a parameter."""
        self.clear()
        self.show()
        name = known.name(row)
        self.title.setText(tr("Effective step of {name}", name=name))
        self.formula.setText(tr("Counting …"))

        def work(control: Control) -> tuple[StepRule, Measured]:
            from sdviewer.analysis.masses import masses_of

            rule = step_rule(known.checkpoint, known.state, row, float(known.steps[row]))
            counts = count_effective_step(known.checkpoint, rule, control)
            figures = counts.figures()
            ref = TensorRef(known.checkpoint, rule.first)
            return rule, Measured(ref, counts, masses_of(counts), figures, figures.statistics(), is_derived=True)

        def show(found: tuple[StepRule, Measured]) -> None:
            rule, measured = found
            self.formula.setText(tr("{text_}. What the last step subtracted, weight decay left out.", text_=rule.text))
            self.statistics.show_statistics(measured.statistics)
            if measured.statistics.finite:
                self.holder.show_measured([(f"effective step of {name}", measured)])

        def fail(error: BaseException) -> None:
            self.formula.clear()
            self.error.show_error(error, tr("There is no effective step."), lambda: self.measure(known, row))

        def stopped() -> None:
            self.formula.clear()
            self.error.show_stopped(tr("Counting was stopped."), lambda: self.measure(known, row))

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=show,
            on_error=fail,
            on_stopped=stopped,
            title=tr("Counting the effective step"),
        )

    def clear(self) -> None:
        """Show nothing, count nothing."""
        self._bridge.drop(self._slot)
        self.error.clear()
        self.statistics.clear()
        self.holder.clear()
        self.hide()

    def close_jobs(self) -> None:
        """Stop counting and saving."""
        self._bridge.drop(self._slot)
        self.holder.close_jobs()
