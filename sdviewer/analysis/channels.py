"""Channels: norm, mean, standard deviation and largest magnitude of every index along one axis.

One pass over the blocks, in whatever order they lie in the file: beside the counting while a block is
in cache, or by itself. Equal channels are found by a number that the same pass makes of their codes,
and are then compared as bytes.
"""

from __future__ import annotations

import functools
import importlib
import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.analysis.channel_pieces import Floats, Int64, Piece, in_a_row, merged, mix_plainly, take_plainly
from sdviewer.analysis.meaning import magnitudes
from sdviewer.checkpoint.decoding import Codes, decode, decode_table, dequantise, value_bits
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead

MOST_CHANNELS = 1 << 20
"""More channels than this are not looked at."""

DEAD_SHARE = 1e-3
"""A channel is dead if its norm is below this share of the median norm."""

_THREADS = 2
_BLOCKS_A_THREAD = 2
# Runs shorter than this, round after round through the channels, have a loop of their own.
_SHORT_RUN = 16
_ROUNDS = 4

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Channels:
    """What is known of the channels along `axis`; arrays of shape `(size,)`.

    Of complex numbers it is said of the magnitude, of quantised ones of the real value, as everywhere.
    Where codes have 16 bits, norm and mean are within 2**-18 of their sums' magnitudes, and the standard
    deviation within 1e-4 of itself at worst; else float64 decides.

    Attributes:
        axis: the axis.
        per_channel: values of each channel.
        norm: √Σx² over its finite values.
        mean, std: of its finite values, NaN where there are none; √(Σ(x - mean)² / n).
        absmax: the largest finite |x|, 0 where there are none.
        nonfinite: NaN and infinities, int64.
        mix: equal for channels of equal codes, int64; all 0 where nobody asked for it.

    """

    axis: int
    per_channel: int
    norm: Floats
    mean: Floats
    std: Floats
    absmax: Floats
    nonfinite: Int64
    mix: Int64

    def __len__(self) -> int:
        return len(self.norm)

    @property
    def median_norm(self) -> float:
        """The median of the norms, NaN without channels."""
        return float(np.median(self.norm)) if len(self) else math.nan

    @property
    def dead(self) -> Bools:
        """Which have nothing but zeros, or a norm below `DEAD_SHARE` of the median; NaN is not dead."""
        return self.dead_and_spread()[0]

    @property
    def spread(self) -> float:
        """The largest norm over the median norm; NaN where that is 0."""
        return self.dead_and_spread()[1]

    def dead_and_spread(self) -> tuple[Bools, float]:
        """`dead` and `spread`, for which one median is enough."""
        median = self.median_norm
        weak = self.norm < DEAD_SHARE * median
        dead = np.asarray(((self.absmax == 0) | weak) & (self.nonfinite == 0), np.bool_)
        return dead, float(self.norm.max() / median) if median > 0 else math.nan

    @property
    def variation(self) -> float:
        """The standard deviation of the norms over their mean; NaN where that is 0."""
        mean = float(self.norm.mean()) if len(self) else 0.0
        return float(self.norm.std() / mean) if mean > 0 else math.nan


class ChannelSums:
    """How the channels along `axis` of a tensor come out of its blocks: work beside a scan, or by itself.

    Attributes:
        blocks: of the tensor.
        axis: the axis, from 0 on.
        size: channels.

    Raises:
        ValueError: the tensor has no such axis, or its values lie so that these blocks cut it in two.
        CannotRead: there are too many channels.

    """

    def __init__(self, blocks: Blocks, axis: int = 0, *, find_equal: bool = False) -> None:
        shape = blocks.ref.shape
        if not 0 <= axis < len(shape):
            raise ValueError(f"{blocks.ref.name!r} has {len(shape)} axes, none is {axis}")
        self.blocks, self.axis = blocks, axis
        self._find_equal = find_equal
        self._place(shape)
        if self.size > MOST_CHANNELS:
            raise CannotRead(
                f"{blocks.ref.name!r} has {self.size:,} channels along axis {axis}; up to {MOST_CHANNELS:,} are "
                "looked at",
                file=blocks.ref.checkpoint.path,
            )
        self._loops = compiled()
        self._table = _table_of(blocks)

    def _place(self, shape: tuple[int, ...]) -> None:
        """See the order of the blocks as `(outer, channels, inner)`."""
        wanted = {self.axis} | ({len(shape)} if self.axis == len(shape) - 1 else set())
        places = [place for place, (axis, _) in enumerate(self.blocks.axes) if axis in wanted]
        sizes = [size for _, size in self.blocks.axes]
        if len(shape) in wanted & {axis for axis, _ in self.blocks.axes} and (
            len(places) != 2 or places[1] != places[0] + 1 or self.blocks.axes[places[0]][0] != self.axis
        ):
            raise ValueError(f"the values of {self.blocks.ref.name!r} do not lie along axis {self.axis} in this order")
        if places:
            self._outer = math.prod(sizes[: places[0]])
            self._counted = self.size = math.prod(sizes[place] for place in places)
            self._inner = math.prod(sizes[places[-1] + 1 :])
            self._repeats = self.blocks.repeats
        else:
            # All channels are the same values.
            self._outer, self._counted, self.size = 1, 1, shape[self.axis]
            self._inner = math.prod(sizes)
            self._repeats = self.blocks.repeats // max(self.size, 1)

    def new_share(self) -> list[Piece]:
        """What one thread has seen."""
        return []

    def add(self, share: list[Piece], index: int, codes: Codes) -> None:
        """Take in block `index` of the blocks; any thread, with its own share."""
        if not len(codes):
            return
        if not codes.flags.writeable:
            codes = codes.copy()  # compiled loops take no array that is read-only
        first = index * self.blocks.per_block
        low, high = 0, self._counted
        if self._outer == 1:
            low, high = first // self._inner, (first + len(codes) - 1) // self._inner + 1
        piece = self._piece(codes, first, low, high)
        if self._outer > 1 and share:
            share[0] = merged(share[0], piece)
        else:
            share.append(piece)

    def result(self, shares: Sequence[list[Piece]]) -> Channels:
        """The channels, after every block was added to one of the shares."""
        pieces = [piece for share in shares for piece in share]
        if self._outer == 1:
            total = in_a_row(pieces, self._counted)
        else:
            pieces.sort(key=lambda piece: piece.first)
            total = functools.reduce(merged, pieces, Piece.empty(0, 0, self._counted))
        n, others, exponent, mix = total.whole
        mean, m2, absmax = total.floats
        with np.errstate(all="ignore"):
            std = np.ldexp(np.sqrt(m2 / n), exponent)
            norm = np.ldexp(np.sqrt((m2 + n * mean * mean) * self._repeats), exponent)
            mean = np.where(n > 0, np.ldexp(mean, exponent), np.nan)
        columns = (norm, mean, std, absmax, others * self._repeats, mix)
        if self._counted != self.size:
            columns = tuple(np.repeat(column, self.size) for column in columns)  # type: ignore[assignment]  # as many
        return Channels(self.axis, self._outer * self._inner * self._repeats, *columns)

    # -- one block ---------------------------------------------------------------------------

    def _piece(self, codes: Codes, first: int, low: int, high: int) -> Piece:
        piece = Piece.empty(first, low, high - low)
        if not self._take_fast(codes, piece):
            if piece.whole[0].any():
                piece = Piece.empty(first, low, high - low)
            values = self._values(codes).astype(np.float64)
            if self._loops is None:
                take_plainly(values, piece, self._counted, self._inner)
            else:
                self._loops.float64(values, first, self._counted, self._inner, low, piece.floats, piece.whole)
        if self._find_equal:
            self._mix(codes, piece)
        return piece

    def _take_fast(self, codes: Codes, piece: Piece) -> bool:
        """By a loop made for these codes; False if there is none, or it has met what it cannot sum."""
        loops, dtype = self._loops, self.blocks.dtype
        where = (piece.first, self._counted, self._inner, piece.low, piece.floats, piece.whole)
        if loops is None or dtype.bits > 32 or (dtype.bits == 32 and dtype.name != "float32"):
            return False
        if self._inner < _SHORT_RUN and len(codes) >= _ROUNDS * self._counted * self._inner:
            return bool(loops.short_runs(self._values(codes), *where))
        if dtype.name == "bfloat16":
            return bool(loops.bfloat16(codes, *where))
        if dtype.name == "float16":
            return bool(loops.float16(codes, *where))
        return bool(loops.float32(self._values(codes), *where))

    def _values(self, codes: Codes) -> npt.NDArray[Any]:
        """The real values: float32 where codes are small, else as they are decoded."""
        dtype = self.blocks.dtype
        if self._table is not None:
            if self._loops is None:
                return self._table[codes]
            values = np.empty(len(codes), np.float32)
            self._loops.look_up(codes, self._table, values)
            return values
        if dtype.kind == "quantised":
            return dequantise(codes, dtype, self.blocks.scale, self.blocks.zero_point)
        return magnitudes(decode(codes, dtype)) if dtype.kind == "complex" else decode(codes, dtype)

    def _mix(self, codes: Codes, piece: Piece) -> None:
        flat = codes.reshape(-1)
        if flat.itemsize == 8:
            flat = flat.view(np.uint32)
        elif flat.itemsize == 1:
            flat = flat.astype(np.uint16)
        times = len(flat) // len(codes)
        first, inner = piece.first * times, self._inner * times
        if self._loops is None:
            mix_plainly(flat, first, self._counted, inner, piece)
        else:
            self._loops.mix(flat, first, self._counted, inner, piece.low, piece.floats, piece.whole)


def compiled() -> Any:
    """The compiled loops, None while they are not to be had."""
    try:
        from sdviewer.analysis.kernels import warming

        if not warming.available(names=("channels",)):
            return None
        return importlib.import_module("sdviewer.analysis.kernels.channels")
    except ImportError:  # no numba for this Python or machine
        return None


def _table_of(blocks: Blocks) -> npt.NDArray[np.float32] | None:
    """The value of every code, None where codes are too wide for a table."""
    dtype = blocks.dtype
    if value_bits(dtype) > 16 or dtype.kind in {"complex", "quantised"}:
        if dtype.kind != "quantised" or value_bits(dtype) > 8:
            return None
        codes = np.arange(1 << value_bits(dtype)).astype(np.uint8)
        return dequantise(codes, dtype, blocks.scale, blocks.zero_point)
    return _writable_table(dtype.name)


@functools.cache
def _writable_table(name: str) -> npt.NDArray[np.float32]:
    """A copy, for compiled loops take no array that is read-only."""
    return decode_table(name).copy()


def channels(ref: TensorRef, axis: int = 0, control: Control | None = None, *, threads: int = _THREADS) -> Channels:
    """The channels along an axis; negative ones count from the end. Progress is in values.

    Raises:
        ValueError: there is no such axis.
        CannotRead: and its kinds, see `TensorRef`; or there are more than `MOST_CHANNELS`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    axis = axis + len(ref.shape) if axis < 0 else axis
    blocks = Blocks(ref)
    # Packed values with gaps, along their own axis: only row-major do they follow each other.
    if any(own == len(ref.shape) for own, _ in blocks.axes) and axis == len(ref.shape) - 1:
        blocks = Blocks(ref, memory_order=False)
    sums = ChannelSums(blocks, axis, find_equal=True)
    count = len(blocks)
    helpers = max(0, min(threads, count // _BLOCKS_A_THREAD) - 1)
    indices = iter(range(count))
    lock, failed = threading.Lock(), threading.Event()

    def work(*, tells: bool) -> list[Piece]:
        share, buffer = sums.new_share(), new_buffer()
        try:
            while not failed.is_set():
                with lock:
                    index = next(indices, None)
                if index is None:
                    break
                if tells:
                    control.report(index * blocks.per_block, blocks.numel, ref.name)
                control.check()
                sums.add(share, index, blocks.read(index, buffer))
        except BaseException:
            failed.set()
            raise
        return share

    control.check()
    blocks.check_unchanged()
    with ThreadPoolExecutor(max(1, helpers), "channels") as pool:
        others = [pool.submit(work, tells=False) for _ in range(helpers)]
        shares = [work(tells=True), *(other.result() for other in others)]
    blocks.check_unchanged()
    control.report(blocks.numel, blocks.numel, ref.name)
    return sums.result(shares)
