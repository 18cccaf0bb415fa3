"""Raster: a picture of any part of a tensor in no more pixels than a screen shows.

A pixel tells the mean, the largest magnitude or the range of the values in its block, and whether one of them
is no number. Only what is in view is read, piece by piece, so a picture takes the same memory whatever the
size of the tensor.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from sdviewer.analysis.kernels import warming
from sdviewer.analysis.pixel_sums import EMPTY, Counts, Floats, PixelSums, States
from sdviewer.analysis.plane import Plane, pieces
from sdviewer.analysis.plane_reading import PlaneReader
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import WAY, Control
from sdviewer.errors import CannotRead

# Values of a piece, which is read and decoded at once: some MiB. Smaller ones stay in a nearer cache, but the
# threads wait for each other between them.
_PIECE_VALUES = 1 << 19
# Values of pixel rows that a thread takes together; less than two of these is not worth a second thread.
_SHARE_VALUES = 1 << 20
_THREADS = 2

# A sample reads about so many bytes, in at most so many places.
_SAMPLE_BYTES = 32 << 20
_SAMPLE_READS = 4096
_SAMPLE_RUN = 4096
# What skipping costs, at most: see `Payload`.
_GAP = 16 << 10

_MOST_BYTES_BEYOND_FILE = 1 << 36
_LONGEST_AXIS = 1 << 58
_SAFE = 1e150
_ROUNDED = 1 - 1e-9


class How(Enum):
    """What a pixel tells of the values in its block."""

    MEAN = "mean"
    LARGEST = "largest"
    RANGE = "range"


class Area(NamedTuple):
    """A rectangle of a plane, in rows and columns; parts of them count as they would on a screen."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels along one side. Pixel i ends before place (i + 1) · step / 8, and the next one begins there.

    So those of one step lie at the same places wherever the view is moved. A step of 8 is one place a pixel.
    """

    first: int
    count: int
    step: int

    @property
    def start(self) -> float:
        """Where the first begins."""
        return self.first * self.step / 8

    @property
    def stop(self) -> float:
        """Where the last ends; perhaps a part of a pixel behind the last place."""
        return (self.first + self.count) * self.step / 8

    def edges(self, size: int) -> Counts:
        """The first place of each pixel, and the one behind the last; shape `(count + 1,)`."""
        return np.minimum((self.first + np.arange(self.count + 1, dtype=np.int64)) * self.step // 8, size)

    def places(self, pixel: int, size: int) -> range:
        """The places of a pixel, counted from the first one here."""
        first = self.first + pixel
        return range(first * self.step // 8, min((first + 1) * self.step // 8, size))

    def pixel_at(self, place: int) -> int:
        """The pixel that holds a place, counted from the first one here."""
        return (8 * place + 7) // self.step - self.first


def pixels_for(start: float, stop: float, size: int, most: float) -> Pixels:
    """Pixels for the places between two, of a side that has `size`: `most` of them, and one for what is cut."""
    start = max(0.0, min(start, size - 1.0))
    stop = max(start + 1 / 8, min(stop, size))
    # What rounding adds must not change the step.
    step = max(8, math.ceil(8 * (stop - start) / max(most, 1) * _ROUNDED))
    first = math.floor(8 * start) // step
    return Pixels(first, -(-math.ceil(8 * stop) // step) - first, step)


@dataclass(frozen=True, eq=False, slots=True)
class Raster:
    """The pixels of a picture; arrays have the shape `(rows.count, columns.count)` unless said otherwise.

    Attributes:
        plane: of what.
        rows, columns: which places the pixels are made of.
        mean, low, high: of the finite values of a pixel's block; NaN where there are none.
        states: what else is in it, bits of `pixel_sums`; 0 where all is finite.
        row_mean, row_rms, column_mean, column_rms: of the finite values of each row and column of pixels.
        nan, posinf, neginf: values of these kinds.
        exact: whether all values were looked at; else some in each block.

    """

    plane: Plane
    rows: Pixels
    columns: Pixels
    mean: Floats
    low: Floats
    high: Floats
    states: States
    row_mean: Floats
    row_rms: Floats
    column_mean: Floats
    column_rms: Floats
    nan: int
    posinf: int
    neginf: int
    exact: bool

    @property
    def is_cells(self) -> bool:
        """Whether each pixel is one value."""
        return self.rows.step == self.columns.step == 8

    def shown(self, how: How) -> Floats:
        """What each pixel tells: NaN where no value is finite.

        The largest magnitude has the sign of the value; the range is the largest less the smallest.
        """
        if how is How.MEAN:
            return self.mean
        with np.errstate(over="ignore"):
            if how is How.RANGE:
                return self.high - self.low
            return np.where(self.high >= -self.low, self.high, self.low)

    def transposed(self) -> Raster:
        """Rows as columns, for a plane that was turned to be read."""
        return replace(
            self,
            plane=self.plane.transposed(),
            rows=self.columns,
            columns=self.rows,
            mean=np.ascontiguousarray(self.mean.T),
            low=np.ascontiguousarray(self.low.T),
            high=np.ascontiguousarray(self.high.T),
            states=np.ascontiguousarray(self.states.T),
            row_mean=self.column_mean,
            row_rms=self.column_rms,
            column_mean=self.row_mean,
            column_rms=self.row_rms,
        )


def cost(ref: TensorRef, plane: Plane, area: Area) -> int:
    """About how many bytes have to be read for a picture of an area."""
    down = min(math.ceil(area.bottom), plane.rows) - max(math.floor(area.top), 0)
    across = min(math.ceil(area.right), plane.columns) - max(math.floor(area.left), 0)
    view, bits = ref.payload().view, ref.payload().bits
    return max(down, 0) * _row_cost(plane, view.stride, max(across, 0), max(1, bits // 8))


def raster(
    ref: TensorRef, plane: Plane, area: Area, height: float, width: float, control: Control | None = None
) -> Raster:
    """The picture of an area in at most `height` × `width` pixels, and one each way for what is cut at its edges.

    Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    return _pictured(ref, plane, area, height, width, control or Control(), exact=True)


def sample(
    ref: TensorRef, plane: Plane, area: Area, height: float, width: float, control: Control | None = None
) -> Raster:
    """The same from a few rows of each block, or from parts of them: soon there, whatever the size.

    Where that would take too many reads the pixels are fewer and larger. Raises what `raster` raises.
    """
    return _pictured(ref, plane, area, height, width, control or Control(), exact=False)


def _pictured(
    ref: TensorRef, plane: Plane, area: Area, height: float, width: float, control: Control, *, exact: bool
) -> Raster:
    compiled = warming.available(control, ("raster",))
    reader = PlaneReader(ref, plane, compiled=compiled)
    if max(plane.rows, plane.columns) > _LONGEST_AXIS:
        raise CannotRead(f"{ref.name!r} claims an axis that no file holds", file=ref.checkpoint.path)
    if _is_turned(plane, reader.view.stride):
        area = Area(area.left, area.top, area.right, area.bottom)
        turned = _pictured(ref, plane.transposed(), area, width, height, control, exact=exact)
        return turned.transposed()
    reader.check_unchanged()
    row_bytes = _row_cost(plane, reader.view.stride, math.ceil(area.right - area.left), reader.value_bytes)
    if exact:
        limit = _MOST_BYTES_BEYOND_FILE + 64 * max(ref.checkpoint.file_bytes, 1)
        if row_bytes * (area.bottom - area.top) > limit:
            raise CannotRead(f"{ref.name!r} claims far more values than its file holds", file=ref.checkpoint.path)
    by_rows = row_bytes * min(height, area.bottom - area.top) <= _SAMPLE_BYTES
    if not exact and not by_rows:
        side = math.isqrt(_SAMPLE_READS)
        height, width = (
            min(height, max(side, _SAMPLE_READS // max(1, min(width, plane.columns)))),
            min(width, max(side, _SAMPLE_READS // max(1, min(height, plane.rows)))),
        )
    rows = pixels_for(area.top, area.bottom, plane.rows, height)
    columns = pixels_for(area.left, area.right, plane.columns, width)

    def summed(factor: float) -> PixelSums:
        sums = PixelSums.empty(rows.edges(plane.rows), columns.edges(plane.columns), factor)
        if exact:
            _add_all(sums, ref, plane, reader, control, compiled=compiled)
        else:
            _add_some(sums, plane, reader, control, by_rows=by_rows, compiled=compiled)
        return sums

    sums = summed(1.0)
    largest = _largest(sums)
    if not 1 / _SAFE < largest < _SAFE and largest > 0:
        # Their squares, or sums, would leave float64 or vanish in it.
        sums = summed(2.0 ** -max(-1021, min(math.frexp(largest)[1], 1022)))
    reader.check_unchanged()
    return finished(plane, rows, columns, sums, exact=exact)


def _is_turned(plane: Plane, stride: tuple[int, ...]) -> bool:
    """Whether columns are better read as rows: neighbours in a column lie nearer to each other than those in a row."""
    if plane.grid_down.size * plane.grid_across.size > 1 or plane.down.size == 1:
        return False
    if plane.across.size == 1:
        return True
    return stride[plane.down.axis] < stride[plane.across.axis]


def _row_cost(plane: Plane, stride: tuple[int, ...], columns: int, value_bytes: int) -> int:
    """Bytes to read for a row, those between its values counted."""
    leg = plane.across if plane.across.axis >= 0 else plane.grid_across
    step = stride[leg.axis] * leg.step if leg.axis >= 0 else 1
    return columns * max(value_bytes, min(step * value_bytes, _GAP))


def _add_all(
    sums: PixelSums, ref: TensorRef, plane: Plane, reader: PlaneReader, control: Control, *, compiled: bool
) -> None:
    columns = range(int(sums.column_edges[0]), int(sums.column_edges[-1]))
    first, last = int(sums.row_edges[0]), int(sums.row_edges[-1])
    total = (last - first) * len(columns)
    lock = threading.Lock()
    stopped = threading.Event()
    done = 0

    def add(shares: Iterator[range], sums: PixelSums, reader: PlaneReader) -> None:
        nonlocal done
        while not stopped.is_set():
            with lock:
                rows = next(shares, None)
            if rows is None:
                return
            for piece in pieces(plane, reader.view, rows, columns, _PIECE_VALUES):
                # Two threads of it leave a window on two cores no time of its own.
                WAY.give()
                sums.add(reader.read(piece), piece.row, piece.column, compiled=compiled)
                with lock:
                    done += piece.rows * piece.columns
                    control.report(min(done, total - 1), total, ref.name)

    per_row = max(1, total // len(sums.row_squares))
    shares = _row_shares(sums.row_edges, max(1, _SHARE_VALUES // per_row))
    if total < 2 * _SHARE_VALUES or len(sums.row_squares) < _THREADS:
        add(shares, sums, reader)
    else:
        _in_threads(lambda sums, reader: add(shares, sums, reader), sums, reader, ref, plane, stopped, compiled)
    control.report(total, total, ref.name)


def _in_threads(
    add: Callable[[PixelSums, PlaneReader], None],
    sums: PixelSums,
    reader: PlaneReader,
    ref: TensorRef,
    plane: Plane,
    stopped: threading.Event,
    compiled: bool,
) -> None:
    others = [(sums.share(), PlaneReader(ref, plane, compiled=compiled)) for _ in range(_THREADS - 1)]
    with ThreadPoolExecutor(len(others), "sdviewer-raster") as threads:
        futures = [threads.submit(add, *other) for other in others]
        try:
            add(sums, reader)
            for future in futures:
                future.result()
        finally:
            stopped.set()
    for share, _ in others:
        sums.join(share)


def _row_shares(edges: Counts, together: int) -> Iterator[range]:
    """Rows of so many pixels each."""
    for first in range(0, len(edges) - 1, together):
        yield range(int(edges[first]), int(edges[min(first + together, len(edges) - 1)]))


def _add_some(
    sums: PixelSums, plane: Plane, reader: PlaneReader, control: Control, *, by_rows: bool, compiled: bool
) -> None:
    """The middle row of each row of pixels; whole, or the begin of each pixel's part of it."""
    height = len(sums.row_squares)
    columns = [range(int(sums.column_edges[0]), int(sums.column_edges[-1]))]
    if not by_rows:
        run = max(1, _SAMPLE_RUN // reader.value_bytes)
        starts, stops = sums.column_edges[:-1].tolist(), sums.column_edges[1:].tolist()
        columns = [range(start, min(stop, start + run)) for start, stop in zip(starts, stops, strict=True)]
    for y in range(height):
        control.report(y, height)
        row = (int(sums.row_edges[y]) + int(sums.row_edges[y + 1])) // 2
        for part in columns:
            for piece in pieces(plane, reader.view, range(row, row + 1), part, _PIECE_VALUES):
                sums.add(reader.read(piece), piece.row, piece.column, compiled=compiled)


def _largest(sums: PixelSums) -> float:
    return max(0.0, -float(sums.lows.min(initial=0)), float(sums.highs.max(initial=0)))


def finished(plane: Plane, rows: Pixels, columns: Pixels, sums: PixelSums, *, exact: bool) -> Raster:
    """The pixels of sums over values."""
    counts, lows, highs = sums.counts, sums.lows, sums.highs
    none = counts == 0
    # Most pictures have no such pixel, and memory for millions of them takes longer than what is done to it.
    if none.any():
        sums.states[none & (sums.states == 0)] = EMPTY
        lows, highs = np.where(none, np.nan, lows), np.where(none, np.nan, highs)
    row_counts, column_counts = counts.sum(axis=1), counts.sum(axis=0)
    row_sums, column_sums = sums.sums.sum(axis=1), sums.sums.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.divide(sums.sums, counts, out=sums.sums)
        if sums.factor != 1:
            mean /= sums.factor
        return Raster(
            plane,
            rows,
            columns,
            mean,
            lows,
            highs,
            sums.states,
            row_sums / row_counts / sums.factor,
            np.sqrt(sums.row_squares / row_counts) / sums.factor,
            column_sums / column_counts / sums.factor,
            np.sqrt(sums.column_squares / column_counts) / sums.factor,
            nan=int(sums.odd[0]),
            posinf=int(sums.odd[1]),
            neginf=int(sums.odd[2]),
            exact=exact,
        )
