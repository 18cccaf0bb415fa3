"""Compare groups: what `Optimizer.load_state_dict` would say to the state_dict of another optimizer.

The optimizer is known by a state_dict of its own alone. Checks, their order and their words are those of
`torch.optim.Optimizer.load_state_dict` (torch 2.13), for two of the flat layout those of
`torch.distributed.checkpoint.state_dict.set_optimizer_state_dict`, which goes by names; what is not checked
shows in the first step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.training.groups import ParamGroup, same_option
from sdviewer.training.naming import LIKE_THE_PARAMETER
from sdviewer.training.state import OptimizerState, Standing

OTHER_NUMBER = "loaded state dict has a different number of parameter groups"
OTHER_SIZE = "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"

LOAD, SET = "Optimizer.load_state_dict", "set_optimizer_state_dict"

_MOST_LISTED = 1000
# Make a number of each step as they are loaded.
_COUNTING = frozenset({"Adam", "AdamW", "Adam or AdamW"})


@dataclass(frozen=True, slots=True)
class OptionChange:
    """A hyper-parameter of one group; None where a side has none. `saved` is what it would be after loading."""

    group: int
    name: str
    current: Any
    saved: Any
    in_current: bool
    in_saved: bool

    @property
    def text(self) -> str:
        """In a line: "group 0: lr 0.1 → 0.01"."""
        before = _text(self.current) if self.in_current else "not there"
        after = _text(self.saved) if self.in_saved else "not there"
        return f"group {self.group}: {shown(self.name, 60)} {before} → {after}"


@dataclass(frozen=True, eq=False, slots=True)
class GroupComparison:
    """What loading `saved` into the optimizer that `current` is of would do.

    Attributes:
        sizes: parameters of each group: (current, saved), None where a side has no such group.
        changes: hyper-parameters that would be others.
        error: the exception that is raised, as "ValueError: …", "" where loading succeeds.
        silent: what loading does not say, in sentences: the optimizer would go on with it, or fail in its first step.
        call: the function of torch that loads.

    """

    sizes: tuple[tuple[int | None, int | None], ...]
    changes: tuple[OptionChange, ...]
    error: str
    silent: tuple[str, ...]
    call: str = LOAD

    @property
    def succeeds(self) -> bool:
        """Whether loading raises nothing."""
        return not self.error


def compare_groups(saved: OptimizerState, current: OptimizerState) -> GroupComparison:
    """Compare what was saved with the optimizer that shall go on with it."""
    if saved.groups.flat is not None and current.groups.flat is not None:
        return _by_name(saved, current)
    ours, theirs = current.groups.groups, saved.groups.groups
    count = max(len(ours), len(theirs))
    sizes = tuple(
        (
            len(ours[index].params) if index < len(ours) else None,
            len(theirs[index].params) if index < len(theirs) else None,
        )
        for index in range(count)
    )
    changes = [
        change
        for index in range(min(len(ours), len(theirs)))
        for change in _changes(index, ours[index].options, theirs[index].options)
    ]
    error = _error(saved, sizes)
    silent = _silent(saved, current) if not error else ()
    return GroupComparison(sizes, tuple(changes[:_MOST_LISTED]), error, silent)


def _by_name(saved: OptimizerState, current: OptimizerState) -> GroupComparison:
    """Of the flat layout: torch takes the options of each group from its first parameter, and state by name."""
    options = {name: group.options for group in saved.groups.groups for name in group.params}
    sizes, changes, error = [], [], ""
    for index, group in enumerate(current.groups.groups):
        first = str(group.params[0])
        theirs = options.get(first, {})
        sizes.append((len(group.params), sum(name in options for name in group.params)))
        lost = next((name for name in group.options if name not in theirs), None)
        if lost is not None and not error:
            error = f"KeyError: {f'param_groups.{first}.{lost}'!r}"
        if first in options:
            changes += _changes(index, group.options, theirs)
    silent = []
    kept = {str(item) for item, entry in zip(saved.ids, saved.entry.tolist(), strict=True) if entry >= 0}
    own = [str(item) for item, entry in zip(current.ids, current.entry.tolist(), strict=True) if entry >= 0]
    without = [name for name in own if name not in kept]
    if without and not error and current.groups.optimizer in _COUNTING:
        # An empty entry stands where the step is looked for.
        error = "TypeError: float() argument must be a string or a real number, not 'dict'"
    if without:
        silent.append(
            f"There is no state of {plural(len(without), 'parameter')} ({shown(without[0], 200)}"
            f"{' …' if len(without) > 1 else ''}): {SET} does not check that, and goes on with empty entries."
        )
    left = [name for name in options if name not in set(own) | {str(item) for item in current.ids}]
    if left and not error:
        silent.append(
            f"{plural(len(left), 'parameter')} of the saved state ({shown(str(left[0]), 200)}"
            f"{' …' if len(left) > 1 else ''}) {'is' if len(left) == 1 else 'are'} not in the optimizer: left out."
        )
    return GroupComparison(tuple(sizes), tuple(changes[:_MOST_LISTED]), error, tuple(silent), SET)


def _error(saved: OptimizerState, sizes: tuple[tuple[int | None, int | None], ...]) -> str:
    groups = saved.groups
    structure = saved.description.structure
    if groups.flat is not None or any("holds no param_groups" in problem for problem in groups.problems):
        return "KeyError: 'param_groups'"
    if any(None in pair for pair in sizes):
        return f"ValueError: {OTHER_NUMBER}"
    for group, (ours, theirs) in zip(groups.groups, sizes, strict=True):
        if "params" not in {str(decode_part(structure.part[child])) for child in structure.children(group.node)}:
            return "KeyError: 'params'"
        if ours != theirs:
            return f"ValueError: {OTHER_SIZE}"
    return "KeyError: 'state'" if groups.state < 0 else ""


def _changes(index: int, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[OptionChange]:
    return [
        OptionChange(index, name, ours.get(name), theirs.get(name), name in ours, name in theirs)
        for name in dict.fromkeys((*ours, *theirs))
        if not same_option(ours, theirs, name)
    ]


def _silent(saved: OptimizerState, current: OptimizerState) -> tuple[str, ...]:
    found = []
    one, other = current.groups.optimizer, saved.groups.optimizer
    if one and other and one != other and " or " not in one + other:
        found.append(f"The saved state is {other}'s, the optimizer is {one}: load_state_dict does not check that.")
    lost = sorted(
        {
            name
            for ours, theirs in zip(current.groups.groups, saved.groups.groups, strict=True)
            for name in ours.options
            if name not in theirs.options
        }
    )
    if lost:
        listed = ", ".join(repr(name) for name in lost)
        found.append(
            f"The loaded groups replace the optimizer's and have no {listed}: "
            "the first step fails unless the optimizer has a default for it."
        )
    found += _names(saved.groups.groups, current.groups.groups)
    found += _shapes(saved, current)
    return tuple(found)


def _names(saved: tuple[ParamGroup, ...], current: tuple[ParamGroup, ...]) -> list[str]:
    """Names that stand at other places: torch goes by position."""
    apart: list[tuple[str, str]] = []
    for ours, theirs in zip(current, saved, strict=True):
        if ours.names is not None and theirs.names is not None:
            apart += [pair for pair in zip(theirs.names, ours.names, strict=True) if pair[0] != pair[1]]
    if not apart:
        return []
    first, second = apart[0]
    text = (
        f"param_names differ at {plural(len(apart), 'place')}: the state of {shown(first, 200)} would go to "
        f"{shown(second, 200)}. load_state_dict goes by position and does not check names."
    )
    return [text]


def _shapes(saved: OptimizerState, current: OptimizerState) -> list[str]:
    """State whose shape is another one: it is loaded as it is, and does not fit in the first step."""
    apart = []
    count = min(int((state.standing != Standing.IN_NO_GROUP).sum()) for state in (saved, current))
    ours, theirs = current.description.tensors, saved.description.tensors
    for field in LIKE_THE_PARAMETER if current.groups.flat is None else ():
        rows = np.stack((saved.column(field)[:count], current.column(field)[:count]))
        for index in np.flatnonzero((rows >= 0).all(axis=0)).tolist():
            one, other = theirs.shape_of(int(rows[0, index])), ours.shape_of(int(rows[1, index]))
            if one != other:
                apart.append((index, field, one, other))
        if apart:
            break
    if not apart:
        return []
    index, field, one, other = apart[0]
    text = (
        f"State of {plural(len(apart), 'parameter')} has another shape ({field} of parameter {index}: {one}, not "
        f"{other}): load_state_dict does not check shapes, the first step fails."
    )
    return [text]


def _text(value: Any) -> str:
    return shown(value if isinstance(value, str) else json.dumps(value), 80)
