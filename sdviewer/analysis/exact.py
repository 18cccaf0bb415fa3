"""Exact: what the counts of wide values leave open, settled by further passes over them.

Buckets next to each other that hold few enough values are gathered and sorted; one that holds too many
is counted by further bits. So every value comes by once, ascending, and memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.analysis.counts import Counts
from sdviewer.analysis.deriving import CAST_SUMS, cast_sums, mixed, store_casts
from sdviewer.analysis.meaning import Meaning, meaning_of
from sdviewer.analysis.statistics import CASTS, QUANTILES
from sdviewer.analysis.statistics_table import BOUNDED, PLACE, Figures
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Values that are gathered and sorted at a time: a share of all, so that passes stay few, but bounded.
_SHARE, _FEWEST, _MOST = 16, 1 << 20, 1 << 22
# Values that are sorted, and that are added up, by one call: a job is cancelled between calls, and what is
# added up stays in cache.
_AT_ONCE, _ADDED_AT_ONCE = 1 << 18, 1 << 13
_FURTHER_BITS = 16


def exact_figures(ref: TensorRef, counts: Counts, control: Control | None = None) -> Figures:
    """The figures of a tensor, none within bounds only. Progress is in values of all passes.

    Of integers beyond 2**53 those that are one float64 count as one where they are very many.

    Args:
        ref: the tensor.
        counts: of all its values, see `counting.count`.
        control: is asked before each block.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    figures = counts.figures()
    if figures.bounds is None:
        return figures
    blocks = Blocks(ref)
    blocks.check_unchanged()
    sums = _ExactSums(counts, figures)
    reader = _Reader(ref.name, blocks, meaning_of(ref, blocks), control or Control())
    for values, times in reader.ascending(counts.low, counts.high, counts.counts):
        sums.add(values, times)
    blocks.check_unchanged()
    return Figures(sums.values(), None, figures.integers)


class _Reader:
    """Goes over the values as often as it takes."""

    def __init__(self, name: str, blocks: Blocks, meaning: Meaning, control: Control) -> None:
        self._name, self._blocks, self._meaning, self._control = name, blocks, meaning, control
        self._buffer = new_buffer()
        self._limit = min(max(blocks.numel // _SHARE, _FEWEST), _MOST)
        self._passes = self._begun = 0

    def ascending(self, low: Floats, high: Floats, counts: Int64) -> Iterator[tuple[Floats, Int64]]:
        """Different values and how often they occur, in parts."""
        groups = list(self._groups(low, high, counts // self._blocks.repeats))
        self._passes += sum(low[first] < high[last - 1] for first, last in groups)
        for first, last in groups:
            if low[first] == high[last - 1]:
                yield low[first:last], counts[first:last]
            elif last - first == 1 and counts[first] // self._blocks.repeats > self._limit:
                yield from self._by_further_bits(float(low[first]), float(high[first]))
            else:
                yield from self._gathered(float(low[first]), float(high[last - 1]))

    def _groups(self, low: Floats, high: Floats, counts: Int64) -> Iterator[tuple[int, int]]:
        first, total = 0, 0
        for entry in range(len(low)):
            alone = low[entry] == high[entry] or counts[entry] > self._limit
            if first < entry and (alone or total + counts[entry] > self._limit):
                yield first, entry
                first, total = entry, 0
            total += int(counts[entry])
            if alone:
                yield entry, entry + 1
                first, total = entry + 1, 0
        if first < len(low):
            yield first, len(low)

    def _inside(self, low: float, high: float) -> Iterator[npt.NDArray[Any]]:
        """The values of each block from `low` to `high`."""
        blocks, total = self._blocks, self._blocks.numel
        for index in range(len(blocks)):
            done = self._begun * total + index * blocks.per_block
            self._control.report(done, max(self._passes, self._begun + 1) * total, self._name)
            values = self._meaning.wide_values(blocks.read(index, self._buffer))
            # Integers are compared as the float64 that their buckets were made of.
            compared = values if values.dtype.kind == "f" else values.astype(np.float64)
            yield values[(compared >= low) & (compared <= high)]
        self._begun += 1

    def _gathered(self, low: float, high: float) -> Iterator[tuple[Floats, Int64]]:
        found = self._sorted(list(self._inside(low, high)))
        start = 0
        while start < len(found):
            self._control.check()
            last = found[min(start + _ADDED_AT_ONCE, len(found)) - 1]
            part = found[start : np.searchsorted(found, last, side="right")]
            firsts = np.flatnonzero(np.append(True, part[1:] != part[:-1]))
            times = np.diff(np.append(firsts, len(part)))
            yield part[firsts].astype(np.float64), times.astype(np.int64) * self._blocks.repeats
            start += len(part)

    def _sorted(self, pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """All of them together, ascending: runs are sorted, and merged by a sort that finds them so."""
        runs: list[list[npt.NDArray[Any]]] = []
        waiting = 0
        for piece in pieces:
            if not runs or waiting + len(piece) > _AT_ONCE:
                runs.append([piece])
                waiting = 0
            else:
                runs[-1].append(piece)
            waiting += len(piece)
        done = []
        for run in runs:
            self._control.check()
            done.append(np.sort(np.concatenate(run)))
        while len(done) > 1:
            merged = []
            for pair in zip(done[::2], done[1::2], strict=False):
                self._control.check()
                merged.append(np.sort(np.concatenate(pair), kind="stable"))
            done = merged + done[2 * len(merged) :]
        return done[0]

    def _by_further_bits(self, low: float, high: float) -> Iterator[tuple[Floats, Int64]]:
        """The same of one bucket with too many values, all of one sign."""
        narrow = self._meaning.facts.carrier == "float32"
        near, far = sorted((abs(low), abs(high)))
        start, end = (int(_bits(np.array([x]), narrow=narrow)[0]) for x in (near, far))
        shift = max((end - start).bit_length() - _FURTHER_BITS, 0)
        table = np.zeros(((end - start) >> shift) + 1, np.int64)
        for values in self._inside(low, high):
            places = _bits(np.abs(values.astype(np.float64)), narrow=narrow) - np.uint64(start)
            table += np.bincount((places >> np.uint64(shift)).astype(np.int64), minlength=len(table))
        used = np.flatnonzero(table)
        firsts = used.astype(np.uint64) * np.uint64(1 << shift) + np.uint64(start)
        nears = _numbers(firsts, narrow=narrow)
        fars = np.minimum(_numbers(firsts + np.uint64((1 << shift) - 1), narrow=narrow), far)
        lows, highs = (nears, fars) if low >= 0 else (-fars[::-1], -nears[::-1])
        times = table[used] if low >= 0 else table[used][::-1]
        yield from self.ascending(lows, highs, times * self._blocks.repeats)


def _bits(magnitudes: Floats, *, narrow: bool) -> npt.NDArray[np.uint64]:
    return magnitudes.astype(np.float32).view(np.uint32).astype(np.uint64) if narrow else magnitudes.view(np.uint64)


def _numbers(bits: npt.NDArray[np.uint64], *, narrow: bool) -> Floats:
    return bits.astype(np.uint32).view(np.float32).astype(np.float64) if narrow else bits.view(np.float64)


class _ExactSums:
    """What is added up while the values come by, ascending."""

    def __init__(self, counts: Counts, figures: Figures) -> None:
        assert counts.beside is not None  # noqa: S101  # else nothing is open
        self._figures = figures.values.copy()
        moments = counts.beside.moments
        self._n, self._mean, self._shift = moments.n, moments.mean, -moments.exponent
        squares = moments.m2 + moments.n * moments.mean**2
        self._near = float(np.sqrt(squares / moments.n)) / 1000
        self._far = 6 * float(np.sqrt(max(moments.m2, 0.0) / moments.n))
        self._rank = 0
        self._quantiles = np.zeros((len(QUANTILES), 2))
        self._distinct = self._near_zero = self._beyond = 0
        self._frequent, self._frequent_count = np.nan, 0
        self._casts = np.zeros((len(CASTS), CAST_SUMS))

    def add(self, values: Floats, times: Int64) -> None:
        """Values above all that came before."""
        behind = np.cumsum(times) + self._rank
        for index, q in enumerate(QUANTILES):
            rank = int((self._n - 1) * q)
            for side in range(2):
                at = min(rank + side, self._n - 1)
                if self._rank <= at < behind[-1]:
                    self._quantiles[index, side] = values[np.searchsorted(behind, at, side="right")]
        self._rank = int(behind[-1])
        self._distinct += len(values)
        top = int(times.argmax())
        if times[top] > self._frequent_count:
            self._frequent, self._frequent_count = float(values[top]), int(times[top])
        scaled = np.ldexp(values, self._shift)
        self._near_zero += int(times[(np.abs(scaled) < self._near) | (scaled == 0)].sum())
        self._beyond += int(times[np.abs(scaled - self._mean) > self._far].sum())
        self._casts += cast_sums(values, times, float(self._figures[PLACE["absmax"]]))

    def values(self) -> Floats:
        """The figures when all values have come by."""
        values = self._figures
        store_casts(self._casts, values, np.empty((len(BOUNDED), 2)))
        for index, q in enumerate(QUANTILES):
            place = (self._n - 1) * q
            first, second = self._quantiles[index].tolist()
            values[PLACE[f"quantile_{q:g}"]] = mixed(first, second, place - int(place))
        values[PLACE["distinct"]], values[PLACE["near_zero"]] = self._distinct, self._near_zero
        values[PLACE["beyond_6_sigma"]] = self._beyond
        values[PLACE["most_frequent"]], values[PLACE["most_frequent_count"]] = self._frequent, self._frequent_count
        return values
