"""Markers: values that stand out on the axis of a distribution."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sdviewer.analysis.bin_axis import Scale
from sdviewer.analysis.statistics import QUANTILES, TensorStatistics


class Kind(Enum):
    """What can be switched on and off together."""

    MEAN = "Mean and ±σ"
    QUANTILES = "Quantiles"
    LIMITS = "Limits of float16 and float8"


@dataclass(frozen=True, slots=True)
class Marker:
    """A value with its name."""

    kind: Kind
    value: float
    label: str


# Largest finite number and smallest normal one: IEEE 754 binary16, and OCP "8-bit Floating Point" 1.0, table 1.
_LIMITS = (
    ("float16", 65504.0, 2.0**-14),
    ("e4m3fn", 448.0, 2.0**-6),
    ("e5m2", 57344.0, 2.0**-14),
)


def markers_of(statistics: TensorStatistics, scale: Scale, kinds: frozenset[Kind]) -> list[Marker]:
    """The markers of these kinds on an axis of this scale."""
    found: list[Marker] = []
    if Kind.MEAN in kinds and statistics.mean is not None and scale is not Scale.EXPONENT:
        found.append(Marker(Kind.MEAN, statistics.mean, "mean"))
        if statistics.std:
            found.append(Marker(Kind.MEAN, statistics.mean - statistics.std, "−σ"))
            found.append(Marker(Kind.MEAN, statistics.mean + statistics.std, "+σ"))
    if Kind.QUANTILES in kinds and scale is not Scale.EXPONENT:
        for share, quantile in zip(QUANTILES, statistics.quantiles, strict=False):
            label = "median" if share == 0.5 else f"{100 * share:g} %"
            found.append(Marker(Kind.QUANTILES, quantile.value, label))
    if Kind.LIMITS in kinds:
        has_signs = scale is not Scale.EXPONENT and statistics.min is not None and statistics.min < 0
        for name, largest, normal in _LIMITS:
            for sign in (1, -1) if has_signs else (1,):
                found.append(Marker(Kind.LIMITS, sign * largest, f"{name} max"))
                # Where values near zero lie apart, so do these.
                if scale is not Scale.LINEAR and name != "e5m2":
                    found.append(Marker(Kind.LIMITS, sign * normal, f"{name} normal"))
    return found
