"""Ties: rows of the tensor table that are the very same elements under several names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.table import Flag, TensorTable, once_each

_VIEW = np.uint16(Flag.CONJ | Flag.NEG | Flag.QUANTISED)


@once_each
def find_ties(table: TensorTable) -> npt.NDArray[np.int64]:
    """For each row the first listed row with the very same elements, or -1 if it is alone; shape `(len(table),)`.

    Same elements: one storage, offset, dtype, shape and stride (and quantiser). Overlapping views are not tied,
    and neither are empty or meta tensors, which have no elements, nor components.
    """
    tie = np.full(len(table), -1, np.int64)
    listed = table.listed
    flags = table.flags[:listed]
    storage = table.storage[:listed].astype(np.int64)
    extra = table.extra[:listed].astype(np.int64)
    # A sparse or wrapped tensor has no storage of its own: the same record of facts is the same tensor.
    indirect = (storage < 0) & (extra >= 0)
    rows = np.flatnonzero(((storage >= 0) | indirect) & (table.numel[:listed] > 0) & ((flags & Flag.META) == 0))
    place = np.where(indirect, -2 - extra, storage)[rows]
    # Most storages are used once: only those that are not need the full comparison.
    counted = place - place.min(initial=0)
    shared = np.bincount(counted)[counted] > 1
    if not shared.any():
        return tie
    rows, place = rows[shared], place[shared]
    facts = np.where(flags[rows] & Flag.QUANTISED, extra[rows], -1)
    columns = (facts, flags[rows] & _VIEW, table.dtype[rows], table.form[rows], table.offset[rows], place)
    order = np.lexsort(columns)
    same = np.ones(len(order) - 1, np.bool_)
    for column in columns:
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    sizes = np.diff(np.concatenate((starts, [len(order)])))
    first = np.repeat(rows[order[starts]], sizes)
    tied = np.repeat(sizes > 1, sizes)
    tie[rows[order[tied]]] = first[tied]
    return tie
