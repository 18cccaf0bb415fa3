"""CellTexts: the numbers in the cells of a picture, as soon as there is room for them. Imports pyqtgraph."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph  # type: ignore[import-untyped]  # it has no types
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsItem

from sdviewer.analysis.pixel_sums import EMPTY
from sdviewer.checkpoint.wording import number
from sdviewer.ui.plots.image.color_maps import ODD_COLORS
from sdviewer.ui.plots.image.drawing import Drawn
from sdviewer.ui.theme import number_font

MIN_WIDTH, MIN_HEIGHT = 46.0, 17.0
_ROOM = 6
_SMALLER = 0.85
_FIRST_TRIED = 6
_DARK_TEXT, _LIGHT_TEXT = "#000000", "#ffffff"
# The relative luminance of a ground on which both have the same contrast, 4.58:1.
_EVEN_LUMINANCE = 0.179


def takes_dark_text(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where black can be read better than white: [..., 4] red, green, blue, opacity of 0 to 255 → bool [...].

    WCAG 2.2, "relative luminance".
    """
    share = image[..., :3] / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]) > _EVEN_LUMINANCE)


class CellTexts(pyqtgraph.GraphicsObject):  # type: ignore[misc]  # it has no types
    """Paints in pixels of the screen, over the picture; does nothing while cells are small."""

    def __init__(self, box: Any) -> None:
        super().__init__()
        self._box = box
        self._drawn: Drawn | None = None
        self._is_integer = False
        self._bounds = QRectF()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setZValue(5)

    def show_cells(self, drawn: Drawn | None, *, is_integer: bool) -> None:
        """The numbers of these cells; None for none."""
        self.prepareGeometryChange()
        self._drawn = drawn if drawn is not None and drawn.raster.is_cells else None
        self._is_integer = is_integer
        self._bounds = QRectF()
        if self._drawn is not None:
            rows, columns = self._drawn.raster.rows, self._drawn.raster.columns
            self._bounds = QRectF(columns.start - 0.5, rows.start - 0.5, columns.count, rows.count)
        self.update()

    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell on the screen."""
        across, down = self._box.viewPixelSize()
        return (1 / across if across else 0.0), (1 / down if down else 0.0)

    @property
    def has_room(self) -> bool:
        """Whether numbers are drawn at this size."""
        width, height = self.cell_size()
        return self._drawn is not None and width >= MIN_WIDTH and height >= MIN_HEIGHT

    def boundingRect(self) -> QRectF:  # noqa: N802  # Qt
        """All cells."""
        return self._bounds

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Texts in the middle of the cells in sight, dark on light colours and light on dark ones."""
        drawn = self._drawn
        if drawn is None or not self.has_room:
            return
        (left, right), (top, bottom) = self._box.viewRange()
        rows, columns = drawn.raster.rows, drawn.raster.columns
        xs = range(max(round(left) - columns.first, 0), min(round(right) + 1 - columns.first, columns.count))
        ys = range(max(round(top) - rows.first, 0), min(round(bottom) + 1 - rows.first, rows.count))
        transform = painter.transform()
        font = number_font()
        font.setPointSizeF(font.pointSizeF() * _SMALLER)
        width, height = self.cell_size()
        digits = _digits_in(QFontMetricsF(font), width - _ROOM)
        painter.save()
        painter.resetTransform()
        painter.setFont(font)
        scale = (transform.m11() * width and abs(transform.m11()) / width) or 1.0
        painter.scale(scale, scale)
        bright = takes_dark_text(drawn.image) if xs and ys else None
        for y in ys:
            for x in xs:
                if drawn.raster.states[y, x] == EMPTY or bright is None:
                    continue
                place = transform.map(QPointF(columns.first + x, rows.first + y)) / scale
                painter.setPen(QColor(_DARK_TEXT if bright[y, x] else _LIGHT_TEXT))
                cell = QRectF(place.x() - width / 2, place.y() - height / 2, width, height)
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, self._text(drawn, y, x, digits))
        painter.restore()

    def _text(self, drawn: Drawn, y: int, x: int, digits: int) -> str:
        state = int(drawn.raster.states[y, x])
        if state:
            return next(name for bit, name, _ in ODD_COLORS if state & bit)
        value = float(drawn.raster.mean[y, x])
        if self._is_integer:
            whole = number(int(value))
            return whole if len(whole) <= digits else _short(value, digits)
        return _short(value, digits)


def _digits_in(metrics: QFontMetricsF, width: float) -> int:
    return max(1, int(width / metrics.horizontalAdvance("0")))


def _short(value: float, room: int) -> str:
    """The most precise form that fits into so many characters."""
    for precision in range(_FIRST_TRIED, 0, -1):
        text = f"{value:.{precision}g}".replace("-", "−").replace("e+", "e")
        if len(text) <= room:
            return text
    return "…"
