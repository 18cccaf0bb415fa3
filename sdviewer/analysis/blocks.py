"""Blocks: a tensor's codes in pieces that stay in cache, for work that goes over all of them.

What lies in the file as plain codes is read into the caller's buffer; everything else (gaps,
packed or swapped codes, scales a channel) comes as arrays of the same size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes, decoded_dtype
from sdviewer.checkpoint.dtypes import BY_NUMPY, Dtype
from sdviewer.checkpoint.payload import View
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.errors import CannotRead, NotDecodable

# Threads wait for each other between blocks: smaller ones cost a fifth more, larger ones leave the cache.
BLOCK_BYTES = 1 << 21

# Of a buffer: see `new_buffer`.
_ALIGNMENT = 64

Buffer = npt.NDArray[np.uint8]

# Logical bytes beyond which going through all values would never end (an expanded view may claim 2**60).
_MOST_BYTES_BEYOND_FILE = 1 << 36


def new_buffer(nbytes: int = BLOCK_BYTES) -> Buffer:
    """Bytes that begin at a multiple of 64.

    Arrays of numpy begin 16 bytes into a page, and there some processors copy four times as slowly from a file
    whose bytes begin with a page: what is stored seems to them to be what is read next.
    """
    raw = np.empty(nbytes + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + nbytes]


class Blocks:
    """The codes of a dense tensor, block by block; any thread may read any block.

    In memory order (the default) dimensions that repeat the same codes (stride 0) are read once, and
    `repeats` says how often each code counts. In logical order the values come row-major, all of them,
    or through the tensor as `seen` turns and cuts it.

    Attributes:
        ref: the tensor.
        dtype: what the codes are: the tensor's dtype, or float32 where the stored codes do not say the
            value by themselves (scales a channel, negated views).
        scale, zero_point: of a quantised tensor with one of each: value = (code - zero_point) · scale.
        numel: codes in all blocks.
        repeats: values a code stands for; numel · repeats values in all.
        per_block: codes in each block but the last.
        axes: the dimensions that the blocks run through, outermost first: the tensor's axis and its size, in
            values. Of an axis whose values lie in two dimensions (packed ones with gaps) the second one is
            called `len(shape)`. Those that repeat are left out in memory order.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """

    def __init__(
        self,
        ref: TensorRef,
        block_bytes: int = BLOCK_BYTES,
        *,
        memory_order: bool = True,
        seen: Callable[[View], View] | None = None,
    ) -> None:
        table = ref.checkpoint.table
        self.ref = ref
        self._payload = ref.payload()
        stored = table.dtype_of(ref.row)
        if decoded_dtype(stored) is None:
            raise NotDecodable(
                f"the values of {ref.dtype} ({ref.name!r}) are not known",
                file=ref.checkpoint.path,
                hint="see its codes",
            )
        quantiser = ref.quantiser
        by_channel = quantiser is not None and quantiser.axis is not None
        self._decoded = by_channel or bool(ref.flags & Flag.NEG)
        self.dtype: Dtype = stored
        self.scale, self.zero_point = 1.0, 0
        if self._decoded:
            values = decoded_dtype(stored)
            self.dtype = BY_NUMPY[values.name] if values is not None else stored
        elif quantiser is not None:
            self.scale, self.zero_point = float(quantiser.scale), int(quantiser.zero_point)
        elif stored.kind == "quantised":
            raise NotDecodable(f"{ref.name!r} is quantised without a scale", file=ref.checkpoint.path)
        view = self._payload.view
        if seen is not None:
            if self._decoded or memory_order:
                raise NotDecodable(f"{ref.name!r} is decoded by position: it can be read only as it is")
            view = seen(view)
        self.repeats = 1
        kept = list(range(len(view.shape)))
        # A tensor that is not decoded by position may come in any order, each code once.
        if memory_order and not self._decoded:
            kept = sorted(kept, key=lambda axis: -view.stride[axis])
            kept = [axis for axis in kept if view.stride[axis] or view.shape[axis] == 0]
            self.repeats = math.prod(size for size, step in zip(view.shape, view.stride, strict=True) if not step)
            self.repeats = self.repeats if view.numel else 1
            view = View(tuple(view.shape[i] for i in kept), tuple(view.stride[i] for i in kept), view.offset)
        self.axes = tuple(zip(kept, view.shape, strict=True))
        self._view = view.merged()
        self.numel = self._view.numel
        width = np.dtype(self.dtype.numpy).itemsize if self._decoded else self._payload.code_bytes
        self.per_block = max(1, block_bytes // width)
        # Plain codes in a row, whole bytes each, in this machine's order.
        self._plain = (
            not self._decoded
            and len(self._view.shape) <= 1
            and (self._view.stride in {(), (1,)})
            and self._payload.bits % 8 == 0
            and not self._payload.swapped
        )
        if self.numel * width > _MOST_BYTES_BEYOND_FILE + 64 * max(ref.checkpoint.file_bytes, self._payload.nbytes):
            raise CannotRead(
                f"{ref.name!r} claims {self.numel:,} values, far more than its file holds", file=self._payload.file
            )

    def __len__(self) -> int:
        return (self.numel + self.per_block - 1) // self.per_block

    def read(self, index: int, buffer: Buffer | None = None) -> Codes:
        """The codes of one block: shape `(count,)`, `(count, 2)` for complex numbers.

        They lie in `buffer` (at least `block_bytes` bytes) if one is given and the file holds them as
        they are; such an array changes with the buffer.
        """
        first = index * self.per_block
        count = min(self.per_block, self.numel - first)
        if self._plain:
            nbytes = count * self._payload.code_bytes
            raw = np.empty(nbytes, np.uint8) if buffer is None else buffer[:nbytes]
            self._payload.read_into(self._view.offset + first, raw)
            return raw.view(self._payload.unit).reshape(-1, *self._payload.parts)
        if self._decoded:
            values = self.ref.values_between(first, count)
            return bits_of(values)
        return self._payload.read_flat(self._view, first, count)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` if the file is not the one that was described: ask before and after."""
        self._payload.check_unchanged()


def bits_of(values: npt.NDArray[Any]) -> Codes:
    """The bit patterns of decoded values."""
    if values.dtype.kind == "c":
        return values.view(f"uint{values.itemsize * 4}").reshape(-1, 2)
    return values.view(f"uint{values.itemsize * 8}")
