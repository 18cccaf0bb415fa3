"""How much of what a file stores is shown by some tensor.

A saved slice keeps the whole storage of the tensor it was cut from: the file is large, its tensors are small.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.table import DTYPE_BITS, TensorTable


def unshown_bytes(table: TensorTable) -> int:
    """Bytes of the table's storages that lie inside the reach of no tensor, components included."""
    stored = table.storages.nbytes
    total = int(stored.sum())
    rows = np.flatnonzero((table.storage >= 0) & (table.numel > 0))
    if total == 0 or len(rows) == 0:
        return total
    storage = table.storage[rows].astype(np.int64)
    bits = DTYPE_BITS[table.dtype[rows]].astype(np.float64)
    first = table.offset[rows].astype(np.float64)
    # In float64 and cut to the storage, because a hostile offset may not fit; exact below 2**53 bits.
    limit = stored[storage].astype(np.float64)
    start = np.minimum(first * bits / 8, limit).astype(np.int64)
    end = np.minimum((first + table.forms.reach[table.form[rows]]) * bits / 8, limit).astype(np.int64)
    # All storages behind one another on one line, so that one sweep does for all.
    lines = np.concatenate(([0], np.cumsum(stored)))[:-1][storage]
    start, end = start + lines, end + lines
    return total - covered_bytes(start, end)


def covered_bytes(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> int:
    """Bytes that lie in at least one of the stretches `start[i] … end[i] - 1`."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reached = np.maximum.accumulate(end)
    before = np.concatenate((start[:1], reached[:-1]))
    return int(np.maximum(end - np.maximum(start, before), 0).sum())
