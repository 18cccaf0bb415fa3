"""Ties: tensors that lie exactly where others lie, for targets that know no sharing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.comparison.sides import Side
from sdviewer.edit.planned_keys import PlannedKeys

Int64 = npt.NDArray[np.int64]

_CODES = 256


def tie_groups(side: Side) -> Int64:
    """For each key of a side a number that it shares with those that lie where it lies, -1 where it lies alone."""
    table = side.checkpoint.table
    groups = np.full(len(side), -1, np.int64)
    storages = table.storage[side.rows]
    # Most tensors lie alone in their storage: the others are looked at more closely.
    _, storage_of, count = np.unique(storages, return_inverse=True, return_counts=True)
    several = np.flatnonzero((storages >= 0) & (count[storage_of] > 1))
    rows = side.rows[several]
    columns = (table.storage[rows], table.offset[rows], table.form[rows], table.dtype[rows])
    where = np.stack([column.astype(np.int64) for column in columns], axis=1)
    _, place_of, count = np.unique(where, axis=0, return_inverse=True, return_counts=True)
    shared = count[place_of] > 1
    groups[several[shared]] = place_of[shared]
    return groups


def ties(keys: PlannedKeys, groups: Int64) -> tuple[Int64, Int64]:
    """Numbers of the keys that are written as an earlier one is, ascending, and those of these earlier ones."""
    group = groups[keys.places]
    several = np.flatnonzero(group >= 0)
    _, first, which = np.unique(group[several] * _CODES + keys.after[several], return_index=True, return_inverse=True)
    earlier = several[first[which]]
    tied = earlier != several
    return several[tied], earlier[tied]
