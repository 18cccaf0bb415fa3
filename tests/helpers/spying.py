"""A spy on the reading of local files: which bytes of which file were read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from sdviewer.checkpoint.source import WritableBuffer, bytes_view
from sdviewer.formats.files import LocalFile


@dataclass
class Spy:
    """The reads, in order: path, first byte, count."""

    reads: list[tuple[str, int, int]] = field(default_factory=list)

    def bytes_read_inside(self, first: int, end: int) -> int:
        """Different bytes between `first` and `end` that were read, of whatever file."""
        cut = sorted((max(start, first), min(start + count, end)) for _, start, count in self.reads)
        reached = first
        total = 0
        for start, stop in cut:
            total += max(0, stop - max(start, reached))
            reached = max(reached, stop)
        return total

    @property
    def total(self) -> int:
        """Bytes read in all, repetitions included."""
        return sum(count for _, _, count in self.reads)


@contextmanager
def spying() -> Iterator[Spy]:
    """Note every read of a `LocalFile` while this lasts."""
    spy = Spy()
    read_into, read_pieces = LocalFile.read_into, LocalFile.read_pieces

    def noted_read(self: LocalFile, offset: int, buffer: WritableBuffer) -> None:
        spy.reads.append((self.spec.path, offset, bytes_view(buffer).nbytes))
        read_into(self, offset, buffer)

    def noted_pieces(self: LocalFile, offsets: Sequence[int], count: int) -> list[bytes]:
        spy.reads.extend(zip(itertools.repeat(self.spec.path), offsets, itertools.repeat(count)))
        return read_pieces(self, offsets, count)

    with patch.object(LocalFile, "read_into", noted_read), patch.object(LocalFile, "read_pieces", noted_pieces):
        yield spy
