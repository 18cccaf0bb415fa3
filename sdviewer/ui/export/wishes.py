"""Wish: the rules and options of an export as the user has put them, each change a step that can be undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sdviewer.comparison.matching import Matching
from sdviewer.edit.plan import Options
from sdviewer.edit.rules import (
    AddPrefix,
    CastTo,
    Exclude,
    Include,
    Rename,
    RenameKeys,
    ReplacePrefix,
    Rule,
    Sort,
    StripPrefix,
    Template,
)

_MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of a checkpoint is exported: the model with all beside it, unless a part or tensors are named.

    Attributes:
        section: the name of a part.
        rows: tensors that were selected, as rows of the tensor table.

    """

    section: str | None = None
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done, and to what."""

    rules: tuple[Rule, ...] = ()
    options: Options = field(default_factory=Options)
    chosen: Chosen = Chosen()

    @property
    def effective(self) -> tuple[Rule, ...]:
        """The rules in their places, those that are not filled in yet switched off."""
        return tuple(rule if is_complete(rule) else replace(rule, enabled=False) for rule in self.rules)

    def with_rule(self, place: int, rule: Rule) -> Wish:
        """The rule in a place is another one."""
        return replace(self, rules=(*self.rules[:place], rule, *self.rules[place + 1 :]))

    def with_rules(self, rules: Sequence[Rule]) -> Wish:
        """All rules are others."""
        return replace(self, rules=tuple(rules))

    def without_rule(self, place: int) -> Wish:
        """One rule less."""
        return replace(self, rules=self.rules[:place] + self.rules[place + 1 :])

    def with_moved(self, place: int, to: int) -> Wish:
        """A rule stands in another place, counted without it."""
        rest = self.rules[:place] + self.rules[place + 1 :]
        return replace(self, rules=(*rest[:to], self.rules[place], *rest[to:]))


def is_complete(rule: Rule) -> bool:
    """Whether a rule says enough: an empty filter would mean every tensor, which nobody wants to exclude."""
    match rule:
        case Include(filter=text) | Exclude(filter=text):
            return bool(text.strip())
        case StripPrefix(prefix=text) | AddPrefix(prefix=text) | ReplacePrefix(old=text):
            return bool(text)
        case Rename(pattern=text) | Template(old=text):
            return bool(text)
        case RenameKeys(keys=keys):
            return bool(keys)
        case CastTo() | Sort():
            return True


class History:
    """The wishes so far; those that were undone wait until something else is wished."""

    def __init__(self, first: Wish) -> None:
        self._steps = [first]
        self._at = 0
        self._topic = ""

    @property
    def current(self) -> Wish:
        """The wish in force."""
        return self._steps[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is one before it."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is one behind it."""
        return self._at < len(self._steps) - 1

    def wish(self, wish: Wish, topic: str = "") -> None:
        """Another wish; letters typed on the same `topic`, one after the other, are one step."""
        if wish == self.current:
            return
        goes_on = bool(topic) and topic == self._topic and self._at > 0
        del self._steps[self._at + 1 :]
        if goes_on:
            self._steps[-1] = wish
        else:
            self._steps.append(wish)
            del self._steps[:-_MOST_STEPS]
        self._at = len(self._steps) - 1
        self._topic = topic

    def change_all(self, change: Callable[[Wish], Wish]) -> None:
        """Make every step another one: what it was about is no longer there."""
        self._steps = [change(step) for step in self._steps]

    def undo(self) -> None:
        """Back by a step, if there is one."""
        self._at = max(self._at - 1, 0)
        self._topic = ""

    def redo(self) -> None:
        """Forward again, if there is a step."""
        self._at = min(self._at + 1, len(self._steps) - 1)
        self._topic = ""


def renames_of(matching: Matching) -> RenameKeys | None:
    """What gives the tensors of the left side the names of their partners; None if they have them already."""
    a, b = matching.a.keys, matching.b.keys
    pairs = {a[pair.a]: b[pair.b] for pair in matching.pairs if pair.part is None and a[pair.a] != b[pair.b]}
    return RenameKeys(tuple(pairs.items())) if pairs else None


def exactly(name: str) -> str:
    """A filter that fits this name alone."""
    # In a filter a slash ends the regex.
    escaped = re.escape(name).replace("/", "\\/")
    return f"/^{escaped}$/"
