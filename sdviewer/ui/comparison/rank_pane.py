"""The rank of a change: its singular values on demand, and whether it looks like a low-rank adapter."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import number
from sdviewer.comparison.delta_rank import ENERGIES, DeltaRank, delta_rank
from sdviewer.comparison.standing import Standing
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.series import series_color
from sdviewer.ui.translating import tr

# Matrices of this many values are done with before anybody could have clicked.
_AT_ONCE = 1 << 16
# What is drawn of 0 on an axis of logarithms, as a share of the largest.
_FLOOR = 1e-16


def words_of(found: DeltaRank) -> str:
    """What the singular values say, in sentences."""
    if not found.frobenius:
        return "Nothing changed: the rank is 0."
    told = [
        f"{share:.1%} of the energy in {rank:,}" if rank is not None else f"{share:.1%} in more than 16"
        for share, rank in zip(ENERGIES, found.ranks, strict=True)
    ]
    text = f"‖Δ‖ = {number(found.frobenius)}, σ₁ = {number(float(found.singular[0]))}; " + ", ".join(told)
    text += f" of {min(found.rows, found.columns):,} singular values."
    if found.adapter_rank is not None:
        return f"Looks like LoRA of rank {found.adapter_rank:,}. {text}"
    return f"Does not look like a low-rank adapter. {text}"


class RankView(PlotFrame):
    """Singular values of Δ by their number, on an axis of logarithms. Made after pyqtgraph is imported."""

    def __init__(self, bridge: Bridge, slot: Hashable) -> None:
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        super().__init__(tr("Singular values of Δ"), bridge, slot)
        self._singular = np.empty(0)
        self.box = self.graphics.addViewBox(row=0, col=1, enableMenu=False)
        self.left = self.add_axis("left", self.box, 0, 0)
        self.bottom = self.add_axis("bottom", self.box, 1, 1)
        self.left.setLogMode(False, True)
        self.curve = pyqtgraph.PlotDataItem(symbol="o", symbolSize=5, skipFiniteCheck=True)
        self.box.addItem(self.curve)
        self.setMinimumHeight(220)
        self.control_view(self.box, self._show_whole)
        self.set_data(self._columns)
        self.recolored.connect(self._recolored)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)

    def show_rank(self, found: DeltaRank, standing: Standing, name: str) -> None:
        """Draw the singular values."""
        self._singular = found.singular
        self.set_origin(standing.matching.a.checkpoint, name)
        largest = float(found.singular[0]) if len(found.singular) else 0.0
        heights = np.log10(np.maximum(found.singular, (largest or 1.0) * _FLOOR))
        self.curve.setData(np.arange(1, len(heights) + 1), heights)
        self._show_whole()
        self._recolored()
        self.set_summary(
            f"{len(heights):,} singular values from {number(float(found.singular[-1]))} to {number(largest)} (the peak)"
        )

    def _show_whole(self) -> None:
        if len(self._singular):
            self.box.autoRange(padding=0.04)

    def _pointed(self, place: QPointF) -> None:
        at = round(self.box.mapSceneToView(place).x())
        inside = self.box.sceneBoundingRect().contains(place) and 1 <= at <= len(self._singular)
        self.set_pointed(f"σ{at:,} = {number(float(self._singular[at - 1]))}" if inside else "")

    def _recolored(self) -> None:
        import pyqtgraph

        color = series_color(2)
        self.curve.setPen(pyqtgraph.mkPen(color, width=1))
        self.curve.setSymbolBrush(color)
        self.curve.setSymbolPen(color)

    def _columns(self) -> Columns:
        return [("number", list(range(1, len(self._singular) + 1))), ("singular value", self._singular.tolist())]


class DiffRank(DiffPane):
    """Computed when it is asked for, small ones at once; what was computed is kept while the tab is open."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "rank")
        self._standing: Standing | None = None
        self._node = -1
        self._known: dict[int, DeltaRank] = {}
        self.compute = QPushButton(tr("Compute"))
        self.compute.setAccessibleName(tr("Compute the rank of the change"))
        self.compute.clicked.connect(self._begin)
        self.told = plain_label(selectable=True)
        self.told.setWordWrap(True)
        self.error = ErrorStrip(self)
        self.picture: LatePicture[RankView] = LatePicture(library, lambda: RankView(bridge, (slot, "picture")))
        line = QHBoxLayout()
        line.addWidget(self.compute)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self.error)
        column.addWidget(self.told)
        column.addWidget(self.picture, 1)
        column.addStretch(0)
        self.picture.failed.connect(lambda error: self.error.show_error(error, tr("The picture cannot be drawn.")))

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being computed or drawn."""
        return self._slot not in self._bridge.running and not self.picture.is_waiting

    def show_node(self, standing: Standing, node: int) -> None:
        """Show a pair: what is known of it, or how to know it."""
        if standing is not self._standing:
            self._known.clear()
        self._bridge.drop(self._slot)
        self._standing, self._node = standing, node
        self.error.clear()
        self.picture.clear()
        self.compute.setEnabled(True)
        place = int(standing.tree.place[node])
        if place in self._known:
            self._show(self._known[place])
            return
        self.told.setText(
            tr(
                "How many directions the change needs: the singular values of Δ, "
                "computed by PyTorch in a process of its own."
            )
        )
        if standing.matching.a.ref(standing.matching.pairs[place].a).numel <= _AT_ONCE:
            self._begin()

    def close_jobs(self) -> None:
        """Stop computing; the process for it ends."""
        self._bridge.drop(self._slot)
        self.picture.close_jobs()

    def _begin(self) -> None:
        standing = self._standing
        if standing is None:
            return
        place = int(standing.tree.place[self._node])
        pair = standing.matching.pairs[place]
        self.error.clear()
        self.compute.setEnabled(False)
        self.told.setText(tr("Computing …"))
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: delta_rank(standing.matching, pair, control),
            on_value=lambda found: self._found(place, found),
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Computing the rank of a change"),
        )

    def _found(self, place: int, found: DeltaRank) -> None:
        self._known[place] = found
        self.compute.setEnabled(True)
        self._show(found)

    def _show(self, found: DeltaRank) -> None:
        self.told.setText(words_of(found))
        standing = self._standing
        if standing is not None and found.frobenius:
            name = standing.name_at(self._node)
            self.picture.use(lambda view: view.show_rank(found, standing, name))

    def _failed(self, error: BaseException) -> None:
        self.told.setText("")
        self.compute.setEnabled(True)
        self.error.show_error(error, tr("The rank cannot be told."), self._begin)

    def _stopped(self) -> None:
        self.told.setText("")
        self.compute.setEnabled(True)
        self.error.show_stopped(tr("Computing the rank was stopped."), self._begin)
