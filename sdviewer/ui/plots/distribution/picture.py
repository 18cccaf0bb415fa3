"""DistributionPicture: bars, what stands beside them, and markers, in the scene of a frame."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPen
from PySide6.QtWidgets import QGraphicsLineItem, QGraphicsRectItem, QGraphicsSimpleTextItem

from sdviewer.analysis.bin_axis import BinAxis, Scale
from sdviewer.checkpoint.wording import count_for_people, cut_in_middle
from sdviewer.ui.plots.distribution.markers import Kind, Marker
from sdviewer.ui.plots.distribution.samples import Binned
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.series import SERIES, series_color, series_pen
from sdviewer.ui.theme import colors, number_font

MOST_DRAWN = SERIES

_GRID = 38  # of 255
_FILL = 90
_FEW = 10
_COLUMN = 46
_HALF_BAR = 0.36
_AIR = 1.08
_NAMES = 44
_PLAIN = 1e7
_NEAR_END = 0.05


class DistributionPicture:
    """Draws what it is given; knows nothing of where it comes from."""

    def __init__(self, frame: PlotFrame) -> None:
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        self._frame = frame
        graphics = frame.graphics
        self.box: Any = graphics.addViewBox(row=0, col=1, enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self.side: Any = graphics.addViewBox(row=0, col=2, enableMenu=False)
        self.side.setMouseEnabled(x=False, y=False)
        self.left = frame.add_axis("left", self.box, 0, 0)
        self.bottom = frame.add_axis("bottom", self.box, 1, 1)
        self._side_bottom = frame.add_axis("bottom", self.side, 1, 2)
        self.left.tickStrings = self._heights_told
        self.bottom.tickStrings = self._positions_told
        self.left.setGrid(_GRID)
        # Bars come with their edges: pyqtgraph refuses the step mode for a curve without data.
        self.curves: list[Any] = [pyqtgraph.PlotCurveItem(skipFiniteCheck=True) for _ in range(MOST_DRAWN)]
        for curve in self.curves:
            curve.hide()
            self.box.addItem(curve, ignoreBounds=True)
        self._band = QGraphicsRectItem()
        self._band.setZValue(-5)
        self.box.addItem(self._band, ignoreBounds=True)
        self._side_bars: list[QGraphicsRectItem] = []
        self._side_texts: list[QGraphicsSimpleTextItem] = []
        self._legend: list[Any] = []
        self._lines: list[Any] = []
        self._drawn: list[Binned] = []
        self._beside: dict[str, int] = {}
        self._markers: list[Marker] = []
        self._axis: BinAxis | None = None
        self._log = self._share = False
        self._base = 0.0
        self.box.sigResized.connect(self._place_texts)

    def color_of(self, index: int) -> QColor:
        """The colour of a sample."""
        return series_color(index)

    def show_axis(self, axis: BinAxis) -> None:
        """Put all bins of another axis into sight."""
        self._axis = axis
        margin = (axis.end - axis.start) * 0.02
        label = {Scale.LINEAR: "", Scale.MAGNITUDE: "", Scale.EXPONENT: "⌊log₂|x|⌋"}[axis.scale]
        if axis.scale is Scale.LINEAR and axis.unit != 1:
            label = f"× {_short(axis.unit)}"
        self.bottom.setLabel(label)
        self.bottom.showLabel(bool(label))
        self.box.setLimits(xMin=None, xMax=None)
        self.box.setLimits(
            xMin=axis.start - margin,
            xMax=axis.end + margin,
            minXRange=min(axis.narrowest * 4, axis.end - axis.start),
        )
        self.show_between(axis.start - margin, axis.end + margin)

    def show_between(self, left: float, right: float) -> None:
        """Put this part of the axis into sight."""
        self.box.setXRange(left, right, padding=0)

    def draw(self, drawn: Sequence[Binned], beside: dict[str, int], *, log: bool, cumulative: bool) -> None:
        """Draw bars of counts, or of shares where several samples or sums are compared."""
        self._drawn, self._beside = list(drawn), beside
        self._share = cumulative or len(drawn) > 1
        self._log = log and not cumulative
        heights = [binned.heights(as_share=self._share, cumulative=cumulative) for binned in drawn]
        sides = [count / max(drawn[0].sample.finite, 1) if self._share else count for count in beside.values()]
        present = [found[found > 0] for found in heights]
        most = max((float(found.max()) for found in present if len(found)), default=0.0)
        least = min((float(found.min()) for found in present if len(found)), default=1.0)
        self._base = math.log10(least) - 0.3 if self._log else 0.0
        if cumulative:
            most = 1.0
        for index, curve in enumerate(self.curves):
            if index >= len(drawn):
                curve.hide()
                continue
            curve.setData(drawn[index].positions, self._scaled(heights[index]), stepMode="center", fillLevel=self._base)
            curve.show()
        top = self._scaled(np.array([most]))[0] if most else 1.0
        if not self._share and not self._log:
            top = max(top, 1.0)
        self.box.setYRange(self._base, self._base + (top - self._base) * _AIR, padding=0)
        # Left to itself, the axis would count in fifths.
        spacing = (1, 1) if self._log or (most < _FEW and not self._share) else ()
        self.left.setTickSpacing(*spacing)
        self._draw_side(dict(zip(beside, sides, strict=True)))
        self._color()

    def clear(self) -> None:
        """Leave the axes alone."""
        self._drawn, self._beside = [], {}
        for curve in self.curves:
            curve.hide()
        self.highlight(None)
        self._draw_side({})
        self.mark(())

    def mark(self, markers: Sequence[Marker]) -> None:
        """Draw lines at values."""
        import pyqtgraph

        for line in self._lines:
            self.box.removeItem(line)
        self._lines.clear()
        self._markers = list(markers)
        axis = self._axis
        if axis is None:
            return
        for marker in markers:
            position = axis.position(marker.value)
            if not axis.start <= position <= axis.end:
                continue
            # On the right of its line, unless it would leave the picture.
            side = 1 if position > axis.end - _NEAR_END * (axis.end - axis.start) else 0
            line = pyqtgraph.InfiniteLine(
                position,
                angle=90,
                label=marker.label,
                labelOpts={"position": 0.97, "rotateAxis": (1, 0), "anchors": [(1, side), (1, side)]},
            )
            line.label.setFont(number_font())
            line.kind = marker.kind
            self.box.addItem(line, ignoreBounds=True)
            self._lines.append(line)
        self._color()

    def highlight(self, position: float | None) -> None:
        """Put a band behind the bin at a position; None takes it away."""
        found = self._drawn[0].positions if self._drawn else np.empty(0)
        if position is None or not len(found) or not found[0] <= position <= found[-1]:
            self._band.hide()
            return
        index = min(int(np.searchsorted(found, position, "right")) - 1, len(found) - 2)
        (_, _), (bottom, top) = self.box.viewRange()
        self._band.setRect(QRectF(found[index], bottom, found[index + 1] - found[index], top - bottom))
        self._band.show()

    def position_at(self, place: QPointF) -> float | None:
        """The position under a point of the scene, None beside the picture."""
        if not self.box.sceneBoundingRect().contains(place):
            return None
        return float(self.box.mapSceneToView(place).x())

    def recolor(self) -> None:
        """Take the colours of the theme."""
        self.left.setGrid(_GRID)
        self._color()

    # -- parts -----------------------------------------------------------------------------------

    def _scaled(self, heights: Any) -> Any:
        if not self._log:
            return heights
        with np.errstate(divide="ignore"):
            return np.maximum(np.log10(heights), self._base)

    def _draw_side(self, heights: dict[str, float]) -> None:
        """What has no place on the axis, as bars of their own with their counts above."""
        for item in self._side_bars:
            self.side.removeItem(item)
        for text in self._side_texts:
            text.setParentItem(None)  # type: ignore[arg-type]  # Qt takes none
            if text.scene() is not None:
                text.scene().removeItem(text)
        self._side_bars.clear()
        self._side_texts.clear()
        names = list(heights)
        grid = self._frame.graphics.ci.layout
        grid.setColumnFixedWidth(2, _COLUMN * len(names) + 4 if names else 0)
        self.side.setVisible(bool(names))
        self._side_bottom.setVisible(bool(names))
        if not names:
            return
        self.side.setXRange(-0.6, len(names) - 0.4, padding=0)
        (_, _), (bottom, top) = self.box.viewRange()
        self.side.setYRange(bottom, top, padding=0)
        self._side_bottom.setTicks([list(enumerate(names))])
        for index, name in enumerate(names):
            # Taller than the picture is told by its number alone.
            height = min(float(self._scaled(np.array([heights[name]]))[0]), top)
            bar = QGraphicsRectItem(QRectF(index - _HALF_BAR, bottom, 2 * _HALF_BAR, max(height - bottom, 0.0)))
            self.side.addItem(bar, ignoreBounds=True)
            self._side_bars.append(bar)
            text = QGraphicsSimpleTextItem(count_for_people(self._beside[name]).replace(" ", ""), self.side)
            text.setFont(number_font())
            self._side_texts.append(text)
        self._place_texts()

    def _draw_legend(self) -> None:
        for item in self._legend:
            item.setParentItem(None)
            if item.scene() is not None:
                item.scene().removeItem(item)
        self._legend.clear()
        if len(self._drawn) < 2:
            return
        for index, binned in enumerate(self._drawn):
            text = QGraphicsSimpleTextItem(cut_in_middle(binned.sample.name, _NAMES), self.box)
            text.setFont(number_font())
            text.setBrush(QBrush(QColor(colors().text)))
            line = QGraphicsLineItem(self.box)
            line.setPen(QPen(self.color_of(index), 2, series_pen(index)))
            self._legend += [line, text]
        self._place_texts()

    def _place_texts(self) -> None:
        width = self.box.boundingRect().width()
        widest = max((item.boundingRect().width() for item in self._legend[1::2]), default=0.0)
        for index, (line, text) in enumerate(zip(self._legend[::2], self._legend[1::2], strict=True)):
            height = text.boundingRect().height()
            x, y = max(width - widest - 8, 34.0), 4 + index * (height + 1)
            text.setPos(x, y)
            line.setLine(x - 28, y + height / 2, x - 6, y + height / 2)
        rect = self.side.boundingRect()
        for index, text in enumerate(self._side_texts):
            bar = self.side.mapFromView(QPointF(index, self._side_bars[index].rect().bottom()))
            size = text.boundingRect()
            x = min(max(bar.x() - size.width() / 2, 0.0), max(rect.width() - size.width(), 0.0))
            text.setPos(x, max(bar.y() - size.height() - 1, 0.0))

    def _color(self) -> None:
        import pyqtgraph

        c = colors()
        alone = len(self._drawn) == 1
        for index, binned in enumerate(self._drawn):
            color, curve = self.color_of(index), self.curves[index]
            style = series_pen(index)
            fill = QColor(color)
            fill.setAlpha(_FILL)
            brush = QBrush(fill)
            if binned.is_approximate:
                style = Qt.PenStyle.DashLine
                brush = QBrush(color, Qt.BrushStyle.BDiagPattern)
            curve.setPen(pyqtgraph.mkPen(color, width=1 if alone else 2, style=style))
            curve.setBrush(brush if alone else QBrush())
            curve.setFillLevel(self._base if alone else None)
        for name, bar in zip(self._beside, self._side_bars, strict=True):
            color = QColor(c.muted if name == "0" else c.warning)
            bar.setPen(pyqtgraph.mkPen(color, width=1))
            bar.setBrush(QBrush(color, Qt.BrushStyle.Dense5Pattern))
        for text in self._side_texts:
            text.setBrush(QBrush(QColor(c.text)))
        band = QColor(c.text)
        band.setAlpha(26)
        self._band.setBrush(QBrush(band))
        self._band.setPen(QPen(Qt.PenStyle.NoPen))
        looks = {
            Kind.MEAN: (c.text, Qt.PenStyle.DashLine),
            Kind.QUANTILES: (c.muted, Qt.PenStyle.DotLine),
            Kind.LIMITS: (c.error, Qt.PenStyle.DashDotLine),
        }
        for line in self._lines:
            color_name, style = looks[line.kind]
            line.setPen(pyqtgraph.mkPen(color_name, width=1, style=style))
            line.label.setColor(color_name)
        self._draw_legend()

    def _heights_told(self, values: Sequence[float], *_: float) -> list[str]:
        if self._log:
            if self._share:
                return [_percent(10.0**value) for value in values]
            return [_count(round(10**value)) if value >= 0 else "" for value in values]
        if self._share:
            return [_percent(value) for value in values]
        return [_count(round(value)) if abs(value - round(value)) < 1e-6 else "" for value in values]

    def _positions_told(self, values: Sequence[float], _: float, spacing: float) -> list[str]:
        axis = self._axis
        if axis is None:
            return ["" for _ in values]
        if axis.scale is Scale.MAGNITUDE:
            found = axis.values(np.array(values))
            return ["0" if value == 0 else _short(float(x)) for value, x in zip(values, found, strict=True)]
        if axis.scale is Scale.EXPONENT or axis.is_whole:
            return [f"{value:,.0f}".replace("-", "−") if value == round(value) else "" for value in values]
        largest = max((abs(value) for value in values), default=0.0)
        if spacing >= 1 and largest < _PLAIN:
            return [f"{value:,.0f}".replace("-", "−") for value in values]
        # As many digits as tell neighbours apart.
        digits = max(math.ceil(math.log10(max(largest, spacing) / spacing) + 1e-9), 0) + 2 if spacing else 6
        return [
            "0" if abs(value) < spacing * 1e-6 else f"{value:.{digits}g}".replace("-", "−").replace("e+", "e")
            for value in values
        ]


def _count(count: int) -> str:
    """A round number of things."""
    return re.sub(r"\.0+ ", " ", count_for_people(count))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−").replace("e+", "e")
