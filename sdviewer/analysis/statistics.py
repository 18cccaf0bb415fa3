"""Statistics of one tensor in one pass over its chunks, in float64.

Blocks are summed around their own mean and merged, so neither size nor offset costs digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

Floats = npt.NDArray[np.float64]

# Magnitudes between 2**-400 and 2**400 have squares, and sums of 2**63 squares, in float64.
_SAFE_EXPONENT = 400


QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
CASTS = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8")


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number known to lie from `low` to `high`, both included; exact where they are equal."""

    value: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether it is the number itself."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Cast:
    """What a conversion to another dtype does to the finite values, rounding to nearest even.

    Attributes:
        overflow: values that become infinite, NaN or the dtype's largest number (float8_e4m3fn and int8
            saturate).
        underflow: values that are not 0 and become 0.
        subnormal: values that become subnormal; 0 for int8.
        snr: signal to noise, 10·log10(Σx² / Σ(x - cast(x))²) in dB over the values that do not overflow;
            infinite where nothing changes, None where there is nothing to measure.

    int8 is symmetric with one scale a tensor: round(x · 127 / absmax); nothing overflows.

    """

    dtype: str
    overflow: Bounded
    underflow: Bounded
    subnormal: Bounded
    snr: Bounded | None


def _f(title: str, form: str, about: str) -> dict[str, str]:
    """Metadata of a field."""
    return {"title": title, "form": form, "about": about}


@dataclass(frozen=True, slots=True)
class TensorStatistics:
    """What is to be said of a tensor's values; NaN and infinities are counted and left out of the rest.

    Of complex numbers everything is said of the magnitude √(re² + im²); one is NaN if a part is,
    and else infinite if a part is. Of quantised tensors it is the real values. n is `finite`.
    Each field's metadata has a `title`, a `form` (count, number, share, text) and `about` in words;
    the table, tooltips and exports are made from it.

    `min` to `crest` and what is None below are None without a finite value (n = 0); `l1` and `l2` are 0 then.
    A constant has neither skewness nor kurtosis (None).
    """

    count: int = field(metadata=_f("Count", "count", "values"))
    finite: int = field(metadata=_f("Finite", "count", "values that are neither NaN nor infinite"))
    nan: int = field(metadata=_f("NaN", "count", "values that are not a number"))
    posinf: int = field(metadata=_f("+Inf", "count", "values that are plus infinity"))
    neginf: int = field(metadata=_f("−Inf", "count", "values that are minus infinity"))
    zeros: int = field(metadata=_f("Zeros", "count", "values that are 0 or -0"))
    negative_zeros: int = field(metadata=_f("Negative zeros", "count", "values that are -0"))
    near_zero: Bounded = field(metadata=_f("Near zero", "count", "finite, |x| < RMS / 1000, zeros among them"))
    subnormals: int = field(metadata=_f("Subnormals", "count", "not 0, and below the dtype's smallest normal number"))
    saturated: int = field(metadata=_f("Saturated", "count", "at the dtype's largest magnitude or an integer's limits"))
    min: float | int | None = field(metadata=_f("Minimum", "number", "smallest finite value"))
    max: float | int | None = field(metadata=_f("Maximum", "number", "largest finite value"))
    absmax: float | int | None = field(metadata=_f("Largest magnitude", "number", "largest |x|"))
    mean: float | None = field(metadata=_f("Mean", "number", "Σx / n"))
    std: float | None = field(metadata=_f("Std", "number", "of the population, √(Σ(x - mean)² / n)"))
    rms: float | None = field(metadata=_f("RMS", "number", "root mean square, √(Σx² / n)"))
    l1: float = field(metadata=_f("L1", "number", "Σ|x|"))
    l2: float = field(metadata=_f("L2", "number", "√(Σx²)"))
    skewness: float | None = field(metadata=_f("Skewness", "number", "m₃ / m₂^1.5 with central moments m"))
    kurtosis: float | None = field(metadata=_f("Kurtosis", "number", "m₄ / m₂²; 3 for a normal distribution"))
    quantiles: tuple[Bounded, ...] = field(
        metadata=_f("Quantiles", "number", "at `QUANTILES`, linear between neighbours")
    )
    distinct: Bounded = field(metadata=_f("Distinct", "count", "distinct finite values, 0 and -0 as one"))
    most_frequent: Bounded | None = field(
        metadata=_f("Most frequent", "number", "the finite value that occurs most often")
    )
    most_frequent_count: Bounded = field(metadata=_f("Its count", "count", "how often the most frequent value occurs"))
    exponent_min: int | None = field(metadata=_f("Smallest exponent", "number", "⌊log₂|x|⌋ of the smallest |x| > 0"))
    exponent_max: int | None = field(metadata=_f("Largest exponent", "number", "⌊log₂|x|⌋ of the largest |x| > 0"))
    crest: float | None = field(metadata=_f("Crest factor", "number", "absmax / RMS; None if all is 0"))
    beyond_6_sigma: Bounded = field(metadata=_f("Beyond 6σ", "count", "finite values with |x - mean| > 6 std"))
    narrower: str = field(metadata=_f("Fits", "text", "the narrower of bfloat16 and float16 that holds every value"))
    casts: tuple[Cast, ...] = field(
        metadata=_f("Casts", "cast", "as `CASTS`: what a conversion would do to the values")
    )


def statistics(ref: TensorRef, control: Control | None = None) -> TensorStatistics:
    """The statistics of all values. Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    total = _Tally()
    chunks = []
    for chunk in ref.chunks(control=control, memory_order=True):
        total = total.merged_with(_tally(chunk))
        chunks.append(real_values(chunk))
    return total.statistics(np.concatenate(chunks) if chunks else np.empty(0))


def real_values(chunk: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The numbers that are counted: magnitudes of complex ones, 0 and 1 for bool, else the values."""
    if chunk.dtype == np.bool_:
        return chunk.view(np.uint8)
    if chunk.dtype.kind != "c":
        return chunk
    with np.errstate(over="ignore", invalid="ignore"):
        magnitude = np.hypot(chunk.real.astype(np.float64), chunk.imag.astype(np.float64))
    # hypot(inf, nan) is inf; here a number with a NaN part counts as NaN.
    return np.where(np.isnan(chunk), np.nan, magnitude)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Counts and sums of some values; the sums are of x·2**-exponent and its square."""

    count: int = 0
    finite: int = 0
    nan: int = 0
    posinf: int = 0
    neginf: int = 0
    zeros: int = 0
    min: float | int | None = None
    max: float | int | None = None
    exponent: int = 0
    mean: float = 0.0
    m2: float = 0.0
    l1: float = 0.0
    squares: float = 0.0

    def merged_with(self, other: _Tally) -> _Tally:
        """The tally of both sets of values."""
        n = self.finite + other.finite
        if not other.finite or not self.finite:
            sums = self if self.finite else other
            exponent, mean, m2, l1, squares = sums.exponent, sums.mean, sums.m2, sums.l1, sums.squares
        else:
            exponent = max(self.exponent, other.exponent)
            a, b = self._scaled_to(exponent), other._scaled_to(exponent)
            delta = b.mean - a.mean
            mean = a.mean + delta * (b.finite / n)
            m2 = a.m2 + b.m2 + delta * delta * (a.finite / n) * b.finite
            l1, squares = a.l1 + b.l1, a.squares + b.squares
        return _Tally(
            self.count + other.count,
            n,
            self.nan + other.nan,
            self.posinf + other.posinf,
            self.neginf + other.neginf,
            self.zeros + other.zeros,
            min((x for x in (self.min, other.min) if x is not None), default=None),
            max((x for x in (self.max, other.max) if x is not None), default=None),
            exponent,
            mean,
            m2,
            l1,
            squares,
        )

    def _scaled_to(self, exponent: int) -> _Tally:
        shift = self.exponent - exponent
        if shift == 0:
            return self
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        kept |= {"exponent": exponent, "mean": math.ldexp(self.mean, shift), "l1": math.ldexp(self.l1, shift)}
        kept |= {"m2": math.ldexp(self.m2, 2 * shift), "squares": math.ldexp(self.squares, 2 * shift)}
        return _Tally(**kept)

    def statistics(self, values: npt.NDArray[Any]) -> TensorStatistics:
        """The result."""
        n = self.finite
        with np.errstate(all="ignore"):
            return self._filled(values, n)

    def _filled(self, values: npt.NDArray[Any], n: int) -> TensorStatistics:
        x = values[np.isfinite(values)].astype(np.float64)
        std = self._unscaled(math.sqrt(self.m2 / n)) if n else 0.0
        rms = self._unscaled(math.sqrt(self.squares / n)) if n else 0.0
        z = (x - self.mean) / std if std else x[:0]
        absmax = float(np.abs(x).max()) if n else None
        magnitudes = np.abs(x[x != 0])
        exponents = np.frexp(magnitudes)[1] - 1
        found, counts = np.unique(x, return_counts=True)

        def exact(value: float) -> Bounded:
            return Bounded(float(value), float(value), float(value))

        return TensorStatistics(
            count=self.count,
            finite=n,
            nan=self.nan,
            posinf=self.posinf,
            neginf=self.neginf,
            zeros=self.zeros,
            min=self.min,
            max=self.max,
            mean=self._unscaled(self.mean) if n else None,
            std=self._unscaled(math.sqrt(self.m2 / n)) if n else None,
            rms=self._unscaled(math.sqrt(self.squares / n)) if n else None,
            l1=self._unscaled(self.l1),
            l2=self._unscaled(math.sqrt(self.squares)),
            absmax=None if self.min is None or self.max is None else max(abs(self.min), abs(self.max)),
            negative_zeros=int((np.signbit(x) & (x == 0)).sum()),
            near_zero=exact((np.abs(x) < rms / 1000).sum()),
            subnormals=0,
            saturated=0,
            skewness=float((z**3).mean()) if len(z) else None,
            kurtosis=float((z**4).mean()) if len(z) else None,
            quantiles=tuple(exact(q) for q in np.quantile(x, QUANTILES)) if n else (),
            distinct=exact(len(found)),
            most_frequent=exact(found[counts.argmax()]) if n else None,
            most_frequent_count=exact(counts.max() if n else 0),
            exponent_min=int(exponents.min()) if len(exponents) else None,
            exponent_max=int(exponents.max()) if len(exponents) else None,
            crest=absmax / rms if absmax and rms else None,
            beyond_6_sigma=exact((np.abs(z) > 6).sum()),
            narrower="",
            casts=tuple(Cast(name, exact(0), exact(0), exact(0), None) for name in CASTS),
        )

    def _unscaled(self, value: float) -> float:
        try:
            return math.ldexp(value, self.exponent)
        except OverflowError:  # a sum that no float64 holds
            return math.copysign(math.inf, value)


def _tally(chunk: npt.NDArray[Any]) -> _Tally:
    values = real_values(chunk)
    count = len(values)
    nan = posinf = neginf = 0
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            nan = int(np.count_nonzero(np.isnan(values)))
            posinf = int(np.count_nonzero(values == np.inf))
            neginf = count - nan - posinf - int(np.count_nonzero(finite))
            values = values[finite]
    n = len(values)
    if n == 0:
        return _Tally(count=count, nan=nan, posinf=posinf, neginf=neginf)
    low, high = values.min().item(), values.max().item()
    exponent = math.frexp(max(abs(low), abs(high)))[1]
    scaled: Floats = values.astype(np.float64)
    if abs(exponent) <= _SAFE_EXPONENT:
        exponent = 0
    else:
        scaled = np.ldexp(scaled, -exponent)
    mean = float(scaled.mean())
    centred = scaled - mean
    # The second sum takes out what rounding left in the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
    m2 = float(np.dot(centred, centred)) - float(centred.sum()) ** 2 / n
    return _Tally(
        count=count,
        finite=n,
        nan=nan,
        posinf=posinf,
        neginf=neginf,
        zeros=n - int(np.count_nonzero(values)),
        min=low,
        max=high,
        exponent=exponent,
        mean=mean,
        m2=max(m2, 0.0),
        l1=float(np.abs(scaled).sum()),
        squares=float(np.dot(scaled, scaled)),
    )
