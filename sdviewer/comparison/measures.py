"""Measures: how far apart the values of two tensors are, from sums that parts of them add up to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_FLOATS = ("absolute", "delta2", "a2", "b2", "product", "cross", "top")


@dataclass(frozen=True, slots=True)
class Sums:
    """What one pass over some pairs of values adds up; Δ is a - b.

    Sums are of values times 2**-exponent, squares of these; only pairs that are finite on both sides are in
    them. A side whose magnitudes are all below 2**-500 of the other's counts as 0 in its own squares.

    Attributes:
        count: pairs of values.
        codes: pairs whose bits differ; None where the dtypes do.
        absolute, delta2, a2, b2, product, cross: Σ|Δ|, ΣΔ², Σa², Σb², Σab, ΣΔ(a + b).
        top, place, values: the largest |Δ|, the flat place of the first pair in reading order that has it, and
            both its values.
        differing: values that are not equal; 0 and -0 are, and any two NaN.
        flips: pairs of opposite sign, neither 0.
        outside: pairs outside the tolerance; a NaN or infinity on one side only is.
        nan, infinite: NaN on one side only; infinities that are not the same.
        finite: pairs that are finite on both sides.
        ulp: the largest distance in units of the last place; None where the dtypes differ or are no floats.
        cast_a, cast_b: values that still differ when a is cast to the dtype of b, and b to that of a.

    """

    count: int = 0
    codes: int | None = 0
    exponent: int = 0
    absolute: float = 0.0
    delta2: float = 0.0
    a2: float = 0.0
    b2: float = 0.0
    product: float = 0.0
    cross: float = 0.0
    top: float = 0.0
    place: int = -1
    values: tuple[complex, complex] | None = None
    differing: int = 0
    flips: int = 0
    outside: int = 0
    nan: int = 0
    infinite: int = 0
    finite: int = 0
    ulp: int | None = 0
    cast_a: int = 0
    cast_b: int = 0

    def __add__(self, other: Sums) -> Sums:
        """The sums over both sets of pairs."""
        exponent = self.exponent if not other._has_sums else other.exponent if not self._has_sums else None
        if exponent is None:
            exponent = max(self.exponent, other.exponent)
        a, b = self._scaled_to(exponent), other._scaled_to(exponent)
        first = b if b.top > a.top or (b.top == a.top and 0 <= b.place < (a.place if a.place >= 0 else math.inf)) else a
        return Sums(
            count=a.count + b.count,
            codes=None if a.codes is None or b.codes is None else a.codes + b.codes,
            exponent=exponent,
            absolute=a.absolute + b.absolute,
            delta2=a.delta2 + b.delta2,
            a2=a.a2 + b.a2,
            b2=a.b2 + b.b2,
            product=a.product + b.product,
            cross=a.cross + b.cross,
            top=first.top,
            place=first.place,
            values=first.values,
            differing=a.differing + b.differing,
            flips=a.flips + b.flips,
            outside=a.outside + b.outside,
            nan=a.nan + b.nan,
            infinite=a.infinite + b.infinite,
            finite=a.finite + b.finite,
            ulp=None if a.ulp is None or b.ulp is None else max(a.ulp, b.ulp),
            cast_a=a.cast_a + b.cast_a,
            cast_b=a.cast_b + b.cast_b,
        )

    @property
    def _has_sums(self) -> bool:
        return bool(self.a2 or self.b2)

    def _scaled_to(self, exponent: int) -> Sums:
        shift = self.exponent - exponent
        if shift == 0:
            return self
        once, twice = ("absolute", "top"), ("delta2", "a2", "b2", "product", "cross")
        changes = {name: math.ldexp(getattr(self, name), shift) for name in once}
        changes |= {name: math.ldexp(getattr(self, name), 2 * shift) for name in twice}
        return replace(self, exponent=exponent, **changes)  # type: ignore[arg-type]  # the floats among its fields


@dataclass(frozen=True, slots=True)
class Measures:
    """How two tensors of the same number of values differ. Sums are over pairs finite on both sides.

    Attributes:
        count: pairs of values.
        differing, changed_fraction: values that are not equal, and their share of `count`.
        max_abs, max_abs_place, max_abs_values: largest |Δ|, its flat row-major place in a, both values; None
            without a pair that is finite on both sides.
        mean_abs: Σ|Δ| / n.
        rmse: √(ΣΔ² / n).
        norm_a, norm_b, norm_delta: Frobenius norms.
        rel_fro: ‖Δ‖ / ‖a‖; None if a is 0.
        cosine: ⟨a, b⟩ / (‖a‖·‖b‖); of vectors that are nearly parallel by 1 - (‖Δ‖² - (‖a‖ - ‖b‖)²) / (2·‖a‖·‖b‖),
            which loses no digits; None if one is 0.
        best_scale: the s for which ‖a - s·b‖ is least, ⟨a, b⟩ / ‖b‖²; None if b is 0.
        sign_flips: pairs of opposite sign.
        max_ulp: largest distance in units of the last place; None where dtypes differ or are no floats.
        nan_mismatch, inf_mismatch: NaN on one side only; infinities that are not the same.
        outside: pairs outside the tolerance.
        counts_outside: whether these are all; False where it is only known that there are at least so many.
        close: whether none is.

    """

    count: int
    differing: int
    changed_fraction: float
    max_abs: float | None
    max_abs_place: int | None
    max_abs_values: tuple[complex, complex] | None
    mean_abs: float | None
    rmse: float | None
    norm_a: float
    norm_b: float
    norm_delta: float
    rel_fro: float | None
    cosine: float | None
    best_scale: float | None
    sign_flips: int
    max_ulp: int | None
    nan_mismatch: int
    inf_mismatch: int
    outside: int
    counts_outside: bool = True

    @property
    def close(self) -> bool:
        """Whether every pair is within the tolerance."""
        return self.outside == 0


def measures_of(sums: Sums) -> Measures:
    """The measures of sums."""
    n = sums.finite
    a, b, delta = (math.sqrt(value) for value in (sums.a2, sums.b2, sums.delta2))
    return Measures(
        count=sums.count,
        differing=sums.differing,
        changed_fraction=sums.differing / sums.count if sums.count else 0.0,
        max_abs=_unscaled(sums.top, sums.exponent) if n else None,
        max_abs_place=sums.place if n and sums.place >= 0 else None,
        max_abs_values=sums.values if n else None,
        mean_abs=_unscaled(sums.absolute / n, sums.exponent) if n else None,
        rmse=_unscaled(math.sqrt(sums.delta2 / n), sums.exponent) if n else None,
        norm_a=_unscaled(a, sums.exponent),
        norm_b=_unscaled(b, sums.exponent),
        norm_delta=_unscaled(delta, sums.exponent),
        rel_fro=delta / a if a else None,
        cosine=_cosine(sums, a, b),
        best_scale=sums.product / sums.b2 if sums.b2 else None,
        sign_flips=sums.flips,
        max_ulp=sums.ulp,
        nan_mismatch=sums.nan,
        inf_mismatch=sums.infinite,
        outside=sums.outside,
    )


def _cosine(sums: Sums, a: float, b: float) -> float | None:
    if not a or not b:
        return None
    # ‖a‖ - ‖b‖ = (‖a‖² - ‖b‖²) / (‖a‖ + ‖b‖), and ‖a‖² - ‖b‖² = ΣΔ(a + b).
    gap = sums.cross / (a + b)
    missing = (sums.delta2 - gap * gap) / (2 * a * b)
    # Of vectors that are far apart in length the difference has lost what this would tell.
    if sums.delta2 <= a * b and 0 <= missing < 0.5:
        return 1.0 - missing
    return min(max(sums.product / (a * b), -1.0), 1.0)


def _unscaled(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:  # no float64 holds it
        return math.inf
