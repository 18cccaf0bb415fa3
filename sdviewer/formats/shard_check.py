"""Shard check: what an index lists against what the shards hold, in both directions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Duplicate, Problem
from sdviewer.checkpoint.wording import plural
from sdviewer.formats.shard_index import ShardIndex

Int64 = npt.NDArray[np.int64]

_NAMES_TOLD = 3
_LONGEST_NAME = 200
_MOST_DUPLICATES = 10_000


@dataclass(frozen=True, eq=False)
class Settled:
    """What counts, and what is wrong.

    Attributes:
        order: held tensors that count, by position, as the index lists them; those that it does not list follow.
        duplicates: those that another one hides.
        problems: what index and shards disagree on.

    """

    order: Int64
    duplicates: tuple[Duplicate, ...]
    problems: tuple[Problem, ...]


def settle(
    names: list[str], holder: Int64, files: Sequence[str], index: ShardIndex | None, absent: npt.NDArray[np.bool_]
) -> Settled:
    """Compare the tensors that were found with those that the index lists.

    Args:
        names: the tensors that the shards hold, shard by shard.
        holder: the shard of each, as position in `files`, shape `(len(names),)`.
        files: all shards; those that the index names, in its order, come first.
        index: what it lists; None where the shards were found by their names.
        absent: which of `files` could not be read.

    """
    row_of = dict(zip(names, range(len(names)), strict=True))
    # Of several the last one counts, as when the shards are loaded one after another, unless the index chooses.
    repeated = len(row_of) < len(names)
    if repeated and index is not None:
        _choose(row_of, names, holder, index)
    hidden = _hidden(row_of, names) if repeated else np.zeros(0, np.int64)
    duplicates = tuple(Duplicate(names[row], files[holder[row]]) for row in hidden[:_MOST_DUPLICATES].tolist())
    problems = []
    if len(hidden):
        taken = "the one that the index points to counts" if index is not None else "the last one counts"
        told = _some(names[row] for row in hidden[: _NAMES_TOLD + 1].tolist())
        problems.append(
            Problem(
                "duplicate",
                "warning",
                f"{plural(len(hidden), 'tensor')} {_is(hidden)} in another shard, too; {taken}: {told}",
                names[hidden[0]],
            )
        )
    if index is None:
        order = np.delete(np.arange(len(names)), hidden)
        return Settled(order, duplicates, tuple(problems))
    found = np.fromiter(map(row_of.get, index.names, itertools.repeat(-1)), np.int64, len(index.names))
    order = found[found >= 0]
    counted = np.zeros(len(names), np.bool_)
    counted[order] = True
    counted[hidden] = True
    unlisted = np.flatnonzero(~counted)
    problems += _disagreements(found, unlisted, names, holder, files, index, absent)
    return Settled(np.concatenate((order, unlisted)), duplicates, tuple(problems))


def _choose(row_of: dict[str, int], names: list[str], holder: Int64, index: ShardIndex) -> None:
    """Of tensors that several shards hold take the one in the shard that the index points to."""
    last = np.fromiter(map(row_of.__getitem__, names), np.int64, len(names))
    repeated = np.flatnonzero(last != np.arange(len(names)))
    listed = dict(zip(index.names, index.file.tolist(), strict=True))
    for row in repeated.tolist():
        if listed.get(names[row]) == holder[row]:
            row_of[names[row]] = row


def _hidden(row_of: dict[str, int], names: list[str]) -> Int64:
    chosen = np.fromiter(map(row_of.__getitem__, names), np.int64, len(names))
    return np.flatnonzero(chosen != np.arange(len(names)))


def _disagreements(
    found: Int64,
    unlisted: Int64,
    names: list[str],
    holder: Int64,
    files: Sequence[str],
    index: ShardIndex,
    absent: npt.NDArray[np.bool_],
) -> list[Problem]:
    problems = []
    # What lies in a shard that is not there is told with that shard.
    gone = np.flatnonzero((found < 0) & ~absent[index.file])
    if len(gone):
        first = index.names[gone[0]]
        told = _some(index.names[row] for row in gone[: _NAMES_TOLD + 1].tolist())
        problems.append(
            Problem(
                "missing",
                "error",
                f"{plural(len(gone), 'tensor')} that the index lists {_is(gone)} in no shard: {told}",
                f"{files[index.file[gone[0]]]}: {first}",
            )
        )
    elsewhere = np.flatnonzero((found >= 0) & (holder[found] != index.file)) if len(names) else found[:0]
    if len(elsewhere):
        first = index.names[elsewhere[0]]
        where, listed = files[holder[found[elsewhere[0]]]], files[index.file[elsewhere[0]]]
        problems.append(
            Problem(
                "irregular",
                "warning",
                f"{plural(len(elsewhere), 'tensor')} {_is(elsewhere)} in another shard than the index says: "
                f"{first[:_LONGEST_NAME]!r} in {where}, listed in {listed}",
                first,
            )
        )
    if len(unlisted):
        told = _some(names[row] for row in unlisted[: _NAMES_TOLD + 1].tolist())
        problems.append(
            Problem(
                "extra",
                "warning",
                f"{plural(len(unlisted), 'tensor')} of the shards {_is(unlisted)} not in the index: {told}",
                f"{files[holder[unlisted[0]]]}: {names[unlisted[0]]}",
            )
        )
    return problems


def _is(things: Int64) -> str:
    return "is" if len(things) == 1 else "are"


def _some(names: Iterable[str]) -> str:
    told = list(names)
    some = ", ".join([repr(name[:_LONGEST_NAME]) for name in told[:_NAMES_TOLD]])
    return f"{some} …" if len(told) > _NAMES_TOLD else some
