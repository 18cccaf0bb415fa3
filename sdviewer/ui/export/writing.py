"""The job that writes a plan: it asks before it replaces anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.writing import Written, check_folder, write


class Replaces(Enum):
    """What the user lets be replaced."""

    NOTHING = "nothing"
    FILE = "a file"
    SOURCE = "the checkpoint itself"


@dataclass(frozen=True, slots=True)
class Question:
    """What stands under the target's name, and what may be replaced if the user says yes."""

    replaces: Replaces
    words: str


@dataclass(frozen=True, slots=True)
class Done:
    """A plan was carried out."""

    plan: ExportPlan
    target: str
    written: Written


def carry_out(plan: ExportPlan, target: str, allowed: Replaces, control: Control) -> Done | Question:
    """Write a plan, or ask about what would be replaced; nothing is written then.

    Raises:
        CannotWrite: see `sdviewer.edit.writing.write`.
        CannotRead: bytes of the source are not to be had any more.
        Cancelled: `control` was cancelled.

    """
    found = _standing(plan, Path(target))
    if found is not None and found.replaces is not allowed:
        return found
    written = write(
        plan,
        target,
        overwrite=allowed is not Replaces.NOTHING,
        replace_source=allowed is Replaces.SOURCE,
        control=control,
    )
    return Done(plan, target, written)


def _standing(plan: ExportPlan, place: Path) -> Question | None:
    try:
        facts = place.stat()
    except OSError:
        # Whatever else is wrong with the name, the writer says so.
        return None
    name = shown(place.name, 200)
    source = Path(plan.source.checkpoint.path)
    try:
        # The folder that holds the shards of the source is as much its own as the file.
        is_source = place.samefile(source) or (place.is_dir() and place.samefile(source.parent))
    except OSError:
        is_source = False
    if is_source:
        words = f"{name} is the checkpoint itself. What is not exported will be lost."
        return Question(Replaces.SOURCE, words)
    if place.is_dir():
        check_folder(place)
        return Question(Replaces.FILE, f"The folder {name} exists already. Its shards will be replaced.")
    return Question(Replaces.FILE, f"{name} exists already ({bytes_for_people(facts.st_size)}).")
