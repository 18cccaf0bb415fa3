"""Loops that turn blocks of values into the pixels of a picture, and pixels into colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels.compiling import kernel

Array = npt.NDArray[Any]


@kernel("void(uint16[::1], uint32[::1])")
def widen_bfloat16(codes: Array, out: Array) -> None:
    """Bit patterns of float32 from those of bfloat16."""
    for i in range(len(codes)):
        out[i] = np.uint32(codes[i]) << np.uint32(16)


@kernel("void(uint16[::1], float32[::1], float32[::1])", "void(uint8[::1], float32[::1], float32[::1])")
def look_up(codes: Array, table: Array, out: Array) -> None:
    """The value of each code; `table` has one for every code there can be."""
    for i in range(len(codes)):
        out[i] = table[codes[i]]


@kernel()
def _add_finite(
    values: Array,
    first: int,
    last: int,
    left: int,
    width: int,
    factor: float,
    totals: Array,
    squares: Array,
    lows: Array,
    highs: Array,
) -> None:
    """Sums and extremes of each column; sums come out not finite where a value is."""
    for c in range(width):
        totals[c] = 0.0
        squares[c] = 0.0
        lows[c] = np.inf
        highs[c] = -np.inf
    r = first
    # Four rows at once: what was summed goes to memory and back once for them.
    while r + 4 <= last:
        row_0, row_1 = values[r, left : left + width], values[r + 1, left : left + width]
        row_2, row_3 = values[r + 2, left : left + width], values[r + 3, left : left + width]
        for c in range(width):
            a, b, d, e = row_0[c] * factor, row_1[c] * factor, row_2[c] * factor, row_3[c] * factor
            totals[c] += (a + b) + (d + e)
            squares[c] += (a * a + b * b) + (d * d + e * e)
        for c in range(width):
            p, q, s, t = row_0[c], row_1[c], row_2[c], row_3[c]
            m = min(q, p)
            n = min(t, s)
            m = min(n, m)
            lows[c] = min(lows[c], m)
            m = max(q, p)
            n = max(t, s)
            m = max(n, m)
            highs[c] = max(highs[c], m)
        r += 4
    while r < last:
        row = values[r, left : left + width]
        for c in range(width):
            scaled = row[c] * factor
            totals[c] += scaled
            squares[c] += scaled * scaled
        for c in range(width):
            p = row[c]
            lows[c] = min(lows[c], p)
            highs[c] = max(highs[c], p)
        r += 1


@kernel()
def _add_any(
    values: Array,
    first: int,
    last: int,
    left: int,
    width: int,
    column: int,
    y: int,
    x: int,
    column_edges: Array,
    factor: float,
    sums: Array,
    lows: Array,
    highs: Array,
    counts: Array,
    states: Array,
    row_squares: Array,
    column_squares: Array,
    odd: Array,
) -> None:
    """Add finite values to their pixels, and tell and count the others."""
    for c in range(left, left + width):
        if column_edges[x + 1] <= column + c:
            x += 1
        for r in range(first, last):
            value = values[r, c]
            if abs(value) < np.inf:
                scaled = value * factor
                sums[y, x] += scaled
                row_squares[y] += scaled * scaled
                column_squares[x] += scaled * scaled
                lows[y, x] = min(lows[y, x], value)
                highs[y, x] = max(highs[y, x], value)
                counts[y, x] += 1
            else:
                kind = 0 if value != value else 1 if value > 0 else 2  # noqa: PLR0124  # only NaN differs from itself
                odd[kind] += 1
                states[y, x] |= 1 << kind


_ADD = (
    "void({0}[:, ::1], int64, int64, int64, int64, int64[::1], int64[::1], float64, float64[:, ::1], float64[:, ::1],"
    " float64[:, ::1], int64[:, ::1], uint8[:, ::1], float64[::1], float64[::1], int64[::1], float64[:, ::1],"
    " {0}[:, ::1])"
)


@kernel(_ADD.format("float32"), _ADD.format("float64"))
def add_block(
    values: Array,
    row: int,
    column: int,
    y: int,
    x: int,
    row_edges: Array,
    column_edges: Array,
    factor: float,
    sums: Array,
    lows: Array,
    highs: Array,
    counts: Array,
    states: Array,
    row_squares: Array,
    column_squares: Array,
    odd: Array,
    column_sums: Array,
    column_ends: Array,
) -> None:
    """Add a block of values to the pixels that it lies in.

    Its first value stands at `row` and `column`, in pixel (y, x), which is made of rows from row_edges[y] to before
    row_edges[y + 1], and of columns likewise. Sums are of value · factor, squares of their squares.
    `states` has bit 1 where a pixel holds NaN, 2 for +inf, 4 for -inf; `odd` counts those. The last two arrays
    are room to work in, of two rows.
    """
    totals, squares, least, most = column_sums[0], column_sums[1], column_ends[0], column_ends[1]
    height, width = values.shape
    room = len(totals)
    # Of numpy: for the constant 0 the loops that are given it would be compiled once more.
    first: Any = np.int64(0)
    while first < height:
        last = min(height, row_edges[y + 1] - row)
        at = x
        for left in range(0, width, room):
            across = min(room, width - left)
            _add_finite(values, first, last, left, across, factor, totals, squares, least, most)
            is_odd = False
            for c in range(across):
                is_odd |= not abs(totals[c]) < np.inf
            if is_odd:
                _add_any(
                    values,
                    first,
                    last,
                    left,
                    across,
                    column,
                    y,
                    at,
                    column_edges,
                    factor,
                    sums,
                    lows,
                    highs,
                    counts,
                    states,
                    row_squares,
                    column_squares,
                    odd,
                )
            c = 0
            while c < across:
                end = min(across, column_edges[at + 1] - column - left)
                if not is_odd:
                    total, square, low, high = 0.0, 0.0, np.inf, -np.inf
                    for k in range(c, end):
                        total += totals[k]
                        square += squares[k]
                        low = min(low, least[k])
                        high = max(high, most[k])
                    sums[y, at] += total
                    lows[y, at] = min(lows[y, at], low)
                    highs[y, at] = max(highs[y, at], high)
                    counts[y, at] += (end - c) * (last - first)
                    row_squares[y] += square
                    column_squares[at] += square
                c = end
                if column_edges[at + 1] <= column + left + c:
                    at += 1
        first = last
        y += 1


@kernel("void(float64[:, ::1], uint8[:, ::1], float64, float64, uint32[::1], uint32[::1], uint32[:, ::1])")
def paint(values: Array, states: Array, low: float, high: float, ramp: Array, special: Array, out: Array) -> None:
    """The colour of each pixel: from `ramp` between two limits, from `special` by its state where it has one."""
    last = len(ramp) - 1
    scale = (last + 1) / (high - low)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            state = states[y, x]
            if state:
                out[y, x] = special[state]
                continue
            place = (values[y, x] - low) * scale
            out[y, x] = ramp[0 if place < 0 else last if place > last else int(place)]
