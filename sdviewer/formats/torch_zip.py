"""Zip archives that `torch.save` writes since 1.6: one data.pkl, and each storage as an entry of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.document import Description, Duplicate, Problem
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.table import Encoding, TableBuilder
from sdviewer.errors import CannotOpen, CannotRead, Damaged
from sdviewer.formats import globals as known_globals
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_objects import Int64
from sdviewer.formats.torch_pickle import TorchPickle
from sdviewer.formats.zip_directory import DEFLATED, ENCRYPTED, STORED, Entry, ZipDirectory, method_name
from sdviewer.formats.zip_duplicates import repeated_names, torch_winners
from sdviewer.formats.zip_entries import entry_source

# Pickles that torch writes deflate to a fifth. One that shrinks to much less is a bomb, unless it is small.
_PICKLE_INFLATION = 40
_PICKLE_INFLATED_ANYWAY = 16 << 20
# Deflate itself cannot do better.
_MOST_INFLATION = 1032


def pickle_prefix(directory: ZipDirectory) -> str | None:
    """The folder inside the archive that holds data.pkl ("resnet/"), None if it is no torch archive.

    Torch takes the part before the first entry's first "/"; an archive packed again may begin with
    another entry or lie deeper, so any single folder with a data.pkl does.
    """
    if not len(directory):
        return None
    first = directory.names[0]
    prefix = first[: first.find("/") + 1]
    if f"{prefix}data.pkl" in directory.index:
        return prefix
    candidates = [
        name.removesuffix("data.pkl") for name in directory.index if name.endswith("/data.pkl") or name == "data.pkl"
    ]
    shallow = [candidate for candidate in candidates if candidate.count("/") <= 1]
    if shallow:
        return shallow[0]
    return candidates[0] if len(candidates) == 1 else None


def matches(reading: Reading) -> bool:
    """A zip archive with a data.pkl and no TorchScript constants."""
    if not reading.is_zip:
        return False
    prefix = pickle_prefix(reading.directory)
    return prefix is not None and f"{prefix}constants.pkl" not in reading.directory.index


def read(reading: Reading) -> Description:
    """Describe the archive; see `Reader.read`."""
    archive = Archive(reading)
    pickle = archive.open_pickle("data.pkl", "data/")
    walked = pickle.walk(pickle.load(0))
    found = pickle.global_uses()
    return Description(
        format="torch zip",
        tensors=walked.tensors,
        structure=walked.structure,
        root=walked.root,
        globals=found,
        problems=(*archive.problems, *pickle.problems),
        duplicates=(*archive.duplicates, *walked.duplicates),
        module_classes=walked.module_classes,
        module_versions=walked.module_versions,
        torch_lines=known_globals.torch_lines(
            reading.source.label, found, weights_only_reads=pickle.machine.protocol <= 3
        ),
        unshown_bytes=archive.unused_bytes() + unshown_bytes(walked.tensors),
    )


def _why_unread(entry: Entry) -> str:
    """What keeps a storage's entry from being read."""
    if entry.flags & ENCRYPTED:
        return "are protected with a password"
    if entry.offset < 0:
        return "have no local header in the archive"
    return f"are compressed by {method_name(entry.method)}, which is not read"


@dataclass
class Archive:
    """A torch archive: its entries as storages and pickles.

    Attributes:
        reading: the archive.
        folder: what all names in it begin with; found by its data.pkl if it is not given.
        problems: what is irregular about it.
        duplicates: entries hidden by another of the same name.
        used: numbers of the entries that a pickle refers to, and of the pickles.
    """

    reading: Reading
    folder: str | None = None
    problems: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        directory = self.directory
        self.prefix = (pickle_prefix(directory) or "") if self.folder is None else self.folder
        self.index = directory.index
        label = self.reading.source.label
        if directory.partial:
            self.problems.append(
                Problem("partial", "error", "the archive is cut off: its directory is missing or incomplete", label)
            )
        repeated = repeated_names(directory.names)
        if repeated:
            self.index = self.index | torch_winners(directory.names, repeated)
            self.duplicates += [Duplicate(name, f"another entry of {label}") for name in repeated]
            self.problems.append(
                Problem(
                    "duplicate",
                    "warning",
                    f"{len(repeated):,} entries stand twice; the one that torch reads counts",
                    repeated[0],
                )
            )
        self.big_endian = self._small("byteorder") == b"big"

    @property
    def directory(self) -> ZipDirectory:
        """The archive's directory."""
        return self.reading.directory

    def find(self, name: str) -> tuple[int, Entry] | None:
        """Number and entry of `name` below the archive's folder."""
        number = self.index.get(self.prefix + name)
        return None if number is None else (number, self.directory.entry(number))

    def _small(self, name: str) -> bytes:
        found = self.find(name)
        if found is None or found[1].size > 64 or found[1].offset < 0:
            return b""
        try:
            return read_bytes(self.reading.sources.get(entry_source(self.reading, found[1])), 0, found[1].size)
        except (CannotOpen, CannotRead):
            return b""

    def entry_source(self, entry: Entry) -> int:
        """Index of a source that holds the entry's own bytes; see `zip_entries.entry_source`."""
        return entry_source(self.reading, entry)

    def open_pickle(self, name: str, storages: str, builder: TableBuilder | None = None) -> TorchPickle:
        """A pickle of the archive whose storages are entries below `storages`, writing into `builder`.

        Raises:
            Damaged, UnsupportedFormat, LimitExceeded: it cannot be read.
        """
        found = self.find(name)
        if found is None:
            raise Damaged(f"holds no {name}", file=self.reading.source.label)
        self.used.add(found[0])
        allowed = max(_PICKLE_INFLATION * found[1].stored, _PICKLE_INFLATED_ANYWAY)
        if found[1].method == DEFLATED and found[1].size > allowed:
            raise Damaged(f"holds a {name} that inflates to {found[1].size:,} bytes", file=self.reading.source.label)
        source = entry_source(self.reading, found[1])
        found_by = _Storages(self, storages)
        return TorchPickle(
            self.reading,
            source,
            found_by.find,
            builder=builder or TableBuilder(),
            find_storages=found_by.find_many,
        )

    def unused_bytes(self) -> int:
        """Bytes of storages that no pickle of the archive refers to."""
        return sum(
            int(self.directory.size[number])
            for name, number in self.index.items()
            if number not in self.used and name.startswith(f"{self.prefix}data/")
        )


class _Storages:
    """The entries below a folder of an archive, as storages by their keys."""

    def __init__(self, archive: Archive, folder: str) -> None:
        directory = archive.directory
        self._archive = archive
        self._prefix = archive.prefix + folder
        self._methods, self._flags, self._stored, self._sizes, self._offsets = (
            column.tolist()
            for column in (directory.method, directory.flags, directory.stored, directory.size, directory.offset)
        )
        self._refused: set[str] = set()

    def _refuse(self, number: int | None, name: str) -> None:
        """Tell once for each reason why storages cannot be read, with the first of them."""
        archive = self._archive
        reason = "are missing from the archive" if number is None else _why_unread(archive.directory.entry(number))
        if reason not in self._refused:
            self._refused.add(reason)
            archive.problems.append(Problem("missing", "error", f"storages {reason}", name))

    def find(self, builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
        """The row of one storage; see `FindStorage`."""
        del dtype
        archive = self._archive
        number = archive.index.get(self._prefix + key)
        if number is None:
            number = archive.index.get(f"{self._prefix}{key}.storage")  # mobile archives
        if number is not None:
            archive.used.add(number)
        if (
            number is None
            or self._methods[number] not in (STORED, DEFLATED)
            or self._flags[number] & ENCRYPTED
            or self._offsets[number] < 0
        ):
            if numel:
                self._refuse(number, f"{self._prefix}{key}")
            return builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location=location)
        offset = self._offsets[number]
        there = max(min(self._stored[number], archive.reading.source.size - offset), 0)
        plain = self._methods[number] == STORED
        return builder.add_storage(
            key,
            source=archive.reading.index,
            offset=offset,
            nbytes=there if plain else min(self._sizes[number], _MOST_INFLATION * there),
            stored=there,
            encoding=Encoding.RAW if plain else Encoding.DEFLATED,
            swapped=archive.big_endian,
            location=location,
        )

    def find_many(
        self, builder: TableBuilder, keys: list[str], dtypes: list[Dtype], numels: list[int], locations: list[str]
    ) -> Int64:
        """The rows of many storages, as columns unless one of them is irregular; see `FindStorages`."""
        archive, directory = self._archive, self._archive.directory
        index, prefix = archive.index, self._prefix
        numbers = np.array([index.get(prefix + key, -1) for key in keys], np.int64)
        method, offset = directory.method[numbers], directory.offset[numbers]
        plain = method == STORED
        sound = (plain | (method == DEFLATED)) & (directory.flags[numbers] & ENCRYPTED == 0) & (offset >= 0)
        if not (sound & (numbers >= 0)).all():
            each = zip(keys, dtypes, numels, locations, strict=True)
            return np.array([self.find(builder, *one) for one in each], np.int64)
        archive.used.update(numbers.tolist())
        there = np.maximum(np.minimum(directory.stored[numbers], archive.reading.source.size - offset), 0)
        inflated = np.minimum(directory.size[numbers], _MOST_INFLATION * there)
        first = builder.add_storages(
            keys,
            source=archive.reading.index,
            offset=offset,
            nbytes=np.where(plain, there, inflated),
            stored=there,
            encoding=np.where(plain, int(Encoding.RAW), int(Encoding.DEFLATED)),
            swapped=archive.big_endian,
            locations=locations,
        )
        return np.arange(first, first + len(keys))
