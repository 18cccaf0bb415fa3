"""Payload: where the codes of one tensor lie, and reading any part of them.

A *code* is the bit pattern of one value. Everything here counts in values, so packed dtypes
(two float4 in a byte) have a shape and strides like all others. Places are computed in Python
integers and checked against the storage before a byte is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes, code_dtype, unpack, value_bits
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.memory import check_memory
from sdviewer.checkpoint.source import Sources, read_bytes
from sdviewer.checkpoint.table import Encoding, StorageTable, TensorTable, is_contiguous, reach
from sdviewer.errors import CannotRead, MissingBytes, NotDecodable

# A view with gaps is read in pieces of at most this many bytes …
_PIECE = 4 << 20
# … that read through gaps up to this size: a read of its own costs as much as copying them.
_GAP = 16 << 10
# Runs of a view with gaps that are read one by one where the gaps cannot be read.
_MOST_RUNS = 1 << 14

Index = tuple[slice | int, ...]
Fill = Callable[[int, npt.NDArray[np.uint8]], None]


@dataclass(frozen=True, slots=True)
class View:
    """Values at `offset + sum(index * stride)` of a storage; all three count values."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @property
    def numel(self) -> int:
        """Values in it."""
        return math.prod(self.shape)

    @property
    def end(self) -> int:
        """Behind the last value of the storage that it touches."""
        return self.offset + reach(self.shape, self.stride)

    @property
    def contiguous(self) -> bool:
        """Whether its values lie row-major without gaps."""
        return is_contiguous(self.shape, self.stride)

    def merged(self) -> View:
        """The same values in the same order, with as few dimensions as possible."""
        dims: list[tuple[int, int]] = []
        for size, step in zip(self.shape, self.stride, strict=True):
            if size == 1:
                continue
            if dims and dims[-1][1] == size * step:
                dims[-1] = (dims[-1][0] * size, step)
            else:
                dims.append((size, step))
        return View(tuple(size for size, _ in dims), tuple(step for _, step in dims), self.offset)

    def in_memory_order(self) -> View:
        """The same values in the order in which they lie in the storage, as far as strides tell."""
        order = sorted(range(len(self.shape)), key=lambda axis: -self.stride[axis])
        return View(tuple(self.shape[i] for i in order), tuple(self.stride[i] for i in order), self.offset)

    def blocks(self, first: int, count: int) -> Iterator[View]:
        """Views that hold values `first … first + count - 1` in row-major order; two a dimension at most."""
        if count <= 0:
            return
        if len(self.shape) <= 1:
            step = self.stride[0] if self.stride else 1
            yield View((count,), (step,), self.offset + first * step)
            return
        rest = View(self.shape[1:], self.stride[1:], self.offset)
        inner, step = rest.numel, self.stride[0]
        row, start = divmod(first, inner)
        if start:
            part = min(count, inner - start)
            yield from replace(rest, offset=self.offset + row * step).blocks(start, part)
            count -= part
            row += 1
        if rows := count // inner:
            yield View((rows, *rest.shape), self.stride, self.offset + row * step)
        yield from replace(rest, offset=self.offset + (row + rows) * step).blocks(0, count - rows * inner)

    def sliced(self, index: Index) -> tuple[View, tuple[slice, ...]]:
        """The view of numpy's basic indexing, with steps forward; the slices turn backward ones round."""
        shape, stride, flips, offset = [], [], [], self.offset
        for axis, (size, step) in enumerate(zip(self.shape, self.stride, strict=True)):
            part = index[axis] if axis < len(index) else slice(None)
            if isinstance(part, slice):
                chosen = range(*part.indices(size))
                forward = chosen if chosen.step > 0 else chosen[::-1]
                shape.append(len(chosen))
                stride.append(step * forward.step)
                flips.append(slice(None, None, 1 if chosen.step > 0 else -1))
                offset += step * forward.start if chosen else 0
            else:
                if not -size <= part < size:
                    raise IndexError(f"index {part} is not in dimension {axis} of size {size}")
                offset += step * (part % size)
        return View(tuple(shape), tuple(stride), offset), tuple(flips)


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of one tensor and how to read them.

    Attributes:
        name, file: for messages.
        shape: of the values: as the tensor's, but a byte of two float4 counts twice in the last dimension.
        view: where they lie; it may split the last dimension in two.
        bits: bits of a value.
        unit: the unsigned integers that hold a code.
        parts: () or the further dimension of a code: (2,) for real and imaginary, (itemsize,) for bytes
            that no integer holds.
        swapped: whether units are big-endian.
        nbytes: bytes of the storage that can be had.
        fill: reads the storage from a byte offset into a buffer.
        check_unchanged: raises `SourceChanged` if the file is not the one that was described.

    """

    name: str
    file: str
    shape: tuple[int, ...]
    view: View
    bits: int
    unit: np.dtype[np.unsignedinteger[Any]]
    parts: tuple[int, ...]
    swapped: bool
    nbytes: int
    fill: Fill
    check_unchanged: Callable[[], None]

    @property
    def code_bytes(self) -> int:
        """Bytes of one code in memory."""
        return self.unit.itemsize * math.prod(self.parts)

    def read_all(self) -> Codes:
        """All codes, shape `shape + parts`."""
        return self.read(self.view).reshape(self.shape + self.parts)

    def read_slice(self, index: Index) -> Codes:
        """The codes that numpy's basic indexing `[index]` would give, reading little else."""
        if len(index) > len(self.shape):
            raise IndexError(f"{len(index)} indices for {len(self.shape)} dimensions")
        if len(self.view.shape) == len(self.shape):
            view, flips = self.view.sliced(index)
            return self.read(view)[flips]
        # The last dimension is split in two: it is read whole.
        view, flips = self.view.sliced(index[: len(self.shape) - 1])
        rows = self.read(view)[flips]
        last = index[len(self.shape) - 1 :]
        return rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])[(..., *last)]

    def read_block(self, first: int, count: int) -> Codes:
        """Codes `first … first + count - 1` in row-major order, shape `(count,) + parts`."""
        return self.read_flat(self.view.merged(), first, count)

    def read_flat(self, view: View, first: int, count: int) -> Codes:
        """As `read_block`, of a view in the form that `View.merged` gives."""
        blocks = [self.read(block).reshape(-1, *self.parts) for block in view.blocks(first, count)]
        return blocks[0] if len(blocks) == 1 else np.concatenate([np.empty((0, *self.parts), self.unit), *blocks])

    def read(self, view: View) -> Codes:
        """The codes of a view into this storage, contiguous, shape `view.shape + parts`.

        Raises:
            MissingBytes: it reaches past what is stored.
            SourceChanged: the file was changed since it was opened.
            CannotRead: the values do not fit into memory, or the stored bytes cannot be decoded.

        """
        if view.numel == 0:
            return self._empty(view.shape)
        self._check_bounds(view)
        check_memory(view.numel * self.code_bytes, self.name, self.file)
        if view.contiguous:
            return self._between(view.offset, view.end).reshape(view.shape + self.parts)
        once = View(
            tuple(n if s else 1 for n, s in zip(view.shape, view.stride, strict=True)), view.stride, view.offset
        )
        codes = self._empty(once.shape)
        # Without dimensions of size 1: their strides may be any number.
        dense = once.merged()
        self._fill_from(codes.reshape(dense.shape + self.parts), dense)
        if once.shape == view.shape:
            return codes
        return np.broadcast_to(codes, view.shape + self.parts).copy()

    def read_into(self, first: int, buffer: npt.NDArray[np.uint8]) -> None:
        """Fill `buffer` with the bytes as they are stored, from value `first` of the storage on.

        Raises:
            MissingBytes: it reaches past what is stored.

        """
        start = first * self.bits // 8
        if first < 0 or start + len(buffer) > self.nbytes:
            raise MissingBytes(
                f"{self.name!r} reaches to byte {start + len(buffer):,} of its storage, "
                f"of which {max(self.nbytes, 0):,} can be read",
                file=self.file,
            )
        self.fill(start, buffer)

    def read_span(self) -> npt.NDArray[np.uint8]:
        """The storage's bytes from the first value of the tensor to behind its last, in native byte order."""
        if self.view.numel == 0:
            return np.empty(0, np.uint8)
        self._check_bounds(self.view)
        first, last = self.view.offset * self.bits // 8, -(-self.view.end * self.bits // 8)
        check_memory(last - first, self.name, self.file)
        raw = self._raw(first, last)
        if self.swapped:
            raw.view(self.unit).byteswap(inplace=True)
        return raw

    def _check_bounds(self, view: View) -> None:
        if view.offset < 0 or any(size < 0 or step < 0 for size, step in zip(view.shape, view.stride, strict=True)):
            raise MissingBytes(f"{self.name!r} has a negative offset, size or stride", file=self.file)
        if (end := -(-view.end * self.bits // 8)) > self.nbytes:
            raise MissingBytes(
                f"{self.name!r} reaches to byte {end:,} of its storage, of which {max(self.nbytes, 0):,} can be read",
                file=self.file,
            )

    def _empty(self, shape: tuple[int, ...]) -> Codes:
        try:
            return np.empty(shape + self.parts, self.unit)
        except (MemoryError, ValueError, OverflowError) as error:
            raise CannotRead(f"no array can hold the shape of {self.name!r}: {error}", file=self.file) from error

    def _fill_from(self, out: Codes, view: View) -> None:
        """Read a view with gaps, transposed or overlapping, in pieces that stay small."""
        value_bytes = max(self.bits // 8, 1)
        if (view.end - view.offset) * value_bytes <= _PIECE or view.numel == 1:
            try:
                span = self._between(view.offset, view.end)
            except MissingBytes:
                # What is missing may lie in a gap: of an assembled tensor other columns than the wanted ones.
                if not self._fill_rows(out, view):
                    raise
                return
            strides = tuple(step * self.code_bytes for step in view.stride) + span.strides[1:]
            out[...] = np.lib.stride_tricks.as_strided(span, view.shape + self.parts, strides, writeable=False)
            return
        axis = max(range(len(view.shape)), key=lambda i: (view.shape[i] - 1) * view.stride[i])
        size, step = view.shape[axis], view.stride[axis]
        row = View((*view.shape[:axis], 1, *view.shape[axis + 1 :]), view.stride, view.offset)
        gap = (step - (row.end - row.offset)) * value_bytes
        # Half at most, so that it ends where dimensions overlap.
        together = max(1, min(_PIECE // (step * value_bytes), size // 2)) if gap <= _GAP else 1
        lead = (slice(None),) * axis
        for start in range(0, size, together):
            count = min(together, size - start)
            piece = View((*row.shape[:axis], count, *row.shape[axis + 1 :]), row.stride, row.offset + start * step)
            self._fill_from(out[(*lead, slice(start, start + count))], piece)

    def _fill_rows(self, out: Codes, view: View) -> bool:
        """Read a view with gaps run by run, without the gaps; whether it has gaps, and not too many."""
        rows = bool(view.shape) and view.stride[-1] == 1
        outer, run = (view.shape[:-1], view.shape[-1]) if rows else (view.shape, 1)
        if view.contiguous or math.prod(outer) > _MOST_RUNS:
            return False
        for index in np.ndindex(outer):
            start = view.offset + sum(place * step for place, step in zip(index, view.stride, strict=False))
            codes = self._between(start, start + run)
            out[index] = codes if rows else codes[0]
        return True

    def _between(self, low: int, high: int) -> Codes:
        """The codes of values `low … high - 1` of the storage; bounds are checked."""
        group = math.lcm(self.bits, 8) // self.bits
        start = low // group * group
        first, last = start * self.bits // 8, -(-high * self.bits // 8)
        raw = self._raw(first, last)
        if group > 1:
            return unpack(raw, self.bits)[low - start : high - start]
        codes = raw.view(self.unit).reshape(-1, *self.parts)
        return codes.byteswap(inplace=True) if self.swapped else codes

    def _raw(self, first: int, last: int) -> npt.NDArray[np.uint8]:
        try:
            raw = np.empty(last - first, np.uint8)
        except MemoryError as error:
            raise CannotRead(
                f"{last - first:,} bytes of {self.name!r} do not fit into memory", file=self.file
            ) from error
        self.fill(first, raw)
        return raw


def payload_of(checkpoint: Checkpoint, row: int) -> Payload:
    """The payload of a dense tensor; reads nothing unless its bytes are written as text.

    Raises:
        MissingBytes: the file does not hold them.
        NotDecodable: an element of an unknown dtype has no bytes.
        CannotRead: the bytes cannot be decoded.

    """
    return payload_in(checkpoint.table, checkpoint.sources, row, checkpoint.path)


def payload_in(table: TensorTable, sources: Sources, row: int, path: str) -> Payload:
    """As `payload_of`, of a row of any table; `path` is for messages."""
    dtype, name = table.dtype_of(row), table.name[row]
    view = View(table.shape_of(row), table.stride_of(row), int(table.offset[row]))
    shape, bits = view.shape, value_bits(dtype)
    parts: tuple[int, ...] = ()
    if dtype.kind == "complex":
        parts = (2,)
    elif dtype.kind == "other":
        itemsize = table.extra_of(row).get("itemsize", 0)
        if not isinstance(itemsize, int) or itemsize <= 0:
            raise NotDecodable(f"the elements of {name!r} ({table.dtype_name(row)}) have no bytes", file=path)
        parts, bits = (itemsize,), 8 * itemsize
    elif bits < dtype.bits:
        shape, view = _split(view, dtype.bits // bits)
    storage = int(table.storage[row])
    file, nbytes, fill, check_unchanged = _NOTHING
    if view.numel:
        if storage < 0 or table.storages.encoding[storage] == Encoding.MISSING or table.storages.source[storage] < 0:
            raise MissingBytes(f"the bytes of {name!r} are not in the file", file=path)
        file, nbytes, fill, check_unchanged = _open_storage(sources, table.storages, storage, name)
    swapped = storage >= 0 and bool(table.storages.swapped[storage])
    return Payload(name, file, shape, view, bits, code_dtype(dtype), parts, swapped, nbytes, fill, check_unchanged)


def _split(view: View, values: int) -> tuple[tuple[int, ...], View]:
    """Shape and place of the values of a tensor whose elements hold `values` each, the first one lowest."""
    shape = (*view.shape[:-1], view.shape[-1] * values) if view.shape else (values,)
    place = View((*view.shape, values), (*(step * values for step in view.stride), 1), view.offset * values)
    dense = not view.shape or view.shape[-1] <= 1 or view.stride[-1] == 1
    return shape, View(shape, (*place.stride[: len(shape) - 1], 1), place.offset) if dense else place


def _no_bytes(_offset: int, _buffer: npt.NDArray[np.uint8]) -> None:
    """Nothing is ever read of an empty tensor."""


def _nothing_to_check() -> None:
    """An empty tensor is what it is, whatever becomes of the file."""


_NOTHING: tuple[str, int, Fill, Callable[[], None]] = ("", 0, _no_bytes, _nothing_to_check)


def _open_storage(
    sources: Sources, storages: StorageTable, storage: int, name: str
) -> tuple[str, int, Fill, Callable[[], None]]:
    """Label, bytes that can be had, how to read them, how to check that they are still the same."""
    index, base = int(storages.source[storage]), int(storages.offset[storage])
    nbytes, stored = int(storages.nbytes[storage]), int(storages.stored[storage])
    encoding = Encoding(int(storages.encoding[storage]))
    if encoding is Encoding.DEFLATED:
        inflated = sources.inflated(index, base, stored, nbytes)
        return inflated.label, nbytes, inflated.read_into, inflated.check_unchanged
    source = sources.get(index)
    if encoding is Encoding.RAW:

        def fill_raw(offset: int, buffer: npt.NDArray[np.uint8]) -> None:
            source.read_into(base + offset, buffer)

        return source.label, min(nbytes, source.size - base), fill_raw, source.check_unchanged

    check_memory(3 * stored, name, source.label)
    try:
        text = read_bytes(source, base, stored).decode("utf-8")
        data = np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeError as error:
        raise CannotRead(
            f"the bytes of {name!r} are written as text that holds none: {error}", file=source.label
        ) from error

    def fill_text(offset: int, buffer: npt.NDArray[np.uint8]) -> None:
        buffer[:] = data[offset : offset + len(buffer)]

    return source.label, min(nbytes, len(data)), fill_text, source.check_unchanged
