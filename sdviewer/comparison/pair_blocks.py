"""PairBlocks: the values of two tensors side by side, block by block, turned so that places correspond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sdviewer.analysis.blocks import Blocks, Buffer, bits_of, new_buffer
from sdviewer.checkpoint.decoding import Codes
from sdviewer.checkpoint.payload import Payload, View
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.places import Box, NoCommonPlaces, Places, Tiles, places_of
from sdviewer.comparison.relations import Relation, Shape, relation_of

# Codes of both sides stay in cache, and what is done for each block costs little beside them.
BLOCK_BYTES = 1 << 19
# Of sides that lie across each other rows of a block are read one by one, and should be long.
_TILE_BYTES = 4 << 20
# Stretches of so many bytes are read one by one; shorter ones together with what lies between them.
_STRETCH = 512

Seen = Callable[[View], View]


class PairBlocks:
    """Blocks of two tensors with the same places in them.

    They come in row-major order of `a`, or, where the sides lie across each other and nobody asks for that
    order, as tiles that are quickly read of both: a matrix and its transpose.

    Attributes:
        a, b: how the blocks of each are made; all have `per_block` places but for those at the ends.
        shape: of what is compared, as `a` has it.
        numel: pairs of values.

    Raises:
        NoCommonPlaces: no place of one corresponds to one of the other.
        CannotRead: and its kinds, see `TensorRef`.

    """

    def __init__(
        self,
        a: TensorRef,
        b: TensorRef,
        relation: Relation,
        part: tuple[int, int] | None = None,
        *,
        in_order: bool = False,
    ) -> None:
        payload_a, payload_b = a.payload(), b.payload()
        shape_a, shape_b = payload_a.shape, payload_b.shape
        if part is None and (shape_a, shape_b) != (a.shape, b.shape):
            # Two values in a byte: they have other shapes than the tensors.
            relation = relation_of(shape_a, shape_b)
        places = places_of(shape_a, shape_b, relation, part)
        self.shape: Shape = places.shape
        self.numel = places.numel
        seen_a = _rows(places.first_a, places.shape[0]) if places.shape != shape_a else None
        seen_b: Seen | None = None
        if places.is_turned:
            if payload_b.view.shape != shape_b:
                raise NoCommonPlaces("packed values lie in the direction of one dimension")
            seen_b = _turned(places)
        elif part is not None or relation is Relation.ROWS:
            seen_b = _rows(places.first_b, places.shape[0]) if places.shape != shape_b else None
        # Blocks give conjugated views as they are stored, but for what they decode.
        self._is_conj = [Flag.CONJ in ref.flags and not _is_by_position(ref) for ref in (a, b)]
        self._tiles = None if in_order else _Tiled.of(places, (a, b), (payload_a, payload_b))
        if self._tiles is not None:
            # What these say of their dtypes holds; they are not read.
            seen_a = seen_b = None
        self.a = Blocks(a, BLOCK_BYTES, memory_order=False, seen=seen_a)
        self.b = Blocks(b, BLOCK_BYTES, memory_order=False, seen=seen_b)
        if self._tiles is not None:
            self.a.per_block = self.b.per_block = self._tiles.tiles.most
            return
        if self.a.numel != self.b.numel:
            raise NoCommonPlaces(f"{self.a.numel:,} values against {self.b.numel:,}")
        self.a.per_block = self.b.per_block = min(self.a.per_block, self.b.per_block)

    def __len__(self) -> int:
        return len(self.a) if self._tiles is None else len(self._tiles.tiles)

    def read(self, index: int, buffer_a: Buffer, buffer_b: Buffer) -> tuple[Codes, Codes]:
        """The codes of one block of each."""
        if self._tiles is not None:
            codes = self._tiles.read(index)
        else:
            codes = self.a.read(index, buffer_a), self.b.read(index, buffer_b)
        a, b = (_conjugated(its) if is_conj else its for its, is_conj in zip(codes, self._is_conj, strict=True))
        return a, b

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` if one of the files is not the one that was described."""
        self.a.check_unchanged()
        self.b.check_unchanged()

    def flat(self, place: int) -> int:
        """The row-major place in `shape` of one that is counted block by block."""
        return place if self._tiles is None else self._tiles.tiles.flat(*divmod(place, self._tiles.tiles.most))


class _Tiled:
    """Reads tiles of both sides, in the order of the axes of `a`."""

    def __init__(
        self, places: Places, refs: tuple[TensorRef, TensorRef], payloads: tuple[Payload, Payload], tiles: Tiles
    ) -> None:
        self._places, self._refs, self._payloads, self.tiles = places, refs, payloads, tiles
        self._views = [_view_of(places, payload.view, side) for side, payload in enumerate(payloads)]
        self._by_position = [_is_by_position(ref) for ref in refs]

    @staticmethod
    def of(places: Places, refs: tuple[TensorRef, TensorRef], payloads: tuple[Payload, Payload]) -> _Tiled | None:
        """None where blocks in a row are as good, or all that there is."""
        if places.axes is None or not places.numel or any(it.view.shape != it.shape for it in payloads):
            return None
        along = [_along(_view_of(places, payload.view, side)) for side, payload in enumerate(payloads)]
        last = max((axis for axis, size in enumerate(places.shape) if size > 1), default=-1)
        # What is decoded by its position in the tensor is found by its index alone.
        is_moved = places.is_turned or places.shape != places.shape_a or places.numel != refs[1].numel
        if all(axis in {last, -1} for axis in along) and not (is_moved and any(map(_is_by_position, refs))):
            return None
        width = max(payload.code_bytes for payload in payloads)
        return _Tiled(places, refs, payloads, places.tiles(max(1, _TILE_BYTES // width), tuple(along)))

    def read(self, index: int) -> tuple[Codes, Codes]:
        box = self.tiles[index]
        return self._read(0, box), self._read(1, box)

    def _read(self, side: int, box: Box) -> Codes:
        ref, payload, view = self._refs[side], self._payloads[side], self._views[side]
        if self._by_position[side]:
            if side == 0:
                return bits_of(np.ascontiguousarray(ref.read_slice(self._places.index_a(box))).reshape(-1))
            values = self._places.as_a(ref.read_slice(self._places.index_b(box)), box)
            return bits_of(np.ascontiguousarray(values).reshape(-1))
        offset = view.offset + sum(start * step for start, step in zip(box.start, view.stride, strict=True))
        part = View(box.size, view.stride, offset)
        codes = _by_stretches(payload, part, _along(part))
        return (payload.read(part) if codes is None else codes).reshape(-1, *payload.parts)


def _conjugated(codes: Codes) -> Codes:
    """Codes of complex numbers with the sign bits of the imaginary parts turned over."""
    found = codes.copy()
    found[:, 1] ^= found.dtype.type(1 << (8 * found.itemsize - 1))
    return found


def _by_stretches(payload: Payload, view: View, along: int) -> Codes | None:
    """The codes of a view that is made of long stretches apart from each other, None for any other."""
    if along < 0 or view.stride[along] != 1 or payload.bits % 8 or payload.swapped or view.contiguous:
        return None
    nbytes = view.shape[along] * payload.code_bytes
    if nbytes < _STRETCH:
        return None
    others = [axis for axis in range(len(view.shape)) if axis != along]
    firsts = np.full((1,) * len(others), view.offset, np.int64)
    for place, axis in enumerate(others):
        steps = np.arange(view.shape[axis], dtype=np.int64) * view.stride[axis]
        firsts = firsts + steps.reshape([-1 if at == place else 1 for at in range(len(others))])
    raw = np.empty((firsts.size, nbytes), np.uint8)
    for row, first in zip(raw, firsts.reshape(-1).tolist(), strict=True):
        payload.read_into(first, row)
    codes = raw.view(payload.unit).reshape(*firsts.shape, view.shape[along], *payload.parts)
    return np.ascontiguousarray(np.moveaxis(codes, len(others), along))


def _is_by_position(ref: TensorRef) -> bool:
    """Whether codes do not say values by themselves: see `Blocks`."""
    quantiser = ref.quantiser
    return Flag.NEG in ref.flags or (quantiser is not None and quantiser.axis is not None)


def _view_of(places: Places, view: View, side: int) -> View:
    """Where the common places lie in a side, axis by axis of `a`."""
    first = places.first_b if side else places.first_a
    axes = places.axes if side and places.axes is not None else tuple(range(len(places.shape)))
    stride = tuple(view.stride[axis] if axis >= 0 else 0 for axis in axes)
    return View(places.shape, stride, view.offset + (first * view.stride[0] if first else 0))


def _along(view: View) -> int:
    """The axis along which neighbours lie beside each other, -1 for none."""
    places = enumerate(zip(view.shape, view.stride, strict=True))
    steps = [(step, -axis) for axis, (size, step) in places if size > 1 and step > 0]
    return -min(steps)[1] if steps else -1


def index_of(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index of a flat place."""
    return tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()


def _rows(first: int, count: int) -> Seen:
    def seen(view: View) -> View:
        return replace(view, shape=(count, *view.shape[1:]), offset=view.offset + first * view.stride[0])

    return seen


def _turned(places: Places) -> Seen:
    return lambda view: _view_of(places, view, 1)


def new_buffers() -> tuple[Buffer, Buffer]:
    """What `PairBlocks.read` fills; each thread has its own."""
    return new_buffer(BLOCK_BYTES), new_buffer(BLOCK_BYTES)
