"""Statistics: what is to be said of a tensor's values, each figure exact or with its bounds.

They follow from counts: see counting.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

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
    from sdviewer.analysis.counting import count

    return count(ref, control).figures().statistics()


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
