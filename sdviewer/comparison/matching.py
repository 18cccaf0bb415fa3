"""Matching: which tensor of one state_dict is which of the other, why, and how sure.

Steps from sure to likely, each over what the former ones left: the user's own replacements; the same
key; the same without wrappers; the same bytes, once on each side; the same ends of the names with the
same shape, once on each side; names that are alike, with the same shape and the same numbers; where no
name says anything, the same shapes in the same order. A tensor that could be two is left alone and said
to be ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.wrappers import WRAPPERS, unwrapped
from sdviewer.comparison.contents import fingerprints
from sdviewer.comparison.fused import fused_parts
from sdviewer.comparison.relations import Relation, relation_of
from sdviewer.comparison.sides import Side
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]

# A guess below this is no pair.
_LEAST_SCORE = 0.5
# By how much the best partner must be better than the next.
_MARGIN = 0.02
# Pairs of patterns that are compared letter by letter: a second's worth.
_MOST_COMPARED = 2_000_000
_AT_ONCE = 4096
# Tensors whose contents are looked at: some seconds' worth.
_MOST_READ = 20_000
_TECHNICAL = tuple(wrapper for wrapper in WRAPPERS if wrapper.is_technical)
_NUMBERS = re.compile(r"(\d+)")
# The place of a shape, and the numbers in a name.
_Form = tuple[int, tuple[str, ...]]


class By(IntEnum):
    """Why two tensors are a pair."""

    NAME = 0
    MAP = 1
    WRAPPER = 2
    CONTENT = 3
    ENDING = 4
    SIMILAR = 5
    ORDER = 6
    FUSED = 7
    HAND = 8

    @property
    def word(self) -> str:
        """As JSON and tables call it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tensors that are compared.

    Attributes:
        a, b: places among the keys of each side.
        by, score: why, and how sure from 0 to 1; a name is 1.
        relation: of the shapes.
        part: of a fused tensor: (first, count) of its rows; None for the whole. It is the larger one's.

    """

    a: int
    b: int
    by: By
    score: float
    relation: Relation
    part: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Matching:
    """What belongs together.

    Attributes:
        a, b: the sides.
        pairs: in the order of `a`.
        only_a, only_b: places without a partner, ascending.
        ambiguous_a, ambiguous_b: of these, place → places of the other side that it could be.

    """

    a: Side
    b: Side
    pairs: tuple[Pair, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    ambiguous_a: dict[int, tuple[int, ...]] = field(default_factory=dict)
    ambiguous_b: dict[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A user's own rule: what the pattern finds in a key of the left side becomes the replacement."""

    pattern: re.Pattern[str]
    replacement: str

    @staticmethod
    def parse(text: str) -> Replacement:
        r"""Read `REGEX=>REPLACEMENT`; groups are `\1` or `\g<name>`.

        Raises:
            ValueError: no "=>", or one of both is malformed; says what.

        """
        pattern, arrow, replacement = text.partition("=>")
        if not arrow:
            raise ValueError(f"{text} is no REGEX=>REPLACEMENT")
        try:
            rule = Replacement(re.compile(pattern.strip()), replacement.strip())
            # A template is read when something is found: the empty alternative always is.
            re.compile(f"(?:{pattern.strip()})|").sub(rule.replacement, "")
        except (re.error, IndexError) as error:
            raise ValueError(f"{text}: {error}") from error
        return rule

    def apply(self, key: str) -> str:
        """The key with every find replaced."""
        return self.pattern.sub(self.replacement, key)


def match(
    a: Side,
    b: Side,
    *,
    maps: Sequence[Replacement] = (),
    vetoed: Iterable[tuple[str, str]] = (),
    by_hand: Iterable[tuple[str, str]] = (),
    guess: bool = True,
    read: bool = True,
    control: Control | None = None,
) -> Matching:
    """Pair the tensors of two state_dicts.

    `by_hand` are pairs of keys that hold whatever the names say, `vetoed` ones that must not be made.
    Without `guess` only equal names (after `maps` and wrappers) make a pair; without `read` the contents of
    tensors are not looked at. Progress is in steps.

    Raises:
        Cancelled: `control` was cancelled.

    """
    matcher = _Matcher(a, b, frozenset(vetoed), control or Control())
    matcher.pair_by_hand(by_hand)
    steps: list[Callable[[], None]] = []
    if maps:
        steps.append(lambda: matcher.pair_by_map(maps))
    steps += [matcher.pair_by_name, matcher.pair_by_wrapper]
    if guess:
        steps.append(matcher.pair_fused)
        if read:
            steps.append(matcher.pair_by_content)
        steps += [matcher.pair_by_ending, matcher.pair_by_likeness, matcher.pair_by_order]
    for done, step in enumerate(steps):
        matcher.control.report(done, len(steps), "matching")
        step()
    matcher.control.report(len(steps), len(steps), "matching")
    return matcher.matching()


class _Patterns:
    """Keys with their numbers set aside, made as asked for: `layers.12.fc1` is `layers.#.fc#` with ("12", "1")."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._known: list[tuple[str, tuple[str, ...]] | None] = [None] * len(keys)

    def __getitem__(self, place: int) -> tuple[str, tuple[str, ...]]:
        known = self._known[place]
        if known is None:
            parts = _NUMBERS.split(self._keys[place])
            known = self._known[place] = "#".join(parts[::2]), tuple(parts[1::2])
        return known

    def of(self, places: Iterable[int]) -> set[str]:
        """The patterns at these places."""
        return {self[place][0] for place in places}


class _Matcher:
    def __init__(self, a: Side, b: Side, vetoed: frozenset[tuple[str, str]], control: Control) -> None:
        self.a, self.b, self.control = a, b, control
        self._vetoed = vetoed
        self._pairs: list[Pair] = []
        # Places that have no partner yet, in order.
        self._left_a: dict[int, None] = dict.fromkeys(range(len(a)))
        self._left_b: dict[int, None] = dict.fromkeys(range(len(b)))
        self._ambiguous_a: dict[int, tuple[int, ...]] = {}
        self._ambiguous_b: dict[int, tuple[int, ...]] = {}
        (shape_a, shapes_a), (shape_b, shapes_b) = a.shapes, b.shapes
        place = {shape: index for index, shape in enumerate(shapes_a)}
        for shape in shapes_b:
            place.setdefault(shape, len(place))
        self._shapes = tuple(place)
        # One numbering of shapes for both sides.
        self._shape_a: list[int] = shape_a.tolist()
        self._shape_b: list[int] = np.array([place[shape] for shape in shapes_b], np.int64)[shape_b].tolist()
        self._relations: dict[tuple[int, int], Relation] = {}
        # Of thousands of keys there are some dozens of patterns: what no two of them share need not be looked for.
        self._patterns_a, self._patterns_b = _Patterns(a.keys), _Patterns(b.keys)

    def matching(self) -> Matching:
        pairs = tuple(sorted(self._pairs, key=lambda pair: (pair.a, pair.b)))
        return Matching(
            self.a,
            self.b,
            pairs,
            tuple(self._left_a),
            tuple(self._left_b),
            {place: found for place, found in self._ambiguous_a.items() if place in self._left_a},
            {place: found for place, found in self._ambiguous_b.items() if place in self._left_b},
        )

    # -- steps -------------------------------------------------------------------------------

    def pair_by_hand(self, pairs: Iterable[tuple[str, str]]) -> None:
        at_a = {key: place for place, key in enumerate(self.a.keys)}
        at_b = {key: place for place, key in enumerate(self.b.keys)}
        for key_a, key_b in pairs:
            if key_a in at_a and key_b in at_b:
                self._pair(at_a[key_a], at_b[key_b], By.HAND, 1.0)

    def pair_by_map(self, maps: Sequence[Replacement]) -> None:
        def mapped(key: str) -> str:
            for rule in maps:
                key = rule.apply(key)
            return key

        changed = {place: new for place in self._sliced(self._left_a) if (new := mapped(self.a.keys[place]))}
        keep = {place: new for place, new in changed.items() if new != self.a.keys[place]}
        self._pair_unique(By.MAP, lambda _: 1.0, keep, {place: self.b.keys[place] for place in self._left_b})

    def pair_by_name(self) -> None:
        self._pair_unique(
            By.NAME,
            lambda _: 1.0,
            {place: self.a.keys[place] for place in self._left_a},
            {place: self.b.keys[place] for place in self._left_b},
        )

    def pair_by_wrapper(self) -> None:
        for wrappers, score in ((_TECHNICAL, 0.99), (WRAPPERS, 0.95)):
            left_a, left_b = self._left_sharing(lambda name, wrappers=wrappers: unwrapped(name, wrappers))  # type: ignore[misc]  # bound at once
            self._pair_unique(
                By.WRAPPER,
                lambda _, score=score: score,  # type: ignore[misc]  # bound at once
                {place: unwrapped(self.a.keys[place], wrappers) for place in self._sliced(left_a)},
                {place: unwrapped(self.b.keys[place], wrappers) for place in self._sliced(left_b)},
                note_ambiguous=True,
            )

    def pair_fused(self) -> None:
        for small, large, swapped in ((self.a, self.b, False), (self.b, self.a, True)):
            left_small, left_large = (self._left_b, self._left_a) if swapped else (self._left_a, self._left_b)
            for parts, whole in fused_parts(small, list(left_small), large, list(left_large)):
                first = 0
                for place, rows in parts:
                    pair = (whole, place) if swapped else (place, whole)
                    self._pairs.append(Pair(*pair, By.FUSED, 0.9, Relation.PART, (first, rows)))
                    first += rows
                    left_small.pop(place, None)
                left_large.pop(whole, None)

    def pair_by_content(self) -> None:
        """Tensors of one dtype and shape whose bytes are alike, once on each side."""
        kinds_a, kinds_b = (
            self._kinds(self.a, self._left_a, self._shape_a),
            self._kinds(self.b, self._left_b, self._shape_b),
        )
        common = kinds_a.keys() & kinds_b.keys()
        places_a = sorted(place for kind in common for place in kinds_a[kind])
        places_b = sorted(place for kind in common for place in kinds_b[kind])
        if len(places_a) + len(places_b) > _MOST_READ:
            return
        kind_a = {place: kind for kind in common for place in kinds_a[kind]}
        kind_b = {place: kind for kind in common for place in kinds_b[kind]}
        prints_a = fingerprints(self.a, places_a, self.control)
        prints_b = fingerprints(self.b, places_b, self.control)
        self._pair_unique(
            By.CONTENT,
            lambda _: 0.98,
            {place: (kind_a[place], digest) for place, digest in prints_a.items()},
            {place: (kind_b[place], digest) for place, digest in prints_b.items()},
        )

    def _kinds(self, side: Side, left: dict[int, None], shape: list[int]) -> dict[tuple[int, int], list[int]]:
        """Places without a partner, by dtype and shape."""
        dtypes = side.checkpoint.table.dtype[side.rows].tolist()
        kinds: dict[tuple[int, int], list[int]] = {}
        for place in self._sliced(left):
            kinds.setdefault((dtypes[place], shape[place]), []).append(place)
        return kinds

    def pair_by_ending(self) -> None:
        """The longest common ending of names, in whole segments, that is unique on both sides with its shape."""
        left_a, left_b = self._left_sharing(lambda name: name.rpartition(".")[2])
        segments_a = {place: self.a.keys[place].split(".") for place in self._sliced(left_a)}
        segments_b = {place: self.b.keys[place].split(".") for place in self._sliced(left_b)}
        deepest = max((len(s) for s in (*segments_a.values(), *segments_b.values())), default=0)
        for length in range(deepest, 0, -1):
            left_a = [place for place in left_a if place in self._left_a]
            left_b = [place for place in left_b if place in self._left_b]
            if not left_a or not left_b:
                return

            def endings(
                left: list[int], segments: dict[int, list[str]], shape: list[int], length: int = length
            ) -> dict[int, Hashable]:
                return {
                    place: (shape[place], ".".join(segments[place][-length:]))
                    for place in self._sliced(left)
                    if len(segments[place]) >= length
                }

            def score(pair: tuple[int, int], length: int = length) -> float:
                longest = max(len(segments_a[pair[0]]), len(segments_b[pair[1]]))
                # What differs before the common ending weighs less than the ending: it is often one prefix.
                return round(min(0.9, 0.4 + 0.5 * length / longest), 3)

            self._pair_unique(
                By.ENDING,
                score,
                endings(left_a, segments_a, self._shape_a),
                endings(left_b, segments_b, self._shape_b),
            )

    def pair_by_likeness(self) -> None:
        """Names alike, letter by letter, with other shapes and numbers set aside: `layers.#.fc1` and `h.#.fc_1`.

        Two patterns are a pair if each is the other's best among those that share a shape and its numbers
        with it, and then every two keys of them with equal shape and numbers are. What is left is tried
        again by the segments that tell patterns of one side apart.
        """
        for told in (list, _telling):
            self._pair_patterns(told)

    def _pair_patterns(self, told: Callable[[Sequence[str]], list[str]]) -> None:
        patterns_a = self._forms(self._left_a, self._patterns_a, self._shape_a)
        patterns_b = self._forms(self._left_b, self._patterns_b, self._shape_b)
        if not patterns_a or not patterns_b or len(patterns_a) * len(patterns_b) > _MOST_COMPARED:
            return
        from rapidfuzz import fuzz, process

        names_a, names_b = list(patterns_a), list(patterns_b)
        likeness = process.cdist(told(names_a), told(names_b), scorer=fuzz.ratio, dtype=np.float32)
        likeness /= np.float32(100)
        self.control.check()
        forms_b: dict[_Form, list[int]] = {}
        for j, name in enumerate(names_b):
            for form in patterns_b[name]:
                forms_b.setdefault(form, []).append(j)
        fits = np.zeros(likeness.shape, np.bool_)
        for i, name in enumerate(names_a):
            for form in patterns_a[name]:
                fits[i, forms_b.get(form, [])] = True
        likeness[~fits] = 0
        best_b, best_a = likeness.argmax(axis=1), likeness.argmax(axis=0)
        for i, j in enumerate(best_b.tolist()):
            score = float(likeness[i, j])
            if score < _LEAST_SCORE:
                continue
            of_a, of_b = patterns_a[names_a[i]], patterns_b[names_b[j]]
            rival = max(_second(likeness[i], j), _second(likeness[:, j], i))
            if best_a[j] == i and score - rival >= _MARGIN:
                for form in of_a.keys() & of_b.keys():
                    if len(of_a[form]) == len(of_b[form]) == 1:
                        self._pair(of_a[form][0], of_b[form][0], By.SIMILAR, round(min(0.9, score), 3))
                continue
            for k in np.flatnonzero(likeness[i] > score - _MARGIN).tolist():
                for form in of_a.keys() & patterns_b[names_b[k]].keys():
                    for place in of_a[form]:
                        known = self._ambiguous_a.get(place, ())
                        self._ambiguous_a[place] = (*known, *patterns_b[names_b[k]][form])

    def pair_by_order(self) -> None:
        """No name says anything, and both sides have the same shapes in the same order."""
        if self._pairs:
            return
        left_a, left_b = list(self._left_a), list(self._left_b)
        shapes = [self._shape_a[place] for place in left_a]
        if len(left_a) > 1 and shapes == [self._shape_b[place] for place in left_b] and len(set(shapes)) > 1:
            for place_a, place_b in zip(left_a, left_b, strict=True):
                self._pair(place_a, place_b, By.ORDER, 0.6)

    # -- how ---------------------------------------------------------------------------------

    def _pair_unique(
        self,
        by: By,
        score: Callable[[tuple[int, int]], float],
        names_a: Mapping[int, Hashable],
        names_b: Mapping[int, Hashable],
        *,
        note_ambiguous: bool = False,
    ) -> None:
        """Pair what has the same name once on each side."""
        found_b: dict[Hashable, list[int]] = {}
        for place, name in names_b.items():
            found_b.setdefault(name, []).append(place)
        found_a: dict[Hashable, list[int]] = {}
        for place, name in names_a.items():
            if name in found_b:
                found_a.setdefault(name, []).append(place)
        for count, (name, places_a) in enumerate(found_a.items()):
            if count % _AT_ONCE == 0:
                self.control.check()
            places_b = found_b[name]
            if len(places_a) == len(places_b) == 1:
                pair = (places_a[0], places_b[0])
                if (sure := score(pair)) >= _LEAST_SCORE:
                    self._pair(*pair, by, sure)
            elif note_ambiguous:
                self._ambiguous_a |= dict.fromkeys(places_a, tuple(places_b))
                self._ambiguous_b |= dict.fromkeys(places_b, tuple(places_a))

    def _left_sharing(self, part: Callable[[str], str]) -> tuple[list[int], list[int]]:
        """Places without a partner whose patterns have a part that patterns of the other side have as well.

        Two names can only have equal parts if their patterns have.
        """
        told = [
            {pattern: part(pattern) for pattern in patterns.of(self._sliced(left))}
            for patterns, left in ((self._patterns_a, self._left_a), (self._patterns_b, self._left_b))
        ]
        common = set(told[0].values()) & set(told[1].values())
        if not common:
            return [], []
        sharing = [{pattern for pattern, own in parts.items() if own in common} for parts in told]
        return (
            [place for place in self._sliced(self._left_a) if self._patterns_a[place][0] in sharing[0]],
            [place for place in self._sliced(self._left_b) if self._patterns_b[place][0] in sharing[1]],
        )

    def _forms(self, left: dict[int, None], patterns: _Patterns, shape: list[int]) -> dict[str, dict[_Form, list[int]]]:
        """For each pattern the places by shape and numbers."""
        forms: dict[str, dict[_Form, list[int]]] = {}
        for place in self._sliced(left):
            pattern, numbers = patterns[place]
            forms.setdefault(pattern, {}).setdefault((shape[place], numbers), []).append(place)
        return forms

    def _pair(self, place_a: int, place_b: int, by: By, score: float) -> None:
        if place_a not in self._left_a or place_b not in self._left_b:
            return
        if by is not By.HAND and (self.a.keys[place_a], self.b.keys[place_b]) in self._vetoed:
            return
        shapes = self._shape_a[place_a], self._shape_b[place_b]
        relation = self._relations.get(shapes)
        if relation is None:
            relation = self._relations[shapes] = relation_of(self._shapes[shapes[0]], self._shapes[shapes[1]])
        self._pairs.append(Pair(place_a, place_b, by, score, relation))
        del self._left_a[place_a], self._left_b[place_b]

    def _sliced(self, places: Iterable[int]) -> Iterable[int]:
        """The places, with a look at `control` every few thousand."""
        for count, place in enumerate(tuple(places)):
            if count % _AT_ONCE == 0:
                self.control.check()
            yield place


def _telling(patterns: Sequence[str]) -> list[str]:
    """The patterns without the segments that all of them have, which say nothing about any."""
    segments = [pattern.split(".") for pattern in patterns]
    common = set(segments[0]).intersection(*segments[1:]) if len(segments) > 1 else set()
    return [".".join(part for part in parts if part not in common) or ".".join(parts) for parts in segments]


def _second(scores: npt.NDArray[np.floating[Any]], best: int) -> float:
    """The largest score but that at `best`; 0 if it is the only one."""
    others = np.delete(scores, best)
    return float(others.max()) if len(others) else 0.0
