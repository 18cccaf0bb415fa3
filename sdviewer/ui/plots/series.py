"""Colours and pens of what is drawn side by side, in light and dark."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from sdviewer.ui.theme import colors

# Okabe and Ito, "Color Universal Design" (2008); each also with a pen of its own.
_LIGHT = ("#1f62c4", "#d55e00", "#008060", "#b5528f", "#3597cf", "#9a6b00", "#1c2128", "#7a4fbf")
_DARK = ("#79aef2", "#e69f00", "#2fbf94", "#e08fc0", "#56d0e9", "#f0e442", "#e4e7eb", "#b79cf0")
_PENS = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
SERIES = len(_LIGHT)
"""How many can be told apart."""

# How much of a colour is in a ground on which text stands.
_TINT_LIGHT, _TINT_DARK = 0.30, 0.36


def series_color(index: int) -> QColor:
    """The colour of a series."""
    return QColor((_DARK if colors().is_dark else _LIGHT)[index % SERIES])


def series_pen(index: int) -> Qt.PenStyle:
    """The style of its lines."""
    return _PENS[index % len(_PENS)]


def series_tint(index: int) -> QColor:
    """Its colour as a ground for text; the ground of what has no series for an index below 0."""
    c = colors()
    if index < 0:
        return QColor(c.raised)
    share = _TINT_DARK if c.is_dark else _TINT_LIGHT
    return blended(series_color(index), QColor(c.base), share)


def blended(color: QColor, ground: QColor, share: float) -> QColor:
    """A colour with this share of `color` on the ground."""
    own, other = color.toRgb(), ground.toRgb()
    pairs = ((own.red(), other.red()), (own.green(), other.green()), (own.blue(), other.blue()))
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs))
