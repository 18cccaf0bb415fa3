"""Texts: many texts that lie in one block of UTF-8, searched with numpy, a block of a megabyte at a time.

Plain ASCII, which is nearly every name there is, is compared as bytes: `numpy` gives other threads
their turn meanwhile. Texts with other characters are few; they are compared one by one in Python,
where case and characters are what they are.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control
from sdviewer.search.glob_pieces import Piece, split_glob
from sdviewer.search.query import Glob, Word

Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_BLOCK_BYTES = 1 << 20
_BLOCK_ROWS = 1 << 15
# Texts that Python handles at a time, between two looks at whether the work is still wanted.
_SLICE = 2048
_COMPARED_AT_ONCE = 4


class ByteBlock:
    """The bytes behind texts, as they are and with ASCII letters lowered (made once, on first need)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.raw: UInt8 = np.frombuffer(data, np.uint8)

    @cached_property
    def lowered(self) -> UInt8:
        """Upper-case ASCII letters as lower-case ones, all else as it is."""
        result = np.empty_like(self.raw)
        for first in range(0, len(result), _BLOCK_BYTES):
            part = self.raw[first : first + _BLOCK_BYTES]
            upper = (part - np.uint8(ord("A"))) < 26  # what is smaller than "A" wraps round and is large
            np.bitwise_or(part, upper.astype(np.uint8) << 5, out=result[first : first + _BLOCK_BYTES])
        return result

    @cached_property
    def is_ascii(self) -> bool:
        """Whether no byte has its highest bit set."""
        return self.data.isascii()


@dataclass(frozen=True, eq=False)
class Texts:
    """`n` texts: text `i` is `block.data[starts[i]:ends[i]]`; they follow one another and do not overlap."""

    block: ByteBlock
    starts: Int64
    ends: Int64

    @staticmethod
    def of(column: StringColumn, count: int) -> Texts:
        """The first `count` strings of a column."""
        return Texts(ByteBlock(column.data), column.offsets[:count], column.offsets[1 : count + 1])

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> str:
        return self.block.data[self.starts[row] : self.ends[row]].decode("utf-8", "surrogatepass")

    @cached_property
    def foreign(self) -> Int64:
        """The rows that are not plain ASCII."""
        if self.block.is_ascii:
            return np.zeros(0, np.int64)
        others = np.flatnonzero(self.block.raw >= 128)
        after = np.searchsorted(others, self.ends)
        return np.flatnonzero(after > np.searchsorted(others, self.starts))

    @cached_property
    def _foreign_folded(self) -> list[str]:
        return [self[row].casefold() for row in self.foreign.tolist()]

    def blocks(self, control: Control) -> Iterator[slice]:
        """Stretches of rows of about a megabyte, in order; looks between them whether to go on."""
        first = 0
        while first < len(self):
            control.check()
            reached = int(np.searchsorted(self.ends, self.starts[first] + _BLOCK_BYTES))
            last = min(max(reached, first + 1), first + _BLOCK_ROWS, len(self))
            yield slice(first, last)
            first = last

    def with_word(self, word: Word, control: Control) -> Mask:
        """Which texts have the word in them."""
        result = np.zeros(len(self), np.bool_)
        needle = np.frombuffer(word.text.encode("utf-8", "surrogatepass"), np.uint8)
        # Folded, a text that is no ASCII may have a word in it that is, so it is never looked at by its bytes.
        if word.case or word.text.isascii():
            data = self.block.raw if word.case else self.block.lowered
            for rows in self.blocks(control):
                self._mark(data, needle, rows, result)
        if not word.case and len(self.foreign):
            result[self.foreign] = [word.text in text for text in _slowly(self._foreign_folded, control)]
        return result

    def _mark(self, data: UInt8, needle: UInt8, rows: slice, result: Mask) -> None:
        starts, ends = self.starts[rows], self.ends[rows]
        origin = int(starts[0])
        at = occurrences(data[origin : int(ends[-1])], needle) + origin
        if not len(at):
            return
        # Bytes of two neighbours may spell the word together, and between texts may lie what is none.
        if len(at) < len(starts):
            row = np.searchsorted(ends, at, "right")
            result[rows.start + row[(at >= starts[row]) & (at + len(needle) <= ends[row])]] = True
        else:
            found = np.searchsorted(at, starts)
            at = np.append(at, ends[-1])  # for those behind the last one, which it is too late for
            result[rows] = at[found] + len(needle) <= ends

    def with_glob(self, glob: Glob, control: Control) -> Mask:
        """Which texts the glob fits as a whole."""
        result = np.zeros(len(self), np.bool_)
        pieces = split_glob(glob.text)
        data = self.block.raw if glob.case else self.block.lowered
        for rows in self.blocks(control):
            result[rows.start + _fitting(data, self.starts[rows], self.ends[rows], pieces)] = True
        if len(self.foreign):
            fits = re.compile(fnmatch.translate(glob.text)).match
            texts = [self[row] for row in self.foreign.tolist()] if glob.case else self._foreign_folded
            result[self.foreign] = [fits(text) is not None for text in _slowly(texts, control)]
        return result

    def equal_to(self, names: Sequence[str], control: Control) -> Mask:
        """Which texts are one of these, case and all."""
        result = np.zeros(len(self), np.bool_)
        wanted = {name.encode("utf-8", "surrogatepass") for name in names}
        lengths = np.fromiter({len(name) for name in wanted}, np.int64)
        rows = np.flatnonzero(np.isin(self.ends - self.starts, lengths))
        for first in range(0, len(rows), _SLICE):
            control.check()
            some = rows[first : first + _SLICE]
            places = zip(self.starts[some].tolist(), self.ends[some].tolist(), strict=True)
            result[some] = [self.block.data[start:end] in wanted for start, end in places]
        return result

    def joined(self, rows: slice) -> tuple[bytes, Int64]:
        """The texts of a stretch of rows behind one another, and their offsets, one more than there are texts."""
        starts, ends = self.starts[rows], self.ends[rows]
        if not np.array_equal(starts[1:], ends[:-1]):
            taken = self.gathered(np.arange(*rows.indices(len(self))))
            return taken.joined(slice(None))
        offsets = np.concatenate((starts, ends[-1:]))
        first, last = (int(offsets[0]), int(offsets[-1])) if len(offsets) else (0, 0)
        return self.block.data[first:last], offsets - first

    def gathered(self, rows: Int64) -> Texts:
        """The texts of some rows, in a block of their own."""
        if len(rows) < 2:
            column = StringColumn.of([self[row] for row in rows.tolist()])
        else:
            # Starts and ends in turn are the offsets of a column whose every second string is one of these.
            places = np.stack((self.starts[rows], self.ends[rows]), axis=1).ravel()
            column = StringColumn(self.block.data, places).take(np.arange(0, 2 * len(rows), 2))
        return Texts.of(column, len(rows))


def occurrences(data: UInt8, needle: UInt8) -> Int64:
    """Where the bytes of `needle`, at least one, begin in `data`."""
    room = len(data) - len(needle) + 1
    if room <= 0:
        return np.zeros(0, np.int64)
    equal = data[:room] == needle[0]
    compared = min(len(needle), _COMPARED_AT_ONCE)
    for position in range(1, compared):
        equal &= data[position : room + position] == needle[position]
    at = np.flatnonzero(equal)
    for position in range(compared, len(needle)):
        at = at[data[at + position] == needle[position]]
    return at


def _fitting(data: UInt8, starts: Int64, ends: Int64, pieces: Sequence[Piece]) -> Int64:
    """The rows of one block that a glob fits: its first and last piece stand at the ends, the others anywhere between.

    Each piece between is taken where it comes first: what is left for the others is then the most.
    """
    first, *middle, last = pieces if len(pieces) > 1 else (pieces[0], pieces[0])
    rows = np.flatnonzero(ends - starts == len(first) if len(pieces) == 1 else ends - starts >= len(first) + len(last))
    rows = first.filter(data, starts, rows)
    if len(pieces) == 1:
        return rows
    rows = last.filter(data, ends - len(last), rows)
    reached, limit = starts[rows] + len(first), ends[rows] - len(last)
    for piece in middle:
        if not len(rows):
            break
        origin = int(reached[0])
        at = piece.occurrences(data[origin : int(ends[rows[-1]])]) + origin
        found = np.searchsorted(at, reached)
        there = found < len(at)
        rows, limit, found = rows[there], limit[there], found[there]
        reached = at[found] + len(piece)
        fits = reached <= limit
        rows, limit, reached = rows[fits], limit[fits], reached[fits]
    return rows


def _slowly(texts: list[str], control: Control) -> Iterator[str]:
    for first in range(0, len(texts), _SLICE):
        control.check()
        yield from texts[first : first + _SLICE]
