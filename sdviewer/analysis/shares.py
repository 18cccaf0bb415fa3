"""Shares: what one thread counts into, of one of three kinds, and how they are put together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import loops as plain
from sdviewer.analysis.counts import Beside, Counts, Int64, of_table
from sdviewer.analysis.loops import Seen, UInt32
from sdviewer.analysis.meaning import Meaning
from sdviewer.analysis.moments import Moments
from sdviewer.checkpoint.decoding import Codes

# Counters of 32 bits are emptied before they could overflow.
_FULL = 1 << 31
# Where so many neighbours are equal, increments of one table would wait for each other.
_LOOKED_AT = 1 << 14
_REPEATS = 1 / 16


class SmallShare:
    """A few values, kept and sorted."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning
        self.pieces: list[Codes] = []

    def add(self, codes: Codes) -> None:
        """Count a block."""
        if self._meaning.bits > 16:
            values = self._meaning.wide_values(codes)
            codes = values.view(f"uint{values.itemsize * 8}")
        self.pieces.append(np.sort(codes))

    def counts(self, others: list[SmallShare]) -> Counts:
        """What this thread and the others counted."""
        pieces = [piece for share in (self, *others) for piece in share.pieces]
        if not pieces:
            return self._meaning.facts
        codes = pieces[0] if len(pieces) == 1 else np.sort(np.concatenate(pieces))
        first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        return self._meaning.counts_of_codes(codes[first], np.diff(np.append(first, len(codes))))


class TableShare:
    """A counter a code."""

    def __init__(self, meaning: Meaning, loops: Any) -> None:
        self._meaning, self._loops = meaning, loops
        self._is_bytes = meaning.bits <= 8
        self._table: UInt32 | None = None
        self._since = 0
        # Made where it is needed: most tensors fill no table, and new memory costs more than what is in it.
        self._total: Int64 | None = None
        self._last = np.zeros(256, np.int64)

    def add(self, codes: Codes) -> None:
        """Count a block."""
        if self._since + len(codes) > _FULL:
            self.empty()
        self._since += len(codes)
        if self._is_bytes:
            # By pairs, which takes half the increments; the parts of a pair are told apart at the end.
            if len(codes) % 2:
                self._last[codes[-1]] += 1
            # Unpacked codes may begin at an odd place.
            codes = np.require(codes[: len(codes) // 2 * 2].view(np.uint16), requirements="A")
        if self._table is None:
            much = repeats_much(codes)
            self._table = np.zeros(plain.SPREAD * plain.PADDED if much else plain.HALVES, np.uint32)
        self._loops.count_halves(codes, self._table)

    def empty(self) -> None:
        """Put what was counted since into counters of 64 bits."""
        self._total, self._since = _emptied(self._total, self._table), 0

    def counts(self, others: list[TableShare]) -> Counts:
        """What this thread and the others counted."""
        tables = [table for share in (self, *others) if (table := _all_of(share._total, share._table)) is not None]  # noqa: SLF001  # of the same kind
        if self._is_bytes:
            pairs = sum((table.reshape(256, 256).astype(np.int64) for table in tables), np.zeros((256, 256), np.int64))
            last = sum((share._last for share in others), self._last)  # noqa: SLF001  # of the same kind
            tables = [pairs.sum(axis=0) + pairs.sum(axis=1) + last]
        codes, times = used_places(tables)
        return self._meaning.counts_of_codes(codes.astype(np.uint32), times)


def _all_of(total: Int64 | None, table: UInt32 | None) -> npt.NDArray[Any] | None:
    """What such counters hold, those of several padded tables as one; the table itself where that is all."""
    counts: npt.NDArray[Any] | None = table
    if table is not None and len(table) == plain.SPREAD * plain.PADDED:
        counts = table.reshape(plain.SPREAD, -1)[:, : plain.HALVES].sum(axis=0, dtype=np.int64)
    if total is None:
        return counts
    return total if counts is None else total + counts.astype(np.int64)


def _emptied(total: Int64 | None, table: UInt32 | None) -> Int64 | None:
    """Counters of 64 bits with what a table holds, which is cleared."""
    counts = _all_of(total, table)
    if counts is None or table is None:
        return total
    counts = counts.astype(np.int64)
    table[:] = 0
    return counts


def used_places(tables: list[npt.NDArray[Any]]) -> tuple[Int64, Int64]:
    """Where the counters of all tables together are not 0, and what they are."""
    if not tables:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first, *others = tables
    total = first
    for other in others:
        total = np.add(total, other, dtype=np.int64)
    places = np.flatnonzero(total != 0)
    return places, total[places].astype(np.int64, copy=False)


class WideShare:
    """Few different values one by one; else buckets, and what is summed beside them."""

    def __init__(self, meaning: Meaning, loops: Any) -> None:
        self._meaning, self._loops = meaning, loops
        self._facts = meaning.facts
        self._narrow = self._facts.carrier == "float32"
        self._keys, self._times = np.zeros(plain.FEW_SLOTS, np.uint64), np.zeros(plain.FEW_SLOTS, np.int64)
        self._table: UInt32 | None = None
        self._total: Int64 | None = None
        self._since = 0
        self._sums, self._seen = plain.new_sums(), plain.new_seen()
        self._integers: list[int] = []
        self._saturated = 0

    def add(self, codes: Codes) -> None:
        """Count a block."""
        values = self._meaning.wide_values(codes)
        bits = values.view(f"uint{values.itemsize * 8}")
        if self._table is None:
            done = self._loops.count_few(bits, self._keys, self._times)
            if done == len(bits):
                return
            if int(self._times.sum()) == done:
                # All of it in this block: counted again with the rest of it, there is nothing to put together.
                self._times[:] = 0
                done = 0
            values, bits = values[done:], bits[done:]
            much = self._narrow and repeats_much(bits)
            size = plain.SPREAD * plain.PADDED if much else plain.HALVES if self._narrow else plain.WIDE64
            self._table = np.zeros(size, np.uint32)
        if self._since + len(bits) > _FULL:
            self.empty()
        self._since += len(bits)
        if self._narrow:
            self._loops.count_wide32(bits, self._table, self._sums, self._seen)
            return
        if values.dtype.kind != "f":
            self._see_integers(values)
        largest = self._facts.limits.largest if values.dtype.kind == "f" else math.inf
        self._loops.count_wide64(values.astype(np.float64, copy=False), self._table, self._sums, self._seen, largest)

    def _see_integers(self, values: npt.NDArray[Any]) -> None:
        least, most, limits = int(values.min()), int(values.max()), np.iinfo(values.dtype)
        self._integers = [min([least, *self._integers]), max([most, *self._integers])]
        if most == limits.max:
            self._saturated += int(np.count_nonzero(values == most))
        if least == limits.min < 0:
            self._saturated += int(np.count_nonzero(values == least))

    def empty(self) -> None:
        """Put what was counted since into counters of 64 bits."""
        self._total, self._since = _emptied(self._total, self._table), 0

    def counts(self, others: list[WideShare]) -> Counts:
        """What this thread and the others counted."""
        found = self.own_counts()
        for share in others:
            found = found.merged_with(share.own_counts())
        return found

    def own_counts(self) -> Counts:
        """What this thread counted."""
        used = np.flatnonzero(self._times)
        keys: Codes = self._keys[used].astype(np.uint32 if np.dtype(self._facts.carrier).itemsize == 4 else np.uint64)
        found = self._meaning.counts_of_codes(keys, self._times[used])
        table = _all_of(self._total, self._table)
        if table is None:
            return found
        seen, moments = self._seen, plain.moments_from(self._sums)
        facts = replace(
            self._facts,
            nan=int(seen[Seen.NAN]),
            posinf=int(seen[Seen.POSINF]),
            neginf=int(seen[Seen.NEGINF]),
            negative_zeros=int(seen[Seen.NEGATIVE_ZEROS]),
        )
        if self._integers:
            facts = replace(facts, integers=(self._integers[0], self._integers[1]), saturated=self._saturated)
        if not moments.n:
            return found.merged_with(facts)
        return found.merged_with(of_table(facts, table, int(seen[Seen.ZEROS]), self._beside(moments)))

    def _beside(self, moments: Moments) -> Beside:
        seen, width = self._seen, 32 if self._narrow else 64
        mask = (1 << width - 1) - 1
        least, most = (_value_of(int(seen[place]), width) for place in (Seen.MIN, Seen.MAX))
        smallest = int(seen[Seen.SMALLEST]) + 1
        return Beside(
            moments,
            least,
            most,
            _value_of(smallest, width) if smallest <= mask else 0.0,
            low_bits=bool(int(seen[Seen.BITS]) & ((1 << (16 if self._narrow else 45)) - 1)),
            fits_half=not seen[Seen.NOT_HALF],
            saturated=self._saturated or int(seen[Seen.SATURATED]),
        )


def repeats_much(codes: Codes) -> bool:
    """Whether neighbours are often equal, told by a look at the first of them."""
    looked_at = codes[:_LOOKED_AT]
    firsts = looked_at >> codes.dtype.type(max(codes.itemsize * 8 - 16, 0))
    return bool(np.count_nonzero(firsts[1:] == firsts[:-1]) > len(firsts) * _REPEATS)


def _value_of(key: int, width: int) -> float:
    """The floating-point number of an ordered integer."""
    magnitude = ~key if key < 0 else key
    value = float(np.array(magnitude, f"int{width}").view(f"float{width}"))
    return -value if key < 0 else value
