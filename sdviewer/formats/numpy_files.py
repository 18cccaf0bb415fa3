"""Numpy's own files: one array (.npy), or a zip archive with an array in each entry (.npz).

An array lies in its file as it lies in memory, so it is described by its header alone; of a compressed
entry only the first bytes are inflated for that. Arrays of objects are pickles: see `numpy_objects`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from sdviewer.checkpoint.document import Description, Duplicate, Problem, Severity
from sdviewer.checkpoint.dtypes import OTHER
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.errors import CannotOpen, CannotRead, Damaged, LimitExceeded
from sdviewer.formats import globals as known_globals
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.npy_header import MAGIC, PRELUDE, NpyHeader, header_size, parse_header
from sdviewer.formats.numpy_objects import ObjectArrays
from sdviewer.formats.pickle_values import Mapping, TensorNode
from sdviewer.formats.reading import Reading
from sdviewer.formats.walking import Walk
from sdviewer.formats.zip_directory import DEFLATED, Entry, ZipDirectory
from sdviewer.formats.zip_entries import entry_label, entry_source, first_bytes, stored_bytes

_SUFFIX = ".npy"
# Compressed arrays of objects are inflated to be looked into, all together up to this size.
_MOST_INFLATED = 256 << 20
# Entries that cannot be read are told one by one up to this number.
_FAILURES_TOLD = 20


def matches(reading: Reading) -> bool:
    """Numpy's magic bytes, or a zip archive with an entry that ends in .npy, or without any entry."""
    return reading.head.startswith(MAGIC) or (reading.is_zip and _holds_arrays(reading.directory))


def _holds_arrays(directory: ZipDirectory) -> bool:
    # numpy.savez without arrays writes an archive without entries.
    return any(name.endswith(_SUFFIX) for name in directory.names) or not len(directory)


def read(reading: Reading) -> Description:
    """Describe the array or the archive; see `Reader.read`."""
    return _Archive(reading).read() if reading.is_zip else _read_array(reading)


def _read_array(reading: Reading) -> Description:
    source = reading.source
    size = header_size(reading.head[:PRELUDE], source.label)
    header = parse_header(read_bytes(source, 0, min(size, source.size)), size, source.label)
    if header.holds_objects:
        described = ObjectArrays(reading).describe(reading.index, size)
    else:
        described = _describe([_Array("", header, reading.index, size, source.size - size)], reading)
    lines = _lines(source.label, described, is_archive=False, has_objects=header.holds_objects)
    return replace(described, format="npy", torch_lines=lines)


@dataclass(frozen=True, slots=True)
class _Array:
    """One array of plain elements, which lie at `offset` of source `source`, where `there` bytes follow.

    `name` is "" for the only one of a file.
    """

    name: str
    header: NpyHeader
    source: int
    offset: int
    there: int


def _describe(arrays: Sequence[_Array], reading: Reading) -> Description:
    """The array of a file, or some of an archive."""
    builder = TableBuilder()
    entries: list[str | TensorNode] = []
    for array in arrays:
        header = array.header
        storage = builder.add_storage(
            array.name or "array",
            source=array.source,
            offset=array.offset,
            nbytes=min(header.nbytes, array.there),
            swapped=header.swapped,
        )
        flags = Flag.NUMPY | (Flag.OUT_OF_BOUNDS if header.nbytes > array.there else 0)
        row = builder.add_tensor(
            header.dtype, header.shape, header.stride, storage=storage, flags=int(flags), extra=header.extra
        )
        entries += [array.name, TensorNode(row)]
    is_single = len(arrays) == 1 and not arrays[0].name
    walked = Walk(builder, reading.source).run(entries[1] if is_single else Mapping("dict", list(entries)))
    return Description(
        format="",
        tensors=walked.tensors,
        structure=walked.structure,
        root=walked.root,
        problems=(*_oddities(arrays, reading.source.label), *walked.problems),
        unshown_bytes=sum(max(array.there - array.header.nbytes, 0) for array in arrays),
    )


def _oddities(arrays: Sequence[_Array], label: str) -> list[Problem]:
    """What is wrong with some of them, each kind told once."""
    short = [array for array in arrays if array.there < array.header.nbytes]
    long = [array for array in arrays if array.there > array.header.nbytes]
    unknown = [array for array in arrays if not array.header.is_known]
    found = []
    if short:
        first = short[0]
        message = f"the array is cut off: {first.there:,} of its {first.header.nbytes:,} bytes are there"
        found.append(Problem("partial", "error", message + _and_more(short), first.name or label))
    if long:
        first = long[0]
        message = f"{first.there - first.header.nbytes:,} bytes follow the array that belong to none"
        found.append(Problem("irregular", "info", message + _and_more(long), first.name or label))
    if unknown:
        first = unknown[0]
        message = f"numpy has no dtype {(first.header.extra or {}).get('dtype')}; its bytes can be read"
        found.append(Problem("unknown_dtype", "warning", message + _and_more(unknown), first.name or label))
    return found


def _and_more(arrays: Sequence[_Array]) -> str:
    return f" (and {len(arrays) - 1:,} more such arrays)" if len(arrays) > 1 else ""


@dataclass
class _Archive:
    reading: Reading
    problems: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    # The first of the entries that cannot be read, and how many there are.
    failure: CannotOpen | CannotRead | None = None
    failures: int = 0
    inflated: int = 0

    def __post_init__(self) -> None:
        self.label = self.reading.source.label
        self.objects = ObjectArrays(self.reading)

    def read(self) -> Description:
        """Describe the archive.

        Raises:
            CannotOpen: none of its arrays can be read.
        """
        reading = self.reading
        if reading.directory.partial:
            self._note("partial", "the archive is cut off: its directory is missing or incomplete")
        parts: list[Part] = []
        arrays: list[_Array] = []
        for name, number in self._chosen().items():
            reading.control.check()
            try:
                found = self._read_entry(name, reading.directory.entry(number))
            except (CannotOpen, CannotRead) as error:
                self._note_failure(name, error)
                continue
            if isinstance(found, _Array):
                arrays.append(found)
                continue
            if arrays:
                parts.append(Part(_describe(arrays, reading)))
                arrays = []
            parts.append(Part(found, name))
        if self.failures > _FAILURES_TOLD:
            self._note("partial", f"{self.failures - _FAILURES_TOLD:,} more entries cannot be read")
        self._raise_if_nothing_is_left(parts or arrays)
        if arrays or not parts:
            parts.append(Part(_describe(arrays, reading)))
        has_objects = any(part.name is not None for part in parts)
        described = merge(parts) if has_objects else parts[0].description
        return replace(
            described,
            format="npz",
            problems=(*self.problems, *described.problems),
            duplicates=(*self.duplicates, *described.duplicates),
            torch_lines=_lines(self.label, described, is_archive=True, has_objects=has_objects),
        )

    def _chosen(self) -> dict[str, int]:
        """Name of each array → its entry. Of several with one name numpy takes the last."""
        chosen: dict[str, int] = {}
        others: list[str] = []
        for number, entry_name in enumerate(self.reading.directory.names):
            name = entry_name.removesuffix(_SUFFIX)
            if name == entry_name:
                others += [] if name.endswith("/") else [name]
                continue
            if name in chosen:
                self.duplicates.append(Duplicate(name, f"an earlier entry of {self.label}"))
            chosen[name] = number
        if self.duplicates:
            count = len(self.duplicates)
            message = f"{count:,} entries stand twice; the last one counts, as for numpy"
            self._note("duplicate", message, self.duplicates[0].name)
        if others:
            self._note("extra", f"{len(others):,} entries are no arrays and are not shown", others[0])
        if not chosen and not others:
            self._note("irregular", "the archive holds nothing")
        return chosen

    def _note(self, kind: str, message: str, where: str = "") -> None:
        severity: Severity = "error" if kind == "partial" else "warning" if kind == "duplicate" else "info"
        self.problems.append(Problem(kind, severity, message, where or self.label))

    def _read_entry(self, name: str, entry: Entry) -> _Array | Description:
        """The array of an entry, or what its objects are.

        Raises:
            CannotOpen, CannotRead: it can be neither.
        """
        reading, label = self.reading, entry_label(self.reading, entry)
        size = header_size(first_bytes(reading, entry, PRELUDE), label)
        header = parse_header(first_bytes(reading, entry, size), size, label)
        if header.holds_objects:
            if entry.method == DEFLATED:
                self.inflated += entry.size
                if self.inflated > _MOST_INFLATED:
                    raise LimitExceeded(
                        f"holds objects that inflate to {entry.size:,} bytes",
                        file=label,
                        hint="save the archive without compression",
                    )
            return self.objects.describe(entry_source(reading, entry), size)
        if entry.method == DEFLATED:
            return _Array(name, header, entry_source(reading, entry), size, entry.size - size)
        return _Array(name, header, reading.index, entry.offset + size, stored_bytes(reading, entry) - size)

    def _note_failure(self, name: str, error: CannotOpen | CannotRead) -> None:
        self.failure = self.failure or error
        self.failures += 1
        if self.failures <= _FAILURES_TOLD:
            self._note("partial", f"cannot be read: {error.message}", name)

    def _raise_if_nothing_is_left(self, found: Sequence[object]) -> None:
        failure = self.failure
        if found or failure is None:
            return
        if isinstance(failure, CannotOpen):
            raise failure
        raise Damaged(failure.message, file=failure.file, hint=failure.hint) from failure


def _lines(label: str, described: Description, *, is_archive: bool, has_objects: bool) -> tuple[str, ...]:
    """The lines of Python with which numpy loads the file and torch takes its arrays over."""
    if any(use.klass == "dangerous" for use in described.globals):
        return known_globals.torch_lines(label, described.globals, weights_only_reads=False)
    name, variable = PurePath(label).name, "arrays" if is_archive else "array"
    load = f"{variable} = numpy.load({name!r}, allow_pickle={has_objects})"
    if has_objects:
        warning = "# only if you trust whoever made the file: this runs what its pickle says"
        return ("import numpy", warning, load)
    if (described.tensors.dtype == OTHER.code).any():
        return ("import numpy", load)
    # Torch takes only arrays in the machine's own byte order.
    native = ".astype(array.dtype.newbyteorder('='))" if described.tensors.storages.swapped.any() else ""
    convert = f"torch.from_numpy(array{native})"
    if is_archive:
        return (
            "import numpy",
            "import torch",
            load,
            f"tensors = {{name: {convert} for name, array in arrays.items()}}",
        )
    return ("import numpy", "import torch", load, f"tensor = {convert}")
