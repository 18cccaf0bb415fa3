"""Storages: which bytes of the source make up the storages of a torch file, and where tensors lie in them.

Tensors that share a storage share it again. Of a storage only the stretch that they use is written; a lone
view with gaps is written without them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.checkpoint.decoding import Codes, decoded_dtype, value_bits
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.table import contiguous_stride, reach
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.edit.ahead import PIECE, Room
from sdviewer.edit.encoding import Encoder
from sdviewer.errors import MissingBytes


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor to be written: its reference and the dtype that it is converted to, "" for none."""

    ref: TensorRef
    cast: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a tensor lies: index of its storage, offset and strides in elements."""

    storage: int
    offset: int
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OutStorage:
    """A storage to be written.

    Attributes:
        piece: the tensor whose values it holds row-major, or, with `first` ≥ 0, one that reads its storage.
        first, elements: the stretch of the source storage; first is -1 where values are written one by one.
        nbytes: bytes.

    """

    piece: Piece
    first: int
    elements: int
    nbytes: int


def storages_of(pieces: Sequence[Piece]) -> tuple[list[Placed], list[OutStorage]]:
    """Where each tensor is to lie, and the storages, in the order in which they are first used."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, piece in enumerate(pieces):
        table, row = piece.ref.checkpoint.table, piece.ref.row
        storage = int(table.storage[row])
        if piece.cast == "" and storage >= 0 and table.dtype_of(row).bits % 8 == 0 and piece.ref.numel:
            groups.setdefault((storage, int(table.dtype[row])), []).append(index)
    placed: list[Placed | None] = [None] * len(pieces)
    made: list[OutStorage] = []
    # Equal places converted to the same dtype stay one.
    converted: dict[tuple[int, int, int, int, str], int] = {}
    for index, piece in enumerate(pieces):
        if placed[index] is not None:
            continue
        ref = piece.ref
        table, row = ref.checkpoint.table, ref.row
        group = groups.get((int(table.storage[row]), int(table.dtype[row])), []) if piece.cast == "" else []
        if index in group[:1]:
            _place_group(pieces, group, placed, made)
            continue
        where = (
            int(table.storage[row]),
            int(table.offset[row]),
            int(table.form[row]),
            int(table.dtype[row]),
            piece.cast,
        )
        number = converted.get(where) if where[0] >= 0 else None
        if number is None:
            number = converted[where] = len(made)
            made.append(by_itself(piece))
        placed[index] = Placed(number, 0, contiguous_stride(ref.shape))
    return [place for place in placed if place is not None], made


def _place_group(
    pieces: Sequence[Piece], group: Sequence[int], placed: list[Placed | None], made: list[OutStorage]
) -> None:
    """Tensors of one storage and dtype: the stretch that they use, or a lone one with gaps by itself."""
    refs = [pieces[index].ref for index in group]
    offsets = [int(ref.checkpoint.table.offset[ref.row]) for ref in refs]
    first = min(offsets)
    last = max(offset + reach(ref.shape, ref.stride) for offset, ref in zip(offsets, refs, strict=True))
    number = len(made)
    if len(refs) == 1 and last - first > refs[0].numel:
        made.append(by_itself(pieces[group[0]]))
        placed[group[0]] = Placed(number, 0, contiguous_stride(refs[0].shape))
        return
    dtype = refs[0].checkpoint.table.dtype_of(refs[0].row)
    made.append(OutStorage(pieces[group[0]], first, last - first, dtype.nbytes(last - first)))
    for index, ref, offset in zip(group, refs, offsets, strict=True):
        placed[index] = Placed(number, offset - first, ref.stride)


def by_itself(piece: Piece) -> OutStorage:
    """The storage of a tensor alone, value by value."""
    ref = piece.ref
    dtype = BY_NAME[piece.cast] if piece.cast else ref.checkpoint.table.dtype_of(ref.row)
    return OutStorage(piece, -1, ref.numel, dtype.nbytes(ref.numel))


def bytes_of(storage: OutStorage, control: Control, room: Room) -> Iterator[npt.NDArray[np.uint8]]:
    """The bytes of a storage in this machine's order, in pieces that lie where there is room for them.

    Raises:
        CannotRead: and its kinds, see `TensorRef`; among them that the file changed meanwhile.
        Cancelled: `control` was cancelled.

    """
    if storage.nbytes == 0:
        return
    if storage.first < 0:
        yield from _values(storage.piece, control, room)
        return
    payload = storage.piece.ref.payload()
    payload.check_unchanged()
    width = storage.nbytes // storage.elements
    start, end = storage.first * width, storage.first * width + storage.nbytes
    if end > payload.nbytes:
        raise MissingBytes(
            f"{payload.name!r} reaches to byte {end:,} of its storage, of which {max(payload.nbytes, 0):,} can be read",
            file=payload.file,
        )
    for place in range(start, end, PIECE):
        control.check()
        raw = room(min(PIECE, end - place))
        payload.fill(place, raw)
        if payload.swapped:
            raw.view(payload.unit).byteswap(inplace=True)
        yield raw
    payload.check_unchanged()


def _values(piece: Piece, control: Control, room: Room) -> Iterator[npt.NDArray[np.uint8]]:
    """The values of a tensor, row-major, as they are or converted."""
    ref = piece.ref
    dtype = ref.checkpoint.table.dtype_of(ref.row)
    if value_bits(dtype) % 8 and not piece.cast:
        control.check()
        yield packed(ref.codes().reshape(-1), value_bits(dtype))
        return
    if decoded_dtype(dtype) is None:
        control.check()
        yield ref.codes().reshape(-1).view(np.uint8)
        return
    if piece.cast:
        yield from _converted(piece, control, room)
        return
    blocks = Blocks(ref, PIECE, memory_order=False)
    blocks.check_unchanged()
    left = ref.nbytes
    for index in range(len(blocks)):
        control.check()
        # Codes that lie in the file as they are, are read into that room.
        codes: Codes = blocks.read(index, room(min(PIECE, left)))
        found = np.ascontiguousarray(codes).reshape(-1).view(np.uint8)
        left -= len(found)
        yield found
    blocks.check_unchanged()


def _converted(piece: Piece, control: Control, room: Room) -> Iterator[npt.NDArray[np.uint8]]:
    """The values of a tensor in another dtype."""
    converting = Converting(piece)
    converting.blocks.check_unchanged()
    buffer = converting.new_buffer()
    for index in range(len(converting.blocks)):
        control.check()
        yield converting.convert(index, buffer, room)
    converting.blocks.check_unchanged()


class Converting:
    """A tensor in another dtype, block by block; any thread may do a block.

    Attributes:
        blocks: its codes as they are; a block of them fits into a piece in either dtype.
        nbytes: the most that a block has in the new dtype.

    """

    def __init__(self, piece: Piece) -> None:
        dtype = piece.ref.checkpoint.table.dtype_of(piece.ref.row)
        self._width = BY_NAME[piece.cast].itemsize
        values = PIECE // max(self._width, dtype.itemsize, 1)
        self.blocks = Blocks(piece.ref, values * max(dtype.itemsize, 1), memory_order=False)
        self.nbytes = min(values, self.blocks.numel) * self._width
        self._encoder = Encoder(self.blocks.dtype, piece.cast, self.blocks.numel)

    def new_buffer(self) -> npt.NDArray[np.uint8]:
        """What a block is read into; each thread has its own."""
        return new_buffer(min(PIECE, self.blocks.numel * max(self.blocks.dtype.itemsize, 1)))

    def convert(self, index: int, buffer: npt.NDArray[np.uint8], room: Room) -> npt.NDArray[np.uint8]:
        """The bytes of a block in the new dtype."""
        codes = self.blocks.read(index, buffer)
        out = room(len(codes) * self._width)
        self._encoder.encode(codes, out)
        return out


def packed(codes: Codes, bits: int) -> npt.NDArray[np.uint8]:
    """Values of 4 or 6 bits as bytes, the first in the lowest bits; such tensors are small enough to be read whole."""
    together = 8 // math.gcd(bits, 8)
    groups = np.zeros((-(-len(codes) // together), together), np.uint32)
    groups.reshape(-1)[: len(codes)] = codes
    words = np.bitwise_or.reduce(groups << (bits * np.arange(together, dtype=np.uint32)), axis=1)
    raw = words.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : bits * together // 8].reshape(-1)
    return np.ascontiguousarray(raw[: -(-len(codes) * bits // 8)])
