"""Places: which value of one tensor is which of the other, as far as their shapes say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.comparison.relations import Relation, Shape

# So many places on the axis along which either tensor lies are read in one go, where these are not the same.
_RUN = 1024


class NoCommonPlaces(Exception):
    """The shapes do not say which value of one is which of the other."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the common shape: where it begins on each axis, and how far it goes."""

    start: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Places in it."""
        return math.prod(self.size)


@dataclass(frozen=True, slots=True)
class Places:
    """The places that two tensors have in common.

    Attributes:
        shape: of all of them, axis by axis as `a` has them.
        axes: for each of these the axis of `b`, -1 for one of size 1 that `b` has not. None where only the
            row-major order is the same: one is the other in another shape.
        first_a, first_b: of how many rows, places on the first axis, the common ones are behind.
        shape_a, shape_b: of the tensors.

    """

    shape: Shape
    axes: tuple[int, ...] | None
    first_a: int
    first_b: int
    shape_a: Shape
    shape_b: Shape

    @property
    def numel(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def is_turned(self) -> bool:
        """Whether they stand in another row-major order in `b`."""
        kept = [axis for axis in self.axes or () if axis >= 0]
        return kept != sorted(kept)

    @property
    def flat_a(self) -> int:
        """The row-major place in `a` of the first."""
        return self.first_a * math.prod(self.shape_a[1:])

    @property
    def flat_b(self) -> int:
        """The row-major place in `b` of the first."""
        return self.first_b * math.prod(self.shape_b[1:])

    def index_a(self, box: Box) -> tuple[slice, ...]:
        """The index of a box in `a`."""
        starts = _moved(box.start, self.first_a)
        return tuple(slice(start, start + size) for start, size in zip(starts, box.size, strict=True))

    def index_b(self, box: Box) -> tuple[slice, ...]:
        """The index of a box in `b`, whose values come as `b` has them: see `as_a`."""
        index = [slice(0, 1)] * len(self.shape_b)
        starts = _moved(box.start, self.first_b)
        for axis, start, size in zip(self.axes or (), starts, box.size, strict=True):
            if axis >= 0:
                index[axis] = slice(start, start + size)
        return tuple(index)

    def as_a(self, values: npt.NDArray[np.generic], box: Box) -> npt.NDArray[np.generic]:
        """The values that `b` has at `index_b` in the order of `a`, shape `box.size` and what a value has by itself."""
        kept = [axis for axis in self.axes or () if axis >= 0]
        rest = [axis for axis in range(len(self.shape_b)) if axis not in kept]
        beyond = range(len(self.shape_b), values.ndim)
        return values.transpose(*kept, *rest, *beyond).reshape((*box.size, *values.shape[len(self.shape_b) :]))

    def row_major(self, first: int, count: int) -> Iterator[Box]:
        """Boxes that hold the places `first … first + count - 1` in row-major order, one after the other."""
        yield from _row_major(self.shape, first, count)

    def tiles(self, most: int, along: tuple[int, ...] = ()) -> Tiles:
        """Boxes of at most so many places that are quickly read of either.

        `along` are the axes along which neighbours lie beside each other; by default the last one of each.
        """
        if not along and self.shape:
            last = len(self.shape) - 1
            along = (last, *(i for i, axis in enumerate(self.axes or ()) if axis == len(self.shape_b) - 1))
        return Tiles.of(self.shape, most, along)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Boxes of one size but for those at the ends, in row-major order, that cover a shape."""

    shape: Shape
    size: Shape

    @staticmethod
    def of(shape: Shape, most: int, along: tuple[int, ...]) -> Tiles:
        """Long on the axes of `along`."""
        size = [1] * len(shape)
        left = max(most, 1)
        once = dict.fromkeys(along)
        for axis in once:
            run = min(shape[axis], _RUN, left) if len(once) > 1 else min(shape[axis], left)
            size[axis] = max(run, 1)
            left //= size[axis]
        for axis in reversed(range(len(shape))):
            grown = max(min(shape[axis], size[axis] * left), size[axis])
            left = left * size[axis] // grown
            size[axis] = grown
        return Tiles(shape, tuple(size))

    @property
    def most(self) -> int:
        """Places in each, but for those at the ends."""
        return math.prod(self.size)

    def __len__(self) -> int:
        return math.prod(self._counts)

    def __getitem__(self, index: int) -> Box:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = tuple(place * size for place, size in zip(_unravelled(index, self._counts), self.size, strict=True))
        return Box(
            start, tuple(min(size, end - at) for size, end, at in zip(self.size, self.shape, start, strict=True))
        )

    def flat(self, index: int, within: int) -> int:
        """The row-major place in the shape of one that is counted within a box."""
        box = self[index]
        at = [start + step for start, step in zip(box.start, _unravelled(within, box.size), strict=True)]
        place = 0
        for step, size in zip(at, self.shape, strict=True):
            place = place * size + step
        return place

    @property
    def _counts(self) -> tuple[int, ...]:
        return tuple(-(-end // size) for end, size in zip(self.shape, self.size, strict=True))


def places_of(a: Shape, b: Shape, relation: Relation, part: tuple[int, int] | None = None) -> Places:
    """The common places of two shapes; `part` is what `Pair.part` is.

    Raises:
        NoCommonPlaces: there are none, or it is not clear which.

    """
    axes: tuple[int, ...] | None = tuple(range(len(a)))
    if part is not None:
        first, count = part
        if math.prod(a) < math.prod(b):
            return Places(a, axes, 0, first, a, b)
        return Places((count, *a[1:]), axes, first, 0, a, b)
    shape = a
    match relation:
        case Relation.TRANSPOSED:
            axes = (1, 0)
        case Relation.PERMUTED:
            axes = _order(a, b)
        case Relation.ROWS:
            shape = (min(a[0], b[0]), *a[1:])
        case Relation.SQUEEZED:
            axes = _squeezed(a, b)
        case Relation.RESHAPED:
            axes = None
        case Relation.OTHER:
            raise NoCommonPlaces("shapes without places in common")
        case _:
            pass
    return Places(shape, axes, 0, 0, a, b)


def _order(a: Shape, b: Shape) -> tuple[int, ...]:
    """The axes of `b` in the order of `a`'s; only where sizes tell them apart."""
    if len(set(a)) < len(a):
        raise NoCommonPlaces("dimensions of equal size could be exchanged in several ways")
    return tuple(b.index(size) for size in a)


def _squeezed(a: Shape, b: Shape) -> tuple[int, ...]:
    kept = iter([axis for axis, size in enumerate(b) if size != 1])
    return tuple(-1 if size == 1 else next(kept) for size in a)


def _moved(start: tuple[int, ...], rows: int) -> tuple[int, ...]:
    return (start[0] + rows, *start[1:]) if start else ()


def _unravelled(place: int, shape: Shape) -> tuple[int, ...]:
    found: list[int] = []
    for size in reversed(shape):
        place, at = divmod(place, size)
        found.append(at)
    return tuple(reversed(found))


def _row_major(shape: Shape, first: int, count: int) -> Iterator[Box]:
    if count <= 0:
        return
    if not shape:
        yield Box((), ())
        return
    inner = math.prod(shape[1:])
    row, start = divmod(first, inner)

    def within(at: int, start: int, count: int) -> Iterator[Box]:
        for box in _row_major(shape[1:], start, count):
            yield Box((at, *box.start), (1, *box.size))

    if start:
        part = min(count, inner - start)
        yield from within(row, start, part)
        count -= part
        row += 1
    if rows := count // inner:
        yield Box((row, *(0 for _ in shape[1:])), (rows, *shape[1:]))
        row += rows
    yield from within(row, 0, count - rows * inner)
