"""Pickles written opcode by opcode: what no pickler would write, and what an attacker does."""

from __future__ import annotations

import struct

MAX_SHORT = 255
STOP = b"."
NONE = b"N"
REDUCE = b"R"
EMPTY_DICT = b"}"
EMPTY_LIST = b"]"
MARK = b"("
POP = b"0"


def text(value: str) -> bytes:
    """A string as protocols 2 and 3 write it."""
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """An integer of up to 255 bytes."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def named(module: str, name: str) -> bytes:
    """A global by the opcode of protocols 0 to 3."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def tuple_of(*items: bytes) -> bytes:
    """A tuple of what these opcodes push."""
    return MARK + b"".join(items) + b"t"


def list_of(*items: bytes) -> bytes:
    """A list of what these opcodes push."""
    return EMPTY_LIST + MARK + b"".join(items) + b"e"


def dict_of(*pairs: bytes) -> bytes:
    """A dict; keys and values alternate."""
    return EMPTY_DICT + MARK + b"".join(pairs) + b"u"


def called(function: bytes, *arguments: bytes) -> bytes:
    """`function(*arguments)` by REDUCE."""
    return function + tuple_of(*arguments) + REDUCE


def put(index: int) -> bytes:
    """Remember the top of the stack under `index`."""
    return b"r" + struct.pack("<I", index)


def get(index: int) -> bytes:
    """Push what was remembered under `index`."""
    return b"h" + bytes([index]) if index <= MAX_SHORT else b"j" + struct.pack("<I", index)


def storage(key: str = "0", numel: int = 4, kind: str = "FloatStorage", location: str = "cpu") -> bytes:
    """A persistent id of a torch storage."""
    return tuple_of(text("storage"), named("torch", kind), text(key), text(location), number(numel)) + b"Q"


def tensor(stored: bytes, size: bytes, stride: bytes, offset: bytes | None = None) -> bytes:
    """A call of torch's rebuild function over a storage."""
    return called(
        named("torch._utils", "_rebuild_tensor_v2"),
        stored,
        number(0) if offset is None else offset,
        size,
        stride,
        b"\x89",
        called(named("collections", "OrderedDict")),
    )


def plain_tensor(key: str = "0") -> bytes:
    """Four float32 in storage `key`."""
    return tensor(storage(key), tuple_of(number(4)), tuple_of(number(1)))


def program(*pieces: bytes, protocol: int = 2) -> bytes:
    """A whole pickle that leaves what the pieces leave."""
    return b"\x80" + bytes([protocol]) + b"".join(pieces) + STOP
