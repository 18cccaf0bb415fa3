"""The end of a zip archive, which tells where its directory is; all that is read of an archive to weigh it."""

from __future__ import annotations

import struct

from sdviewer.checkpoint.source import ByteSource, read_bytes

# What a field holds where the value stands in a wide one.
SATURATED = 0xFFFFFFFF
# A place in no file: what a hostile archive says beyond it may not fit in int64.
OUTSIDE = 2**62

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")


def directory_bytes(source: ByteSource) -> int | None:
    """Bytes of the archive's central directory, None where its end is lost; nothing else is read."""
    found = find_end(source)
    return None if found is None else found[1]


def find_end(source: ByteSource) -> tuple[int, int, int, int] | None:
    """Start, size and entry count of the central directory, and how far the archive is shifted in its file."""
    # An archive without a comment ends with its record: nothing else of the file is read.
    return _find_end_in(source, _END.size) or _find_end_in(source, _END.size + 0xFFFF)


def _find_end_in(source: ByteSource, last_bytes: int) -> tuple[int, int, int, int] | None:
    tail_size = min(source.size, last_bytes)
    tail_start = source.size - tail_size
    tail = read_bytes(source, tail_start, tail_size)
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if at + _END.size <= len(tail):
            _, _, _, _, count, size, start, _ = _END.unpack_from(tail, at)
            directory_end = tail_start + at
            wide = _read_end64(source, directory_end)
            if wide is not None and (SATURATED in (size, start) or count == 0xFFFF):
                count, size, start, directory_end = wide
            elif wide is not None:
                # Torch always writes the wide record, behind which the directory does not end.
                directory_end = wide[3]
            real_start = directory_end - size
            if real_start >= 0 and _begins_directory(source, real_start, size):
                shift = real_start - start
                # An archive that begins behind another one's first entry lies inside that, whose end is lost.
                if shift <= 0 or read_bytes(source, 0, 4) != b"PK\x03\x04":
                    return real_start, size, count, shift
            elif start + size <= source.size and _begins_directory(source, start, size):
                return start, size, count, 0
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return None


def _begins_directory(source: ByteSource, start: int, size: int) -> bool:
    return size == 0 or (start + 4 <= source.size and read_bytes(source, start, 4) == b"PK\x01\x02")


def _read_end64(source: ByteSource, end: int) -> tuple[int, int, int, int] | None:
    if end < _LOCATOR64.size:
        return None
    locator_start = end - _LOCATOR64.size
    signature, _, where, _ = _LOCATOR64.unpack(read_bytes(source, locator_start, _LOCATOR64.size))
    if signature != b"PK\x06\x07":
        return None
    # The record normally lies right before the locator; what the locator says is wrong in a shifted archive.
    for start in (where, locator_start - _END64.size):
        if 0 <= start <= source.size - _END64.size:
            record = _END64.unpack(read_bytes(source, start, _END64.size))
            if record[0] == b"PK\x06\x06":
                return record[7], record[8], min(record[9], OUTSIDE), start
    return None
