"""Distributed checkpoints of torch (DCP): a folder with `.metadata`, and in the files of its ranks boxes of tensors.

Opening reads the metadata and the values that are no tensors. Tensors are assembled from their chunks when their
bytes are asked for: see `assembled`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import Damaged
from sdviewer.formats import dcp_unfinished
from sdviewer.formats.assembled import Assembly, Chunk, can_be_assembled, to_bytes
from sdviewer.formats.chunk_layout import layout
from sdviewer.formats.dcp_files import DataFile, data_files, file_problems, shards
from sdviewer.formats.dcp_metadata import Entry, Metadata, Path, joined, read_metadata
from sdviewer.formats.dcp_values import Values
from sdviewer.formats.files import LocalSources
from sdviewer.formats.pickle_values import Mapping, TensorNode
from sdviewer.formats.reading import Reading
from sdviewer.formats.shard_names import natural_key
from sdviewer.formats.walking import Walk, Walked

METADATA = ".metadata"
SUFFIX = ".distcp"
_BEGUN = ".metadata.tmp"
# Ranks that do not wait for each other write one each.
_OF_A_RANK = re.compile(r"__\d{1,9}\.metadata")
_PROBLEMS_TOLD = 50


def metadata_names(names: Iterable[str]) -> list[str]:
    """Those of a folder's files that say what the others hold."""
    found = set(names)
    if METADATA in found:
        return [METADATA]
    return sorted((name for name in found if _OF_A_RANK.fullmatch(name)), key=natural_key)


def read_folder(folder: str, names: Sequence[str], sources: LocalSources, control: Control) -> Description:
    """What a folder holds whose `names` have metadata among them.

    Raises:
        NotACheckpoint: the metadata is that of something else.
        CannotOpen: it cannot be read.

    """
    named = metadata_names(names)
    readings = [Reading(sources, sources.add_file(FilePath(folder) / name), control) for name in named]
    metadata = joined([read_metadata(reading) for reading in readings])
    files = data_files(folder, metadata.entries, names, sources)
    extra = [name for name in names if name.endswith(SUFFIX) and name not in files]
    folder_reader = _Folder(readings[0], metadata, files)
    walked = folder_reader.walk()
    written = max(sources.specs[reading.index].mtime_ns for reading in readings)
    problems = [*file_problems(files, extra, sources, written), *folder_reader.problems]
    if _BEGUN in names:
        message = "a save into this folder has begun and not ended: files may be of either"
        problems.insert(0, Problem("irregular", "warning", message, _BEGUN))
    uses = dict.fromkeys((*metadata.globals, *folder_reader.values.global_uses()))
    return Description(
        format="torch distributed",
        tensors=walked.tensors,
        structure=walked.structure,
        root=walked.root,
        globals=tuple(sorted(uses, key=lambda use: ("dangerous", "unknown", "known").index(use.klass))),
        problems=(*problems, *folder_reader.values.problems, *walked.problems),
        shards=shards(files, folder, extra),
        duplicates=walked.duplicates,
        module_classes=walked.module_classes,
        module_versions=walked.module_versions,
        torch_lines=_torch_lines(folder, any(use.klass == "dangerous" for use in uses)),
    )


def unfinished(folder: str, names: Sequence[str]) -> Damaged:
    """The error for a folder with files of ranks and without the metadata, which is written last."""
    return dcp_unfinished.unfinished(folder, names, METADATA, SUFFIX, _BEGUN)


class _Folder:
    """Makes tensors and values of the entries, and the tree in which they stand."""

    def __init__(self, reading: Reading, metadata: Metadata, files: dict[str, DataFile]) -> None:
        self._reading = reading
        self._entries = metadata.entries
        self._files = files
        self._builder = TableBuilder()
        self._rows: dict[str, int] = {}
        # What is wrong with tensors, by the name under which they were saved.
        self._faults: list[Problem] = list(metadata.problems)
        self.values = Values(reading, self._builder, metadata.steps)
        self.problems: list[Problem] = []

    def walk(self) -> Walked:
        """All of it, by names."""
        control = self._reading.control
        for done, entry in enumerate(self._entries):
            if not done % 256:
                control.report(done, len(self._entries), "reading the metadata")
            if entry.dtype is not None:
                self._add_tensor(entry, entry.dtype)
            elif (
                entry.records and (record := entry.records[0]) is not None and not self._files[record.file].lost(record)
            ):
                self.values.add(entry.name, record, self._files[record.file].source)
        root, clashes = nested((entry.path, self._value(entry)) for entry in self._entries)
        if clashes:
            stands = "stands" if len(clashes) == 1 else "stand"
            message = f"{plural(len(clashes), 'name')} {stands} where another leads through; shown at the top"
            self._faults.append(Problem("irregular", "warning", message, ".".join(map(str, clashes[0]))))
        pickle = self.values.pickle
        walk = Walk(
            self._builder,
            self.values.source,
            as_tensor=pickle.plain.as_tensor,
            finish_tensor=pickle.objects.attach_state,
            naming_bytes=self._reading.source.size,
        )
        walked = walk.run(root)
        self._tell_faults(walk)
        return walked

    def _value(self, entry: Entry) -> Any:
        if entry.name in self._rows:
            return TensorNode(self._rows[entry.name])
        if not entry.records:
            return self.values.load(entry.name, None)
        record = entry.records[0]
        if record is None:
            self._fault("missing", "error", "the metadata does not say where its value lies", entry)
        elif why := self._files[record.file].lost(record):
            self._fault("missing", "error", f"its value {why}", entry)
        return self.values.load(entry.name, record)

    def _add_tensor(self, entry: Entry, dtype: Dtype) -> None:
        known = can_be_assembled(dtype)
        extra = None if known else {"dtype": entry.dtype_name, "itemsize": 0}
        chunks, lost = self._chunks(entry)
        flags, source, nbytes = 0, -1, 0
        if 0 in entry.shape:
            pass
        elif not known:
            self._fault("unknown_dtype", "warning", f"the dtype {entry.dtype_name} is not known", entry)
        elif not any(chunk.source >= 0 for chunk in chunks):
            self._fault("missing", "error", f"its bytes are not there: {lost or 'no chunk of it is told of'}", entry)
        else:
            exact, holed = self._look_at_layout(entry)
            assembly = Assembly(entry.name, dtype, entry.shape, chunks, exact)
            source, nbytes = add_assembly(self._reading.sources, assembly), assembly.nbytes
            if lost:
                self._fault("missing", "error", f"a part of it is not there: {lost}", entry)
            if lost or holed:
                flags = int(Flag.INCOMPLETE)
        encoding = Encoding.MISSING if source < 0 else Encoding.RAW
        storage = self._builder.add_storage(entry.name, source=source, offset=0, nbytes=nbytes, encoding=encoding)
        self._rows[entry.name] = self._builder.add_tensor(dtype, entry.shape, storage=storage, flags=flags, extra=extra)

    def _look_at_layout(self, entry: Entry) -> tuple[bool, bool]:
        """Whether the chunks cover the tensor, each value once, and whether they leave a hole; both are told."""
        found = layout(entry.shape, entry.boxes)
        if found.hole is not None:
            self._fault("missing", "error", f"no chunk holds what begins at {list(found.hole)}", entry)
        if found.overlap is not None:
            message = f"chunks overlap at {list(found.overlap)}; the last one counts"
            self._fault("irregular", "warning", message, entry)
        return found.exact, found.hole is not None

    def _chunks(self, entry: Entry) -> tuple[tuple[Chunk, ...], str]:
        """The chunks of a tensor, and what of them is lost."""
        chunks, lost = [], ""
        for (start, size), record in zip(entry.boxes, entry.records, strict=True):
            if 0 in size:
                continue
            why = "the metadata does not say where" if record is None else self._files[record.file].lost(record)
            if why and not lost:
                lost = f"its chunk at {list(start)} {why}" if record else f"{why} its chunk at {list(start)} lies"
            if record is None:
                chunks.append(Chunk(start, size, "no file", -1, 0, 1))
            else:
                source = -1 if why else self._files[record.file].source
                chunks.append(Chunk(start, size, record.file, source, record.offset, record.length))
        return tuple(chunks), lost

    def _fault(self, kind: str, severity: Any, message: str, entry: Entry) -> None:
        self._faults.append(Problem(kind, severity, message, entry.name))

    def _tell_faults(self, walk: Walk) -> None:
        """The faults by the names under which tensors are shown."""
        shown = dict(zip(walk.rows, walk.names, strict=True))
        faults = sorted(self._faults, key=lambda fault: ("error", "warning", "info").index(fault.severity))
        for fault in faults[:_PROBLEMS_TOLD]:
            row = self._rows.get(fault.where)
            self.problems.append(
                dataclasses.replace(fault, where=shown.get(row, fault.where)) if row is not None else fault
            )
        if len(faults) > _PROBLEMS_TOLD:
            more = len(faults) - _PROBLEMS_TOLD
            self.problems.append(Problem("partial", "error", f"{plural(more, 'more tensor')} have problems"))


def add_assembly(sources: LocalSources, assembly: Assembly) -> int:
    """A source that has the bytes of the whole tensor; returns its index."""
    told = to_bytes(assembly)
    offset = len(sources.inline)
    sources.inline += told
    places = {chunk.source: sources.specs[chunk.source].path for chunk in assembly.chunks if chunk.source >= 0}
    paths = sorted(set(places.values()), key=natural_key)
    label = paths[0] + (f" and {plural(len(paths) - 1, 'more file')}" if len(paths) > 1 else "")
    return sources.add(SourceSpec("assembled", label, assembly.nbytes, path=paths[0], offset=offset, stored=len(told)))


def nested(leaves: Iterable[tuple[Path, Any]]) -> tuple[Mapping, list[Path]]:
    """The containers in which values stand by their paths; where one leads through another, it stands at the top.

    Keys that are all whole numbers from 0 on make a list, as torch saves them.
    """
    root: dict[Any, Any] = {}
    clashes: list[Path] = []
    for path, value in leaves:
        inner = root
        for key in path[:-1]:
            step = inner.setdefault(key, {})
            if type(step) is not dict:
                inner = root
                break
            inner = step
        else:
            if path[-1] not in inner:
                inner[path[-1]] = value
                continue
        clashes.append(path)
        root.setdefault(".".join(map(str, path)), value)
    return _container(root), clashes


def _container(root: dict[Any, Any]) -> Mapping:
    top = Mapping("dict")
    pending: list[tuple[dict[Any, Any], Mapping | list[Any]]] = [(root, top)]
    while pending:
        found, target = pending.pop()
        for key in sorted(found) if isinstance(target, list) else found:
            value = found[key]
            if type(value) is dict:
                is_list = all(type(inner) is int for inner in value) and sorted(value) == list(range(len(value)))
                inner: Mapping | list[Any] = [] if is_list else Mapping("dict")
                pending.append((value, inner))
                value = inner
            if isinstance(target, list):
                target.append(value)
            else:
                target.items += [key, value]
    return top


def _torch_lines(folder: str, dangerous: bool) -> tuple[str, ...]:  # one fact
    name = FilePath(folder).name
    if dangerous:
        return ("# do not load this folder: its metadata calls what does harm",)
    return (
        "import torch",
        "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save",
        "# only if you trust whoever made the folder: this runs what its metadata says",
        f"dcp_to_torch_save({name!r}, {name + '.pt'!r})",
        f'checkpoint = torch.load({name + ".pt"!r}, map_location="cpu", weights_only=False)',
    )
