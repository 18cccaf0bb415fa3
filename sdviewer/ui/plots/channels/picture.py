"""ChannelsPicture: a curve over channels with its median, and marks at those that stand out. Imports pyqtgraph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph  # type: ignore[import-untyped]  # it has no types
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from sdviewer.analysis.extremes import extremes
from sdviewer.checkpoint.wording import number
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.series import blended, series_color
from sdviewer.ui.theme import colors, number_font

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_GRID = 38  # of 255
_FILL = 70
_AIR = 0.07
# As many channels have steps of their own, more are drawn by their extremes.
_STEPS_A_PIXEL = 0.5
_MARK = 9
_LABEL_GROUND = 200
# Below zero there is room for half a mark.
_BELOW = 0.03


class ChannelsPicture:
    """Draws what it is given: a figure at each place from left to right."""

    def __init__(self, frame: PlotFrame) -> None:
        self._frame = frame
        self.box: Any = frame.graphics.addViewBox(row=0, col=1, enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self.left = frame.add_axis("left", self.box, 0, 0)
        self.bottom = frame.add_axis("bottom", self.box, 1, 1)
        self.left.tickStrings = self._heights_told
        self.bottom.tickStrings = self._places_told
        self._tick_spacing = self.bottom.tickSpacing
        self.bottom.tickSpacing = self._whole_spacing
        self.left.setGrid(_GRID)
        self.curve = pyqtgraph.PlotCurveItem(skipFiniteCheck=False, connect="finite")
        self.band, self.shade = (pyqtgraph.PlotCurveItem(skipFiniteCheck=True, antialias=False) for _ in range(2))
        for curve in (self.curve, self.shade, self.band):
            self.box.addItem(curve, ignoreBounds=True)
        self.dead = pyqtgraph.ScatterPlotItem(symbol="x", size=_MARK)
        self.bad = pyqtgraph.ScatterPlotItem(symbol="t", size=_MARK)
        self.current = pyqtgraph.ScatterPlotItem(symbol="o", size=_MARK + 3)
        for item in (self.dead, self.bad, self.current):
            item.setZValue(5)
            self.box.addItem(item, ignoreBounds=True)
        self.median = pyqtgraph.InfiniteLine(
            0, angle=0, label="", labelOpts={"position": 0.99, "anchors": [(1, 1), (1, 1)], "fill": "w"}
        )
        self.median.label.setFont(number_font())
        self.median.hide()
        self.box.addItem(self.median, ignoreBounds=True)
        self._values: Floats = np.empty(0)
        self._dead: Int64 = np.empty(0, np.int64)
        self._bad: Int64 = np.empty(0, np.int64)
        self._log = False
        self._base = 0.0
        self._chosen = -1

    def show_values(self, values: Floats, dead: Int64, bad: Int64, *, log: bool) -> None:
        """Figures from left to right, and the places that are marked; what is in sight stays if it can."""
        was = len(self._values)
        self._log = log
        with np.errstate(divide="ignore", invalid="ignore"):
            self._values = np.log10(values) if log else values
        self._values = np.where(np.isfinite(self._values), self._values, np.nan)
        self._dead, self._bad = dead, bad
        finite = self._values[np.isfinite(self._values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        if not log:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = (low - 0.5, high + 0.5) if log else (low, high + 1.0)
        room = (high - low) * _AIR
        self._base = low - room * 0.6 if log else 0.0
        self.box.setLimits(yMin=None, yMax=None)
        below = low - room if log or low < 0 else low - _BELOW * (high - low)
        self.box.setYRange(below, high + room, padding=0)
        told = values[np.isfinite(values)]
        middle = float(np.median(told)) if len(told) else math.nan
        is_drawn = math.isfinite(middle) and (not log or middle > 0)
        self.median.setVisible(is_drawn)
        if is_drawn:
            self.median.setValue(math.log10(middle) if log else middle)
            self.median.label.setFormat(f"median {_short(middle)}")
        self.left.setTickSpacing(*((1, 1) if log and high - low > 2 else ()))
        count = len(values)
        self.box.setLimits(xMin=-0.5 - count * 0.02, xMax=count - 0.5 + count * 0.02, minXRange=min(4.0, count))
        if was != count:
            self.show_all()
        self.draw()

    def show_all(self) -> None:
        """All channels in sight."""
        count = max(len(self._values), 1)
        self.box.setXRange(-0.5 - count * 0.01, count - 0.5 + count * 0.01, padding=0)

    @property
    def places_in_sight(self) -> tuple[int, int]:
        """The first place in sight, and the one behind the last."""
        (left, right), _ = self.box.viewRange()
        count = len(self._values)
        first = min(max(math.ceil(left - 0.5), 0), count)
        return first, max(min(math.floor(right + 0.5) + 1, count), first)

    def draw(self) -> None:
        """Draw what is in sight, no finer than it can be seen."""
        first, last = self.places_in_sight
        pixels = max(int(self.box.width()), 50)
        if last - first <= pixels * _STEPS_A_PIXEL:
            x = np.arange(first, last + 1) - 0.5
            y = np.nan_to_num(self._values[first:last], nan=self._base)
            # pyqtgraph refuses the step mode for a curve without data.
            if len(y):
                self.curve.setData(x, y, stepMode="center", connect="all", fillLevel=self._base)
        else:
            x, low, high = extremes(self._values, first, last, pixels)
            # As far as the column before, so that there are no gaps, and never without any height.
            before = np.concatenate((high[:1], high[:-1])), np.concatenate((low[:1], low[:-1]))
            low, high = np.fmin(low, before[0]), np.fmax(high, before[1])
            high = np.maximum(high, low + self.box.viewPixelSize()[1])
            # Lines that do not touch each other: one that goes to and fro takes ten times as long to paint.
            x = np.repeat(x, 2)
            self.band.setData(x, np.stack((low, high), axis=1).reshape(-1), connect="pairs")
            base = np.full(len(low), self._base)
            self.shade.setData(x, np.stack((base, low), axis=1).reshape(-1), connect="pairs")
        is_banded = last - first > pixels * _STEPS_A_PIXEL
        self.curve.setVisible(last > first and not is_banded)
        self.band.setVisible(is_banded)
        self.shade.setVisible(is_banded)
        for item, places in ((self.dead, self._dead), (self.bad, self._bad)):
            found = self._one_a_pixel(places, first, last, pixels)
            item.setData(found.astype(np.float64), self._heights(found))
        self._mark_current()

    def choose(self, place: int) -> None:
        """Put a ring around a place, -1 for none, and bring it into sight."""
        self._chosen = place
        if place >= 0:
            (left, right), _ = self.box.viewRange()
            if not left < place < right:
                self.box.setXRange(place - (right - left) / 2, place + (right - left) / 2, padding=0)
        self._mark_current()

    def place_at(self, point: QPointF) -> int:
        """The place under a point of the scene, -1 for none."""
        if not self.box.sceneBoundingRect().contains(point):
            return -1
        place = math.floor(self.box.mapSceneToView(point).x() + 0.5)
        return place if 0 <= place < len(self._values) else -1

    def recolor(self) -> None:
        """The colours of the theme."""
        c = colors()
        self.left.setGrid(_GRID)
        color = series_color(0)
        fill = QColor(color)
        fill.setAlpha(_FILL)
        self.curve.setPen(pyqtgraph.mkPen(color, width=1))
        self.curve.setBrush(fill)
        self.median.setPen(pyqtgraph.mkPen(c.text, width=1, style=Qt.PenStyle.DashLine))
        self.median.label.setColor(c.text)
        ground = QColor(c.base)
        ground.setAlpha(_LABEL_GROUND)
        self.median.label.fill = pyqtgraph.mkBrush(ground)
        self.band.setPen(pyqtgraph.mkPen(color, width=1))
        # Two pixels wide, as columns may be a little wider than one.
        self.shade.setPen(pyqtgraph.mkPen(blended(color, QColor(c.base), _FILL / 255), width=2))
        self.dead.setPen(pyqtgraph.mkPen(c.error, width=2))
        self.dead.setBrush(QColor(c.error))
        self.bad.setPen(pyqtgraph.mkPen(c.base, width=1))
        self.bad.setBrush(QColor(c.warning))
        self.current.setPen(pyqtgraph.mkPen(c.text, width=2))
        self.current.setBrush(QColor(0, 0, 0, 0))

    def _heights(self, places: Int64) -> Floats:
        return np.nan_to_num(self._values[places], nan=self._base)

    def _mark_current(self) -> None:
        places = np.array([self._chosen] if 0 <= self._chosen < len(self._values) else [], np.int64)
        self.current.setData(places.astype(np.float64), self._heights(places))

    def _one_a_pixel(self, places: Int64, first: int, last: int, pixels: int) -> Int64:
        inside = places[np.searchsorted(places, first) : np.searchsorted(places, last)]
        column = (inside - first) * pixels // max(last - first, 1)
        return inside[np.flatnonzero(np.diff(column, prepend=-1))]

    def _heights_told(self, values: list[float], scale: float, spacing: float) -> list[str]:
        del scale
        if self._log:
            return [_short(10.0**value) for value in values]
        largest = max((abs(value) for value in values), default=0.0)
        digits = max(math.ceil(math.log10(max(largest, spacing) / spacing) + 1e-9), 0) + 2 if spacing else 6
        return ["0" if abs(value) < spacing * 1e-6 else _short(value, digits) for value in values]

    def _places_told(self, values: list[float], *_: float) -> list[str]:
        return [f"{value:,.0f}" if 0 <= value < len(self._values) else "" for value in values]

    def _whole_spacing(self, low: float, high: float, pixels: float) -> list[tuple[float, float]]:
        found = self._tick_spacing(low, high, pixels)
        return list(dict.fromkeys((max(1.0, step), offset) for step, offset in found))


def _short(value: float, digits: int = 4) -> str:
    return number(float(f"{value:.{digits}g}"))
