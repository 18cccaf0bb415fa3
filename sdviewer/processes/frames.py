"""Frames: how two processes talk over a pipe.

A frame is a 64-bit little-endian length, that many bytes of JSON, and the buffers whose sizes
the JSON lists under "buffers", one behind the other. Those whose numbers it lists under "arrays"
were no bytes where they came from, and are none where they arrive.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

Buffer = bytes | memoryview

_LENGTH = struct.Struct("<Q")
# A header holds what is small; a longer one is not from our own child.
_MAX_HEADER = 1 << 30
# Where the arrays of a frame may begin: at multiples of a cache line.
_ALIGNED = 64


class BrokenFrame(Exception):
    """The stream ended inside a frame, or holds something else."""


def write_frame(stream: BinaryIO, message: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
    """Send `message` and `buffers`; `message` has no keys "buffers" and "arrays" of its own."""
    if buffers:
        arrays = [index for index, buffer in enumerate(buffers) if isinstance(buffer, memoryview)]
        message = {**message, "buffers": [memoryview(buffer).nbytes for buffer in buffers], "arrays": arrays}
    header = json.dumps(message).encode("ascii")
    stream.write(_LENGTH.pack(len(header)) + header)
    stream.writelines(buffers)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], list[Buffer]] | None:
    """The next message and its buffers, which are read-only; None where the stream ends before one.

    Raises:
        BrokenFrame: the stream ends inside the frame, or this is none.

    """
    prefix = stream.read(_LENGTH.size)
    if not prefix:
        return None
    (length,) = _LENGTH.unpack(_whole(prefix, _LENGTH.size))
    if length > _MAX_HEADER:
        raise BrokenFrame
    try:
        message = json.loads(_whole(stream.read(length), length))
        sizes, arrays = message.get("buffers", []), set(message.get("arrays", []))
    except (ValueError, AttributeError, TypeError) as error:
        raise BrokenFrame from error
    return message, _buffers(stream, sizes, arrays)


def _buffers(stream: BinaryIO, sizes: list[int], arrays: set[int]) -> list[Buffer]:
    if not arrays:
        # A buffered reader's `read` fills one block of that size: no copy.
        return [_whole(stream.read(size), size) for size in sizes]
    # Imported here because the process that matches regexes does without.
    import numpy as np

    # All arrays in one block: one of many megabytes lies in large pages, and is filled in half the time.
    rooms = [-(-size // _ALIGNED) * _ALIGNED if index in arrays else 0 for index, size in enumerate(sizes)]
    try:
        block = np.empty(sum(rooms), np.uint8).data
    except (ValueError, MemoryError) as error:
        raise BrokenFrame from error
    buffers: list[Buffer] = []
    begin = 0
    for size, room in zip(sizes, rooms, strict=True):
        if not room:
            buffers.append(_whole(stream.read(size), size))
            continue
        array = block[begin : begin + size]
        if stream.readinto(array) != size:  # type: ignore[attr-defined]  # a buffered reader has it
            raise BrokenFrame
        buffers.append(array.toreadonly())
        begin += room
    return buffers


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise BrokenFrame
    return data
