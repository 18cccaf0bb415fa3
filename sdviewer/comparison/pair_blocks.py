"""PairBlocks: the values of two tensors side by side, block by block, turned so that places correspond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, Buffer
from sdviewer.checkpoint.decoding import Codes
from sdviewer.checkpoint.payload import View
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.relations import Relation

# Codes of both sides, and values made of them, stay in the cache of one core.
BLOCK_BYTES = 1 << 18

Seen = Callable[[View], View]


class NoCommonPlaces(Exception):
    """The shapes do not say which value of one is which of the other."""


class PairBlocks:
    """Blocks of two tensors with the same places in them.

    Attributes:
        a, b: the blocks of each; row-major.
        shape: of what is compared, as `a` has it.
        numel: pairs of values.

    Raises:
        NoCommonPlaces: no place of one corresponds to one of the other.
        CannotRead: and its kinds, see `TensorRef`.

    """

    def __init__(self, a: TensorRef, b: TensorRef, relation: Relation, part: tuple[int, int] | None = None) -> None:
        shape_a, shape_b = a.payload().shape, b.payload().shape
        seen_a: Seen | None = None
        seen_b: Seen | None = None
        self.shape = shape_a
        if part is not None:
            first, count = part
            if len(shape_a) and len(shape_b) and shape_a[0] < shape_b[0]:
                seen_b = _rows(first, count)
            else:
                seen_a = _rows(first, count)
                self.shape = (count, *shape_a[1:])
        elif relation is Relation.TRANSPOSED or relation is Relation.PERMUTED:
            order = _order(shape_a, shape_b)
            seen_b = _permuted(order)
        elif relation is Relation.ROWS:
            rows = min(shape_a[0], shape_b[0])
            seen_a, seen_b = _rows(0, rows), _rows(0, rows)
            self.shape = (rows, *shape_a[1:])
        elif relation is Relation.OTHER:
            raise NoCommonPlaces("shapes without places in common")
        self.a = Blocks(a, BLOCK_BYTES, memory_order=False, seen=seen_a)
        self.b = Blocks(b, BLOCK_BYTES, memory_order=False, seen=seen_b)
        if self.a.numel != self.b.numel:
            raise NoCommonPlaces(f"{self.a.numel:,} values against {self.b.numel:,}")
        self.numel = self.a.numel
        self.a.per_block = self.b.per_block = min(self.a.per_block, self.b.per_block)

    def __len__(self) -> int:
        return len(self.a)

    def read(self, index: int, buffer_a: Buffer, buffer_b: Buffer) -> tuple[Codes, Codes]:
        """The codes of one block of each."""
        return self.a.read(index, buffer_a), self.b.read(index, buffer_b)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` if one of the files is not the one that was described."""
        self.a.check_unchanged()
        self.b.check_unchanged()


def index_of(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index of a flat place."""
    return tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()


def _rows(first: int, count: int) -> Seen:
    def seen(view: View) -> View:
        return replace(view, shape=(count, *view.shape[1:]), offset=view.offset + first * view.stride[0])

    return seen


def _permuted(order: tuple[int, ...]) -> Seen:
    def seen(view: View) -> View:
        return replace(
            view, shape=tuple(view.shape[axis] for axis in order), stride=tuple(view.stride[axis] for axis in order)
        )

    return seen


def _order(shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of `b` in the order of `a`'s; only where sizes tell them apart."""
    if len(shape_a) == len(shape_b) == 2:
        return (1, 0)
    if len(set(shape_a)) < len(shape_a):
        raise NoCommonPlaces("dimensions of equal size could be exchanged in several ways")
    return tuple(shape_b.index(size) for size in shape_a)


def new_buffers() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """What `PairBlocks.read` fills; each thread has its own."""
    return np.empty(BLOCK_BYTES, np.uint8), np.empty(BLOCK_BYTES, np.uint8)
