"""StringColumn: many strings as one block of UTF-8 with offsets.

A million Python strings cost a hundred megabytes, seconds to send between processes and
garbage collections that stall a window; one block of bytes costs none of these.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_TAKEN_AT_ONCE = 1 << 14


@dataclass(frozen=True, eq=False)
class StringColumn:
    """`n` strings: string `i` is `data[offsets[i]:offsets[i + 1]]`, UTF-8 with surrogates passed.

    `offsets` is int64 of shape `(n + 1,)` and begins with 0.
    """

    data: bytes
    offsets: Int64

    @staticmethod
    def of(strings: Iterable[str]) -> StringColumn:
        """The column of these strings, in order."""
        items = strings if isinstance(strings, Sequence) else list(strings)
        offsets = np.zeros(len(items) + 1, np.int64)
        joined = "".join(items)
        if joined.isascii():
            np.cumsum(np.fromiter(map(len, items), np.int64, len(items)), out=offsets[1:])
            return StringColumn(joined.encode("ascii"), offsets)
        encoded = [item.encode("utf-8", "surrogatepass") for item in items]
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        return StringColumn(b"".join(encoded), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        if index < 0:
            raise IndexError(index)
        start, end = self.offsets[index], self.offsets[index + 1]
        return self.data[start:end].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StringColumn):
            return NotImplemented
        return self.data == other.data and np.array_equal(self.offsets, other.offsets)

    __hash__ = None  # type: ignore[assignment]  # holds arrays, like them it is compared and not hashed

    @cached_property
    def bytes_array(self) -> npt.NDArray[np.uint8]:
        """The joined UTF-8 bytes as a read-only array, shape `(len(data),)`."""
        return np.frombuffer(self.data, np.uint8)

    def tolist(self) -> list[str]:
        """All strings as Python objects: for small columns and helper processes."""
        text = self.data.decode("utf-8", "surrogatepass")
        if len(text) == len(self.data):
            return [text[a:b] for a, b in itertools.pairwise(self.offsets.tolist())]
        return [self.data[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(self.offsets.tolist())]

    def take(self, rows: npt.NDArray[np.integer]) -> StringColumn:
        """The column of the chosen rows, in the order given."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        starts = self.offsets[:-1][rows]
        lengths = self.offsets[1:][rows] - starts
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        data = np.empty(offsets[-1], np.uint8)
        shift = starts - offsets[:-1]
        # In stretches: the index of each byte takes three times eight bytes while it is made.
        for first in range(0, len(lengths), _TAKEN_AT_ONCE):
            last = min(first + _TAKEN_AT_ONCE, len(lengths))
            begin, end = offsets[first], offsets[last]
            where = np.repeat(shift[first:last], lengths[first:last]) + np.arange(begin, end)
            data[begin:end] = self.bytes_array[where]
        return StringColumn(data.tobytes(), offsets)
