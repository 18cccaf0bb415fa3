"""Small pairs: tensors of a few values each, read and compared many at a time.

What is worked out for a pair otherwise, its blocks and its shares, takes a hundred times longer than
comparing it; a checkpoint may have a hundred thousand of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.small_tensors import small_tensors
from sdviewer.checkpoint.decoding import code_dtype, decode_table
from sdviewer.checkpoint.dtypes import DTYPES, Dtype
from sdviewer.comparison.matching import Matching
from sdviewer.comparison.measures import Sums
from sdviewer.comparison.pair_counting import SUMS, TALLY, ULP_OF_NARROW
from sdviewer.comparison.relations import Relation
from sdviewer.comparison.tolerances import Tolerance

Int64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.unsignedinteger]

# Whether float32 holds every value of a dtype.
_SINGLE = np.array([d.bits < 32 or d.name == "float32" for d in DTYPES])


class SmallPairs:
    """Which pairs of a matching are small, of one dtype and lie in their files as they are."""

    def __init__(self, matching: Matching, tolerance: Callable[[str, str], Tolerance]) -> None:
        self._matching, self._tolerance = matching, tolerance
        a, b = matching.a.checkpoint, matching.b.checkpoint
        self._a = small_tensors(a)
        self._b = self._a if b is a else small_tensors(b)
        pairs = matching.pairs
        self._row_a = matching.a.rows[[pair.a for pair in pairs]].astype(np.int64)
        self._row_b = matching.b.rows[[pair.b for pair in pairs]].astype(np.int64)
        dtype = a.table.dtype[self._row_a]
        is_same = np.array([pair.relation is Relation.SAME and pair.part is None for pair in pairs], np.bool_)
        is_same &= (dtype == b.table.dtype[self._row_b]) & _SINGLE[dtype]
        self.is_small: npt.NDArray[np.bool_] = is_same & self._a.is_small[self._row_a] & self._b.is_small[self._row_b]

    def sums(self, places: Sequence[int], *, only_differences: bool) -> Iterator[tuple[int, Sums | None]]:
        """What is summed up for each of these places; None where a value is not finite.

        Raises:
            CannotRead: and its kinds: one of the files cannot be read, or was changed.

        """
        chosen = np.asarray(places, np.int64)
        dtypes = self._matching.a.checkpoint.table.dtype[self._row_a[chosen]]
        for code in np.unique(dtypes).tolist():
            yield from self._of_dtype(chosen[dtypes == code], DTYPES[code], only_differences=only_differences)

    def _of_dtype(self, places: Int64, dtype: Dtype, *, only_differences: bool) -> Iterator[tuple[int, Sums | None]]:
        from sdviewer.analysis.kernels.comparing import add_pairs, place_of_delta

        a, b = (
            side.read(rows[places]).view(code_dtype(dtype))
            for side, rows in ((self._a, self._row_a), (self._b, self._row_b))
        )
        sizes = self._a.nbytes[self._row_a[places]] // a.itemsize
        starts = np.append(0, np.cumsum(sizes))
        x, y = _values(a, dtype), _values(b, dtype)
        count = len(places)
        sums, tally, totals = np.zeros((count, 7)), np.zeros((count, 6), np.int64), np.zeros(count)
        limits = self._tolerance(dtype.name, dtype.name)
        add_pairs(x, y, starts, limits.rtol, limits.atol, sums, tally, totals)
        differing = np.add.reduceat((a != b).astype(np.int64), starts[:-1]).tolist()
        ulp = _largest_ulp(a, b, dtype, starts)
        rows = zip(places.tolist(), sums.tolist(), tally.tolist(), totals.tolist(), strict=True)
        for index, (place, own, counts, total) in enumerate(rows):
            if not math.isfinite(total):
                yield place, None
                continue
            ulp_here = None if ulp is None else ulp[index]
            if only_differences and not differing[index]:
                yield place, Sums(count=int(sizes[index]), ulp=ulp_here)
                continue
            at, values = -1, None
            if own[6] > 0:
                first, end = int(starts[index]), int(starts[index + 1])
                at = int(place_of_delta(x[first:end], y[first:end], own[6]))
                values = complex(x[first + at]), complex(y[first + at])
            told: dict[str, Any] = dict(zip(SUMS, own[:6], strict=True)) | dict(zip(TALLY, counts, strict=True))
            yield (
                place,
                Sums(
                    count=int(sizes[index]), codes=differing[index], top=own[6], place=at, values=values, ulp=ulp_here,
                    **told,
                ),
            )  # fmt: skip


def _values(codes: Codes, dtype: Dtype) -> npt.NDArray[np.float32]:
    return codes.view(np.float32) if dtype.bits == 32 else decode_table(dtype.name)[codes]


def _largest_ulp(a: Codes, b: Codes, dtype: Dtype, starts: Int64) -> list[int] | None:
    """The largest distance of each pair in units of the last place; None for what is not so ordered."""
    if dtype.name == "float32":
        sign, infinity = 1 << 31, 0x7F800000
    elif dtype.name in ULP_OF_NARROW:
        sign, infinity = ULP_OF_NARROW[dtype.name]
    else:
        return None
    magnitudes = [codes.astype(np.int64) & (sign - 1) for codes in (a, b)]
    ordered = [np.where(codes < sign, size, -size) for codes, size in zip((a, b), magnitudes, strict=True)]
    apart = np.abs(ordered[0] - ordered[1])
    apart[(magnitudes[0] >= infinity) | (magnitudes[1] >= infinity)] = 0
    found: list[int] = np.maximum.reduceat(apart, starts[:-1]).tolist()
    return found
