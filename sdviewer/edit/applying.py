"""Applying rules: what becomes of every key, rule after rule, and which rule did it.

States are kept from one plan to the next: only the rules behind the first one that was changed are
applied again.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.natural_order import natural_ranks
from sdviewer.checkpoint.wrappers import WRAPPERS
from sdviewer.comparison.sides import Side
from sdviewer.control import Control
from sdviewer.edit.rules import (
    AUTO,
    AddPrefix,
    BadRule,
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
    compiled,
)
from sdviewer.search.filtering import find_matches
from sdviewer.search.index import SearchIndex
from sdviewer.search.query import FieldTest, Glob, Mistake, Query, Regex, Word, parse

_AT_ONCE = 4096


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """What has become of the keys so far.

    Attributes:
        keys: the present key of each tensor of the side, None once it is dropped.
        dropped_by: for each tensor the place of the rule that dropped it, -1 for none.
        dtypes: for each tensor what it is cast to, "" for nothing.
        order: places in the order in which they are written.
        touched: how many tensors each rule so far has changed.

    """

    keys: tuple[str | None, ...]
    dropped_by: tuple[int, ...]
    dtypes: tuple[str, ...]
    order: tuple[int, ...]
    touched: tuple[int, ...]


class Applier:
    """Applies rules to one side and remembers the states between them."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._index: SearchIndex | None = None
        count = len(side)
        first = State(side.keys, (-1,) * count, ("",) * count, tuple(range(count)), ())
        # (rules so far, state after them), from none to all.
        self._states: list[tuple[tuple[Rule, ...], State]] = [((), first)]

    def apply(self, rules: Sequence[Rule], control: Control | None = None) -> State:
        """The state after all rules; those that are not enabled change nothing.

        Raises:
            BadRule: a filter is not understood.
            Cancelled: `control` was cancelled.

        """
        control = control or Control()
        wanted = tuple(rules)
        while self._states[-1][0] != wanted[: len(self._states[-1][0])]:
            self._states.pop()
        done, state = self._states[-1]
        for place in range(len(done), len(wanted)):
            control.check()
            rule = wanted[place]
            state = self._after(state, rule, place, wanted[:place], control) if rule.enabled else _untouched(state)
            self._states.append((wanted[: place + 1], state))
        return state

    def _after(self, state: State, rule: Rule, place: int, before: Sequence[Rule], control: Control) -> State:
        match rule:
            case Include(filter=text):
                return self._included(state, text, place, before, control)
            case Exclude(filter=text):
                fits = self._fits(text, state, control)
                return _dropped(state, fits, place)
            case StripPrefix(prefix=prefix):
                prefixes = tuple(wrapper.prefix for wrapper in WRAPPERS) if prefix == AUTO else (prefix,)
                return _renamed(state, lambda key: _stripped(key, prefixes, again=prefix == AUTO), control)
            case AddPrefix(prefix=prefix):
                return _renamed(state, lambda key: prefix + key, control)
            case ReplacePrefix(old=old, new=new):
                return _renamed(state, lambda key: new + key[len(old) :] if key.startswith(old) else key, control)
            case Rename(pattern=pattern, replacement=replacement):
                substitute = compiled(pattern, replacement).sub
                return _renamed(state, lambda key: substitute(replacement, key), control)
            case Template():
                whole, form = rule.regex()

                def filled(key: str) -> str:
                    found = whole.fullmatch(key)
                    return key if found is None else found.expand(form)

                return _renamed(state, filled, control)
            case RenameKeys(keys=pairs):
                table = dict(pairs)
                return _renamed(state, lambda key: table.get(key, key), control)
            case CastTo(dtype=dtype, filter=text):
                return self._cast(state, dtype, text, control)
            case Sort():
                return _sorted(state, control)

    def _included(self, state: State, text: str, place: int, before: Sequence[Rule], control: Control) -> State:
        fits = self._fits(text, state, control)
        # Include rules in a row are alternatives: what the ones before dropped for this reason alone comes back.
        run = place
        while run > 0 and isinstance(before[run - 1], Include) and before[run - 1].enabled:
            run -= 1
        if run < place:
            original = self._states[run][1]
            again = self._fits(text, original, control)
            keys, dropped = list(state.keys), list(state.dropped_by)
            for position, (fit, by) in enumerate(zip(again, state.dropped_by, strict=True)):
                if fit and run <= by < place:
                    keys[position], dropped[position] = original.keys[position], -1
            return _with(state, tuple(keys), tuple(dropped), touched=sum(again))
        return _dropped(state, [not fit for fit in fits], place)

    def _cast(self, state: State, dtype: str, text: str, control: Control) -> State:
        fits = self._fits(text, state, control) if text else [key is not None for key in state.keys]
        table = self.side.checkpoint.table
        kinds = [table.dtype_of(int(row)) for row in self.side.rows]
        dtypes = list(state.dtypes)
        touched = 0
        for place, (fit, kind) in enumerate(zip(fits, kinds, strict=True)):
            if fit and kind.kind == "float" and kind.name != "float8_e8m0fnu":
                dtypes[place] = "" if kind.name == dtype else dtype
                touched += kind.name != dtype
        return State(state.keys, state.dropped_by, tuple(dtypes), state.order, (*state.touched, touched))

    def _fits(self, text: str, state: State, control: Control) -> list[bool]:
        """Whether each tensor that is still there fits a filter: names as they are now, fields as in the file."""
        query = parse(text)
        if isinstance(query, Mistake):
            raise BadRule(f"{text}: {query.message}")
        fits = [key is not None for key in state.keys]
        by_field = Query(tuple(term for term in query.terms if isinstance(term.test, FieldTest)))
        if by_field.terms:
            if self._index is None:
                self._index = SearchIndex(self.side.checkpoint)
            found = find_matches(by_field, self._index, control)
            if isinstance(found, Mistake):
                raise BadRule(f"{text}: {found.message}")
            listed = found.mask[np.minimum(self.side.rows, len(found.mask) - 1)]
            fits = [fit and bool(other) for fit, other in zip(fits, listed, strict=True)]
        for term in query.terms:
            if isinstance(term.test, FieldTest):
                continue
            test = _test_of(term.test)
            for place in _sliced(range(len(fits)), control):
                key = state.keys[place]
                if fits[place] and key is not None:
                    fits[place] = test(key) != term.negated
        return fits


def _test_of(test: Word | Glob | Regex) -> Callable[[str], bool]:
    """Whether a key has what a word, glob or regex of a filter looks for."""
    match test:
        case Word(text=text, case=case):
            return (lambda key: text in key) if case else (lambda key: text in key.casefold())
        case Glob(text=text, case=case):
            whole = re.compile(fnmatch.translate(text), 0 if case else re.IGNORECASE).match
            return lambda key: whole(key) is not None
        case Regex(pattern=pattern, case=case):
            search = re.compile(pattern, 0 if case else re.IGNORECASE).search
            return lambda key: search(key) is not None


def _stripped(key: str, prefixes: Sequence[str], *, again: bool) -> str:
    """Without these prefixes; `again` until none is left. A key never becomes empty."""
    while True:
        for prefix in prefixes:
            if key.startswith(prefix) and len(key) > len(prefix):
                key = key[len(prefix) :]
                break
        else:
            return key
        if not again:
            return key


def _renamed(state: State, rename: Callable[[str], str], control: Control) -> State:
    keys = list(state.keys)
    touched = 0
    for place in _sliced(range(len(keys)), control):
        key = keys[place]
        if key is not None:
            new = rename(key)
            touched += new != key
            keys[place] = new
    return _with(state, tuple(keys), state.dropped_by, touched=touched)


def _dropped(state: State, which: Iterable[bool], rule: int) -> State:
    keys, dropped_by = list(state.keys), list(state.dropped_by)
    touched = 0
    for place, gone in enumerate(which):
        if gone and keys[place] is not None:
            keys[place], dropped_by[place] = None, rule
            touched += 1
    return _with(state, tuple(keys), tuple(dropped_by), touched=touched)


def _sorted(state: State, control: Control) -> State:
    ranks = natural_ranks(StringColumn.of([key or "" for key in state.keys]), control)
    order = tuple(np.argsort(ranks, kind="stable").tolist())
    moved = sum(a != b for a, b in zip(order, state.order, strict=True))
    return State(state.keys, state.dropped_by, state.dtypes, order, (*state.touched, moved))


def _untouched(state: State) -> State:
    return _with(state, state.keys, state.dropped_by, touched=0)


def _with(state: State, keys: tuple[str | None, ...], dropped_by: tuple[int, ...], *, touched: int) -> State:
    return State(keys, dropped_by, state.dtypes, state.order, (*state.touched, touched))


def _sliced(places: Iterable[int], control: Control) -> Iterable[int]:
    for count, place in enumerate(places):
        if count % _AT_ONCE == 0:
            control.check()
        yield place
