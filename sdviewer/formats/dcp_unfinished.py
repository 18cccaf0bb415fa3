"""Unfinished: what can be said of a distributed checkpoint without its metadata, which is written last.

The files of ranks hold records without names: which tensor a chunk is of, and where in it, the metadata alone says.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from sdviewer.checkpoint.wording import bytes_for_people, plural
from sdviewer.errors import Damaged
from sdviewer.formats.shard_names import natural_key

_OF_RANK = re.compile(r"__(\d{1,9})_\d{1,9}\.distcp")
_FILES_TOLD = 8
_RANKS_TOLD = 8
_FOLDERS_LOOKED_INTO = 1000


def unfinished(folder: str, names: Sequence[str], metadata: str, suffix: str, begun: str) -> Damaged:
    """The error for a folder with files of ranks and without the metadata: what is there, and what is not."""
    files = sorted((name for name in names if name.endswith(suffix)), key=natural_key)
    found = [(name, _look(Path(folder) / name)) for name in files]
    known = [look for _, look in found if look is not None]
    told = [
        f"{metadata}, which is written last and says which tensors the others hold, is not there"
        + (f" ({begun} is: it was being written)" if begun in names else "")
    ]
    listed = ", ".join(
        f"{name} ({bytes_for_people(look[0]) if look is not None else 'cannot be looked at'})"
        for name, look in found[:_FILES_TOLD]
    )
    more = f" and {len(found) - _FILES_TOLD:,} more" if len(found) > _FILES_TOLD else ""
    there = f"{plural(len(files), 'file')} of ranks {'is' if len(files) == 1 else 'are'}"
    told.append(f"{there}, {bytes_for_people(sum(size for size, _ in known))}: {listed}{more}")
    if absent := _absent_ranks(files):
        told.append(f"none of {absent}")
    if known:
        last = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(when for _, when in known)))
        told.append(f"the last change was at {last}")
    earlier = _finished_beside(folder, metadata)
    hint = "open it again when the save has ended"
    hint += f", or the finished save beside it: {earlier}" if earlier else ", or an earlier step"
    return Damaged(f"is a distributed checkpoint whose save has not ended: {'; '.join(told)}", file=folder, hint=hint)


def _look(path: Path) -> tuple[int, float] | None:
    """Size and time of a file, None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime


def _absent_ranks(files: Sequence[str]) -> str:
    """The ranks below the last one of which there is no file, in words."""
    matches = [_OF_RANK.fullmatch(name) for name in files]
    ranks = {int(match[1]) for match in matches if match}
    if not ranks or max(ranks) > 16 * len(ranks):
        return ""
    absent = sorted(set(range(max(ranks))) - ranks)
    listed = ", ".join(map(str, absent[:_RANKS_TOLD])) + (" …" if len(absent) > _RANKS_TOLD else "")
    return f"rank{'s' if len(absent) > 1 else ''} {listed}" if absent else ""


def _finished_beside(folder: str, metadata: str) -> str:
    """The path of the folder beside this one whose metadata is the newest, "" for none."""
    own = Path(folder).absolute()
    found: list[tuple[float, str]] = []
    try:
        with os.scandir(own.parent) as entries:
            for _, entry in zip(range(_FOLDERS_LOOKED_INTO), entries, strict=False):
                if entry.name != own.name and (look := _look(Path(entry.path) / metadata)) is not None:
                    found.append((look[1], entry.path))
    except OSError:
        return ""
    return max(found)[1] if found else ""
