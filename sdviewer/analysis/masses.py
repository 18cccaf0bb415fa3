"""Masses: where the finite values of a tensor lie, in ascending buckets; what can be said of them without reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.counts import Counts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Masses:
    """Buckets that do not overlap, ascending, none empty; all of shape `(buckets,)` but the sums.

    Attributes:
        low, high: the limits of a bucket's values, both included; equal where its value is known.
        counts: how many values lie in it.
        sums: shape `(buckets + 1,)`: how many lie before it.
        nan, posinf, neginf: what lies nowhere.

    """

    low: Floats
    high: Floats
    counts: Ints
    sums: Ints
    nan: int
    posinf: int
    neginf: int

    @property
    def finite(self) -> int:
        """How many finite values there are."""
        return int(self.sums[-1])

    def below(self, edges: Floats) -> tuple[Floats, Floats]:
        """How many values are less than each edge, and the width of the bucket that lies across it, 0 if none.

        Such a bucket is taken to be filled evenly. Widths are halved, so that none leaves float64.
        """
        place = np.searchsorted(self.low, edges, "left")
        below = self.sums[place].astype(np.float64)
        width = np.zeros(len(edges))
        if not len(self.low):
            return below, width
        bucket = np.maximum(place - 1, 0)
        low, high, counts = self.low[bucket] * 0.5, self.high[bucket] * 0.5, self.counts[bucket]
        across = (place > 0) & (self.high[bucket] >= edges) & (low < high)
        width[across] = (high - low)[across]
        part = (edges[across] * 0.5 - low[across]) / width[across]
        below[across] += counts[across] * (np.minimum(part, 1.0) - 1.0)
        return below, width

    def within(self, low: float, high: float) -> tuple[float, float, int] | None:
        """The smallest and largest value between two, as near as the buckets tell, and how many are there."""
        first = int(np.searchsorted(self.high, low, "left"))
        last = int(np.searchsorted(self.low, high, "right"))
        if first >= last:
            return None
        counted = int(self.sums[last] - self.sums[first])
        return max(float(self.low[first]), low), min(float(self.high[last - 1]), high), counted

    def magnitudes(self) -> Masses:
        """The same of |x|; a bucket on both sides of zero does not occur."""
        negative = self.high < 0
        low = np.where(negative, -self.high, self.low)
        high = np.where(negative, -self.low, self.high)
        order = np.argsort(low, kind="stable")
        return masses(low[order], high[order], self.counts[order], self.nan, self.posinf, self.neginf)


def masses(low: Floats, high: Floats, counts: Ints, nan: int = 0, posinf: int = 0, neginf: int = 0) -> Masses:
    """Masses of finite buckets in the order of `low`; those with equal limits become one, empty ones none."""
    kept = counts > 0
    low, high, counts = low[kept] + 0.0, high[kept] + 0.0, counts[kept].astype(np.int64)
    if len(low):
        first = np.ones(len(low), np.bool_)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        starts = np.flatnonzero(first)
        low, high, counts = low[starts], high[starts], np.add.reduceat(counts, starts)
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Masses(low, high, counts, sums, nan, posinf, neginf)


def masses_of(counts: Counts) -> Masses:
    """The masses of what was counted."""
    return masses(counts.low, counts.high, counts.counts, counts.nan, counts.posinf, counts.neginf)
