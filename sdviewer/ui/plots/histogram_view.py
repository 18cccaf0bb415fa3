"""HistogramView: the distribution of a tensor's finite values; what has no place on its axis is named below."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import count_for_people, number
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import colors, number_font

if TYPE_CHECKING:
    import pyqtgraph  # type: ignore[import-untyped]  # it has no types

    from sdviewer.analysis.histogram import Histogram

_HEIGHT = 240
_FEW = 10
_LARGE = 1e150
_GRID = 38  # of 255


class HistogramView(QWidget):
    """Draws bins; zooms with the wheel and tells the bin under the pointer. Made after pyqtgraph is imported."""

    def __init__(self, parent: QWidget | None = None) -> None:
        import pyqtgraph

        super().__init__(parent)
        self._edges: list[float] = []
        self._counts: list[int] = []
        self._summary = ""
        self._unit = 1.0
        # View and axes by themselves: pyqtgraph's PlotItem comes with windows and menus that are never used.
        self.plot: pyqtgraph.GraphicsLayoutWidget = pyqtgraph.GraphicsLayoutWidget()
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setAccessibleName("Histogram")
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.ci.setContentsMargins(0, 4, 0, 0)
        self.plot.ci.setSpacing(0)
        self.box: Any = self.plot.addViewBox(row=0, col=1, enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self._axes: dict[str, Any] = {}
        for side, row, column in (("left", 0, 0), ("bottom", 1, 1)):
            axis = self._axes[side] = pyqtgraph.AxisItem(side)
            axis.linkToView(self.box)
            self.plot.addItem(axis, row=row, col=column)
        # Bars come with their edges: pyqtgraph refuses the step mode for a curve without data.
        self._curve: Any = pyqtgraph.PlotCurveItem(fillLevel=0, skipFiniteCheck=True)
        self.box.addItem(self._curve)
        self.caption = plain_label(" ", muted=True)
        self.caption.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.plot)
        layout.addWidget(self.caption)
        self.plot.scene().sigMouseMoved.connect(self._pointed)
        self._color()

    def show_histogram(self, histogram: Histogram) -> None:
        """Draw the bins of a histogram, the whole of its range in sight."""
        self._edges, self._counts = histogram.edges.tolist(), histogram.counts.tolist()
        self._summary = _summary(histogram)
        self._unit = _unit(max(-self._edges[0], self._edges[-1]))
        self._axes["bottom"].setLabel(f"× {self._unit:g}" if self._unit != 1 else "")
        self._axes["bottom"].showLabel(self._unit != 1)
        edges = histogram.edges / self._unit
        self._curve.setData(edges, histogram.counts.astype(np.float64), stepMode="center")
        low, high = float(edges[0]), float(edges[-1])
        margin = (high - low) * 0.02
        self.box.setLimits(xMin=low - margin, xMax=high + margin, yMin=0)
        self.box.setXRange(low - margin, high + margin, padding=0)
        most = max(self._counts)
        self.box.setYRange(0, max(most, 1) * 1.05, padding=0)
        # Left to itself, the axis would count in fifths.
        self._axes["left"].setTickSpacing(*((1, 1) if most < _FEW else ()))
        self.caption.setText(self._summary)
        self.plot.setAccessibleDescription(self._summary)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "caption"):
            self._color()

    def _pointed(self, place: QPointF) -> None:
        x = self.box.mapSceneToView(place).x() * self._unit
        if self.box.sceneBoundingRect().contains(place) and self._edges and self._edges[0] <= x <= self._edges[-1]:
            position = min(bisect_right(self._edges, x) - 1, len(self._counts) - 1)
            low, high = self._edges[position], self._edges[position + 1]
            self.caption.setText(f"{self._counts[position]:,} values from {number(low)} to {number(high)}")
        else:
            self.caption.setText(self._summary)

    def _color(self) -> None:
        import pyqtgraph

        c = colors()
        self.plot.setBackground(c.base)
        fill = pyqtgraph.mkColor(c.accent)
        fill.setAlpha(90)
        self._curve.setPen(pyqtgraph.mkPen(c.accent, width=1))
        self._curve.setBrush(fill)
        for axis in self._axes.values():
            axis.setPen(c.line)
            axis.setTextPen(c.muted)
            axis.setStyle(tickFont=number_font())
        self._axes["left"].setGrid(_GRID)


def _unit(magnitude: float) -> float:
    """What the axis counts in: pyqtgraph's own sums leave float64 where its values nearly do."""
    return 10.0 ** math.floor(math.log10(magnitude)) if magnitude > _LARGE else 1.0


def _summary(histogram: Histogram) -> str:
    """The picture in words: for a screen reader, and below it for everyone."""
    counts, edges = histogram.counts, histogram.edges
    fullest = int(np.argmax(counts))
    most = count_for_people(int(counts[fullest]))
    text = f"{count_for_people(int(counts.sum()))} values in {len(counts)} bins, most ({most}) from "
    text += f"{number(float(edges[fullest]))} to {number(float(edges[fullest + 1]))}"
    beside = ((histogram.nan, "NaN"), (histogram.posinf, "+Inf"), (histogram.neginf, "−Inf"))
    missing = ", ".join(f"{count_for_people(count)} {name}" for count, name in beside if count)
    return f"{text}; not drawn: {missing}" if missing else text
