"""ByteSource: bytes at offsets, and the description from which one can be opened again.

A checkpoint refers to its bytes by (source index, offset). The specs travel between
processes; the open files do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from sdviewer.errors import MissingBytes

if TYPE_CHECKING:
    import numpy.typing as npt

WritableBuffer: TypeAlias = "bytearray | memoryview | npt.NDArray[Any]"


def bytes_view(buffer: WritableBuffer) -> memoryview:
    """The bytes of a contiguous writable buffer, as one flat view."""
    # Type checkers know numpy's arrays as buffers only from Python 3.12 on.
    view = memoryview(cast("bytearray", buffer))
    # A view with a dimension of 0 cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())


class ByteSource(Protocol):
    """Random access to bytes that are never mapped and never executed."""

    @property
    def label(self) -> str:
        """What to call it in a message: a path, with the entry inside it if there is one."""

    @property
    def size(self) -> int:
        """Bytes in all, as of opening."""

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill the whole writable `buffer` from `offset`.

        Raises:
            MissingBytes: the range is not inside `size`.
            SourceChanged: the file no longer holds what it held when it was opened.

        """

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` unless size, mtime, device and inode are those of opening."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How to open a source again, in any process.

    `file`: the whole file at `path`, with the identity it had when it was described.
    `range`: `size` bytes at `offset` of the source `parent`.
    `inflated`: the raw-deflate stream of `stored` bytes at `offset` of `parent`, `size` bytes inflated.
    `inline`: `size` bytes at `offset` of the checkpoint's own `inline` block (arrays that a
    text pickle holds in escaped form have no bytes in the file).
    `assembled`: a tensor of `size` bytes that is put together from chunks in other sources, which are told in
    `stored` bytes at `offset` of the inline block; `path` is a file that holds some of it.
    `computed`: a tensor of `size` bytes that is worked out of others, in this process alone.
    """

    kind: Literal["file", "range", "inflated", "inline", "assembled", "computed"]
    label: str
    size: int
    path: str = ""
    mtime_ns: int = 0
    device: int = 0
    inode: int = 0
    parent: int = -1
    offset: int = 0
    stored: int = 0


class Sources(Protocol):
    """The sources of one checkpoint, opened on first demand, safe to use from several threads."""

    @property
    def specs(self) -> Sequence[SourceSpec]:
        """What `get` opens, by index."""

    def get(self, index: int) -> ByteSource:
        """The source of `specs[index]`."""

    def inflated(self, index: int, offset: int, stored: int, size: int) -> ByteSource:
        """A deflated stretch of source `index` as a source of its own, kept for the next call."""

    def close(self) -> None:
        """Close all files; a later `get` opens them again."""


def read_bytes(source: ByteSource, offset: int, count: int) -> bytes:
    """`count` bytes at `offset`; raises what `read_into` raises.

    The range is checked before the buffer is made: a length that lies must not cost memory.
    """
    if count < 0 or offset < 0 or offset + count > source.size:
        raise MissingBytes(
            f"bytes {offset:,} to {offset + count:,} are not inside its {source.size:,}", file=source.label
        )
    buffer = bytearray(count)
    source.read_into(offset, buffer)
    return bytes(buffer)
