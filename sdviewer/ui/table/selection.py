"""RowSelection: which tensors are selected, as one flag each.

Qt keeps ranges of rows: a million of them selected takes it seconds, and another order of the rows
breaks the ranges into as many pieces. A flag belongs to its tensor, wherever it is shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]


class RowSelection:
    """Selected tensors, by their rows in the tensor table; `anchor` is where a range begins, -1 for nowhere."""

    def __init__(self, count: int) -> None:
        self.flags = np.zeros(count, np.bool_)
        self.anchor = -1

    def __contains__(self, row: int) -> bool:
        return bool(self.flags[row])

    def of(self, rows: Rows) -> Rows:
        """Those of some rows that are selected, in the order given."""
        if not self.flags.any():
            return rows[:0]
        return rows if self.flags.all() else rows[self.flags[rows]]

    def only(self, row: int) -> None:
        """Select one row and nothing else."""
        self.clear()
        self.flags[row] = True
        self.anchor = row

    def toggle(self, row: int) -> None:
        """Select a row beside the others, or no longer."""
        self.flags[row] = not self.flags[row]
        self.anchor = row

    def cover(self, rows: Rows, *, beside: bool) -> None:
        """Select these rows, beside the others or instead of them; the anchor stays."""
        if not beside:
            self.flags[:] = False
        self.flags[rows] = True

    def clear(self) -> None:
        """Select nothing."""
        self.flags[:] = False
        self.anchor = -1
