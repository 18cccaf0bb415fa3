"""ZipWriter: an archive of stored, aligned entries, as `torch.save` lays them out.

Sizes are known beforehand; the checksum of an entry is put into its header once its bytes have passed.
Zip64 fields are there only for what needs them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import IO, Any

ALIGNMENT = 64

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<4sIQI")
# Padding before the bytes of an entry, in an extra field of its own ("FB", as torch's writer calls it).
_PADDING_ID = 0x4246
_ZIP64_ID = 0x0001
_UTF8 = 0x0800
_FULL = 0xFFFFFFFF
_DATE_1980 = 0x21
_CRC_IN_HEADER = 14


class ZipWriter:
    """Writes entries one after the other into a file that can be seeked."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._entries: list[tuple[bytes, int, int, int]] = []

    def add(self, name: str, size: int, pieces: Iterable[Any], checksum_of: Callable[[], int] | None = None) -> int:
        """An entry of `size` bytes, given in pieces; returns its checksum, which `checksum_of` knows once all came.

        Raises:
            ValueError: the pieces are not as long as was said.

        """
        encoded = name.encode("utf-8")
        header = self._file.tell()
        extra = self._extra(header + _LOCAL.size + len(encoded), size)
        sizes = (_FULL, _FULL) if size >= _FULL else (size, size)
        fixed = (b"PK\x03\x04", 45 if size >= _FULL else 20, _UTF8, 0, 0, _DATE_1980, 0, *sizes)
        self._file.write(_LOCAL.pack(*fixed, len(encoded), len(extra)) + encoded + extra)
        checksum, written = 0, 0
        for piece in pieces:
            if checksum_of is None:
                checksum = zlib.crc32(piece, checksum)
            written += self._file.write(piece)
        if written != size:
            raise ValueError(f"{name} has {written:,} bytes instead of {size:,}")
        checksum = checksum if checksum_of is None else checksum_of()
        end = self._file.tell()
        self._file.seek(header + _CRC_IN_HEADER)
        self._file.write(struct.pack("<I", checksum))
        self._file.seek(end)
        self._entries.append((encoded, header, size, checksum))
        return checksum

    def finish(self) -> None:
        """The directory at the end."""
        start = self._file.tell()
        for name, header, size, checksum in self._entries:
            large = b"".join(struct.pack("<Q", value) for value in (size, size, header) if value >= _FULL)
            if size >= _FULL:
                large = struct.pack("<QQ", size, size) + (struct.pack("<Q", header) if header >= _FULL else b"")
            extra = struct.pack("<HH", _ZIP64_ID, len(large)) + large if large else b""
            version = 45 if extra else 20
            shown = min(size, _FULL)
            self._file.write(
                _CENTRAL.pack(
                    b"PK\x01\x02", version, version, _UTF8, 0, 0, _DATE_1980, checksum, shown, shown,
                    len(name), len(extra), 0, 0, 0, 0, min(header, _FULL),
                )
                + name
                + extra
            )  # fmt: skip
        size, count = self._file.tell() - start, len(self._entries)
        if start >= _FULL or count >= 0xFFFF:
            place = self._file.tell()
            self._file.write(_END_64.pack(b"PK\x06\x06", _END_64.size - 12, 45, 45, 0, 0, count, count, size, start))
            self._file.write(_LOCATOR_64.pack(b"PK\x06\x07", 0, place, 1))
        few = min(count, 0xFFFF)
        self._file.write(_END.pack(b"PK\x05\x06", 0, 0, few, few, min(size, _FULL), min(start, _FULL), 0))

    def _extra(self, after_name: int, size: int) -> bytes:
        """Zip64 sizes where they are needed, and padding up to the next aligned place."""
        large = struct.pack("<HHQQ", _ZIP64_ID, 16, size, size) if size >= _FULL else b""
        free = -(after_name + len(large) + 4) % ALIGNMENT
        return large + struct.pack("<HH", _PADDING_ID, free) + b"Z" * free
