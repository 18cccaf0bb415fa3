"""Files that `torch.save` wrote before 1.6: five pickles, then all storages one behind the other.

The storages follow in the order of the last pickle's keys, each as int64 element count and raw bytes.
Whole modules carry the source code of their classes, which is shown and never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.document import Description, Problem, TextEntry
from sdviewer.checkpoint.dtypes import DTYPES, Dtype
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder, reach
from sdviewer.errors import Damaged
from sdviewer.formats import globals as known_globals
from sdviewer.formats.class_code import class_code
from sdviewer.formats.files import read_pieces
from sdviewer.formats.pickle_values import Global, Mapping
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_objects import StorageRef, storage_dtype
from sdviewer.formats.torch_pickle import TorchPickle

# LONG1 of torch's magic number 0x1950A86A20F9469CFC6C, whatever protocol writes it.
_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")


def matches(reading: Reading) -> bool:
    """A pickle of the magic number comes first."""
    return _MAGIC in reading.head[:32]


def read(reading: Reading) -> Description:
    """Describe the file; see `Reader.read`."""
    return _Legacy(reading).read()


class _Legacy:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.itemsizes: dict[str, int] = {}
        self.texts: dict[str, TextEntry] = {}
        self.pickle = TorchPickle(reading, reading.index, self._find_storage, self._persistent_load)

    def read(self) -> Description:
        pickle = self.pickle
        position = 0
        for _ in range(3):  # magic number, protocol version, system
            system = pickle.load(position)
            if self._is_broken():
                raise Damaged("is cut off before the object that it holds", file=self.reading.source.label)
            position = pickle.machine.position
        if isinstance(system, Mapping) and _entry(system, "little_endian") is False:
            pickle.problems.append(
                Problem(
                    "irregular",
                    "info",
                    "was written on a big-endian machine; its storages are little-endian all the same",
                )
            )
        value = pickle.load(position)
        # Behind a pickle that breaks off nothing can be found.
        keys = [] if self._is_broken() else pickle.load(pickle.machine.position)
        self._place_storages([] if self._is_broken() else keys, pickle.machine.position)
        walked = pickle.walk(value)
        found = pickle.global_uses()
        return Description(
            format="torch legacy",
            tensors=walked.tensors,
            structure=walked.structure,
            root=walked.root,
            globals=found,
            problems=tuple(pickle.problems),
            texts=tuple(self.texts.values()),
            duplicates=walked.duplicates,
            module_classes=walked.module_classes,
            module_versions=walked.module_versions,
            torch_lines=known_globals.torch_lines(
                self.reading.source.label, found, weights_only_reads=pickle.machine.protocol <= 3 and not self.texts
            ),
            unshown_bytes=unshown_bytes(walked.tensors),
        )

    def _is_broken(self) -> bool:
        return any(problem.kind == "partial" for problem in self.pickle.problems)

    def _find_storage(self, builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
        # Where it lies is told behind the pickles; until then it has what the pickle says. The first dtype that is
        # named with a key is that of its elements on disk. A storage of packed elements is counted in bytes.
        itemsize = max(dtype.itemsize, 1) if dtype else 1
        self.itemsizes[key] = itemsize
        return builder.add_storage(
            key, source=-1, offset=0, nbytes=numel * itemsize, encoding=Encoding.MISSING, location=location
        )

    def _persistent_load(self, identity: Any) -> Any:
        """("storage", class, key, location, numel, view) or ("module", class, file, source code)."""
        if identity[0] == "module":
            cls, _, source = identity[1:4]
            if isinstance(cls, Global):
                entry = class_code(self.reading, self.reading.index, cls.full, source)
                if entry is not None:
                    self.texts[cls.full] = entry
            return cls
        cls = identity[1]
        storage = self.pickle.objects.persistent_load(identity)
        view = identity[5] if len(identity) > 5 else None
        if isinstance(view, tuple):
            _, start, size = view
            dtype: Dtype | None = storage_dtype(cls)
            if type(start) is not int or type(size) is not int or start < 0:
                raise ValueError("impossible view")
            return StorageRef(storage.row, dtype, size, start)
        return storage

    def _counts(self, keys: list[str], position: int) -> Iterator[int]:
        """The element count in front of each storage; ends at the first one that cannot be found.

        Where one lies follows from all before it, so they are first read where the pickle says that they should be,
        in one go, and one by one from the first that differs.
        """
        source, builder, rows = self.reading.source, self.pickle.builder, self.pickle.objects.storages_seen
        expected: list[int] = []
        places: list[int] = []
        guess = position
        for key in keys:
            # The element size of a storage that no tensor names is unknown, so nothing behind it can be found.
            row = rows.get(key)
            if row is None or guess + 8 > source.size:
                break
            places.append(guess)
            expected.append(builder.storage_nbytes(row) // self.itemsizes[key])
            guess += 8 + expected[-1] * self.itemsizes[key]
        found = [int.from_bytes(piece, "little", signed=True) for piece in read_pieces(source, places, 8)]
        for index, (count, wanted) in enumerate(zip(found, expected, strict=True)):
            yield count
            if count != wanted:
                after = places[index] + 8 + max(count, 0) * self.itemsizes[keys[index]]
                yield from self._counts_one_by_one(keys[index + 1 :], after)
                return

    def _counts_one_by_one(self, keys: list[str], position: int) -> Iterator[int]:
        for key in keys:
            if key not in self.itemsizes or position + 8 > self.reading.source.size:
                return
            count = int.from_bytes(read_bytes(self.reading.source, position, 8), "little", signed=True)
            yield count
            position += 8 + max(count, 0) * self.itemsizes[key]

    def _place_storages(self, keys: Any, position: int) -> None:
        """Say where each storage lies, by the counts in front of them."""
        pickle, source, builder = self.pickle, self.reading.source, self.pickle.builder
        rows = pickle.objects.storages_seen
        if not isinstance(keys, list):
            pickle.problems.append(Problem("partial", "error", "the list of storages is damaged", source.label))
            keys = []
        # What is no key stands for a storage that nothing names.
        names = [str(key) if type(key) in (str, int) else "" for key in keys]
        differ = False
        placed = set()
        for key, count in zip(names, self._counts(names, position), strict=False):
            row = rows[key]
            position += 8
            nbytes = max(count, 0) * self.itemsizes[key]
            there = max(min(nbytes, source.size - position), 0)
            differ = differ or nbytes != builder.storage_nbytes(row)
            builder.set_storage_place(row, source=self.reading.index, offset=position, nbytes=there)
            placed.add(row)
            position += nbytes
        lost = [row for row in rows.values() if row not in placed]
        for row in lost:
            builder.set_storage_place(row, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
        cut_off = bool(lost) or position > source.size
        if cut_off or differ:
            _flag_short_tensors(builder)
        if cut_off:
            pickle.problems.append(
                Problem("partial", "error", "the file is cut off: storages are missing or incomplete", source.label)
            )
        elif differ:
            pickle.problems.append(
                Problem("irregular", "warning", "storages have another length than the pickle says", source.label)
            )


def _flag_short_tensors(builder: TableBuilder) -> None:
    """Mark the tensors whose storages turned out shorter than the pickle said."""
    for row, storage in enumerate(builder.storage):
        if storage >= 0:
            shape, stride = builder.form_of(row)
            elements = reach(shape, stride)
            needed = (builder.offset[row] + elements) * DTYPES[builder.dtype[row]].bits
            if elements and needed > builder.storage_nbytes(storage) * 8:
                builder.flags[row] |= int(Flag.OUT_OF_BOUNDS)


def _entry(mapping: Mapping, key: str) -> Any:
    return next(
        (value for name, value in zip(mapping.items[::2], mapping.items[1::2], strict=False) if name == key), None
    )
