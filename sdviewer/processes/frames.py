"""Frames: how two processes talk over a pipe.

A frame is a 64-bit little-endian length, that many bytes of JSON, and the buffers whose sizes
the JSON lists under "buffers", one behind the other.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<Q")
# A header holds what is small; a longer one is not from our own child.
_MAX_HEADER = 1 << 30


class BrokenFrame(Exception):
    """The stream ended inside a frame, or holds something else."""


def write_frame(stream: BinaryIO, message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
    """Send `message` and `buffers`; `message` has no key "buffers" of its own."""
    sizes = [memoryview(buffer).nbytes for buffer in buffers]
    header = json.dumps({**message, "buffers": sizes} if sizes else message).encode("ascii")
    stream.write(_LENGTH.pack(len(header)) + header)
    stream.writelines(buffers)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """The next message and its buffers, None where the stream ends before one.

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
        sizes = message.get("buffers", [])
    except (ValueError, AttributeError) as error:
        raise BrokenFrame from error
    # A buffered reader's `read` fills one block of that size: no copy, and bytes are read-only.
    return message, [_whole(stream.read(size), size) for size in sizes]


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise BrokenFrame
    return data
