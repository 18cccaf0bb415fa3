"""Histogram: how a tensor's values spread over bins, from what was counted of it at once, or from a pass over it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import binning_loops
from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.masses import Masses
from sdviewer.analysis.statistics import real_values
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

MOST_BINS = 1 << 16
# A bin that is narrower than so many of the counted buckets tells more of the buckets than of the values.
_FEWEST_BUCKETS = 4
_BESIDE = 5
_THREADS = 2

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Histogram:
    """Counts over bins.

    Attributes:
        edges: float64, shape `(bins + 1,)`, ascending.
        counts: int64, shape `(bins,)`: values with edges[i] ≤ x < edges[i + 1]; the last bin has its upper edge.
        below, above: finite values outside.
        nan, posinf, neginf: values that are no numbers to place.
        approximate: bool, shape `(bins,)`: bins narrower than four of the buckets that were counted, into which
            the mass of a bucket was spread.
        is_exact: whether no bucket lay across an edge.

    """

    edges: Floats
    counts: Ints
    below: int
    above: int
    nan: int
    posinf: int
    neginf: int
    approximate: npt.NDArray[np.bool_]
    is_exact: bool = True


def even_edges(lo: float, hi: float, bins: int) -> Floats:
    """The edges of `bins` bins of equal width, as `numpy.histogram` has them.

    Raises:
        ValueError: not lo < hi, not finite, or bins so many that edges would fall together.

    """
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ValueError(f"a histogram needs finite limits in ascending order, not {lo} and {hi}")
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"a histogram has 1 to {MOST_BINS:,} bins, not {bins}")
    # Halved where the width itself is beyond float64; halving is exact there.
    factor = 1.0 if math.isfinite(float(hi) - float(lo)) else 0.5
    edges: Floats = np.linspace(lo * factor, hi * factor, bins + 1) / factor
    if np.any(np.diff(edges * 0.5 if factor != 1 else edges) <= 0):
        raise ValueError(f"between {lo} and {hi} there are not enough numbers for {bins} bins")
    return edges


def histogram(ref: TensorRef, lo: float, hi: float, bins: int, control: Control | None = None) -> Histogram:
    """The histogram of all values between `lo` and `hi`, as `numpy.histogram` counts them in float64.

    Complex numbers count by magnitude, quantised ones by their real value; integers beyond 2**53 are
    rounded to float64. Progress is in values.

    Raises:
        ValueError: as `even_edges`.
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    return _counted(ref, even_edges(lo, hi, bins), control or Control(), even=True, magnitude=False)


def histogram_between(
    ref: TensorRef, edges: Floats, control: Control | None = None, *, magnitude: bool = False
) -> Histogram:
    """The same between any finite ascending edges; of `magnitude`, of |x|. Raises as `histogram`."""
    return _counted(ref, edges, control or Control(), even=False, magnitude=magnitude)


def histogram_of(masses: Masses, lo: float, hi: float, bins: int) -> Histogram:
    """The histogram of what was counted, at once; buckets that lie across an edge are spread evenly over it.

    Raises:
        ValueError: as `even_edges`.

    """
    return histogram_of_masses(masses, even_edges(lo, hi, bins))


def histogram_of_masses(masses: Masses, edges: Floats) -> Histogram:
    """The same between any finite ascending edges."""
    asked = edges.copy()
    # What equals the last edge is in the last bin.
    with np.errstate(over="ignore"):
        asked[-1] = np.nextafter(edges[-1], np.inf)
    below, across = masses.below(asked)
    whole = np.rint(below).astype(np.int64)
    # Both halved: widths of buckets and of bins.
    narrow = np.diff(edges * 0.5) < _FEWEST_BUCKETS * np.maximum(across[:-1], across[1:])
    return Histogram(
        edges,
        np.diff(whole),
        int(whole[0]),
        masses.finite - int(whole[-1]),
        masses.nan,
        masses.posinf,
        masses.neginf,
        narrow,
        is_exact=not across.any(),
    )


# -- a pass over all values ---------------------------------------------------------------------


def _counted(ref: TensorRef, edges: Floats, control: Control, *, even: bool, magnitude: bool) -> Histogram:
    bins = len(edges) - 1
    loops, table = compiled_or("binning", binning_loops), binning_loops.key_table(edges)

    def add(values: npt.NDArray[Any], counts: Ints) -> None:
        if not even or values.dtype not in {np.float32, np.float64}:
            with np.errstate(invalid="ignore"):  # signalling NaNs
                values = values.astype(np.float64)
        if even:
            loops.bin_evenly(values, edges, counts[:bins], counts[bins:])
        else:
            loops.bin_between(values, edges, *table, magnitude, counts[:bins], counts[bins:])

    counts = np.zeros(bins + _BESIDE, np.int64)
    blocks = Blocks(ref)
    if blocks.dtype.name in {"float32", "float64"}:
        counts = _by_blocks(blocks, add, counts, control)
    else:
        for chunk in ref.chunks(control=control, memory_order=True):
            add(real_values(chunk), counts)
    below, above, nan, posinf, neginf = counts[bins:].tolist()
    nowhere = np.zeros(bins, np.bool_)
    return Histogram(edges, counts[:bins], below, above, nan, posinf, neginf, nowhere, is_exact=True)


def _by_blocks(blocks: Blocks, add: Callable[[npt.NDArray[Any], Ints], None], counts: Ints, control: Control) -> Ints:
    """The sum of what two threads have added, each to counts of its own."""
    ref = blocks.ref
    left = iter(range(len(blocks)))
    done, lock, failed = [0], threading.Lock(), threading.Event()

    def work(_: int) -> Ints:
        own, buffer = np.zeros_like(counts), new_buffer()
        try:
            while not failed.is_set():
                with lock:
                    index = next(left, None)
                    if index is None:
                        break
                    control.report(done[0], ref.numel, ref.name)
                values = blocks.read(index, buffer).view(blocks.dtype.name)
                add(values, own)
                with lock:
                    done[0] += len(values) * blocks.repeats
        except BaseException:
            failed.set()
            raise
        return own

    blocks.check_unchanged()
    with ThreadPoolExecutor(_THREADS, "binning") as pool:
        total: Ints = sum(pool.map(work, range(_THREADS)), counts)
    blocks.check_unchanged()
    control.report(ref.numel, ref.numel, ref.name)
    return total * blocks.repeats
