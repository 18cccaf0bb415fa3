"""HistogramView: the distribution of a tensor's finite values, with NaN and infinities beside it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import count_for_people, number
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import colors, number_font

if TYPE_CHECKING:
    import pyqtgraph  # type: ignore[import-untyped]  # it has no types

_HEIGHT = 260


class HistogramView(QWidget):
    """Draws bins; zooms with the wheel and tells the bin under the pointer. Made after pyqtgraph is imported."""

    def __init__(self, parent: QWidget | None = None) -> None:
        import pyqtgraph

        super().__init__(parent)
        self._edges: Sequence[float] = ()
        self._counts: Sequence[int] = ()
        self.plot: pyqtgraph.PlotWidget = pyqtgraph.PlotWidget()
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setAccessibleName("Histogram")
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.enableAutoRange(axis="y")
        self.plot.setAutoVisible(y=True)
        self._curve: Any = pyqtgraph.PlotCurveItem(stepMode="center", fillLevel=0, skipFiniteCheck=True)
        self.plot.addItem(self._curve)
        self.caption = plain_label(" ", muted=True)
        self.caption.setFont(number_font())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot)
        column.addWidget(self.caption)
        self.plot.scene().sigMouseMoved.connect(self._pointed)
        self._color()

    def show_bins(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        """Draw bins: `edges` are one more than `counts`."""
        self._edges, self._counts = edges, counts
        self._curve.setData(edges, counts)
        box = self.plot.getViewBox()
        box.setLimits(yMin=0)
        box.setXRange(float(edges[0]), float(edges[-1]), padding=0.02)
        box.enableAutoRange(axis="y")
        self.caption.setText(self._summary())
        self.plot.setAccessibleDescription(self._summary())

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "caption"):
            self._color()

    def _summary(self) -> str:
        if not len(self._counts):
            return " "
        fullest = max(range(len(self._counts)), key=self._counts.__getitem__)
        low, high = self._edges[fullest], self._edges[fullest + 1]
        total = count_for_people(int(sum(self._counts)))
        most = count_for_people(int(self._counts[fullest]))
        return f"{total} values in {len(self._counts)} bins, most ({most}) from {number(low)} to {number(high)}"

    def _pointed(self, place: QPointF) -> None:
        x = self.plot.getViewBox().mapSceneToView(place).x()
        inside = self.plot.sceneBoundingRect().contains(place)
        for position, (low, high) in enumerate(itertools.pairwise(self._edges)):
            if inside and low <= x < high:
                self.caption.setText(f"{int(self._counts[position]):,} values from {number(low)} to {number(high)}")
                return
        self.caption.setText(self._summary())

    def _color(self) -> None:
        import pyqtgraph

        c = colors()
        self.plot.setBackground(c.base)
        fill = pyqtgraph.mkColor(c.accent)
        fill.setAlpha(90)
        self._curve.setPen(pyqtgraph.mkPen(c.accent, width=1))
        self._curve.setBrush(fill)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(c.line)
            axis.setTextPen(c.muted)
            axis.setStyle(tickFont=self.caption.font(), maxTickLength=-5)
        self.plot.showGrid(x=False, y=True, alpha=0.15)
