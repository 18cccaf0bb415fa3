"""Resuming: the optimizers of two checkpoints paired, and what it would be to go on in one with the other's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section
from sdviewer.control import Control
from sdviewer.training.compare_groups import GroupComparison, compare_groups
from sdviewer.training.groups import ParamGroup, has_groups, optimizers_of, read_groups, same_option
from sdviewer.training.state import OptimizerState, read_state


@dataclass(frozen=True, slots=True)
class OptionPair:
    """One hyper-parameter of the groups of one number; `in_a` and `in_b` say which side has it."""

    name: str
    a: Any
    b: Any
    in_a: bool
    in_b: bool
    differs: bool


@dataclass(frozen=True, eq=False, slots=True)
class GroupPair:
    """The groups of one number; None where a side has none."""

    index: int
    a: ParamGroup | None
    b: ParamGroup | None

    @property
    def sizes(self) -> tuple[int | None, int | None]:
        """How many parameters each has."""
        return (None if self.a is None else len(self.a.params)), (None if self.b is None else len(self.b.params))

    @property
    def options(self) -> tuple[OptionPair, ...]:
        """The hyper-parameters of both, in the order in which they come first."""
        a, b = (dict(group.options) if group is not None else {} for group in (self.a, self.b))
        return tuple(
            OptionPair(name, a.get(name), b.get(name), name in a, name in b, not same_option(a, b, name))
            for name in dict.fromkeys((*a, *b))
        )

    @property
    def differs(self) -> bool:
        """Whether their sizes or any hyper-parameter differ."""
        return self.sizes[0] != self.sizes[1] or any(option.differs for option in self.options)


@dataclass(frozen=True, eq=False, slots=True)
class OptimizerPair:
    """Two optimizers and both ways to resume.

    Attributes:
        a, b: their sections.
        state_a, state_b: what they keep.
        into_b: what loading the state of A into the optimizer of B would do.
        into_a: the other way round.

    """

    a: Section
    b: Section
    state_a: OptimizerState
    state_b: OptimizerState
    into_b: GroupComparison
    into_a: GroupComparison

    @property
    def groups(self) -> tuple[GroupPair, ...]:
        """The groups side by side."""
        a, b = self.state_a.groups.groups, self.state_b.groups.groups
        return tuple(
            GroupPair(index, a[index] if index < len(a) else None, b[index] if index < len(b) else None)
            for index in range(max(len(a), len(b)))
        )

    @property
    def differs(self) -> bool:
        """Whether there is anything to tell."""
        told = (self.into_a.error, self.into_b.error, self.into_a.silent, self.into_b.silent)
        return any(told) or any(group.differs for group in self.groups)


@dataclass(frozen=True, eq=False, slots=True)
class Resuming:
    """All optimizers of two checkpoints: pairs, and those without a partner."""

    pairs: tuple[OptimizerPair, ...]
    only_a: tuple[Section, ...]
    only_b: tuple[Section, ...]

    @property
    def succeeds(self) -> bool:
        """Whether loading every state of A into the optimizer of B raises nothing."""
        return all(pair.into_b.succeeds for pair in self.pairs)


def compare_optimizers(a: Checkpoint, b: Checkpoint, control: Control | None = None) -> Resuming:
    """The optimizers of two checkpoints; no payload is read.

    Those of one name are a pair; of the others the first with the first where each side has one alone.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    left, right = optimizers_of(a), optimizers_of(b)
    named = {section.name: section for section in right}
    chosen = [(section, named[section.name]) for section in left if section.name in named]
    only_a = [section for section in left if section.name not in named]
    taken = {section.name for section, _ in chosen}
    only_b = [section for section in right if section.name not in taken]
    if len(only_a) == len(only_b) == 1:
        chosen.append((only_a.pop(), only_b.pop()))
    return Resuming(compared_pairs(a, b, chosen, control), tuple(only_a), tuple(only_b))


def compared_pairs(
    a: Checkpoint, b: Checkpoint, chosen: Sequence[tuple[Section, Section]], control: Control
) -> tuple[OptimizerPair, ...]:
    """Pairs of sections compared, those left out whose groups cannot be read."""
    found = []
    for one, other in chosen:
        sides = ((a, one), (b, other))
        if not all(has_groups(checkpoint.description.structure, section.node) for checkpoint, section in sides):
            continue
        state_a, state_b = (
            read_state(checkpoint, read_groups(checkpoint.description, section.node, control), control)
            for checkpoint, section in sides
        )
        control.check()
        into_b, into_a = compare_groups(state_a, state_b), compare_groups(state_b, state_a)
        found.append(OptimizerPair(one, other, state_a, state_b, into_b, into_a))
    return tuple(found)
