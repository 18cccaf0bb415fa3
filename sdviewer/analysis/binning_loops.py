"""Sorting values into bins in plain numpy, as `kernels.binning` does, and the table that both are given.

`beside` counts what has no bin: below, above, NaN, plus and minus infinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_MOST_KEYS = 1 << 16


def bin_evenly(values: npt.NDArray[Any], edges: Floats, counts: Ints, beside: Ints) -> None:
    """Count float32 or float64 values into bins of equal width."""
    with np.errstate(invalid="ignore"):  # signalling NaNs
        _bin(values.astype(np.float64), edges, counts, beside, magnitude=False)


def bin_between(
    values: Floats,
    edges: Floats,
    starts: npt.NDArray[np.int32],
    first_key: int,
    shift: int,
    magnitude: bool,
    counts: Ints,
    beside: Ints,
) -> None:
    """Count values, or their magnitudes, into bins between any ascending edges."""
    del starts, first_key, shift  # numpy searches the edges
    _bin(values, edges, counts, beside, magnitude=magnitude)


def _bin(values: Floats, edges: Floats, counts: Ints, beside: Ints, *, magnitude: bool) -> None:
    finite = values[np.isfinite(values)]
    if len(finite) < len(values):
        masks = np.isnan(values), values == np.inf, values == -np.inf
        beside[2:] += [np.count_nonzero(mask) for mask in masks]
    if magnitude:
        finite = np.abs(finite)
    beside[:2] += [np.count_nonzero(finite < edges[0]), np.count_nonzero(finite > edges[-1])]
    counts += np.histogram(finite, edges)[0]


def key_table(edges: Floats) -> tuple[npt.NDArray[np.int32], int, int]:
    """`starts`, `first_key` and `shift`: keys are float64 patterns in the order of their values, their low bits cut.

    As many bits are kept as give a small table, so that few edges lie in one key whatever the range is.
    """
    ends = np.array([edges[0], edges[-1]]).view(np.int64)
    ordered = np.where(ends >= 0, ends, ends ^ _MAGNITUDE)
    # -0 stands before 0: the table begins with it.
    lowest, highest = int(min(ordered[0], -1 if edges[0] == 0 else ordered[0])), int(ordered[1])
    shift = 0
    while (highest >> shift) - (lowest >> shift) >= _MOST_KEYS:
        shift += 1
    first_key = lowest >> shift
    keys = np.arange(first_key, (highest >> shift) + 1, dtype=np.int64) << shift
    begins = np.where(keys >= 0, keys, keys ^ _MAGNITUDE).view(np.float64)
    # The first keys may begin among NaNs, before all numbers.
    begins = np.where(np.isnan(begins), -np.inf, begins)
    starts = np.maximum(np.searchsorted(edges, begins, "right") - 1, 0)
    return np.minimum(starts, len(edges) - 2).astype(np.int32), first_key, shift
