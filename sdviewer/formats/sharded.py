"""Sharded checkpoints: each shard is described by the reader of its own format, and all of them are shown as one."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sdviewer.checkpoint.document import Description, Duplicate, Problem, Shard
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import CannotOpen, CannotRead, Damaged, FileMissing, NotACheckpoint
from sdviewer.formats.files import LocalSources, describe_file
from sdviewer.formats.reading import Reading
from sdviewer.formats.shard_index import ShardIndex, read_index
from sdviewer.formats.shard_join import ReadShard, joined
from sdviewer.formats.shard_names import Family, families, index_describes, natural_key, parse_shard, sibling

ReadSource = Callable[[Reading], Description]

# What a shard's own problems are called when a part of it is not there.
_TRUNCATED = {"partial", "missing", "out_of_bounds"}
# As in a cache of Hugging Face whose download was stopped.
_LINK_TO_NOTHING = "a link leads to a file that is not there"
_PROBLEMS_TOLD = 20
_NAMES_TOLD = 5
_LONGEST_NAME_TOLD = 200
_MOST_MISSING_TOLD = 1000


class _PartOfWhole(Control):
    """The control of one shard's reader: cancelled with the whole, its progress a part of the whole's."""

    __slots__ = ("_index", "_note", "_of", "_whole")

    def __init__(self, whole: Control, index: int, of: int, note: str) -> None:
        super().__init__()
        self._whole, self._index, self._of, self._note = whole, index, of, note

    @property
    def cancelled(self) -> bool:
        """Whether the whole was cancelled."""
        return self._whole.cancelled

    def check(self) -> None:
        """Raise `Cancelled` if the whole should stop."""
        self._whole.check()

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the whole is, in thousandths of a shard."""
        del note
        share = 1000 * min(done, total) // total if total > 0 else 0
        self._whole.report(1000 * self._index + min(share, 999), 1000 * self._of, self._note)


def read_indexed(
    folder: str, index_name: str, names: Sequence[str], sources: LocalSources, control: Control, read_source: ReadSource
) -> Description:
    """The checkpoint that an index describes; `names` are the files of its folder.

    An index that cannot be read is replaced by the shards that are called like it.

    Raises:
        CannotOpen: neither the index nor any of its shards could be read.

    """
    path = str(Path(folder) / index_name)
    try:
        index = read_index(sources.get(sources.add_file(path)))
    except FileMissing:
        raise
    except CannotOpen as error:
        named = {family: shards for family, shards in families(names).items() if index_describes(index_name, family)}
        if not named:
            raise
        family = max(named, key=lambda found: (len(named[found]), found.total))
        description = read_family(folder, family, named[family], sources, control, read_source)
        message = f"the index {error.message}; the shards were found by their names"
        problem = Problem("irregular", "error", message, path)
        return dataclasses.replace(description, problems=(problem, *description.problems))
    read = [
        ReadShard(Shard(file, 0, 0, "missing"))
        if file in index.refused
        else read_shard(folder, file, sources, _PartOfWhole(control, number, len(index.files), file), read_source)
        for number, file in enumerate(index.files)
    ]
    if not any(one.description for one in read):
        raise _nothing_read(path, read)
    extra = _extra(folder, index_name, index, names)
    problems = [*index.problems, *_absences(read, index)]
    if extra:
        problems.append(
            Problem(
                "extra",
                "warning",
                f"{plural(len(extra), 'file')} of the folder {'is' if len(extra) == 1 else 'are'} called like a shard "
                f"and not in the index, and not shown: {_some([shard.file for shard in extra])}",
                extra[0].file,
            )
        )
    control.report(1000 * len(read), 1000 * len(read))
    return joined(read, index, problems, extra)


def read_family(
    folder: str,
    family: Family,
    shards: dict[int, str],
    sources: LocalSources,
    control: Control,
    read_source: ReadSource,
) -> Description:
    """The checkpoint whose shards, by number, were found by their names.

    Raises:
        CannotOpen: none of them could be read.

    """
    numbers = range(family.total) if 0 in shards else range(1, family.total + 1)
    lacking = family.total - sum(number in numbers for number in shards)
    known = next(iter(shards.values()))
    # A name may claim a million shards.
    absent = [
        sibling(known, number)
        for number in itertools.islice((n for n in numbers if n not in shards), _MOST_MISSING_TOLD)
    ]
    read = [
        read_shard(
            folder, shards[number], sources, _PartOfWhole(control, done, len(shards), shards[number]), read_source
        )
        for done, number in enumerate(sorted(shards))
    ]
    if not any(one.description for one in read):
        raise _nothing_read(folder, read)
    problems = []
    if absent:
        problems.append(
            Problem(
                "missing",
                "error",
                f"{lacking:,} of {family.total:,} shards are not in the folder: {_some(absent, lacking)}",
                absent[0],
            )
        )
        read += [ReadShard(Shard(file, 0, 0, "missing")) for file in absent]
        read.sort(key=lambda one: natural_key(one.shard.file))
    control.report(1000, 1000)
    return joined(read, None, [*problems, *_unreadable(read)])


def read_shard(folder: str, file: str, sources: LocalSources, control: Control, read_source: ReadSource) -> ReadShard:
    """Describe one shard; whatever is wrong with it, the others are still read."""
    path = Path(folder) / file
    size = 0
    control.report(0, 1)
    try:
        spec = describe_file(path)
        size = spec.size
        description = read_source(Reading(sources, sources.add(spec), control))
    except (CannotOpen, CannotRead) as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return ReadShard(Shard(file, 0, 0, "missing"), reason=_LINK_TO_NOTHING if path.is_symlink() else "")
        return ReadShard(Shard(file, 0, size, "unreadable"), reason=error.message)
    lacking = any(problem.kind in _TRUNCATED and problem.severity == "error" for problem in description.problems)
    status = "truncated" if lacking else "ok"
    return ReadShard(Shard(file, description.tensors.listed, size, status), _with_file(description, file))


def _with_file(description: Description, file: str) -> Description:
    """The shard's findings, each with the shard's file name."""
    return dataclasses.replace(
        description,
        problems=tuple(
            problem
            if file in problem.where
            else dataclasses.replace(problem, where=f"{file}: {problem.where}" if problem.where else file)
            for problem in description.problems
        ),
        duplicates=tuple(Duplicate(found.name, f"{found.where} ({file})") for found in description.duplicates),
        texts=tuple(dataclasses.replace(text, name=f"{file}: {text.name}") for text in description.texts),
    )


def _nothing_read(whole: str, read: Sequence[ReadShard]) -> CannotOpen:
    if not read:
        return NotACheckpoint("is an index that lists no tensors", file=whole)
    if all(one.shard.status == "missing" for one in read):
        files = _some([one.shard.file for one in read])
        return FileMissing(
            f"none of its {plural(len(read), 'shard')} is there: {files}",
            file=whole,
            hint="put the shards beside the index",
        )
    told = next(one for one in read if one.shard.status != "missing")
    return Damaged(
        f"none of its {plural(len(read), 'shard')} can be read; {told.shard.file}: {told.reason}",
        file=whole,
        hint="download them again",
    )


def _absences(read: Sequence[ReadShard], index: ShardIndex) -> list[Problem]:
    """What the index names and is not there, or not readable."""
    listed = np.bincount(index.file, minlength=len(read))
    missing = [number for number, one in enumerate(read) if one.shard.status == "missing"]
    problems = []
    if missing:
        files = [read[number].shard.file for number in missing]
        reason = f" ({_LINK_TO_NOTHING})" if any(one.reason == _LINK_TO_NOTHING for one in read) else ""
        problems.append(
            Problem(
                "missing",
                "error",
                f"{len(missing):,} of {len(read):,} shards {'is' if len(missing) == 1 else 'are'} missing, "
                f"with {plural(int(listed[missing].sum()), 'tensor')}: {_some(files)}{reason}",
                files[0],
            )
        )
    return [*problems, *_unreadable(read)]


def _unreadable(read: Sequence[ReadShard]) -> list[Problem]:
    broken = [one for one in read if one.shard.status == "unreadable"]
    problems = [
        Problem("partial", "error", f"the shard cannot be read: {one.reason}", one.shard.file)
        for one in broken[:_PROBLEMS_TOLD]
    ]
    if len(broken) > _PROBLEMS_TOLD:
        more = len(broken) - _PROBLEMS_TOLD
        problems.append(Problem("partial", "error", f"{plural(more, 'more shard')} cannot be read"))
    return problems


def _extra(folder: str, index_name: str, index: ShardIndex, names: Sequence[str]) -> list[Shard]:
    """Files that are called like the shards of this index, which does not name them."""
    listed = {shard.family.weights for file in index.files if (shard := parse_shard(file))}
    known = set(index.files)
    shards = []
    for name in sorted(names, key=natural_key):
        shard = None if name in known else parse_shard(name)
        if shard and (shard.family.weights in listed or index_describes(index_name, shard.family)):
            try:
                size = (Path(folder) / name).stat().st_size
            except OSError:
                size = 0
            shards.append(Shard(name, 0, size, "extra"))
    return shards


def _some(names: Sequence[str], count: int = -1) -> str:
    """The first of `count` names, of all of them where that is not given."""
    more = max(count, len(names)) - _NAMES_TOLD
    return ", ".join([name[:_LONGEST_NAME_TOLD] for name in names[:_NAMES_TOLD]]) + (
        f" and {more:,} more" if more > 0 else ""
    )
