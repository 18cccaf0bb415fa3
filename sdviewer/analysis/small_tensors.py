"""Small tensors: those that lie in the file as they are, read many at a time and counted without ceremony.

A checkpoint may have a hundred thousand tensors of a few values. What is worked out for each of them
otherwise, from its view to its blocks, takes longer than counting it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, Buffer
from sdviewer.analysis.meaning import Meaning, meaning_of
from sdviewer.analysis.shares import SmallShare
from sdviewer.analysis.statistics_table import Figures
from sdviewer.checkpoint.decoding import code_dtype
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.tensors import TensorRef

Int64 = npt.NDArray[np.int64]

# Values that `Counting` sorts rather than counts in a table, too.
_MOST_VALUES = 4096
# What lies between two of them is read with them up to this size: an archive's headers.
_GAP = 1 << 10
_KINDS = frozenset({"float", "int", "uint", "bool"})
_WHOLE_BYTES = frozenset({8, 16, 32, 64})
# Whether values of each dtype are whole bytes that say everything by themselves.
_SIMPLE = np.array([dtype.kind in _KINDS and dtype.bits in _WHOLE_BYTES for dtype in DTYPES])
_WIDTHS = np.array([dtype.bits // 8 for dtype in DTYPES], np.int64)
_OTHERWISE = np.uint16(Flag.NOT_DENSE | Flag.QUANTISED | Flag.CONJ | Flag.NEG | Flag.OUT_OF_BOUNDS)


@dataclass(frozen=True, eq=False, slots=True)
class SmallTensors:
    """Which rows of a tensor table are small and plain, and how they are counted.

    Attributes:
        is_small: bool, shape `(len(table),)`.
        offset, nbytes: where each row lies in its source; 0 for others.

    """

    checkpoint: Checkpoint
    is_small: npt.NDArray[np.bool_]
    offset: Int64
    nbytes: Int64
    _meanings: dict[int, tuple[Meaning, np.dtype[np.unsignedinteger]]]

    def runs(self, rows: list[int], size: int) -> Iterator[tuple[int, int, list[int]]]:
        """Stretches of the source of at most `size` bytes that hold small rows of one source, which are in its order.

        Each is its first byte, the byte behind its last, and the rows.
        """
        run: list[int] = []
        first = end = 0
        for row, offset, nbytes in zip(rows, self.offset[rows].tolist(), self.nbytes[rows].tolist(), strict=True):
            if run and not (offset <= end + _GAP and max(end, offset + nbytes) - first <= size):
                yield first, end, run
                run = []
            if not run:
                first = end = offset
            run.append(row)
            end = max(end, offset + nbytes)
        if run:
            yield first, end, run

    def figures(self, rows: list[int], first: int, raw: Buffer, check: Callable[[], None]) -> Iterator[Figures]:
        """The figures of each row of a run, whose bytes from `first` on are `raw`; `check` is asked before each."""
        codes = self.checkpoint.table.dtype[rows].tolist()
        places = zip(codes, (self.offset[rows] - first).tolist(), self.nbytes[rows].tolist(), strict=True)
        for row, (code, offset, nbytes) in zip(rows, places, strict=True):
            check()
            meaning, unit = self._meanings.get(code) or self._learn(row, code)
            share = SmallShare(meaning)
            share.add(raw[offset : offset + nbytes].view(unit))
            yield share.counts([]).figures()

    def _learn(self, row: int, code: int) -> tuple[Meaning, np.dtype[np.unsignedinteger]]:
        ref = TensorRef(self.checkpoint, row)
        known = self._meanings[code] = meaning_of(ref, Blocks(ref)), code_dtype(DTYPES[code])
        return known


def small_tensors(checkpoint: Checkpoint) -> SmallTensors:
    """The small tensors of a checkpoint."""
    table, storages = checkpoint.table, checkpoint.table.storages
    count = len(table)
    offset, nbytes = np.zeros(count, np.int64), np.zeros(count, np.int64)
    is_small = _SIMPLE[table.dtype] & (table.numel > 0) & (table.numel <= _MOST_VALUES)
    is_small &= ((table.flags & _OTHERWISE) == 0) & (table.storage >= 0)
    rows = np.flatnonzero(is_small)
    storage = table.storage[rows]
    width = _WIDTHS[table.dtype[rows]]
    size = table.numel[rows] * width
    source = storages.source[storage]
    sizes = np.array([*(spec.size for spec in checkpoint.sources.specs), -1], np.int64)
    base, available = storages.offset[storage], storages.nbytes[storage]
    # Hostile offsets may be any number: bounds without a product or a sum that could wrap round.
    start = table.offset[rows]
    is_inside = (start >= 0) & (start <= available // width - table.numel[rows])
    is_inside &= (base >= 0) & (available >= 0) & (base <= sizes[source] - available)
    plain = (storages.encoding[storage] == Encoding.RAW) & (storages.swapped[storage] == 0)
    good = is_inside & plain & table.forms.contiguous[table.form[rows]]
    is_small[rows[~good]] = False
    rows = rows[good]
    offset[rows] = base[good] + start[good] * width[good]
    nbytes[rows] = size[good]
    return SmallTensors(checkpoint, is_small, offset, nbytes, {})
