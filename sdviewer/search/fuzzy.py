"""The fuzzy finder: names that have the typed letters in this order, the best first.

All names are narrowed down with numpy, one letter at a time and on from where the query before
ended; the most promising of what is left are aligned one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.search.alignment import BEGINS_WORD, FOLLOWS, align, fold, is_subsequence
from sdviewer.search.query import Word
from sdviewer.search.texts import Texts

Int64 = npt.NDArray[np.int64]

MOST_HITS = 200
LONGEST = 200
_ALIGNED = 500
_ALIGNED_AT_ONCE = 64
_COMPARED_AT_ONCE = 2048
_IN_ONE_STRETCH = 100
_LONGEST_WEIGHED = 1 << 9
_BORDER_POINTS = np.array([BEGINS_WORD * (chr(code) in "./_-[]() ") for code in range(256)], np.int32)


@dataclass(frozen=True, slots=True)
class Hit:
    """One name: its row, and the indices of the characters that were typed."""

    row: int
    name: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """The best names, and how many fit at all."""

    hits: tuple[Hit, ...]
    total: int


@dataclass(frozen=True, eq=False, slots=True)
class _Narrowed:
    """The rows that have the letters in order, where the last one ends (taken as early as possible), a rough score."""

    letters: str
    rows: Int64
    reached: Int64
    score: npt.NDArray[np.int32]


class FuzzyFinder:
    """Finds among texts. It remembers the latest query, so that the next letter costs one letter."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._latest: _Narrowed | None = None

    def find(self, query: str, control: Control | None = None) -> Hits:
        """The best names for a query; blanks and case in it say nothing. Without letters the first names.

        Raises:
            Cancelled: `control` was cancelled.

        """
        control = control or Control()
        letters = fold("".join(query.split()))[:LONGEST]
        texts = self._texts
        if not letters:
            return Hits(tuple(Hit(row, texts[row], ()) for row in range(min(len(texts), MOST_HITS))), len(texts))
        plain = "".join([letter for letter in letters if letter.isascii()])
        narrowed = self._narrow(plain, control)
        rows, score = narrowed.rows, narrowed.score
        if plain != letters:
            # Only texts with such characters can fit; they are looked at one by one.
            foreign = np.isin(rows, texts.foreign)
            rows, score = rows[foreign], score[foreign]
            kept = np.zeros(len(rows), np.bool_)
            for first in range(0, len(rows), _COMPARED_AT_ONCE):
                control.check()
                some = rows[first : first + _COMPARED_AT_ONCE].tolist()
                kept[first : first + len(some)] = [is_subsequence(letters, fold(texts[row])) for row in some]
            rows, score = rows[kept], score[kept]
        promising = self._most_promising(letters, rows, score, control) if len(rows) > _ALIGNED else rows
        return Hits(self._best(letters, promising, control), len(rows))

    def _narrow(self, letters: str, control: Control) -> _Narrowed:
        latest = self._latest
        if latest is None or not letters.startswith(latest.letters):
            every = np.arange(len(self._texts))
            latest = _Narrowed("", every, self._texts.starts, np.zeros(len(every), np.int32))
        for letter in letters[len(latest.letters) :]:
            latest = self._with_letter(latest, letter, control)
        self._latest = latest
        return latest

    def _with_letter(self, before: _Narrowed, letter: str, control: Control) -> _Narrowed:
        texts, data = self._texts, self._texts.block.lowered
        none = np.zeros(0, np.int64)
        parts = [_Narrowed("", none, none, none.astype(np.int32))]
        for block in texts.blocks(control):
            some = slice(*np.searchsorted(before.rows, (block.start, block.stop)).tolist())
            left, start = before.rows[some], before.reached[some]
            if not len(left):
                continue
            origin = int(start[0])
            at = np.flatnonzero(data[origin : int(texts.ends[left[-1]])] == ord(letter)) + origin
            place = np.append(at, len(data))[np.searchsorted(at, start)]
            points = before.score[some]
            fits = place < texts.ends[left]
            if not fits.all():
                left, start, place, points = left[fits], start[fits], place[fits], points[fits]
            # Whether a letter begins the whole name is seen when it is aligned.
            points = points + _BORDER_POINTS[data[place - 1]]
            if before.letters:
                points += (place == start) * np.int32(FOLLOWS)
            parts.append(_Narrowed("", left, place + 1, points))
        return _Narrowed(
            before.letters + letter,
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.reached for part in parts]),
            np.concatenate([part.score for part in parts]),
        )

    def _most_promising(self, letters: str, rows: Int64, score: npt.NDArray[np.int32], control: Control) -> Int64:
        """The rows to be aligned: those with all letters in one stretch first, then by the rough score, then short."""
        texts = self._texts
        stretch = texts.with_word(Word(letters, case=False), control)[rows]
        length = np.minimum(texts.ends[rows] - texts.starts[rows], _LONGEST_WEIGHED - 1)
        weight = (score.astype(np.int64) + stretch * _IN_ONE_STRETCH) * _LONGEST_WEIGHED - length
        # Of equals the first in the file: no two have the same weight.
        weight = weight * len(texts) - rows
        return rows[np.argpartition(-weight, _ALIGNED)[:_ALIGNED]]

    def _best(self, letters: str, rows: Int64, control: Control) -> tuple[Hit, ...]:
        found: list[tuple[int, int, int, Hit]] = []
        for number, row in enumerate(np.sort(rows).tolist()):
            if number % _ALIGNED_AT_ONCE == 0:
                control.check()
            name = self._texts[row]
            aligned = align(letters, name)
            if aligned is not None:
                found.append((-aligned.score, len(name), row, Hit(row, name, aligned.places)))
        return tuple(hit for *_, hit in sorted(found, key=lambda item: item[:3])[:MOST_HITS])
