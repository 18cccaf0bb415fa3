"""A block of bytes read at many places at once: for formats whose records are alike and only differ in length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_WORD = 8


def words_at_any_place(data: bytes) -> Int64:
    """Eight bytes from every position of `data` and from its end, as one little-endian number.

    Behind the end are zeros. The numbers overlap in memory: only a selection of them is to be copied.
    """
    return np.ndarray((len(data) + 1,), np.dtype("<i8"), data + bytes(_WORD), 0, (1,))


def places_of(data: bytes, mark: bytes) -> Int64:
    """Every position at which `mark` stands in `data`, overlapping ones too."""
    raw = np.frombuffer(data, np.uint8)
    count = max(len(raw) - len(mark) + 1, 0)
    found = raw[:count] == mark[0]
    for shift in range(1, len(mark)):
        found &= raw[shift : shift + count] == mark[shift]
    return np.flatnonzero(found)


def as_texts(data: bytes, begin: Int64, end: Int64) -> list[str] | None:
    """The pieces `begin[i] … end[i] - 1` as strings, None if they are not all ASCII."""
    text = data.decode("latin-1")
    pieces = [text[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
    return pieces if "".join(pieces).isascii() else None


def leading(condition: npt.NDArray[np.bool_]) -> int:
    """How many of the first are true."""
    return len(condition) if condition.all() else int(np.argmin(condition))
