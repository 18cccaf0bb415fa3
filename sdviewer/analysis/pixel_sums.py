"""PixelSums: what the pixels of a picture hold of the values that were added to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.plane_reading import Numbers

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
States = npt.NDArray[np.uint8]

# Sums of this many columns stay in the nearest cache while rows are added to them.
_ACROSS = 1024

NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY, EMPTY = 1, 2, 4, 8
"""Bits of a pixel's state: it holds such values; it holds none at all."""


@dataclass(frozen=True, eq=False, slots=True)
class PixelSums:
    """Arrays of shape `(height, width)` unless said otherwise, changed by `add`.

    Threads may add at the same time to different rows of pixels, each with an object of its own over the same
    arrays and `column_squares` and `odd` of its own.

    Attributes:
        row_edges, column_edges: pixel (y, x) is made of rows row_edges[y] … row_edges[y + 1] - 1 of a plane, and of
            columns likewise.
        factor: values are multiplied by this power of two before they are summed.
        sums: of finite values, scaled.
        lows, highs: the smallest and largest finite values; infinite where there are none.
        counts: finite values.
        states: bits.
        row_squares, column_squares: sums of squares of finite values, scaled, shapes `(height,)` and `(width,)`.
        odd: how many NaN, +inf and -inf.

    """

    row_edges: Counts
    column_edges: Counts
    factor: float
    sums: Floats
    lows: Floats
    highs: Floats
    counts: Counts
    states: States
    row_squares: Floats
    column_squares: Floats
    odd: Counts

    @classmethod
    def empty(cls, row_edges: Counts, column_edges: Counts, factor: float) -> PixelSums:
        """Nothing was added yet."""
        height, width = len(row_edges) - 1, len(column_edges) - 1
        return cls(
            row_edges,
            column_edges,
            factor,
            np.zeros((height, width)),
            np.full((height, width), np.inf),
            np.full((height, width), -np.inf),
            np.zeros((height, width), np.int64),
            np.zeros((height, width), np.uint8),
            np.zeros(height),
            np.zeros(width),
            np.zeros(3, np.int64),
        )

    def share(self) -> PixelSums:
        """For another thread; give it back with `join`."""
        own = np.zeros_like(self.column_squares), np.zeros_like(self.odd)
        arrays = (self.sums, self.lows, self.highs, self.counts, self.states, self.row_squares)
        return PixelSums(self.row_edges, self.column_edges, self.factor, *arrays, *own)

    def join(self, share: PixelSums) -> None:
        """Take what a share holds of its own."""
        self.column_squares[:] += share.column_squares
        self.odd[:] += share.odd

    def add(self, values: Numbers, row: int, column: int, *, compiled: bool) -> None:
        """Add the values of a piece that begins at a row and column of the plane."""
        if not compiled:
            self._add_plainly(values, row, column)
            return
        from sdviewer.analysis.kernels.raster import add_block

        add_block(
            values,
            row,
            column,
            int(np.searchsorted(self.row_edges, row, side="right")) - 1,
            int(np.searchsorted(self.column_edges, column, side="right")) - 1,
            self.row_edges,
            self.column_edges,
            self.factor,
            self.sums,
            self.lows,
            self.highs,
            self.counts,
            self.states,
            self.row_squares,
            self.column_squares,
            self.odd,
            np.empty((2, _ACROSS)),
            np.empty((2, _ACROSS), values.dtype),
        )

    def _add_plainly(self, values: Numbers, row: int, column: int) -> None:
        down, rows = _runs(self.row_edges, row, values.shape[0])
        across, columns = _runs(self.column_edges, column, values.shape[1])
        place = (rows, columns)

        def gathered(how: np.ufunc, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.asarray(how.reduceat(how.reduceat(array, down, axis=0), across, axis=1))

        finite = np.isfinite(values)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.where(finite, values, 0).astype(np.float64) * self.factor
            squares = scaled * scaled
            self.sums[place] += gathered(np.add, scaled)
            self.row_squares[rows] += np.add.reduceat(squares.sum(axis=1), down)
            self.column_squares[columns] += np.add.reduceat(squares.sum(axis=0), across)
        self.lows[place] = np.minimum(self.lows[place], gathered(np.minimum, np.where(finite, values, np.inf)))
        self.highs[place] = np.maximum(self.highs[place], gathered(np.maximum, np.where(finite, values, -np.inf)))
        self.counts[place] += gathered(np.add, finite.astype(np.int64))
        if finite.all():
            return
        kinds = (np.isnan(values), values == np.inf, values == -np.inf)
        for kind, bit in enumerate((NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY)):
            self.odd[kind] += np.count_nonzero(kinds[kind])
            self.states[place] |= gathered(np.bitwise_or, kinds[kind].astype(np.uint8) * np.uint8(bit))


def _runs(edges: Counts, first: int, count: int) -> tuple[npt.NDArray[np.intp], slice]:
    """Where the runs of a pixel each begin among so many places, and which pixels they are."""
    start = int(np.searchsorted(edges, first, side="right")) - 1
    stop = int(np.searchsorted(edges, first + count, side="left"))
    return np.maximum(edges[start:stop] - first, 0).astype(np.intp), slice(start, stop)
