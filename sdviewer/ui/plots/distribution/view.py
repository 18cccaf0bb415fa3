"""DistributionView: the distribution of one or several tensors, over whatever part of it is in sight."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QTimer
from PySide6.QtWidgets import QComboBox, QMenu, QToolButton, QWidget

from sdviewer.analysis.bin_axis import BinAxis, Grid, Scale, axis_for
from sdviewer.analysis.histogram import Histogram
from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.measuring import Measured
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.plots.distribution.markers import Kind, markers_of
from sdviewer.ui.plots.distribution.picture import MOST_DRAWN, DistributionPicture
from sdviewer.ui.plots.distribution.samples import Binned, Refined, Sample, with_masses
from sdviewer.ui.plots.distribution.words import pointed, summary
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.translating import tr

_COMPACT_HEIGHT = 240
# Reading begins when the view has come to rest.
_MS_BEFORE_READING = 120
_FEW_SPREAD = 0.02
_SCALES = (
    (Scale.LINEAR, "Linear", "Values"),
    (Scale.MAGNITUDE, "Log magnitude", "Decades of magnitude, with the sign; zero in the middle"),
    (Scale.EXPONENT, "Exponent", "Powers of two of the magnitude, as floating-point numbers have them"),
)


class DistributionView(PlotFrame):
    """Bars for what is in sight, at once from what was counted, exact a moment later. Made after pyqtgraph is imported.

    A `compact` one has no tools and is as high as a part of a page.
    """

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None, *, compact: bool = False) -> None:
        super().__init__(tr("Distribution"), bridge, slot, parent)
        self._bridge, self._refining = bridge, (slot, "refine")
        self._samples: list[Sample] = []
        self._measured: list[tuple[str, Measured]] = []
        self._axis: BinAxis | None = None
        self._grid: Grid | None = None
        self._drawn: list[Binned] = []
        self._refined: dict[int, Refined] = {}
        self._is_reading = False
        self._compact = compact
        self.picture = DistributionPicture(self)
        self.box = self.picture.box
        self.scales = QComboBox()
        self.scales.setAccessibleName(tr("What the axis counts in"))
        for _, title, tip in _SCALES:
            self.scales.addItem(title)
            self.scales.setItemData(self.scales.count() - 1, tip, 3)  # Qt.ItemDataRole.ToolTipRole
        self.log_counts = _toggle(
            tr("Log counts"), tr("Draw counts by their logarithm, so that few values are seen, too")
        )
        self.cumulative = _toggle(tr("Cumulative"), tr("For each bin the share of values up to its end"))
        self.middle = _toggle(tr("Middle 99.8 %"), tr("Show what lies between the quantiles 0.1 % and 99.9 %"))
        self.middle.setCheckable(False)
        self.markers_button = MenuButton(tr("Markers"), tr("Markers: lines at values that stand out"))
        self.markers_button.setToolTip(tr("Lines at values that stand out"))
        menu = QMenu(self)
        self.markers = {kind: menu.addAction(kind.value) for kind in Kind}
        for kind, action in self.markers.items():
            action.setCheckable(True)
            action.setChecked(kind is Kind.MEAN and not compact)
            action.toggled.connect(self._mark)
        self.markers_button.setMenu(menu)
        for tool in (self.scales, self.log_counts, self.cumulative, self.markers_button, self.middle):
            self.add_tool(tool)
        self.tool_row.setVisible(not compact)
        if compact:
            self.graphics.setFixedHeight(_COMPACT_HEIGHT)
        self._draw_timer = _timer(self, 0)
        self._draw_timer.timeout.connect(self._draw)
        self._read_timer = _timer(self, _MS_BEFORE_READING)
        self._read_timer.timeout.connect(self._read)
        self.scales.currentIndexChanged.connect(self._scale_changed)
        self.log_counts.toggled.connect(self._draw)
        self.cumulative.toggled.connect(self._cumulative_changed)
        self.middle.clicked.connect(self._show_middle)
        self.box.sigXRangeChanged.connect(self._moved_to)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.recolored.connect(self.picture.recolor)
        self.control_view(self.box, self._show_whole)
        self.set_data(self._columns)

    @property
    def is_settled(self) -> bool:
        """Whether what is in sight is drawn as exactly as it will be."""
        return not (self._draw_timer.isActive() or self._read_timer.isActive() or self._is_reading)

    @property
    def scale(self) -> Scale:
        """What the axis counts in."""
        return _SCALES[self.scales.currentIndex()][0]

    @property
    def axis(self) -> BinAxis | None:
        """The axis in sight, None if there is nothing to draw."""
        return self._axis

    @property
    def drawn(self) -> list[Binned]:
        """What is drawn of each tensor."""
        return list(self._drawn)

    def show_measured(self, measured: Sequence[tuple[str, Measured]]) -> None:
        """Draw tensors by their names, all of them in sight; those without a finite value are passed over."""
        self._measured = [(shown(name, 80), one) for name, one in measured if one.statistics.finite][:MOST_DRAWN]
        if self._measured:
            name, first = self._measured[0]
            self.set_origin(first.ref.checkpoint, name if first.is_derived else first.ref.name)
        self._lay_out()

    def stop(self) -> None:
        """Read no more; what is drawn stays."""
        self._read_timer.stop()
        self._bridge.drop(self._refining)
        self._is_reading = False

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self.stop()
        self._draw_timer.stop()
        super().close_jobs()

    # -- what is in sight --------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Another axis, or other samples on it."""
        self.stop()
        self._refined.clear()
        self.task_error.clear()
        self._samples, self._axis, self._drawn = [], None, []
        if not self._measured:
            self.picture.clear()
            self.set_summary(" ")
            return
        statistics = [measured.statistics for _, measured in self._measured]
        low = min(one.min for one in statistics if one.min is not None)
        high = max(one.max for one in statistics if one.max is not None)
        axis = axis_for(self.scale, [measured.masses for _, measured in self._measured], (low, high))
        self._samples = [with_masses(axis, measured, name) for name, measured in self._measured]
        self._axis = axis
        self.picture.show_axis(axis)
        self._draw()
        self._mark()

    def _show_whole(self) -> None:
        if self._axis is not None:
            self.picture.show_axis(self._axis)

    def _show_middle(self) -> None:
        """What is in sight is what nearly all values are."""
        axis = self._axis
        if axis is None:
            return
        ends = []
        for sample in self._samples:
            masses, share = sample.masses, 0.001 * sample.finite
            places = np.searchsorted(masses.sums[1:], [share, sample.finite - share]).clip(0, len(masses.low) - 1)
            ends += [axis.position(float(masses.low[places[0]])), axis.position(float(masses.high[places[1]]))]
        left, right = max(min(ends), axis.start), min(max(ends), axis.end)
        width = max(right - left, 8 * axis.narrowest)
        middle = (left + right) / 2
        self.picture.show_between(middle - 0.52 * width, middle + 0.52 * width)

    def _moved_to(self) -> None:
        if self._axis is not None and not self._draw_timer.isActive():
            self._draw_timer.start()

    def _draw(self) -> None:
        self._draw_timer.stop()
        axis = self._axis
        if axis is None:
            return
        (left, right), _ = self.box.viewRange()
        left, right = max(left, axis.start), min(right, axis.end)
        values = axis.values(np.array([left, right]))
        inside = [sample.masses.within(float(values[0]), float(values[1])) for sample in self._samples]
        grid = axis.grid(left, right, max((found[2] for found in inside if found is not None), default=1))
        self._grid, positions = grid, axis.positions(grid)
        self._drawn = []
        for index, sample in enumerate(self._samples):
            refined = self._refined.get(index)
            exact = refined.part(grid) if refined is not None else None
            found = exact or axis.histogram(sample.masses, grid)
            self._drawn.append(Binned(sample, positions, found, self._is_coarse(found)))
        self.picture.draw(
            self._drawn, self._beside(axis), log=self.log_counts.isChecked(), cumulative=self.cumulative.isChecked()
        )
        if any(map(_can_be_read, self._drawn)):
            self._read_timer.start()
        else:
            self.stop()
        self._tell()

    def _is_coarse(self, histogram: Histogram) -> bool:
        """Whether it is worth a pass over the values; a compact picture leaves a few odd bins as they are."""
        spread = int(histogram.counts[histogram.approximate].sum())
        return spread > (_FEW_SPREAD * int(histogram.counts.sum()) if self._compact else 0)

    def _beside(self, axis: BinAxis) -> dict[str, int]:
        """What the first tensor has that has no place on the axis."""
        sample = self._samples[0]
        found = {name: count for name, count in sample.beside.items() if count}
        if axis.magnitude:
            zeros = sample.masses.low == 0
            if zeros.any():
                found = {"0": int(sample.masses.counts[zeros].sum()), **found}
        return found

    def _tell(self) -> None:
        if self._axis is not None:
            reading = self._is_reading or self._read_timer.isActive()
            self.set_summary(summary(self._drawn, self._axis, is_reading=reading))

    def _mark(self) -> None:
        if self._samples:
            kinds = frozenset(kind for kind, action in self.markers.items() if action.isChecked())
            # Of several tensors the lines could not be told apart.
            if len(self._samples) > 1:
                kinds &= {Kind.LIMITS}
            self.picture.mark(markers_of(self._samples[0].measured.statistics, self.scale, kinds))

    def _scale_changed(self) -> None:
        self._lay_out()

    def _cumulative_changed(self) -> None:
        self.log_counts.setEnabled(not self.cumulative.isChecked())
        self._draw()

    def _pointed(self, place: QPointF) -> None:
        position = self.picture.position_at(place)
        self.picture.highlight(position)
        text = pointed(self._drawn, self._axis, position) if position is not None and self._axis is not None else ""
        self.set_pointed(text)

    def _columns(self) -> Columns:
        """The bins in sight with their limits and counts, and what stands beside them."""
        edges = self._drawn[0].histogram.edges if self._drawn else np.empty(0)
        columns: list[tuple[str, Sequence[object]]] = [("low", edges[:-1].tolist()), ("high", edges[1:].tolist())]
        for binned in self._drawn:
            histogram = binned.histogram
            named = f" of {binned.sample.name}" if len(self._drawn) > 1 else ""
            columns.append((f"count{named}", histogram.counts.tolist()))
            if not histogram.is_exact:
                columns.append((f"approximate{named}", [str(bool(x)).lower() for x in histogram.approximate]))
            columns.append((f"cumulative{named}", (np.cumsum(histogram.counts) + histogram.below).tolist()))
        axis = self._axis
        if axis is not None and (beside := self._beside(axis)):
            columns += [("beside", list(beside)), ("beside count", list(beside.values()))]
        return columns

    # -- reading exactly -----------------------------------------------------------------------------

    def _read(self) -> None:
        """Count what is in sight in a pass over the values, and as much on both sides, for panning."""
        self._read_timer.stop()
        axis, grid = self._axis, self._grid
        wanted = [index for index, binned in enumerate(self._drawn) if _can_be_read(binned)]
        if axis is None or grid is None or not wanted:
            return
        half = (grid.last - grid.first) // 2
        wide = Grid(grid.width, max(grid.first - half, 0), min(grid.last + half, axis.bins(grid.width)))
        edges = axis.edges(wide)
        refs = [(index, self._samples[index].ref) for index in wanted]

        def work(control: Control) -> dict[int, Refined]:
            from sdviewer.analysis.histogram import histogram_between

            return {
                index: Refined(wide, histogram_between(ref, edges, control, magnitude=axis.magnitude))
                for index, ref in refs
            }

        self._is_reading = True
        self._bridge.start(
            Lane.COMPUTING,
            self._refining,
            work,
            on_value=self._refined_by,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Counting what is in sight"),
        )
        self._tell()

    def _refined_by(self, found: dict[int, Refined]) -> None:
        self._is_reading = False
        self._refined |= found
        self.task_error.clear()
        self._draw()

    def _failed(self, error: BaseException) -> None:
        self._is_reading = False
        self._tell()
        self.task_error.show_error(error, tr("What is in sight could not be counted exactly."), self._read)

    def _stopped(self) -> None:
        self._is_reading = False
        self._tell()


def _toggle(title: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(title)
    button.setToolTip(tip)
    button.setAccessibleName(f"{title}: {tip[:1].lower()}{tip[1:]}")
    button.setCheckable(True)
    return button


def _timer(parent: QWidget, interval: int) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval)
    return timer


def _can_be_read(binned: Binned) -> bool:
    """Whether a pass over the values would tell more than what was counted of them."""
    return binned.is_approximate and not binned.sample.measured.is_derived
