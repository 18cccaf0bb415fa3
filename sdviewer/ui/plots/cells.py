"""CellsFrame: a plot that consists of cells, rectangles that can be pointed at, chosen and followed."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QGraphicsWidget, QStyleOptionGraphicsItem, QWidget

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.theme import colors

Rects = npt.NDArray[np.float64]

_NO_RECTS: Rects = np.empty((0, 4))
# A step goes to what is nearest; what lies aside of the way counts as if it were so many times as far.
_ASIDE = 3.0
_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class CellsFrame(PlotFrame):
    """Made after pyqtgraph is imported; whoever inherits paints the cells and tells of each.

    A click or the arrows choose a cell, a double click or Enter follow it; with `is_followed_by_click` one
    click does. Later cells lie on top of earlier ones.
    """

    is_followed_by_click = False

    followed = Signal(int)
    """The number of a cell that the user follows."""

    def __init__(self, title: str, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(title, bridge, slot, parent)
        self._rects = _NO_RECTS
        self._chosen = self._pointed = -1
        self.item = _CellsItem(self)
        self.graphics.ci.setContentsMargins(0, 0, 0, 0)
        self.graphics.addItem(self.item, row=0, col=0)
        self.graphics.viewport().installEventFilter(self)
        self.recolored.connect(self.repaint_cells)

    @property
    def rects(self) -> Rects:
        """Left, top, width and height of each cell, in pixels of the picture."""
        return self._rects

    @property
    def chosen(self) -> int:
        """The cell that is chosen, -1 for none."""
        return self._chosen

    def set_cells(self, rects: Rects) -> None:
        """Other cells; none of them is pointed at, and the chosen one stays if its number is there."""
        self._rects = rects
        self._pointed = -1
        if self._chosen >= len(rects):
            self._chosen = -1
        self.repaint_cells()

    def choose(self, cell: int) -> None:
        """Choose a cell; -1 for none."""
        self._chosen = cell if cell < len(self._rects) else -1
        text = self.words_of(self._chosen) if self._chosen >= 0 else ""
        self.set_pointed(text)
        self.graphics.setAccessibleDescription(f"{text}. {self.summary}" if text else self.summary)
        QAccessible.updateAccessibility(QAccessibleEvent(self.graphics, QAccessible.Event.DescriptionChanged))
        self.repaint_cells()

    def repaint_cells(self) -> None:
        """Paint anew, soon."""
        self.item.update()

    def cell_at(self, place: QPointF) -> int:
        """The topmost cell at a point of the picture, -1 for none."""
        x, y = place.x(), place.y()
        left, top, width, height = self._rects.T
        found = np.flatnonzero((left <= x) & (x < left + width) & (top <= y) & (y < top + height))
        return int(found[-1]) if len(found) else -1

    # -- for those who inherit -------------------------------------------------------------------

    def paint_cells(self, painter: QPainter) -> None:
        """Paint all cells but the marks of those that are chosen or pointed at."""
        raise NotImplementedError

    def words_of(self, cell: int) -> str:
        """A sentence on a cell."""
        raise NotImplementedError

    def can_be_stepped_to(self) -> npt.NDArray[np.bool_]:
        """Which cells the arrows reach."""
        return np.ones(len(self._rects), np.bool_)

    def show_chosen(self) -> None:
        """Bring the chosen cell into sight."""

    # -- events ----------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Mouse and keys."""
        if not hasattr(self, "item"):
            return super().eventFilter(watched, event)
        kind = event.type()
        if watched is self.graphics.viewport():
            return self._mouse(kind, event)
        if kind is QEvent.Type.KeyPress and self._stepped(cast("QKeyEvent", event)):
            return True
        return super().eventFilter(watched, event)

    def _mouse(self, kind: QEvent.Type, event: QEvent) -> bool:
        if kind is QEvent.Type.Leave:
            self._point_at(-1)
        elif kind is QEvent.Type.MouseMove:
            self._point_at(self.cell_at(cast("QMouseEvent", event).position()))
        elif kind in {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick}:
            mouse = cast("QMouseEvent", event)
            cell = self.cell_at(mouse.position())
            if mouse.button() is not Qt.MouseButton.LeftButton:
                return False
            self.graphics.setFocus(Qt.FocusReason.MouseFocusReason)
            if kind is QEvent.Type.MouseButtonPress:
                self.choose(cell)
            is_double = kind is QEvent.Type.MouseButtonDblClick
            if cell >= 0 and is_double is not self.is_followed_by_click:
                self.followed.emit(cell)
            return True
        return False

    def _point_at(self, cell: int) -> None:
        if cell == self._pointed:
            return
        self._pointed = cell
        told = cell if cell >= 0 else self._chosen
        self.set_pointed(self.words_of(told) if told >= 0 else "")
        self.repaint_cells()

    def _stepped(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._chosen >= 0:
            self.followed.emit(self._chosen)
            return True
        if key not in _STEPS or not len(self._rects):
            return False
        found = self._next(*_STEPS[key])
        if found >= 0:
            self.choose(found)
            self.show_chosen()
        return True

    def _next(self, across: int, down: int) -> int:
        """The cell that is nearest in a direction, -1 for none."""
        may = self.can_be_stepped_to()
        if self._chosen < 0:
            reachable = np.flatnonzero(may)
            return int(reachable[0]) if len(reachable) else -1
        left, top, width, height = self._rects.T
        own = self._rects[self._chosen]
        if across:
            along = left - (own[0] + own[2]) if across > 0 else own[0] - (left + width)
            aside = _gap(top, height, own[1], own[3])
        else:
            along = top - (own[1] + own[3]) if down > 0 else own[1] - (top + height)
            aside = _gap(left, width, own[0], own[2])
        # Rounding lets neighbours overlap by next to nothing.
        may = may & (along > -1.0)
        may[self._chosen] = False
        places = np.flatnonzero(may)
        if not len(places):
            return -1
        middle = np.hypot(left + width / 2 - own[0] - own[2] / 2, top + height / 2 - own[1] - own[3] / 2)
        cost = np.maximum(along, 0.0) + _ASIDE * aside + middle * 1e-3
        return int(places[np.argmin(cost[places])])

    def paint_marks(self, painter: QPainter) -> None:
        """Outline the cell that is pointed at, and the chosen one."""
        c = colors()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell, width, color in ((self._pointed, 1.5, c.text), (self._chosen, 2.5, c.accent)):
            if 0 <= cell < len(self._rects):
                left, top, wide, high = self._rects[cell].tolist()
                painter.setPen(QPen(QColor(color), width))
                half = width / 2
                painter.drawRect(QRectF(left + half, top + half, max(wide - width, 0.5), max(high - width, 0.5)))


def _gap(start: Rects, size: Rects, own_start: float, own_size: float) -> Any:
    """How far intervals lie beside another one."""
    return np.maximum(np.maximum(start - (own_start + own_size), own_start - (start + size)), 0.0)


class _CellsItem(QGraphicsWidget):
    """What is on the scene: as large as the picture."""

    def __init__(self, frame: CellsFrame) -> None:
        super().__init__()
        self._frame = frame
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """All of it."""
        del option, widget
        painter.setClipRect(self.rect())
        self._frame.paint_cells(painter)
        self._frame.paint_marks(painter)
