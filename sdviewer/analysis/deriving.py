"""Deriving: from values and how often each occurs to every figure of `TensorStatistics`, in plain numpy.

`kernels.deriving` is the same compiled, for thousands of small tensors; this is what it is checked
against, and what works until it is there. Entries are ascending: a value, or a bucket of values of
which the lowest and the highest that may be in it are known. What depends on the place in a bucket is
said with bounds.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.moments import Moments, moments_of, unit_exponent
from sdviewer.analysis.statistics import CASTS, QUANTILES
from sdviewer.analysis.statistics_table import BOUNDED, BOUNDED_PLACE, COLUMNS, PLACE

Floats = npt.NDArray[np.float64]
Counts64 = npt.NDArray[np.int64]


class Head(IntEnum):
    """What is known beside the entries: places in an array of float64."""

    COUNT = 0
    NAN = 1
    POSINF = 2
    NEGINF = 3
    NEGATIVE_ZEROS = 4
    TINY = 5  # the dtype's smallest normal number; 0 where it has no subnormals
    LARGEST = 6  # at or beyond these a value is saturated
    LOWEST = 7
    SMALLEST = 8  # the smallest magnitude that is not 0, where entries do not say it; else 0
    DISTINCT = 9  # where entries do not say it; else -1
    SATURATED = 10  # where entries do not say it; else -1
    NARROWER = 11  # where entries do not say it; else -1
    STEP = 12  # values in a bucket: of floats so many; of integers -1: all that lie in it; 0: one
    N = 13  # of the moments; -1: the entries say them
    EXPONENT = 14
    MEAN = 15
    M2 = 16
    M3 = 17
    M4 = 18
    L1 = 19


# Bits of the mantissa, exponent of the smallest normal number, largest number.
FORMATS: Final = (
    (10.0, -14.0, 65504.0),
    (7.0, -126.0, float.fromhex("0x1.fep127")),
    (3.0, -6.0, 448.0),
    (2.0, -14.0, 57344.0),
)
"""The floating-point dtypes of `CASTS`, in that order."""

NAN: Final = math.nan
JUST_BELOW: Final = 1 - 2.0**-50
"""What rounding may have added to a root that lies at the end of float64."""
MOST_ONE_BY_ONE: Final = 256
"""Distinct values that are counted one by one."""
# Part of a cast: overflow, underflow, subnormal as low and high; signal and noise as low, high, estimate.
_OVER, _UNDER, _SUB, _SIGNAL, _NOISE = 0, 2, 4, 6, 9
CAST_SUMS: Final = 12


def derive(low: Floats, high: Floats, counts: Counts64, head: Floats) -> tuple[Floats, Floats]:
    """Every figure and its bounds, in the order of `COLUMNS` and `BOUNDED`.

    Args:
        low: float64, shape `(entries,)`, ascending and finite; 0 and -0 are one entry.
        high: as `low`.
        counts: int64, shape `(entries,)`, none is 0.
        head: float64, shape `(len(Head),)`.

    """
    with np.errstate(all="ignore"):
        return _Deriving(low, high, counts, head).figures()


def derive_many(x: Floats, starts: Counts64, head: Floats) -> Floats:
    """Every figure of several tensors, each by its values.

    Args:
        x: float64, shape `(values,)`: those of all tensors, one after the other, as they are.
        starts: int64, shape `(tensors + 1,)`: where each begins and the last ends.
        head: of all of them; what concerns their counts is filled in for each.

    Returns:
        float64, shape `(tensors, len(COLUMNS))`; all are exact.

    """
    figures = np.empty((len(starts) - 1, len(COLUMNS)))
    for row, (start, end) in enumerate(itertools.pairwise(starts.tolist())):
        part, own = x[start:end], head.copy()
        low, counts = np.unique(part[np.isfinite(part)] + 0.0, return_counts=True)
        own[Head.COUNT], own[Head.N] = len(part), -1
        own[Head.NAN], own[Head.POSINF] = np.isnan(part).sum(), (part == np.inf).sum()
        own[Head.NEGINF], own[Head.NEGATIVE_ZEROS] = (part == -np.inf).sum(), ((part == 0) & np.signbit(part)).sum()
        figures[row] = derive(low, low, counts, own)[0]
    return figures


def rounded(values: npt.NDArray[np.float32], mantissa: float, smallest_exponent: float) -> Floats:
    """Each to the nearest number of a binary format without largest exponent, ties to even.

    A number in [2**e, 2**(e + 1)) is a multiple of 2**(max(e, smallest exponent) - mantissa bits)
    (IEEE 754-2019, 3.3 and 4.3.1), which float64 holds exactly.
    """
    wide = values.astype(np.float64)
    exponent = np.maximum(np.frexp(wide)[1] - 1, int(smallest_exponent)) - int(mantissa)
    return np.where(np.isfinite(wide), np.ldexp(np.rint(np.ldexp(wide, -exponent)), exponent), wide)


class _Deriving:
    """The figures as they come about."""

    def __init__(self, low: Floats, high: Floats, counts: Counts64, head: Floats) -> None:
        self.low, self.high, self.counts, self.head = low, high, counts, head
        self.times = counts.astype(np.float64)
        self.n = int(counts.sum())
        self.values = np.full(len(COLUMNS), NAN)
        self.bounds = np.full((len(BOUNDED), 2), NAN)
        # Magnitudes in an entry lie from `near` to `far`.
        self.near = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
        self.far = np.maximum(np.abs(low), np.abs(high))

    def figures(self) -> tuple[Floats, Floats]:
        self._counted()
        if self.n:
            self._summed()
            self._ranked()
        else:
            self._put("l1", 0.0)
            self._put("l2", 0.0)
            for name in ("near_zero", "distinct", "most_frequent_count", "beyond_6_sigma"):
                self._bounded(name, 0.0)
        self._cast()
        return self.values, self.bounds

    def _put(self, name: str, value: float) -> None:
        self.values[PLACE[name]] = value

    def _bounded(self, name: str, value: float, low: float | None = None, high: float | None = None) -> None:
        self.values[PLACE[name]] = value
        self.bounds[BOUNDED_PLACE[name]] = value if low is None else low, value if high is None else high

    def _between(self, name: str, surely: npt.NDArray[np.bool_], perhaps: npt.NDArray[np.bool_]) -> None:
        """How many values hold what entries surely or perhaps do."""
        low, high = float(self.times[surely].sum()), float(self.times[perhaps].sum())
        self._bounded(name, (low + high) // 2, low, high)

    def _counted(self) -> None:
        head, low, high = self.head, self.low, self.high
        self._put("count", head[Head.COUNT])
        self._put("finite", self.n)
        self._put("nan", head[Head.NAN])
        self._put("posinf", head[Head.POSINF])
        self._put("neginf", head[Head.NEGINF])
        self._put("negative_zeros", head[Head.NEGATIVE_ZEROS])
        zero = (low == 0) & (high == 0)
        self._put("zeros", float(self.times[zero].sum()))
        self._put("subnormals", float(self.times[~zero & (self.far < head[Head.TINY])].sum()))
        saturated = head[Head.SATURATED]
        if saturated < 0:
            saturated = self.times[(high >= head[Head.LARGEST]) | (low <= head[Head.LOWEST])].sum()
        self._put("saturated", saturated)
        self._put("narrower", max(head[Head.NARROWER], 0.0))

    def _summed(self) -> None:
        head, n = self.head, self.n
        moments = (
            moments_of(self.low, self.counts)
            if head[Head.N] < 0
            else Moments(int(head[Head.N]), int(head[Head.EXPONENT]), *head[Head.MEAN :].tolist())
        )
        least, most = float(self.low[0]), float(self.high[-1])
        if least == most:  # what rounding left in the mean is no deviation
            unit = math.ldexp(least, -moments.exponent) if least else 0.0
            moments = replace(moments, mean=unit, m2=0.0, m3=0.0, m4=0.0, l1=abs(unit) * n)
        exponent = moments.exponent
        absmax = max(abs(least), abs(most))
        squares = moments.m2 + n * moments.mean * moments.mean
        std, rms = math.sqrt(max(moments.m2, 0.0) / n), math.sqrt(squares / n)
        self._put("min", least)
        self._put("max", most)
        self._put("absmax", absmax)
        self._put("mean", _scaled(moments.mean, exponent))
        self._put("std", _scaled(std, exponent))
        self._put("rms", _scaled(rms, exponent))
        self._put("l1", _scaled(moments.l1, exponent))
        root = math.sqrt(squares)
        l2 = _scaled(root, exponent)
        self._put("l2", l2 if math.isfinite(l2) else _scaled(root * JUST_BELOW, exponent))
        if least < most and std > 0:
            self._put("skewness", moments.m3 / n / std**3)
            self._put("kurtosis", moments.m4 / n / std**4)
        if absmax > 0:
            smallest = head[Head.SMALLEST] or float(self.near[self.near > 0].min())
            self._put("exponent_min", math.frexp(smallest)[1] - 1)
            self._put("exponent_max", math.frexp(absmax)[1] - 1)
            self._put("crest", math.ldexp(absmax, -exponent) / rms)
        shift = -exponent if absmax else 0
        near, far = np.ldexp(self.near, shift), np.ldexp(self.far, shift)
        self._between("near_zero", (far == 0) | (far < rms / 1000), (near == 0) | (near < rms / 1000))
        a, b = np.ldexp(self.low, shift) - moments.mean, np.ldexp(self.high, shift) - moments.mean
        least_away = np.where((a <= 0) & (b >= 0), 0.0, np.minimum(np.abs(a), np.abs(b)))
        most_away = np.maximum(np.abs(a), np.abs(b))
        spread = 6 * std if least < most else math.inf
        self._between("beyond_6_sigma", least_away > spread, most_away > spread)

    def _ranked(self) -> None:
        low, high, counts, n = self.low, self.high, self.counts, self.n
        behind = np.cumsum(counts)
        for q in QUANTILES:
            place = (n - 1) * q
            rank = int(place)
            part = place - rank
            first, second = np.searchsorted(behind, (rank, min(rank + 1, n - 1)), side="right")
            ends = (mixed(side[first], side[second], part) for side in (low, high))
            inside = []
            for entry, at in ((first, rank), (second, min(rank + 1, n - 1))):
                start = behind[entry] - counts[entry]
                share = (at - start + 0.5) / counts[entry]
                inside.append(mixed(low[entry], high[entry], share) if low[entry] < high[entry] else low[entry])
            self._bounded(f"quantile_{q:g}", mixed(inside[0], inside[1], part), *ends)
        self._most_frequent()

    def _most_frequent(self) -> None:
        low, high, counts, head = self.low, self.high, self.counts, self.head
        top = int(counts.argmax())
        single = low == high
        step = head[Head.STEP]
        room = (high - low + 1) if step < 0 else np.full(len(low), step)
        room = np.where(single, 1.0, room)
        distinct = head[Head.DISTINCT]
        if distinct >= 0:
            self._bounded("distinct", distinct)
        elif single.all():
            self._bounded("distinct", len(low))
        else:
            least = float(max(len(low), MOST_ONE_BY_ONE + 1))
            self._bounded("distinct", least, least, max(least, float(np.minimum(room, self.times).sum())))
        sure = int(counts[single].max()) if single.any() else 0
        if sure >= counts[top]:
            best = int(np.flatnonzero(single & (counts == sure))[0])
            self._bounded("most_frequent", low[best])
            self._bounded("most_frequent_count", sure)
            return
        fewest = max(sure, float(np.ceil(self.times / room).max()))
        perhaps = counts >= fewest
        self._bounded("most_frequent", (low[top] + high[top]) / 2, low[perhaps].min(), high[perhaps].max())
        self._bounded("most_frequent_count", fewest, fewest, float(counts[top]))

    def _cast(self) -> None:
        absmax = float(self.far.max()) if self.n else 0.0
        sums, unchanged = self.cast_sums(absmax)
        store_casts(sums, self.values, self.bounds)
        if self.head[Head.NARROWER] < 0 and (self.low == self.high).all() and self.n:
            self._put("narrower", 1.0 if unchanged[1] else 2.0 if unchanged[0] else 0.0)

    def cast_sums(self, absmax: float) -> tuple[Floats, list[bool]]:
        """The sums of all casts, shape `(len(CASTS), CAST_SUMS)`, and which formats hold every single value."""
        all_sums = np.zeros((len(CASTS), CAST_SUMS))
        # Small numbers are lifted so that their squares are numbers; large ones overflow all formats.
        lift = max(-unit_exponent(absmax), 0) if absmax else 0
        unchanged = []
        for sums, (mantissa, smallest, largest) in zip(all_sums, FORMATS, strict=False):
            states, errors = [], []
            for x in (self.near, self.far):
                y = rounded(x.astype(np.float32), mantissa, smallest)
                states.append(_state(x, y, largest, 2.0**smallest))
                errors.append(np.ldexp(x - y, lift))
            step = np.ldexp(1.0, np.maximum(np.frexp(self.far)[1] - 1, int(smallest)) - int(mantissa) + lift)
            self._sum_states(sums, states[0], states[1])
            near, far = np.ldexp(self.near, lift), np.ldexp(self.far, lift)
            self._sum_errors(sums, states, near, far, errors, step)
            unchanged.append(bool(sums[_OVER] == 0 and not errors[0].any()))
        if absmax:
            self._sum_int8(all_sums[-1], absmax)
        return all_sums, unchanged

    def _sum_int8(self, sums: Floats, absmax: float) -> None:
        """Into -127 … 127 with one scale for all values."""
        exponent = unit_exponent(absmax)
        scale = math.ldexp(absmax, -exponent)
        near, far = np.ldexp(self.near, -exponent), np.ldexp(self.far, -exponent)
        states, errors = [], []
        for x, given in ((near, self.near), (far, self.far)):
            q = np.rint(x * 127 / scale)
            states.append(np.where(q == 0, np.where(given > 0, 1, 0), 3))
            errors.append(x - q * scale / 127)
        self._sum_states(sums, states[0], states[1])
        self._sum_errors(sums, states, near, far, errors, np.full(len(near), scale / 127))

    def _sum_states(self, sums: Floats, near: npt.NDArray[np.int64], far: npt.NDArray[np.int64]) -> None:
        """Count overflows, underflows and subnormals of which the nearest and farthest magnitudes are known."""
        for place, state in ((_OVER, 4), (_UNDER, 1), (_SUB, 2)):
            sums[place] += self.times[(near == state) & (far == state)].sum()
            sums[place + 1] += self.times[(near <= state) & (far >= state)].sum()

    def _sum_errors(
        self,
        sums: Floats,
        states: list[npt.NDArray[np.int64]],
        near: Floats,
        far: Floats,
        errors: list[Floats],
        step: Floats,
    ) -> None:
        """Add up squares of values and of errors, where nothing overflows."""
        single = self.low == self.high
        kept, kept_perhaps = states[1] != 4, states[0] != 4
        middle = (near + far) / 2
        for place, of, where in ((0, near, kept), (1, far, kept_perhaps), (2, middle, kept)):
            sums[_SIGNAL + place] += np.dot(self.times[where], of[where] ** 2)
        # In a bucket an error is at most half a step, and no larger than the value; evenly spread, step² / 12.
        most = np.minimum(step / 2, far) ** 2
        mean = np.where(far < step / 2, (near**2 + near * far + far**2) / 3, step**2 / 12)
        exact = errors[0] ** 2
        sums[_NOISE] += np.dot(self.times[kept & single], exact[kept & single])
        sums[_NOISE + 1] += np.dot(self.times[kept_perhaps], np.where(single, exact, most)[kept_perhaps])
        sums[_NOISE + 2] += np.dot(self.times[kept], np.where(single, exact, mean)[kept])


def store_casts(all_sums: Floats, values: Floats, bounds: Floats) -> None:
    """Write the figures that follow from the sums of casts."""
    for name, sums in zip(CASTS, all_sums, strict=True):
        for part, place in (("overflow", _OVER), ("underflow", _UNDER), ("subnormal", _SUB)):
            column = f"{name}_{part}"
            values[PLACE[column]] = (sums[place] + sums[place + 1]) // 2
            bounds[BOUNDED_PLACE[column]] = sums[place : place + 2]
        if sums[_SIGNAL + 1] > 0:
            column = f"{name}_snr"
            values[PLACE[column]] = _decibels(sums[_SIGNAL + 2], sums[_NOISE + 2])
            # Bounds of both sums apart from each other bound their ratio.
            bounds[BOUNDED_PLACE[column]] = (
                _decibels(sums[_SIGNAL], sums[_NOISE + 1]),
                _decibels(sums[_SIGNAL + 1], sums[_NOISE]),
            )


def cast_sums(values: Floats, counts: Counts64, absmax: float) -> Floats:
    """The sums of all casts over some of a tensor's values, shape `(len(CASTS), CAST_SUMS)`: they add up."""
    with np.errstate(all="ignore"):
        return _Deriving(values, values, counts, np.zeros(len(Head))).cast_sums(absmax)[0]


def _state(x: Floats, y: Floats, largest: float, tiny: float) -> npt.NDArray[np.int64]:
    """Of magnitudes x that become y, ascending: 0 zero, 1 underflow, 2 subnormal, 3 normal, 4 overflow."""
    state = np.where(y >= tiny, 3, 2)
    state = np.where(y > largest, 4, state)
    return np.where(y == 0, np.where(x > 0, 1, 0), state)


def _decibels(signal: float, noise: float) -> float:
    if signal <= 0:
        return -math.inf if noise > 0 else NAN
    return 10 * math.log10(signal / noise) if noise > 0 else math.inf


def mixed(a: float, b: float, part: float) -> float:
    """A number between, without a difference that overflows; at the ends exactly the ends."""
    if a == b or part <= 0:
        return float(a)
    difference = b - a
    if not math.isfinite(difference):
        return float(a * (1 - part) + b * part)
    return float(a + difference * part if part < 0.5 else b - difference * (1 - part))


def _scaled(value: float, exponent: int) -> float:
    """The value times 2**exponent; infinite where no float64 holds it."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
