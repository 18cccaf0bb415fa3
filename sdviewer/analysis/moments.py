"""Moments: sums of centred powers of many values, kept so that neither size nor offset costs digits.

Parts are merged by the formulas of Chan, Golub and LeVeque ("Updating Formulae and a Pairwise Algorithm
for Computing Sample Variances", 1979), to fourth order as in Pébay ("Formulas for Robust, One-Pass
Parallel Computation of Covariances and Arbitrary-Order Statistical Moments", SAND2008-6212, eq. 3.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Fourth powers of numbers between 2**-200 and 2**200, and sums of many, lie far inside float64.
SAFE_EXPONENT = 200
SMALLEST_UNIT = -1000
NO_EXPONENT = -4000


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n finite values x, in units of 2**exponent: y = x · 2**-exponent.

    Attributes:
        n: values; 0 makes all others 0.
        exponent: of the unit; `NO_EXPONENT` while all values are 0.
        mean: Σy / n.
        m2, m3, m4: Σ(y - mean)**2, **3 and **4.
        l1: Σ|y|.

    """

    n: int = 0
    exponent: int = NO_EXPONENT
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    l1: float = 0.0

    def merged_with(self, other: Moments) -> Moments:
        """Those of all values together."""
        if not self.n or not other.n:
            return self if self.n else other
        exponent = max(self.exponent, other.exponent)
        a, b = self._in_units_of(exponent), other._in_units_of(exponent)
        n = a.n + b.n
        delta, share_a, share_b = b.mean - a.mean, a.n / n, b.n / n
        cross = delta * delta * share_a * b.n
        return Moments(
            n,
            exponent,
            a.mean + delta * share_b,
            a.m2 + b.m2 + cross,
            a.m3 + b.m3 + delta * (cross * (share_a - share_b) + 3 * (share_a * b.m2 - share_b * a.m2)),
            a.m4
            + b.m4
            + delta
            * (
                delta
                * (cross * (1 - 3 * share_a * share_b) + 6 * (share_a * share_a * b.m2 + share_b * share_b * a.m2))
                + 4 * (share_a * b.m3 - share_b * a.m3)
            ),
            a.l1 + b.l1,
        )

    def repeated(self, times: int) -> Moments:
        """Those of every value so many times."""
        if times == 1:
            return self
        sums = (self.m2 * times, self.m3 * times, self.m4 * times, self.l1 * times)
        return Moments(self.n * times, self.exponent, self.mean, *sums)

    def _in_units_of(self, exponent: int) -> Moments:
        shift = self.exponent - exponent
        if shift == 0:
            return self
        sums = (math.ldexp(s, power * shift) for s, power in ((self.m2, 2), (self.m3, 3), (self.m4, 4), (self.l1, 1)))
        return Moments(self.n, exponent, math.ldexp(self.mean, shift), *sums)


def unit_exponent(largest: float) -> int:
    """The exponent of the unit in which values up to this magnitude have safe powers."""
    if largest == 0:
        return NO_EXPONENT
    exponent = math.frexp(largest)[1]
    return 0 if abs(exponent) <= SAFE_EXPONENT else max(exponent, SMALLEST_UNIT)


def moments_of(values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64] | None = None) -> Moments:
    """Those of finite values, each counted once or so many times."""
    if not len(values):
        return Moments()
    times = np.ones(len(values)) if counts is None else counts.astype(np.float64)
    n = len(values) if counts is None else int(counts.sum())
    exponent = unit_exponent(float(np.abs(values).max()))
    y = np.ldexp(values, -exponent) if exponent not in {0, NO_EXPONENT} else values
    mean = float(np.dot(y, times)) / n
    mean += float(np.dot(y - mean, times)) / n
    centred = y - mean
    squares = centred * centred
    weighted = squares * times
    return Moments(
        n,
        exponent,
        mean,
        float(weighted.sum()),
        float(np.dot(weighted, centred)),
        float(np.dot(weighted, squares)),
        float(np.dot(np.abs(y), times)),
    )
