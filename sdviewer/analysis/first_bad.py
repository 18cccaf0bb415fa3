"""First bad: the place of the first NaN or infinity in a tensor."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.checkpoint.decoding import Codes, decode, decode_table, value_bits
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control


def first_bad(ref: TensorRef, control: Control | None = None) -> tuple[int, ...] | None:
    """The index of the first value, row-major, that is not finite; None if all are. Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    blocks = Blocks(ref, memory_order=False)
    control = control or Control()
    buffer = new_buffer()
    blocks.check_unchanged()
    for index in range(len(blocks)):
        first = index * blocks.per_block
        control.report(first, blocks.numel, ref.name)
        bad = _are_bad(blocks.read(index, buffer), blocks.dtype)
        if bad.any():
            return tuple(int(part) for part in np.unravel_index(first + int(bad.argmax()), ref.shape))
    blocks.check_unchanged()
    control.report(blocks.numel, blocks.numel, ref.name)
    return None


def _are_bad(codes: Codes, dtype: Dtype) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if dtype.kind not in {"float", "complex"}:
        return np.zeros(len(codes), np.bool_)
    if dtype.kind == "float" and value_bits(dtype) <= 16:
        return np.asarray(~np.isfinite(decode_table(dtype.name))[codes])
    return np.asarray(~np.isfinite(decode(codes, dtype)))
