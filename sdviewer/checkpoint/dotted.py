"""Dotted keys: the modules that the keys of one container name, found level by level over whole columns.

A million keys have some five million segments between dots. Each key is compared with the one before it,
eight bytes at a time, and only the segments that differ are looked at: neighbours share most of their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

# Honest names have a dozen levels. A level costs some calls whatever it holds, and one hostile name has
# a million of them.
LEVELS = 64
# Texts up to this long are told apart by two words, one of which ends with the length.
_SHORT = 15
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class DottedModules:
    """The modules that some keys name; parents stand before their modules.

    Attributes:
        parent: of each module, -1 for the container itself.
        first: of each module, the first key that lies in it.
        segment: of each module, the index of the last part of its name in `segments`.
        segments: the different last parts.
        module: of each key, the module that it lies in; for one of more than `LEVELS` levels the module
            that far down.
        rest: of each key, where in the text the segments begin that are deeper than that, -1 for none.

    """

    parent: Int64
    first: Int64
    segment: Int64
    segments: list[str]
    module: Int64
    rest: Int64


class KeyText:
    """A block of UTF-8 with what is needed to look at many pieces of it at once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        # Eight bytes at any position, as one little-endian number: the strides overlap.
        padded = data + bytes(2 * _SHORT)
        self.words: UInt64 = np.ndarray((len(data) + _SHORT,), np.dtype("<u8"), padded, 0, (1,))

    @cached_property
    def dots(self) -> Int64:
        """Where the dots are."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == ord("."))

    def text(self, start: int, end: int) -> str:
        """A piece as a Python string."""
        return self.data[start:end].decode("utf-8", "surrogatepass")

    def distinct(self, start: Int64, end: Int64) -> tuple[Int64, list[str]]:
        """Numbers of the pieces `start[i] … end[i] - 1`, equal for equal ones, and the text of each number."""
        if not len(start):
            return np.zeros(0, np.int64), []
        length = end - start
        low = self.words[start] & _MASKS[np.minimum(length, 8)]
        high = self.words[start + np.minimum(length, 8)] & _MASKS[np.clip(length - 8, 0, 7)]
        high |= np.minimum(length, _SHORT + 1).astype(np.uint64) << np.uint64(56)
        long = np.flatnonzero(length > _SHORT)
        if len(long):
            ids: dict[bytes, int] = {}
            data = self.data
            pieces = zip(start[long].tolist(), end[long].tolist(), strict=True)
            low[long] = [ids.setdefault(data[a:b], len(ids)) for a, b in pieces]
            high[long] = np.uint64(_SHORT + 1) << np.uint64(56)
        # Neighbours are often equal: a module has its weight where the one before has it.
        change = np.flatnonzero(np.concatenate(([True], (low[1:] != low[:-1]) | (high[1:] != high[:-1]))))
        low, high = low[change], high[change]
        first, number = distinct_values(low * _MIX + high)
        if (low != low[first][number]).any() or (high != high[first][number]).any():
            # Two words that the mixture does not tell apart: chance, or a hostile file.
            _, number_low = distinct_values(low)
            tops, number_high = distinct_values(high)
            first, number = distinct_values(number_low * len(tops) + number_high)
        chosen = change[first]
        data, pieces = self.data, zip(start[chosen].tolist(), end[chosen].tolist(), strict=True)
        texts = [str(data[a:b], "utf-8", "surrogatepass") for a, b in pieces]
        return np.repeat(number, np.diff(np.append(change, len(start)))), texts

    def hashes(self, start: Int64, end: Int64) -> UInt64:
        """A number of each piece: equal for equal ones, and hardly ever for others."""
        length = end - start
        result = length.astype(np.uint64)
        rows = np.flatnonzero(length > 0)
        step = 0
        while len(rows):
            left = length[rows] - step
            word = self.words[start[rows] + step] & _MASKS[np.minimum(left, 8)]
            mixed = (result[rows] ^ word) * _MIX
            result[rows] = mixed ^ (mixed >> np.uint64(32))
            rows = rows[left > 8]
            step += 8
        return result

    def shared(self, start: Int64, size: Int64) -> Int64:
        """Of each piece, of `size` bytes from `start`, how many bytes at its front are those of the piece before."""
        common = np.zeros(len(start), np.int64)
        most = np.minimum(size[1:], size[:-1])
        pairs = np.flatnonzero(most > 0)
        step = 0
        while len(pairs):
            differ = self.words[start[pairs + 1] + step] ^ self.words[start[pairs] + step]
            equal = differ == 0
            # The lowest bit that differs tells how many bytes before it are equal.
            bits = np.bitwise_count((differ & (~differ + np.uint64(1))) - np.uint64(1)).astype(np.int64)
            common[pairs + 1] = np.minimum(step + np.where(equal, 8, bits >> 3), most[pairs])
            step += 8
            pairs = pairs[equal]
            pairs = pairs[most[pairs] > step]
        return common


def distinct_values(values: npt.NDArray[Any]) -> tuple[Int64, Int64]:
    """Where each different value stands first, in this order, and for all values which of those they are."""
    if (values[1:] > values[:-1]).all():
        return np.arange(len(values)), np.arange(len(values))
    order = np.argsort(values)
    ordered = values[order]
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    first = np.minimum.reduceat(order, begins)
    by_first = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[by_first] = np.arange(len(first))
    number = np.empty(len(values), np.int64)
    number[order] = np.repeat(rank, np.diff(np.append(begins, len(values))))
    return first[by_first], number


_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


def modules_of_keys(text: KeyText, start: Int64, last_dot: Int64) -> DottedModules:
    """The modules of keys that begin at `start` and have their last dot at `last_dot`, in the order given."""
    dots, count = text.dots, len(start)
    first_dot = np.searchsorted(dots, start)
    levels = np.searchsorted(dots, last_dot) - first_dot + 1
    common = text.shared(start, last_dot - start + 1)
    # Segments that a key shares with the one before: those whose dot lies within what both have in common.
    same = np.minimum(np.searchsorted(dots, start + common) - first_dot, levels)
    new = np.minimum(levels, LEVELS) - np.minimum(same, LEVELS)
    # All new segments, key after key.
    key = np.repeat(np.arange(count), new)
    level = np.arange(len(key)) - np.repeat(np.cumsum(new) - new, new) + np.repeat(same, new)
    dot = first_dot[key] + level
    begin = np.where(level == 0, start[key], dots[np.maximum(dot - 1, 0)] + 1)
    segment, segments = text.distinct(begin, dots[dot])
    by_level = np.argsort(level, kind="stable")
    bounds = np.searchsorted(level[by_level], np.arange(LEVELS + 1))

    parents: list[Int64] = []
    firsts: list[Int64] = []
    names: list[Int64] = []
    made = 0
    module = np.full(count, -1, np.int64)
    active = np.arange(count)
    current = np.full(count, -1, np.int64)
    place = np.zeros(count, np.int64)
    for depth in range(min(int(levels.max(initial=0)), LEVELS)):
        # Only keys with a segment here go on; what is shared with the key before is shared with one that does.
        stay = levels[active] > depth
        active, current = active[stay], current[stay]
        chosen = by_level[bounds[depth] : bounds[depth + 1]]
        place[active] = np.arange(len(active))
        at = place[key[chosen]]
        pair = (current[at] + 1) * len(segments) + segment[chosen]
        example, number = distinct_values(pair)
        parents.append(current[at[example]])
        firsts.append(active[at[example]])
        names.append(segment[chosen[example]])
        latest = np.zeros(len(active), np.int64)
        latest[at] = at
        found = np.zeros(len(active), np.int64)
        found[at] = made + number
        current = found[np.maximum.accumulate(latest)]
        made += len(example)
        done = (levels[active] == depth + 1) | (depth + 1 == LEVELS)
        module[active[done]] = current[done]
    deeper = levels > LEVELS
    rest = np.full(count, -1, np.int64)
    rest[deeper] = dots[first_dot[deeper] + LEVELS - 1] + 1
    empty = np.zeros(0, np.int64)
    return DottedModules(
        np.concatenate([empty, *parents]),
        np.concatenate([empty, *firsts]),
        np.concatenate([empty, *names]),
        segments,
        module,
        rest,
    )
