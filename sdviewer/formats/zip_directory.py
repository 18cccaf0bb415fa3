"""The directory of a zip archive: sizes from the central directory, data places from the local headers.

Torch's own archives and re-zipped ones, zip64, archives with something before or after them, and
archives whose end is cut off (their local headers are searched) are all read. Nothing is inflated here.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control
from sdviewer.errors import Damaged
from sdviewer.formats.byte_words import as_texts, leading, places_of, words_at_any_place
from sdviewer.formats.files import read_pieces
from sdviewer.formats.zip_end import OUTSIDE, SATURATED, find_end

STORED, DEFLATED = 0, 8
_OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz"}
ENCRYPTED = 0x1
_UTF8 = 0x800

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_SEARCH_STEP = 4 << 20
# A central record with the longest name, extra field and comment.
_LONGEST_RECORD = _CENTRAL.size + 3 * 0xFFFF
# The same for a local header, which has no comment.
_LONGEST_HEADER = _LOCAL.size + 2 * 0xFFFF
# Entries that a search finds at most; they may lie as close as their headers, a model of so many is rare.
_MOST_FOUND = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `stored` bytes at `offset` of the archive, `size` bytes when inflated."""

    name: str
    method: int
    flags: int
    stored: int
    size: int
    offset: int


def method_name(method: int) -> str:
    """What a person calls a compression method that is not read."""
    return _OTHER_METHODS.get(method, f"method {method}")


@dataclass(frozen=True, eq=False)
class ZipDirectory:
    """All entries as columns of one length, in the order of the directory.

    Attributes:
        names: entry names.
        method: 0 stored, 8 deflated, others are not read.
        flags: general purpose bits; bit 0 says encrypted.
        stored: bytes in the archive.
        size: bytes when inflated.
        offset: where the entry's data begins, -1 where its local header is damaged.
        crc: the CRC-32 of the inflated bytes; 0 where the writer left it out, or the directory is lost.
        partial: whether the directory was lost and the entries were found by searching.
    """

    names: list[str]
    method: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint16]
    stored: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    crc: npt.NDArray[np.uint32]
    partial: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Entry]:
        return map(self.entry, range(len(self)))

    def entry(self, index: int) -> Entry:
        """Entry `index` as one object."""
        return Entry(
            self.names[index],
            int(self.method[index]),
            int(self.flags[index]),
            int(self.stored[index]),
            int(self.size[index]),
            int(self.offset[index]),
        )

    @cached_property
    def index(self) -> dict[str, int]:
        """Name → entry; of several with one name the first, as torch's archive library takes it."""
        return dict(zip(reversed(self.names), range(len(self.names) - 1, -1, -1), strict=True))

    def find(self, name: str) -> Entry | None:
        """The entry of that name."""
        position = self.index.get(name)
        return None if position is None else self.entry(position)

    @cached_property
    def repeated(self) -> list[str]:
        """Names that stand more than once, each once."""
        return [name for name, count in Counter(self.names).items() if count > 1]


def read_directory(source: ByteSource, control: Control | None = None) -> ZipDirectory:
    """The directory of the archive in `source`.

    Raises:
        Damaged: there is no directory and no local header either.
    """
    control = control or Control()
    found = find_end(source)
    if found is None:
        return _search_local_headers(source, control)
    start, size, count, shift = found
    names: list[str] = []
    # Method, flags, stored size, size, header and checksum, entry after entry; a size that lies costs no memory.
    fields_of = array("q")
    block, block_start, position = b"", start, 0
    unpack, width = _CENTRAL.unpack_from, _CENTRAL.size
    while len(names) < count and position + width <= size:
        at = position - (block_start - start)
        if at + _LONGEST_RECORD > len(block) and block_start + len(block) < start + size:
            block_start = start + position
            block = read_bytes(source, block_start, min(_SEARCH_STEP, size - position))
            control.report(position, size, "reading the archive's directory")
            position += _read_side_by_side(block, count, shift, names, fields_of)
            continue
        fields = unpack(block, at)
        signature, _, _, flags, method, _, _, crc, stored, length, name_size, extra_size, comment_size = fields[:13]
        if signature != b"PK\x01\x02":
            break
        header = fields[16]
        extra_start = at + width + name_size
        names.append(_decode_name(block[at + width : extra_start], flags))
        if SATURATED in (stored, length, header):
            length, stored, header = _zip64(block[extra_start : extra_start + extra_size], length, stored, header)
        fields_of.extend((method, flags, stored, length, header + shift, crc))
        position += width + name_size + extra_size + comment_size
    columns = np.array(fields_of, np.int64).reshape(-1, 6).T
    return ZipDirectory(
        names,
        columns[0].astype(np.uint16),
        columns[1].astype(np.uint16),
        np.ascontiguousarray(columns[2]),
        np.ascontiguousarray(columns[3]),
        _data_offsets(source, columns[4]),
        columns[5].astype(np.uint32),
        partial=len(names) < min(count, 0xFFFF) or position < size,
    )


def _read_side_by_side(block: bytes, count: int, shift: int, names: list[str], fields_of: array[int]) -> int:
    """Read the records that `block` begins with, up to `count` in all and never the last one of the block.

    They are taken to begin wherever their signature stands, as far as each ends where the next one begins.
    Returns the bytes that they take.
    """
    begin = places_of(block, b"PK\x01\x02")[: len(block) // _CENTRAL.size + 1]
    words = words_at_any_place(block)
    # As in `_CENTRAL`: flags and method, checksum, both sizes, the lengths of name, extra field and comment, the
    # header's place.
    ways, sums, sizes, lengths, places = (words[np.minimum(begin + at, len(block))] for at in (8, 16, 20, 28, 42))
    name_end = begin + _CENTRAL.size + (lengths & 0xFFFF)
    extra_end = name_end + (lengths >> 16 & 0xFFFF)
    end = extra_end + (lengths >> 32 & 0xFFFF)
    regular = min(leading(end[:-1] == begin[1:]), count - len(names)) if len(begin) and begin[0] == 0 else 0
    if regular <= 0:
        return 0
    stored, length, header = sizes & SATURATED, sizes >> 32 & SATURATED, places & SATURATED
    saturated = (stored == SATURATED) | (length == SATURATED) | (header == SATURATED)
    for row in np.flatnonzero(saturated[:regular]).tolist():
        extra = block[name_end[row] : extra_end[row]]
        length[row], stored[row], header[row] = _zip64(extra, int(length[row]), int(stored[row]), int(header[row]))
    columns = (ways >> 16 & 0xFFFF, ways & 0xFFFF, stored, length, header + shift, sums & 0xFFFFFFFF)
    fields_of.frombytes(np.stack(columns, axis=1)[:regular].tobytes())
    begin, name_end = begin[:regular] + _CENTRAL.size, name_end[:regular]
    raw = zip(begin.tolist(), name_end.tolist(), (ways & 0xFFFF).tolist(), strict=False)
    names += as_texts(block, begin, name_end) or [_decode_name(block[a:b], flags) for a, b, flags in raw]
    return int(end[regular - 1])


def _decode_name(raw: bytes, flags: int) -> str:
    # Names without the UTF-8 flag are cp437 by the standard, but writers put UTF-8 there as well.
    if raw.isascii():
        return raw.decode("ascii")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if flags & _UTF8 else raw.decode("cp437")


def _zip64(extra: bytes, length: int, stored: int, header: int) -> tuple[int, int, int]:
    """Replace saturated fields from extra field 1, which holds only those, in this order."""
    position = 0
    while position + 4 <= len(extra):
        tag, size = struct.unpack_from("<HH", extra, position)
        if tag == 1:
            body = extra[position + 4 : position + 4 + size]
            values = iter(struct.unpack_from(f"<{min(len(body) // 8, 3)}Q", body))
            if length == SATURATED:
                length = next(values, length)
            if stored == SATURATED:
                stored = next(values, stored)
            if header == SATURATED:
                header = next(values, header)
            break
        position += 4 + size
    return min(length, OUTSIDE), min(stored, OUTSIDE), min(header, OUTSIDE)


def _data_offsets(source: ByteSource, headers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where data begins, by the local headers: their extra field is padded and differs from the central one."""
    offsets = np.full(len(headers), -1, np.int64)
    inside = np.flatnonzero((headers >= 0) & (headers + _LOCAL.size <= source.size))
    if len(inside) == 0:
        return offsets
    pieces = read_pieces(source, headers[inside].tolist(), _LOCAL.size)
    raw = np.frombuffer(b"".join(pieces), np.uint8).reshape(-1, _LOCAL.size)
    sound = (raw[:, :4] == np.frombuffer(b"PK\x03\x04", np.uint8)).all(axis=1)
    lengths = np.ascontiguousarray(raw[:, 26:30]).view("<u2").astype(np.int64).sum(axis=1)
    starts = headers[inside] + _LOCAL.size + lengths
    offsets[inside] = np.where(sound, starts, -1)
    return offsets


def _search_local_headers(source: ByteSource, control: Control) -> ZipDirectory:
    """The entries of an archive whose end is lost, by their local headers.

    Sizes that the writer put behind the data (flag bit 3) are taken from the distance to the
    next header's descriptor; the last entry reaches to the end of the file.
    """
    names: list[str] = []
    fields_of = array("q")  # method, flags, stored size, size, offset of each
    open_ended = False  # the size of the last entry is to be told by where the next one begins

    def end_last(limit: int) -> None:
        fields_of[-3] = fields_of[-2] = _size_before_descriptor(source, fields_of[-1], limit)

    for header, raw in _local_headers(source, control):
        if fields_of and not open_ended and header < fields_of[-1] + fields_of[-3]:
            continue  # the signature stood inside the data of an entry whose size is known
        _, _, flags, method, _, _, _, stored, size, name_size, extra_size = _LOCAL.unpack_from(raw)
        start = header + _LOCAL.size + name_size + extra_size
        if start > source.size or name_size == 0:
            continue
        if open_ended:
            end_last(header)
        if len(names) >= _MOST_FOUND:
            break
        names.append(_decode_name(raw[_LOCAL.size : _LOCAL.size + name_size], flags))
        size, stored, _ = _zip64(raw[_LOCAL.size + name_size :][:extra_size], size, stored, 0)
        fields_of.extend((method, flags, stored, size, start))
        open_ended = bool(flags & 0x8) and stored == 0
    else:
        if open_ended:
            end_last(source.size)
    if not names:
        raise Damaged("is a zip archive without its directory, and no entry could be found", file=source.label)
    columns = np.array(fields_of, np.int64).reshape(-1, 5).T
    return ZipDirectory(
        names,
        columns[0].astype(np.uint16),
        columns[1].astype(np.uint16),
        np.ascontiguousarray(columns[2]),
        np.ascontiguousarray(columns[3]),
        np.ascontiguousarray(columns[4]),
        np.zeros(len(names), np.uint32),
        partial=True,
    )


def _local_headers(source: ByteSource, control: Control) -> Iterator[tuple[int, bytes]]:
    """Where each signature of a local header stands, with the longest header that may follow it."""
    position = 0
    while position < source.size:
        control.report(position, source.size, "the archive's end is missing: searching its entries")
        block = read_bytes(source, position, min(_SEARCH_STEP + _LONGEST_HEADER, source.size - position))
        at = block.find(b"PK\x03\x04", 0, _SEARCH_STEP + 3)
        while at >= 0:
            raw = block[at : at + _LOCAL.size]
            if len(raw) == _LOCAL.size:
                length = _LOCAL.size + int.from_bytes(raw[26:28], "little") + int.from_bytes(raw[28:30], "little")
                yield position + at, block[at : at + length]
            at = block.find(b"PK\x03\x04", at + 4, _SEARCH_STEP + 3)
        position += _SEARCH_STEP


def _size_before_descriptor(source: ByteSource, start: int, limit: int) -> int:
    """Bytes between `start` and the data descriptor that ends before `limit`, if there is one."""
    for width in (24, 16):
        at = limit - width
        if at >= start and read_bytes(source, at, 4) == b"PK\x07\x08":
            return at - start
    return max(limit - start, 0)
