"""Alignment: where the letters of a fuzzy query lie in a name, and how good that looks to a person.

Letters that follow one another or begin a word, and those in the last part of the name, are what
people type; gaps and long names are what they do not mean.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

FOLLOWS = 12
BEGINS_PART = 10  # behind "." or "/", or the whole name
BEGINS_WORD = 8  # behind "_", "-", a bracket or blank, between letters and digits, or a hump: "inProj"
IN_LAST_PART = 4
_GAP = 1
_LARGEST_GAP = 8
_CHARACTERS_A_POINT = 8
# Nobody means one of many repetitions, nor a word in a name that fills a page.
_STRETCHES = 6
_LONGEST_WITH_WORDS = 1000

_BORDER = re.compile(r"(?<![^./])[^./]|(?<=[^A-Za-z0-9])[A-Za-z0-9]|(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]|(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True)
class Aligned:
    """How well a name fits, larger is better, and the indices of its matched characters."""

    score: int
    places: tuple[int, ...]


def fold(text: str) -> str:
    """The text in lower case, character by character, so that indices stay what they are."""
    if text.isascii():
        return text.lower()
    return "".join([low if len(low := char.lower()) == 1 else char for char in text])


def is_subsequence(letters: str, folded: str) -> bool:
    """Whether the letters come in this order in a folded text."""
    place = 0
    for letter in letters:
        place = folded.find(letter, place) + 1
        if not place:
            return False
    return True


def align(letters: str, name: str) -> Aligned | None:
    """The best of some likely alignments of folded letters, at least one, with a name; None if there is none."""
    folded = fold(name)
    if not is_subsequence(letters, folded):
        return None
    borders = _borders(name) if len(name) <= _LONGEST_WITH_WORDS else {}
    last_part = max(name.rfind("."), name.rfind("/")) + 1
    # Often several ways lead to the same places; of equally good ones the first counts.
    ways = dict.fromkeys(map(tuple, _likely(letters, folded, borders)))
    scores = {places: _score(places, borders, last_part) for places in ways}
    best = max(scores, key=scores.__getitem__)
    return Aligned(scores[best] - len(name) // _CHARACTERS_A_POINT, best)


# A letter more is asked of nearly the same names as the letters before it.
@functools.lru_cache(maxsize=2048)
def _borders(name: str) -> Mapping[int, int]:
    """Where words begin in a name, and what that is worth."""
    starts = [found.start() for found in _BORDER.finditer(name)]
    return {place: BEGINS_PART if place == 0 or name[place - 1] in "./" else BEGINS_WORD for place in starts}


def _likely(letters: str, folded: str, borders: Mapping[int, int]) -> Iterator[list[int]]:
    """Alignments worth a look: in one stretch, as far back as possible, as close as possible, along the words."""
    count = len(letters)
    place = -1
    for _ in range(_STRETCHES):
        place = folded.find(letters, place + 1)
        if place < 0:
            break
        yield list(range(place, place + count))
    back: list[int] = []
    place = len(folded)
    for letter in reversed(letters):
        place = folded.rfind(letter, 0, place)
        back.append(place)
    back.reverse()
    yield back
    yield _forward(letters, folded, back[0])
    yield _forward(letters, folded, folded.find(letters[0]))
    along = _along_words(letters, folded, borders)
    if along is not None:
        yield along


def _forward(letters: str, folded: str, start: int) -> list[int]:
    places = []
    for letter in letters:
        start = folded.find(letter, start) + 1
        places.append(start - 1)
    return places


def _along_words(letters: str, folded: str, borders: Mapping[int, int]) -> list[int] | None:
    """Each letter right behind the one before, else at the next beginning of a word, else anywhere."""
    places: list[int] = []
    place = 0
    for letter in letters:
        if not places or not folded.startswith(letter, place):
            beginning = next((at for at in borders if at >= place and folded[at] == letter), -1)
            place = beginning if beginning >= 0 else folded.find(letter, place)
            if place < 0:
                return None
        places.append(place)
        place += 1
    return places


def _score(places: Sequence[int], borders: Mapping[int, int], last_part: int) -> int:
    score, before = 0, -1
    for place in places:
        score += borders.get(place, 0)
        if before >= 0:
            gap = place - before - 1
            score += FOLLOWS if gap == 0 else -_GAP * min(gap, _LARGEST_GAP)
        if place >= last_part:
            score += IN_LAST_PART
        before = place
    return score
