"""Loops: what is done with the codes of one block, in plain numpy; the compiled form is `kernels.counting`.

Both change arrays that belong to one thread, and nothing else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.deriving import MOST_ONE_BY_ONE
from sdviewer.analysis.moments import NO_EXPONENT, Moments, moments_of

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt16 = npt.NDArray[np.uint16]
UInt32 = npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]

FEW: Final = MOST_ONE_BY_ONE
FEW_SLOTS: Final = 1024
# Tables beside each other, for values that repeat: an increment need not wait for the one before. The
# padding keeps the same place of two tables from sharing a set of the cache.
SPREAD: Final = 8
HALVES: Final = 1 << 16
PADDED: Final = HALVES + 80
WIDE64: Final = 1 << 19

_PIECE = 4096


class Seen(IntEnum):
    """What was seen of wide values beside counts and moments: places in an array of int64."""

    MIN = 0  # keys: bits of a floating-point number as an integer of the same order
    MAX = 1
    SMALLEST = 2  # bits of the smallest magnitude that is not 0, less 1
    BITS = 3  # all bits that any value has
    ZEROS = 4
    NEGATIVE_ZEROS = 5
    NAN = 6
    POSINF = 7
    NEGINF = 8
    SATURATED = 9
    NOT_HALF = 10


class Sums(IntEnum):
    """`Moments` as places in an array of float64."""

    N = 0
    EXPONENT = 1
    MEAN = 2
    M2 = 3
    M3 = 4
    M4 = 5
    L1 = 6


def new_seen() -> Int64:
    """Nothing seen yet."""
    seen = np.zeros(len(Seen), np.int64)
    limits = np.iinfo(np.int64)
    seen[Seen.MIN], seen[Seen.MAX], seen[Seen.SMALLEST] = limits.max, limits.min, limits.max
    return seen


def new_sums() -> Floats:
    """Sums over nothing."""
    sums = np.zeros(len(Sums))
    sums[Sums.EXPONENT] = NO_EXPONENT
    return sums


def count_halves(codes: UInt16, table: UInt32) -> None:
    """Count codes of 16 bits; `table` has the shape `(HALVES,)` or `(SPREAD * PADDED,)`."""
    table[:HALVES] += np.bincount(codes, minlength=HALVES).astype(np.uint32)


def count_few(codes: npt.NDArray[np.unsignedinteger[Any]], keys: UInt64, counts: Int64) -> int:
    """Count codes one by one while there are at most `FEW` different ones; returns how many were counted.

    Args:
        codes: of 32 or 64 bits.
        keys: shape `(FEW_SLOTS,)`.
        counts: of each key; a slot is free where it is 0.

    """
    done = 0
    while done < len(codes):
        # Most tensors show at once that their values are many.
        piece = codes[done : done + (_PIECE if done == 0 else len(codes))].astype(np.uint64)
        found, times = np.unique(piece, return_counts=True)
        used = np.flatnonzero(counts)
        union = np.union1d(keys[used], found)
        if len(union) > FEW:
            return done
        total = np.zeros(len(union), np.int64)
        total[np.searchsorted(union, keys[used])] += counts[used]
        total[np.searchsorted(union, found)] += times
        counts[:] = 0
        keys[: len(union)], counts[: len(union)] = union, total
        done += len(piece)
    return done


def count_wide32(codes: UInt32, table: UInt32, sums: Floats, seen: Int64) -> None:
    """Count float32 by their first 16 bits; `table` has the shape `(HALVES,)` or `(SPREAD * PADDED,)`."""
    values = codes.view(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        _count_not_finite(values, seen)
        codes = codes[finite]
        values = codes.view(np.float32)
    if not len(codes):
        return
    table[:HALVES] += np.bincount(codes >> np.uint32(16), minlength=HALVES).astype(np.uint32)
    wide = values.astype(np.float64)
    _see(codes.view(np.int32), wide, seen, float(np.finfo(np.float32).max))
    _add_moments(wide, sums)


def count_wide64(values: Floats, table: UInt32, sums: Floats, seen: Int64, largest: float) -> None:
    """Count float64 by their first 19 bits; `table` has the shape `(WIDE64,)`."""
    finite = np.isfinite(values)
    if not finite.all():
        _count_not_finite(values, seen)
        values = values[finite]
    if not len(values):
        return
    np.add.at(table, (values.view(np.uint64) >> np.uint64(45)).astype(np.int64), np.uint32(1))
    _see(values.view(np.int64), values, seen, largest)
    _add_moments(values, sums)


def are_halves(values: Floats) -> npt.NDArray[np.bool_]:
    """Which values a float16 holds."""
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(np.float16).astype(np.float64) == values)


def _count_not_finite(values: npt.NDArray[Any], seen: Int64) -> None:
    seen[Seen.NAN] += np.count_nonzero(np.isnan(values))
    seen[Seen.POSINF] += np.count_nonzero(values == np.inf)
    seen[Seen.NEGINF] += np.count_nonzero(values == -np.inf)


def _see(bits: npt.NDArray[Any], values: Floats, seen: Int64, largest: float) -> None:
    magnitude_mask = np.iinfo(bits.dtype).max
    magnitudes = bits & bits.dtype.type(magnitude_mask)
    keys = np.where(bits < 0, ~magnitudes, bits)
    seen[Seen.MIN] = min(int(seen[Seen.MIN]), int(keys.min()))
    seen[Seen.MAX] = max(int(seen[Seen.MAX]), int(keys.max()))
    nonzero = magnitudes[magnitudes != 0]
    if len(nonzero):
        seen[Seen.SMALLEST] = min(int(seen[Seen.SMALLEST]), int(nonzero.min()) - 1)
    seen[Seen.BITS] |= int(np.bitwise_or.reduce(bits))
    seen[Seen.ZEROS] += len(bits) - len(nonzero)
    seen[Seen.NEGATIVE_ZEROS] += np.count_nonzero(bits == np.iinfo(bits.dtype).min)
    seen[Seen.SATURATED] += np.count_nonzero(np.abs(values) >= largest)
    seen[Seen.NOT_HALF] |= int(not are_halves(values).all())


def _add_moments(values: Floats, sums: Floats) -> None:
    here = moments_of(values)
    total = moments_from(sums).merged_with(here)
    sums[:] = total.n, total.exponent, total.mean, total.m2, total.m3, total.m4, total.l1


def moments_from(sums: Floats) -> Moments:
    """The moments that such an array holds."""
    n, exponent, *others = sums.tolist()
    return Moments(int(n), int(exponent), *others)
