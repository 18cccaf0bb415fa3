"""Colour maps that colour-blind people can read, in a light and a dark form, and the colours of what is no number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor

from sdviewer.analysis.coloring import Colors
from sdviewer.analysis.pixel_sums import EMPTY, NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY

_STEPS = 256
_STATES = 16

# Found in no map. A pixel with several kinds takes the first of these.
ODD_COLORS: tuple[tuple[int, str, str], ...] = (
    (NAN, "NaN", "#e619d2"),
    (POSITIVE_INFINITY, "+∞", "#ff9500"),
    (NEGATIVE_INFINITY, "−∞", "#00c3e6"),
)
COLOR_NAMES = {"NaN": "magenta", "+∞": "orange", "−∞": "cyan"}


@dataclass(frozen=True, slots=True)
class ColorMap:
    """Colours from the lowest to the highest value; of a diverging map the middle is the colour of the ground."""

    name: str
    light: tuple[str, ...]
    dark: tuple[str, ...]

    def ramp(self, *, is_dark: bool) -> Colors:
        """256 colours, each the four bytes red, green, blue, opacity."""
        anchors = np.array([_rgba(text) for text in (self.dark if is_dark else self.light)], np.float64)
        places = np.linspace(0, len(anchors) - 1, _STEPS)
        channels = [np.interp(places, np.arange(len(anchors)), anchors[:, i]) for i in range(4)]
        return _packed(np.rint(np.stack(channels, axis=1)).astype(np.uint8))


def _both(name: str, *colors: str) -> ColorMap:
    return ColorMap(name, colors, colors)


# ColorBrewer RdBu and PuOr (Harrower and Brewer 2003); in the dark their ends are bright instead of their middle.
_BLUE_RED = ColorMap(
    "Blue–red",
    ("#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b",
     "#67001f"),
    ("#b5dcff", "#5aabf0", "#2b6fb5", "#1d3f63", "#1b2735", "#191c21", "#3a211e", "#6e2b22", "#bd4a35", "#f08468",
     "#ffd0bf"),
)  # fmt: skip
_PURPLE_ORANGE = ColorMap(
    "Purple–orange",
    ("#2d004b", "#542788", "#8073ac", "#b2abd2", "#d8daeb", "#f7f7f7", "#fee0b6", "#fdb863", "#e08214", "#b35806",
     "#7f3b08"),
    ("#e0d9ff", "#ab9df0", "#7263b8", "#3d3568", "#262439", "#191c21", "#352716", "#6a4412", "#b36c12", "#efa347",
     "#ffdfae"),
)  # fmt: skip
# Viridis (Smith, van der Walt 2015) and cividis (Nuñez, Anderton, Renslow 2018).
_VIRIDIS = _both("Viridis", "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58",
                 "#b5de2b", "#fde725")  # fmt: skip
_CIVIDIS = _both("Cividis", "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
                 "#e1cc55", "#fee838")  # fmt: skip
_GREY = ColorMap("Grey", ("#ffffff", "#000000"), ("#191c21", "#ffffff"))

MAPS: tuple[ColorMap, ...] = (_BLUE_RED, _PURPLE_ORANGE, _VIRIDIS, _CIVIDIS, _GREY)


def map_for(limits: tuple[float, float]) -> ColorMap:
    """The map that suits values between these limits: two colours where zero is in the middle, else one scale."""
    return _BLUE_RED if limits[0] == -limits[1] else _VIRIDIS


def special_colors(empty: str) -> Colors:
    """The colour of each state of a pixel; 0 where its value decides."""
    colors = np.zeros((_STATES, 4), np.uint8)
    for state in range(1, _STATES):
        color = next((color for bit, _, color in ODD_COLORS if state & bit), empty)
        colors[state] = _rgba(empty if state == EMPTY else color)
    return _packed(colors)


def _rgba(color: str) -> tuple[int, int, int, int]:
    made = QColor(color)
    return made.red(), made.green(), made.blue(), 255


def _packed(colors: npt.NDArray[np.uint8]) -> Colors:
    """Four bytes as one number, in their order in memory."""
    return np.ascontiguousarray(colors).view(np.uint32).reshape(-1)
