"""Steps: how often each parameter was stepped, read from the file: numbers, or tensors of one value."""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.small_tensors import small_tensors
from sdviewer.checkpoint.decoding import decode
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.training.state import OptimizerState

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# What torch and others count in, the first that is there.
STEP_FIELDS = ("step", "n_iter", "steps", "num_steps")
# Read at once: of values that lie within it of each other one read gets all.
_STRETCH = 1 << 16


def step_field(state: OptimizerState) -> str:
    """The field that counts steps, "" for none."""
    return next((field for field in STEP_FIELDS if field in state.fields), "")


def read_steps(checkpoint: Checkpoint, state: OptimizerState, control: Control | None = None) -> Floats:
    """The steps of each parameter, shape `(len(state),)`; NaN where there is none, or it cannot be read.

    Raises:
        Cancelled: `control` was cancelled.

    """
    field = step_field(state)
    steps = np.full(len(state), np.nan)
    if not field:
        return steps
    rows = state.column(field)
    has = np.flatnonzero((rows >= 0) & (checkpoint.table.numel[rows] == 1))
    steps[has] = read_scalars(checkpoint, rows[has], control)
    column = state.fields.index(field)
    for index in np.flatnonzero((rows < 0) & (state.nodes[:, column] >= 0)).tolist():
        value = state.value(index, field)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53:
            steps[index] = value
    return steps


def read_scalars(checkpoint: Checkpoint, rows: Int64, control: Control | None = None) -> Floats:
    """The values of tensors of one element each, many at a time; NaN for one that cannot be read.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    table = checkpoint.table
    is_wanted = np.zeros(len(table), np.bool_)
    is_wanted[rows] = True
    wanted = np.flatnonzero(is_wanted)
    values = np.full(len(wanted), np.nan)
    small = small_tensors(checkpoint)
    plain = wanted[small.is_small[wanted]]
    source = table.storages.source[table.storage[plain]]
    done = 0
    for number in np.unique(source).tolist():
        own = plain[source == number]
        own = own[np.argsort(small.offset[own], kind="stable")]
        for first, end, run in small.runs(own, _STRETCH):
            control.report(done, len(wanted))
            done += len(run)
            raw = np.empty(end - first, np.uint8)
            with contextlib.suppress(CannotRead):
                checkpoint.sources.get(number).read_into(first, raw)
                for code in np.unique(table.dtype[run]).tolist():
                    same = run[table.dtype[run] == code]
                    width = DTYPES[code].bits // 8
                    places = (small.offset[same] - first)[:, None] + np.arange(width)
                    codes = np.ascontiguousarray(raw[places]).view(f"uint{8 * width}")[:, 0]
                    found = decode(codes, DTYPES[code])
                    values[np.searchsorted(wanted, same)] = found.astype(np.float64)
    for row in wanted[~small.is_small[wanted]].tolist():
        control.report(done, len(wanted))
        done += 1
        with contextlib.suppress(CannotRead):
            number = TensorRef(checkpoint, row).numpy().reshape(-1)
            if number.dtype.kind in "iufb":
                values[np.searchsorted(wanted, row)] = float(number[0])
    return values[np.searchsorted(wanted, rows)]
