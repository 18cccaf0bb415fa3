"""LayersPicture: lines along layers, one a role, in the scene of a frame. Imports pyqtgraph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph  # type: ignore[import-untyped]  # it has no types
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from sdviewer.analysis.extremes import extremes
from sdviewer.checkpoint.wording import cut_in_middle
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.layers.measures import Floats, Int64
from sdviewer.ui.plots.layers.words import short
from sdviewer.ui.plots.legend import Legend
from sdviewer.ui.plots.series import SERIES, series_color, series_pen
from sdviewer.ui.plots.spectrum.words import decade_ticks
from sdviewer.ui.theme import colors, number_font

_GRID = 38  # of 255
_AIR = 0.06
_SYMBOLS = ("o", "s", "t", "d", "+", "x", "star", "p")
_SYMBOL = 6
# More points than these, of a line and of all of them, are left out: each takes some microseconds to draw.
_MOST_POINTS, _MOST_POINTS_OF_ALL = 400, 1200
_NEAR = 28.0
# A line of more points is drawn by its extremes.
_MOST_DRAWN = 1600
_MOST_STACKS_NAMED, _MOST_STACKS_DRAWN = 8, 200
_STACK_NAME = 26


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """One role: its series, what it is called, and its tensors.

    Attributes:
        series: which colour and pen it has.
        name: in the legend.
        places: numbers of its tensors, from left to right.
        x: where they stand.
        y: their figures, NaN where there is none.
        breaks: between which of them the line is broken: the number of the stack of each.

    """

    series: int
    name: str
    places: Int64
    x: Floats
    y: Floats
    breaks: Int64


class LayersPicture:
    """Draws what it is given; knows nothing of where it comes from."""

    def __init__(self, frame: PlotFrame) -> None:
        self._frame = frame
        graphics = frame.graphics
        self.legend = Legend()
        graphics.addItem(self.legend, row=0, col=0, colspan=2)
        self.box: Any = graphics.addViewBox(row=1, col=1, enableMenu=False)
        self.left = frame.add_axis("left", self.box, 1, 0)
        self.bottom = frame.add_axis("bottom", self.box, 2, 1)
        self._tick_values = self.left.tickValues
        self.left.tickStrings = self._heights_told
        self.bottom.tickStrings = self._layers_told
        spacing = self.bottom.tickSpacing
        self.bottom.tickSpacing = lambda low, high, pixels: list(
            dict.fromkeys((max(1.0, step), offset) for step, offset in spacing(low, high, pixels))
        )
        self.left.setGrid(_GRID)
        self.curves = [pyqtgraph.PlotCurveItem(connect="finite") for _ in range(SERIES)]
        self.points = [pyqtgraph.ScatterPlotItem(size=_SYMBOL, symbol=symbol) for symbol in _SYMBOLS]
        for item in (*self.curves, *self.points):
            item.hide()
            self.box.addItem(item, ignoreBounds=True)
        self._ring = pyqtgraph.ScatterPlotItem(size=_SYMBOL + 8, symbol="o")
        self._ring.setZValue(5)
        self.box.addItem(self._ring, ignoreBounds=True)
        self._stacks: list[Any] = []
        self._labels: Sequence[str] = ()
        self._lines: list[Line] = []
        self._heights: list[Floats] = []
        self._long: set[int] = set()
        self._log = self._percent = False
        self.recolor()

    @property
    def lines(self) -> list[Line]:
        """What is drawn."""
        return list(self._lines)

    def show_layers(self, labels: Sequence[str], stacks: Sequence[tuple[float, str]]) -> None:
        """Other layers: what each is called, and where each stack begins and what it is called."""
        self._labels = labels
        for line in self._stacks:
            self.box.removeItem(line)
        self._stacks.clear()
        if 1 < len(stacks) <= _MOST_STACKS_DRAWN:
            for index, (start, name) in enumerate(stacks):
                label = cut_in_middle(name, _STACK_NAME) if len(stacks) <= _MOST_STACKS_NAMED else ""
                opts = {"position": 0.98, "rotateAxis": (1, 0), "anchors": [(1, 0), (1, 0)]}
                line = pyqtgraph.InfiniteLine(start - 0.5, angle=90, label=label, labelOpts=opts)
                line.label.setFont(number_font())
                line.setZValue(-5)
                # The first line stands at the edge.
                line.first = index == 0
                self.box.addItem(line, ignoreBounds=True)
                self._stacks.append(line)
        count = len(labels)
        self.box.setLimits(xMin=-0.6 - count * 0.02, xMax=count - 0.4 + count * 0.02, minXRange=min(2.0, count))
        self._color_stacks()

    def draw(self, lines: Sequence[Line], *, log: bool, percent: bool) -> None:
        """Draw these lines; what is in sight stays."""
        self._lines, self._log, self._percent = list(lines), log, percent
        self._heights = [self._scaled(line.y) for line in self._lines]
        before, self._long = self._long, {line.series for line in lines if len(line.x) > _MOST_DRAWN}
        self.left.tickValues = self._decades if log else self._tick_values
        self.left.picture = None
        in_sight = set()
        has_points = sum(int(np.count_nonzero(np.isfinite(y))) for y in self._heights) <= _MOST_POINTS_OF_ALL
        for line, y in zip(self._lines, self._heights, strict=True):
            curve, points = self.curves[line.series], self.points[line.series]
            drawable = np.isfinite(y)
            if not drawable.any():
                continue
            gaps = np.flatnonzero(np.diff(line.breaks)) + 1
            x, heights = (np.insert(part, gaps, np.nan) if len(gaps) else part for part in (line.x, y))
            curve.setData(*_thinned(x, heights), connect="finite")
            in_sight.add(curve)
            if has_points and np.count_nonzero(drawable) <= _MOST_POINTS:
                points.setData(line.x[drawable], y[drawable])
                in_sight.add(points)
        for item in (*self.curves, *self.points):
            item.setVisible(item in in_sight)
        for series in before ^ self._long:
            self._color_series(series)
        self.legend.show_entries([(line.series, line.name) for line in self._lines])

    def show_all(self) -> None:
        """Everything in sight."""
        count = max(len(self._labels), 1)
        self.box.setXRange(-0.5 - 0.01 * count, count - 0.5 + 0.01 * count, padding=0)
        values = np.concatenate(self._heights) if self._heights else np.empty(0)
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        if not self._log:
            low = min(low, 0.0)
        if low == high:
            low, high = low - 0.5 * (low != 0), high + 0.5
        room = (high - low) * _AIR
        self.box.setYRange(low - room * (1.0 if self._log else 0.5), high + room, padding=0)

    def nearest(self, place: QPointF) -> tuple[int, int] | None:
        """The line and the point in it that is nearest to a point of the scene; None if none is near."""
        if not self.box.sceneBoundingRect().contains(place):
            return None
        point = self.box.mapSceneToView(place)
        across, down = self.box.viewPixelSize()
        best: tuple[float, int, int] | None = None
        room = _NEAR * across
        for index, line in enumerate(self._lines):
            first, last = np.searchsorted(line.x, (point.x() - room, point.x() + room))
            y = self._heights[index][first:last]
            away = np.hypot((line.x[first:last] - point.x()) / across, (y - point.y()) / down)
            if np.isfinite(away).any():
                at = int(np.nanargmin(away))
                if away[at] <= _NEAR and (best is None or away[at] < best[0]):
                    best = (float(away[at]), index, int(first) + at)
        return best[1:] if best is not None else None

    def mark(self, line: int, at: int) -> None:
        """Put a ring around a point; around none if `line` is -1."""
        if not 0 <= line < len(self._lines) or at >= len(self._lines[line].x):
            self._ring.setData([], [])
            return
        found = self._lines[line]
        y = self._heights[line][at : at + 1]
        self._ring.setData(found.x[at : at + 1][np.isfinite(y)], y[np.isfinite(y)])

    def recolor(self) -> None:
        """The colours of the theme."""
        c = colors()
        self.left.setGrid(_GRID)
        for series in range(SERIES):
            self._color_series(series)
        self._ring.setPen(pyqtgraph.mkPen(c.text, width=2))
        self._ring.setBrush(QColor(0, 0, 0, 0))
        self._color_stacks()
        self.legend.update()

    def _color_series(self, series: int) -> None:
        color = series_color(series)
        # Dashes along a line that goes to and fro take seconds to paint.
        is_long = series in self._long
        style = Qt.PenStyle.SolidLine if is_long else series_pen(series)
        self.curves[series].setPen(pyqtgraph.mkPen(color, width=1 if is_long else 2, style=style))
        self.points[series].setPen(pyqtgraph.mkPen(color, width=1))
        self.points[series].setBrush(color)

    def _color_stacks(self) -> None:
        c = colors()
        for line in self._stacks:
            line.setPen(pyqtgraph.mkPen(c.line, width=1, style=Qt.PenStyle.DashLine))
            line.label.setColor(c.muted)

    def _scaled(self, values: Floats) -> Floats:
        if not self._log:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log10(values)
        return np.where(np.isfinite(found), found, np.nan)

    def _decades(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        del size
        return decade_ticks(min(low, high), max(low, high))

    def _heights_told(self, values: list[float], scale: float, spacing: float) -> list[str]:
        del scale
        factor, unit = (100.0, " %") if self._percent else (1.0, "")
        if self._log:
            return [f"{short(factor * 10.0**value)}{unit}" for value in values]
        largest = max((abs(value) for value in values), default=0.0)
        digits = max(math.ceil(math.log10(max(largest, spacing) / spacing) + 1e-9), 0) + 2 if spacing else 6
        return [
            f"0{unit}" if abs(value) < spacing * 1e-6 else f"{short(factor * value, digits)}{unit}" for value in values
        ]

    def _layers_told(self, values: list[float], *_: float) -> list[str]:
        count = len(self._labels)
        return [self._labels[int(value)] if value == int(value) and 0 <= value < count else "" for value in values]


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A line that looks the same, of points so few that it is drawn in no time."""
    if len(x) <= _MOST_DRAWN:
        return x, y
    starts, low, high = extremes(y, 0, len(y), _MOST_DRAWN // 2)
    return np.repeat(x[starts.astype(np.int64)], 2), np.stack((low, high), axis=1).reshape(-1)
