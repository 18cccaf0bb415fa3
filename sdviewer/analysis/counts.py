"""Counts: how often each value of a tensor occurs, or each bucket of values; every figure follows from them.

Of a dtype of at most 16 bits, of a small tensor and of one with few different values the entries are
values, and all is exact. Else an entry is a bucket: the values that share sign, exponent and the first
seven bits of their mantissa as a floating-point number; moments and extremes are summed beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import deriving
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.deriving import Head
from sdviewer.analysis.loops import are_halves
from sdviewer.analysis.moments import Moments, moments_of
from sdviewer.analysis.statistics import TensorStatistics
from sdviewer.analysis.statistics_table import Figures
from sdviewer.checkpoint.decoding import Codes, decode_table
from sdviewer.checkpoint.dtypes import Dtype

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# The first bits of a magnitude, exponent and seven of the mantissa, are what a bucket tells.
MANTISSA_BITS = 7
# Buckets of float32 and of float64: half of the places of a table by sign and first bits.
BUCKETS = {"float32": 1 << 15, "float64": 1 << 18}

_TINY = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "bfloat16": 2.0**-126,
    "float16": 2.0**-14,
    "float8_e4m3fn": 2.0**-6,
    "float8_e4m3fnuz": 2.0**-7,
    "float8_e5m2": 2.0**-14,
    "float8_e5m2fnuz": 2.0**-15,
    "float4_e2m1fn_x2": 1.0,
    "float6_e2m3fn": 1.0,
    "float6_e3m2fn": 0.25,
}
_PART_OF_COMPLEX = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Where values of a dtype stand out.

    Attributes:
        tiny: the smallest normal number; 0 where there are no subnormals.
        largest, lowest: at or beyond these a value is saturated.

    """

    tiny: float = 0.0
    largest: float = math.inf
    lowest: float = -math.inf


@dataclass(frozen=True, slots=True)
class Beside:
    """What was summed beside buckets.

    Attributes:
        moments: of the finite values.
        min, max: smallest and largest finite value.
        smallest: the smallest magnitude that is not 0; 0 if all are.
        low_bits: whether a value had any of the bits that a bucket does not tell.
        fits_half: whether every value is a float16.
        saturated: values at the dtype's limits.

    """

    moments: Moments
    min: float
    max: float
    smallest: float
    low_bits: bool
    fits_half: bool
    saturated: int

    def merged_with(self, other: Beside) -> Beside:
        """That of both."""
        smallest = (x for x in (self.smallest, other.smallest) if x > 0)
        return Beside(
            self.moments.merged_with(other.moments),
            min(self.min, other.min),
            max(self.max, other.max),
            min(smallest, default=0.0),
            self.low_bits or other.low_bits,
            self.fits_half and other.fits_half,
            self.saturated + other.saturated,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Counts:
    """How often the finite values of a tensor occur, ascending; complex ones by magnitude.

    Attributes:
        dtype: of the tensor.
        codes: shape `(entries,)`: the bit pattern of each value, unsigned, one of those where several mean
            the same (0 and -0); of a bucket int64, ascending: 0 for zeros, else the first bits of its
            magnitudes plus 1, with the sign.
        counts: int64, shape `(entries,)`: how often; none is 0.
        low, high: float64, shape `(entries,)`: the smallest and the largest value that may be in an entry;
            equal where it is one value. Integers beyond 2**53 are rounded.
        nan, posinf, neginf: values that are not finite, and in no entry.
        negative_zeros: of the zeros.
        limits: of the dtype.
        carrier: the numpy dtype in which values were compared: float32, float64 or an integer.
        beside: None where entries are values.
        integers: smallest and largest integer, exact; None for other dtypes or without values.
        saturated: of 64-bit integers, whose limits no float64 tells from their neighbours; else -1.

    """

    dtype: Dtype
    codes: npt.NDArray[np.integer[Any]]
    counts: Int64
    low: Floats
    high: Floats
    nan: int
    posinf: int
    neginf: int
    negative_zeros: int
    limits: Limits
    carrier: str
    beside: Beside | None = None
    integers: tuple[int, int] | None = None
    saturated: int = -1

    @property
    def finite(self) -> int:
        """Finite values."""
        return int(self.counts.sum())

    @property
    def is_exact(self) -> bool:
        """Whether every entry is one value."""
        return self.beside is None

    def figures(self) -> Figures:
        """Every statistic."""
        values, bounds = compiled_or("deriving", deriving).derive(self.low, self.high, self.counts, self.head())
        integers = None
        if self.integers is not None:
            integers = (*self.integers, max(map(abs, self.integers)))
        return Figures(values, None if _agree(bounds) else bounds, integers)

    def statistics(self) -> TensorStatistics:
        """The same for people who read code."""
        return self.figures().statistics()

    def repeated(self, times: int) -> Counts:
        """Those of every value so many times."""
        if times == 1:
            return self
        beside = self.beside
        if beside is not None:
            beside = replace(beside, moments=beside.moments.repeated(times), saturated=beside.saturated * times)
        return replace(
            self,
            counts=self.counts * times,
            nan=self.nan * times,
            posinf=self.posinf * times,
            neginf=self.neginf * times,
            negative_zeros=self.negative_zeros * times,
            beside=beside,
            saturated=self.saturated * times if self.saturated > 0 else self.saturated,
        )

    def merged_with(self, other: Counts) -> Counts:
        """Those of the values of both, which are of the same dtype (and scale)."""
        if not other.count:
            return self
        if not self.count:
            return other
        if self.beside is not None or other.beside is not None:
            a, b = self.bucketed(), other.bucketed()
            assert a.beside is not None  # noqa: S101  # it is bucketed
            assert b.beside is not None  # noqa: S101  # it is bucketed
            codes, place = np.unique(np.concatenate([a.codes, b.codes]), return_inverse=True)
            counts = np.zeros(len(codes), np.int64)
            np.add.at(counts, place, np.concatenate([a.counts, b.counts]))
            return _of_buckets(_both(a, b), codes, counts, a.beside.merged_with(b.beside))
        values = np.concatenate([self.low, other.low])
        codes, counts = np.concatenate([self.codes, other.codes]), np.concatenate([self.counts, other.counts])
        return of_values(_both(self, other), values, codes, counts)

    @property
    def count(self) -> int:
        """Values, finite or not."""
        return self.finite + self.nan + self.posinf + self.neginf

    def bucketed(self) -> Counts:
        """The same as buckets, whose moments were summed from the values."""
        if self.beside is not None:
            return self
        nonzero = np.abs(self.low[self.low != 0])
        beside = Beside(
            moments_of(self.low, self.counts),
            float(self.low[0]) if len(self.low) else math.inf,
            float(self.low[-1]) if len(self.low) else -math.inf,
            float(nonzero.min()) if len(nonzero) else 0.0,
            bool((_bits(self.low, self.carrier) & _low_mask(self.carrier)).any()),
            bool(are_halves(self.low).all()),
            self._saturated(),
        )
        codes = _bits(np.abs(self.low), self.carrier) >> _low_bit_count(self.carrier)
        places = np.where(self.low == 0, 0, np.where(self.low < 0, -1, 1) * (codes.astype(np.int64) + 1))
        first = np.flatnonzero(np.append(True, places[1:] != places[:-1])) if len(places) else places
        counts = np.add.reduceat(self.counts, first) if len(first) else self.counts
        return _of_buckets(self, places[first], counts, beside)

    def _saturated(self) -> int:
        if self.saturated >= 0:
            return self.saturated
        at = (self.low >= self.limits.largest) | (self.low <= self.limits.lowest)
        return int(self.counts[at].sum())

    def head(self) -> Floats:
        """What is known beside the entries, in the order of `Head`."""
        head = np.zeros(len(Head))
        head[: Head.LOWEST + 1] = (
            self.count,
            self.nan,
            self.posinf,
            self.neginf,
            self.negative_zeros,
            self.limits.tiny,
            self.limits.largest,
            self.limits.lowest,
        )
        head[Head.DISTINCT], head[Head.SATURATED], head[Head.N] = -1, self.saturated, -1
        may_be_narrower = self.dtype.kind == "float" and self.dtype.bits > 16
        head[Head.NARROWER] = -1 if may_be_narrower else 0
        beside = self.beside
        if beside is None:
            head[Head.DISTINCT] = len(self.codes)
            return head
        moments = beside.moments
        head[Head.N :] = (
            moments.n, moments.exponent, moments.mean, moments.m2, moments.m3, moments.m4, moments.l1
        )  # fmt: skip
        head[Head.SMALLEST], head[Head.SATURATED] = beside.smallest, beside.saturated
        if may_be_narrower and not np.array_equal(self.low, self.high):
            head[Head.NARROWER] = 2 if beside.fits_half else 0
        head[Head.STEP] = -1 if self.carrier.startswith(("int", "uint")) else 2.0 ** _low_bit_count(self.carrier)
        return head


def of_values(facts: Counts, values: Floats, codes: Codes, counts: Int64) -> Counts:
    """`facts` with these entries, in any order, equal values summed up; none is 0 or not finite."""
    # Ascending codes are ascending and descending values, which a stable sort hardly moves.
    is_ascending = bool(np.all(codes[1:] > codes[:-1]))
    order = np.argsort(values, kind="stable") if is_ascending else np.lexsort((codes, values))
    values, codes, counts = values[order], codes[order], counts[order]
    if len(values) > 1:
        differ = values[1:] != values[:-1]
        if facts.carrier in {"int64", "uint64"}:  # the same float64 may stand for two
            differ |= codes[1:] != codes[:-1]
        if not differ.all():
            first = np.flatnonzero(np.append(True, differ))
            values, codes, counts = values[first], codes[first], np.add.reduceat(counts, first)
    values = values + 0.0  # -0 as 0
    return replace(facts, low=values, high=values, codes=codes, counts=counts, beside=None)


def of_table(facts: Counts, table: npt.NDArray[Any], zeros: int, beside: Beside) -> Counts:
    """`facts` with buckets from a table by sign and first bits, in which `zeros` values are 0."""
    half = len(table) // 2
    places = np.flatnonzero(table != 0)
    counts = table[places].astype(np.int64)
    counts[places == 0] -= zeros - facts.negative_zeros
    counts[places == half] -= facts.negative_zeros
    places, counts = places[counts > 0], counts[counts > 0]
    split = int(np.searchsorted(places, half))
    zero = np.zeros(1 if zeros else 0, np.int64)
    codes = np.concatenate([half - 1 - places[split:][::-1], zero, places[:split] + 1])
    counts = np.concatenate([counts[split:][::-1], zero + zeros, counts[:split]])
    return _of_buckets(facts, codes, counts, beside)


def _of_buckets(facts: Counts, codes: Int64, counts: Int64, beside: Beside) -> Counts:
    unsigned: Any = np.uint32 if facts.carrier == "float32" else np.uint64
    shift = _low_bit_count(facts.carrier)
    bits = np.maximum(np.abs(codes) - 1, 0).astype(unsigned) << unsigned(shift)
    ends = (bits, bits | _low_mask(facts.carrier)) if beside.low_bits else (bits, bits)
    near, far = (end.view(f"float{end.itemsize * 8}").astype(np.float64) for end in ends)
    if facts.carrier.startswith(("int", "uint")):
        near, far = np.ceil(near), np.floor(far)
    near, far = np.maximum(near, beside.smallest), np.maximum(far, beside.smallest)
    near, far = np.where(codes == 0, 0.0, near), np.where(codes == 0, 0.0, far)
    low, high = np.where(codes < 0, -far, near), np.where(codes < 0, -near, far)
    if len(codes):
        low, high = np.maximum(low, beside.min), np.minimum(high, beside.max)
    return replace(facts, codes=codes, counts=counts, low=low, high=high, beside=beside)


def _both(a: Counts, b: Counts) -> Counts:
    """What is added up for both, without entries."""
    integers = None
    if a.integers is not None and b.integers is not None:
        integers = min(a.integers[0], b.integers[0]), max(a.integers[1], b.integers[1])
    return replace(
        a,
        nan=a.nan + b.nan,
        posinf=a.posinf + b.posinf,
        neginf=a.neginf + b.neginf,
        negative_zeros=a.negative_zeros + b.negative_zeros,
        integers=integers or a.integers or b.integers,
        saturated=a.saturated + b.saturated if a.saturated >= 0 and b.saturated >= 0 else -1,
    )


def _low_bit_count(carrier: str) -> int:
    """Bits of a value that its bucket does not tell: integers are put into buckets as float64."""
    return 23 - MANTISSA_BITS if carrier == "float32" else 52 - MANTISSA_BITS


def _low_mask(carrier: str) -> Any:
    bits = (1 << _low_bit_count(carrier)) - 1
    return np.uint32(bits) if carrier == "float32" else np.uint64(bits)


def _bits(values: Floats, carrier: str) -> Codes:
    return values.astype(np.float32).view(np.uint32) if carrier == "float32" else values.view(np.uint64)


def _agree(bounds: Floats) -> bool:
    """Whether all bounds are the values."""
    known = ~np.isnan(bounds[:, 0])
    return bool(np.all(bounds[known, 0] == bounds[known, 1]))


@cache
def limits_of(dtype: Dtype) -> Limits:
    """Of a dtype that is not quantised."""
    if dtype.kind == "bool":
        return Limits()
    if dtype.kind in {"int", "uint"}:
        # int1 … int7 lie in bytes.
        bits = int(dtype.name.removeprefix("uint").removeprefix("int"))
        return (
            Limits(0.0, 2.0**bits - 1)
            if dtype.kind == "uint"
            else Limits(0.0, 2.0 ** (bits - 1) - 1, -(2.0 ** (bits - 1)))
        )
    name = _PART_OF_COMPLEX.get(dtype.name, dtype.name)
    if name in {"float32", "float64"}:
        largest = float(np.finfo(name).max)
    else:
        table = decode_table(name)
        largest = float(table[np.isfinite(table)].max())
    return Limits(_TINY.get(name, 0.0), largest, -largest)
