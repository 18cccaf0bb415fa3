"""Histogram: how a tensor's values spread over bins of equal width, counted by chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics import real_values
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

MOST_BINS = 1 << 16


@dataclass(frozen=True, eq=False, slots=True)
class Histogram:
    """Counts over `bins` bins of equal width.

    Attributes:
        edges: float64, shape `(bins + 1,)`, ascending.
        counts: int64, shape `(bins,)`: values with edges[i] ≤ x < edges[i + 1]; the last bin has its upper edge.
        below, above: finite values outside.
        nan, posinf, neginf: values that are no numbers to place.

    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    below: int
    above: int
    nan: int
    posinf: int
    neginf: int


def histogram(ref: TensorRef, lo: float, hi: float, bins: int, control: Control | None = None) -> Histogram:
    """The histogram of all values between `lo` and `hi`, as `numpy.histogram` counts them in float64.

    Complex numbers count by magnitude, quantised ones by their real value; integers beyond 2**53 are
    rounded to float64. Progress is in values.

    Raises:
        ValueError: not lo < hi, not finite, or bins so many that edges would fall together.
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ValueError(f"a histogram needs finite limits in ascending order, not {lo} and {hi}")
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"a histogram has 1 to {MOST_BINS:,} bins, not {bins}")
    # Halved where the width itself is beyond float64; halving is exact there.
    factor = 1.0 if math.isfinite(float(hi) - float(lo)) else 0.5
    low, high = lo * factor, hi * factor
    edges = np.linspace(low, high, bins + 1)
    if np.any(np.diff(edges) <= 0):
        raise ValueError(f"between {lo} and {hi} there are not enough numbers for {bins} bins")
    counts = np.zeros(bins, np.int64)
    below = above = nan = posinf = neginf = 0
    for chunk in ref.chunks(control=control, memory_order=True):
        values = real_values(chunk)
        # Widened after signalling NaNs have dropped out: numpy warns of each that it converts.
        finite = values[np.isfinite(values)].astype(np.float64)
        if len(finite) < len(values):
            nan += int(np.count_nonzero(np.isnan(values)))
            posinf += int(np.count_nonzero(values == np.inf))
            neginf += int(np.count_nonzero(values == -np.inf))
        below += int(np.count_nonzero(finite < lo))
        above += int(np.count_nonzero(finite > hi))
        counts += np.histogram(finite * factor if factor != 1 else finite, bins, (low, high))[0]
    return Histogram(edges / factor, counts, below, above, nan, posinf, neginf)
