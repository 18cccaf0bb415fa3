"""The distributions of both tensors of a pair on shared bins, and that of their difference."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import number, share
from sdviewer.comparison.comparing import Compared
from sdviewer.comparison.differences import Common, DeltaHistogram, common_values, delta_histogram
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.detail.measuring import Measured, measured
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.distribution.holder import DistributionHolder
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.series import series_color
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_BINS = 201
_LOWEST = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Counted:
    """What is drawn of a pair."""

    a: Measured
    b: Measured
    delta: DeltaHistogram | None


def counted(standing: Standing, result: Compared, control: Control) -> Counted:
    """Count both tensors, and their difference where values correspond.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    matching = standing.matching
    common: Common | None = common_values(matching, result.pair)
    largest = result.measures.max_abs if result.measures is not None else None
    a = measured(matching.a.ref(result.pair.a), control)
    b = measured(matching.b.ref(result.pair.b), control)
    delta = delta_histogram(common, largest, _BINS, control) if common is not None and largest else None
    return Counted(a, b, delta)


class DeltaView(PlotFrame):
    """Bars of Δ, their heights by logarithm. Made after pyqtgraph is imported."""

    def __init__(self, bridge: Bridge, slot: Hashable) -> None:
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        super().__init__(tr("Distribution of Δ"), bridge, slot)
        self._found: DeltaHistogram | None = None
        self.box = self.graphics.addViewBox(row=0, col=1, enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self.left = self.add_axis("left", self.box, 0, 0)
        self.bottom = self.add_axis("bottom", self.box, 1, 1)
        self.left.tickStrings = lambda values, *_: [
            f"{round(10**value):,}" if abs(value - round(value)) < 1e-6 and value >= 0 else "" for value in values
        ]
        self.bottom.setLabel("Δ = A − B")
        self.curve = pyqtgraph.PlotCurveItem(skipFiniteCheck=True)
        self.curve.hide()
        self.box.addItem(self.curve, ignoreBounds=True)
        self.setMinimumHeight(200)
        self.control_view(self.box, self._show_whole)
        self.set_data(self._columns)
        self.recolored.connect(self._recolored)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)

    def show_delta(self, found: DeltaHistogram, standing: Standing, name: str) -> None:
        """Draw a histogram."""
        self._found = found
        self.set_origin(standing.matching.a.checkpoint, name)
        heights = np.log10(np.maximum(found.counts, _LOWEST))
        self.curve.setData(found.edges, heights, stepMode="center", fillLevel=float(np.log10(_LOWEST)))
        self.curve.show()
        self.box.setYRange(np.log10(_LOWEST), max(float(heights.max()), 0.5) * 1.08, padding=0)
        self._show_whole()
        self._recolored()
        total = int(found.counts.sum()) + found.zeros + found.odd
        peak = int(found.counts.argmax())
        odd = f" {found.odd:,} differences are NaN or infinite." if found.odd else ""
        self.set_summary(
            f"{share(found.zeros, total)} of the values are equal (Δ = 0, not drawn). The others lie between "
            f"{number(float(found.edges[0]))} and {number(float(found.edges[-1]))}, the peak of "
            f"{int(found.counts[peak]):,} at {number(float(f'{found.edges[peak : peak + 2].mean():.3g}'))}.{odd}"
        )

    def _show_whole(self) -> None:
        if self._found is not None:
            self.box.setXRange(float(self._found.edges[0]), float(self._found.edges[-1]), padding=0.02)

    def _pointed(self, place: QPointF) -> None:
        found = self._found
        if found is None or not self.box.sceneBoundingRect().contains(place):
            self.set_pointed("")
            return
        at = int(np.searchsorted(found.edges, self.box.mapSceneToView(place).x(), "right")) - 1
        if 0 <= at < len(found.counts):
            low, high = (number(float(f"{edge:.4g}")) for edge in found.edges[at : at + 2])
            self.set_pointed(f"Δ from {low} to {high}: {int(found.counts[at]):,} values")
        else:
            self.set_pointed("")

    def _recolored(self) -> None:
        import pyqtgraph

        color = series_color(2)
        self.curve.setPen(pyqtgraph.mkPen(color, width=1))
        fill = series_color(2)
        fill.setAlpha(90)
        self.curve.setBrush(pyqtgraph.mkBrush(fill))
        self.bottom.setLabel("Δ = A − B", color=colors().muted)

    def _columns(self) -> Columns:
        found = self._found
        if found is None:
            return [("from", [])]
        return [
            ("from", found.edges[:-1].tolist()),
            ("to", found.edges[1:].tolist()),
            ("count", found.counts.tolist()),
        ]


class DiffDistribution(DiffPane):
    """Counted in a job; drawn by the picture of the file's own tab."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "count")
        self._standing: Standing | None = None
        self._node = -1
        self.notice = plain_label(muted=True)
        self.error = ErrorStrip(self)
        self.holder = DistributionHolder(bridge, library, (slot, "both"))
        self.delta_title = heading(tr("Difference"))
        self.delta: LatePicture[DeltaView] = LatePicture(library, lambda: DeltaView(bridge, (slot, "delta")))
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        for widget in (self.error, self.notice):
            column.addWidget(widget)
        column.addWidget(self.holder, 3)
        column.addWidget(self.delta_title)
        column.addWidget(self.delta, 2)
        column.addStretch(0)
        self.holder.message.connect(self.message)
        for failed in (self.holder.failed, self.delta.failed):
            failed.connect(self._no_picture)
        self.delta.made.connect(self._delta_made)
        self.delta_title.hide()
        self.notice.hide()

    @property
    def is_settled(self) -> bool:
        """Whether all is drawn."""
        return self._slot not in self._bridge.running and self.holder.is_settled and not self.delta.is_waiting

    def show_node(self, standing: Standing, node: int) -> None:
        """Draw a pair."""
        self._standing, self._node = standing, node
        self._begin()

    def close_jobs(self) -> None:
        """Stop counting and saving."""
        self._bridge.drop(self._slot)
        self.holder.clear()
        self.holder.close_jobs()
        self.delta.close_jobs()

    def refresh(self) -> None:
        """The largest difference may be known by now."""
        standing = self._standing
        if standing is not None and self.delta_title.isHidden() and self.is_settled:
            result = standing.results[int(standing.tree.place[self._node])]
            if (
                result.measures is not None
                and result.measures.max_abs
                and common_values(standing.matching, result.pair)
            ):
                self._begin()

    def _begin(self) -> None:
        standing = self._standing
        if standing is None:
            return
        result = standing.results[int(standing.tree.place[self._node])]
        self.error.clear()
        self.holder.blank()
        self._say(tr("Reading values …"))
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: counted(standing, result, control),
            on_value=self._found,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Counting both tensors"),
        )

    def _found(self, found: Counted) -> None:
        standing = self._standing
        if standing is None:
            return
        self._say("")
        drawable = [(name, one) for name, one in (("A", found.a), ("B", found.b)) if one.statistics.finite]
        if drawable:
            self.holder.show_measured(drawable)
        else:
            self.holder.clear()
            self._say(tr("Neither side has a finite value."))
        delta = found.delta
        self.delta_title.setVisible(delta is not None)
        if delta is None:
            self.delta.clear()
        else:
            name = standing.name_at(self._node)
            self.delta.use(lambda view: view.show_delta(delta, standing, name))

    def _delta_made(self) -> None:
        if self.delta.view is not None:
            self.delta.view.message.connect(self.message)

    def _failed(self, error: BaseException) -> None:
        self._say("")
        self.error.show_error(error, tr("The values cannot be read."), self._begin)

    def _stopped(self) -> None:
        self._say("")
        self.error.show_stopped(tr("Reading the values was stopped."), self._begin)

    def _no_picture(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The distribution cannot be drawn."))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
