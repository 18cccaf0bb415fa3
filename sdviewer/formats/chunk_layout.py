"""Chunk layout: whether boxes cover a tensor, each value once.

Axes are cut where a box begins or ends, which makes cells; how many boxes lie over each of them comes from sums
over their corners. Honest chunks are a regular grid, with as many cells as chunks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

# Cells, and corners of all boxes together, beyond which a layout is too odd to be looked at.
_MOST_CELLS = 1 << 20
_MOST_CORNERS = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of some boxes in a tensor.

    Attributes:
        exact: whether they cover it, each value once.
        hole: the first index that none of them holds, None if there is none.
        overlap: the first index that several of them hold, None if there is none.

    """

    exact: bool
    hole: tuple[int, ...] | None = None
    overlap: tuple[int, ...] | None = None


def layout(shape: tuple[int, ...], boxes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> Layout:
    """The layout of boxes, each the start and the size along every axis, all inside `shape`.

    One that is too odd to be looked at is not exact, without a hole or an overlap.
    """
    if 0 in shape:
        return Layout(exact=True)
    start = (0,) * len(shape)
    boxes = [box for box in boxes if 0 not in box[1]]
    if not boxes:
        return Layout(exact=False, hole=start)
    low = np.array([box[0] for box in boxes], np.int64).reshape(len(boxes), -1)
    high = low + np.array([box[1] for box in boxes], np.int64).reshape(len(boxes), -1)
    cuts = [np.unique(np.concatenate(([0, size], low[:, axis], high[:, axis]))) for axis, size in enumerate(shape)]
    # An axis that no box cuts says nothing.
    axes = [axis for axis, at in enumerate(cuts) if len(at) > 2]
    if not axes:
        return Layout(exact=len(boxes) == 1, overlap=start if len(boxes) > 1 else None)
    cells = math.prod(len(cuts[axis]) for axis in axes)
    if cells > _MOST_CELLS or len(boxes) << len(axes) > _MOST_CORNERS:
        return Layout(exact=False)
    count = _counts([cuts[axis] for axis in axes], low[:, axes], high[:, axes])
    return Layout(
        exact=bool((count == 1).all()),
        hole=_first(count == 0, cuts, axes),
        overlap=_first(count > 1, cuts, axes),
    )


def _counts(cuts: list[Int64], low: Int64, high: Int64) -> Int64:
    """How many boxes lie over each cell, shape `[len(at) - 1 for at in cuts]`."""
    count = np.zeros([len(at) for at in cuts], np.int64)
    ends = [(np.searchsorted(at, low[:, axis]), np.searchsorted(at, high[:, axis])) for axis, at in enumerate(cuts)]
    for corner in itertools.product((0, 1), repeat=len(cuts)):
        place = tuple(pair[which] for pair, which in zip(ends, corner, strict=True))
        np.add.at(count, place, -1 if sum(corner) % 2 else 1)
    for axis in range(len(cuts)):
        np.cumsum(count, axis=axis, out=count)
    return count[tuple(slice(0, -1) for _ in cuts)]


def _first(cells: npt.NDArray[np.bool_], cuts: list[Int64], axes: list[int]) -> tuple[int, ...] | None:
    """The first index in the first of some cells."""
    if not cells.any():
        return None
    cell = dict(zip(axes, np.unravel_index(int(cells.argmax()), cells.shape), strict=True))
    return tuple(int(at[cell[axis]]) if axis in cell else 0 for axis, at in enumerate(cuts))
