"""Differences: Δ = a − b of two tensors as values, as a histogram, and as a picture of any part of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels import warming
from sdviewer.analysis.pixel_sums import PixelSums
from sdviewer.analysis.plane import Plane, pieces
from sdviewer.analysis.plane_reading import PlaneReader
from sdviewer.analysis.raster import Area, Raster, finished, pixels_for
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.matching import Matching, Pair
from sdviewer.comparison.relations import Relation
from sdviewer.control import Control

Floats = npt.NDArray[np.float64]

_VALUES_AT_ONCE = 1 << 17
_IN_ORDER = frozenset((Relation.SAME, Relation.SQUEEZED, Relation.RESHAPED, Relation.ROWS, Relation.PART))


@dataclass(frozen=True, slots=True)
class Common:
    """Values that stand in the same order on both sides.

    Attributes:
        a, b: the tensors.
        first_a, first_b: the flat row-major place of the first value of each.
        count: how many.

    """

    a: TensorRef
    b: TensorRef
    first_a: int
    first_b: int
    count: int


def common_values(matching: Matching, pair: Pair) -> Common | None:
    """Which values of a pair correspond, in row-major order; None where they stand in another order."""
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    if pair.relation not in _IN_ORDER:
        return None
    first_a = first_b = 0
    if pair.part is not None:
        first, _ = pair.part
        if a.numel > b.numel:
            first_a = first * (a.numel // max(a.shape[0], 1))
        else:
            first_b = first * (b.numel // max(b.shape[0], 1))
    return Common(a, b, first_a, first_b, min(a.numel, b.numel))


def values_of(common: Common, first: int, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Some values of both sides, and their differences in float64 or complex128; integers exact where they fit.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """
    a = common.a.values_between(common.first_a + first, count)
    b = common.b.values_between(common.first_b + first, count)
    return a, b, difference(a, b)


def difference(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A − b in float64 or complex128."""
    wide = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        found: npt.NDArray[Any] = a.astype(wide) - b.astype(wide)
        return found


@dataclass(frozen=True, eq=False, slots=True)
class DeltaHistogram:
    """How Δ spreads between −limit and limit.

    Attributes:
        edges: float64, shape `(bins + 1,)`.
        counts: int64, shape `(bins,)`.
        zeros: values that do not differ; they are in no bin.
        odd: differences that are NaN or infinite.

    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    zeros: int
    odd: int


def delta_histogram(common: Common, limit: float, bins: int, control: Control | None = None) -> DeltaHistogram:
    """The histogram of Δ, of complex values of |Δ|; `limit` is the largest |Δ|. Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    limit = limit if 0 < limit < np.finfo(np.float64).max / 2 else 1.0
    edges = np.linspace(-limit, limit, bins + 1)
    counts, zeros, odd = np.zeros(bins, np.int64), 0, 0
    for first in range(0, common.count, _VALUES_AT_ONCE):
        control.report(first, common.count, "Δ")
        *_, delta = values_of(common, first, min(_VALUES_AT_ONCE, common.count - first))
        real = np.abs(delta) if delta.dtype.kind == "c" else delta
        is_finite = np.isfinite(real)
        odd += len(real) - int(np.count_nonzero(is_finite))
        real = real[is_finite]
        different = real[real != 0]
        zeros += len(real) - len(different)
        counts += np.histogram(different, edges)[0]
    control.report(common.count, common.count, "Δ")
    return DeltaHistogram(edges, counts, zeros, odd)


def delta_raster(
    a: TensorRef, b: TensorRef, plane: Plane, area: Area, height: float, width: float, control: Control | None = None
) -> Raster:
    """The picture of Δ in an area, as `raster` makes one of a tensor; both have the shape of the plane.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    compiled = warming.available(control, ("raster",))
    read_a, read_b = (PlaneReader(ref, plane, compiled=compiled) for ref in (a, b))
    rows = pixels_for(area.top, area.bottom, plane.rows, height)
    columns = pixels_for(area.left, area.right, plane.columns, width)
    sums = PixelSums.empty(rows.edges(plane.rows), columns.edges(plane.columns), 1.0)
    down = range(int(sums.row_edges[0]), int(sums.row_edges[-1]))
    across = range(int(sums.column_edges[0]), int(sums.column_edges[-1]))
    total, done = len(down) * len(across), 0
    for reader in (read_a, read_b):
        reader.check_unchanged()
    # Strides are each side's own, so places are cut alike and read from either.
    both = zip(
        pieces(plane, read_a.view, down, across, _VALUES_AT_ONCE),
        pieces(plane, read_b.view, down, across, _VALUES_AT_ONCE),
        strict=True,
    )
    for piece_a, piece_b in both:
        control.report(min(done, total - 1), total, "Δ")
        with np.errstate(all="ignore"):
            delta = read_a.read(piece_a).astype(np.float64) - read_b.read(piece_b)
        sums.add(delta, piece_a.row, piece_a.column, compiled=compiled)
        done += piece_a.rows * piece_a.columns
    for reader in (read_a, read_b):
        reader.check_unchanged()
    control.report(total, total, "Δ")
    return finished(plane, rows, columns, sums, exact=True)
