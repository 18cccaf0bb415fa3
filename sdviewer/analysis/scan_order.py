"""The order of a scan: which tensors are read once for several rows, and in what pieces threads take them.

Everything here is done on columns: a million tensors are a few arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import DTYPE_BITS, Flag

Int64 = npt.NDArray[np.int64]

# A tensor beyond this is counted in parts, by all threads.
PART_BYTES = 32 << 20
# Each part has accumulators of its own until all are done, some megabytes at most, and merging them takes time.
MOST_PARTS = 4
# What a thread takes at a time: the file is asked whether it changed before and after. What that and the calls
# for a piece take is as much as counting some hundred tiny tensors.
_BYTES_TOGETHER = 4 << 20
_TENSORS_TOGETHER = 1024


@dataclass(frozen=True, eq=False, slots=True)
class ScanOrder:
    """Entries in file order; an entry is one place in the file, which several rows may show (tied weights).

    Attributes:
        row: the row that is read for each entry, shape `(entries,)`.
        source: where it lies, -1 for nowhere.
        nbytes: bytes that are read at most.
        parts: in how many parts it is counted.
        rows: the rows of all entries, those of entry `i` are `rows[start[i]:start[i + 1]]`.
        start: shape `(entries + 1,)`.
        entry: the entry of each row of the table, -1 for none.
        piece_start: piece `k` is entries `piece_start[k]` to `piece_start[k + 1] - 1`, all of one source;
            an entry of several parts is a piece of its own.

    """

    row: Int64
    source: Int64
    nbytes: Int64
    parts: Int64
    rows: Int64
    start: Int64
    entry: Int64
    piece_start: Int64

    def __len__(self) -> int:
        return len(self.row)

    def rows_of(self, entry: int) -> Int64:
        """The rows that show an entry's values."""
        return self.rows[self.start[entry] : self.start[entry + 1]]


def rows_once(rows: npt.NDArray[np.integer], count: int) -> Int64:
    """These rows of a table of `count` in order, each once; `np.unique` holds the interpreter ten times as long."""
    chosen = np.zeros(count, np.bool_)
    chosen[rows] = True
    return np.flatnonzero(chosen)


def scan_order(checkpoint: Checkpoint, rows: Int64) -> ScanOrder:
    """The order in which dense rows of the table are scanned; others are left out."""
    table = checkpoint.table
    rows = rows_once(rows[(table.flags[rows] & np.uint16(Flag.NOT_DENSE)) == 0], len(table))
    tie = checkpoint.tree.tie[rows]
    # Of several rows at one place the first one is read.
    place = np.where(tie >= 0, tie, rows)
    grouped = np.argsort(place, kind="stable")
    rows = rows[grouped]
    begins = np.flatnonzero(np.diff(place[grouped], prepend=-1))
    sizes = np.diff(begins, append=len(rows))
    first = rows[begins]

    storages = table.storages
    storage = table.storage[first].astype(np.int64)
    known = storage >= 0
    source = np.full(len(first), -1, np.int64)
    source[known] = storages.source[storage[known]]
    base = np.zeros(len(first), np.int64)
    base[known] = storages.offset[storage[known]]
    nbytes = table.nbytes[first]
    nbytes[~known] = 0
    # An expanded view claims more than it reads.
    nbytes[known] = np.clip(nbytes[known], 0, np.maximum(storages.nbytes[storage[known]], 0))
    with np.errstate(over="ignore"):  # a hostile offset only comes in the wrong order
        position = base + table.offset[first] * DTYPE_BITS[table.dtype[first]] // 8

    order = np.lexsort((first, position, source))
    first, source, nbytes = first[order], source[order], nbytes[order]
    ordered_rows = _in_order(rows, begins, sizes, order)
    start = np.concatenate(([0], np.cumsum(sizes[order])))
    entry = np.full(len(table), -1, np.int64)
    entry[ordered_rows] = np.repeat(np.arange(len(first)), sizes[order])
    parts = np.clip(-(-nbytes // PART_BYTES), 1, MOST_PARTS)
    return ScanOrder(first, source, nbytes, parts, ordered_rows, start, entry, _piece_starts(source, nbytes, parts))


def _in_order(rows: Int64, begins: Int64, sizes: Int64, order: Int64) -> Int64:
    """The groups of `rows`, put one after the other as `order` says."""
    sizes = sizes[order]
    ends = np.cumsum(sizes)
    within = np.arange(len(rows)) - np.repeat(ends - sizes, sizes)
    return np.asarray(rows[np.repeat(begins[order], sizes) + within])


def _piece_starts(source: Int64, nbytes: Int64, parts: Int64) -> Int64:
    count = len(source)
    if count == 0:
        return np.zeros(1, np.int64)
    # Sizes that a hostile file claims may add up beyond an int64.
    reached = np.cumsum(nbytes.astype(np.float64)) // _BYTES_TOGETHER
    large = parts > 1
    cut = np.diff(source) != 0
    cut |= np.diff(reached) != 0
    cut |= np.diff(np.arange(count) // _TENSORS_TOGETHER) != 0
    cut |= large[1:] | large[:-1]
    return np.concatenate(([0], np.flatnonzero(cut) + 1, [count]))
