"""Binning: the range and the number of bins that show the values of a tensor, from its statistics."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from sdviewer.analysis.statistics import TensorStatistics

_FEWEST, _MOST = 8, 128
_ALIKE = 31  # odd: a constant stands in the middle
_EXACT = 2**52  # up to here a float64 holds every half integer
# Edges of the most bins still differ at this share of the largest magnitude, and above this width at zero.
_NARROWEST_SHARE = 2.0**-43
_NARROWEST = 2.0**-1000


@dataclass(frozen=True, slots=True)
class Binning:
    """Arguments of `histogram`: `bins` bins from `low` to `high`, both finite, low < high."""

    low: float
    high: float
    bins: int


def binning(statistics: TensorStatistics) -> Binning | None:
    """Bins that hold all finite values; None if there are none."""
    if statistics.min is None or statistics.max is None:
        return None
    return bins_between(statistics.min, statistics.max, statistics.finite)


def bins_between(low: float, high: float, count: int) -> Binning:
    """Bins for `count` values from `low` to `high`, both finite.

    Of integers each bin holds the same number of integers, whose middle is the middle of the bin. Of
    others there are about 2√n bins, the rule of Velleman ("Interactive Computing for Exploratory Data
    Analysis", 1976), within limits. What is all one value stands in the middle.
    """
    if isinstance(low, int) and isinstance(high, int) and max(abs(low), abs(high)) < _EXACT and low < high:
        width = math.ceil((high - low + 1) / _MOST)
        bins = math.ceil((high - low + 1) / width)
        return Binning(low - 0.5, low - 0.5 + bins * width, bins)
    low, high = _at_most(low), _at_least(high)
    magnitude = max(abs(low), abs(high))
    if low == high:
        half = max(magnitude / 2, 0.5)
        return Binning(_clamped(low - half), _clamped(low + half), _ALIKE)
    missing = max(magnitude * _NARROWEST_SHARE, _NARROWEST) - (high - low)
    if missing > 0:
        low, high = _clamped(low - missing), _clamped(high + missing)
    return Binning(low, high, bins_for(count))


def bins_for(count: int) -> int:
    """How many bins show so many values."""
    return min(max(round(2 * math.sqrt(count)), _FEWEST), _MOST)


def _at_most(value: float) -> float:
    """The largest float64 that is not above; an integer beyond 2**53 may lie between two."""
    near = float(value)
    return near if near <= value else math.nextafter(near, -math.inf)


def _at_least(value: float) -> float:
    near = float(value)
    return near if near >= value else math.nextafter(near, math.inf)


def _clamped(value: float) -> float:
    return min(max(value, -sys.float_info.max), sys.float_info.max)
