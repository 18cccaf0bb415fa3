"""Applying rules: what becomes of every key, rule after rule, and which rule did it.

States are kept from one plan to the next: only the rules behind the first one that was changed are
applied again, and not even those where they are as they were a moment ago.
"""

from __future__ import annotations

import fnmatch
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import ne
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.decoding import value_bits
from sdviewer.checkpoint.dtypes import BY_NAME, DTYPES
from sdviewer.checkpoint.natural_order import natural_ranks
from sdviewer.comparison.sides import Side
from sdviewer.control import Control
from sdviewer.edit.naming import Names, RenamingRule, renaming
from sdviewer.edit.planned_keys import kept
from sdviewer.edit.rules import BadRule, CastTo, Exclude, Include, Rule, Sort, WrapperUse, wrappers_in
from sdviewer.search.filtering import find_matches
from sdviewer.search.index import SearchIndex
from sdviewer.search.query import FieldTest, Glob, Mistake, Query, Regex, Word, parse

Mask = npt.NDArray[np.bool_]

_AT_ONCE = 4096
# States that rules from a changed one on had before: one that is switched off is soon switched on again. Each may
# hold a name for every key.
_ASIDE = 8
_MOST_NAMES_ASIDE = 1_000_000

# Which dtypes can be cast, by their codes: floating point numbers of which each has bytes of its own.
_CASTABLE = np.array(
    [kind.kind == "float" and kind.name != "float8_e8m0fnu" and value_bits(kind) == kind.bits for kind in DTYPES]
)


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class State:
    """What has become of the keys so far.

    Attributes:
        places: the tensors that are left, in the order in which they are written, as places of the side's keys.
        keys: their present keys.
        dropped_by: for each key of the side the place of the rule that dropped it, -1 for none.
        casts: for each key of the side the code of the dtype that it is cast to, -1 for none.
        touched: how many tensors each rule so far has changed.

    """

    places: npt.NDArray[np.int64]
    keys: Sequence[str]
    dropped_by: npt.NDArray[np.int32]
    casts: npt.NDArray[np.int16]
    touched: tuple[int, ...]


class Applier:
    """Applies rules to one side and remembers the states between them."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._index: SearchIndex | None = None
        count = len(side)
        first = State(np.arange(count), side.keys, np.full(count, -1, np.int32), np.full(count, -1, np.int16), ())
        aside = min(_ASIDE, _MOST_NAMES_ASIDE // max(count, 1))
        # (rules so far, state after them), from none to all.
        self._states: list[tuple[tuple[Rule, ...], State]] = [((), first)]
        self._wrappers: WeakKeyDictionary[State, tuple[WrapperUse, ...]] = WeakKeyDictionary()
        self._aside: deque[tuple[tuple[Rule, ...], State]] = deque(maxlen=aside)

    def apply(self, rules: Sequence[Rule], control: Control | None = None) -> State:
        """The state after all rules; those that are not enabled change nothing.

        Raises:
            BadRule: a filter is not understood.
            Cancelled: `control` was cancelled.

        """
        control = control or Control()
        wanted = tuple(rules)
        while self._states[-1][0] != wanted[: len(self._states[-1][0])]:
            self._aside.append(self._states.pop())
        done, state = self._states[-1]
        for place in range(len(done), len(wanted)):
            control.check()
            so_far = wanted[: place + 1]
            known = next((state for before, state in self._aside if before == so_far), None)
            state = known or self._after(state, wanted[place], so_far, control)
            self._states.append((so_far, state))
        return state

    def wrappers(self) -> tuple[tuple[WrapperUse, ...], ...]:
        """The known wrappers that keys begin with: as each rule of the last `apply` sees them, and behind all rules."""
        found: list[tuple[WrapperUse, ...]] = []
        before: Sequence[str] | None = None
        for _, state in self._states:
            uses = found[-1] if state.keys is before else self._wrappers.get(state)
            if uses is None:
                uses = wrappers_in(state.keys)
            self._wrappers[state] = uses
            found.append(uses)
            before = state.keys
        return tuple(found)

    def _after(self, state: State, rule: Rule, so_far: Sequence[Rule], control: Control) -> State:
        place = len(so_far) - 1
        if not rule.enabled:
            return replace(state, touched=(*state.touched, 0))
        match rule:
            case Include(filter=text):
                return self._included(state, text, so_far, control)
            case Exclude(filter=text):
                return _dropped(state, self._fits(text, state, control), place)
            case CastTo(dtype=dtype, filter=text):
                return self._cast(state, dtype, text, control)
            case Sort():
                return _sorted(state, control)
            case _:
                return _renamed(state, rule, control)

    def _included(self, state: State, text: str, so_far: Sequence[Rule], control: Control) -> State:
        place = len(so_far) - 1
        # Include rules in a row are alternatives: what the ones before dropped for this reason alone comes back.
        run = place
        while run > 0 and isinstance(so_far[run - 1], Include) and so_far[run - 1].enabled:
            run -= 1
        if run == place:
            return _dropped(state, ~self._fits(text, state, control), place)
        before = self._states[run][1]
        again = self._fits(text, before, control)
        dropped_by = state.dropped_by.copy()
        dropped_by[before.places[again]] = -1
        left = dropped_by[before.places] < 0
        touched = (*state.touched, int(again.sum()))
        return replace(
            state, places=before.places[left], keys=kept(before.keys, left), dropped_by=dropped_by, touched=touched
        )

    def _cast(self, state: State, dtype: str, text: str, control: Control) -> State:
        code = BY_NAME[dtype].code
        places = state.places[self._fits(text, state, control)] if text else state.places
        codes = self.side.checkpoint.table.dtype[self.side.rows[places]]
        can = _CASTABLE[codes]
        places, codes = places[can], codes[can]
        casts = state.casts.copy()
        casts[places] = np.where(codes == code, -1, code)
        return replace(state, casts=casts, touched=(*state.touched, int((codes != code).sum())))

    def _fits(self, text: str, state: State, control: Control) -> Mask:
        """Whether each tensor that is still there fits a filter: names as they are now, fields as in the file."""
        query = parse(text)
        if isinstance(query, Mistake):
            raise BadRule(f"{text}: {query.message}")
        fits = np.ones(len(state.keys), np.bool_)
        by_field = Query(tuple(term for term in query.terms if isinstance(term.test, FieldTest)))
        if by_field.terms:
            if self._index is None:
                self._index = SearchIndex(self.side.checkpoint)
            found = find_matches(by_field, self._index, control)
            if isinstance(found, Mistake):
                raise BadRule(f"{text}: {found.message}")
            fits &= found.mask[np.minimum(self.side.rows[state.places], len(found.mask) - 1)]
        for term in query.terms:
            if not isinstance(term.test, FieldTest):
                fits &= _having(term.test, state.keys, control) != term.negated
        return fits


def _having(test: Word | Glob | Regex, keys: Sequence[str], control: Control) -> Mask:
    """Whether each key has what a word, glob or regex of a filter looks for."""
    match test:
        case Word(text=text, case=True):
            return _each(keys, lambda some: [text in key for key in some], control)
        case Word(text=text):
            return _each(keys, lambda some: [text in key.casefold() for key in some], control)
        case Glob(text=text, case=case):
            whole = re.compile(fnmatch.translate(text), 0 if case else re.IGNORECASE).match
            return _each(keys, lambda some: [found is not None for found in map(whole, some)], control)
        case Regex(pattern=pattern, case=case):
            search = re.compile(pattern, 0 if case else re.IGNORECASE).search
            return _each(keys, lambda some: [found is not None for found in map(search, some)], control)


def _each(keys: Sequence[str], test: Callable[[Sequence[str]], list[bool]], control: Control) -> Mask:
    return np.array(_slice_by_slice(keys, test, control), np.bool_)


def _slice_by_slice(keys: Sequence[str], work: Callable[[Any], list[Any]], control: Control) -> list[Any]:
    """Work that can be cancelled, and stands aside, between slices."""
    found: list[Any] = []
    for first in range(0, len(keys), _AT_ONCE):
        control.check()
        found += work(keys[first : first + _AT_ONCE])
    return found


def _renamed(state: State, rule: RenamingRule, control: Control) -> State:
    keys: Names = _slice_by_slice(state.keys, renaming(rule), control)
    return replace(state, keys=keys, touched=(*state.touched, sum(map(ne, state.keys, keys))))


def _dropped(state: State, which: Mask, rule: int) -> State:
    dropped_by = state.dropped_by.copy()
    dropped_by[state.places[which]] = rule
    touched = (*state.touched, int(which.sum()))
    return replace(
        state, places=state.places[~which], keys=kept(state.keys, ~which), dropped_by=dropped_by, touched=touched
    )


def _sorted(state: State, control: Control) -> State:
    order = np.argsort(natural_ranks(StringColumn.of(state.keys), control), kind="stable")
    keys = [*map(state.keys.__getitem__, order.tolist())]
    touched = (*state.touched, int((order != np.arange(len(order))).sum()))
    return replace(state, places=state.places[order], keys=keys, touched=touched)
