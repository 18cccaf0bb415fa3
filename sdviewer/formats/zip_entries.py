"""Entries of a zip archive as sources of their own, and the first bytes of one without inflating the rest."""

from __future__ import annotations

import zlib

from sdviewer.checkpoint.source import SourceSpec, read_bytes
from sdviewer.errors import Damaged, UnsupportedFormat
from sdviewer.formats.reading import Reading
from sdviewer.formats.zip_directory import DEFLATED, ENCRYPTED, STORED, Entry, method_name

_STEP = 256


def entry_label(reading: Reading, entry: Entry) -> str:
    """What to call an entry in a message: the archive's path and the entry's name."""
    return f"{reading.source.label}: {entry.name}"


def check_entry(reading: Reading, entry: Entry) -> None:
    """Whether its bytes can be had.

    Raises:
        Damaged, UnsupportedFormat: they cannot; says why.
    """
    # Asked of every entry: what to call it is made up only for the few that cannot be read.
    if not entry.flags & ENCRYPTED and entry.offset >= 0 and entry.method in (STORED, DEFLATED):
        return
    label = entry_label(reading, entry)
    if entry.flags & ENCRYPTED:
        raise UnsupportedFormat("is protected with a password", file=label, hint="unpack it first")
    if entry.offset < 0:
        raise Damaged("has no local header in the archive", file=label)
    raise UnsupportedFormat(
        f"is compressed by {method_name(entry.method)}", file=label, hint="repack it without compression"
    )


def stored_bytes(reading: Reading, entry: Entry) -> int:
    """Bytes of the entry that are really in the file, compressed or not."""
    claimed = entry.size if entry.method == STORED else entry.stored
    return max(min(claimed, reading.source.size - entry.offset), 0)


def entry_source(reading: Reading, entry: Entry) -> int:
    """Index of a source that holds the entry's own bytes.

    Raises:
        Damaged, UnsupportedFormat: the entry cannot be read.
    """
    check_entry(reading, entry)
    label, stored = entry_label(reading, entry), stored_bytes(reading, entry)
    if entry.method == STORED:
        spec = SourceSpec("range", label, stored, parent=reading.index, offset=entry.offset)
    else:
        spec = SourceSpec("inflated", label, entry.size, parent=reading.index, offset=entry.offset, stored=stored)
    return reading.sources.add(spec)


def first_bytes(reading: Reading, entry: Entry, count: int) -> bytes:
    """The first `count` bytes of an entry, fewer if it has no more; of a deflated one little else is inflated.

    Raises:
        Damaged, UnsupportedFormat: the entry cannot be read.
    """
    check_entry(reading, entry)
    stored = stored_bytes(reading, entry)
    if entry.method == STORED:
        return read_bytes(reading.source, entry.offset, min(count, stored))
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    found, position, step = b"", 0, _STEP
    while len(found) < count and position < stored and not stream.eof:
        packed = read_bytes(reading.source, entry.offset + position, min(step, stored - position))
        position, step = position + len(packed), 2 * step
        try:
            found += stream.decompress(packed, count - len(found))
        except zlib.error as error:
            raise Damaged(f"its compressed data is damaged: {error}", file=entry_label(reading, entry)) from error
    return found
