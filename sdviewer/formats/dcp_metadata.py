"""The `.metadata` of a distributed checkpoint: which boxes of which tensors its files hold, and where.

Torch reads it with `pickle.load`, which runs what it says. Here the inert machine reads it, and what it says is
checked: a path that leads out of the folder, a box outside of its tensor or a number of the wrong kind is told,
and the rest is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from sdviewer.checkpoint.document import GlobalUse, Problem
from sdviewer.checkpoint.dtypes import BY_NAME, OTHER, Dtype
from sdviewer.checkpoint.table import Encoding, TableBuilder
from sdviewer.errors import Damaged, NotACheckpoint
from sdviewer.formats.pickle_values import Global, Interpreter, Mapping, Opaque
from sdviewer.formats.reading import Reading
from sdviewer.formats.shard_names import is_plain_name
from sdviewer.formats.torch_objects import checked_shape
from sdviewer.formats.torch_pickle import TorchPickle

_CLASSES = "torch.distributed.checkpoint.metadata."
# Objects of which there is one or more a chunk: each is worth the steps of a tensor.
_MANY = (
    "torch.distributed.checkpoint.metadata.ChunkStorageMetadata",
    "torch.distributed.checkpoint.metadata.MetadataIndex",
    "torch.distributed.checkpoint.metadata.TensorStorageMetadata",
    "torch.distributed.checkpoint.metadata.BytesStorageMetadata",
    "torch.distributed.checkpoint.filesystem._StorageInfo",
)
_DEEPEST = 64
_LONGEST_TOLD = 200
_MAX = 2**62

Path = tuple[str | int, ...]
Box = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """Where something was written: `length` bytes at `offset` of `file`, a path below the folder.

    `transforms` names what the bytes went through (compression), "" for nothing.
    """

    file: str
    offset: int
    length: int
    transforms: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor, or one other value, of the checkpoint.

    Attributes:
        name: the fully qualified name under which it was saved.
        path: the keys and indices that lead to it.
        dtype: None for a value that is no tensor.
        dtype_name: as the file calls it.
        shape: of the whole tensor.
        boxes: start and size of each chunk.
        records: of each chunk, None where the metadata does not tell one; of a value its only one; none at all of what
            the metadata does not describe.

    """

    name: str
    path: Path
    dtype: Dtype | None = None
    dtype_name: str = ""
    shape: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()
    records: tuple[Record | None, ...] = ()


@dataclass
class Metadata:
    """What a `.metadata` says.

    Attributes:
        entries: in the order of the saved state.
        problems: what is odd about it; `where` is the name of a tensor or the file itself.
        globals: those that its pickle names.
        steps: of the pickle machine.

    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    globals: tuple[GlobalUse, ...] = ()
    steps: int = 0


def read_metadata(reading: Reading) -> Metadata:
    """What the file says.

    Raises:
        NotACheckpoint: it is no metadata of torch.distributed.
        Damaged, LimitExceeded: it breaks off before it says anything.

    """
    label = reading.source.label
    pickle = TorchPickle(reading, reading.index, no_storage, further=_interpreters)
    value = pickle.load(0)
    found = Metadata(problems=pickle.problems, steps=pickle.machine.steps)
    found.globals = pickle.global_uses()
    if not isinstance(value, Opaque) or value.class_name != f"{_CLASSES}Metadata":
        # Not one of a pickle that broke off: what it would have become cannot be told.
        if pickle.problems and any(use.name == f"{_CLASSES}Metadata" for use in found.globals):
            raise Damaged("breaks off before it names a tensor", file=label, hint="copy it again")
        raise NotACheckpoint("is no metadata of a distributed checkpoint of torch", file=label)
    facts = _attributes(value)
    kinds = facts.get("state_dict_metadata")
    if not isinstance(kinds, Mapping):
        raise Damaged("says nothing of the tensors of the checkpoint", file=label)
    _Reader(found, label).read(kinds, facts.get("planner_data"), facts.get("storage_data"))
    return found


def _interpreters(pickle: TorchPickle) -> dict[str, Interpreter]:
    def counted(name: str) -> Interpreter:
        module, _, short = name.rpartition(".")
        cls = Global(module, short)

        def make(args: tuple[Any, ...]) -> Opaque:
            pickle.objects.credit(1)
            return Opaque(cls, args)

        return make

    return {name: counted(name) for name in _MANY}


def no_storage(builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
    """The row of a storage that a pickle names and nothing holds; see `FindStorage`."""
    del dtype, numel
    return builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location=location)


def joined(parts: list[Metadata]) -> Metadata:
    """What several files say together, as ranks write them that did not wait for each other."""
    if len(parts) == 1:
        return parts[0]
    found = Metadata(steps=sum(part.steps for part in parts))
    entries: dict[str, Entry] = {}
    for part in parts:
        found.problems += part.problems
        for entry in part.entries:
            known = entries.setdefault(entry.name, entry)
            if known is entry or not entry.boxes:
                continue
            if (known.dtype_name, known.shape) != (entry.dtype_name, entry.shape):
                told = " and ".join(f"{one.dtype_name} {list(one.shape)}" for one in (known, entry))
                message = f"ranks differ on it: {told}"
                found.problems.append(Problem("irregular", "error", message, entry.name))
                continue
            chunks = dict(zip(entry.boxes, entry.records, strict=True)) | dict(
                zip(known.boxes, known.records, strict=True)
            )
            entries[entry.name] = replace(known, boxes=tuple(chunks), records=tuple(chunks.values()))
    found.entries = list(entries.values())
    found.globals = tuple(dict.fromkeys(use for part in parts for use in part.globals))
    return found


class _Reader:
    """Takes the three tables of the metadata apart."""

    def __init__(self, found: Metadata, label: str) -> None:
        self._found = found
        self._label = label
        self._inside: dict[str, bool] = {}
        self._records: dict[tuple[str, tuple[int, ...] | None], Record] = {}
        self._paths: dict[str, Path] = {}

    def read(self, kinds: Mapping, planner: Any, storage: Any) -> None:
        self._read_paths(planner)
        self._read_records(storage)
        named = {name: kind for name, kind in _pairs(kinds) if type(name) is str}
        if 2 * len(named) < len(kinds.items):
            odd = len(kinds.items) // 2 - len(named)
            self._tell("irregular", "warning", f"has {odd:,} names that stand twice or are no short texts", self._label)
        # The planner knows the order of the saved state, the metadata comes rank by rank.
        for name in dict.fromkeys([*(name for name in self._paths if name in named), *named]):
            self._found.entries.append(self._entry(name, named[name]))
        outside = sorted(path for path, is_inside in self._inside.items() if not is_inside)
        if outside:
            told = ", ".join(repr(path[:_LONGEST_TOLD]) for path in outside[:3])
            message = f"names files outside the folder, which are not opened ({len(outside):,}): {told}"
            self._tell("irregular", "error", message, self._label)

    def _tell(self, kind: str, severity: Any, message: str, where: str) -> None:
        self._found.problems.append(Problem(kind, severity, message, where))

    def _read_paths(self, planner: Any) -> None:
        if not isinstance(planner, Mapping):
            return
        for name, path in _pairs(planner):
            if (
                type(name) is str
                and isinstance(path, tuple | list)
                and 0 < len(path) <= _DEEPEST
                and all(type(key) in (str, int) for key in path)
            ):
                self._paths[name] = tuple(path)

    def _read_records(self, storage: Any) -> None:
        odd = 0
        for key, value in _pairs(storage) if isinstance(storage, Mapping) else ():
            index, facts = _attributes(key), _attributes(value)
            name, offset = index.get("fqn"), index.get("offset")
            file, start, length = (facts.get(part) for part in ("relative_path", "offset", "length"))
            if (
                type(name) is not str
                or type(file) is not str
                or type(start) is not int
                or type(length) is not int
                or not 0 <= start <= _MAX
                or not 0 <= length <= _MAX
                or not (offset is None or _is_shape(offset))
            ):
                odd += 1
                continue
            if file not in self._inside:
                self._inside[file] = _is_inside(file)
            if not self._inside[file]:
                continue
            used = facts.get("transform_descriptors")
            transforms = ", ".join(map(str, used))[:_LONGEST_TOLD] if isinstance(used, list | tuple) else ""
            self._records[name, offset] = Record(file, start, length, transforms)
        if odd:
            self._tell("irregular", "warning", f"has {odd:,} places of chunks that cannot be read", self._label)

    def _entry(self, name: str, kind: Any) -> Entry:
        path = self._paths.get(name, (name,))
        class_name = kind.class_name if isinstance(kind, Opaque) else ""
        if class_name != f"{_CLASSES}TensorStorageMetadata":
            record = self._records.get((name, None))
            return Entry(name, path, records=(record,))
        facts = _attributes(kind)
        try:
            dtype, dtype_name = _dtype(facts["properties"])
            shape = checked_shape(facts["size"])
            chunks = facts["chunks"] if isinstance(facts["chunks"], list) else []
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            self._tell("irregular", "error", "the metadata does not say dtype and shape of it", name)
            return Entry(name, path)
        boxes = list(dict.fromkeys(self._boxes(name, shape, chunks)))
        records = tuple(self._records.get((name, box[0])) for box in boxes)
        return Entry(name, path, dtype, dtype_name, shape, tuple(boxes), records)

    def _boxes(self, name: str, shape: tuple[int, ...], chunks: list[Any]) -> Iterator[Box]:
        for chunk in chunks:
            facts = _attributes(chunk)
            start: tuple[int, ...] = ()
            size: tuple[int, ...] = ()
            try:
                start, size = checked_shape(facts.get("offsets")), checked_shape(facts.get("sizes"))
                inside = len(start) == len(size) == len(shape) and all(
                    begin + count <= whole for begin, count, whole in zip(start, size, shape, strict=True)
                )
            except (TypeError, ValueError):
                inside = False
            if inside:
                yield start, size
            else:
                self._tell("irregular", "error", "the metadata tells of a chunk that does not fit into it", name)
                return


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, {} for anything else."""
    state = value.state if isinstance(value, Opaque) else None
    if not isinstance(state, Mapping):
        return {}
    keys, values = state.items[::2], state.items[1::2]
    if set(map(type, keys)) <= {str}:
        return dict(zip(keys, values, strict=False))
    return {key: part for key, part in zip(keys, values, strict=False) if type(key) is str}


def _pairs(mapping: Mapping) -> Iterator[tuple[Any, Any]]:
    return zip(mapping.items[::2], mapping.items[1::2], strict=False)


def _is_shape(value: Any) -> bool:
    try:
        return isinstance(value, tuple) and checked_shape(value) == value
    except (TypeError, ValueError):
        return False


def _is_inside(path: str) -> bool:
    """Whether a path can only lead to a file below the folder, on any system."""
    parts = path.split("/")
    return (
        not PurePosixPath(path).is_absolute()
        and not PureWindowsPath(path).drive
        and 0 < len(parts) <= _DEEPEST
        and all(is_plain_name(part) for part in parts)
    )


def _dtype(properties: Any) -> tuple[Dtype, str]:
    """The dtype that TensorProperties begin with; its attributes where it has been pickled by them."""
    state = properties.state
    named = state[0] if isinstance(state, tuple) else _attributes(properties)["dtype"]
    if not isinstance(named, Global) or named.module != "torch":
        raise TypeError("no dtype")
    return BY_NAME.get(named.name, OTHER), named.name
