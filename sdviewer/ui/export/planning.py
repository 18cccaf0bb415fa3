"""Planning: from a wish to a plan and the rows that show it, made off the GUI thread."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import ne
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan, Planner, Reason, Source
from sdviewer.edit.planned_keys import PlannedKeys
from sdviewer.edit.rules import WrapperUse
from sdviewer.ui.export.wishes import Wish

_AT_ONCE = 4096


class Shown(Enum):
    """Which of the keys are shown."""

    ALL = "all keys"
    CONFLICTS = "conflicts"
    RENAMED = "renamed"
    CAST = "cast"
    DROPPED = "dropped"


@dataclass(frozen=True, eq=False, slots=True)
class PlanFacts:
    """A plan, and what is told of all of its keys.

    Attributes:
        order: every key, conflicts first, then those that are written, then those that are dropped; a number below
            `len(plan.keys)` is a key of the plan, one from there on a dropped one.
        conflicts: why a key of the plan cannot be written as it is, by its number.
        counts: how many keys each choice shows.
        wrappers: known wrappers that names begin with: as each rule sees them, and behind all rules.

    """

    plan: ExportPlan
    order: npt.NDArray[np.int32]
    conflicts: dict[int, str]
    counts: dict[Shown, int]
    wrappers: tuple[tuple[WrapperUse, ...], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Planned:
    """What the pane shows.

    Attributes:
        rows: the numbers of the keys that are shown, as in `PlanFacts.order`.
        free: bytes that are free where the file will stand, -1 if that is not known.

    """

    wish: Wish
    facts: PlanFacts
    rows: npt.NDArray[np.int32]
    free: int


class Planning:
    """Plans one source again and again, one thread at a time."""

    def __init__(self, find_source: Callable[[], Source]) -> None:
        """`find_source` is called by the first plan, on its thread: the names of a large file take their time."""
        self._find_source = find_source
        self._planner: Planner | None = None
        self._lock = threading.Lock()
        # The last two: what is no longer shown is let go by a working thread, for it takes its time, too.
        self._known: deque[tuple[Wish, PlanFacts]] = deque(maxlen=2)

    def plan(self, wish: Wish, chosen: Shown, text: str, target: str, control: Control) -> Planned:
        """The plan of a wish, and the keys that are chosen and have the words of `text`.

        Raises:
            BadRule: a rule is not understood.
            NameNotFound: there is no such part of the file.
            Cancelled: `control` was cancelled.

        """
        with self._lock:
            control.check()
            if self._planner is None:
                self._planner = Planner(self._find_source())
            if not self._known or self._known[-1][0] != wish:
                plan = self._planner.plan(wish.effective, wish.options, control)
                self._known.append((wish, facts_of(plan, self._planner.wrappers())))
            facts = self._known[-1][1]
        return Planned(wish, facts, _chosen(facts, chosen, text, control), _free(target))


def facts_of(plan: ExportPlan, wrappers: tuple[tuple[WrapperUse, ...], ...]) -> PlanFacts:
    """What is told of a plan's keys."""
    conflicts = _conflicts(plan)
    written, dropped = len(plan.keys), len(plan.dropped)
    clashing = np.fromiter(sorted(conflicts), np.int32, len(conflicts))
    others = np.delete(np.arange(written, dtype=np.int32), clashing)
    order = np.concatenate([clashing, others, np.arange(written, written + dropped, dtype=np.int32)])
    counts = {
        Shown.ALL: written + dropped,
        Shown.CONFLICTS: len(conflicts),
        Shown.RENAMED: sum(map(ne, plan.keys.old, plan.keys.new)),
        Shown.CAST: int(plan.keys.is_cast.sum()),
        Shown.DROPPED: dropped,
    }
    return PlanFacts(plan, order, conflicts, counts, wrappers)


def _conflicts(plan: ExportPlan) -> dict[int, str]:
    """Why keys are refused, by their numbers."""
    found: dict[int, str] = {}
    for reason in plan.refusals:
        if reason.kind == "collision":
            found.update(_collisions(plan.keys))
        elif reason.keys:
            wanted, why = set(reason.keys), _why(reason)
            for number, (old, new) in enumerate(zip(plan.keys.old, plan.keys.new, strict=True)):
                if (new if reason.kind == "name" and new else old) in wanted:
                    found.setdefault(number, why)
    return found


def _why(reason: Reason) -> str:
    return {
        "dtype": "the target has no such dtype",
        "unwritable": "cannot be written",
        "name": "the target cannot hold this name",
    }.get(reason.kind, reason.message)


def _collisions(keys: PlannedKeys) -> dict[int, str]:
    count = Counter(keys.new)
    by_name: dict[str, list[int]] = {}
    for number, name in enumerate(keys.new):
        if count[name] > 1:
            by_name.setdefault(name, []).append(number)
    found = {}
    for numbers in by_name.values():
        for number in numbers:
            other = numbers[1] if number == numbers[0] else numbers[0]
            found[number] = f"same name as {keys.old[other]}"
    return found


def _chosen(facts: PlanFacts, chosen: Shown, text: str, control: Control) -> npt.NDArray[np.int32]:
    plan = facts.plan
    written = len(plan.keys)
    match chosen:
        case Shown.ALL:
            rows = facts.order
        case Shown.CONFLICTS:
            rows = facts.order[: len(facts.conflicts)]
        case Shown.DROPPED:
            rows = facts.order[facts.order >= written]
        case Shown.RENAMED:
            is_so = np.fromiter(map(ne, plan.keys.old, plan.keys.new), np.bool_, written)
            rows = facts.order[:written][is_so[facts.order[:written]]]
        case Shown.CAST:
            rows = facts.order[:written][plan.keys.is_cast[facts.order[:written]]]
    words = text.casefold().split()
    if not words:
        return rows
    kept: list[int] = []
    for first in range(0, len(rows), _AT_ONCE):
        control.check()
        for number in rows[first : first + _AT_ONCE].tolist():
            both = _both_names(plan, number)
            if all(word in both for word in words):
                kept.append(number)
    return np.array(kept, np.int32)


def _both_names(plan: ExportPlan, number: int) -> str:
    if number < len(plan.keys):
        return f"{plan.keys.old[number]}\n{plan.keys.new[number]}".casefold()
    return plan.dropped[number - len(plan.keys)].old.casefold()


def _free(target: str) -> int:
    folder = Path(target or os.curdir).parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return -1
