"""Sketches: small histograms of many tensors, fine enough to be drawn on an axis that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics import TensorStatistics
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Many times as many as are drawn: where they lie across an edge of what is drawn, nobody sees it.
_FINE = 2048


@dataclass(frozen=True, eq=False, slots=True)
class Sketch:
    """How a tensor's finite values spread.

    Attributes:
        row: of the tensor table.
        statistics: of all values.
        sums: how many finite values lie below each edge of bins of equal width from the minimum to the
            maximum, shape `(bins + 1,)`; one bin where all values are one.

    """

    row: int
    statistics: TensorStatistics
    sums: Ints

    @property
    def low(self) -> float:
        """The smallest finite value; NaN without one."""
        return float("nan") if self.statistics.min is None else float(self.statistics.min)

    @property
    def high(self) -> float:
        """The largest finite value; NaN without one."""
        return float("nan") if self.statistics.max is None else float(self.statistics.max)

    def counts(self, low: float, high: float, bins: int) -> Floats:
        """How many values lie in each of `bins` bins from `low` to `high`, nearly, shape `(bins,)`.

        Values of a fine bin count as if they were spread evenly over it.
        """
        found = np.zeros(bins)
        total = self.statistics.finite
        if not total or not low < high:
            return found
        # Halved: the width of all of float64 is no float64.
        width = high * 0.5 - low * 0.5
        if not self.low < self.high:
            place = (self.low * 0.5 - low * 0.5) / width * bins
            if 0 <= place <= bins:
                found[min(int(place), bins - 1)] = total
            return found
        edges = low * 0.5 + np.linspace(0.0, 1.0, bins + 1) * width
        own = (edges - self.low * 0.5) / (self.high * 0.5 - self.low * 0.5)
        below = np.interp(own, np.linspace(0.0, 1.0, len(self.sums)), self.sums)
        return np.diff(below)


def sketch(ref: TensorRef, control: Control | None = None) -> Sketch:
    """Count a tensor and keep what a small picture needs. Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    from sdviewer.analysis.counting import count
    from sdviewer.analysis.masses import masses_of

    counts = count(ref, control)
    statistics = counts.figures().statistics()
    if statistics.min is None or statistics.max is None or not statistics.min < statistics.max:
        return Sketch(ref.row, statistics, np.array([0, statistics.finite], np.int64))
    low, high = float(statistics.min) * 0.5, float(statistics.max) * 0.5
    edges = 2.0 * np.clip(low + np.linspace(0.0, 1.0, _FINE + 1) * (high - low), low, high)
    below, _ = masses_of(counts).below(edges)
    sums = np.rint(below).astype(np.int64)
    # What equals the maximum is in the last bin.
    sums[-1] = statistics.finite
    return Sketch(ref.row, statistics, sums)
