"""Pieces of a glob between its stars, as sets of bytes, one a character, for texts of plain ASCII."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch without stars: for each of its characters which of the 256 bytes fit, shape `(len(self), 256)`."""

    sets: Mask

    def __len__(self) -> int:
        return len(self.sets)

    def filter(self, data: UInt8, places: Int64, rows: Int64) -> Int64:
        """Of `rows`, those where the piece stands at `places[row]`; it must lie inside `data`."""
        for position, fitting in enumerate(self.sets):
            rows = rows[fitting[data[places[rows] + position]]]
        return rows

    def occurrences(self, data: UInt8) -> Int64:
        """Where the piece begins in `data`, in order."""
        room = len(data) - len(self) + 1
        if room <= 0 or not len(self):
            return np.arange(max(room, 0), dtype=np.int64)
        # The choosiest character first: most places drop out at once.
        order = np.argsort(self.sets.sum(axis=1), kind="stable").tolist()
        at = np.flatnonzero(_where(data[order[0] : room + order[0]], self.sets[order[0]]))
        for position in order[1:]:
            at = at[self.sets[position][data[at + position]]]
        return at


def _where(data: UInt8, fitting: Mask) -> Mask:
    members = np.flatnonzero(fitting)
    # One comparison is much quicker than looking every byte up.
    return data == members[0] if len(members) == 1 else fitting[data]


def split_glob(text: str) -> tuple[Piece, ...]:
    """The pieces before, between and behind the stars; without a star there is one."""
    pieces: list[list[Mask]] = [[]]
    for sign in _signs(text):
        if sign == "*":
            pieces.append([])
        else:
            pieces[-1].append(_bytes_for(sign))
    inner = [piece for piece in pieces[1:-1] if piece]
    kept = pieces if len(pieces) == 1 else [pieces[0], *inner, pieces[-1]]
    return tuple(Piece(np.array(piece, np.bool_).reshape(-1, 256)) for piece in kept)


def _signs(text: str) -> Iterator[str]:
    """The parts of a glob that stand for a character each, and its stars."""
    place = 0
    while place < len(text):
        if text[place] == "[":
            # As in fnmatch: a "]" at the beginning is a member, a "[" that is never closed is itself.
            inner = place + 1 + (text[place + 1 : place + 2] == "!")
            close = text.find("]", inner + 1)
            if close >= 0:
                yield text[place : close + 1]
                place = close + 1
                continue
        yield text[place]
        place += 1


def _bytes_for(sign: str) -> Mask:
    fits = np.zeros(256, np.bool_)
    if len(sign) == 1 and sign != "?":
        if ord(sign) < 128:
            fits[ord(sign)] = True
        return fits
    pattern = re.compile(fnmatch.translate(sign))
    fits[:128] = [pattern.match(chr(code)) is not None for code in range(128)]
    return fits
