"""What is drawn of channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.channels import Channels

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


class Measure(Enum):
    """A figure of each channel: its name, and what it is."""

    NORM = ("Norm", "√Σx² of a channel's values")
    MEAN = ("Mean", "Σx / n of a channel's values")
    STD = ("Std", "√(Σ(x − mean)² / n) of a channel's values")
    ABSMAX = ("Largest magnitude", "the largest |x| of a channel's values")

    @property
    def title(self) -> str:
        """What it is called."""
        return self.value[0]

    @property
    def about(self) -> str:
        """What it is."""
        return self.value[1]

    def of(self, channels: Channels) -> Floats:
        """The figure of each channel; NaN where there is none."""
        return {
            Measure.NORM: channels.norm,
            Measure.MEAN: channels.mean,
            Measure.STD: channels.std,
            Measure.ABSMAX: channels.absmax,
        }[self]


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """Channels with what a picture needs of them, made off the GUI thread.

    Attributes:
        channels: the figures.
        dead: numbers of the dead channels, ascending.
        bad: numbers of those with NaN or infinities, ascending.
        orders: of each measure the channels with the largest first, those without a figure last.

    """

    channels: Channels
    dead: Int64
    bad: Int64
    orders: Mapping[Measure, Int64]


def prepared(channels: Channels) -> Prepared:
    """Find what stands out, and all orders."""
    orders = {measure: ordered(measure.of(channels), is_sorted=True) for measure in Measure}
    return Prepared(channels, np.flatnonzero(channels.dead), np.flatnonzero(channels.nonfinite > 0), orders)


def ordered(values: Floats, *, is_sorted: bool) -> Int64:
    """The channels from left to right: in their order, or the largest first and those without a figure last."""
    if not is_sorted:
        return np.arange(len(values))
    return np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")
