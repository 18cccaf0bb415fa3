"""Flat partitions: a long vector that ranks share, each holding one stretch of it, and what lies where in it.

ZeRO 1 and 2 join the parameters of a group into one vector, pad it to a multiple of twice the ranks (of the ranks in
older versions) and give each rank an equal stretch; on saving, the padding at the end may be left out. ZeRO 3 divides
each parameter by itself, and every rank joins its parts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from sdviewer.checkpoint.dtypes import Dtype


@dataclass(frozen=True, slots=True)
class Piece:
    """Values that lie side by side: `count` from byte `offset` of `source` on.

    Attributes:
        file: the name of the file, for messages.
        source: index of a source, -1 where they cannot be had.
        dtype: None where nothing is known.

    """

    file: str
    source: int
    offset: int
    count: int
    dtype: Dtype | None = None

    def part(self, start: int, count: int) -> Piece:
        """`count` of the values, from `start` on."""
        width = self.dtype.bits // 8 if self.dtype else 0
        return replace(self, offset=self.offset + start * width, count=count)


@dataclass(frozen=True)
class Run:
    """Pieces one behind the other, as one vector."""

    pieces: tuple[Piece, ...]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(piece.count for piece in self.pieces))

    @property
    def count(self) -> int:
        """How many values it has."""
        return self._ends[-1] if self._ends else 0

    def cut(self, start: int, count: int) -> list[Piece]:
        """Where values `start … start + count` lie; fewer than that where the vector ends before."""
        found: list[Piece] = []
        index = bisect_right(self._ends, start)
        while count > 0 and index < len(self.pieces):
            piece = self.pieces[index]
            inside = start - (self._ends[index] - piece.count)
            taken = min(piece.count - inside, count)
            found.append(piece.part(inside, taken))
            start, count, index = start + taken, count - taken, index + 1
        return found


@dataclass(frozen=True, slots=True)
class Misfit:
    """A rank whose stretch has not the length that it should have."""

    rank: int
    found: int
    expected: int


def joined(stretches: Sequence[Piece | None], needed: int, files: Sequence[str]) -> tuple[Run, list[Misfit]]:
    """The vector of `needed` values and its padding from the stretches of all ranks, None for one that is lost.

    `files` are the names of their files.

    A stretch that is too short leaves a hole, so that what lies behind it stays in place; one that is too long is
    cut off.
    """
    ranks = len(stretches)
    full = _full(stretches, needed)
    pieces: list[Piece] = []
    misfits = []
    for rank, stretch in enumerate(stretches):
        if stretch is None:
            pieces.append(Piece(files[rank], -1, 0, full))
            continue
        least = max(0, min(full, needed - rank * full))
        if not least <= stretch.count <= full:
            misfits.append(Misfit(rank, stretch.count, least if stretch.count < least else full))
        pieces.append(stretch.part(0, min(stretch.count, full)))
        if stretch.count < full and rank < ranks - 1:
            pieces.append(Piece(stretch.file, -1, 0, full - stretch.count))
    return Run(tuple(pieces)), misfits


def _full(stretches: Sequence[Piece | None], needed: int) -> int:
    """The length of a stretch that lies wholly before the end."""
    ranks = len(stretches)
    found = Counter(stretch.count for stretch in stretches if stretch is not None)
    if ranks > 1 and len(found) == 1 and found.total() == ranks:
        # Whether they are right or not, they lie one behind the other.
        return next(iter(found))
    expected = [-(-needed // (ranks * align)) * align for align in (2, 1)]
    fitting = [length for length in expected if length in found]
    if fitting or not found:
        return max(fitting, key=lambda length: found[length]) if fitting else expected[0]
    # Another padding than is known: what most ranks have, if the parameters fit into that.
    usual = max(found, key=lambda length: (found[length], length))
    return usual if needed <= usual * ranks <= needed + 64 * ranks * ranks else expected[0]


def divided(runs: Sequence[Run | None], start: int, count: int, files: Sequence[str]) -> list[Piece]:
    """Where the values of a parameter lie that each rank holds a part of, from `start` in its own vector on."""
    share = -(-count // len(runs))
    found: list[Piece] = []
    for rank, run in enumerate(runs):
        wanted = min(share, count - rank * share)
        if wanted <= 0:
            break
        pieces = [] if run is None else run.cut(start, wanted)
        lacking = wanted - sum(piece.count for piece in pieces)
        found += pieces
        if lacking and found and found[-1].source < 0:
            # A thousand lost ranks are one hole in each parameter.
            found[-1] = replace(found[-1], count=found[-1].count + lacking)
        elif lacking:
            found.append(Piece(files[rank], -1, 0, lacking))
    return found
