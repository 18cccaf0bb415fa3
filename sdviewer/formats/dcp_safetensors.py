"""Distributed checkpoints of torch in safetensors: `shard-00002-model-00001-of-00003.safetensors` holds boxes.

The header of each file says under `DCP_SHARDING_INFO` where the boxes begin in their tensors. Nothing says how large
a tensor is: it reaches as far as its boxes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import Damaged
from sdviewer.formats.assembled import Assembly, Chunk, can_be_assembled
from sdviewer.formats.chunk_layout import layout
from sdviewer.formats.dcp import add_assembly
from sdviewer.formats.files import LocalSources
from sdviewer.formats.reading import Reading
from sdviewer.formats.shard_index import add_metadata
from sdviewer.formats.shard_join import ReadShard
from sdviewer.formats.shard_names import natural_key
from sdviewer.formats.sharded import read_shard
from sdviewer.formats.torch_objects import checked_shape

_FILE = re.compile(r"shard-(\d{1,9})-model-\d{1,9}-of-\d{1,9}\.safetensors")
_METADATA, _INFO, _OFFSETS = "__metadata__", "DCP_SHARDING_INFO", "saved_offsets"
_PROBLEMS_TOLD = 50
_RANKS_TOLD = 5
_MAX = 2**62


def cut_files(names: Iterable[str]) -> list[str]:
    """The files of such a checkpoint among these, rank by rank."""
    return sorted((name for name in names if _FILE.fullmatch(name)), key=natural_key)


@dataclass
class _Tensor:
    """What the files hold of one tensor."""

    dtype: Dtype
    extra: dict[str, Any]
    rank: int
    chunks: list[Chunk] = field(default_factory=list)
    lost: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """As far as its boxes reach."""
        ends = [[a + n for a, n in zip(chunk.start, chunk.size, strict=True)] for chunk in self.chunks]
        return tuple(max(column) for column in zip(*ends, strict=True))


def read_folder(
    folder: str,
    names: Sequence[str],
    sources: LocalSources,
    control: Control,
    read_source: Callable[[Reading], Description],
) -> Description:
    """The checkpoint whose files are `cut_files(names)`.

    Raises:
        Damaged: none of them can be read.

    """
    read = []
    files = cut_files(names)
    for done, file in enumerate(files):
        control.report(done, len(files), file)
        read.append(read_shard(folder, file, sources, _Quiet(control), read_source))
    if not any(one.description for one in read):
        raise Damaged(f"none of its {plural(len(read), 'file')} can be read; {read[0].reason}", file=folder)
    return _Joined(read, sources).describe(folder)


class _Quiet(Control):
    """Cancelled with the whole, whose progress counts files."""

    __slots__ = ("_whole",)

    def __init__(self, whole: Control) -> None:
        super().__init__()
        self._whole = whole

    @property
    def cancelled(self) -> bool:
        """Whether the whole was cancelled."""
        return self._whole.cancelled

    def check(self) -> None:
        """Raise `Cancelled` if the whole should stop."""
        self._whole.check()

    def report(self, done: int, total: int, note: str = "") -> None:
        """Only look whether to stop."""
        del done, total, note
        self._whole.check()


class _Joined:
    """Puts the boxes of all files together."""

    def __init__(self, read: list[ReadShard], sources: LocalSources) -> None:
        self._read = read
        self._sources = sources
        self._tensors: dict[str, _Tensor] = {}
        self._notes: dict[str, Any] = {}
        self._problems: list[Problem] = []
        for one in read:
            if one.description is None:
                message = f"the file cannot be read: {one.reason}"
                self._problems.append(Problem("partial", "error", message, one.shard.file))
            else:
                self._problems += one.description.problems
                self._take(one.shard.file, one.description)

    def describe(self, folder: str) -> Description:
        """The whole."""
        builder, structure = TableBuilder(), StructureBuilder()
        rows = [self._row(builder, name, tensor) for name, tensor in self._tensors.items()]
        root = structure.open("", Node.MAPPING, -1, "dict")
        if self._notes:
            add_metadata(structure, root, _METADATA, self._notes)
        structure.tensors(list(self._tensors), root, 0)
        structure.close(root)
        self._tell_absent_ranks()
        problems = self._problems
        if len(problems) > _PROBLEMS_TOLD:
            more = len(problems) - _PROBLEMS_TOLD
            problems[_PROBLEMS_TOLD:] = [Problem("partial", "error", f"there are {plural(more, 'more problem')}")]
        return Description(
            format="distributed safetensors",
            tensors=builder.finish(list(self._tensors), rows),
            structure=structure.finish(plain_keys=True),
            problems=tuple(problems),
            shards=tuple(one.shard for one in self._read),
            duplicates=tuple(found for one in self._read if one.description for found in one.description.duplicates),
            torch_lines=(
                "from torch.distributed.checkpoint import HuggingFaceStorageReader, load",
                "# into the tensors of state_dict, which have these names and shapes",
                f"load(state_dict, storage_reader=HuggingFaceStorageReader({Path(folder).name!r}))",
            ),
        )

    def _take(self, file: str, description: Description) -> None:
        notes = metadata_of(description).get(_METADATA)
        notes = dict(notes) if isinstance(notes, dict) else {}
        starts = self._starts(file, notes.pop(_INFO, None))
        self._notes = {**notes, **self._notes}
        table = description.tensors
        for row in range(table.listed):
            name, size = table.name[row], table.shape_of(row)
            start = starts.get(name, (0,) * len(size))
            tensor = self._tensors.setdefault(name, _Tensor(table.dtype_of(row), dict(table.extra_of(row)), len(size)))
            ends = [a + n for a, n in zip(start, size, strict=False)]
            if len(start) != len(size) or max(ends, default=0) > _MAX:
                self._tell("irregular", "error", f"{file} says that it begins at {list(start)}", name)
                start = (0,) * len(size)
            if (tensor.dtype, tensor.rank) != (table.dtype_of(row), len(size)):
                told = f"{table.dtype_name(row)} with {plural(len(size), 'dimension')}"
                self._tell("irregular", "error", f"is {told} in {file}, and something else in another file", name)
                continue
            storage = int(table.storage[row])
            source = int(table.storages.source[storage]) if storage >= 0 else -1
            if int(table.flags[row]) & int(Flag.OUT_OF_BOUNDS) or int(table.storages.encoding[storage]) != Encoding.RAW:
                source, tensor.lost = -1, f"its chunk at {list(start)} is not whole in {file}"
            offset = int(table.storages.offset[storage]) + int(table.offset[row]) * table.dtype_of(row).bits // 8
            tensor.chunks.append(Chunk(start, size, file, source, offset))

    def _starts(self, file: str, text: Any) -> dict[str, tuple[int, ...]]:
        """Where the boxes of a file begin in their tensors."""
        if text is None:
            return {}
        try:
            found = json.loads(text)
            return {name: checked_shape(facts[_OFFSETS]) for name, facts in found.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._tell("irregular", "error", f"its {_INFO} cannot be read: its tensors are shown as if whole", file)
            return {}

    def _row(self, builder: TableBuilder, name: str, tensor: _Tensor) -> int:
        shape, chunks = tensor.shape if tensor.rank else (), [chunk for chunk in tensor.chunks if 0 not in chunk.size]
        flags, source, offset, nbytes = 0, -1, 0, 0
        if 0 in shape or not chunks:
            pass
        elif not can_be_assembled(tensor.dtype) and len(chunks) > 1:
            self._tell("unknown_dtype", "warning", "the dtype of its chunks is not known", name)
        elif all(chunk.source < 0 for chunk in chunks):
            self._tell("missing", "error", f"its bytes are not there: {tensor.lost}", name)
        else:
            found = layout(shape, [(chunk.start, chunk.size) for chunk in chunks])
            if found.hole is not None:
                self._tell("missing", "error", f"no chunk holds what begins at {list(found.hole)}", name)
            if found.overlap is not None:
                self._tell(
                    "irregular", "warning", f"chunks overlap at {list(found.overlap)}; the last one counts", name
                )
            if tensor.lost:
                self._tell("missing", "error", f"a part of it is not there: {tensor.lost}", name)
            nbytes = tensor.dtype.nbytes(math.prod(shape))
            if found.exact and len(chunks) == 1:
                source, offset = chunks[0].source, chunks[0].offset
            else:
                assembly = Assembly(name, tensor.dtype, shape, tuple(chunks), found.exact)
                source = add_assembly(self._sources, assembly)
            if tensor.lost or found.hole is not None:
                flags = int(Flag.INCOMPLETE)
        encoding = Encoding.MISSING if source < 0 else Encoding.RAW
        storage = builder.add_storage(name, source=source, offset=offset, nbytes=nbytes, encoding=encoding)
        return builder.add_tensor(tensor.dtype, shape, storage=storage, flags=flags, extra=tensor.extra or None)

    def _tell_absent_ranks(self) -> None:
        numbers = {int(match[1]) for one in self._read if (match := _FILE.fullmatch(one.shard.file))}
        highest = max(numbers)
        # Ranks count from 1; a name may claim any number.
        lacking = highest - len(numbers - {0})
        if lacking:
            told = [
                number for number in range(1, min(highest, len(numbers) + _RANKS_TOLD) + 1) if number not in numbers
            ]
            some = ", ".join(map(str, told[:_RANKS_TOLD])) + (" …" if lacking > _RANKS_TOLD else "")
            message = (
                f"there is no file of {plural(lacking, 'rank')} ({some}): what they hold is missing, "
                "and tensors may be larger than shown"
            )
            self._problems.append(Problem("missing", "warning", message))

    def _tell(self, kind: str, severity: Any, message: str, where: str) -> None:
        self._problems.append(Problem(kind, severity, message, where))
