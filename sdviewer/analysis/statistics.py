"""Statistics of one tensor in one pass over its chunks, in float64.

Blocks are summed around their own mean and merged, so neither size nor offset costs digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

Floats = npt.NDArray[np.float64]

# Magnitudes between 2**-400 and 2**400 have squares, and sums of 2**63 squares, in float64.
_SAFE_EXPONENT = 400


@dataclass(frozen=True, slots=True)
class TensorStatistics:
    """What is to be said of a tensor's values; NaN and infinities are counted and left out of the rest.

    Of complex numbers everything is said of the magnitude √(re² + im²); one is NaN if a part is,
    and else infinite if a part is. Of quantised tensors it is the real values.

    Attributes:
        count: values.
        finite, nan, posinf, neginf: how many are so; they add up to `count`.
        zeros: values that are 0 or -0.
        min, max: of finite values; Python integers, exact, for integers and bool.
        mean: Σx / n over the n finite values.
        std: √(Σ(x - mean)² / n), of the population.
        rms: √(Σx² / n).
        l1: Σ|x|.
        l2: √(Σx²).
        absmax: largest |x|.

    `min`, `max`, `mean`, `std`, `rms` and `absmax` are None without a finite value; `l1` and `l2` are 0 then.

    """

    count: int
    finite: int
    nan: int
    posinf: int
    neginf: int
    zeros: int
    min: float | int | None
    max: float | int | None
    mean: float | None
    std: float | None
    rms: float | None
    l1: float
    l2: float
    absmax: float | int | None


def statistics(ref: TensorRef, control: Control | None = None) -> TensorStatistics:
    """The statistics of all values, read by chunks of 1 MiB. Progress is in values.

    Mean and squares are merged by the formulas of Chan, Golub and LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances" (1979): for blocks A and B with δ = mean_B - mean_A,
    mean = mean_A + δ·n_B/n and M2 = M2_A + M2_B + δ²·n_A·n_B/n. Sums of numbers beyond 2**±400 are
    kept divided by a power of two, so that squares neither overflow nor vanish.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    total = _Tally()
    for chunk in ref.chunks(control=control, memory_order=True):
        total = total.merged_with(_tally(chunk))
    return total.statistics()


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

    def statistics(self) -> TensorStatistics:
        """The result."""
        n = self.finite
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
