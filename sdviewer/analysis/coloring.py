"""Colouring: limits that show most of a picture's pixels well, and the colour of each pixel between them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels import warming
from sdviewer.analysis.pixel_sums import Floats, States

Colors = npt.NDArray[np.uint32]

_ROBUST = 99.5
_MOST_RANKED = 1 << 16


def robust_limits(values: Floats, states: States) -> tuple[float, float]:
    """Limits of colour that a few outliers do not stretch, low < high.

    Symmetric about zero where there are values on both sides of it: the 99.5th percentile of magnitudes; else the
    0.5th and the 99.5th percentile. Of many pixels some tens of thousands are ranked.
    """
    ranked = values[states == 0] if states.any() else values.reshape(-1)
    if not len(ranked):
        ranked = values
    ranked = ranked[np.isfinite(ranked)]
    if not len(ranked):
        return 0.0, 1.0
    least, most = float(ranked.min()), float(ranked.max())
    ranked = ranked[:: -(-len(ranked) // _MOST_RANKED)]
    if least < 0 < most:
        high = float(np.percentile(np.abs(ranked), _ROBUST)) or max(-least, most)
        return -high, high
    low, high = (float(limit) for limit in np.percentile(ranked, (100 - _ROBUST, _ROBUST)))
    if low == high:
        low, high = least, most
    if low < high:
        return low, high
    # All alike: zero is one end.
    return (0.0, high) if high > 0 else (low, 0.0) if low < 0 else (0.0, 1.0)


def painted(values: Floats, states: States, limits: tuple[float, float], ramp: Colors, special: Colors) -> Colors:
    """The colour of each pixel, same shape: from `ramp`, lowest first, between the limits, else its end.

    `special` has a colour for every state; where it is 0 the value decides.
    """
    low, high = limits
    if not math.isfinite(high - low):
        values, low, high = values / 4, low / 4, high / 4
    if warming.available(names=("raster",)):
        from sdviewer.analysis.kernels.raster import paint

        out = np.empty(values.shape, np.uint32)
        paint(values, states, low, high, ramp, special, out)
        return out
    with np.errstate(invalid="ignore", over="ignore"):
        place = np.clip((values - low) * (len(ramp) / (high - low)), 0, len(ramp) - 1)
    colored = ramp[np.nan_to_num(place).astype(np.intp)]
    return np.where(states != 0, special[states], colored)
