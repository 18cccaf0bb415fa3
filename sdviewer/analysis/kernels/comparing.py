"""The loops of a comparison: both blocks lie in cache, and one pass over them sums up all that is told.

`sums` is float64: Σ|Δ|, ΣΔ², Σa², Σb², Σab, ΣΔ(a+b), the largest |Δ| or a larger one that it had before.
`tally` is int64: values that differ, sign flips, values outside the tolerance, NaN on one side only,
infinities that differ, values that are finite on both sides. Δ is a - b; what is not finite on both sides
is in no sum.
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
_SURELY, _PERHAPS = 1 + 2.0**-20, 1 - 2.0**-20
# A sum of squares that is so much smaller than another is not told by their difference.
_FAR_SMALLER = 2.0**-10
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


@kernel("float64(float64[::1], float64[::1], float64, float64, float64[::1], int64[::1])")
def add_finite(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """Add two blocks; worth nothing if what is returned is not finite: a value is not, or a sum leaves float64."""
    absolute = delta2 = a2 = b2 = product = cross = 0.0
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
        product += x * y
        cross += d * (x + y)
        # As integers magnitudes have the same order, and their maximum is found in lanes.
        top = max(top, size.view(np.int64))
        outside += np.int64(size > atol + rtol * abs(y))
        differing += x != y
        flips += ((x > 0) & (y < 0)) | ((x < 0) & (y > 0))
    sums[0] += absolute
    sums[1] += delta2
    sums[2] += a2
    sums[3] += b2
    sums[4] += product
    sums[5] += cross
    sums[6] = max(sums[6], np.int64(top).view(np.float64))
    tally[0] += differing
    tally[1] += flips
    tally[2] += outside
    tally[5] += a.size
    return delta2 + a2 + b2


@kernel()
def _add_sums(a: Array, b: Array, sums: Array) -> float:
    """Add what is summed up of a stretch of float32, and return what is not finite if one of them is not."""
    absolute = delta2 = a2 = along = 0.0
    for i in range(a.size):
        u = np.float64(a[i])
        w = u - np.float64(b[i])
        absolute += abs(w)
        delta2 += w * w
        a2 += u * u
        along += u * w
    # b is a - Δ.
    b2, product = a2 - 2 * along + delta2, a2 - along
    # To the last digits, which these have lost where b is far smaller.
    if not b2 > a2 * _FAR_SMALLER:
        b2 = product = 0.0
        for i in range(a.size):
            v = np.float64(b[i])
            b2 += v * v
            product += np.float64(a[i]) * v
    sums[0] += absolute
    sums[1] += delta2
    sums[2] += a2
    sums[3] += b2
    sums[4] += product
    sums[5] += 2 * along - delta2
    return delta2 + a2 + b2


@kernel()
def _add_limits(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> None:
    """Add what is outside the tolerance, and the largest |Δ|, of a stretch of float32.

    They are compared as float32, in twice as many lanes; where that leaves a doubt it is done again.
    """
    # A sum of two int32 would be an int64, in half as many lanes.
    surely, perhaps, top = np.int32(0), np.int32(0), np.int32(0)
    upper, most = np.float32(rtol * _SURELY), np.float32(atol * _SURELY)
    lower, least = np.float32(rtol * _PERHAPS), np.float32(atol * _PERHAPS)
    for i in range(a.size):
        size = np.float32(abs(np.float32(a[i] - b[i])))
        magnitude = np.float32(abs(b[i]))
        # As integers magnitudes have the same order, and their maximum is found in lanes.
        top = max(top, size.view(np.int32))
        surely = np.int32(surely + np.int32(size > np.float32(most + np.float32(upper * magnitude))))
        perhaps = np.int32(perhaps + np.int32(size > np.float32(least + np.float32(lower * magnitude))))
    outside = np.int64(surely)
    if perhaps != surely or atol < _LEAST_LIMIT or top >= _INFINITE:
        outside = np.int64(0)
        for i in range(a.size):
            outside += np.int64(abs(np.float64(a[i]) - np.float64(b[i])) > atol + rtol * abs(np.float64(b[i])))
    # Rounded, the largest |Δ| may be a little less than it is.
    if np.float64(np.int32(top).view(np.float32)) * (1 + 2.0**-22) > sums[6]:
        largest = np.int64(0)
        for i in range(a.size):
            largest = max(largest, np.float64(abs(np.float64(a[i]) - np.float64(b[i]))).view(np.int64))
        sums[6] = max(sums[6], np.int64(largest).view(np.float64))
    tally[2] += outside


@kernel()
def _add_signs(a: Array, b: Array, tally: Array) -> None:
    """Add values that differ and sign flips, of a stretch of float32 that may have zeros."""
    differing, flips = np.int32(0), np.int32(0)
    for i in range(a.size):
        x, y = a[i], b[i]
        differing = np.int32(differing + np.int32(x != y))
        flips = np.int32(flips + np.int32(((x > 0) & (y < 0)) | ((x < 0) & (y > 0))))
    tally[0] += differing
    tally[1] += flips


@kernel()
def _add_codes16(x: Array, y: Array, a: Array, b: Array, tally: Array) -> Any:
    """Add what the codes of finite floats tell, and return their largest distance in units of the last place.

    The codes are int16, sign and magnitude; `a` and `b` are their values.
    """
    differing, flips, least, top = np.int16(0), np.int16(0), np.int16(0x7FFF), np.uint16(0)
    for i in range(x.size):
        u, v = x[i], y[i]
        differing = np.int16(differing + np.int16(u != v))
        flips = np.int16(flips + np.int16(np.int16(u ^ v) < 0))
        m, n = np.int16(u & np.int16(0x7FFF)), np.int16(v & np.int16(0x7FFF))
        least = min(least, m, n)
        s, t = np.int16(u >> np.int16(15)), np.int16(v >> np.int16(15))
        p, q = np.int16(np.int16(m ^ s) - s), np.int16(np.int16(n ^ t) - t)
        top = max(top, np.uint16(np.uint16(max(p, q)) - np.uint16(min(p, q))))
    tally[6] += differing
    # Of numbers other than 0 the codes differ where the values do, and signs are theirs.
    if least == 0:
        _add_signs(a, b, tally)
    else:
        tally[0] += differing
        tally[1] += flips
    return np.int64(top)


@kernel()
def _add_codes32(x: Array, y: Array, a: Array, b: Array, tally: Array) -> Any:
    """As `_add_codes16`; how many codes differ is returned as well."""
    differing, flips, least, top = np.int32(0), np.int32(0), np.int32(0x7FFFFFFF), np.uint32(0)
    for i in range(x.size):
        u, v = x[i], y[i]
        differing = np.int32(differing + np.int32(u != v))
        flips = np.int32(flips + np.int32(np.int32(u ^ v) < 0))
        m, n = np.int32(u & np.int32(0x7FFFFFFF)), np.int32(v & np.int32(0x7FFFFFFF))
        least = min(least, m, n)
        s, t = np.int32(u >> np.int32(31)), np.int32(v >> np.int32(31))
        p, q = np.int32(np.int32(m ^ s) - s), np.int32(np.int32(n ^ t) - t)
        top = max(top, np.uint32(np.uint32(max(p, q)) - np.uint32(min(p, q))))
    if least == 0:
        _add_signs(a, b, tally)
    else:
        tally[0] += differing
        tally[1] += flips
    return np.int64(differing), np.int64(top)


@kernel()
def _add_stretch(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """Add a stretch of float32, as `add_finite`, but for what codes tell."""
    total = _add_sums(a, b, sums)
    _add_limits(a, b, rtol, atol, sums, tally)
    tally[5] += a.size
    return total


@kernel("float64(float32[::1], float32[::1], float64, float64, float64[::1], int64[::1])")
def add_singles(a: Array, b: Array, rtol: float, atol: float, sums: Array, tally: Array) -> float:
    """As `add_finite`."""
    total = 0.0
    for first in range(0, a.size, _STRETCH):
        x, y = a[first : first + _STRETCH], b[first : first + _STRETCH]
        total += _add_stretch(x, y, rtol, atol, sums, tally)
        _add_codes32(x.view(np.int32), y.view(np.int32), x, y, tally)
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
        differing, ulp = _add_codes32(x.view(np.int32), y.view(np.int32), x.view(np.float32), y.view(np.float32), tally)
        tally[6] += differing
        tally[7] = max(tally[7], ulp)
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


@kernel()
def _shift(codes: Array, factor: Any, shifted: Array) -> None:
    # A product is made in as many lanes as there are of 16 bits, a shift is not.
    for i in range(codes.size):
        shifted[i] = np.int16(np.uint16(np.uint16(codes[i]) * factor))


@kernel(
    "float64(uint8[::1], uint8[::1], float32[::1], int32, float64, float64, float64[::1], int64[::1])",
    "float64(uint16[::1], uint16[::1], float32[::1], int32, float64, float64, float64[::1], int64[::1])",
)
def add_narrow(
    a: Array, b: Array, table: Array, shift: Any, rtol: float, atol: float, sums: Array, tally: Array
) -> float:
    """Add two blocks of codes of at most 16 bits, as `add_finite`.

    `table` has the value of each code; it is empty for bfloat16. Codes of floats have their sign in the highest of 16
    bits when they are shifted so far to the left; of other codes `shift` is negative. `tally` goes on with codes that
    differ and the largest distance in units of the last place, for which see `largest_ulp_of_narrow`.
    """
    total = 0.0
    values_a, values_b = np.empty(_STRETCH, np.float32), np.empty(_STRETCH, np.float32)
    codes_a, codes_b = np.empty(_STRETCH, np.int16), np.empty(_STRETCH, np.int16)
    for first in range(0, a.size, _STRETCH):
        x, y = a[first : first + _STRETCH], b[first : first + _STRETCH]
        u, v = values_a[: x.size], values_b[: x.size]
        _widen(x, table, u)
        _widen(y, table, v)
        total += _add_stretch(u, v, rtol, atol, sums, tally)
        if shift == 0:
            ulp = _add_codes16(x.view(np.int16), y.view(np.int16), u, v, tally)
            tally[7] = max(tally[7], ulp)
        elif shift > 0:
            _shift(x, np.uint16(1 << shift), codes_a)
            _shift(y, np.uint16(1 << shift), codes_b)
            ulp = _add_codes16(codes_a[: x.size], codes_b[: x.size], u, v, tally)
            tally[7] = max(tally[7], ulp >> shift)
        else:
            _add_signs(u, v, tally)
            tally[6] += codes_that_differ(x, y)
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
