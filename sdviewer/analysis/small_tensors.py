"""Small tensors: those that lie in the file as they are, read and counted many at a time.

A checkpoint may have a hundred thousand tensors of a few values. What is worked out for each of them
otherwise, from its view to its blocks, takes far longer than counting it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import deriving
from sdviewer.analysis.blocks import Blocks, Buffer
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.meaning import meaning_of
from sdviewer.analysis.statistics_table import BOUNDED, INTEGERS, PLACE, FiguresBlock
from sdviewer.checkpoint.decoding import code_dtype, decode_table, value_bits
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES, Dtype
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.tensors import TensorRef

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Beyond it counting takes longer than what is saved, and other ways to sort are quicker.
_MOST_VALUES = 4096
# What lies between two of them is read with them up to this size: an archive's headers.
_GAP = 1 << 10
_READ_TOGETHER = 1 << 20
# Integers beyond it share their float64 with others.
_EXACT = 2.0**53
_INTEGERS = frozenset({"int", "uint", "bool"})
_WHOLE_BYTES = frozenset({8, 16, 32, 64})
# Whether values of each dtype are whole bytes that say everything by themselves.
_SIMPLE = np.array(
    [d.kind in _INTEGERS | {"float"} and d.bits in _WHOLE_BYTES and value_bits(d) == d.bits for d in DTYPES]
)
_WIDTHS = np.array([dtype.bits // 8 for dtype in DTYPES], np.int64)
_OTHERWISE = np.uint16(Flag.NOT_DENSE | Flag.QUANTISED | Flag.CONJ | Flag.NEG | Flag.OUT_OF_BOUNDS | Flag.INCOMPLETE)


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
    _heads: dict[int, Floats]

    def read(self, rows: Int64) -> Buffer:
        """The bytes of small rows in any order, one after the other.

        Raises:
            CannotRead: and its kinds: one of the files cannot be read, or was changed.

        """
        table = self.checkpoint.table
        source = table.storages.source[table.storage[rows]]
        ends = np.cumsum(self.nbytes[rows])
        found = np.empty(int(ends[-1]) if len(rows) else 0, np.uint8)
        place = dict(zip(rows.tolist(), (ends - self.nbytes[rows]).tolist(), strict=True))
        for each in np.unique(source).tolist():
            own = rows[source == each]
            bytes_of = self.checkpoint.sources.get(each)
            bytes_of.check_unchanged()
            for first, end, run in self.runs(own[np.argsort(self.offset[own], kind="stable")], _READ_TOGETHER):
                raw = np.empty(end - first, np.uint8)
                bytes_of.read_into(first, raw)
                for row, offset, size in zip(
                    run.tolist(), (self.offset[run] - first).tolist(), self.nbytes[run].tolist(), strict=True
                ):
                    found[place[row] : place[row] + size] = raw[offset : offset + size]
            bytes_of.check_unchanged()
        return found

    def runs(self, rows: Int64, size: int) -> Iterator[tuple[int, int, Int64]]:
        """Stretches of the source of at most `size` bytes that hold small rows of one source, which are in its order.

        Each is its first byte, the byte behind its last, and the rows.
        """
        begin = first = end = 0
        places = zip(self.offset[rows].tolist(), (self.offset[rows] + self.nbytes[rows]).tolist(), strict=True)
        for index, (offset, behind) in enumerate(places):
            if index > begin and not (offset <= end + _GAP and max(end, behind) - first <= size):
                yield first, end, rows[begin:index]
                begin = index
            if index == begin:
                first = end = offset
            end = max(end, behind)
        if len(rows):
            yield first, end, rows[begin:]

    def figures(self, rows: Int64, first: int, raw: Buffer) -> Iterator[FiguresBlock]:
        """The figures of the rows of a run, whose bytes from `first` on are `raw`.

        Rows with integers that no float64 holds are left out.
        """
        codes = self.checkpoint.table.dtype[rows]
        for code in np.unique(codes).tolist():
            own, dtype = rows[codes == code], DTYPES[code]
            starts = np.append(0, np.cumsum(self.nbytes[own] // _WIDTHS[code]))
            values = _values(_gathered(raw, self.offset[own] - first, self.nbytes[own]), dtype)
            if dtype.bits == 64 and dtype.kind in _INTEGERS:
                wide = np.maximum.reduceat(np.abs(values), starts[:-1]) >= _EXACT
                values, own = values[~np.repeat(wide, np.diff(starts))], own[~wide]
                starts = np.append(0, np.cumsum(np.diff(starts)[~wide]))
            if len(own):
                found = compiled_or("deriving", deriving).derive_many(values, starts, self._head(int(own[0]), code))
                yield _block(own, found, has_integers=dtype.kind in _INTEGERS)

    def _head(self, row: int, code: int) -> Floats:
        known = self._heads.get(code)
        if known is None:
            ref = TensorRef(self.checkpoint, row)
            known = meaning_of(ref, Blocks(ref)).facts.head()
            # The entries say how many are different, and at the limits.
            known[[deriving.Head.DISTINCT, deriving.Head.SATURATED]] = -1
            self._heads[code] = known
        return known


def _gathered(raw: Buffer, offsets: Int64, sizes: Int64) -> Buffer:
    """The bytes of several places, one after the other."""
    ends = np.cumsum(sizes)
    found: Buffer = raw[np.arange(ends[-1]) + np.repeat(offsets - (ends - sizes), sizes)]
    return found


def _values(raw: Buffer, dtype: Dtype) -> Floats:
    codes = raw.view(code_dtype(dtype))
    values = decode_table(dtype.name)[codes] if dtype.bits <= 16 else codes.view(dtype.numpy)
    with np.errstate(invalid="ignore"):  # numpy warns of each signalling NaN that it converts
        return values.astype(np.float64)


def _block(rows: Int64, values: Floats, *, has_integers: bool) -> FiguresBlock:
    integers: dict[int, tuple[int, int, int]] = {}
    if has_integers:
        columns = values[:, [PLACE[name] for name in INTEGERS]].astype(np.int64).tolist()
        integers = dict(zip(rows.tolist(), map(tuple, columns), strict=True))
    return FiguresBlock(rows, values, np.zeros(len(rows), np.bool_), np.empty((0, len(BOUNDED), 2)), integers)


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
