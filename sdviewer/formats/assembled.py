"""Assembled: a source whose bytes are one dense tensor, put together from chunks that lie in other sources.

A distributed checkpoint keeps boxes of each tensor in the files of its ranks. What goes over a tensor sees none
of that: it reads the bytes of the whole tensor, row by row, and each read looks into the chunks that it touches.
Where a chunk's values lie inside a record that `torch.save` wrote is found when they are first asked for.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import BY_NAME, Dtype
from sdviewer.checkpoint.payload import View, payload_in
from sdviewer.checkpoint.source import Sources, SourceSpec, WritableBuffer, bytes_view, read_bytes
from sdviewer.checkpoint.table import Encoding, Flag, TensorTable, contiguous_stride, is_contiguous
from sdviewer.errors import CannotOpen, CannotRead, MissingBytes, UnsupportedFormat

Int64 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

# A record is its tensor and what torch.save puts round it; larger directories and pickles are none of one tensor's.
_LARGEST_DIRECTORY = 64 << 10
_LARGEST_PICKLE = 64 << 10
# What stands before the values of records of one dtype, shape and length, of those that were looked at last: what
# begins with the same bytes, directories of its entries and all, has its values at the same place.
_HEADS: dict[tuple[str, tuple[int, ...], int], bytes] = {}
_MOST_HEADS, _LONGEST_HEAD = 4096, 4096
_BOXES_TOLD = 3
_PERHAPS = "the file may be of another save"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A box of a tensor: `size` values along each axis from `start` on.

    Attributes:
        file: the name of the file that holds it, for messages.
        source: index of that file among the sources, -1 where it cannot be had.
        offset: first byte: of the values themselves, row by row, or of the record that holds them.
        length: bytes of the record; 0 says that `offset` is where the values are.

    """

    start: tuple[int, ...]
    size: tuple[int, ...]
    file: str
    source: int
    offset: int
    length: int = 0


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a tensor is assembled from.

    Attributes:
        name: the tensor's, for messages.
        dtype: of the table of dtypes; one with elements of whole bytes.
        shape: of the whole tensor.
        chunks: where they overlap, the last one counts.
        exact: whether they are known to cover the tensor, each value once.

    """

    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    chunks: tuple[Chunk, ...]
    exact: bool

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * (self.dtype.bits // 8)


def can_be_assembled(dtype: Dtype) -> bool:
    """Whether its elements are whole bytes."""
    return dtype.bits > 0 and dtype.bits % 8 == 0


def to_bytes(assembly: Assembly) -> bytes:
    """How an assembly travels with the description: see `SourceSpec`."""
    files = list(dict.fromkeys(chunk.file for chunk in assembly.chunks))
    number = {file: index for index, file in enumerate(files)}
    chunks = [(c.start, c.size, number[c.file], c.source, c.offset, c.length) for c in assembly.chunks]
    record = (assembly.name, assembly.dtype.name, assembly.shape, files, chunks, assembly.exact)
    return json.dumps(record, separators=(",", ":")).encode("ascii")


def from_bytes(raw: bytes) -> Assembly:
    """What `to_bytes` wrote."""
    name, dtype, shape, files, chunks, exact = json.loads(raw)
    return Assembly(
        name,
        BY_NAME[dtype],
        tuple(shape),
        tuple(Chunk(tuple(start), tuple(size), files[file], *place) for start, size, file, *place in chunks),
        exact,
    )


class Assembled:
    """The bytes of a whole tensor, row by row, in native byte order; safe to read from several threads."""

    def __init__(self, assembly: Assembly, spec: SourceSpec, sources: Sources) -> None:
        self.spec = spec
        self._assembly = assembly
        self._sources = sources
        self._itemsize = assembly.dtype.bits // 8
        # A number is read as a row of one.
        self._shape = assembly.shape or (1,)
        rank = len(self._shape)
        bounds = [(c.start, c.size) if c.start else ((0,), (1,)) for c in assembly.chunks]
        self._low: Int64 = np.array([start for start, _ in bounds], np.int64).reshape(-1, rank)
        self._high: Int64 = self._low + np.array([size for _, size in bounds], np.int64).reshape(-1, rank)
        # Not payloads: each would keep its file open, and there may be more files than a process may open.
        self._places: dict[int, int | TensorTable] = {}

    @property
    def label(self) -> str:
        """The files that hold its chunks."""
        return self.spec.label

    @property
    def size(self) -> int:
        """Bytes of the whole tensor."""
        return self.spec.size

    @property
    def boxes_there(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The chunks that can be read: first place and size; see `Holed`."""
        return [(chunk.start, chunk.size) for chunk in self._assembly.chunks if chunk.source >= 0]

    def check_unchanged(self) -> None:
        """As the files that hold its chunks."""
        for source in sorted({chunk.source for chunk in self._assembly.chunks} - {-1}):
            self._sources.get(source).check_unchanged()

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`.

        Raises:
            MissingBytes: no chunk holds some of it, or the file of one is not there; says which.
            CannotRead: a record holds something else than its chunk.

        """
        view = bytes_view(buffer)
        count = view.nbytes
        if offset < 0 or offset + count > self.size:
            raise MissingBytes(
                f"bytes {offset:,} to {offset + count:,} are not inside its {self.size:,}", file=self.label
            )
        if not count:
            return
        width = self._itemsize
        first, last = offset // width, -(-(offset + count) // width)
        target: Bytes = np.frombuffer(view, np.uint8)
        if (last - first) * width == count:
            self._fill(first, target.reshape(-1, width))
            return
        whole: Bytes = np.empty((last - first, width), np.uint8)
        self._fill(first, whole)
        begin = offset - first * width
        target[:] = whole.reshape(-1)[begin : begin + count]

    def _fill(self, first: int, out: Bytes) -> None:
        """Values `first …` into `out`, shape `(count, itemsize)`."""
        done = 0
        for block in View(self._shape, contiguous_stride(self._shape), 0).blocks(first, len(out)):
            low = np.array(np.unravel_index(block.offset, self._shape), np.int64)
            box = np.array((1,) * (len(self._shape) - len(block.shape)) + block.shape, np.int64)
            count = block.numel
            self._fill_box(low, box, out[done : done + count].reshape(*box, self._itemsize))
            done += count

    def _fill_box(self, low: Int64, box: Int64, out: Bytes) -> None:
        begin = np.maximum(self._low, low)
        end = np.minimum(self._high, low + box)
        touched = np.flatnonzero((begin < end).all(axis=1)).tolist()
        covered = None if self._assembly.exact else np.zeros(tuple(box), np.bool_)
        for index in touched:
            part, inside = end[index] - begin[index], begin[index] - self._low[index]
            place = tuple(map(slice, (begin[index] - low).tolist(), (end[index] - low).tolist()))
            self._copy(index, tuple(inside.tolist()), tuple(part.tolist()), out[place])
            if covered is not None:
                covered[place] = True
        if covered is not None and not covered.all():
            hole = low + np.argwhere(~covered)[0]
            at = f"[{', '.join(map(str, hole[: len(self._assembly.shape)].tolist()))}]" if self._assembly.shape else ""
            raise MissingBytes(f"no chunk holds {self._assembly.name!r}{at}", file=self.label)

    def _copy(self, index: int, start: tuple[int, ...], size: tuple[int, ...], out: Bytes) -> None:
        """The box `size` from `start` of one chunk into `out`."""
        chunk = self._assembly.chunks[index]
        place = self._places.get(index)
        if place is None:
            place = self._places[index] = self._located(chunk)
        if isinstance(place, int):
            # A box of a tensor's rows is a row of values in each chunk that it touches.
            first = sum(a * b for a, b in zip(start, contiguous_stride(chunk.size or (1,)), strict=True))
            target = out if out.flags.c_contiguous else np.empty_like(out)
            self._sources.get(chunk.source).read_into(place + first * self._itemsize, target.reshape(-1))
            if target is not out:
                out[...] = target
            return
        payload = payload_in(place, self._sources, 0, self.label)
        stride = payload.view.stride or (1,)
        offset = payload.view.offset + sum(a * b for a, b in zip(start, stride, strict=True))
        codes = payload.read(View(size, stride, offset))
        out[...] = codes.reshape(*size, -1).view(np.uint8).reshape(out.shape)

    def _located(self, chunk: Chunk) -> int | TensorTable:
        """Where the values of a chunk lie: the first byte in its file if they lie there as they are, row by row.

        Else a table of one row, whose storage lies in that file.
        """
        assembly = self._assembly
        if chunk.source < 0:
            raise MissingBytes(
                f"a chunk of {assembly.name!r} lies in {chunk.file}, where it cannot be read",
                file=self.label,
                hint=_what_is_there(assembly),
            )
        if not chunk.length:
            return chunk.offset
        key = (assembly.dtype.name, chunk.size, chunk.length)
        source = self._sources.get(chunk.source)
        known = _HEADS.get(key, b"")
        if known and chunk.offset + len(known) <= source.size and read_bytes(source, chunk.offset, len(known)) == known:
            return chunk.offset + len(known)
        table = record_table(self._sources.specs[chunk.source], chunk, assembly)
        storages = table.storages
        begin = int(storages.offset[0])
        plain = storages.encoding[0] == Encoding.RAW and not storages.swapped[0] and int(table.offset[0]) == 0
        if plain and is_contiguous(table.shape_of(0), table.stride_of(0)):
            if begin + math.prod(chunk.size) * self._itemsize > chunk.length:
                raise MissingBytes(f"the record of a chunk of {assembly.name!r} is not whole", file=source.label)
            if begin <= _LONGEST_HEAD:
                if len(_HEADS) >= _MOST_HEADS:
                    _HEADS.clear()
                _HEADS[key] = read_bytes(source, chunk.offset, begin)
            return chunk.offset + begin
        places = replace(
            storages,
            source=np.full_like(storages.source, chunk.source),
            offset=storages.offset + chunk.offset,
        )
        if assembly.dtype.name == "float4_e2m1fn_x2":
            # Bytes that hold two values each are copied as bytes.
            table = replace(table, dtype=np.full(len(table), BY_NAME["uint8"].code, np.uint8))
        return replace(table, storages=places)


def _what_is_there(assembly: Assembly) -> str:
    """Which parts can be read, in words."""
    boxes = [
        f"[{', '.join(f'{a}:{a + n}' for a, n in zip(chunk.start, chunk.size, strict=True))}]"
        for chunk in assembly.chunks
        if chunk.source >= 0
    ]
    more = f" and {len(boxes) - _BOXES_TOLD:,} more parts" if len(boxes) > _BOXES_TOLD else ""
    return f"what can be read of it is {', '.join(boxes[:_BOXES_TOLD])}{more}" if boxes else ""


def record_table(file: SourceSpec, chunk: Chunk, assembly: Assembly) -> TensorTable:
    """The table of the one tensor in the record of a chunk; offsets of its storage count from the record's start.

    Raises:
        CannotRead: it is no record, or one of another tensor.

    """
    from sdviewer.formats import torch_zip
    from sdviewer.formats.files import LocalSources
    from sdviewer.formats.reading import Reading
    from sdviewer.formats.zip_end import directory_bytes

    where = f"{file.label} at byte {chunk.offset:,}"
    name, dtype = assembly.name, assembly.dtype.name
    reading = Reading(LocalSources([file, SourceSpec("range", where, chunk.length, parent=0, offset=chunk.offset)]), 1)
    try:
        if not reading.is_zip or not 0 < (directory_bytes(reading.source) or 0) <= _LARGEST_DIRECTORY:
            raise UnsupportedFormat("there is no record of one tensor", file=where)
        pickles = [int(entry.size) for entry in reading.directory if entry.name.endswith(".pkl")]
        if not pickles or max(pickles) > _LARGEST_PICKLE:
            raise UnsupportedFormat("there is no record of one tensor", file=where)
        description = torch_zip.read(reading)
    except CannotOpen as error:
        message = f"the metadata says that a chunk of {name!r} is there: {error.message}"
        raise CannotRead(message, file=where, hint=_PERHAPS) from error
    table = description.tensors
    found = (table.dtype_name(0), table.shape_of(0)) if len(table) == 1 and description.root == "tensor" else None
    if found != (dtype, chunk.size):
        told = "something else" if found is None else f"{found[0]} {list(found[1])}"
        message = f"the metadata says that {dtype} {list(chunk.size)} of {name!r} is there, and {told} is"
        raise CannotRead(message, file=where, hint=_PERHAPS)
    if int(table.flags[0]) & int(Flag.NOT_DENSE | Flag.CONJ | Flag.NEG):
        raise CannotRead(f"the values of a chunk of {name!r} are not stored as they are", file=where)
    return table
