"""BinAxis: an axis on which bins are equally wide, whether it counts in values, magnitudes or exponents.

A position is a place on such an axis. Zooming in divides the bins and panning shifts them by whole ones,
so that bars keep their places while a picture moves.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.binning import Binning, bins_between, bins_for
from sdviewer.analysis.histogram import Histogram, histogram_of_masses
from sdviewer.analysis.masses import Masses

Floats = npt.NDArray[np.float64]

_MOST_BINS = 128
# Beyond this, sums of a plotting library leave float64 where its values nearly do.
_LARGE = 1e150
_LARGEST = sys.float_info.max
# Of the largest magnitude in sight: edges further apart than this differ.
_NARROWEST_SHARE = 2.0**-46
_SMALLEST_DECADE = -323


class Scale(Enum):
    """What an axis counts in."""

    LINEAR = "linear"
    MAGNITUDE = "magnitude"
    EXPONENT = "exponent"


@dataclass(frozen=True, slots=True)
class Grid:
    """Bins in sight: `first` to `last` (not included) of those that have `width` positions each."""

    width: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class BinAxis:
    """Where bins begin and how wide they are when all is in sight.

    Attributes:
        scale: `LINEAR`: a position is value / unit. `MAGNITUDE`: the decades of |x| above `unit`, with the
            sign; 0 and whatever is less than a decade above `unit` stands in the middle. `EXPONENT`: ⌊log₂|x|⌋,
            in the middle of its bin.
        start, end: the positions of all bins.
        width: of a bin when all are in sight.
        narrowest: of a bin, however near one looks.
        unit: see `scale`.
        is_whole: whether bins hold whole numbers of integers.
        ends: the values at both ends, where positions may have rounded them.

    """

    scale: Scale
    start: float
    end: float
    width: float
    narrowest: float
    unit: float = 1.0
    is_whole: bool = False
    ends: tuple[float, float] = (math.inf, -math.inf)

    @property
    def magnitude(self) -> bool:
        """Whether |x| is binned."""
        return self.scale is Scale.EXPONENT

    def values(self, positions: Floats) -> Floats:
        """What stands at these positions, ascending; finite."""
        if self.scale is Scale.LINEAR:
            return positions * self.unit
        with np.errstate(over="ignore", under="ignore"):
            if self.scale is Scale.EXPONENT:
                found = np.exp2(positions + 0.5)
            else:
                found = np.copysign(np.power(10.0, np.abs(positions) + self.unit), positions)
        return np.clip(found.astype(np.float64), -_LARGEST, _LARGEST)

    def position(self, value: float) -> float:
        """Where a value stands."""
        if self.scale is Scale.LINEAR:
            return value / self.unit
        if value == 0:
            return 0.0 if self.scale is Scale.MAGNITUDE else -math.inf
        if self.scale is Scale.EXPONENT:
            return math.log2(abs(value)) - 0.5
        return math.copysign(max(math.log10(abs(value)) - self.unit, 0.0), value)

    def grid(self, left: float, right: float, count: int) -> Grid:
        """The bins between two positions that show `count` values well."""
        wanted = max((right - left) / bins_for(count), self.narrowest)
        width = self.width
        if wanted < width:
            # A third of the bin in the middle is in the middle again.
            parts = 3 if self.scale is Scale.MAGNITUDE else 2
            width = self.width / parts ** math.floor(math.log(self.width / wanted, parts) + 1e-9)
            # Only whole ones divide integers.
            width = max(math.ceil(width), 1) if self.is_whole else max(width, self.narrowest)
        total = self.bins(width)
        first = min(max(math.floor((left - self.start) / width), 0), total - 1)
        last = max(min(math.ceil((right - self.start) / width), total), first + 1)
        return Grid(width, first, last)

    def bins(self, width: float) -> int:
        """How many bins of this width there are in all."""
        return max(math.ceil((self.end - self.start) / width - 1e-6), 1)

    def positions(self, grid: Grid) -> Floats:
        """The edges of bins as positions; those at the end are the end."""
        found = np.arange(grid.first, grid.last + 1).astype(np.float64) * grid.width + self.start
        if abs(found[-1] - self.end) < grid.width * 1e-6:
            found[-1] = self.end
        return found

    def edges(self, grid: Grid) -> Floats:
        """The edges of bins as values."""
        positions = self.positions(grid)
        found = self.values(positions)
        if grid.first == 0:
            found[0] = min(found[0], self.ends[0])
        if positions[-1] >= self.end:
            found[-1] = max(found[-1], self.ends[1])
        return found

    def histogram(self, masses: Masses, grid: Grid) -> Histogram:
        """The histogram of what was counted; of `magnitude`, `masses` are those of magnitudes."""
        return histogram_of_masses(masses, self.edges(grid))


def axis_for(scale: Scale, found: list[Masses], limits: tuple[float, float]) -> BinAxis:
    """The axis that shows all these masses, from the smallest to the largest finite value of them."""
    low, high = limits
    count = max(masses.finite for masses in found)
    if scale is Scale.LINEAR:
        return _linear(bins_between(low, high, count), is_whole=isinstance(low, int) and isinstance(high, int))
    magnitudes = [masses.magnitudes() for masses in found]
    nonzero = [float(masses.low[masses.low > 0][0]) for masses in magnitudes if masses.high.any()]
    # A bucket may reach from a magnitude that nobody has.
    smallest = max(min(nonzero, default=1.0), 5e-324)
    largest = max(float(abs(low)), float(abs(high)), smallest)
    if scale is Scale.EXPONENT:
        first, last = math.frexp(smallest)[1] - 1, math.frexp(largest)[1] - 1
        return BinAxis(scale, first - 0.5, last + 0.5, 1.0, 1.0)
    unit = max(math.floor(math.log10(smallest)) - 1, _SMALLEST_DECADE)
    axis = BinAxis(scale, 0.0, 1.0, 1.0, 1e-9, float(unit))
    has_zero = low <= 0 <= high and any((masses.low == 0).any() for masses in found)
    left = axis.position(low) if low < 0 else 0.0 if has_zero else axis.position(smallest)
    right = axis.position(high) if high > 0 else 0.0 if has_zero else -axis.position(smallest)
    width = max((right - left) / bins_for(count), 1 / 32)
    # No edge stands at zero: the bin in the middle is that of zero.
    start = (math.floor(left / width + 0.5) - 0.5) * width
    end = (math.floor(right / width + 0.5) + 0.5) * width
    return BinAxis(scale, start, end, width, 1e-9, float(unit))


def _linear(bins: Binning, *, is_whole: bool) -> BinAxis:
    unit = 10.0 ** math.floor(math.log10(magnitude)) if (magnitude := max(-bins.low, bins.high)) > _LARGE else 1.0
    low, high = bins.low / unit, bins.high / unit
    width = (high - low) / bins.bins
    narrowest = max(max(abs(low), abs(high)) * _NARROWEST_SHARE, sys.float_info.min)
    whole = is_whole and width >= 1 and width.is_integer()
    narrowest = 1.0 if whole else min(narrowest, width)
    return BinAxis(Scale.LINEAR, low, high, width, narrowest, unit, whole, (bins.low, bins.high))
