"""The files of a distributed checkpoint, held against what its metadata says of them.

A file of another save is betrayed by its size, by what stands where records should begin, or by its time: the
metadata is written last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdviewer.checkpoint.document import Problem, Shard
from sdviewer.checkpoint.wording import plural
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.dcp_metadata import Entry, Record
from sdviewer.formats.files import LocalSources, describe_file, read_pieces
from sdviewer.formats.shard_names import natural_key

# Records whose first bytes are looked at, beyond which the first and the last of each file must do.
_MOST_LOOKED_AT = 4096
_MOST_FILES = 100_000
_NAMES_TOLD = 5
_LONGEST_NAME_TOLD = 200
_PROBLEMS_TOLD = 20
# A copy of a folder gives its files new times, in any order; they lie closer together than two saves.
_LATER_NS = 2 * 10**9
_RECORD = b"PK\x03\x04"


@dataclass
class DataFile:
    """One file that the metadata names.

    Attributes:
        source: its index among the sources, -1 where it is not there.
        size: its bytes.
        why: what keeps it from being read, "" for nothing.
        tensors: names of what has a chunk or its value in it.
        end: behind the last record that the metadata tells of.

    """

    name: str
    source: int = -1
    size: int = 0
    why: str = ""
    mtime_ns: int = 0
    tensors: dict[str, None] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    cut: int = 0

    @property
    def end(self) -> int:
        """Behind the last record that the metadata tells of."""
        return max((record.offset + record.length for record in self.records), default=0)

    def lost(self, record: Record) -> str:
        """Why a record of this file cannot be read, "" where it can."""
        if self.source < 0:
            return f"lies in {self.name}, which {self.why}"
        if record.transforms:
            return f"went through {record.transforms} in {self.name}, which is not read"
        if record.offset + record.length > self.size:
            return f"lies behind the end of {self.name}"
        return ""


def data_files(
    folder: str, entries: Iterable[Entry], names: Sequence[str], sources: LocalSources
) -> dict[str, DataFile]:
    """The files that the entries name, opened as sources where they are there, by name."""
    files: dict[str, DataFile] = {}
    for entry in entries:
        for record in entry.records:
            if record is not None:
                file = files.setdefault(record.file, DataFile(record.file))
                file.tensors[entry.name] = None
                file.records.append(record)
    there = frozenset(names)
    for number, name in enumerate(sorted(files, key=natural_key)):
        file = files[name]
        if number >= _MOST_FILES or ("/" not in name and name not in there):
            file.why = "is not in the folder"
            continue
        try:
            spec = describe_file(Path(folder) / name)
        except CannotOpen as error:
            file.why = "is not in the folder" if isinstance(error.__cause__, FileNotFoundError) else error.message
            continue
        file.size, file.mtime_ns = spec.size, spec.mtime_ns
        file.source = sources.add(spec)
        file.cut = sum(record.offset + record.length > file.size for record in file.records)
    return {name: files[name] for name in sorted(files, key=natural_key)}


def file_problems(
    files: dict[str, DataFile], extra: Sequence[str], sources: LocalSources, written_ns: int
) -> list[Problem]:
    """What the files lack and what does not fit; `written_ns` is when the metadata was written."""
    problems = []
    for file in files.values():
        if file.source < 0:
            problems.append(_problem("missing", "error", f"{file.why}; it holds {_held(file)}", file))
        elif file.cut:
            message = (
                f"ends at byte {file.size:,}, and {plural(file.cut, 'chunk')} of {len(file.records):,} "
                f"lie behind that (up to byte {file.end:,}): it is cut off, or of another save; it holds {_held(file)}"
            )
            problems.append(_problem("partial", "error", message, file))
        elif file.size > file.end:
            message = (
                f"has {file.size - file.end:,} bytes behind the last chunk that the metadata tells of: it may be of "
                f"another save; it holds {_held(file)}"
            )
            problems.append(_problem("irregular", "warning", message, file))
    problems += _strangers(files, sources)
    later = [file for file in files.values() if file.source >= 0 and file.mtime_ns > written_ns + _LATER_NS]
    if later:
        message = (
            f"{plural(len(later), 'file')} {'was' if len(later) == 1 else 'were'} written after the metadata, which a "
            f"save writes last: perhaps by a later save, or by copying ({_some([file.name for file in later])})"
        )
        problems.append(Problem("irregular", "info", message, later[0].name))
    if extra:
        message = (
            f"{plural(len(extra), 'file')} of the folder {'is' if len(extra) == 1 else 'are'} not in the metadata, and "
            f"not shown: {_some(extra)}"
        )
        problems.append(Problem("extra", "warning", message, extra[0]))
    if len(problems) > _PROBLEMS_TOLD:
        more = len(problems) - _PROBLEMS_TOLD
        problems[_PROBLEMS_TOLD:] = [Problem("partial", "error", f"{plural(more, 'more problem')} with files")]
    return problems


def shards(files: dict[str, DataFile], folder: str, extra: Sequence[str]) -> tuple[Shard, ...]:
    """The files as the checkpoint tells of them."""
    found = [
        Shard(
            file.name, len(file.tensors), file.size, "missing" if file.source < 0 else "truncated" if file.cut else "ok"
        )
        for file in files.values()
    ]
    for name in extra:
        try:
            size = (Path(folder) / name).stat().st_size
        except OSError:
            size = 0
        found.append(Shard(name, 0, size, "extra"))
    return tuple(found)


def _strangers(files: dict[str, DataFile], sources: LocalSources) -> list[Problem]:
    """Files in which something else stands where records should begin."""
    problems = []
    all_of_them = sum(len(file.records) for file in files.values()) <= _MOST_LOOKED_AT
    for file in files.values():
        starts = sorted({record.offset for record in file.records if not file.lost(record) and record.length >= 4})
        if file.source < 0 or not starts:
            continue
        starts = starts if all_of_them else [starts[0], starts[-1]]
        try:
            found = read_pieces(sources.get(file.source), starts, len(_RECORD))
        except CannotRead as error:
            problems.append(_problem("partial", "error", error.message, file))
            continue
        odd = {start for start, head in zip(starts, found, strict=True) if head != _RECORD and head[:1] != b"\x80"}
        if odd:
            message = (
                f"no record begins at byte {min(odd):,}, where the metadata says so ({len(odd):,} of "
                f"{len(starts):,} looked at): it is damaged, or of another save; it holds {_held(file)}"
            )
            problems.append(_problem("irregular", "error", message, file))
    return problems


def _problem(kind: str, severity: str, message: str, file: DataFile) -> Problem:
    return Problem(kind, "error" if severity == "error" else "warning", message, file.name)


def _held(file: DataFile) -> str:
    names = list(file.tensors)
    return f"{plural(len(file.records), 'chunk')} of {_some(names)}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_TOLD
    return ", ".join([name[:_LONGEST_NAME_TOLD] for name in names[:_NAMES_TOLD]]) + (
        f" and {more:,} more" if more > 0 else ""
    )
