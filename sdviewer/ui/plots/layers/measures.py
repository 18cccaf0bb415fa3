"""What is drawn along layers."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics_table import StatisticsTable

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


class Measure(Enum):
    """A figure of each tensor: its name, and its column."""

    RMS = ("RMS", "rms")
    ABSMAX = ("Largest magnitude", "absmax")
    STD = ("Std", "std")
    KURTOSIS = ("Kurtosis", "kurtosis")
    ZEROS = ("Zeros", "zeros")

    @property
    def title(self) -> str:
        """What it is called."""
        return self.value[0]

    def of(self, table: StatisticsTable, rows: Int64) -> Floats:
        """The figure of these rows; NaN where there is none yet, or none at all."""
        values = table.column(self.value[1])[rows]
        if self is Measure.ZEROS:
            with np.errstate(invalid="ignore", divide="ignore"):
                values = values / table.column("count")[rows]
        return values
