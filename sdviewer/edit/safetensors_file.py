"""A safetensors file from tensors: a header of JSON, then their bytes without a gap."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.control import Control
from sdviewer.edit.ahead import Ahead, counted
from sdviewer.edit.storages import OutStorage, Piece, bytes_of

# What the library asks for; larger files it refuses to open.
LARGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor under its name; row-major, of `nbytes` bytes."""

    name: str
    piece: Piece
    dtype: str
    shape: tuple[int, ...]
    nbytes: int


def in_file_order(entries: Sequence[Entry]) -> list[Entry]:
    """Wider dtypes first, as the library writes them, so that every tensor lies at a multiple of its width."""
    return sorted(entries, key=lambda entry: -BY_NAME[entry.dtype].bits)


def header_of(entries: Sequence[Entry], metadata: Mapping[str, str]) -> bytes:
    """The header with its length before it, padded to eight bytes."""
    told: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for entry in entries:
        told[entry.name] = {
            "dtype": BY_NAME[entry.dtype].safetensors,
            "shape": _counted_shape(entry),
            "data_offsets": [place, place + entry.nbytes],
        }
        place += entry.nbytes
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _counted_shape(entry: Entry) -> list[int]:
    """float4 counts its values here, not the bytes that hold two of them each."""
    shape = list(entry.shape)
    if entry.dtype == "float4_e2m1fn_x2" and shape:
        shape[-1] *= 2
    return shape


def write_safetensors(
    entries: Sequence[Entry],
    metadata: Mapping[str, str],
    file: IO[bytes],
    told: Callable[[int], None],
    control: Control,
) -> None:
    """Write the file; entries are in the order of their bytes. `told` hears of bytes that were written.

    Raises:
        CannotRead: bytes of the source are not to be had any more.
        Cancelled: `control` was cancelled.

    """
    file.write(header_of(entries, metadata))
    sources = (partial(bytes_of, plain_storage(entry), control) for entry in entries)
    with Ahead(sources, sum(entry.nbytes for entry in entries)) as ahead:
        for entry in entries:
            written = sum(map(file.write, counted(ahead.next(), told)))
            if written != entry.nbytes:
                raise ValueError(f"{entry.name} has {written:,} bytes instead of {entry.nbytes:,}")


def plain_storage(entry: Entry) -> OutStorage:
    """The bytes as they lie where that is row-major, else value by value."""
    ref = entry.piece.ref
    table = ref.checkpoint.table
    if entry.piece.cast == "" and ref.is_contiguous and table.dtype_of(ref.row).bits % 8 == 0 and ref.numel:
        return OutStorage(entry.piece, int(table.offset[ref.row]), ref.numel, entry.nbytes)
    return OutStorage(entry.piece, -1, ref.numel, entry.nbytes)
