"""SpectrumView: singular values or their energy, over their number, with the edge of pure noise."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QComboBox, QWidget

from sdviewer.analysis.spectrum import Spectrum
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import number
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.spectrum.words import decade_ticks, pointed, summary
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

_GRID = 38  # of 255
_AIR = 0.08
# More points than these are a line.
_MOST_POINTS = 64


class Height(Enum):
    """What is drawn."""

    LOG = "Singular values, log"
    LINEAR = "Singular values"
    ENERGY = "Energy"


class Across(Enum):
    """What it is drawn over."""

    INDEX = "Number"
    LOG_INDEX = "Number, log"
    SHARE = "Share of all"


class SpectrumView(PlotFrame):
    """Made after pyqtgraph is imported."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        super().__init__(tr("Spectrum"), bridge, slot, parent)
        self._spectrum: Spectrum | None = None
        self._x: npt.NDArray[np.float64] = np.empty(0)
        self.heights, self.across = QComboBox(), QComboBox()
        self.heights.addItems([height.value for height in Height])
        self.heights.setAccessibleName(tr("What is drawn"))
        self.heights.setToolTip(tr("Singular values, or the share of Σσ² in the first of them"))
        self.across.addItems([across.value for across in Across])
        self.across.setAccessibleName(tr("What it is drawn over"))
        self.across.setToolTip(tr("The number of a singular value, the largest first, or the share of all"))
        for tool in (self.heights, self.across):
            self.add_tool(tool)
            tool.currentIndexChanged.connect(self._draw)
        self.box: Any = self.graphics.addViewBox(row=0, col=1, enableMenu=False)
        self.left = self.add_axis("left", self.box, 0, 0)
        self.bottom = self.add_axis("bottom", self.box, 1, 1)
        self._linear_ticks = {id(axis): (axis.tickValues, axis.tickStrings) for axis in (self.left, self.bottom)}
        self.curve: Any = pyqtgraph.PlotDataItem(skipFiniteCheck=True, symbolSize=5)
        self.box.addItem(self.curve)
        self.lines: dict[str, Any] = {}
        for name, angle in (("edge", 0), ("resolution", 0), ("90 %", 90), ("99 %", 90)):
            opts = {"position": 0.98, "anchors": [(1, 1), (1, 1)]} if angle == 0 else {"position": 0.06}
            line = pyqtgraph.InfiniteLine(angle=angle, label=name, labelOpts=opts)
            line.label.setFont(number_font())
            line.hide()
            self.box.addItem(line, ignoreBounds=True)
            self.lines[name] = line
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.recolored.connect(self._color)
        self.control_view(self.box, self._show_whole)
        self.set_data(self._columns)
        self._color()

    @property
    def drawn(self) -> Height:
        """What is drawn."""
        return list(Height)[self.heights.currentIndex()]

    @property
    def over(self) -> Across:
        """What it is drawn over."""
        return list(Across)[self.across.currentIndex()]

    def show_spectrum(self, ref: TensorRef, spectrum: Spectrum) -> None:
        """Draw a spectrum, all of it in sight."""
        self._spectrum = spectrum
        self.set_origin(ref.checkpoint, ref.name)
        self.set_summary(summary(spectrum))
        self._draw()

    def _draw(self) -> None:
        spectrum = self._spectrum
        if spectrum is None:
            return
        count = len(spectrum.singular)
        index = np.arange(1, count + 1, dtype=np.float64)
        whole = min(spectrum.matrix.rows, spectrum.matrix.columns)
        self._x = {Across.INDEX: index, Across.LOG_INDEX: np.log10(index), Across.SHARE: index / whole}[self.over]
        y = spectrum.energy() if self.drawn is Height.ENERGY else spectrum.singular / self._unit
        shown = np.ones(count, np.bool_)
        if self.drawn is Height.LOG:
            shown = y > 0
            y = np.log10(y, where=shown, out=np.zeros(count))
        few = int(shown.sum()) <= _MOST_POINTS
        self.curve.setData(self._x[shown], y[shown], symbol="o" if few else None)
        self._tell_axes()
        self._place_lines(spectrum)
        self._show_whole()
        self._color()

    @property
    def _unit(self) -> float:
        """What the left axis counts in: its own sums leave float64 where the values nearly do."""
        spectrum = self._spectrum
        if spectrum is None or self.drawn is not Height.LINEAR or 1e-150 < spectrum.scale < 1e150:
            return 1.0
        return float(10.0 ** np.floor(np.log10(spectrum.scale)))

    def _tell_axes(self) -> None:
        for axis, is_log in (
            (self.left, self.drawn is Height.LOG),
            (self.bottom, self.over is Across.LOG_INDEX),
        ):
            values, strings = self._linear_ticks[id(axis)]
            axis.tickValues = _log_ticks if is_log else values
            axis.tickStrings = _log_strings if is_log else strings
        if self.drawn is Height.ENERGY:
            self.left.tickStrings = _shares
        if self.over is Across.SHARE:
            self.bottom.tickStrings = _shares
        elif self.over is Across.INDEX:
            self.bottom.tickStrings = _counts
        unit = self._unit
        self.left.setLabel(f"× {unit:.0e}".replace("e+", "e") if unit != 1 else "")
        self.left.showLabel(unit != 1)
        for axis in (self.left, self.bottom):
            axis.picture = None
            axis.update()

    def _place_lines(self, spectrum: Spectrum) -> None:
        is_energy = self.drawn is Height.ENERGY
        smallest = float(spectrum.singular[-1])
        heights = {
            "edge": spectrum.edge,
            "resolution": spectrum.resolution if smallest <= spectrum.resolution else None,
        }
        for name, value in heights.items():
            drawn = value is not None and value > 0 and not is_energy
            if drawn and value is not None:
                self.lines[name].setValue(np.log10(value) if self.drawn is Height.LOG else value / self._unit)
            self.lines[name].setVisible(drawn and (name == "edge" or self.drawn is Height.LOG))
        for name, rank in (("90 %", spectrum.rank_90), ("99 %", spectrum.rank_99)):
            if rank is not None and is_energy:
                self.lines[name].setValue(float(self._x[int(rank.value) - 1]))
            self.lines[name].setVisible(rank is not None and is_energy)
        for name, text in (("edge", tr("Marchenko–Pastur edge")), ("resolution", "not resolved below")):
            self.lines[name].label.setFormat(text)

    def _show_whole(self) -> None:
        x, y = self.curve.getData()
        if x is None or not len(x):
            # All singular values are 0, and have no logarithm.
            x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
        lowest, highest = (0.0, 1.0) if self.drawn is Height.ENERGY else (float(y.min()), float(y.max()))
        edge = self.lines["edge"]
        if edge.isVisible():
            lowest, highest = min(lowest, edge.value()), max(highest, edge.value())
        if self.drawn is Height.LINEAR:
            lowest = min(lowest, 0.0)
        room = (highest - lowest) * _AIR or 0.5
        wide = (float(x[-1]) - float(x[0])) * _AIR / 4 or 0.5
        self.box.setXRange(float(x[0]) - wide, float(x[-1]) + wide, padding=0)
        self.box.setYRange(lowest - room, highest + room, padding=0)

    def _pointed(self, place: QPointF) -> None:
        spectrum = self._spectrum
        if spectrum is None or not self.box.sceneBoundingRect().contains(place):
            self.set_pointed("")
            return
        x = float(self.box.mapSceneToView(place).x())
        nearest = int(np.abs(self._x - x).argmin())
        self.set_pointed(pointed(spectrum, nearest))

    def _columns(self) -> Columns:
        spectrum = self._spectrum
        if spectrum is None:
            return []
        return [
            ("number", np.arange(1, len(spectrum.singular) + 1)),
            ("singular_value", spectrum.singular),
            ("energy", spectrum.energy()),
        ]

    def _color(self) -> None:
        import pyqtgraph

        c = colors()
        self.left.setGrid(_GRID)
        self.curve.setPen(pyqtgraph.mkPen(c.accent, width=2))
        self.curve.setSymbolPen(None)
        self.curve.setSymbolBrush(c.accent)
        for name, line in self.lines.items():
            color = c.warning if name == "edge" else c.muted
            line.setPen(pyqtgraph.mkPen(color, width=1, style=Qt.PenStyle.DashLine))
            line.label.setColor(color)


def _log_ticks(low: float, high: float, _: float) -> list[tuple[float, list[float]]]:
    return decade_ticks(low, high)


def _log_strings(values: Sequence[float], *_: float) -> list[str]:
    return [number(float(f"{10.0**value:.3g}")) for value in values]


def _shares(values: Sequence[float], *_: float) -> list[str]:
    return [f"{100 * value:.3g} %" if -1e-9 <= value <= 1 + 1e-9 else "" for value in values]


def _counts(values: Sequence[float], *_: float) -> list[str]:
    return [f"{value:,.0f}" if value == round(value) and value >= 1 else "" for value in values]
