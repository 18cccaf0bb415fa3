"""Tar archives that torch before 0.1.10 wrote: the object, its tensors and its storages as three members.

`pickle` refers to tensors and storages by number; `tensors` says of each which storage it lies in and
how; `storages` holds them one behind the other, each behind a small pickle and an element count. Some
libraries write the same archive without `tensors`, with the storages named in the pickle itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.document import Description, Problem, TextEntry
from sdviewer.checkpoint.dtypes import BY_STORAGE, Dtype
from sdviewer.checkpoint.source import ByteSource, SourceSpec, WritableBuffer, read_bytes
from sdviewer.checkpoint.table import Encoding, TableBuilder
from sdviewer.errors import Damaged, LimitExceeded, NotACheckpoint
from sdviewer.formats import globals as known_globals
from sdviewer.formats.class_code import class_code
from sdviewer.formats.inert_pickle import BrokenPickle, Machine
from sdviewer.formats.pickle_values import TensorNode
from sdviewer.formats.reading import Reading
from sdviewer.formats.tar_members import Member, is_tar, members
from sdviewer.formats.torch_objects import StorageRef, storage_dtype
from sdviewer.formats.torch_pickle import TorchPickle

_MEMBERS = ("sys_info", "pickle", "tensors", "storages")
# The four come first; a tar of anything else is not searched to its end for them.
_MEMBERS_LOOKED_AT = 64
# The pickle in front of a storage has some sixty bytes, what follows it is payload.
_FIRST_WINDOW = 128
# Models of that time had hundreds.
_MOST_RECORDS = 10_000
_MOST_DIMENSIONS = 64
_MAX = 2**63 - 1


def matches(reading: Reading) -> bool:
    """A tar archive whose first file is one of torch's four members."""
    if not is_tar(reading.head):
        return False
    first = next(members(reading.source, _MEMBERS_LOOKED_AT), None)
    return first is not None and _plain(first.name) in _MEMBERS


def _plain(name: str) -> str:
    # As `tar cf x.tar ./*` writes it.
    return name.removeprefix("./")


def read(reading: Reading) -> Description:
    """Describe the archive; see `Reader.read`."""
    return _Tar(reading).read()


class _CutOff(Exception):
    """A member ends, or makes no sense, before all of it was read."""


class _Window:
    """The archive up to an end that moves, so that no more is read than is asked for."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.label = source.label
        self.size = 0

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        self._source.read_into(offset, buffer)

    def check_unchanged(self) -> None:
        """As the archive."""
        self._source.check_unchanged()


class _Stream:
    """Pickles and numbers one behind the other in a member."""

    def __init__(self, reading: Reading, member: Member) -> None:
        self._source = reading.source
        self._window = _Window(reading.source)
        self.machine = Machine(self._window, control=reading.control)
        self.position = member.offset
        self.end = max(min(member.offset + member.size, reading.source.size), member.offset)

    def pickle(self) -> Any:
        """The next small value, read by a window that grows where it is not enough."""
        size = _FIRST_WINDOW
        while True:
            self._window.size = min(self.position + size, self.end)
            self.machine.start_at(self.position)
            try:
                value = self.machine.load()
            except BrokenPickle as error:
                if self._window.size == self.end:
                    raise _CutOff from error
                size *= 16
                continue
            self.position = self.machine.position
            return value

    def numbers(self, form: str) -> tuple[int, ...]:
        """The next little-endian integers."""
        size = struct.calcsize(f"<{form}")
        if self.position + size > self.end:
            raise _CutOff
        raw = read_bytes(self._source, self.position, size)
        self.position += size
        return struct.unpack(f"<{form}", raw)

    def count(self) -> int:
        """How many records follow.

        Raises:
            LimitExceeded: more than any model has.
        """
        count = self.pickle()
        if type(count) is not int or count < 0:
            raise _CutOff
        if count > _MOST_RECORDS:
            raise LimitExceeded(f"claims {count:,} tensors or storages", file=self._source.label)
        return count


class _Tar:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.label = reading.source.label
        self.builder = TableBuilder()
        self.problems: list[Problem] = []
        self.texts: dict[str, TextEntry] = {}
        # What the numbers in the pickle stand for.
        self.objects: dict[int | str, StorageRef | TensorNode] = {}
        self.global_names: dict[str, None] = {}

    def read(self) -> Description:
        """Describe the archive.

        Raises:
            NotACheckpoint: it is a tar of something else.
            Damaged: it has no object.
        """
        found = self._find_members()
        pickle = self._open_pickle(found["pickle"])
        has_tensors = "tensors" in found
        self._read_member(found, "storages", self._read_storages)
        if has_tensors:
            self._read_member(found, "tensors", lambda stream: self._read_tensors(stream, pickle))
        else:
            self.problems.append(
                Problem(
                    "irregular", "warning", "the archive has no table of tensors: torch does not load it", self.label
                )
            )
        walked = pickle.walk(pickle.load(0))
        pickle.global_names.update(self.global_names)
        uses = pickle.global_uses()
        return Description(
            format="torch tar",
            tensors=walked.tensors,
            structure=walked.structure,
            root=walked.root,
            globals=uses,
            problems=(*self.problems, *pickle.problems),
            texts=tuple(self.texts.values()),
            duplicates=walked.duplicates,
            module_classes=walked.module_classes,
            module_versions=walked.module_versions,
            torch_lines=known_globals.torch_lines(self.label, uses, weights_only_reads=False) if has_tensors else (),
            unshown_bytes=unshown_bytes(walked.tensors),
        )

    def _find_members(self) -> dict[str, Member]:
        found: dict[str, Member] = {}
        for member in members(self.reading.source, _MEMBERS_LOOKED_AT):
            found.setdefault(_plain(member.name), member)
            if all(wanted in found for wanted in _MEMBERS):
                break
        if "pickle" in found and not found.keys().isdisjoint(("sys_info", "tensors", "storages")):
            return found
        if "sys_info" in found:
            raise Damaged("is a tar checkpoint of an old torch that ends before its pickle", file=self.label)
        raise NotACheckpoint(
            "is a tar archive, but not of a checkpoint", file=self.label, hint="unpack it and open what it holds"
        )

    def _open_pickle(self, member: Member) -> TorchPickle:
        size = max(min(member.size, self.reading.source.size - member.offset), 0)
        spec = SourceSpec("range", f"{self.label}: pickle", size, parent=self.reading.index, offset=member.offset)
        source = self.reading.sources.add(spec)
        return TorchPickle(
            self.reading, source, self._find_storage, lambda identity: self._object_of(identity, source), self.builder
        )

    def _object_of(self, identity: Any, source: int) -> Any:
        """The tensor or storage of a number, the class of (class, file, source code)."""
        if isinstance(identity, tuple):
            cls, _, code = identity
            entry = class_code(self.reading, source, cls.full, code)
            if entry is not None:
                self.texts[cls.full] = entry
            return cls
        return self.objects[_key(identity)]

    def _find_storage(self, builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
        """The row of a storage that the pickle itself names."""
        del dtype, numel
        known = self.objects.get(key)
        if isinstance(known, StorageRef):
            return known.row
        return builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location=location)

    def _read_member(self, found: dict[str, Member], name: str, read_records: Callable[[_Stream], None]) -> None:
        """Read a table as far as it makes sense."""
        if name not in found:
            self.problems.append(Problem("partial", "error", f"the archive has no {name}", self.label))
            return
        stream = _Stream(self.reading, found[name])
        try:
            read_records(stream)
        except (_CutOff, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            self.problems.append(
                Problem("partial", "error", f"the table of {name} is cut off or damaged", f"{self.label}: {name}")
            )
        self.global_names.update(dict.fromkeys(used.full for used in stream.machine.globals.values()))

    def _read_storages(self, stream: _Stream) -> None:
        """Count; each (key, location, class), element count, elements; then the views among them."""
        for _ in range(stream.count()):
            key, location, cls = stream.pickle()
            dtype = storage_dtype(cls)
            (numel,) = stream.numbers("q")
            nbytes = numel * (dtype.itemsize if dtype else 1)
            if nbytes < 0:
                raise _CutOff
            there = min(nbytes, stream.end - stream.position)
            row = self.builder.add_storage(
                str(_key(key)),
                source=self.reading.index,
                offset=stream.position,
                nbytes=there,
                location=location if type(location) is str else "",
            )
            self.objects[_key(key)] = StorageRef(row, dtype, numel)
            if there < nbytes:
                raise _CutOff
            stream.position += nbytes
        if stream.position == stream.end:
            return
        for view, root, start, numel in stream.pickle():
            storage = self.objects[_key(root)]
            if isinstance(storage, StorageRef) and type(start) is type(numel) is int and 0 <= start <= _MAX:
                self.objects[_key(view)] = StorageRef(storage.row, storage.dtype, numel, storage.start + start)

    def _read_tensors(self, stream: _Stream, pickle: TorchPickle) -> None:
        """Count; each (key, storage, class), dimensions (int32 and 4 bytes), sizes, strides, offset."""
        for _ in range(stream.count()):
            key, storage_key, cls = stream.pickle()
            dimensions, _ = stream.numbers("ii")
            if not 0 <= dimensions <= _MOST_DIMENSIONS:
                raise _CutOff
            sizes, strides = stream.numbers(f"{dimensions}q"), stream.numbers(f"{dimensions}q")
            (offset,) = stream.numbers("q")
            if storage_key is None:
                # What `torch.FloatTensor()` was then: no dimension and no element.
                storage, sizes, strides = self._lost_storage("", cls), (0,), (1,)
            else:
                known = self.objects.get(_key(storage_key))
                storage = known if isinstance(known, StorageRef) else self._lost_storage(str(storage_key), cls)
            self.objects[_key(key)] = pickle.objects.rebuild_tensor((storage, offset, sizes, strides))

    def _lost_storage(self, key: str, tensor_class: Any) -> StorageRef:
        """A storage that the archive does not hold, for a tensor of that class."""
        name = tensor_class.name.removesuffix("Tensor") + "Storage"
        row = self.builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
        return StorageRef(row, BY_STORAGE[name], 0)


def _key(value: Any) -> int | str:
    """A number or text that stands for an object; anything else might not even be hashed safely."""
    if type(value) is int or type(value) is str:
        return value
    raise TypeError("an object without a number")
