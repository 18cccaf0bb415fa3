"""HistogramsView: a small histogram of each tensor of a module, on an axis of its own or on one for all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollBar, QToolButton, QVBoxLayout, QWidget

from sdviewer.analysis.sketches import Sketch
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import plural, shape_text
from sdviewer.errors import SdviewerError
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.cells import CellsFrame
from sdviewer.ui.plots.histograms.listing import Listing
from sdviewer.ui.plots.histograms.words import BINS, beside_words, card_words, short, summary
from sdviewer.ui.plots.names import NodeNames
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.series import series_color
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

FIRST = 60
"""So many are drawn at first, and more on demand."""

_CARD_WIDTH, _CARD_HEIGHT = 172.0, 112.0
_GAP = 8.0
_FILL = 90
_WHEEL = 120
_SMALL = 0.88
_AIR = 0.04

Found = Mapping[int, Sketch | SdviewerError]


class HistogramsView(CellsFrame):
    """Made after pyqtgraph is imported. What is read comes with `take`."""

    is_followed_by_click = True

    more_wanted = Signal()
    """The user wants to see further tensors."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Histograms"), bridge, slot, parent)
        self._checkpoint: Checkpoint | None = None
        self._listing: Listing | None = None
        self._found: Found = {}
        self._bars: dict[int, tuple[float, float, npt.NDArray[np.float64]]] = {}
        self._texts: list[str] = []
        self.axes = QComboBox()
        self.axes.setAccessibleName(tr("Axes of the histograms"))
        self.axes.addItems(["Own axes", "Shared axis"])
        self.axes.setToolTip(tr("Each on the axis of its own values, or all on the axis of the widest range"))
        self.log = QToolButton()
        self.log.setText(tr("Log counts"))
        self.log.setCheckable(True)
        self.log.setToolTip(tr("Draw counts by their logarithm, so that few values are seen, too"))
        self.log.setAccessibleName(tr("Log counts: draw counts by their logarithm"))
        self.more_button = QToolButton()
        self.more_button.hide()
        for tool in (self.axes, self.log, self.more_button):
            self.add_tool(tool)
        self.scroller = QScrollBar(Qt.Orientation.Vertical)
        self.scroller.setAccessibleName(tr("Scroll the histograms"))
        column = cast("QVBoxLayout", self.layout())
        place = column.indexOf(self.graphics)
        column.removeWidget(self.graphics)
        beside = QHBoxLayout()
        beside.setSpacing(4)
        beside.addWidget(self.graphics, 1)
        beside.addWidget(self.scroller)
        column.insertLayout(place, beside, 1)
        self._tell_timer = QTimer(self)
        self._tell_timer.setSingleShot(True)
        self._tell_timer.setInterval(0)
        self._tell_timer.timeout.connect(self._tell)
        self.item.geometryChanged.connect(self._place_cards)
        self.scroller.valueChanged.connect(self._place_cards)
        self.axes.currentIndexChanged.connect(self._bin)
        self.log.toggled.connect(self.repaint_cells)
        self.more_button.clicked.connect(self.more_wanted)
        self.set_data(self._columns)

    @property
    def is_shared(self) -> bool:
        """Whether all have one axis."""
        return self.axes.currentIndex() == 1

    @property
    def listing(self) -> Listing | None:
        """The tensors that are drawn."""
        return self._listing

    def show_listing(self, checkpoint: Checkpoint, name: str, listing: Listing, found: Found) -> None:
        """Draw these tensors as far as they are known; `found` may grow, and `take` says so."""
        is_same = self._listing is not None and np.array_equal(self._listing.nodes[:1], listing.nodes[:1])
        self.set_origin(checkpoint, name)
        self._checkpoint, self._listing, self._found = checkpoint, listing, found
        self._bars.clear()
        if not is_same:
            self.choose(-1)
            self.scroller.setValue(0)
        left = listing.total - len(listing.nodes)
        self.more_button.setVisible(left > 0)
        self.more_button.setText(tr("{min:,} more", min=min(left, FIRST)))
        self.more_button.setToolTip(tr("{tensors} more are not shown", tensors=plural(left, "tensor")))
        self.more_button.setAccessibleName(tr("Show {min:,} more tensors", min=min(left, FIRST)))
        self._place_cards()
        self._bin()

    def take(self) -> None:
        """More of the tensors are known."""
        self._bin()

    def bars(self, cell: int) -> tuple[float, float, npt.NDArray[np.float64]] | None:
        """The limits and the counts that are drawn of a tensor, None where nothing is."""
        return self._bars.get(cell)

    # -- what is told ----------------------------------------------------------------------------

    def words_of(self, cell: int) -> str:
        """Name, dtype, shape and the main figures of a tensor."""
        listing, checkpoint = self._listing, self._checkpoint
        if listing is None or checkpoint is None or cell >= len(listing.nodes):
            return ""
        row, table = int(listing.rows[cell]), checkpoint.table
        what = f"{table.dtype_name(row)} · {shape_text(table.shape_of(row))}"
        found = self._found.get(row)
        if isinstance(found, SdviewerError):
            return card_words(listing.labels[cell], what, None, found.message)
        return card_words(listing.labels[cell], what, found, "")

    def _tell(self) -> None:
        listing = self._listing
        if listing is None:
            return
        found = [self._found.get(row) for row in listing.rows.tolist()]
        failed = sum(1 for one in found if isinstance(one, SdviewerError))
        known = [None if isinstance(one, SdviewerError) else one for one in found]
        self.set_summary(summary(listing.labels, known, listing.total, failed))
        if self.chosen >= 0:
            self.choose(self.chosen)

    def _columns(self) -> Columns:
        """A row a bin: of every tensor its bins one after the other."""
        listing, checkpoint = self._listing, self._checkpoint
        if listing is None or checkpoint is None or not self._bars:
            return [("name", [])]
        cells = sorted(self._bars)
        nodes = np.repeat(listing.nodes[cells], BINS)
        edges = [np.linspace(low, high, BINS + 1) for low, high, _ in (self._bars[cell] for cell in cells)]
        return [
            ("name", NodeNames(checkpoint, nodes)),
            ("low", np.concatenate([each[:-1] for each in edges])),
            ("high", np.concatenate([each[1:] for each in edges])),
            ("count", np.concatenate([self._bars[cell][2] for cell in cells])),
        ]

    # -- cards -----------------------------------------------------------------------------------

    def _bin(self) -> None:
        """Bin what is known; on a shared axis all of it again."""
        listing = self._listing
        if listing is None:
            return
        known = {
            cell: one
            for cell, row in enumerate(listing.rows.tolist())
            if isinstance(one := self._found.get(row), Sketch) and one.statistics.finite
        }
        shared = None
        if self.is_shared and known:
            shared = min(one.low for one in known.values()), max(one.high for one in known.values())
        self._bars = {cell: _binned(one, *(shared or (one.low, one.high))) for cell, one in known.items()}
        self._tell_timer.start()
        self.repaint_cells()

    def _place_cards(self) -> None:
        count = len(self._listing.nodes) if self._listing is not None else 0
        size = self.item.size()
        columns = max(1, int((size.width() + _GAP) // (_CARD_WIDTH + _GAP)))
        width = (size.width() - _GAP * (columns - 1)) / columns
        rows = -(-count // columns)
        height = rows * (_CARD_HEIGHT + _GAP) - _GAP
        hidden = max(round(height - size.height()), 0)
        self.scroller.blockSignals(True)
        self.scroller.setRange(0, hidden)
        self.scroller.setPageStep(max(round(size.height()), 1))
        self.scroller.setSingleStep(round(_CARD_HEIGHT + _GAP))
        self.scroller.blockSignals(False)
        self.scroller.setVisible(hidden > 0)
        place = np.arange(count)
        rects = np.empty((count, 4))
        rects[:, 0] = place % columns * (width + _GAP)
        rects[:, 1] = place // columns * (_CARD_HEIGHT + _GAP) - self.scroller.value()
        rects[:, 2:] = width, _CARD_HEIGHT
        self.set_cells(rects)

    def show_chosen(self) -> None:
        """Scroll to the chosen card."""
        if self.chosen < 0:
            return
        _, top, _, height = self.rects[self.chosen].tolist()
        if top < 0:
            self.scroller.setValue(self.scroller.value() + round(top))
        elif top + height > self.item.size().height():
            self.scroller.setValue(self.scroller.value() + round(top + height - self.item.size().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The wheel scrolls."""
        if event.type() is QEvent.Type.Wheel and hasattr(self, "scroller") and watched is self.graphics.viewport():
            turned = cast("QWheelEvent", event).angleDelta().y()
            self.scroller.setValue(self.scroller.value() - round(turned / _WHEEL * self.scroller.singleStep()))
            return True
        return super().eventFilter(watched, event)

    def paint_cells(self, painter: QPainter) -> None:
        """All cards in sight."""
        listing = self._listing
        if listing is None:
            return
        high = self.item.size().height()
        small = QFont(number_font())
        small.setPointSizeF(small.pointSizeF() * _SMALL)
        for cell, (left, top, width, height) in enumerate(self.rects.tolist()):
            if top < high and top + height > 0:
                self._paint_card(painter, listing, cell, QRectF(left, top, width, height), small)

    def _paint_card(self, painter: QPainter, listing: Listing, cell: int, area: QRectF, small: QFont) -> None:
        c = colors()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(QPen(QColor(c.line), 1))
        painter.setBrush(QColor(c.base))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
        inner = area.adjusted(7, 4, -7, -4)
        row = int(listing.rows[cell])
        found = self._found.get(row)
        painter.setFont(self.font())
        metrics = QFontMetricsF(self.font())
        warning = f"⚠ {beside_words(found)}" if isinstance(found, Sketch) and beside_words(found) else ""
        wide = metrics.horizontalAdvance(warning) + 6 if warning else 0
        head = QRectF(inner.left(), inner.top(), inner.width(), metrics.height())
        painter.setPen(QColor(c.text))
        name = metrics.elidedText(listing.labels[cell], Qt.TextElideMode.ElideLeft, head.width() - wide)
        painter.drawText(head, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
        if warning:
            painter.setPen(QColor(c.warning))
            painter.drawText(head, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), warning)
        painter.setFont(small)
        below = QFontMetricsF(small).height()
        body = inner.adjusted(0, metrics.height() + 3, 0, -below - 2)
        bars = self._bars.get(cell)
        if bars is None:
            self._paint_state(painter, found, body)
            return
        low, top, counts = bars
        self._paint_bars(painter, body, counts)
        painter.setPen(QColor(c.muted))
        foot = QRectF(inner.left(), inner.bottom() - below, inner.width(), below)
        painter.drawText(foot, int(Qt.AlignmentFlag.AlignLeft), short(low))
        painter.drawText(foot, int(Qt.AlignmentFlag.AlignRight), short(top))

    def _paint_state(self, painter: QPainter, found: Sketch | SdviewerError | None, body: QRectF) -> None:
        """Why there is no histogram."""
        c = colors()
        is_error = isinstance(found, SdviewerError)
        text = "✖ cannot be read" if is_error else "not read" if found is None else "no finite value"
        painter.setPen(QColor(c.error if is_error else c.muted))
        painter.drawText(body, int(Qt.AlignmentFlag.AlignCenter), text)

    def _paint_bars(self, painter: QPainter, body: QRectF, counts: npt.NDArray[np.float64]) -> None:
        c = colors()
        heights = np.log1p(counts) if self.log.isChecked() else counts
        most = float(heights.max()) or 1.0
        color = series_color(0)
        fill = QColor(color)
        fill.setAlpha(_FILL)
        step = body.width() / len(counts)
        points = [QPointF(body.left(), body.bottom())]
        for index, height in enumerate((heights / most).tolist()):
            y = body.bottom() - height * body.height() * (1 - _AIR)
            points += [QPointF(body.left() + index * step, y), QPointF(body.left() + (index + 1) * step, y)]
        points.append(QPointF(body.right(), body.bottom()))
        painter.setPen(QPen(color, 1))
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(points))
        painter.setPen(QPen(QColor(c.line), 1))
        painter.drawLine(body.bottomLeft(), body.bottomRight())


def _binned(found: Sketch, low: float, high: float) -> tuple[float, float, npt.NDArray[np.float64]]:
    """Limits and counts; around a single value there is some room."""
    if not low < high:
        room = max(abs(low) * 0.1, 0.1)
        low, high = low - room, high + room
    return low, high, found.counts(low, high, BINS)
