"""Extremes: of a long row of values the smallest and largest in each of few columns, so that no peak is lost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def extremes(values: Floats, first: int, last: int, columns: int) -> tuple[Floats, Floats, Floats]:
    """Where each column begins, and its smallest and largest value; for `values[first:last]`.

    There are at most `columns`, of as equal a width as whole values allow. NaN is passed over; a column of
    nothing else has NaN. All of one shape; the places count in `values`.
    """
    count = max(last - first, 0)
    columns = min(columns, count)
    if columns <= 0:
        nothing = np.empty(0)
        return nothing, nothing, nothing
    starts = first + (np.arange(columns, dtype=np.int64) * count) // columns
    part = values[first:last]
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduceat(part, starts - first)
        high = np.fmax.reduceat(part, starts - first)
    return starts.astype(np.float64), low, high
