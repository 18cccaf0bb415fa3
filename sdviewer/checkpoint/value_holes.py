"""Holes: a rectangle of a tensor of which some chunks are not there, read as far as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes, Values
from sdviewer.checkpoint.payload import Index, View
from sdviewer.checkpoint.table import Flag, contiguous_stride
from sdviewer.checkpoint.tensors import TensorRef

Box = tuple[tuple[int, ...], tuple[int, ...]]
"""Its first place, and its size along each axis."""


@runtime_checkable
class Holed(Protocol):
    """A source that holds the values of one tensor, and not all of them."""

    @property
    def boxes_there(self) -> Sequence[Box]:
        """Boxes that can be read; they may overlap. With one axis they count values row by row."""


def read_around_holes(ref: TensorRef, index: Index) -> tuple[Values, Codes, npt.NDArray[np.bool_]] | None:
    """Values, codes, and which are missing, which are zeros; None for a tensor that has no holes.

    `index` has an entry for each axis, slices of step 1.

    Raises:
        CannotRead: what should be there cannot be read either.

    """
    table = ref.checkpoint.table
    if not Flag(int(table.flags[ref.row])) & Flag.INCOMPLETE:
        return None
    source = ref.checkpoint.sources.get(int(table.storages.source[table.storage[ref.row]]))
    if not isinstance(source, Holed) or ref.payload().shape != ref.shape:
        return None
    # Integers as slices of one, so that a box has as many axes as the tensor.
    spans = [(part, part + 1) if isinstance(part, int) else part.indices(n)[:2] for part, n in _axes(ref, index)]
    shape = tuple(max(stop - start, 0) for start, stop in spans)
    empty = ref.read_values_and_codes((slice(0, 0),) * len(spans))
    values = np.zeros(shape, empty[0].dtype)
    codes = np.zeros(shape + empty[1].shape[len(shape) :], empty[1].dtype)
    missing = np.ones(shape, np.bool_)
    for begin, size in _boxes(source, ref.shape):
        low = [max(start, first) for (start, _), first in zip(spans, begin, strict=True)]
        high = [min(stop, first + n) for (_, stop), first, n in zip(spans, begin, size, strict=True)]
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue
        place = tuple(slice(a - start, b - start) for a, b, (start, _) in zip(low, high, spans, strict=True))
        values[place], codes[place] = ref.read_values_and_codes(tuple(map(slice, low, high)))
        missing[place] = False
    kept = tuple(0 if isinstance(part, int) else slice(None) for part in index)
    return values[kept], codes[kept], missing[kept]


def _boxes(source: Holed, shape: tuple[int, ...]) -> Iterator[Box]:
    """The boxes along the axes of the tensor, whose rows may be cut anywhere where it lies as one long vector."""
    for begin, size in source.boxes_there:
        if len(begin) == len(shape):
            yield begin, size
            continue
        for block in View(shape, contiguous_stride(shape), 0).blocks(begin[0], size[0]):
            first = tuple(int(place) for place in np.unravel_index(block.offset, shape))
            yield first, (1,) * (len(shape) - len(block.shape)) + block.shape


def _axes(ref: TensorRef, index: Index) -> list[tuple[int | slice, int]]:
    return list(zip(index, ref.shape, strict=True))
