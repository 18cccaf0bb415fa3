"""Entries of a safetensors header as the library writes them, found as columns.

    "name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},

Such an entry has ten quotes and the same text between most of them, so many are checked and taken apart
by a few operations on all of them. What differs in a single byte is left to json.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.dotted import KeyText

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_QUOTES = 10
_REGULAR = re.compile(r'"[^"\\]*":\{"dtype":"[^"\\]*","shape":\[[0-9,]*\],"data_offsets":\[[0-9]+,[0-9]+\]\},"')
_SHAPE = re.compile(r"(?:(?:0|[1-9][0-9]{0,17})(?:,(?:0|[1-9][0-9]{0,17}))*)?")
# Numbers are read as two words of eight digits.
_DIGITS = 16
_ZEROS = np.uint64(0x3030303030303030)
# Eight bytes of which the last n are kept, by n.
_LAST_BYTES = np.array([(2**64 - 1) >> 8 * (8 - n) << 8 * (8 - n) for n in range(9)], np.uint64)
_METADATA = b"__metadata__"


@dataclass(frozen=True, eq=False)
class Scanned:
    """Entries that stand one behind the other.

    Attributes:
        names: one an entry.
        dtype: of each, the index of its dtype in `dtypes`.
        shape: of each, the index of its shape in `shapes` ("2,3").
        start, end: its data_offsets.
        behind: where the text goes on, counted from where it was begun: behind the comma of the last one.

    """

    names: StringColumn
    dtype: Int64
    dtypes: list[str]
    shape: Int64
    shapes: list[str]
    start: Int64
    end: Int64
    behind: int


def begins_regular(text: str, position: int) -> bool:
    """Whether the entry that begins here may be one of those: a look at one of them, before many are looked for."""
    return _REGULAR.match(text, position) is not None


def scan(data: bytes, position: int) -> Scanned | None:
    """The regular entries from `position` on, as many as there are; None if there is not one."""
    data = data[position : _plain_end(data, position)]
    raw = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(raw == ord('"'))
    count = (len(quotes) - 1) // _QUOTES
    if count <= 0 or quotes[0] != 0:
        return None
    table = quotes[: count * _QUOTES].reshape(count, _QUOTES)
    text = KeyText(data)
    name_end, dtype_end, before_offsets = table[:, 1], table[:, 5], table[:, 8] - 2
    following = quotes[_QUOTES::_QUOTES][:count]
    regular = (
        _stands_at(text, name_end, b'":{"dtype":"')
        & _stands_at(text, dtype_end, b'","shape":[')
        & _stands_at(text, before_offsets, b'],"data_offsets":[')
        & _stands_at(text, following - 3, b"]},")
        & ~((name_end - table[:, 0] == len(_METADATA) + 1) & _stands_at(text, table[:, 0] + 1, _METADATA))
    )
    commas = np.flatnonzero(raw == ord(","))
    comma = commas[np.maximum(np.searchsorted(commas, following - 1) - 1, 0)]
    first, last = before_offsets + 18, following - 3
    start, start_is_number = _numbers(text, first, comma)
    end, end_is_number = _numbers(text, comma + 1, last)
    regular &= start_is_number & end_is_number
    shape_begin = dtype_end + 11
    regular &= shape_begin <= before_offsets
    good = count if regular.all() else int(np.argmin(regular))
    if good:
        shape, shapes = text.distinct(shape_begin[:good], before_offsets[:good])
        possible = np.fromiter((_SHAPE.fullmatch(one) is not None for one in shapes), np.bool_, len(shapes))[shape]
        if not possible.all():
            good = int(np.argmin(possible))
            # Again without the texts that are no shapes.
            shape, shapes = text.distinct(shape_begin[:good], before_offsets[:good]) if good else (shape, shapes)
    if not good:
        return None
    dtype, dtypes = text.distinct(table[:good, 4] + 1, dtype_end[:good])
    return Scanned(
        names=_pieces(data, table[:good, 0] + 1, name_end[:good]),
        dtype=dtype,
        dtypes=dtypes,
        shape=shape[:good],
        shapes=shapes,
        start=start[:good],
        end=end[:good],
        behind=int(following[good - 1]),
    )


def _plain_end(data: bytes, position: int) -> int:
    """How far the text has no escapes, no control characters, and nothing but UTF-8."""
    end = data.find(b"\\", position)
    end = len(data) if end < 0 else end
    control = np.frombuffer(data, np.uint8)[position:end] < 0x20
    if control.any():
        end = position + int(np.argmax(control))
    part = data[position:end]
    if not part.isascii():
        try:
            part.decode("utf-8")
        except UnicodeDecodeError as error:
            end = position + error.start
    return end


def _stands_at(text: KeyText, at: Int64, expected: bytes) -> Bool:
    """Whether these bytes stand at each position."""
    result = np.ones(len(at), np.bool_)
    for begin in range(0, len(expected), 8):
        piece = expected[begin : begin + 8]
        kept = np.uint64((1 << 8 * len(piece)) - 1)
        result &= (text.words[at + begin] & kept) == np.uint64(int.from_bytes(piece, "little"))
    return result


def _numbers(text: KeyText, begin: Int64, end: Int64) -> tuple[Int64, Bool]:
    """The numbers written in pieces of the text, and which of them are such: digits without a zero in front."""
    length = end - begin
    known = (length > 0) & (length <= _DIGITS)
    low, low_is_number = _eight_digits(text.words[np.maximum(end - 8, 0)], np.clip(length, 0, 8))
    result, known = low, known & low_is_number
    if (length > 8).any():
        high, high_is_number = _eight_digits(text.words[np.maximum(end - 16, 0)], np.clip(length - 8, 0, 8))
        result, known = high * 100_000_000 + low, known & high_is_number
    front = text.words[np.maximum(begin, 0)] & np.uint64(0xFF)
    return result, known & ((length == 1) | (front != ord("0")))


def _eight_digits(words: npt.NDArray[np.uint64], count: Int64) -> tuple[Int64, Bool]:
    """The number that the last `count` bytes of each word write in decimal, and whether they are all digits."""
    kept = _LAST_BYTES[count]
    digits = (words & kept | _ZEROS & ~kept) - _ZEROS
    # A byte above 9 reaches the top bit when 0x76 is added; one below "0" has borrowed, and has it set.
    odd = ((digits + np.uint64(0x7676767676767676)) | digits) & np.uint64(0x8080808080808080)
    # Two digits at a time, then four, then eight.
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    number = (fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return number.astype(np.int64), odd == 0


def _pieces(data: bytes, begin: Int64, end: Int64) -> StringColumn:
    """The pieces, one behind the other, as a column of strings."""
    offsets = np.zeros(len(begin) + 1, np.int64)
    np.cumsum(end - begin, out=offsets[1:])
    # What lies in front of each piece, and the piece.
    lengths = np.stack((np.diff(end, prepend=0) - (end - begin), end - begin), axis=1).ravel()
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return StringColumn(np.frombuffer(data, np.uint8)[: len(inside)][inside].tobytes(), offsets)
