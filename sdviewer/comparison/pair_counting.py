"""Counting pairs: from blocks of codes on two sides to `Sums`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks
from sdviewer.checkpoint.decoding import Codes, decode, decode_table, dequantise, value_bits
from sdviewer.comparison.casting import can_cast, cast
from sdviewer.comparison.measures import Sums
from sdviewer.comparison.pair_blocks import PairBlocks
from sdviewer.comparison.tolerances import Tolerance

Values = npt.NDArray[Any]
Widen = Callable[[Codes], Values]

# Values of both sides, as float32, that stay in the cache beside their codes.
_AT_ONCE = 1 << 15
# A sum of squares below this may have lost some of them.
_VANISHING = 2.0**-700
SUMS = ("absolute", "delta2", "a2", "b2", "product", "cross")
TALLY = ("differing", "flips", "outside", "nan", "infinite", "finite")
# name: sign bit, and the first magnitude that is not finite
ULP_OF_NARROW = {
    "float16": (1 << 15, 0x7C00),
    "bfloat16": (1 << 15, 0x7F80),
    "float8_e4m3fn": (1 << 7, 0x7F),
    "float8_e5m2": (1 << 7, 0x7C),
}


class PairCounting:
    """How the values of a pair are compared; `new_share`, `add` and `result` as for counting one tensor."""

    def __init__(self, blocks: PairBlocks, tolerance: Tolerance, *, only_differences: bool = False) -> None:
        self.blocks, self.tolerance = blocks, tolerance
        # Whether values that are the same bit by bit add nothing to norms.
        self.only_differences = only_differences
        self.same_dtype = blocks.a.dtype is blocks.b.dtype
        self.kind = _common(blocks.a, blocks.b)
        self.widen_a, self.widen_b = _widener(blocks.a, self.kind), _widener(blocks.b, self.kind)
        names = blocks.a.dtype.name, blocks.b.dtype.name
        self.casts = not self.same_dtype and self.kind in {"float32", "float64"} and all(map(can_cast, names))
        self.names = names
        # The values of codes that one loop compares; None where no loop does.
        self.table: npt.NDArray[np.float32] | None = None
        if self.same_dtype and self.kind == "float32" and _is_scaled_alike(blocks):
            self.table = _table_of(blocks.a)

    def new_share(self) -> Share:
        """What one thread adds to."""
        return Share(self)

    def result(self, shares: list[Share]) -> Sums:
        """The sums of all shares."""
        total = Sums(codes=0 if self.same_dtype else None, ulp=0 if self.has_ulp else None)
        for share in shares:
            total += share.sums()
        return total

    @property
    def has_ulp(self) -> bool:
        """Whether distances in units of the last place are told."""
        return self.same_dtype and (self.names[0] in ULP_OF_NARROW or self.names[0] in {"float32", "float64"})


class Share:
    """Sums of some blocks of a pair; belongs to one thread."""

    def __init__(self, counting: PairCounting) -> None:
        from sdviewer.analysis.kernels import comparing

        self._loops: Any = comparing
        self._counting = counting
        self._sums = np.zeros(7)
        self._tally = np.zeros(6, np.int64)
        self._count = self._codes = self._cast_a = self._cast_b = self._ulp = 0
        self._place, self._values = -1, (0j, 0j)
        self._top = 0.0
        # Of stretches with values that are not finite, or whose squares are not in float64.
        self._scaled = Sums()

    def add(self, index: int, a: Codes, b: Codes) -> None:
        """Add block `index`."""
        counting = self._counting
        identical = counting.same_dtype and not self._differ(a, b)
        if identical and counting.only_differences:
            self._count += len(a)
            return
        first = index * counting.blocks.a.per_block
        if not identical and counting.table is not None and self._add_at_once(a, b, first):
            return
        for start in range(0, len(a), _AT_ONCE):
            some_a, some_b = a[start : start + _AT_ONCE], b[start : start + _AT_ONCE]
            self._count += len(some_a)
            values_a = counting.widen_a(some_a)
            if identical:
                self._add_identical(values_a)
                continue
            values_b = counting.widen_b(some_b)
            if counting.same_dtype:
                self._add_codes(some_a, some_b)
            if counting.kind == "complex":
                self._add_complex(values_a, values_b, first + start)
            elif counting.kind in {"int64", "uint64"}:
                self._add_integers(values_a, values_b, first + start)
            else:
                self._add_floats(values_a, values_b, first + start)
            if counting.casts:
                self._cast_a += _unequal(cast(values_a, counting.names[1]), values_b)
                self._cast_b += _unequal(values_a, cast(values_b, counting.names[0]))

    def sums(self) -> Sums:
        """What was added so far."""
        counting = self._counting
        told: dict[str, Any] = dict(zip(SUMS, self._sums[:6].tolist(), strict=True))
        told |= zip(TALLY, self._tally.tolist(), strict=True)
        codes = 0 if counting.same_dtype else None
        ulp = 0 if counting.has_ulp else None
        plain = Sums(
            count=self._count,
            codes=None if codes is None else self._codes,
            top=self._top,
            place=self._place,
            values=self._values if self._place >= 0 else None,
            ulp=None if ulp is None else self._ulp,
            cast_a=self._cast_a,
            cast_b=self._cast_b,
            **told,
        )
        return plain + replace(self._scaled, codes=codes, ulp=ulp)

    # -- kinds of blocks -----------------------------------------------------------------------

    def _differ(self, a: Codes, b: Codes) -> bool:
        raw_a, raw_b = (np.ascontiguousarray(codes).reshape(-1).view(np.uint8) for codes in (a, b))
        whole = len(raw_a) // 8 * 8
        if self._loops.differ(raw_a[:whole].view(np.uint64), raw_b[:whole].view(np.uint64)):
            return True
        return raw_a[whole:].tobytes() != raw_b[whole:].tobytes()

    def _add_at_once(self, a: Codes, b: Codes, first: int) -> bool:
        """Add a whole block in one call; False if some of it is not finite: then nothing was added."""
        counting, tolerance = self._counting, self._counting.tolerance
        sums, tally = np.zeros(7), np.zeros(8, np.int64)
        # Only what is larger is looked at closely.
        sums[6] = self._top
        limits = tolerance.rtol, tolerance.atol
        if a.itemsize > 2:
            total = self._loops.add_float32(a, b, *limits, sums, tally)
        else:
            # How far left the sign has to go; codes of what is no float have none.
            sign, _ = ULP_OF_NARROW.get(counting.names[0], (1 << 16, 0))
            total = self._loops.add_narrow(a, b, counting.table, 16 - sign.bit_length(), *limits, sums, tally)
        if not math.isfinite(total):
            return False
        self._count += len(a)
        self._sums += sums
        self._tally += tally[:6]
        self._codes += int(tally[6])
        self._ulp = max(self._ulp, int(tally[7]))
        if sums[6] > self._top:
            self._note(float(sums[6]), counting.widen_a(a), counting.widen_b(b), first)
        return True

    def _add_identical(self, values: Values) -> None:
        if values.dtype.kind == "f":
            total = self._loops.squares(values)
            if math.isfinite(total) and (values.dtype == np.float32 or _has_squares(total, values)):
                self._sums[2:5] += total
                self._tally[5] += len(values)
            else:
                self._add_floats(values, values, -1)
        elif values.dtype.kind == "c":
            self._add_complex(values, values, -1)
        else:
            self._add_integers(values, values, -1)

    def _add_codes(self, a: Codes, b: Codes) -> None:
        counting = self._counting
        if a.ndim > 1:
            self._codes += int((a != b).any(axis=-1).sum())
            return
        self._codes += self._loops.codes_that_differ(a, b)
        name = counting.names[0]
        if name == "float64":
            self._ulp = max(self._ulp, int(self._loops.largest_ulp_of_float64(a, b)))
        elif name == "float32":
            self._ulp = max(self._ulp, int(self._loops.largest_ulp_of_float32(a, b)))
        elif name in ULP_OF_NARROW:
            self._ulp = max(self._ulp, int(self._loops.largest_ulp_of_narrow(a, b, *ULP_OF_NARROW[name])))

    def _add_floats(self, a: Values, b: Values, place: int) -> None:
        tolerance = self._counting.tolerance
        sums, tally = np.zeros(7), np.zeros(6, np.int64)
        add = self._loops.add_singles if a.dtype == np.float32 else self._loops.add_finite
        total = add(a, b, tolerance.rtol, tolerance.atol, sums, tally)
        if math.isfinite(total) and (a.dtype == np.float32 or (_has_squares(sums[2], a) and _has_squares(sums[3], b))):
            self._sums += sums
            self._tally += tally
            self._note(float(sums[6]), a, b, place)
            return
        exponent = max(_exponent(a, b), -1000)
        factor = math.ldexp(1.0, -exponent)
        sums[:], tally[:] = 0, 0
        self._loops.add_any(a, b, factor, tolerance.rtol, tolerance.atol, sums, tally)
        found = _place_of(a, b, factor, float(sums[6])) if sums[6] > 0 and place >= 0 else -1
        told: dict[str, Any] = dict(zip((*SUMS, "top"), sums.tolist(), strict=True))
        told |= zip(TALLY, tally.tolist(), strict=True)
        values = (complex(a[found]), complex(b[found])) if found >= 0 else None
        place = place + found if found >= 0 else -1
        self._scaled += Sums(exponent=exponent, place=place, values=values, **told)

    def _note(self, delta: float, a: Values, b: Values, place: int) -> None:
        if place >= 0 and delta > self._top:
            found = int(self._loops.place_of_delta(a, b, delta))
            self._top, self._place = delta, place + found
            self._values = (complex(a[found]), complex(b[found]))

    def _add_integers(self, a: Values, b: Values, place: int) -> None:
        tolerance = self._counting.tolerance
        gap = int(self._loops.add_integers(a, b, tolerance.rtol, tolerance.atol, self._sums, self._tally))
        if place >= 0 and gap > self._top:
            wide = np.where(a >= b, a.view(np.uint64) - b.view(np.uint64), b.view(np.uint64) - a.view(np.uint64))
            found = int(np.flatnonzero(wide == np.uint64(gap))[0])
            self._top, self._place = float(gap), place + found
            self._values = (complex(int(a[found])), complex(int(b[found])))

    def _add_complex(self, a: Values, b: Values, place: int) -> None:
        tolerance = self._counting.tolerance
        with np.errstate(all="ignore"):
            finite = np.isfinite(a) & np.isfinite(b)
            nan_a, nan_b = np.isnan(a), np.isnan(b)
            delta = np.abs(a - b)
            outside = finite & (delta > tolerance.atol + tolerance.rtol * np.abs(b))
            unequal = (a != b) & ~(nan_a & nan_b)
            x, y = a[finite], b[finite]
            d = x - y
            self._sums[:6] += (
                np.abs(d).sum(),
                (np.abs(d) ** 2).sum(),
                (np.abs(x) ** 2).sum(),
                (np.abs(y) ** 2).sum(),
                (x * y.conj()).real.sum(),
                (d * (x + y).conj()).real.sum(),
            )
        beside = ~finite & unequal
        nan = int((beside & (nan_a | nan_b)).sum())
        infinite = int(beside.sum()) - nan
        self._tally += (int(unequal.sum()), 0, int(outside.sum()) + nan + infinite, nan, infinite, int(finite.sum()))
        if place >= 0 and len(d) and (top := float(np.abs(d).max())) > self._top:
            found = int(np.flatnonzero(finite & (delta == top))[0])
            self._top, self._place, self._values = top, place + found, (complex(a[found]), complex(b[found]))


def _place_of(a: Values, b: Values, factor: float, delta: float) -> int:
    """The first place where the distance of two arrays, times `factor`, is `delta`, -1 for none."""
    with np.errstate(all="ignore"):
        wide_a, wide_b = a.astype(np.float64) * factor, b.astype(np.float64) * factor
        found = np.flatnonzero(np.abs(wide_a - wide_b) == delta)
    return int(found[0]) if len(found) else -1


def _unequal(a: Values, b: Values) -> int:
    with np.errstate(invalid="ignore"):
        return int(((a != b) & ~(np.isnan(a) & np.isnan(b))).sum())


def _has_squares(total: float, values: Values) -> bool:
    """Whether Σx² is not what is left where squares vanish; those that still do are nothing beside it."""
    return total > _VANISHING or not values.any()


def _exponent(a: Values, b: Values) -> int:
    """Of the largest magnitude of values that are finite on both sides."""
    finite = np.isfinite(a) & np.isfinite(b)
    return math.frexp(max(float(np.abs(x[finite]).max(initial=0.0)) for x in (a, b)))[1]


def _common(a: Blocks, b: Blocks) -> str:
    """What both sides are compared as: numbers that hold the values of either, where there are such."""
    kinds = {a.dtype.kind, b.dtype.kind}
    if "complex" in kinds:
        return "complex"
    integers = {"int", "uint", "bool"}
    wide = [x.dtype for x in (a, b) if x.dtype.bits > 32 or (x.dtype.bits == 32 and x.dtype.kind in {"int", "uint"})]
    if kinds <= integers and any(x.bits == 64 for x in wide):
        signed = "int" in {x.kind for x in wide if x.bits == 64}
        return "int64" if signed or "int" in kinds else "uint64"
    if wide or "float64" in {a.dtype.name, b.dtype.name}:
        return "float64"
    return "float32"


def _widener(blocks: Blocks, kind: str) -> Widen:
    dtype = blocks.dtype
    scale, zero_point = blocks.scale, blocks.zero_point
    if kind == "complex":
        return lambda codes: np.ascontiguousarray(decode(codes, dtype)).astype(np.complex128)
    if kind in {"int64", "uint64"}:
        return lambda codes: np.ascontiguousarray(decode(codes, dtype).astype(kind))
    if dtype.kind == "quantised" and dtype.bits > 16:
        return lambda codes: dequantise(codes, dtype, scale, zero_point).astype(kind)
    if value_bits(dtype) > 16:
        return lambda codes: np.ascontiguousarray(decode(codes, dtype)).astype(kind, copy=False)
    if dtype.name == "bfloat16" and kind == "float32":
        return _widen_bfloat16
    return _looker(_values_of_codes(blocks), kind)


def _values_of_codes(blocks: Blocks) -> npt.NDArray[np.float32]:
    """The value of each code of at most 16 bits; writable, as compiled loops want it."""
    dtype = blocks.dtype
    if dtype.kind == "quantised":
        every = np.arange(1 << value_bits(dtype), dtype=np.uint8)
        return dequantise(every, dtype, blocks.scale, blocks.zero_point)
    return decode_table(dtype.name).copy()


def _table_of(blocks: Blocks) -> npt.NDArray[np.float32] | None:
    """The same, empty where the codes say it themselves, None where they do not and are too wide for a table."""
    dtype = blocks.dtype
    if dtype.name in {"float32", "bfloat16"}:
        return np.empty(0, np.float32)
    return _values_of_codes(blocks) if value_bits(dtype) <= 16 else None


def _is_scaled_alike(blocks: PairBlocks) -> bool:
    a, b = blocks.a, blocks.b
    return (a.scale, a.zero_point) == (b.scale, b.zero_point)


def _widen_bfloat16(codes: Codes) -> Values:
    from sdviewer.analysis.kernels.raster import widen_bfloat16

    out = np.empty(len(codes), np.uint32)
    widen_bfloat16(codes, out)
    return out.view(np.float32)


def _looker(table: npt.NDArray[np.float32], kind: str) -> Widen:
    from sdviewer.analysis.kernels.raster import look_up

    def widen(codes: Codes) -> Values:
        out = np.empty(len(codes), np.float32)
        look_up(codes, table, out)
        return out.astype(kind, copy=False)

    return widen
