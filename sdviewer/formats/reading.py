"""What a reader is given and what bounds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control
from sdviewer.formats.files import LocalSources
from sdviewer.formats.zip_directory import ZipDirectory, read_directory

HEAD_BYTES = 512


@dataclass(frozen=True)
class Reading:
    """One source to describe.

    Attributes:
        sources: where the reader registers further sources (shards, nested archives).
        index: the source to read, as an index into them.
        control: cancel and progress.
        depth: how many archives this one lies inside.
        shifted: whether a zip archive stands behind other bytes.
    """

    sources: LocalSources
    index: int
    control: Control = field(default_factory=Control)
    depth: int = 0
    shifted: bool = False

    @property
    def source(self) -> ByteSource:
        """The source to read."""
        return self.sources.get(self.index)

    @cached_property
    def head(self) -> bytes:
        """Its first 512 bytes, or all of a shorter one."""
        return read_bytes(self.source, 0, min(self.source.size, HEAD_BYTES))

    @cached_property
    def directory(self) -> ZipDirectory:
        """The source as a zip archive; raises `Damaged` if it is none."""
        return read_directory(self.source, self.control)

    @property
    def is_zip(self) -> bool:
        """Whether it begins like a zip archive, or is known to hold one further on."""
        return self.shifted or self.head.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    def within(self, index: int) -> Reading:
        """The same work on a source that lies inside this one."""
        return Reading(self.sources, index, self.control, self.depth + 1)


class Reader(Protocol):
    """A module of this package that reads one format."""

    def matches(self, reading: Reading) -> bool:
        """Whether the content looks like this format, by its bytes alone."""

    def read(self, reading: Reading) -> Description:
        """Describe it without reading a payload.

        Raises:
            CannotOpen: nothing could be read. What is damaged in part is described as far as it goes,
                with a `Problem`.
        """
