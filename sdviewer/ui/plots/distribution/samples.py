"""Samples: what is drawn: tensors with what was counted of them, binned for the part in sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.bin_axis import BinAxis, Grid
from sdviewer.analysis.histogram import Histogram
from sdviewer.analysis.masses import Masses
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.ui.detail.measuring import Measured

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """One tensor: `masses` as the axis counts them."""

    name: str
    measured: Measured
    masses: Masses

    @property
    def ref(self) -> TensorRef:
        """The tensor."""
        return self.measured.ref

    @property
    def finite(self) -> int:
        """How many values have a place on an axis."""
        return self.masses.finite

    @property
    def beside(self) -> dict[str, int]:
        """How many values have none."""
        return {"NaN": self.masses.nan, "−Inf": self.masses.neginf, "+Inf": self.masses.posinf}


@dataclass(frozen=True, eq=False, slots=True)
class Refined:
    """What a pass over the values counted: a histogram of the bins of a grid."""

    grid: Grid
    histogram: Histogram

    def part(self, grid: Grid) -> Histogram | None:
        """The histogram of fewer of these bins; None if it has not all of them."""
        own = self.grid
        if grid.width != own.width or grid.first < own.first or grid.last > own.last:
            return None
        first, last = grid.first - own.first, grid.last - own.first
        found = self.histogram
        return Histogram(
            found.edges[first : last + 1],
            found.counts[first:last],
            found.below + int(found.counts[:first].sum()),
            found.above + int(found.counts[last:].sum()),
            found.nan,
            found.posinf,
            found.neginf,
            found.approximate[first:last],
            found.is_exact,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Binned:
    """What is drawn of a sample: its bins in sight, at these positions.

    `is_approximate`: so much stands in bins narrower than what was counted that the values are worth a pass.
    """

    sample: Sample
    positions: Floats
    histogram: Histogram
    is_approximate: bool

    def heights(self, *, as_share: bool, cumulative: bool) -> Floats:
        """Bars: counts, or shares of the sample's finite values; cumulated: how many are not above a bin."""
        counts = self.histogram.counts.astype(np.float64)
        if cumulative:
            counts = np.cumsum(counts) + self.histogram.below
        return counts / max(self.sample.finite, 1) if as_share else counts


def with_masses(axis: BinAxis, measured: Measured, name: str) -> Sample:
    """A tensor as this axis counts it."""
    return Sample(name, measured, measured.masses.magnitudes() if axis.magnitude else measured.masses)
