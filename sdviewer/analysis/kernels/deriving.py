"""From entries to figures: `sdviewer.analysis.deriving` compiled, which says what each figure is.

A checkpoint may hold a hundred thousand tensors of a few values; for each this takes microseconds. Without
liberties of arithmetic: a tie that is rounded the other way is another number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import deriving
from sdviewer.analysis.deriving import CAST_SUMS, Head
from sdviewer.analysis.kernels.compiling import kernel
from sdviewer.analysis.moments import NO_EXPONENT, SAFE_EXPONENT, SMALLEST_UNIT
from sdviewer.analysis.statistics import CASTS, QUANTILES
from sdviewer.analysis.statistics_table import BOUNDED, BOUNDED_PLACE, COLUMNS, PLACE

Array = npt.NDArray[Any]

_HEAD_COUNT, _HEAD_NAN, _HEAD_POSINF, _HEAD_NEGINF = int(Head.COUNT), int(Head.NAN), int(Head.POSINF), int(Head.NEGINF)
_HEAD_NEGATIVE_ZEROS, _HEAD_TINY = int(Head.NEGATIVE_ZEROS), int(Head.TINY)
_HEAD_LARGEST, _HEAD_LOWEST, _HEAD_SMALLEST = int(Head.LARGEST), int(Head.LOWEST), int(Head.SMALLEST)
_HEAD_DISTINCT, _HEAD_SATURATED, _HEAD_NARROWER = int(Head.DISTINCT), int(Head.SATURATED), int(Head.NARROWER)
_HEAD_STEP, _HEAD_N, _HEAD_EXPONENT, _HEAD_MEAN = int(Head.STEP), int(Head.N), int(Head.EXPONENT), int(Head.MEAN)
_HEAD_M2, _HEAD_M3, _HEAD_M4, _HEAD_L1 = int(Head.M2), int(Head.M3), int(Head.M4), int(Head.L1)

_COUNT, _FINITE, _NAN, _POSINF, _NEGINF = (PLACE[name] for name in ("count", "finite", "nan", "posinf", "neginf"))
_ZEROS, _NEGATIVE_ZEROS = PLACE["zeros"], PLACE["negative_zeros"]
_SUBNORMALS, _SATURATED = PLACE["subnormals"], PLACE["saturated"]
_MIN, _MAX, _ABSMAX, _MEAN, _STD, _RMS = (PLACE[name] for name in ("min", "max", "absmax", "mean", "std", "rms"))
_L1, _L2, _SKEWNESS, _KURTOSIS = PLACE["l1"], PLACE["l2"], PLACE["skewness"], PLACE["kurtosis"]
_EXPONENT_MIN, _EXPONENT_MAX, _CREST = PLACE["exponent_min"], PLACE["exponent_max"], PLACE["crest"]
_NARROWER = PLACE["narrower"]
_QUANTILE, _CAST = PLACE[f"quantile_{QUANTILES[0]:g}"], PLACE[f"{CASTS[0]}_overflow"]
# Places that a function is given. Of numpy: for each int of Python it would be compiled anew.
_OPEN = ("near_zero", "beyond_6_sigma", "distinct", "most_frequent", "most_frequent_count")
_NEAR_ZERO, _BEYOND, _DISTINCT, _FREQUENT, _FREQUENT_COUNT = (np.int64(PLACE[name]) for name in _OPEN)
_B_NEAR_ZERO, _B_BEYOND, _B_DISTINCT, _B_FREQUENT, _B_FREQUENT_COUNT = (np.int64(BOUNDED_PLACE[n]) for n in _OPEN)
_B_QUANTILE, _B_CAST = BOUNDED_PLACE[f"quantile_{QUANTILES[0]:g}"], BOUNDED_PLACE[f"{CASTS[0]}_overflow"]

_QUANTILES = QUANTILES
_FORMATS = deriving.FORMATS
_FLOATS = len(_FORMATS)
_MOST = float(deriving.MOST_ONE_BY_ONE)
_JUST_BELOW = deriving.JUST_BELOW
_NOTHING = math.nan
_GAPS = (301, 132, 57, 23, 10, 4, 1)
_NO_EXPONENT, _SAFE_EXPONENT, _SMALLEST_UNIT = NO_EXPONENT, SAFE_EXPONENT, SMALLEST_UNIT


@kernel(exact=True)
def _exponent(value: Any) -> int:
    """⌊log₂⌋ of a positive number."""
    return int(math.frexp(value)[1] - 1)


@kernel(exact=True)
def _scaled(value: Any, exponent: Any) -> Any:
    """The value times 2**exponent, from -2100 to 2100."""
    half = exponent // 2
    return value * 2.0**half * 2.0 ** (exponent - half) if exponent != 0 else value


@kernel(exact=True)
def _unit_exponent(largest: Any) -> int:
    if largest == 0:
        return _NO_EXPONENT
    exponent = math.frexp(largest)[1]
    return 0 if abs(exponent) <= _SAFE_EXPONENT else max(exponent, _SMALLEST_UNIT)


@kernel(exact=True)
def _near(low: float, high: float) -> float:
    """The smallest magnitude in an entry."""
    return 0.0 if low <= 0 and high >= 0 else min(abs(low), abs(high))


@kernel(exact=True)
def _rounded(value: float, mantissa: Any, smallest: Any) -> float:
    """To the nearest number of a binary format, ties to even, by way of float32 as torch does."""
    y = np.float64(np.float32(value))
    exponent = ((y.view(np.int64) >> 52) & 0x7FF) - 1023
    step: Any = max(exponent, smallest)
    step -= mantissa
    up, down = np.int64((1023 - step) << 52).view(np.float64), np.int64((1023 + step) << 52).view(np.float64)
    return float(np.rint(y * up) * down)


@kernel(exact=True)
def _state(x: float, y: float, largest: float, tiny: float) -> int:
    if y == 0:
        return 1 if x > 0 else 0
    if y > largest:
        return 4
    return 3 if y >= tiny else 2


@kernel(exact=True)
def _mixed(a: float, b: float, part: float) -> float:
    if a == b or part <= 0:
        return a
    difference = b - a
    if not np.isfinite(difference):
        return a * (1 - part) + b * part
    return a + difference * part if part < 0.5 else b - difference * (1 - part)


@kernel(exact=True)
def _decibels(signal: float, noise: float) -> float:
    if signal <= 0:
        return -math.inf if noise > 0 else _NOTHING
    return 10 * math.log10(signal / noise) if noise > 0 else math.inf


@kernel(exact=True)
def _bound(values: Array, bounds: Array, place: Any, bound: Any, value: float, low: float, high: float) -> None:
    values[place] = value
    bounds[bound, 0], bounds[bound, 1] = low, high


@kernel(exact=True)
def _fill_counted(low: Array, high: Array, counts: Array, head: Array, values: Array) -> int:
    n, zeros, subnormals, saturated = 0, 0, 0, 0
    tiny, largest, lowest = head[_HEAD_TINY], head[_HEAD_LARGEST], head[_HEAD_LOWEST]
    for i in range(len(counts)):
        n += counts[i]
        if low[i] == 0 and high[i] == 0:
            zeros += counts[i]
        elif max(abs(low[i]), abs(high[i])) < tiny:
            subnormals += counts[i]
        if high[i] >= largest or low[i] <= lowest:
            saturated += counts[i]
    values[_COUNT], values[_FINITE] = head[_HEAD_COUNT], n
    values[_NAN], values[_POSINF], values[_NEGINF] = head[_HEAD_NAN], head[_HEAD_POSINF], head[_HEAD_NEGINF]
    values[_ZEROS], values[_NEGATIVE_ZEROS] = zeros, head[_HEAD_NEGATIVE_ZEROS]
    values[_SUBNORMALS] = subnormals
    values[_SATURATED] = head[_HEAD_SATURATED] if head[_HEAD_SATURATED] >= 0 else saturated
    values[_NARROWER] = max(head[_HEAD_NARROWER], 0.0)
    return n


@kernel(exact=True)
def _sum_moments(low: Array, counts: Array, n: int, head: Array) -> None:
    """Moments of entries that are values, into the head."""
    exponent = _unit_exponent(max(abs(low[0]), abs(low[-1])))
    shift = -exponent if exponent != _NO_EXPONENT else 0
    mean = 0.0
    for i in range(len(low)):
        mean += _scaled(low[i], shift) * counts[i]
    mean /= n
    left = 0.0
    for i in range(len(low)):
        left += (_scaled(low[i], shift) - mean) * counts[i]
    mean += left / n
    m2, m3, m4, l1 = 0.0, 0.0, 0.0, 0.0
    for i in range(len(low)):
        y = _scaled(low[i], shift)
        away = y - mean
        square = away * away
        m2 += square * counts[i]
        m3 += square * away * counts[i]
        m4 += square * square * counts[i]
        l1 += abs(y) * counts[i]
    head[_HEAD_N], head[_HEAD_EXPONENT], head[_HEAD_MEAN] = n, exponent, mean
    head[_HEAD_M2], head[_HEAD_M3], head[_HEAD_M4], head[_HEAD_L1] = m2, m3, m4, l1


@kernel(exact=True)
def _fill_summed(low: Array, high: Array, counts: Array, n: int, head: Array, values: Array, bounds: Array) -> None:
    exponent, mean, m2 = np.int64(head[_HEAD_EXPONENT]), head[_HEAD_MEAN], head[_HEAD_M2]
    l1 = head[_HEAD_L1]
    least, most = low[0], high[-1]
    absmax = max(abs(least), abs(most))
    shift = -exponent if absmax > 0 else 0
    if least == most:
        mean, m2 = _scaled(least, shift), 0.0
        l1 = abs(mean) * n
    squares = m2 + n * mean * mean
    std, rms = math.sqrt(max(m2, 0.0) / n), math.sqrt(squares / n)
    back = -shift
    values[_MIN], values[_MAX], values[_ABSMAX] = least, most, absmax
    values[_MEAN], values[_STD], values[_RMS] = _scaled(mean, back), _scaled(std, back), _scaled(rms, back)
    root = math.sqrt(squares)
    values[_L1], values[_L2] = _scaled(l1, back), _scaled(root, back)
    if values[_L2] == math.inf:
        values[_L2] = _scaled(root * _JUST_BELOW, back)
    if least < most and std > 0:
        values[_SKEWNESS] = head[_HEAD_M3] / n / (std * std * std)
        values[_KURTOSIS] = head[_HEAD_M4] / n / (std * std * std * std)
    if absmax > 0:
        smallest = head[_HEAD_SMALLEST]
        if smallest == 0:
            smallest = absmax
            for i in range(len(low)):
                near = _near(low[i], high[i])
                if near > 0:
                    smallest = min(smallest, near)
        values[_EXPONENT_MIN], values[_EXPONENT_MAX] = _exponent(smallest), _exponent(absmax)
        values[_CREST] = _scaled(absmax, shift) / rms
    spread = 6 * std if least < most else math.inf
    near_surely, near_perhaps, beyond_surely, beyond_perhaps = 0.0, 0.0, 0.0, 0.0
    for i in range(len(low)):
        near = _scaled(_near(low[i], high[i]), shift)
        far = _scaled(max(abs(low[i]), abs(high[i])), shift)
        if far == 0 or far < rms / 1000:
            near_surely += counts[i]
        if near == 0 or near < rms / 1000:
            near_perhaps += counts[i]
        a, b = _scaled(low[i], shift) - mean, _scaled(high[i], shift) - mean
        if (a > 0 or b < 0) and min(abs(a), abs(b)) > spread:
            beyond_surely += counts[i]
        if max(abs(a), abs(b)) > spread:
            beyond_perhaps += counts[i]
    middle = (near_surely + near_perhaps) // 2
    _bound(values, bounds, _NEAR_ZERO, _B_NEAR_ZERO, middle, near_surely, near_perhaps)
    middle = (beyond_surely + beyond_perhaps) // 2
    _bound(values, bounds, _BEYOND, _B_BEYOND, middle, beyond_surely, beyond_perhaps)


@kernel(exact=True)
def _fill_quantiles(
    low: Array, high: Array, counts: Array, n: int, behind: Array, ends: Array, values: Array, bounds: Array
) -> None:
    total = 0
    for i in range(len(counts)):
        total += counts[i]
        behind[i] = total
    for index in range(len(_QUANTILES)):
        place = (n - 1) * _QUANTILES[index]
        rank = int(place)
        for side in range(2):
            at = min(rank + side, n - 1)
            entry, above = 0, len(behind) - 1
            while entry < above:
                middle = (entry + above) // 2
                if behind[middle] > at:
                    above = middle
                else:
                    entry = middle + 1
            share = (at - (behind[entry] - counts[entry]) + 0.5) / counts[entry]
            ends[side, 0] = _mixed(low[entry], high[entry], share)
            ends[side, 1], ends[side, 2] = low[entry], high[entry]
        for part in range(3):
            ends[0, part] = _mixed(ends[0, part], ends[1, part], place - rank)
        _bound(values, bounds, _QUANTILE + index, _B_QUANTILE + index, ends[0, 0], ends[0, 1], ends[0, 2])


@kernel(exact=True)
def _room(low: float, high: float, step: float) -> float:
    """How many different values an entry can hold."""
    if low == high:
        return 1.0
    return high - low + 1 if step < 0 else step


@kernel(exact=True)
def _fill_frequent(low: Array, high: Array, counts: Array, head: Array, values: Array, bounds: Array) -> None:
    top, best, all_single = 0, -1, True
    step, distinct, fewest = head[_HEAD_STEP], 0.0, 0.0
    for i in range(len(low)):
        if counts[i] > counts[top]:
            top = i
        if low[i] == high[i]:
            if best < 0 or counts[i] > counts[best]:
                best = i
        else:
            all_single = False
        room = _room(low[i], high[i], step)
        distinct += min(room, float(counts[i]))
        fewest = max(fewest, math.ceil(counts[i] / room))
    known = head[_HEAD_DISTINCT]
    if known >= 0 or all_single:
        known = known if known >= 0 else float(len(low))
        _bound(values, bounds, _DISTINCT, _B_DISTINCT, known, known, known)
    else:
        least = max(float(len(low)), _MOST + 1)
        _bound(values, bounds, _DISTINCT, _B_DISTINCT, least, least, max(least, distinct))
    sure = float(counts[best]) if best >= 0 else 0.0
    if sure >= counts[top]:
        _bound(values, bounds, _FREQUENT, _B_FREQUENT, low[best], low[best], low[best])
        _bound(values, bounds, _FREQUENT_COUNT, _B_FREQUENT_COUNT, sure, sure, sure)
        return
    fewest = max(fewest, sure)
    least, most = math.inf, -math.inf
    for i in range(len(low)):
        if counts[i] >= fewest:
            least, most = min(least, low[i]), max(most, high[i])
    _bound(values, bounds, _FREQUENT, _B_FREQUENT, (low[top] + high[top]) / 2, least, most)
    _bound(values, bounds, _FREQUENT_COUNT, _B_FREQUENT_COUNT, fewest, fewest, float(counts[top]))


@kernel(exact=True)
def _store_cast(index: int, cells: Array, values: Array, bounds: Array) -> None:
    place, bound = _CAST + 4 * index, _B_CAST + 4 * index
    for part in range(3):
        surely, perhaps = cells[2 * part], cells[2 * part + 1]
        _bound(values, bounds, place + part, bound + part, (surely + perhaps) // 2, surely, perhaps)
    if cells[7] > 0:
        worst, most = _decibels(cells[6], cells[10]), _decibels(cells[7], cells[9])
        _bound(values, bounds, place + 3, bound + 3, _decibels(cells[8], cells[11]), worst, most)


@kernel(exact=True)
def _add_cast(
    cells: Array,
    times: float,
    near_state: int,
    far_state: int,
    near: float,
    far: float,
    error: float,
    step: float,
    single: bool,
) -> None:
    """Overflow, underflow, subnormal each surely and perhaps; signal, noise each low, high, likely."""
    for part in range(3):
        state = 4 if part == 0 else part
        if near_state <= state <= far_state:
            cells[2 * part + 1] += times
            if near_state == state == far_state:
                cells[2 * part] += times
    if near_state == 4:
        return
    if single:
        square = times * error * error
        cells[7] += times * far * far
        cells[10] += square
        if far_state != 4:
            cells[6] += times * near * near
            cells[8] += times * near * near
            cells[9] += square
            cells[11] += square
        return
    cells[7] += times * far * far
    most = min(step / 2, far)
    cells[10] += times * most * most
    if far_state != 4:
        middle = (near + far) / 2
        cells[6] += times * near * near
        cells[8] += times * middle * middle
        cells[11] += times * ((near * near + near * far + far * far) / 3 if far < step / 2 else step * step / 12)


@kernel(exact=True)
def _cast_values(
    low: Array, counts: Array, bits: int, least: int, largest: float, up: float, scale: float, shift: int, cells: Array
) -> bool:
    """The sums where every entry is a value, into a float format or, with a scale, int8; whether all stay the same."""
    over, under, subnormal, signal, noise, changed = 0.0, 0.0, 0.0, 0.0, 0.0, 0
    tiny = 2.0**least
    for i in range(len(low)):
        given, times = abs(low[i]), float(counts[i])
        x = given
        if scale > 0:
            x = _scaled(given, shift)
            y = float(np.rint(x * 127 / scale) * scale / 127)
        else:
            y = _rounded(x, bits, least)
        is_over = y > largest
        over += times if is_over else 0.0
        under += times if y == 0 and given > 0 else 0.0
        subnormal += times if 0 < y < tiny else 0.0
        changed += y != x
        kept = 0.0 if is_over else x * up
        error = 0.0 if is_over else (x - y) * up
        signal += times * kept * kept
        noise += times * error * error
    cells[0], cells[1], cells[2], cells[3], cells[4], cells[5] = over, over, under, under, subnormal, subnormal
    for place in range(3):
        cells[6 + place], cells[9 + place] = signal, noise
    return changed == 0


@kernel(exact=True)
def _cast_buckets(
    low: Array, high: Array, counts: Array, bits: int, least: int, largest: float, lift: int, scale: float, shift: int,
    cells: Array,
) -> None:  # fmt: skip
    """The same where some entries are buckets."""
    tiny, up = 2.0**least, 2.0 ** float(lift)
    for i in range(len(low)):
        near, far = _near(low[i], high[i]), max(abs(low[i]), abs(high[i]))
        if scale > 0:
            near, far = _scaled(near, shift), _scaled(far, shift)
            step, y = scale / 127, float(np.rint(near * 127 / scale) * scale / 127)
            z = float(np.rint(far * 127 / scale) * scale / 127)
        else:
            # By its bits: a power would take longer than all the rest.
            exponent: Any = ((np.float64(far).view(np.int64) >> 52) & 0x7FF) - 1023
            exponent = max(exponent, least) - bits + lift
            step = np.int64((1023 + exponent) << 52).view(np.float64) if far > 0 else 0.0
            y, z = _rounded(near, bits, least), _rounded(far, bits, least)
        near_state = _state(_near(low[i], high[i]), y, largest, tiny)
        far_state = _state(max(abs(low[i]), abs(high[i])), z, largest, tiny)
        error = (near - y) * up
        _add_cast(cells, counts[i], near_state, far_state, near * up, far * up, error, step, low[i] == high[i])


@kernel(exact=True)
def _fill_casts(
    low: Array, high: Array, counts: Array, head: Array, cells: Array, values: Array, bounds: Array
) -> None:
    absmax = max(abs(low[0]), abs(high[-1])) if len(low) else 0.0
    unit = _unit_exponent(absmax)
    lift = max(-unit, 0) if absmax > 0 else 0
    all_single = True
    for i in range(len(low)):
        all_single = all_single and low[i] == high[i]
    narrower = 0
    for index in range(_FLOATS + 1):
        cells[:] = 0.0
        bits, least, largest, scale, shift, raised = 0, -2000, math.inf, 0.0, 0, lift
        if index < _FLOATS:
            mantissa, smallest, largest = _FORMATS[index]
            bits, least = int(mantissa), int(smallest)
        elif absmax > 0:
            raised, shift = 0, -unit
            scale = _scaled(absmax, shift)
        if index < _FLOATS or absmax > 0:
            if all_single:
                same = _cast_values(low, counts, bits, least, largest, 2.0 ** float(raised), scale, shift, cells)
                if same and index < _FLOATS and cells[0] == 0 and narrower != 1:
                    narrower = 2 if index == 0 else 1 if index == 1 else narrower
            else:
                _cast_buckets(low, high, counts, bits, least, largest, raised, scale, shift, cells)
        _store_cast(index, cells, values, bounds)
    if head[_HEAD_NARROWER] < 0 and all_single and len(low):
        values[_NARROWER] = narrower


@kernel(
    "void(float64[::1], float64[::1], int64[::1], float64[::1], int64[::1], float64[:, ::1], float64[::1],"
    " float64[::1], float64[:, ::1])",
    exact=True,
)
def _derive_into(
    low: Array, high: Array, counts: Array, head: Array, behind: Array, ends: Array, cells: Array,
    values: Array, bounds: Array,
) -> None:  # fmt: skip
    """All figures; `behind`, `ends` and `cells` are room to work in."""
    values[:] = _NOTHING
    bounds[:, :] = _NOTHING
    n = _fill_counted(low, high, counts, head, values)
    if n > 0:
        if head[_HEAD_N] < 0:
            _sum_moments(low, counts, n, head)
        _fill_summed(low, high, counts, n, head, values, bounds)
        _fill_quantiles(low, high, counts, n, behind, ends, values, bounds)
        _fill_frequent(low, high, counts, head, values, bounds)
    else:
        values[_L1], values[_L2] = 0.0, 0.0
        _bound(values, bounds, _NEAR_ZERO, _B_NEAR_ZERO, 0.0, 0.0, 0.0)
        _bound(values, bounds, _BEYOND, _B_BEYOND, 0.0, 0.0, 0.0)
        _bound(values, bounds, _DISTINCT, _B_DISTINCT, 0.0, 0.0, 0.0)
        _bound(values, bounds, _FREQUENT_COUNT, _B_FREQUENT_COUNT, 0.0, 0.0, 0.0)
    _fill_casts(low, high, counts, head, cells, values, bounds)


@kernel(exact=True)
def _sort(x: Array) -> None:
    """By Shell's method with the gaps of Ciura (2001): as quick as any for a few hundred, and quick to compile."""
    for gap in _GAPS:
        for i in range(gap, len(x)):
            value, at = x[i], i
            while at >= gap and x[at - gap] > value:
                x[at] = x[at - gap]
                at -= gap
            x[at] = value


@kernel(
    "void(float64[::1], int64[::1], float64[::1], float64[::1], int64[::1], int64[::1], float64[:, ::1], float64[::1],"
    " float64[:, ::1], float64[:, ::1])",
    exact=True,
)
def _derive_many_into(
    x: Array, starts: Array, head: Array, low: Array, counts: Array, behind: Array, ends: Array, cells: Array,
    bounds: Array, values: Array,
) -> None:  # fmt: skip
    """A row of `values` for each stretch of `x`; the others are room to work in, for the longest of them."""
    for row in range(len(values)):
        nan, posinf, neginf, negative_zeros, n = 0, 0, 0, 0, 0
        for i in range(starts[row], starts[row + 1]):
            value = x[i]
            if math.isfinite(value):
                low[n] = value + 0.0
                n += 1
                if value == 0 and math.copysign(1.0, value) < 0:
                    negative_zeros += 1
            elif value > 0:
                posinf += 1
            elif value < 0:
                neginf += 1
            else:
                nan += 1
        _sort(low[:n])
        entries = 0
        for i in range(n):
            if entries > 0 and low[entries - 1] == low[i]:
                counts[entries - 1] += 1
            else:
                low[entries], counts[entries] = low[i], 1
                entries += 1
        head[_HEAD_COUNT], head[_HEAD_NAN] = starts[row + 1] - starts[row], nan
        head[_HEAD_POSINF], head[_HEAD_NEGINF], head[_HEAD_NEGATIVE_ZEROS] = posinf, neginf, negative_zeros
        head[_HEAD_N] = -1
        found, times = low[:entries], counts[:entries]
        _derive_into(found, found, times, head, behind[:entries], ends, cells, values[row], bounds)


def derive_many(x: Array, starts: Array, head: Array) -> Array:
    """As `sdviewer.analysis.deriving.derive_many`."""
    most = int(np.diff(starts).max(initial=0))
    values = np.empty((len(starts) - 1, len(COLUMNS)))
    behind, ends, cells = np.empty(most, np.int64), np.empty((2, 3)), np.empty(CAST_SUMS)
    low, counts, bounds = np.empty(most), np.empty(most, np.int64), np.empty((len(BOUNDED), 2))
    _derive_many_into(x, starts, head.copy(), low, counts, behind, ends, cells, bounds, values)
    return values


def derive(low: Array, high: Array, counts: Array, head: Array) -> tuple[Array, Array]:
    """As `sdviewer.analysis.deriving.derive`."""
    values, bounds = np.empty(len(COLUMNS)), np.empty((len(BOUNDED), 2))
    behind, ends, cells = np.empty(len(counts), np.int64), np.empty((2, 3)), np.empty(CAST_SUMS)
    _derive_into(low, high, counts, head, behind, ends, cells, values, bounds)
    return values, bounds
