"""Loops that count the codes of one block: `sdviewer.analysis.loops` compiled, which says what each does.

Values of more than 16 bits go through in pieces that stay in the nearest cache, a plain loop for each
thing: one fused loop would not be vectorised. A piece with NaN or infinities is first rid of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import loops
from sdviewer.analysis.kernels.compiling import kernel
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
_LARGEST32 = np.uint32(0x7F7FFFFF)
_SIGN64, _MAGNITUDE64, _INFINITY64 = np.uint64(1 << 63), np.uint64((1 << 63) - 1), np.uint64(0x7FF << 52)
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
def _see32(piece: Array, seen: Array) -> bool:
    """Look at all values; False, and nothing was seen, if one of them is not finite."""
    signed = piece.view(np.int32)
    least, most = np.int32(2**31 - 1), np.int32(-(2**31))
    smallest, bits = np.uint32(2**32 - 1), np.uint32(0)
    zeros, negative_zeros = np.uint32(0), np.uint32(0)
    for i in range(len(piece)):
        key = np.int32(signed[i] ^ np.int32(np.int32(signed[i] >> np.int32(31)) & np.int32(2**31 - 1)))
        least, most = min(least, key), max(most, key)
        magnitude = np.uint32(piece[i] & _MAGNITUDE32)
        smallest = min(smallest, np.uint32(magnitude - np.uint32(1)))
        bits = np.uint32(bits | piece[i])
        zeros = np.uint32(zeros + np.uint32(magnitude == np.uint32(0)))
        negative_zeros = np.uint32(negative_zeros + np.uint32(piece[i] == _SIGN32))
    largest = max(np.int64(most), ~np.int64(least))
    if largest > np.int64(_LARGEST32):
        return False
    seen[_MIN], seen[_MAX] = min(seen[_MIN], np.int64(least)), max(seen[_MAX], np.int64(most))
    if np.int64(zeros) < len(piece):
        seen[_SMALLEST] = min(seen[_SMALLEST], np.int64(smallest))
    seen[_BITS] |= np.int64(bits)
    seen[_ZEROS] += np.int64(zeros)
    seen[_NEGATIVE_ZEROS] += np.int64(negative_zeros)
    if largest == np.int64(_LARGEST32):
        for i in range(len(piece)):
            seen[_SATURATED] += np.uint32(piece[i] & _MAGNITUDE32) == _LARGEST32
    if seen[_NOT_HALF] == 0 and (np.int64(bits) & _NO_HALF32 != 0 or largest > _MOST_HALF32):
        seen[_NOT_HALF] = 1
    if seen[_NOT_HALF] == 0 and np.int64(smallest) + 1 < _LEAST_HALF32:
        values = piece.view(np.float32)
        for i in range(len(values)):
            units = np.float64(values[i]) * 2.0**24
            if np.rint(units) != units:
                seen[_NOT_HALF] = 1
    return True


@kernel()
def _count_firsts(piece: Array, table: Array) -> None:
    spread = 0 if len(table) == _HALVES else _PADDED
    twos = piece[: len(piece) // 2 * 2].view(np.uint64)
    mask = np.uint64(_HALVES - 1)
    half = len(twos) // 2
    for i in range(half):
        word, other = twos[2 * i], twos[2 * i + 1]
        table[np.int64((word >> np.uint64(16)) & mask)] += np.uint32(1)
        table[spread + np.int64(word >> np.uint64(48))] += np.uint32(1)
        table[2 * spread + np.int64((other >> np.uint64(16)) & mask)] += np.uint32(1)
        table[3 * spread + np.int64(other >> np.uint64(48))] += np.uint32(1)
    for i in range(4 * half, len(piece)):
        table[np.int64(np.uint32(piece[i]) >> np.uint32(16))] += np.uint32(1)


@kernel()
def _add_moments(values: Array, factor: float, sums: Array) -> None:
    """Sums around about the mean of the piece, merged as `Moments.merged_with` does."""
    n = float(len(values))
    mean = 0.0
    looked_at = 0
    for i in range(0, len(values), _LOOK_EVERY):
        mean += np.float64(values[i]) * factor
        looked_at += 1
    mean /= looked_at
    left, s2 = 1.0, 0.0
    # A mean far off would cost digits; then it is taken from all of them.
    while True:
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
        left = s1 / n
        if 4 * left * s1 <= s2 or mean + left == mean:
            break
        mean += left
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
        if magnitude < _INFINITY64:
            kept[count] = codes[i]
            count += 1
        elif magnitude > _INFINITY64:
            seen[_NAN] += 1
        elif codes[i] == _INFINITY64:
            seen[_POSINF] += 1
        else:
            seen[_NEGINF] += 1
    return count


@kernel()
def _see64(codes: Array, values: Array, seen: Array, largest: float) -> Any:
    """Look at all values, and give the largest magnitude; if one is not finite, nothing was seen."""
    signed = codes.view(np.int64)
    least, most = np.int64(2**63 - 1), np.int64(-(2**63))
    smallest, bits = np.uint64(2**64 - 1), np.uint64(0)
    zeros, negative_zeros = 0, 0
    for i in range(len(codes)):
        key = signed[i] ^ ((signed[i] >> np.int64(63)) & np.int64(2**63 - 1))
        least, most = min(least, key), max(most, key)
        magnitude = codes[i] & _MAGNITUDE64
        smallest = min(smallest, magnitude - np.uint64(1))
        bits |= codes[i]
        zeros += magnitude == np.uint64(0)
        negative_zeros += codes[i] == _SIGN64
    extreme = max(most, ~least)
    if extreme >= np.int64(_INFINITY64):
        return extreme
    seen[_MIN], seen[_MAX] = min(seen[_MIN], least), max(seen[_MAX], most)
    if zeros < len(codes):
        seen[_SMALLEST] = min(seen[_SMALLEST], np.int64(smallest))
    seen[_BITS] |= np.int64(bits)
    seen[_ZEROS] += zeros
    seen[_NEGATIVE_ZEROS] += negative_zeros
    if np.array([extreme]).view(np.float64)[0] >= largest:
        for i in range(len(values)):
            seen[_SATURATED] += abs(values[i]) >= largest
    if seen[_NOT_HALF] == 0 and (np.int64(bits) & _NO_HALF64 != 0 or extreme > _MOST_HALF64):
        seen[_NOT_HALF] = 1
    if seen[_NOT_HALF] == 0 and zeros < len(codes) and np.int64(smallest) + 1 < _LEAST_HALF64:
        for i in range(len(values)):
            units = values[i] * 2.0**24
            if np.rint(units) != units:
                seen[_NOT_HALF] = 1
    return extreme


@kernel("void(uint16[::1], uint32[::1])")
def count_halves(codes: Array, table: Array) -> None:
    """Eight codes at a time, into one table or each into one of its own."""
    mask = np.uint64(_HALVES - 1)
    step = 0 if len(table) == _HALVES else _PADDED
    words = codes[: len(codes) // 8 * 8].view(np.uint64)
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
    for i in range(4 * len(words), len(codes)):
        table[codes[i]] += np.uint32(1)


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


@kernel("void(uint32[::1], uint32[::1], float64[::1], int64[::1])")
def count_wide32(codes: Array, table: Array, sums: Array, seen: Array) -> None:
    """Counts, extremes and moments, a piece at a time."""
    kept = np.empty(_PIECE, np.uint32)
    for first in range(0, len(codes), _PIECE):
        piece = codes[first : first + _PIECE]
        if not _see32(piece, seen):
            piece = kept[: _keep_finite32(piece, kept, seen)]
            if len(piece) == 0:
                continue
            _see32(piece, seen)
        _count_firsts(piece, table)
        sums[_EXPONENT] = 0.0
        _add_moments(piece.view(np.float32), 1.0, sums)


@kernel("void(float64[::1], uint32[::1], float64[::1], int64[::1], float64)")
def count_wide64(values: Array, table: Array, sums: Array, seen: Array, largest: float) -> None:
    """Counts, extremes and moments, a piece at a time."""
    kept = np.empty(_PIECE, np.float64)
    for first in range(0, len(values), _PIECE):
        piece = values[first : first + _PIECE]
        most = _see64(piece.view(np.uint64), piece, seen, largest)
        if most >= np.int64(_INFINITY64):
            piece = kept[: _keep_finite64(piece.view(np.uint64), kept.view(np.uint64), seen)]
            if len(piece) == 0:
                continue
            most = _see64(piece.view(np.uint64), piece, seen, largest)
        codes = piece.view(np.uint64)
        for i in range(len(codes)):
            table[np.int64(codes[i] >> np.uint64(45))] += np.uint32(1)
        _add_moments(piece, _fit_unit(most, sums), sums)
