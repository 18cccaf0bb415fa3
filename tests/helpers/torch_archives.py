"""Torch's zip archives taken apart and put together in other ways than torch does."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

Entries = list[tuple[str, bytes]]


def entries_of(path: Path) -> Entries:
    """Name and content of every entry, in the order of the directory."""
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def repacked(path: Path, entries: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    """`path`, with an archive of these entries."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def edited(path: Path, changes: Mapping[str, bytes | None]) -> Path:
    """`path` again: entries named without their folder get new content; None takes them out."""
    kept = []
    for name, content in entries_of(path):
        inner = name.partition("/")[2]
        changed = changes.get(inner, content)
        if changed is not None:
            kept.append((name, changed))
    return repacked(path, kept)


def zip64(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive whose directory holds all its numbers in zip64 fields, though they are small."""
    body, central = bytearray(), bytearray()
    count = 0
    full = 0xFFFFFFFF
    for name, content in entries:
        raw = name.encode()
        extra = struct.pack("<HHQQQ", 1, 24, len(content), len(content), len(body))
        fields = (0, 0, 0, 33, 0, full, full, len(raw))  # flags, method, time, date, crc, sizes, name length
        central += (
            struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 45, 45, *fields, len(extra), 0, 0, 0, 0, full) + raw + extra
        )
        local = struct.pack("<HHQQ", 1, 16, len(content), len(content))
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, *fields, len(local)) + raw + local + content
        count += 1
    start = len(body)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(central), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(central), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
    return bytes(body + central + end64 + locator + end)
