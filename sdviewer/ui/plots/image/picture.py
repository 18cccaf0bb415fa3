"""ImagePicture: what a heatmap puts on the scene. Imports pyqtgraph.

A cell (r, c) of the plane is drawn around the point (c, r), so that a tick stands at the middle of its cell.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph  # type: ignore[import-untyped]  # it has no types
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetricsF

from sdviewer.analysis.plane import Leg, Plane
from sdviewer.analysis.raster import Area, Pixels, Raster
from sdviewer.checkpoint.wording import number
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.image.cell_texts import CellTexts
from sdviewer.ui.plots.image.drawing import Drawn
from sdviewer.ui.theme import colors, number_font

_MARGIN_WIDTH, _MARGIN_HEIGHT = 84, 64
_BAR_WIDTH = 14
# Cells of a side that are always in sight, at least.
_FEWEST = 3.0
# Lines between tiles need so many pixels between them.
_TILE_PIXELS = 6.0
_BEYOND = 0.02
_TICK_PIXELS = 60
_TEXT_GAP = 6.0


class ImagePicture:
    """Image, axes, margins, bar of colours, lines between tiles, numbers in cells."""

    def __init__(self, frame: PlotFrame) -> None:
        self._frame = frame
        graphics = frame.graphics
        self.box: Any = graphics.addViewBox(row=1, col=1, enableMenu=False, invertY=True)
        self._top: Any = graphics.addViewBox(row=0, col=1, enableMenu=False, enableMouse=False)
        self._right: Any = graphics.addViewBox(row=1, col=2, enableMenu=False, enableMouse=False, invertY=True)
        self._bar: Any = graphics.addViewBox(row=1, col=3, enableMenu=False, enableMouse=False)
        self._top.setXLink(self.box)
        self._right.setYLink(self.box)
        self._left_axis = frame.add_axis("left", self.box, 1, 0)
        self._bottom_axis = frame.add_axis("bottom", self.box, 2, 1)
        self._top_axis = frame.add_axis("left", self._top, 0, 0)
        self._right_axis = frame.add_axis("bottom", self._right, 2, 2)
        self._bar_axis = frame.add_axis("right", self._bar, 1, 4)
        self._bar.setMaximumWidth(_BAR_WIDTH)
        self._bar.setMinimumWidth(_BAR_WIDTH)
        self._left_axis.setWidth(58)
        self._top_axis.setWidth(58)
        self._bar_axis.setWidth(66)
        self.under, self.image = (pyqtgraph.ImageItem(axisOrder="row-major") for _ in range(2))
        self.under.setZValue(-10)
        self._bar_image = pyqtgraph.ImageItem(axisOrder="row-major")
        for item in (self.under, self.image):
            self.box.addItem(item)
        self._bar.addItem(self._bar_image)
        self.lines = pyqtgraph.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self.lines.setZValue(2)
        self.box.addItem(self.lines, ignoreBounds=True)
        self.texts = CellTexts(self.box)
        self.box.addItem(self.texts, ignoreBounds=True)
        self.row_curve, self.column_curve = pyqtgraph.PlotCurveItem(), pyqtgraph.PlotCurveItem()
        self._right.addItem(self.row_curve)
        self._top.addItem(self.column_curve)
        self._plane: Plane | None = None
        self.show_margins(None)
        self.recolor()

    def show_plane(self, plane: Plane, *, is_square: bool) -> None:
        """Another plane, all of it in sight; its picture is to come."""
        self._plane = plane
        for item in (self.under, self.image):
            item.clear()
        self.texts.show_cells(None, is_integer=False)
        self.lines.setData([], [])
        self.box.setLimits(xMin=None, xMax=None, yMin=None, yMax=None, maxXRange=None, maxYRange=None)
        self.box.setAspectLocked(is_square)
        rows, columns = float(plane.rows), float(plane.columns)
        self.box.setLimits(minXRange=min(_FEWEST, columns), minYRange=min(_FEWEST, rows))
        if not is_square:
            across, down = columns * _BEYOND, rows * _BEYOND
            self.box.setLimits(xMin=-0.5 - across, xMax=columns - 0.5 + across)
            self.box.setLimits(yMin=-0.5 - down, yMax=rows - 0.5 + down)
        _number_places(self._left_axis, plane.down, plane.grid_down, plane)
        _number_places(self._bottom_axis, plane.across, plane.grid_across, plane)
        self.show_all()

    def set_plane(self, plane: Plane) -> None:
        """Another plane with the same sides: what is in sight stays, until its picture comes."""
        self._plane = plane

    def show_all(self) -> None:
        """All of the plane in sight."""
        if self._plane is not None:
            rect = QRectF(-0.5, -0.5, float(self._plane.columns), float(self._plane.rows))
            self.box.setRange(rect, padding=0)

    def center(self, row: int, column: int, size: tuple[float, float]) -> None:
        """Bring a cell into the middle, with about so many columns and rows around it."""
        across, down = size
        self.box.setRange(QRectF(column - across / 2, row - down / 2, across, down), padding=0)

    @property
    def area(self) -> Area:
        """The part of the plane in sight."""
        (left, right), (top, bottom) = self.box.viewRange()
        plane = self._plane
        rows, columns = (plane.rows, plane.columns) if plane is not None else (1, 1)
        top, bottom = max(0.0, min(top + 0.5, rows - 0.01)), min(float(rows), bottom + 0.5)
        left, right = max(0.0, min(left + 0.5, columns - 0.01)), min(float(columns), right + 0.5)
        return Area(top, left, max(bottom, top + 0.01), max(right, left + 0.01))

    @property
    def pixels(self) -> tuple[float, float]:
        """Height and width in pixels of what shows the area."""
        area = self.area
        across, down = self.box.viewPixelSize()
        height = (area.bottom - area.top) / down if down else 1.0
        width = (area.right - area.left) / across if across else 1.0
        return max(1.0, height), max(1.0, width)

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """Row and column of the plane under a place of the scene."""
        if not self.box.sceneBoundingRect().contains(place):
            return None
        point = self.box.mapSceneToView(place)
        return int(np.floor(point.y() + 0.5)), int(np.floor(point.x() + 0.5))

    def draw(self, drawn: Drawn, *, is_integer: bool) -> None:
        """Put a picture in sight."""
        _put(self.image, drawn)
        self.texts.show_cells(drawn, is_integer=is_integer)
        low, high = drawn.limits
        self._bar_image.setImage(drawn.ramp.view(np.uint8).reshape(-1, 1, 4), levels=None, autoLevels=False)
        self._bar_image.setRect(QRectF(0, low, 1, high - low))
        self._bar.setRange(QRectF(0, low, 1, high - low), padding=0)
        self.follow_view()

    def draw_under(self, drawn: Drawn | None) -> None:
        """The whole plane, below the part in sight, for what a move brings into sight before it is read."""
        if drawn is None:
            self.under.clear()
        else:
            _put(self.under, drawn)

    def follow_view(self) -> None:
        """What depends on the part in sight: lines between tiles; and nothing is painted twice."""
        self.draw_tiles()
        seen, there = self.box.viewRect(), self.image.mapRectToParent(self.image.boundingRect())
        plane = self._plane
        if plane is not None:
            seen &= QRectF(-0.5, -0.5, float(plane.columns), float(plane.rows))
        self.under.setVisible(self.image.image is None or not there.contains(seen))

    def draw_tiles(self) -> None:
        """Lines between the tiles, where there is room between them."""
        plane = self._plane
        if plane is None or not plane.is_tiled:
            return
        across, down = self.box.viewPixelSize()
        (left, right), (top, bottom) = self.box.viewRange()
        left, right = max(left, -0.5), min(right, plane.columns - 0.5)
        top, bottom = max(top, -0.5), min(bottom, plane.rows - 0.5)
        segments: list[tuple[float, float, float, float]] = []
        if plane.across.size / max(across, 1e-300) >= _TILE_PIXELS:
            segments += [
                (x - 0.5, top, x - 0.5, bottom) for x in _multiples(plane.across.size, left, right, plane.columns)
            ]
        if plane.down.size / max(down, 1e-300) >= _TILE_PIXELS:
            segments += [(left, y - 0.5, right, y - 0.5) for y in _multiples(plane.down.size, top, bottom, plane.rows)]
        points = np.array(segments, np.float64).reshape(-1, 2)
        self.lines.setData(points[:, 0], points[:, 1])

    def show_margins(self, raster: Raster | None, *, norms: bool = False) -> None:
        """Curves of the means, or norms, of rows and columns beside the picture; None for none."""
        shown = raster is not None
        for item in (self._top, self._right, self._top_axis, self._right_axis):
            item.setVisible(shown)
        layout = self._frame.graphics.ci.layout
        layout.setRowFixedHeight(0, _MARGIN_HEIGHT if shown else 0)
        layout.setColumnFixedWidth(2, _MARGIN_WIDTH if shown else 0)
        layout.setColumnFixedWidth(3, _BAR_WIDTH)
        if raster is None:
            return
        rows, columns = _middles(raster.rows), _middles(raster.columns)
        down, across = (raster.row_rms, raster.column_rms) if norms else (raster.row_mean, raster.column_mean)
        self.row_curve.setData(down, rows, connect="finite")
        self.column_curve.setData(columns, across, connect="finite")
        for box, values, is_row in ((self._right, down, True), (self._top, across, False)):
            finite = values[np.isfinite(values)]
            low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
            room = (high - low) * 0.2 or max(abs(high) * 0.5, 1e-300)
            (box.setXRange if is_row else box.setYRange)(low - room, high + room, padding=0)
            # Beside the columns there is room for two numbers, beside the rows for one.
            axis, places = (self._right_axis, ((low + high) / 2,)) if is_row else (self._top_axis, (low, high))
            axis.setTicks([[(place, number(float(f"{place:.2g}"))) for place in dict.fromkeys(places)]])

    def recolor(self) -> None:
        """The colours of the theme."""
        c = colors()
        self.lines.setPen(pyqtgraph.mkPen(c.line, width=1))
        for curve in (self.row_curve, self.column_curve):
            curve.setPen(pyqtgraph.mkPen(c.accent, width=1))
        self.box.setBorder(pyqtgraph.mkPen(c.line))
        self._bar.setBorder(pyqtgraph.mkPen(c.line))


def _put(item: Any, drawn: Drawn) -> None:
    rows, columns = drawn.raster.rows, drawn.raster.columns
    item.setImage(drawn.image, levels=None, autoLevels=False)
    item.setRect(QRectF(columns.start - 0.5, rows.start - 0.5, columns.stop - columns.start, rows.stop - rows.start))


def _middles(pixels: Pixels) -> Any:
    return (pixels.first + np.arange(pixels.count) + 0.5) * (pixels.step / 8) - 0.5


def _multiples(step: int, low: float, high: float, size: int) -> range:
    first = max(1, int((low + 0.5) // step))
    return range(first * step, min(int(high + 1.5), size), step)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … that is not less."""
    unit = 10.0 ** max(math.floor(math.log10(max(least, 1.0))), 0)
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= least)


def _number_places(axis: Any, inner: Leg, outer: Leg, plane: Plane) -> None:
    """Ticks at whole places that there are: those of the cells, or of tiles where these are laid out."""
    size, cells = inner.size, inner.size * outer.size
    is_tiled = plane.is_tiled and outer.size > 1 and size > 1

    def spacing(low: float, high: float, pixels: float) -> list[tuple[float, float]]:
        found = type(axis).tickSpacing(axis, low, high, pixels)
        levels = list(dict.fromkeys((max(1.0, step), offset) for step, offset in found))
        # The axis looks at all of its texts together: long ones would run together where short ones have room.
        metrics = QFontMetricsF(number_font())
        is_upright = axis.orientation in ("left", "right")
        room = metrics.height() if is_upright else metrics.horizontalAdvance(f"{min(high, cells):,.0f}") + _TEXT_GAP
        least = room * (high - low) / max(pixels, 1.0)
        return [level for level in levels if level[0] >= least] or [(_round_step(least), 0.0)]

    def strings(values: list[float], _scale: float, _spacing: float) -> list[str]:
        if is_tiled:
            return [f"{(value - (size - 1) / 2) / size:,.0f}" for value in values]
        return [f"{value:,.0f}" if 0 <= value < cells else "" for value in values]

    def tiles(low: float, high: float, pixels: float) -> list[tuple[float, list[float]]]:
        low, high = min(low, high), max(low, high)
        step = max(1, round((high - low) / size / max(1.0, pixels / _TICK_PIXELS)))
        first = max(0, int(low // size)) // step * step
        middles = [tile * size + (size - 1) / 2 for tile in range(first, min(int(high // size) + 2, outer.size), step)]
        return [(float(size * step), [middle for middle in middles if low <= middle <= high])]

    axis.tickSpacing, axis.tickStrings = spacing, strings
    if is_tiled:
        axis.tickValues = tiles
    elif "tickValues" in vars(axis):
        del axis.tickValues
    axis.picture = None
    axis.update()
