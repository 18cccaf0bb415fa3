"""DeepSpeed tensors: parameters and their state, each put together from the stretches in which its values lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.dtypes import BY_NAME, DTYPES, Dtype
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.checkpoint.wording import plural
from sdviewer.formats.assembled import Assembly, Chunk
from sdviewer.formats.dcp import add_assembly
from sdviewer.formats.described_values import Described
from sdviewer.formats.files import LocalSources
from sdviewer.formats.flat_partitions import Piece
from sdviewer.formats.pickle_values import TensorNode

_PROBLEMS_TOLD = 50
_NOT_DENSE, _INCOMPLETE = int(Flag.NOT_DENSE), int(Flag.INCOMPLETE)


@dataclass
class Tensors:
    """Adds tensors to a table and keeps what is wrong with them.

    Args:
        sources: get those that are assembled.
        builder: the table.

    """

    sources: LocalSources
    builder: TableBuilder = field(default_factory=TableBuilder)
    _faults: list[Problem] = field(default_factory=list)
    _copies: dict[tuple[int, int], TensorNode | None] = field(default_factory=dict)
    _storages: dict[tuple[int, int], int] = field(default_factory=dict)

    def fault(self, kind: str, message: str, *path: str) -> None:
        """Note what is wrong with the tensor at a path."""
        self._faults.append(Problem(kind, "error", message, "/".join(map(encode_part, path))))

    def problems(self) -> list[Problem]:
        """What is wrong, the first of it in full."""
        more = len(self._faults) - _PROBLEMS_TOLD
        rest = [Problem("partial", "error", f"{plural(more, 'more tensor')} have problems")] if more > 0 else []
        return [*self._faults[:_PROBLEMS_TOLD], *rest]

    def put_together(
        self, path: tuple[str, ...], shape: tuple[int, ...], pieces: Sequence[Piece], flags: int = 0
    ) -> TensorNode:
        """A tensor whose values lie in these pieces, row by row."""
        count = math.prod(shape)
        pieces = [piece for piece in pieces if piece.count]
        dtypes = [piece.dtype for piece in pieces if piece.dtype is not None and piece.source >= 0]
        dtype = dtypes[0] if dtypes else next((d for piece in pieces if (d := piece.dtype)), BY_NAME["float32"])
        lost = self._lost(pieces, count, dtype)
        if lost:
            self.fault("missing", lost, *path)
            flags |= _INCOMPLETE
        there = [piece for piece in pieces if piece.source >= 0 and piece.dtype == dtype]
        nbytes = count * (dtype.bits // 8)
        key = path[-1]
        if count and not there:
            storage = self.builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
            flags &= ~_INCOMPLETE
        elif len(there) == 1 and not lost:
            storage = self.builder.add_storage(key, source=there[0].source, offset=there[0].offset, nbytes=nbytes)
        elif not count:
            storage = self.builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
        else:
            chunks, start = [], 0
            for piece in pieces:
                source = piece.source if piece.dtype == dtype else -1
                chunks.append(Chunk((start,), (piece.count,), piece.file, source, piece.offset))
                start += piece.count
            assembly = Assembly(".".join(path), dtype, (count,), tuple(chunks), start == count)
            storage = self.builder.add_storage(
                key, source=add_assembly(self.sources, assembly), offset=0, nbytes=nbytes
            )
        return TensorNode(self.builder.add_tensor(dtype, shape, storage=storage, flags=flags))

    def _lost(self, pieces: Sequence[Piece], count: int, dtype: Dtype) -> str:
        start = 0
        for piece in pieces:
            if piece.source < 0:
                return (
                    f"values {start:,} to {start + piece.count:,} of {count:,} are not there: {piece.file} lacks them"
                )
            if piece.dtype != dtype:
                found = piece.dtype.name if piece.dtype else "something else"
                return f"its values are {dtype.name} in {pieces[0].file} and {found} in {piece.file}"
            start += piece.count
        if start < count:
            file = f": the last that there are lie in {pieces[-1].file}" if pieces else ""
            return (
                f"values {start:,} to {count - 1:,} of {count:,} are not there, the flat partitions are too short{file}"
            )
        return ""

    def copied(self, described: Described, node: int, flags: int = 0) -> TensorNode | None:
        """A tensor of a file once more, None for what is no plain tensor."""
        row = described.row(node)
        table = described.description.tensors
        if row < 0 or int(table.flags[row]) & _NOT_DENSE or int(table.extra[row]) >= 0:
            return None
        known = (id(table), row)
        if known not in self._copies:
            self._copies[known] = TensorNode(
                self.builder.add_tensor(
                    DTYPES[int(table.dtype[row])],
                    table.shape_of(row),
                    table.stride_of(row),
                    storage=self._storage(described, int(table.storage[row])),
                    offset=int(table.offset[row]),
                    flags=int(table.flags[row]) | flags,
                )
            )
        return self._copies[known]

    def _storage(self, described: Described, storage: int) -> int:
        storages = described.description.tensors.storages
        key = (id(storages), storage)
        if storage >= 0 and key not in self._storages:
            self._storages[key] = self.builder.add_storage(
                storages.key[storage],
                source=int(storages.source[storage]),
                offset=int(storages.offset[storage]),
                nbytes=int(storages.nbytes[storage]),
                stored=int(storages.stored[storage]),
                encoding=Encoding(int(storages.encoding[storage])),
                swapped=bool(storages.swapped[storage]),
                location=storages.locations[int(storages.location[storage])],
            )
        return self._storages.get(key, -1)
