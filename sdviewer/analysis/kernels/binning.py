"""Sorting values into bins: exact comparisons with the edges, as `numpy.histogram` makes them.

`beside` counts what has no bin: below, above, NaN, plus and minus infinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdviewer.analysis.kernels.compiling import kernel

_BELOW, _ABOVE, _NAN, _POSINF, _NEGINF = range(5)
_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF


@kernel(
    "void(float32[::1], float64[::1], int64[::1], int64[::1])",
    "void(float64[::1], float64[::1], int64[::1], int64[::1])",
)
def bin_evenly(values: Any, edges: Any, counts: Any, beside: Any) -> None:
    """Count values into bins of equal width: a bin from its place in the range, then mended by its edges."""
    bins = len(edges) - 1
    first, last = edges[0], edges[bins]
    # In halves, so that no width leaves float64.
    start = first * 0.5
    scale = bins / (last * 0.5 - start)
    for place in range(len(values)):
        x = np.float64(values[place])
        if x >= first and x <= last:
            position = (x * 0.5 - start) * scale
            # Between subnormal edges the scale is infinite: then the edges say all.
            i = np.int64(position) if position < bins else np.int64(bins - 1)
            while i > 0 and x < edges[i]:
                i -= 1
            while i < bins - 1 and x >= edges[i + 1]:
                i += 1
            counts[i] += 1
        elif x < first:
            beside[_NEGINF if x == -np.inf else _BELOW] += 1
        elif x > last:
            beside[_POSINF if x == np.inf else _ABOVE] += 1
        else:
            beside[_NAN] += 1


@kernel("void(float64[::1], float64[::1], int32[::1], int64, int64, boolean, int64[::1], int64[::1])")
def bin_between(
    values: Any, edges: Any, starts: Any, first_key: Any, shift: Any, magnitude: Any, counts: Any, beside: Any
) -> None:
    """Count values, or their magnitudes, into bins between any ascending edges.

    `starts` tells for each key from `first_key` on a bin that lies not above: see `binning_loops.key_table`.
    """
    bins = len(edges) - 1
    first, last = edges[0], edges[bins]
    bits = values.view(np.int64)
    for place in range(len(values)):
        pattern = bits[place] & _MAGNITUDE if magnitude else bits[place]
        value = values[place]
        x = abs(value) if magnitude else value
        if x >= first and x <= last:
            # Patterns of negative numbers descend.
            ordered = pattern if pattern >= 0 else pattern ^ _MAGNITUDE
            i = np.int64(starts[(ordered >> shift) - first_key])
            while i < bins - 1 and x >= edges[i + 1]:
                i += 1
            counts[i] += 1
        elif value == np.inf:
            beside[_POSINF] += 1
        elif value == -np.inf:
            beside[_NEGINF] += 1
        elif x < first:
            beside[_BELOW] += 1
        elif x > last:
            beside[_ABOVE] += 1
        else:
            beside[_NAN] += 1
