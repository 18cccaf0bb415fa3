"""Differences: Δ = a − b of two tensors as values, as a histogram, and as a picture of any part of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels import warming
from sdviewer.analysis.pixel_sums import PixelSums
from sdviewer.analysis.plane import Leg, Plane, pieces
from sdviewer.analysis.plane_reading import PlaneReader
from sdviewer.analysis.raster import Area, Raster, finished, pixels_for
from sdviewer.checkpoint.payload import View
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import value_shape
from sdviewer.comparison.matching import Matching, Pair
from sdviewer.comparison.pair_blocks import PairBlocks, new_buffers
from sdviewer.comparison.pair_counting import PairCounting
from sdviewer.comparison.places import NoCommonPlaces, Places, places_of
from sdviewer.comparison.relations import relation_of
from sdviewer.comparison.tolerances import tolerance_of
from sdviewer.control import WAY, Control

Floats = npt.NDArray[np.float64]

_VALUES_AT_ONCE = 1 << 17
# So many columns of a picture are read at once, where rows of one side lie across those of the other.
_ACROSS = 512


@dataclass(frozen=True, slots=True)
class Common:
    """What two tensors have in common, value by value.

    Attributes:
        a, b: the tensors.
        places: which value of one is which of the other.

    """

    a: TensorRef
    b: TensorRef
    places: Places

    @property
    def count(self) -> int:
        """Values of each."""
        return self.places.numel

    @property
    def has_axes(self) -> bool:
        """Whether the axes of one are those of the other, so that both have the same picture."""
        return self.places.axes is not None

    def planes(self, plane: Plane) -> tuple[Plane, Plane]:
        """Where a plane of the common shape lies in `a`, and where in `b`."""
        places = self.places
        axes = places.axes or ()
        at_b = [0] * len(places.shape_b)
        for axis, place in zip(axes, plane.at, strict=True):
            if axis >= 0:
                at_b[axis] = place
        # Rows that the other has not lie before the common ones.
        at_a = list(plane.at)
        for at, rows in ((at_a, places.first_a), (at_b, places.first_b)):
            if rows:
                at[0] += rows

        def turned(leg: Leg) -> Leg:
            return replace(leg, axis=axes[leg.axis]) if leg.axis >= 0 else leg

        in_b = replace(
            plane,
            shape=places.shape_b,
            at=tuple(at_b),
            down=turned(plane.down),
            across=turned(plane.across),
            grid_down=turned(plane.grid_down),
            grid_across=turned(plane.grid_across),
        )
        return replace(plane, shape=places.shape_a, at=tuple(at_a)), in_b


def common_values(matching: Matching, pair: Pair) -> Common | None:
    """Which values of a pair correspond; None where their shapes do not say."""
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    shape_a, shape_b = value_shape(a), value_shape(b)
    is_packed = (shape_a, shape_b) != (a.shape, b.shape)
    # Two values in a byte: the values have other shapes than the tensors.
    relation = relation_of(shape_a, shape_b) if is_packed and pair.part is None else pair.relation
    try:
        return Common(a, b, places_of(shape_a, shape_b, relation, pair.part))
    except NoCommonPlaces:
        return None


def values_of(common: Common, first: int, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Some values of both sides in the order of `a`, and their differences; integers exact where they fit.

    Differences are float64 or complex128.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """
    places = common.places
    a = common.a.values_between(places.flat_a + first, count)
    if not places.is_turned:
        b = common.b.values_between(places.flat_b + first, count)
    else:
        parts = [
            places.as_a(common.b.read_slice(places.index_b(box)), box).reshape(-1)
            for box in places.row_major(first, count)
        ]
        b = np.concatenate(parts) if parts else a[:0]
    return a, b, difference(a, b)


def _all_differences(common: Common) -> Iterator[npt.NDArray[Any]]:
    """All of them, in the order in which they are quickly read."""
    places = common.places
    if not places.is_turned:
        for first in range(0, common.count, _VALUES_AT_ONCE):
            yield values_of(common, first, min(_VALUES_AT_ONCE, common.count - first))[2]
        return
    blocks = PairBlocks(common.a, common.b, relation_of(places.shape_a, places.shape_b))
    counting = PairCounting(blocks, tolerance_of(common.a.dtype, common.b.dtype))
    buffers = new_buffers()
    blocks.check_unchanged()
    for index in range(len(blocks)):
        codes_a, codes_b = blocks.read(index, *buffers)
        for first in range(0, len(codes_a), _VALUES_AT_ONCE):
            part = slice(first, first + _VALUES_AT_ONCE)
            yield difference(counting.widen_a(codes_a[part]), counting.widen_b(codes_b[part]))
    blocks.check_unchanged()


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
    done = 0
    for delta in _all_differences(common):
        WAY.give()
        done += len(delta)
        control.report(min(done, common.count - 1), common.count, "Δ")
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
    common: Common, plane: Plane, area: Area, height: float, width: float, control: Control | None = None
) -> Raster:
    """The picture of Δ in an area, as `raster` makes one of a tensor; `plane` is of the common shape.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    compiled = warming.available(control, ("raster",))
    planes = common.planes(plane)
    refs = common.a, common.b
    readers = [PlaneReader(ref, its, compiled=compiled) for ref, its in zip(refs, planes, strict=True)]
    rows = pixels_for(area.top, area.bottom, plane.rows, height)
    columns = pixels_for(area.left, area.right, plane.columns, width)
    sums = PixelSums.empty(rows.edges(plane.rows), columns.edges(plane.columns), 1.0)
    down = range(int(sums.row_edges[0]), int(sums.row_edges[-1]))
    across = range(int(sums.column_edges[0]), int(sums.column_edges[-1]))
    total, done = len(down) * len(across), 0
    for reader in readers:
        reader.check_unchanged()
    is_turned = any(_is_turned(its, reader.view) for its, reader in zip(planes, readers, strict=True))
    step = _ACROSS if is_turned else max(len(across), 1)
    for first in range(across.start, across.stop, step):
        part = range(first, min(first + step, across.stop))
        # Strides are each side's own, so places are cut alike and read from either.
        both = zip(
            *(
                pieces(its, reader.view, down, part, _VALUES_AT_ONCE)
                for its, reader in zip(planes, readers, strict=True)
            ),
            strict=True,
        )
        for piece_a, piece_b in both:
            WAY.give()
            control.report(min(done, total - 1), total, "Δ")
            with np.errstate(all="ignore"):
                delta = readers[0].read(piece_a).astype(np.float64) - readers[1].read(piece_b)
            sums.add(delta, piece_a.row, piece_a.column, compiled=compiled)
            done += piece_a.rows * piece_a.columns
    for reader in readers:
        reader.check_unchanged()
    control.report(total, total, "Δ")
    return finished(plane, rows, columns, sums, exact=True)


def _is_turned(plane: Plane, view: View) -> bool:
    """Whether neighbours in a column lie nearer to each other than those in a row."""
    legs = plane.down, plane.across
    if any(leg.axis < 0 or leg.size < 2 for leg in legs):  # there are no neighbours
        return False
    return view.stride[plane.down.axis] < view.stride[plane.across.axis]
