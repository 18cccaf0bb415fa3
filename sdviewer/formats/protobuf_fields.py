"""The top-level fields of a protobuf message, by a bounded look: ONNX, Core ML and TensorFlow files are such."""

from __future__ import annotations

from dataclasses import dataclass

from sdviewer.checkpoint.source import ByteSource, read_bytes

_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
# A graph of a million nodes has a million fields: so many are looked at.
_MOST_FIELDS = 64
_LONGEST_KEY = 20
_HEAD = 8


@dataclass(frozen=True, slots=True)
class ProtobufField:
    """One field: `value` of a number, None for bytes, of which `head` are the first eight."""

    number: int
    value: int | None
    head: bytes = b""


def top_level_fields(source: ByteSource) -> tuple[ProtobufField, ...]:
    """The first 64 fields, () unless all of them are well formed and inside the file."""
    fields: list[ProtobufField] = []
    position = 0
    while position < source.size and len(fields) < _MOST_FIELDS:
        window = read_bytes(source, position, min(_LONGEST_KEY, source.size - position))
        key, at = _varint(window, 0)
        if at == 0:
            return ()
        number, wire = key >> 3, key & 7
        length = _FIXED.get(wire)
        value, head = 0, b""
        if wire in (_VARINT, _BYTES):
            value, at = _varint(window, at)
            length = value if wire == _BYTES else 0
            head = window[at : at + min(_HEAD, length)]
        position += at + (length or 0)
        if at == 0 or number < 1 or length is None or position > source.size:
            return ()
        fields.append(ProtobufField(number, None if wire == _BYTES else value, head))
    return tuple(fields)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and the position behind it, 0 where there is none."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return 0, 0
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    return 0, 0
