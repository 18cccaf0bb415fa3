"""The first members of a tar archive: names and places by its 512-byte headers, nothing unpacked.

Read are ustar, PAX (a name or size in a header of its own) and GNU's long names. Members are looked at
one by one, so an archive of millions costs no more than those that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdviewer.checkpoint.source import ByteSource, read_bytes

_BLOCK = 512
_MAGIC = slice(257, 262)
_CHECKSUM = slice(148, 156)
# A PAX header or a long name beyond this is none that anyone needs.
_LONGEST_EXTENSION = 64 << 10
_REGULAR = (b"0", b"\0", b"7")


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file: `size` bytes at `offset` of the archive, as its header claims."""

    name: str
    offset: int
    size: int


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are the header of a member."""
    return head[_MAGIC] == b"ustar"


def members(source: ByteSource, limit: int) -> Iterator[Member]:
    """The regular files among the first `limit` members; ends at the first header that is none."""
    position = 0
    name, size = "", -1  # what an extension says of the member behind it
    for _ in range(limit):
        if position + _BLOCK > source.size:
            return
        block = read_bytes(source, position, _BLOCK)
        claimed = _number(block[124:136])
        if not is_tar(block) or claimed < 0 or not _sums_up(block):
            return
        start, kind = position + _BLOCK, block[156:157]
        if kind in (b"x", b"L"):
            body = read_bytes(source, start, max(min(claimed, _LONGEST_EXTENSION, source.size - start), 0))
            if kind == b"x":
                records = _pax_records(body)
                name = records.get("path", name)
                text = records.get("size", "")
                size = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else size
            else:
                name = _text(body)
        else:
            claimed = claimed if size < 0 else size
            if kind in _REGULAR:
                yield Member(name or _ustar_name(block), start, claimed)
            name, size = "", -1
        position = start + -(-claimed // _BLOCK) * _BLOCK


def _ustar_name(block: bytes) -> str:
    name, prefix = _text(block[:100]), _text(block[345:500])
    return f"{prefix}/{name}" if prefix and block[257:263] == b"ustar\0" else name


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """An octal number, or GNU's base 256 behind a set first bit; -1 if it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return -1


def _sums_up(block: bytes) -> bool:
    """Whether the header's checksum is right, counted with signed or unsigned bytes as writers differ."""
    expected = _number(block[_CHECKSUM])
    rest = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    unsigned = sum(rest)
    return expected in (unsigned, unsigned - 256 * sum(byte > 127 for byte in rest))


def _pax_records(body: bytes) -> dict[str, str]:
    """Records of the form "length key=value" and a newline."""
    records = {}
    position = 0
    while (space := body.find(b" ", position, position + 8)) > position and body[position:space].isdigit():
        end = position + int(body[position:space])
        key, _, value = body[space + 1 : end].rstrip(b"\n").partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        if end <= space:
            break
        position = end
    return records
