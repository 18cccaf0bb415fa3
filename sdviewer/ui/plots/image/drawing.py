"""Drawing: rasters with their colours, made in jobs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.coloring import Colors, painted, robust_limits
from sdviewer.analysis.pixel_sums import Floats
from sdviewer.analysis.raster import How, Raster

Limits = tuple[float, float]


@dataclass(frozen=True, eq=False, slots=True)
class Style:
    """How pixels become colours.

    Attributes:
        how: what a pixel tells.
        map_name: of the colours, "" for what suits the limits.
        limits: between which they run, None for robust ones.
        is_dark: the theme.

    """

    how: How
    map_name: str
    limits: Limits | None
    is_dark: bool

    def is_like(self, other: Style) -> bool:
        """Whether pictures in both look alike."""
        mine = (self.how, self.map_name, self.limits, self.is_dark)
        return mine == (other.how, other.map_name, other.limits, other.is_dark)


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """A raster in colours.

    Attributes:
        shown: what each pixel tells.
        limits: of the colours.
        ramp: the colours from the lower to the upper limit.
        image: bytes red, green, blue, opacity, shape `(height, width, 4)`.
        summary: the picture in words.

    """

    raster: Raster
    style: Style
    shown: Floats
    limits: Limits
    ramp: Colors
    image: npt.NDArray[np.uint8]
    summary: str


def drawn(raster: Raster, style: Style) -> Drawn:
    """A raster in colours; takes some milliseconds."""
    from sdviewer.ui.plots.image.color_maps import MAPS, map_for, special_colors
    from sdviewer.ui.plots.image.words import summary
    from sdviewer.ui.theme import DARK, LIGHT

    shown = raster.shown(style.how)
    limits = style.limits or robust_limits(shown, raster.states)
    chosen = next((each for each in MAPS if each.name == style.map_name), None) or map_for(limits)
    ramp = chosen.ramp(is_dark=style.is_dark)
    special = special_colors((DARK if style.is_dark else LIGHT).window)
    image = painted(shown, raster.states, limits, ramp, special)
    told = summary(raster, shown, style.how)
    return Drawn(raster, style, shown, limits, ramp, image.view(np.uint8).reshape(*image.shape, 4), told)
