"""Equal bytes: which tensors, and which channels of one, are the same to the last bit.

Figures propose, bytes decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.analysis.statistics_table import QUANTILE_COLUMNS, Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead

Int64 = npt.NDArray[np.int64]

# Figures that depend on the values alone, not on the order in which blocks are summed.
_EXACT = ("count", "nan", "posinf", "neginf", "zeros", "negative_zeros", "subnormals", "min", "max", *QUANTILE_COLUMNS)
# Of tensors with fewer values equal figures and bytes mean little.
_FEWEST_VALUES = 16
# Each is compared with so many that differ among themselves: a hostile file may hold thousands of alike ones.
_MOST_DIFFERENT = 8


def likely_equal(checkpoint: Checkpoint, table: StatisticsTable) -> list[list[int]]:
    """Groups of rows with one dtype, one shape and equal figures, not constant, ties left out; in file order."""
    tensors = checkpoint.table
    tie = checkpoint.tree.tie[: len(tensors)]
    alone = (tie < 0) | (tie == np.arange(len(tensors)))
    known = (table.filled == Filled.EXACT) | (table.filled == Filled.BOUNDED)
    rows = np.flatnonzero(known & alone & (tensors.numel >= _FEWEST_VALUES))
    rows = rows[(tensors.flags[rows] & np.uint16(Flag.QUANTISED | Flag.COMPONENT)) == 0]
    if not len(rows):
        return []
    columns = {name: table.column(name)[rows] for name in _EXACT}
    varies = columns["min"] < columns["max"]
    rows = rows[varies]
    key = tensors.dtype[rows].astype(np.uint64)
    shapes = _shape_ids(checkpoint)[tensors.form[rows]]
    for column in (shapes.astype(np.float64), *(values[varies] for values in columns.values())):
        # Of equal figures equal numbers; two that differ meet seldom, and their bytes tell them apart.
        key = (key ^ column.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    return sorted(
        sorted(rows[order[start : start + size]].tolist())
        for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True)
    )


def _shape_ids(checkpoint: Checkpoint) -> Int64:
    """A number for each form of the table, equal for equal shapes."""
    forms = checkpoint.table.forms
    known: dict[tuple[int, ...], int] = {}
    return np.array([known.setdefault(forms.shape_of(form), len(known)) for form in range(len(forms))], np.int64)


def equal_tensors(
    checkpoint: Checkpoint, groups: Iterable[Sequence[int]], control: Control | None = None
) -> dict[int, int]:
    """Row → the first row of its group that holds the same bytes, for each row but that first one.

    Compared block by block up to the first that differs. What cannot be read is equal to nothing.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    found: dict[int, int] = {}
    for group in groups:
        different: list[int] = []
        for row in group:
            same = next((other for other in different if _are_equal(checkpoint, row, other, control)), None)
            if same is not None:
                found[row] = same
            elif len(different) < _MOST_DIFFERENT:
                different.append(row)
    return found


def _are_equal(checkpoint: Checkpoint, one: int, other: int, control: Control) -> bool:
    try:
        a, b = (Blocks(TensorRef(checkpoint, row), memory_order=False) for row in (one, other))
        first, second = new_buffer(), new_buffer()
        for index in range(len(a)):
            control.report(index, len(a), a.ref.name)
            if not np.array_equal(a.read(index, first), b.read(index, second)):
                return False
    except CannotRead:
        return False
    return True


def equal_channels(
    ref: TensorRef, axis: int, groups: Iterable[Sequence[int]], control: Control | None = None
) -> list[tuple[int, ...]]:
    """Of groups of channels along an axis those that hold the same bytes, two or more each, ascending.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    payload = ref.payload()
    lead = (slice(None),) * axis
    found: list[tuple[int, ...]] = []
    for group in groups:
        different: list[tuple[bytes, list[int]]] = []
        for channel in group:
            control.check()
            data = payload.read_slice((*lead, channel)).tobytes()
            same = next((members for other, members in different if other == data), None)
            if same is not None:
                same.append(channel)
            elif len(different) < _MOST_DIFFERENT:
                different.append((data, [channel]))
        found += [tuple(sorted(members)) for _, members in different if len(members) > 1]
    payload.check_unchanged()
    return sorted(found)
