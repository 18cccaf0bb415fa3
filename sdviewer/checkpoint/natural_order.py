"""Natural order: names as people count, 2 before 10, for a million of them in numpy calls that let other threads run.

Each name becomes a key whose bytes sort so: before the digits of a number stands how many there are.
Keys are then told apart a few bytes at a time, and only those that are still alike go on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
UInt8 = npt.NDArray[np.uint8]

# Of a longer text the rest does not count: one hostile name would take hundreds of steps of its own.
_LONGEST = 4096
_BYTES_AT_ONCE = 1 << 18
_ZERO = ord("0")
# Numbers with up to this many digits say so in one byte.
_SHORT_NUMBER = 8
_NATURAL = "Sorting names"


def natural_ranks(texts: StringColumn, control: Control) -> Int64:
    """The place of each text in natural order, equal for equal ones, shape `(len(texts),)`.

    Runs of the digits 0 to 9 compare as numbers, leading zeros not counted; all else by code points.
    A number stands where its digits would: behind ".", before letters.
    """
    return byte_ranks(*natural_keys(texts, control), control)


def natural_keys(texts: StringColumn, control: Control) -> tuple[UInt8, Int64]:
    """Joined keys whose bytes sort as the texts do in natural order, and their offsets, shape `(len(texts) + 1,)`."""
    texts = _cut(texts)
    pieces = [np.zeros(0, np.uint8)]
    offsets = np.zeros(len(texts) + 1, np.int64)
    done = 0
    for first, last in _slices(texts.offsets):
        control.report(first, len(texts), _NATURAL)
        begin, end = int(texts.offsets[first]), int(texts.offsets[last])
        piece, ends = _keys(texts.bytes_array[begin:end], texts.offsets[first : last + 1] - begin)
        offsets[first + 1 : last + 1] = ends + done
        done += len(piece)
        pieces.append(piece)
    return np.concatenate(pieces), offsets


def byte_ranks(data: UInt8, offsets: Int64, control: Control) -> Int64:
    """The place of each text `data[offsets[i]:offsets[i + 1]]` in the order of bytes, equal for equal ones."""
    count = len(offsets) - 1
    rank = np.zeros(count, np.int64)
    lengths = np.diff(offsets)
    # Eight bytes at any position as one number: the strides overlap.
    padded = np.zeros(len(data) + 8, np.uint8)
    padded[: len(data)] = data
    words: UInt64 = np.ndarray((len(data) + 1,), np.dtype("<u8"), padded, 0, (1,))
    # A zero byte looks as the end of a text does; where there are any, each step tells how many bytes it had.
    counted = int(not data.all())
    # Rows not told apart yet, those of a group side by side; where in the order they stand; their group's number.
    rows, places = np.arange(count), np.arange(count)
    group: UInt64 = np.zeros(count, np.uint64)
    depth = 0
    while len(rows):
        control.check()
        groups = int(group[-1]) + 1
        width = (64 - (groups - 1).bit_length()) // 8
        taken = width - counted
        left = lengths[rows] - depth
        had = np.clip(left, 0, taken)
        key = words[np.minimum(offsets[rows] + depth, len(data))].byteswap() & _TOP[had]
        key >>= np.uint64(8 * (8 - taken))
        if counted:
            key = key << np.uint64(8) | had.astype(np.uint64)
        if width < 8:
            key |= group << np.uint64(8 * width)
        # Neighbours are mostly alike, for files list the tensors of a module together: runs are sorted, not rows.
        heads = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        if len(heads) > groups:
            order, key = _by_runs(key, heads)
            rows, left = rows[order], left[order]
        first = np.concatenate(([True], key[1:] != key[:-1]))
        starts = np.flatnonzero(first)
        sizes = np.diff(np.append(starts, len(rows)))
        rank[rows] = np.repeat(places[starts], sizes)
        # A text that ends here goes on beside longer ones that begin so: in the next step it comes before them.
        on = np.repeat((sizes > 1) & (np.maximum.reduceat(left, starts) > taken), sizes)
        rows, places = rows[on], places[on]
        group = (np.cumsum(first[on]) - 1).astype(np.uint64)
        depth += taken
    return rank


# Masks of the first n of eight bytes, the first one highest.
_TOP = np.array([((1 << 8 * count) - 1) << 8 * (8 - count) for count in range(9)], np.uint64)


def _by_runs(key: UInt64, heads: Int64) -> tuple[Int64, UInt64]:
    """The order that sorts `key`, which has equal values from each of `heads` to the next, and the sorted keys."""
    sizes = np.diff(np.append(heads, len(key)))
    by_key = np.argsort(key[heads])
    heads, sizes = heads[by_key], sizes[by_key]
    order = np.repeat(heads - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(key))
    return order, key[order]


def _cut(texts: StringColumn) -> StringColumn:
    lengths = np.diff(texts.offsets)
    if not len(lengths) or lengths.max() <= _LONGEST:
        return texts
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.minimum(lengths, _LONGEST), out=offsets[1:])
    begins = texts.offsets[:-1].tolist()
    data = texts.data
    pieces = [data[begin : begin + size] for begin, size in zip(begins, np.diff(offsets).tolist(), strict=True)]
    return StringColumn(b"".join(pieces), offsets)


def _slices(offsets: Int64) -> Iterator[tuple[int, int]]:
    """Ranges of rows with some hundred kilobytes each."""
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + _BYTES_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield first, last
        first = last


def _keys(text: UInt8, offsets: Int64) -> tuple[UInt8, Int64]:
    """The joined keys of some joined texts, and where each key ends."""
    digit = text - np.uint8(_ZERO) < 10
    if not digit.any():
        return text, offsets[1:]
    inner = offsets[1:-1]
    # The bytes on both sides of a seam between two texts are in one run only by chance.
    follows = np.concatenate(([False], digit[:-1]))
    follows[inner[inner < len(text)]] = False
    goes_on = np.concatenate((digit[1:], [False]))
    goes_on[inner[inner > 0] - 1] = False
    begins = np.flatnonzero(digit & ~follows)
    ends = np.flatnonzero(digit & ~goes_on) + 1
    significant = begins.copy()
    zero = np.flatnonzero(text[begins] == _ZERO)
    if len(zero):
        keep = np.ones(len(text), np.bool_)
        while len(zero):
            keep[significant[zero]] = False
            significant[zero] += 1
            zero = zero[significant[zero] < ends[zero]]
            zero = zero[text[significant[zero]] == _ZERO]
        text = text[keep]
    digits = ends - significant
    long = digits > _SHORT_NUMBER
    added = np.where(long, 3, 1)
    # Of each number how many bytes the text before it has become longer.
    grown = np.concatenate(([0], np.cumsum(added - (significant - begins))))
    at = begins + grown[:-1]
    keys = np.empty(len(text) + int(added.sum()), np.uint8)
    is_text = np.ones(len(keys), np.bool_)
    is_text[at] = False
    keys[at] = _ZERO + np.minimum(digits, _SHORT_NUMBER + 1)
    if long.any():
        at, digits = at[long], digits[long]
        is_text[at + 1] = is_text[at + 2] = False
        keys[at + 1], keys[at + 2] = digits >> 8, digits & 255
    keys[is_text] = text
    return keys, offsets[1:] + grown[np.searchsorted(begins, offsets[1:])]
