"""The loops of a comparison: both blocks lie in cache, and one pass over them sums up all that is told.

`sums` is float64: Σ|Δ|, ΣΔ², Σa², Σb², Σab, ΣΔ(a+b), the largest |Δ|. `tally` is int64: values that
differ, sign flips, values outside the tolerance, NaN on one side only, infinities that differ, values
that are finite on both sides. Δ is a - b; what is not finite on both sides is in no sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels.compiling import kernel

Array = npt.NDArray[Any]

# Loops of few sums each go over so many values in turn: they stay in the nearest cache.
_STRETCH = 2048
# What float32 says of a limit is sure beyond this share of it.
_SURELY, _PERHAPS = np.float32(1 + 2.0**-20), np.float32(1 - 2.0**-20)
# Below it limits may be subnormal in float32, and less exact.
_LEAST_LIMIT = 1e-30
_INFINITE = 0x7F800000


@kernel("boolean(uint64[::1], uint64[::1])")
def differ(a: Array, b: Array) -> bool:
    """Whether two blocks of the same length differ in any bit."""
    for first in range(0, a.size, 512):
        seen = np.uint64(0)
        for i in range(first, min(first + 512, a.size)):
            seen |= a[i] ^ b[i]
        if seen != 0:
            return True
    return False


@kernel(
    "int64(uint8[::1], uint8[::1])",
    "int64(uint16[::1], uint16[::1])",
    "int64(uint32[::1], uint32[::1])",
    "int64(uint64[::1], uint64[::1])",
)
def codes_that_differ(a: Array, b: Array) -> Any:
    """How many codes are not the same bits."""
    count: Any = 0
    for i in range(a.size):
        count += a[i] != b[i]
    return count


@kernel("float64(float32[::1])", "float64(float64[::1])")
def squares(a: Array) -> float:
    """Σx²; not finite if a value is not."""
    total = 0.0
    for i in range(a.size):
        x = np.float64(a[i])
        total += x * x
    return total


@kernel(
    "int64(uint8[::1], uint8[::1], int32, int32)",
    "int64(uint16[::1], uint16[::1], int32, int32)",
)
def largest_ulp_of_narrow(a: Array, b: Array, sign: int, infinity: int) -> Any:
    """The largest distance of two finite floats of at most 16 bits in units of the last place.

    `sign` is the sign bit, and codes whose magnitude is `infinity` or more are not finite.
    """
    top = np.int32(0)
    rest = np.int32(sign - 1)
    for i in range(a.size):
        x, y = np.int32(a[i]), np.int32(b[i])
        m, n = np.int32(x & rest), np.int32(y & rest)
        p = m if x == m else np.int32(-m)
        q = n if y == n else np.int32(-n)
        gap = np.int32(abs(np.int32(p - q)))
        top = max(top, gap if (m < infinity) & (n < infinity) else np.int32(0))
    return top


@kernel("int64(uint32[::1], uint32[::1])")
def largest_ulp_of_float32(a: Array, b: Array) -> Any:
    """As `largest_ulp_of_narrow`."""
    top = np.int64(0)
    rest, infinity = np.int64(0x7FFFFFFF), np.int64(0x7F800000)
    for i in range(a.size):
        x, y = np.int64(a[i]), np.int64(b[i])
        m, n = x & rest, y & rest
        p = m if x == m else -m
        q = n if y == n else -n
        gap = abs(p - q) if (m < infinity) & (n < infinity) else np.int64(0)
        top = max(top, gap)
    return top


@kernel()
def _add_up(
    a: Array, b: Array, absolute: float, delta2: float, a2: float, b2: float, cross: float, sums: Array
) -> None:
    product = (a2 + b2 - delta2) * 0.5
    # To the last digits of the squares, which are not those of the product where one side is far larger.
    if max(a2, b2) > 2.0**16 * min(a2, b2):
        product = 0.0
        for i in range(a.size):
            product += np.float64(a[i]) * np.float64(b[i])
    sums[0] += absolute
    sums[1] += delta2
    sums[2] += a2
    sums[3] += b2
    sums[4] += product
    sums[5] += cross


@kernel("float64(float64[::1], float64[::1], float64, float64, float64[::1], int64[::1])")
def add_finite(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """Add two blocks; worth nothing if what is returned is not finite: a value is not, or a sum leaves float64."""
    absolute = delta2 = a2 = b2 = cross = 0.0
    top = np.int64(0)
    outside: Any = 0
    differing: Any = 0
    flips: Any = 0
    for i in range(a.size):
        x, y = a[i], b[i]
        d = x - y
        size = np.float64(abs(d))
        absolute += size
        delta2 += d * d
        a2 += x * x
        b2 += y * y
        cross += d * (x + y)
        # As integers magnitudes have the same order, and their maximum is found in lanes.
        top = max(top, size.view(np.int64))
        outside += np.int64(size > atol + rtol * abs(y))
        differing += x != y
        flips += ((x > 0) & (y < 0)) | ((x < 0) & (y > 0))
    _add_up(a, b, absolute, delta2, a2, b2, cross, sums)
    sums[6] = max(sums[6], np.int64(top).view(np.float64))
    tally[0] += differing
    tally[1] += flips
    tally[2] += outside
    tally[5] += a.size
    return delta2 + a2 + b2


@kernel()
def _add_stretch(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """Add a stretch of float32, as `add_finite`.

    Sums are of float64. What is only compared is compared as float32, in twice as many lanes; where that leaves a
    doubt it is done again.
    """
    absolute = delta2 = a2 = b2 = cross = 0.0
    for i in range(a.size):
        u, v = np.float64(a[i]), np.float64(b[i])
        w = u - v
        absolute += abs(w)
        delta2 += w * w
        a2 += u * u
        b2 += v * v
        cross += w * (u + v)
    _add_up(a, b, absolute, delta2, a2, b2, cross, sums)
    # A sum of two int32 would be an int64, in half as many lanes.
    differing, flips, surely, perhaps = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    top = np.int32(0)
    relative, least = np.float32(rtol), np.float32(atol)
    for i in range(a.size):
        x, y = a[i], b[i]
        size = np.float32(abs(np.float32(x - y)))
        top = max(top, size.view(np.int32))
        limit = np.float32(least + np.float32(relative * np.float32(abs(y))))
        surely = np.int32(surely + np.int32(size > np.float32(limit * _SURELY)))
        perhaps = np.int32(perhaps + np.int32(size > np.float32(limit * _PERHAPS)))
        differing = np.int32(differing + np.int32(x != y))
        flips = np.int32(flips + np.int32(((x > 0) & (y < 0)) | ((x < 0) & (y > 0))))
    outside = np.int64(surely)
    if perhaps != surely or atol < _LEAST_LIMIT or top >= _INFINITE:
        outside = np.int64(0)
        for i in range(a.size):
            outside += np.int64(abs(np.float64(a[i]) - np.float64(b[i])) > atol + rtol * abs(np.float64(b[i])))
    # Rounded, the largest |Δ| may be a little less than it is.
    if np.float64(np.int32(top).view(np.float32)) * (1 + 2.0**-22) > sums[6]:
        for i in range(a.size):
            sums[6] = max(sums[6], abs(np.float64(a[i]) - np.float64(b[i])))
    tally[0] += differing
    tally[1] += flips
    tally[2] += outside
    tally[5] += a.size
    return delta2 + a2 + b2


@kernel("float64(float32[::1], float32[::1], float64, float64, float64[::1], int64[::1])")
def add_singles(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """As `add_finite`."""
    total = 0.0
    for first in range(0, a.size, _STRETCH):
        total += _add_stretch(a[first : first + _STRETCH], b[first : first + _STRETCH], rtol, atol, sums, tally)
    return total


@kernel("void(float32[::1], float32[::1], int64[::1], float64, float64, float64[:, ::1], int64[:, ::1], float64[::1])")
def add_pairs(
    a: Array, b: Array, starts: Array, rtol: float, atol: float, sums: Array, tally: Array, totals: Array
) -> None:
    """Many small pairs of values, each with a row of its own, and what `add_finite` returns for it."""
    for row in range(len(totals)):
        first, end = starts[row], starts[row + 1]
        totals[row] = add_singles(a[first:end], b[first:end], rtol, atol, sums[row], tally[row])


@kernel("float64(uint32[::1], uint32[::1], float64, float64, float64[::1], int64[::1])")
def add_float32(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """As `add_narrow`, of float32."""
    total = 0.0
    for first in range(0, a.size, _STRETCH):
        x, y = a[first : first + _STRETCH], b[first : first + _STRETCH]
        total += _add_stretch(x.view(np.float32), y.view(np.float32), rtol, atol, sums, tally)
        differing = np.int32(0)
        for i in range(x.size):
            differing = np.int32(differing + np.int32(x[i] != y[i]))
        tally[6] += differing
        tally[7] = max(tally[7], largest_ulp_of_float32(x, y))
    return total


@kernel()
def _widen(codes: Array, table: Array, values: Array) -> None:
    if table.size == 0:
        bits = values.view(np.uint32)
        for i in range(codes.size):
            bits[i] = np.uint32(codes[i]) << np.uint32(16)
        return
    for i in range(codes.size):
        values[i] = table[codes[i]]


@kernel(
    "float64(uint8[::1], uint8[::1], float32[::1], int32, int32, float64, float64, float64[::1], int64[::1])",
    "float64(uint16[::1], uint16[::1], float32[::1], int32, int32, float64, float64, float64[::1], int64[::1])",
)
def add_narrow(
    a: Array,
    b: Array,
    table: Array,
    sign: Any,
    infinity: Any,
    rtol: float,
    atol: float,
    sums: Array,
    tally: Array,
) -> float:
    """Add two blocks of codes of at most 16 bits, as `add_finite`.

    `table` has the value of each code; it is empty for bfloat16. `tally` goes on with codes that differ and the
    largest distance in units of the last place, for which see `largest_ulp_of_narrow`.
    """
    total = 0.0
    values_a, values_b = np.empty(_STRETCH, np.float32), np.empty(_STRETCH, np.float32)
    for first in range(0, a.size, _STRETCH):
        x, y = a[first : first + _STRETCH], b[first : first + _STRETCH]
        _widen(x, table, values_a)
        _widen(y, table, values_b)
        total += _add_stretch(values_a[: x.size], values_b[: x.size], rtol, atol, sums, tally)
        differing = np.int32(0)
        for i in range(x.size):
            differing = np.int32(differing + np.int32(x[i] != y[i]))
        tally[6] += differing
        tally[7] = max(tally[7], largest_ulp_of_narrow(x, y, sign, infinity))
    return total


@kernel(
    "void(float32[::1], float32[::1], float64, float64, float64, float64[::1], int64[::1])",
    "void(float64[::1], float64[::1], float64, float64, float64, float64[::1], int64[::1])",
)
def add_any(a: Array, b: Array, factor: float, rtol: float, atol: float, sums: Array, tally: Array) -> None:
    """Add two blocks with whatever they hold; sums are of values times `factor`, a power of two."""
    for i in range(a.size):
        x, y = np.float64(a[i]), np.float64(b[i])
        # numpy's isfinite is x - x == 0 here, which reordering makes true of all.
        if abs(x) < np.inf and abs(y) < np.inf:
            outside = abs(x - y) > atol + rtol * abs(y)
            # Halves do not overflow where the difference does.
            outside |= abs(x * 0.5 - y * 0.5) > (atol + rtol * abs(y)) * 0.5
            tally[0] += x != y
            tally[1] += ((x > 0) & (y < 0)) | ((x < 0) & (y > 0))
            tally[2] += outside
            tally[5] += 1
            x, y = x * factor, y * factor
            d = x - y
            sums[0] += abs(d)
            sums[1] += d * d
            sums[2] += x * x
            sums[3] += y * y
            sums[4] += x * y
            sums[5] += d * (x + y)
            sums[6] = max(sums[6], abs(d))
        elif x != x or y != y:  # noqa: PLR0124  # NaN
            if x == x or y == y:  # noqa: PLR0124
                tally[0] += 1
                tally[2] += 1
                tally[3] += 1
        elif x != y:
            tally[0] += 1
            tally[2] += 1
            tally[4] += 1


@kernel(
    "uint64(int64[::1], int64[::1], float64, float64, float64[::1], int64[::1])",
    "uint64(uint64[::1], uint64[::1], float64, float64, float64[::1], int64[::1])",
)
def add_integers(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> Any:
    """Add two blocks of wide integers; the largest |Δ| is returned, exact."""
    top = np.uint64(0)
    for i in range(a.size):
        x, y = a[i], b[i]
        gap = np.uint64(x) - np.uint64(y) if x >= y else np.uint64(y) - np.uint64(x)
        d = np.float64(gap)
        u, v = np.float64(x), np.float64(y)
        signed = d if x >= y else -d
        sums[0] += d
        sums[1] += d * d
        sums[2] += u * u
        sums[3] += v * v
        sums[4] += u * v
        sums[5] += signed * (u + v)
        top = max(top, gap)
        tally[0] += x != y
        tally[1] += ((x > 0) & (y < 0)) | ((x < 0) & (y > 0))
        tally[2] += d > atol + rtol * abs(v)
    sums[6] = max(sums[6], np.float64(top))
    tally[5] += a.size
    return top


@kernel("int64(float32[::1], float32[::1], float64)", "int64(float64[::1], float64[::1], float64)")
def place_of_delta(a: Array, b: Array, delta: float) -> Any:
    """The first place where |a - b| is `delta`, -1 for none."""
    for i in range(a.size):
        if abs(np.float64(a[i]) - np.float64(b[i])) == delta:
            return i
    return -1


@kernel("uint64(uint64[::1], uint64[::1])")
def largest_ulp_of_float64(a: Array, b: Array) -> Any:
    """As `largest_ulp_of_narrow`; the distance of two doubles needs all of 64 bits."""
    top = np.uint64(0)
    rest = np.uint64(0x7FFFFFFFFFFFFFFF)
    infinity = np.uint64(0x7FF0000000000000)
    for i in range(a.size):
        m, n = a[i] & rest, b[i] & rest
        if m >= infinity or n >= infinity:
            continue
        apart = m - n if m >= n else n - m
        top = max(top, apart if (a[i] == m) == (b[i] == n) else m + n)
    return top
