"""Layer roles: which tensors do the same in different layers, told by names that differ in numbers only."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.natural_order import byte_ranks
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]

# A longer name has no role: only a hostile file has many of them.
_LONGEST = 1024
_NUMBER = re.compile(r"(?<![^./\[])[0-9]+(?![^./\]])")
_STAR = ord("*")
_WEIGHTS = np.random.default_rng(0).integers(1, 1 << 63, _LONGEST + 1, np.uint64)
_OPENS, _CLOSES = (np.isin(np.arange(256), list(signs)) for signs in (b"./[", b"./]"))


def layer_roles(names: StringColumn, control: Control | None = None) -> Int64:
    """A number for each name, equal for names that differ only in parts that are numbers; -1 for overlong names.

    A part ends at ".", "/" or a bracket: "layers.7.fc1.weight" and "layers.12.fc1.weight" have one role,
    "layers.7.fc2.weight" has another. Shape `(len(names),)`.
    """
    lengths = np.diff(names.offsets)
    rows = np.flatnonzero(lengths <= _LONGEST)
    short = names.take(rows)
    roles = np.full(len(names), -1, np.int64)
    roles[rows] = _numbered(*_without_numbers(short.bytes_array, short.offsets), control or Control())
    return roles


def role_text(name: str) -> str:
    """The role that a name has, for people: "layers.*.fc1.weight"."""
    return _NUMBER.sub("*", name)


def _without_numbers(data: npt.NDArray[np.uint8], offsets: Int64) -> tuple[npt.NDArray[np.uint8], Int64]:
    """Joined names with "*" in place of each part that is a number, and where they begin."""
    count = len(data)
    seam = np.zeros(count + 1, np.bool_)
    seam[offsets] = True
    digit = data - np.uint8(ord("0")) < 10
    before, behind = seam.copy(), seam.copy()
    before[1:] |= _OPENS[data]
    behind[:-1] |= _CLOSES[data]
    starts_run = digit.copy()
    starts_run[1:] &= ~digit[:-1] | seam[1:-1]
    first, inside = np.flatnonzero(starts_run), np.flatnonzero(digit)
    run = np.cumsum(starts_run[inside]) - 1
    sizes = np.bincount(run, minlength=len(first))
    is_number = before[first] & behind[first + sizes]
    result = data.copy()
    result[first[is_number]] = _STAR
    kept = np.ones(count, np.bool_)
    kept[inside] = ~is_number[run]
    kept[first] = True
    place = np.zeros(count + 1, np.int64)
    np.cumsum(kept, out=place[1:])
    return result[kept], place[offsets]


def _numbered(data: npt.NDArray[np.uint8], offsets: Int64, control: Control) -> Int64:
    """A number for each text, equal for equal ones: by sums of 64 bits, if they turn out to tell texts apart."""
    control.check()
    lengths = np.diff(offsets)
    sums = np.zeros(len(lengths), np.uint64)
    if filled := np.flatnonzero(lengths).tolist():
        place = np.arange(len(data)) - np.repeat(offsets[:-1], lengths)
        sums[filled] = np.add.reduceat(_WEIGHTS[place] * (data + np.uint64(1)), offsets[:-1][filled])
    _, first, number = np.unique(sums, return_index=True, return_inverse=True)
    texts = StringColumn(data.tobytes(), offsets)
    told_apart = texts.take(first[number]) == texts
    return number if told_apart else byte_ranks(data, offsets, control)
