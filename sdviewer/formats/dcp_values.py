"""What a distributed checkpoint holds beside tensors: numbers, texts, random states, each in a record of its own.

Such a record is a small file of `torch.save`. Their pickles are kept in the inline block of the description, one
behind the other, so that one machine reads them all and long texts and arrays have a place to refer to.
"""

from __future__ import annotations

from typing import Any

from sdviewer.checkpoint.document import GlobalUse, Problem
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.source import ByteSource, SourceSpec, read_bytes
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.dcp_metadata import Record, no_storage
from sdviewer.formats.pickle_values import ByteRange
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_objects import FindStorage
from sdviewer.formats.torch_pickle import TorchPickle
from sdviewer.formats.torch_zip import Archive
from sdviewer.formats.zip_end import directory_bytes

# Larger values are told by their size alone, and so is what comes behind so many of them.
_LARGEST = 1 << 20
_LARGEST_TOGETHER = 32 << 20
_LARGEST_DIRECTORY = 64 << 10
_MOST = 20_000
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class Values:
    """The values of one folder: `add` each with its record, then `load` them all.

    Args:
        reading: the metadata, with whose sources the values are read.
        builder: gets the tensors that values hold.
        steps_used: steps of pickle machines that were taken before.

    """

    def __init__(self, reading: Reading, builder: TableBuilder, steps_used: int) -> None:
        self.problems: list[Problem] = []
        self._reading = reading
        self._builder = builder
        self._steps_used = steps_used
        # Of each name where its pickle begins in the inline block, and who finds its storages.
        self._places: dict[str, tuple[int, FindStorage]] = {}
        self._bytes = 0
        self._pickle: TorchPickle | None = None
        self._find: FindStorage = no_storage

    def add(self, name: str, record: Record, source: int) -> None:
        """Keep the pickle of a value; one that cannot be had, or is too large, is left out."""
        if record.length > _LARGEST or self._bytes + record.length > _LARGEST_TOGETHER or len(self._places) >= _MOST:
            return
        sources = self._reading.sources
        label = f"{sources.specs[source].label} at byte {record.offset:,}"
        index = sources.add(SourceSpec("range", label, record.length, parent=source, offset=record.offset))
        reading = self._reading.within(index)
        try:
            raw, find = self._pickle_of(reading)
        except (CannotOpen, CannotRead) as error:
            self.problems.append(Problem("partial", "warning", f"the value cannot be read: {error.message}", name))
            return
        self._bytes += len(raw)
        self._places[name] = len(sources.inline), find
        sources.inline += raw

    def _pickle_of(self, reading: Reading) -> tuple[bytes, FindStorage]:
        if not reading.is_zip:
            if not reading.head.startswith(_PICKLE_STARTS):
                raise CannotRead("is neither a record of torch.save nor a pickle", file=reading.source.label)
            return read_bytes(reading.source, 0, reading.source.size), no_storage
        if not 0 < (directory_bytes(reading.source) or 0) <= _LARGEST_DIRECTORY:
            raise CannotRead("is no whole record of torch.save", file=reading.source.label)
        inner = Archive(reading).open_pickle("data.pkl", "data/", self._builder)
        size = inner.source.size
        if size > _LARGEST:
            raise CannotRead(f"its pickle has {size:,} bytes", file=reading.source.label)
        return read_bytes(inner.source, 0, size), inner.find_storage

    @property
    def source(self) -> ByteSource:
        """Where the pickles lie; after the last `add`."""
        return self.pickle.source

    @property
    def pickle(self) -> TorchPickle:
        """What reads them; after the last `add`."""
        if self._pickle is None:
            sources = self._reading.sources
            index = sources.inline_index()
            sources.seal_inline()
            self._pickle = TorchPickle(
                self._reading, index, self._find_storage, builder=self._builder, steps_used=self._steps_used
            )
        return self._pickle

    def load(self, name: str, record: Record | None) -> Any:
        """The value of this name; of one that was left out how many bytes it has."""
        left_out = ByteRange(0, record.length if record else 0)
        if name not in self._places:
            return left_out
        start, find = self._places[name]
        pickle = self.pickle
        seen = len(pickle.problems)
        # Each record numbers its storages for itself.
        pickle.objects.storages_seen.clear()
        self._find = find
        try:
            value = pickle.load(start)
        except CannotOpen as error:
            self.problems.append(Problem("partial", "warning", f"the value cannot be read: {error.message}", name))
            return left_out
        finally:
            pickle.steps_used += pickle.machine.steps
        self.problems += [Problem(p.kind, p.severity, p.message, name) for p in pickle.problems[seen:]]
        return value

    def _find_storage(self, builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
        return self._find(builder, key, dtype, numel, location)

    def global_uses(self) -> tuple[GlobalUse, ...]:
        """The globals that the values name; a dangerous one becomes a problem."""
        seen = len(self.pickle.problems)
        found = self.pickle.global_uses()
        self.problems += self.pickle.problems[seen:]
        return found
