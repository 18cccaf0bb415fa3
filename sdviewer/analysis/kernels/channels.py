"""Channels: moments of every channel in a block, and a number by which equal channels are found.

A block is a stretch of a tensor seen as `(outer, size, inner)`; from its first code on it is cut into
*runs*, the neighbours that belong to one channel. A run is summed around a number near its mean and
merged into its channel by the formulas of Chan, Golub and LeVeque (1979), so an offset costs no digits.
Codes of 16 bits are summed in float32, in stretches so short that few additions follow each other:
within 2**-18 of the sum, at twice the speed. A loop that meets what it cannot sum says so, and the
whole block is taken by `float64`; what it has left in its columns until then is worth nothing.

`floats` has the rows mean, M2 = Σ(x - mean)², largest magnitude; `whole` finite values, others, the
exponent e by which float64 is scaled (mean·2**e, M2·4**e), and the mix. Their columns are channels from
`low` on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels.compiling import kernel

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

_ARGUMENTS = "int64, int64, int64, int64, float64[:, ::1], int64[:, ::1]"
# Summed in float32 lanes; some 16 additions each.
_STRETCH = 512
# Largest magnitudes from 2**-50 to 2**60 have squares, and sums of a stretch, in float32.
_LOW_BFLOAT16, _HIGH_BFLOAT16 = (127 - 50) << 7, (127 + 60) << 7
_INFINITE_FLOAT16 = 0x7C00
# Magnitudes between 2**-400 and 2**400 have squares, and sums of 2**63 squares, in float64.
_SAFE = 400


@kernel()
def _float16(code: Any) -> Any:
    """A code of float16 as float32: its parts where float32 has them, which is too small by a factor of 2**112."""
    sign = np.uint32(np.uint32(code & np.uint16(0x8000)) << np.uint32(16))
    rest = np.uint32(np.uint32(code & np.uint16(0x7FFF)) << np.uint32(13))
    return np.uint32(sign | rest).view(np.float32) * np.float32(2.0**112)


@kernel()
def _bfloat16(code: Any) -> Any:
    """A code of bfloat16 as float32."""
    return np.uint32(np.uint32(code) << np.uint32(16)).view(np.float32)


@kernel()
def _merge(floats: Floats, whole: Whole, column: int, count: Any, mean: float, m2: float, top: float) -> None:
    """Take `count` > 0 finite values with this mean and M2 into a channel."""
    before = whole[0, column]
    whole[0, column] = before + count
    floats[2, column] = max(floats[2, column], top)
    if before == 0:
        floats[0, column] = mean
        floats[1, column] = m2
        return
    share = count / (before + count)
    delta = mean - floats[0, column]
    floats[0, column] += delta * share
    floats[1, column] += m2 + delta * delta * share * before


@kernel()
def _take_carefully(floats: Floats, whole: Whole, column: int, values: Any) -> None:
    """Take a run of float64 into a channel: scaled where squares may be beyond float64, what is not finite counted."""
    # Of numpy: for the constant 0 what is given it would be compiled once more.
    top, finite, first = 0.0, np.int64(0), 0.0
    for i in range(len(values)):
        if math.isfinite(values[i]):
            if finite == 0:
                first = values[i]
            finite += 1
            top = max(top, abs(values[i]))
    whole[1, column] += len(values) - finite
    if finite == 0:
        return
    exponent = math.frexp(max(top, floats[2, column]))[1]
    if abs(exponent) <= _SAFE:
        exponent = 0
    shift = whole[2, column] - exponent
    if shift:
        floats[0, column] = math.ldexp(floats[0, column], shift)
        floats[1, column] = math.ldexp(floats[1, column], 2 * shift)
        whole[2, column] = exponent
    # Two factors: one alone may be beyond float64.
    half = -exponent // 2
    factor, rest = math.ldexp(1.0, half), math.ldexp(1.0, -exponent - half)
    pivot = floats[0, column] if whole[0, column] else first * factor * rest
    one, two = 0.0, 0.0
    for i in range(len(values)):
        if math.isfinite(values[i]):
            distance = values[i] * factor * rest - pivot
            one += distance
            two += distance * distance
    off = one / finite
    _merge(floats, whole, column, finite, pivot + off, max(two - one * off, 0.0), top)


@kernel()
def _bfloat16_sums(codes: Any, pivot: Any) -> Any:
    """Σ(x - pivot), Σ(x - pivot)² and the code of the largest magnitude."""
    one, two, top = 0.0, 0.0, np.uint16(0)
    for begin in range(0, len(codes), _STRETCH):
        part = codes[begin : begin + _STRETCH]
        first, second = np.float32(0), np.float32(0)
        for i in range(len(part)):
            top = max(top, np.uint16(part[i] & np.uint16(0x7FFF)))
            distance = _bfloat16(part[i]) - pivot
            first += distance
            second += distance * distance
        one += float(first)
        two += float(second)
    return one, two, top


@kernel()
def _float16_sums(codes: Any, pivot: Any) -> Any:
    one, two, top = 0.0, 0.0, np.uint16(0)
    for begin in range(0, len(codes), _STRETCH):
        part = codes[begin : begin + _STRETCH]
        first, second = np.float32(0), np.float32(0)
        for i in range(len(part)):
            top = max(top, np.uint16(part[i] & np.uint16(0x7FFF)))
            distance = _float16(part[i]) - pivot
            first += distance
            second += distance * distance
        one += float(first)
        two += float(second)
    return one, two, top


@kernel(f"boolean(uint16[::1], {_ARGUMENTS})")
def bfloat16(codes: Any, first: int, size: int, inner: int, low: int, floats: Floats, whole: Whole) -> bool:
    """Take in a block of bfloat16; False if its squares are not all in float32."""
    at, channel, left = 0, first // inner % size, inner - first % inner
    while at < len(codes):
        part = codes[at : at + left]
        column = channel - low
        at += left
        left = inner
        channel = channel + 1 if channel + 1 < size else 0
        pivot = np.float32(floats[0, column])
        if whole[0, column] == 0 and len(part) > _STRETCH:
            pivot = np.float32(_bfloat16_sums(part[:_STRETCH], np.float32(0))[0] / _STRETCH)
        elif whole[0, column] == 0:
            pivot = _bfloat16(part[0])
        one, two, top = _bfloat16_sums(part, pivot)
        if (top >= _LOW_BFLOAT16 or top == 0) and top < _HIGH_BFLOAT16:
            off = one / len(part)
            largest = np.float64(_bfloat16(np.uint16(top)))
            _merge(floats, whole, column, len(part), pivot + off, max(two - one * off, 0.0), largest)
        else:
            return False
    return True


@kernel(f"boolean(uint16[::1], {_ARGUMENTS})")
def float16(codes: Any, first: int, size: int, inner: int, low: int, floats: Floats, whole: Whole) -> bool:
    """Take in a block of float16; False if not all of it is finite."""
    at, channel, left = 0, first // inner % size, inner - first % inner
    while at < len(codes):
        part = codes[at : at + left]
        column = channel - low
        at += left
        left = inner
        channel = channel + 1 if channel + 1 < size else 0
        pivot = np.float32(floats[0, column])
        if whole[0, column] == 0 and len(part) > _STRETCH:
            pivot = np.float32(_float16_sums(part[:_STRETCH], np.float32(0))[0] / _STRETCH)
        elif whole[0, column] == 0:
            pivot = _float16(part[0])
        one, two, top = _float16_sums(part, pivot)
        if top < _INFINITE_FLOAT16:
            off = one / len(part)
            largest = np.float64(_float16(np.uint16(top)))
            _merge(floats, whole, column, len(part), pivot + off, max(two - one * off, 0.0), largest)
        else:
            return False
    return True


@kernel(f"boolean(float32[::1], {_ARGUMENTS})")
def float32(values: Any, first: int, size: int, inner: int, low: int, floats: Floats, whole: Whole) -> bool:
    """Take in a block of float32, summed in float64; False if not all of it is finite."""
    at, channel, left = 0, first // inner % size, inner - first % inner
    while at < len(values):
        part = values[at : at + left]
        column = channel - low
        at += left
        left = inner
        channel = channel + 1 if channel + 1 < size else 0
        codes = part.view(np.uint32)
        top = np.uint32(0)
        for i in range(len(codes)):
            top = max(top, np.uint32(codes[i] & np.uint32(0x7FFFFFFF)))
        if top >= 0x7F800000:
            return False
        pivot = floats[0, column] if whole[0, column] else np.float64(part[0])
        one, two = 0.0, 0.0
        for i in range(len(part)):
            distance = np.float64(part[i]) - pivot
            one += distance
            two += distance * distance
        off = one / len(part)
        largest = np.float64(np.uint32(top).view(np.float32))
        _merge(floats, whole, column, len(part), pivot + off, max(two - one * off, 0.0), largest)
    return True


@kernel(f"void(float64[::1], {_ARGUMENTS})")
def float64(values: Any, first: int, size: int, inner: int, low: int, floats: Floats, whole: Whole) -> None:
    """Take in a block of float64, whatever it holds."""
    at, channel, left = 0, first // inner % size, inner - first % inner
    while at < len(values):
        _take_carefully(floats, whole, channel - low, values[at : at + left])
        at += left
        left = inner
        channel = channel + 1 if channel + 1 < size else 0


@kernel(f"boolean(float32[::1], {_ARGUMENTS})")
def short_runs(values: Any, first: int, size: int, inner: int, low: int, floats: Floats, whole: Whole) -> bool:
    """Take in a block of float32 whose runs are short: summed place by place of one round through the channels.

    False if not all of it is finite.
    """
    around = min(size * inner, len(values))
    pivot = values[:around].astype(np.float64)
    one, two, top = np.zeros(around), np.zeros(around), np.zeros(around, np.float32)
    for begin in range(0, len(values), size * inner):
        part = values[begin : begin + size * inner]
        for place in range(len(part)):
            distance = np.float64(part[place]) - pivot[place]
            one[place] += distance
            two[place] += distance * distance
            magnitude = np.float32(abs(part[place]))
            top[place] = magnitude if magnitude > top[place] else top[place]  # noqa: FURB136  # max is not vectorised
    rounds = len(values) // (size * inner)
    rest = len(values) - rounds * size * inner
    for place in range(around):
        column = (first + place) // inner % size - low
        if math.isfinite(two[place]):
            count = rounds + 1 if place < rest else rounds
            off = one[place] / count
            m2 = max(two[place] - one[place] * off, 0.0)
            _merge(floats, whole, column, count, pivot[place] + off, m2, np.float64(top[place]))
        else:
            return False
    return True


@kernel("void(uint8[::1], float32[::1], float32[::1])", "void(uint16[::1], float32[::1], float32[::1])")
def look_up(codes: Any, table: Any, values: Any) -> None:
    """The value of each code."""
    for i in range(len(codes)):
        values[i] = table[codes[i]]


@kernel(f"void(uint16[::1], {_ARGUMENTS})", f"void(uint32[::1], {_ARGUMENTS})")
def mix(codes: Any, first: int, size: int, inner: int, low: int, _floats: Floats, whole: Whole) -> None:
    """Add to each channel a number of 32 bits that depends on its codes and their places, in any order of blocks.

    Equal channels have equal ones; others seldom, unless somebody made them so.
    """
    at, channel, left = 0, first // inner % size, inner - first % inner
    place = first // inner // size * inner + first % inner
    while at < len(codes):
        part = codes[at : at + left]
        column = channel - low
        start = np.uint32(2 * place + 1)
        at += left
        place += left
        left = inner
        channel += 1
        if channel < size:
            place -= inner
        else:
            channel = 0
        total = np.uint32(0)
        for i in range(len(part)):
            code = np.uint32(part[i])
            odd = np.uint32(start + np.uint32(np.uint32(i) * np.uint32(2)))
            total = np.uint32(total + np.uint32(np.uint32(code ^ np.uint32(code >> np.uint32(15))) * odd))
        whole[3, column] = (whole[3, column] + np.int64(total)) & 0xFFFFFFFF
