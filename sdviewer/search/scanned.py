"""Scanned: what a scan has found, as the filter asks for it.

The scan stands above the filter: whoever has its results hands them in.
"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from sdviewer.search.conditions import Choice, RealRange
from sdviewer.search.query import FieldTest

Mask = npt.NDArray[np.bool_]


class Scanned(Protocol):
    """Results by row of the tensor table; arrays may be longer than what is listed."""

    @property
    def has_figures(self) -> Mask:
        """Whose values were counted."""

    @property
    def is_examined(self) -> Mask:
        """Whose values were counted, or could not be read."""

    def figure(self, field: str) -> npt.NDArray[np.float64]:
        """One figure, by the name of its field; NaN where there is none."""

    def having(self, word: str) -> Mask:
        """Of which health says this, see `HEALTH_WORDS`."""


def fit_of_scanned(test: FieldTest, count: int, scanned: Scanned | None) -> tuple[Mask, Mask]:
    """Which of `count` listed rows fit a field that needs a scan, and of which that is not known."""
    fits = np.zeros(count, np.bool_)
    if scanned is None:
        wants_unknown = test.field == "health" and Choice("unknown") in test.conditions
        return fits | wants_unknown, np.full(count, not wants_unknown)
    known = scanned.is_examined[:count] if test.field == "health" else scanned.has_figures[:count]
    if test.field == "health":
        words = {cast("Choice", condition).word for condition in test.conditions}
        for word in words - {"unknown"}:
            fits |= scanned.having(word)[:count]
        if "unknown" in words:
            return (fits & known) | ~known, np.zeros(count, np.bool_)
        return fits & known, ~known
    figures = scanned.figure(test.field)[:count]
    for condition in test.conditions:
        fits |= _within(figures, cast("RealRange", condition))
    return fits & known, ~known


def _within(values: npt.NDArray[np.float64], limits: RealRange) -> Mask:
    above = values > limits.low if limits.open_low else values >= limits.low
    below = values < limits.high if limits.open_high else values <= limits.high
    return np.asarray(above & below, np.bool_)
