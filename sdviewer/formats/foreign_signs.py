"""Signs by which foreign files are told: what a file begins with, ends with, or would be as a message.

A sign is a function of a `Look`. None parses more than a few hundred bytes, none trusts a name unless there is
nothing else to go by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sdviewer.checkpoint.source import read_bytes
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.protobuf_fields import ProtobufField, top_level_fields
from sdviewer.formats.reading import Reading
from sdviewer.formats.zip_directory import ENCRYPTED


@dataclass(frozen=True)
class Look:
    """What the rows look at.

    Attributes:
        reading: the file.
        name: its name, or that of the entry.
    """

    reading: Reading
    name: str

    @property
    def head(self) -> bytes:
        """The first 512 bytes."""
        return self.reading.head

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.reading.source.size

    @cached_property
    def tail(self) -> bytes:
        """The last 48 bytes."""
        count = min(self.size, 48)
        return read_bytes(self.reading.source, self.size - count, count)

    @cached_property
    def text(self) -> str | None:
        """The head as text without white space before it, None for bytes that are no text."""
        if b"\0" in self.head:
            return None
        text = self.head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").rstrip("\ufffd")
        odd = sum(not (letter.isprintable() or letter.isspace()) or letter == "\ufffd" for letter in text)
        return text.lstrip() if text and odd == 0 else None

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Names in a zip archive, () for other files and broken ones."""
        if not self.reading.is_zip:
            return ()
        try:
            return tuple(self.reading.directory.names)
        except (CannotOpen, CannotRead):
            return ()

    @cached_property
    def encrypted(self) -> bool:
        """Whether a zip archive has an entry under a password."""
        return bool(self.entries) and bool((self.reading.directory.flags & ENCRYPTED).any())

    @cached_property
    def fields(self) -> tuple[ProtobufField, ...]:
        """The file's fields, if all of it reads as one protobuf message."""
        return top_level_fields(self.reading.source)

    @cached_property
    def field_numbers(self) -> frozenset[int]:
        """Numbers of `fields`."""
        return frozenset(field.number for field in self.fields)


def begins(*starts: bytes) -> Callable[[Look], bool]:
    """Whether the file begins with one of these."""
    return lambda look: look.head.startswith(starts)


def holds_at(offset: int, *words: bytes) -> Callable[[Look], bool]:
    """Whether one of these stands at `offset`."""
    return lambda look: look.head[offset:].startswith(words)


def says(pattern: str) -> Callable[[Look], bool]:
    """Text that begins so, white space before it aside."""
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda look: look.text is not None and compiled.match(look.text) is not None


def has_entry(*names: str) -> Callable[[Look], bool]:
    """Whether a zip archive has an entry of one of these names, in whatever folder."""
    return lambda look: any(entry in names or entry.rpartition("/")[2] in names for entry in look.entries)


def is_hdf5(look: Look) -> bool:
    """The HDF5 signature."""
    # A user block of 512 · 2ⁿ bytes may stand before the signature.
    signature = b"\x89HDF\r\n\x1a\n"
    for offset in (0, 512, 1024, 2048):
        if look.size >= offset + 8 and read_bytes(look.reading.source, offset, 8) == signature:
            return True
    return False


def is_msgpack_of_flax(look: Look) -> bool:
    """A map whose first key is a word: what flax.serialization writes."""
    head = look.head
    if not head or not (0x81 <= head[0] <= 0x8F or head[0] in (0xDE, 0xDF)):
        return False
    at = {0xDE: 3, 0xDF: 5}.get(head[0], 1)
    kind = head[at : at + 1]
    if kind == b"\xd9":
        length, start = head[at + 1] if len(head) > at + 1 else 0, at + 2
    elif kind and 0xA1 <= kind[0] <= 0xBF:
        length, start = kind[0] & 0x1F, at + 1
    else:
        return False
    key, following = head[start : start + length], head[start + length : start + length + 1]
    is_value = bool(following) and (0x80 <= following[0] <= 0x8F or following[0] >= 0xC0)
    return len(key) == length > 0 and is_value and re.fullmatch(rb"[\w .:/@+-]+", key) is not None


def is_onnx(look: Look) -> bool:
    """A ModelProto: ir_version and the graph, which is field 7."""
    return {1, 7} <= look.field_numbers <= {*range(1, 9), 14, 20, 25, 26} and look.fields[0].value is not None


def is_core_ml(look: Look) -> bool:
    """A Model: specificationVersion, description, and its kind in a field from 200 on."""
    return {1, 2} <= look.field_numbers and max(look.field_numbers) >= 200 and look.fields[0].value is not None


def is_saved_model(look: Look) -> bool:
    """A SavedModel: schema version 1 and its graphs."""
    return look.field_numbers == {1, 2} and look.fields[0].value == 1 and look.fields[1].value is None


def is_graph_def(look: Look) -> bool:
    """A GraphDef: nodes that begin with a name, then versions and a library."""
    return look.head[:1] == b"\n" and 1 in look.field_numbers <= {1, 2, 3, 4} and look.fields[0].head[:1] == b"\n"


def is_caffe(look: Look) -> bool:
    """A NetParameter: layers are field 100, or 2 in old ones."""
    return look.field_numbers == {1, 100} or (look.name.endswith(".caffemodel") and bool(look.fields))


def is_paddle(look: Look) -> bool:
    """Combined parameters: version, level of detail, version, length of a TensorDesc, which begins with its type."""
    head = look.head
    return head[:16] == bytes(16) and 0 < int.from_bytes(head[16:20], "little") < 256 and head[20:21] == b"\x08"


def is_paddle_program(look: Look) -> bool:
    """A ProgramDesc: blocks, each of which begins with its index and that of its parent."""
    return look.field_numbers <= {1, 2, 4, 5} and bool(look.fields) and look.fields[0].head[:3] == b"\x08\x00\x10"


def is_joblib(look: Look) -> bool:
    """A zlib stream, as joblib writes with compress=True."""
    return look.head[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda") or look.head.startswith(b"ZF0x")
