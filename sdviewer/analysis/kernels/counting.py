"""Loops that count the codes of one block: `sdviewer.analysis.loops` compiled, which says what each does.

Values of more than 16 bits go through in pieces that stay in the nearest cache: a plain loop for extremes,
and for float32 one in vectors that counts and sums. A piece with NaN or infinities is first rid of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import loops
from sdviewer.analysis.kernels.compiling import kernel
from sdviewer.analysis.kernels.vectors import LANES, count_and_sum, count_apart_and_sum
from sdviewer.analysis.loops import Seen, Sums
from sdviewer.analysis.moments import NO_EXPONENT, SAFE_EXPONENT, SMALLEST_UNIT

Array = npt.NDArray[Any]

_PIECE = 4096
_LOOK_EVERY = 61
_FEW, _SLOTS = loops.FEW, loops.FEW_SLOTS
_HALVES, _PADDED = loops.HALVES, loops.PADDED
_MIN, _MAX, _SMALLEST, _BITS = int(Seen.MIN), int(Seen.MAX), int(Seen.SMALLEST), int(Seen.BITS)
_ZEROS, _NEGATIVE_ZEROS = int(Seen.ZEROS), int(Seen.NEGATIVE_ZEROS)
_NAN, _POSINF, _NEGINF = int(Seen.NAN), int(Seen.POSINF), int(Seen.NEGINF)
_SATURATED, _NOT_HALF = int(Seen.SATURATED), int(Seen.NOT_HALF)
_N, _EXPONENT, _MEAN, _L1 = int(Sums.N), int(Sums.EXPONENT), int(Sums.MEAN), int(Sums.L1)
_M2, _M3, _M4 = int(Sums.M2), int(Sums.M3), int(Sums.M4)
_NO_EXPONENT, _SAFE_EXPONENT, _SMALLEST_UNIT = NO_EXPONENT, SAFE_EXPONENT, SMALLEST_UNIT

_SIGN32, _MAGNITUDE32, _INFINITY32 = np.uint32(1 << 31), np.uint32((1 << 31) - 1), np.uint32(0x7F800000)
_REST32, _LARGEST32, _UNCOUNTED32, _NO_MAGNITUDE = (1 << 31) - 1, 0x7F7FFFFF, 0xFFFF, 1 << 32
_MAGNITUDE64, _FINITE64 = np.uint64((1 << 63) - 1), np.uint64(0x7FF << 52)
_REST64, _INFINITY64 = (1 << 63) - 1, 0x7FF << 52
# A float16: multiples of 2**-24 up to 65504, with 11 bits from the first that is 1.
_NO_HALF32, _NO_HALF64 = (1 << 13) - 1, (1 << 42) - 1
_LEAST_HALF32, _MOST_HALF32 = (127 - 14) << 23, 0x477FE000
_LEAST_HALF64, _MOST_HALF64 = (1023 - 14) << 52, 0x40EFFC0000000000
_HASH = np.uint64(0x9E3779B97F4A7C15)


@kernel()
def _keep_finite32(piece: Array, kept: Array, seen: Array) -> int:
    count = 0
    for i in range(len(piece)):
        magnitude = np.uint32(piece[i] & _MAGNITUDE32)
        if magnitude < _INFINITY32:
            kept[count] = piece[i]
            count += 1
        elif magnitude > _INFINITY32:
            seen[_NAN] += 1
        elif piece[i] == _INFINITY32:
            seen[_POSINF] += 1
        else:
            seen[_NEGINF] += 1
    return count


@kernel()
def _see32(piece: Array, values: Array, seen: Array) -> bool:
    """Look at all values; False, and nothing was seen, if one of them is not finite.

    As signed integers the positive ones ascend, and stand above all others; as unsigned ones the magnitudes of
    negative ones do.
    """
    most, least, smallest = np.int32(-(2**31)), np.uint32(0), np.uint32(2**32 - 1)
    for i in range(len(piece)):
        code = piece[i]
        most = max(most, np.int32(code))
        least = max(least, code)
        # Twice the magnitude: 0 for both zeros.
        smallest = min(smallest, np.uint32(code << np.uint32(1)))
    small = np.int64(smallest) >> 1
    high: Any = np.int64(most) if most >= 0 else ~small
    low: Any = ~(np.int64(least) & _REST32) if least >= _SIGN32 else small
    largest = max(high, ~low)
    if largest > _LARGEST32:
        return False
    seen[_MIN], seen[_MAX] = min(seen[_MIN], low), max(seen[_MAX], high)
    if small == 0:
        small = _see_zeros32(piece, seen)
    seen[_SMALLEST] = min(seen[_SMALLEST], small - 1)
    if seen[_NOT_HALF] == 0 or seen[_BITS] & _UNCOUNTED32 == 0:
        _see_bits32(piece, values, small, largest, seen)
    if largest == _LARGEST32:
        for i in range(len(piece)):
            seen[_SATURATED] += piece[i] & _REST32 == _LARGEST32
    return True


@kernel()
def _see_zeros32(piece: Array, seen: Array) -> Any:
    """Count zeros; the smallest magnitude of the others, beyond all magnitudes if there are none."""
    zeros, negative_zeros, smallest = np.uint32(0), np.uint32(0), np.uint32(2**32 - 1)
    for i in range(len(piece)):
        twice = np.uint32(piece[i] << np.uint32(1))
        smallest = min(smallest, np.uint32(twice - np.uint32(1)))
        zeros = np.uint32(zeros + np.uint32(twice == np.uint32(0)))
        negative_zeros = np.uint32(negative_zeros + np.uint32(piece[i] == _SIGN32))
    seen[_ZEROS] += np.int64(zeros)
    seen[_NEGATIVE_ZEROS] += np.int64(negative_zeros)
    return (np.int64(smallest) + 1) >> 1 if zeros < len(piece) else _NO_MAGNITUDE


@kernel()
def _see_bits32(piece: Array, values: Array, smallest: Any, largest: Any, seen: Array) -> None:
    """Whether all values are float16, and which bits they have."""
    together = np.uint32(0)
    for i in range(len(piece)):
        together = np.uint32(together | piece[i])
    bits = np.int64(together)
    seen[_BITS] |= bits
    if bits & _NO_HALF32 != 0 or largest > _MOST_HALF32:
        seen[_NOT_HALF] = 1
    if seen[_NOT_HALF] == 0 and smallest < _LEAST_HALF32:
        for i in range(len(values)):
            units = np.float64(values[i]) * 2.0**24
            if np.rint(units) != units:
                seen[_NOT_HALF] = 1


@kernel()
def _count_firsts(piece: Array, table: Array) -> None:
    for i in range(len(piece)):
        table[np.int64(piece[i] >> np.uint32(16))] += np.uint32(1)


@kernel()
def _about(values: Array, factor: float) -> float:
    """A number near the mean."""
    total = 0.0
    looked_at = 0
    for i in range(0, len(values), _LOOK_EVERY):
        total += np.float64(values[i]) * factor
        looked_at += 1
    return total / looked_at


@kernel()
def _sum_powers(values: Array, factor: float, mean: float) -> Any:
    """Sums of the distances from a number, their squares, third and fourth powers, and of magnitudes."""
    s1, s2, s3, s4, l1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(values)):
        y = np.float64(values[i]) * factor
        away = y - mean
        square = away * away
        s1 += away
        s2 += square
        s3 += square * away
        s4 += square * square
        l1 += abs(y)
    return s1, s2, s3, s4, l1


@kernel()
def _add_moments(values: Array, factor: float, mean: float, powers: Any, sums: Array) -> None:
    """Sums around about the mean of the piece, merged as `Moments.merged_with` does."""
    n = float(len(values))
    s1, s2, s3, s4, l1 = powers
    left = s1 / n
    # A mean far off would cost digits; then it is taken from all of them.
    while 4 * left * s1 > s2 and mean + left != mean:
        mean += left
        s1, s2, s3, s4, l1 = _sum_powers(values, factor, mean)
        left = s1 / n
    # What is left of the mean is taken out.
    m2 = s2 - left * s1
    m3 = s3 - 3 * left * s2 + 2 * left * left * s1
    m4 = s4 - 4 * left * s3 + 6 * left * left * s2 - 3 * left * left * left * s1
    mean += left
    before = sums[_N]
    if before == 0:
        sums[_N], sums[_MEAN], sums[_M2], sums[_M3], sums[_M4], sums[_L1] = n, mean, m2, m3, m4, l1
        return
    after = before + n
    delta, share_a, share_b = mean - sums[_MEAN], before / after, n / after
    cross = delta * delta * share_a * n
    sums[_M4] += (
        m4
        + delta * delta * cross * (1 - 3 * share_a * share_b)
        + 6 * delta * delta * (share_a * share_a * m2 + share_b * share_b * sums[_M2])
        + 4 * delta * (share_a * m3 - share_b * sums[_M3])
    )
    sums[_M3] += m3 + delta * cross * (share_a - share_b) + 3 * delta * (share_a * m2 - share_b * sums[_M2])
    sums[_M2] += m2 + cross
    sums[_MEAN] += delta * share_b
    sums[_N] = after
    sums[_L1] += l1


@kernel()
def _fit_unit(largest: Any, sums: Array) -> Any:
    """Make the unit of the sums large enough for values up to these bits; the factor that brings values into it."""
    if largest > 0:
        exponent = (largest >> 52) - 1022
        if abs(exponent) <= _SAFE_EXPONENT:
            exponent = 0
        exponent = max(exponent, _SMALLEST_UNIT)
        now = np.int64(sums[_EXPONENT])
        if exponent > now:
            down = 2.0 ** max(float(now - exponent), -2000.0) if now > _NO_EXPONENT else 0.0
            sums[_MEAN] *= down
            sums[_L1] *= down
            sums[_M2] *= down * down
            sums[_M3] *= down * down * down
            sums[_M4] *= down * down * down * down
            sums[_EXPONENT] = float(exponent)
    if sums[_EXPONENT] == _NO_EXPONENT:
        return 1.0
    return 2.0 ** -sums[_EXPONENT]


@kernel()
def _keep_finite64(codes: Array, kept: Array, seen: Array) -> Any:
    count = 0
    for i in range(len(codes)):
        magnitude = codes[i] & _MAGNITUDE64
        if magnitude < _FINITE64:
            kept[count] = codes[i]
            count += 1
        elif magnitude > _FINITE64:
            seen[_NAN] += 1
        elif codes[i] == _FINITE64:
            seen[_POSINF] += 1
        else:
            seen[_NEGINF] += 1
    return count


@kernel()
def _see64(codes: Array, values: Array, seen: Array, largest: float, largest_code: int) -> Any:
    """Look at all values, and give the largest magnitude; if one is not finite, nothing was seen."""
    least, most = np.int64(2**63 - 1), np.int64(-(2**63))
    smallest, bits = np.int64(2**63 - 1), np.int64(0)
    zeros, negative_zeros = 0, 0
    for i in range(len(codes)):
        code = np.int64(codes[i])
        key = code ^ ((code >> 63) & _REST64)
        least, most = min(least, key), max(most, key)
        magnitude = code & _REST64
        smallest = min(smallest, magnitude if magnitude != 0 else np.int64(_REST64))
        bits |= code
        zeros += magnitude == 0
        negative_zeros += key == -1
    extreme = max(most, ~least)
    if extreme >= _INFINITY64:
        return extreme
    seen[_MIN], seen[_MAX] = min(seen[_MIN], least), max(seen[_MAX], most)
    seen[_BITS] |= bits
    seen[_ZEROS] += zeros
    seen[_NEGATIVE_ZEROS] += negative_zeros
    if extreme >= largest_code:
        for i in range(len(values)):
            seen[_SATURATED] += abs(values[i]) >= largest
    if seen[_NOT_HALF] == 0 and (bits & _NO_HALF64 != 0 or extreme > _MOST_HALF64):
        seen[_NOT_HALF] = 1
    if zeros < len(codes):
        seen[_SMALLEST] = min(seen[_SMALLEST], smallest - 1)
        if seen[_NOT_HALF] == 0 and smallest < _LEAST_HALF64:
            for i in range(len(values)):
                units = values[i] * 2.0**24
                if np.rint(units) != units:
                    seen[_NOT_HALF] = 1
    return extreme


@kernel("void(uint64[::1], uint16[::1], uint32[::1])")
def _count_halves(words: Array, rest: Array, table: Array) -> None:
    step = 0 if len(table) == _HALVES else _PADDED
    mask = np.uint64(_HALVES - 1)
    for i in range(len(words) // 2):
        word, other = words[2 * i], words[2 * i + 1]
        table[np.int64(word & mask)] += np.uint32(1)
        table[step + np.int64((word >> np.uint64(16)) & mask)] += np.uint32(1)
        table[2 * step + np.int64((word >> np.uint64(32)) & mask)] += np.uint32(1)
        table[3 * step + np.int64(word >> np.uint64(48))] += np.uint32(1)
        table[4 * step + np.int64(other & mask)] += np.uint32(1)
        table[5 * step + np.int64((other >> np.uint64(16)) & mask)] += np.uint32(1)
        table[6 * step + np.int64((other >> np.uint64(32)) & mask)] += np.uint32(1)
        table[7 * step + np.int64(other >> np.uint64(48))] += np.uint32(1)
    for i in range(len(rest)):
        table[np.int64(rest[i])] += np.uint32(1)


@kernel("int64(uint32[::1], uint64[::1], int64[::1])", "int64(uint64[::1], uint64[::1], int64[::1])")
def count_few(codes: Array, keys: Array, counts: Array) -> int:
    """A hash table with open addressing, at most a quarter full."""
    used = 0
    for slot in range(_SLOTS):
        used += counts[slot] > 0
    slot = 0
    for i in range(len(codes)):
        key = np.uint64(codes[i])
        if keys[slot] != key or counts[slot] == 0:
            first: Any = np.int64((key * _HASH) >> np.uint64(54))
            slot = first
            while counts[slot] > 0 and keys[slot] != key:
                slot = (slot + 1) & (_SLOTS - 1)
            if counts[slot] == 0:
                if used == _FEW:
                    return i
                used += 1
                keys[slot] = key
        counts[slot] += 1
    return len(codes)


@kernel("void(uint32[::1], float32[::1], uint32[::1], float32[::1], uint32[::1], float64[::1], int64[::1])")
def _count_wide32(
    codes: Array, values: Array, kept: Array, kept_values: Array, table: Array, sums: Array, seen: Array
) -> None:
    sums[_EXPONENT] = 0.0
    for first in range(0, len(codes), _PIECE):
        piece, floats = codes[first : first + _PIECE], values[first : first + _PIECE]
        if not _see32(piece, floats, seen):
            count = _keep_finite32(piece, kept, seen)
            piece, floats = kept[:count], kept_values[:count]
            if count == 0 or not _see32(piece, floats, seen):
                continue
        mean = _about(floats, 1.0)
        powers = count_and_sum(piece, table, mean) if len(table) == _HALVES else count_apart_and_sum(piece, table, mean)
        done = len(piece) // LANES * LANES
        if done < len(piece):
            _count_firsts(piece[done:], table)
            a, b = powers, _sum_powers(floats[done:], 1.0, mean)
            powers = (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4])
        _add_moments(floats, 1.0, mean, powers, sums)


@kernel(
    "void(uint64[::1], float64[::1], uint64[::1], float64[::1], uint32[::1], float64[::1], int64[::1], float64, int64)"
)
def _count_wide64(
    codes: Array, values: Array, kept: Array, kept_values: Array, table: Array, sums: Array, seen: Array,
    largest: float, largest_code: int,
) -> None:  # fmt: skip
    for first in range(0, len(values), _PIECE):
        piece, floats = codes[first : first + _PIECE], values[first : first + _PIECE]
        most = _see64(piece, floats, seen, largest, largest_code)
        if most >= _INFINITY64:
            count = _keep_finite64(piece, kept, seen)
            piece, floats = kept[:count], kept_values[:count]
            if count == 0:
                continue
            most = _see64(piece, floats, seen, largest, largest_code)
        for i in range(len(piece)):
            table[np.int64(piece[i] >> np.uint64(45))] += np.uint32(1)
        factor = _fit_unit(most, sums)
        mean = _about(floats, factor)
        _add_moments(floats, factor, mean, _sum_powers(floats, factor, mean), sums)


def count_halves(codes: Array, table: Array) -> None:
    """As `sdviewer.analysis.loops.count_halves`: eight codes at a time, into one table or each into one of its own."""
    eights = len(codes) // 8 * 8
    _count_halves(codes[:eights].view(np.uint64), codes[eights:], table)


def count_wide32(codes: Array, table: Array, sums: Array, seen: Array) -> None:
    """As `sdviewer.analysis.loops.count_wide32`."""
    kept = np.empty(_PIECE, np.uint32)
    _count_wide32(codes, codes.view(np.float32), kept, kept.view(np.float32), table, sums, seen)


def count_wide64(values: Array, table: Array, sums: Array, seen: Array, largest: float) -> None:
    """As `sdviewer.analysis.loops.count_wide64`."""
    kept = np.empty(_PIECE, np.uint64)
    largest_code = int(np.array(largest).view(np.int64))
    codes = values.view(np.uint64)
    _count_wide64(codes, values, kept, kept.view(np.float64), table, sums, seen, largest, largest_code)
