"""The command line that tells in a terminal what a page shows."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import NameNotFound, SdviewerError
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.comparison.work import Ask

Rows = npt.NDArray[np.integer]

_MOST_NAMES = 50
_WILD = re.compile(r"([*?[])")


class CannotSay(SdviewerError):
    """No command tells just this."""

    kind = "cannot_say"


def command_of_file(path: str, checkpoint: Checkpoint | None, rows: Rows, typed: str = "") -> str:
    """What tells of these tensors: of one its values, of several their statistics, of none or all the whole file.

    `typed` is what stands in the filter, which may be shorter than the names of what it finds.

    Raises:
        CannotSay: they are too scattered.

    """
    if checkpoint is None or len(rows) in (0, checkpoint.table.listed):
        return _joined(["info", _absolute(path)])
    if len(rows) == 1:
        name = checkpoint.table.name[int(rows[0])]
        return _joined(["values", _absolute(path), *(["--"] if name.startswith("-") else []), name])
    globs = _globs_for(checkpoint, rows, typed)
    return _joined(["stats", _absolute(path), *(f"--select={glob}" for glob in globs)])


def command_of_comparison(
    paths: tuple[str, str], sides: tuple[Checkpoint | None, Checkpoint | None], ask: Ask, control: Control
) -> str:
    """What compares both files in the same way.

    Raises:
        CannotSay: pairs were undone by hand, or replaced by one another, or two tensors have no keys of their own.
        Cancelled: `control` was cancelled.

    """
    words = ["diff", *map(_absolute, paths)]
    a, b = sides
    if ask.picked is not None and a is not None and b is not None:
        return _joined([*words, *_picked(a, b, ask.picked, control)])
    if ask.vetoed:
        raise CannotSay("a pair was undone by hand, which no option says", hint=tr("give the names with --map"))
    for side, section in (("a", ask.section_a), ("b", ask.section_b)):
        if section is not None:
            words.append(f"--section-{side}={section}")
    words += [f"--map={text}" for text in ask.maps]
    words += _maps(ask.by_hand)
    for option, value in (("rtol", ask.rtol), ("atol", ask.atol)):
        if value is not None:
            words.append(f"--{option}={value!r}")
    return _joined(words)


def _globs_for(checkpoint: Checkpoint, rows: Rows, typed: str) -> list[str]:
    """The fewest globs at hand that fit these tensors and no others."""
    names = checkpoint.table.name.take(rows).tolist()
    first, last = min(names), max(names)
    common = first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
    module = common[: max(common.rfind("."), common.rfind("/")) + 1]
    candidates = [[_whole(module) + "*"]] if module else []
    if typed and not re.search(r"[\s:\"]", typed):
        candidates += [[typed], [f"*{_whole(typed)}*"]]
    if len(names) <= _MOST_NAMES:
        candidates.append(list(map(_whole, names)))
    wanted = np.sort(np.asarray(rows))
    for globs in candidates:
        if _fits(checkpoint, globs, wanted):
            return globs
    raise CannotSay("these tensors are too scattered for a command", hint=tr("select a module, or fewer of them"))


def _fits(checkpoint: Checkpoint, globs: Sequence[str], wanted: Rows) -> bool:
    from sdviewer.checkpoint.selecting import rows_named

    try:
        found = rows_named(checkpoint, globs)
    except NameNotFound:
        return False
    return np.array_equal(found[found < checkpoint.table.listed], wanted)


def _picked(a: Checkpoint, b: Checkpoint, names: tuple[str, str], control: Control) -> list[str]:
    from sdviewer.comparison.matching import Replacement, match
    from sdviewer.comparison.pairs_of_files import selected
    from sdviewer.comparison.sides import chosen_sides

    (section_a, key_a), (section_b, key_b) = _key_of(a, names[0]), _key_of(b, names[1])
    maps = _maps([(key_a, key_b)]) if key_a != key_b else []
    side_a, side_b = chosen_sides(a, b, section_a, section_b)
    # What else the glob fits would be told, too.
    rules = [Replacement.parse(text.removeprefix("--map=")) for text in maps]
    matching = match(side_a, side_b, maps=rules, guess=False, read=False, control=control)
    found = selected(matching, [_whole(key_b)])
    keys = [(side_a.keys[pair.a], side_b.keys[pair.b]) for pair in found.pairs]
    if keys != [(key_a, key_b)] or found.only_a or found.only_b:
        raise CannotSay("no option compares just these two tensors", hint=tr("compare the sections that they lie in"))
    return [f"--section-a={section_a}", f"--section-b={section_b}", *maps, f"--select={_whole(key_b)}"]


def _key_of(checkpoint: Checkpoint, name: str) -> tuple[str, str]:
    from sdviewer.checkpoint.sections import section_keys

    row = checkpoint.tensors[name].row
    for section in checkpoint.sections.values():
        places = np.flatnonzero(section.rows == row)
        if len(places):
            only = replace(section, rows=section.rows[places])
            return section.name, section_keys(checkpoint.description, only)[0]
    raise CannotSay(f"{name!r} lies in no section", hint=tr("compare the whole files"))


def _maps(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Each pair as a replacement of the whole key."""
    olds = {old for old, _ in pairs}
    # One after the other they would rename what the one before has named.
    if any(new in olds and new != old for old, new in pairs) or any("=>" in old for old, _ in pairs):
        raise CannotSay("the pairs that were made by hand cannot be said by --map", hint=tr("save a report instead"))
    return [f"--map=^{re.escape(old)}\\Z=>{new.replace(chr(92), chr(92) * 2)}" for old, new in pairs]


def _whole(name: str) -> str:
    """A glob that fits this text alone."""
    return _WILD.sub(r"[\1]", name)


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  # resolves no links


def _joined(words: Sequence[str]) -> str:
    text = shlex.join(["sdviewer", *words])
    if not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text):
        raise CannotSay("a name in it is no text", hint=tr("rename the file"))
    return text
