"""Dequantising: the real values of a quantised group, computed block by block in float32.

- bitsandbytes nf4 and fp4: codebook[code] · absmax[i // blocksize], the code of an even i in the high half of its
  byte. Where absmax is quantised as well it is nested_map[absmax] · nested_absmax[i // nested_blocksize] + offset.
  Dettmers et al., “QLoRA: Efficient Finetuning of Quantized LLMs” (2023); bitsandbytes/functional.py.
- bitsandbytes int8: code · SCB[row] / 127. Dettmers et al., “LLM.int8()” (2022), vector-wise quantisation.
- fp8 and int8 with scales: code · scale of its tile. DeepSeek-AI, “DeepSeek-V3 Technical Report” (2024), 3.3.2;
  compressed-tensors, `naive_quantized`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.computed import Computation, Floats
from sdviewer.checkpoint.decoding import decode
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.memory import check_memory
from sdviewer.checkpoint.payload import Payload
from sdviewer.checkpoint.quantised_groups import QuantisedGroup, tile_of
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.errors import NotDecodable

_LONGEST_STATE = 1 << 16
_MOST_VALUES = 2**62

# QLoRA, appendix E: quantiles of a standard normal distribution, as bitsandbytes writes them out.
NF4 = np.array(
    [
        -1.0,
        -0.6961928009986877,
        -0.5250730514526367,
        -0.39491748809814453,
        -0.28444138169288635,
        -0.18477343022823334,
        -0.09105003625154495,
        0.0,
        0.07958029955625534,
        0.16093020141124725,
        0.24611230194568634,
        0.33791524171829224,
        0.44070982933044434,
        0.5626170039176941,
        0.7229568362236023,
        1.0,
    ],
    np.float32,
)
_FP4_HALF = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3], np.float32) / np.float32(12)
FP4 = np.concatenate((_FP4_HALF, -_FP4_HALF))
"""Sign, two bits of exponent, one of mantissa, as bitsandbytes orders them; the largest is 1."""


def can_dequantise(group: QuantisedGroup) -> bool:
    """Whether the values are known by a public formula, as far as columns tell."""
    return bool(group.scheme)


def dequantise_group(checkpoint: Checkpoint, group: QuantisedGroup) -> Computation:
    """How the values of a group come about; reads its scales, and no codes.

    Raises:
        NotDecodable: the members do not fit together, or no formula is known; says why.
        CannotRead: and its kinds, see `TensorRef`.

    """
    if group.scheme == "4bit":
        return _four_bits(checkpoint, group)
    if group.scheme not in {"rows", "scaled"} or group.shape is None:
        raise NotDecodable(f"how the values of {group.format} come about is not known here", file=checkpoint.path)
    codes = TensorRef(checkpoint, group.members["codes"])
    scale = _real(TensorRef(checkpoint, group.members["scale"]))
    shape = group.shape
    if group.scheme == "rows":
        return _Tiled(group.name, shape, codes, codes.payload(), scale.reshape(-1, 1), (1, shape[1]), 127.0)
    tile = tile_of(shape, scale.shape)
    if tile is None:
        raise NotDecodable(f"the scales of {group.name!r} do not fit its shape", file=checkpoint.path)
    if scale.size > 1 and len(scale.shape) == 1:
        scale = scale.reshape(-1, 1)
    return _Tiled(group.name, shape, codes, codes.payload(), scale, tile, 1.0)


# -- a scale for each tile -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class _Tiled:
    """code · scale / divisor; all matrices of a stack have as many tiles."""

    name: str
    shape: tuple[int, ...]
    codes: TensorRef
    payload: Payload
    scale: Floats
    tile: tuple[int, int]
    divisor: float

    def values(self, first: int, count: int) -> Floats:
        dtype = self.codes.checkpoint.table.dtype_of(self.codes.row)
        values = decode(self.payload.read_block(first, count), dtype).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            values *= self._scales(first, count)
            if self.divisor != 1.0:
                values *= np.float32(1 / self.divisor)
        return values

    def check_unchanged(self) -> None:
        self.codes.payload().check_unchanged()

    def _scales(self, first: int, count: int) -> Floats:
        if self.scale.size == 1:
            return self.scale.reshape(1)
        rows, columns = self.shape[-2:]
        down, across = self.tile
        tiles = self.scale.reshape(-1, self.scale.shape[-1])
        last = first + count - 1
        row = np.arange(first // columns, last // columns + 1)
        at = row // rows * self.scale.shape[-2] + row % rows // down
        low, high = (first % columns, last % columns + 1) if len(row) == 1 else (0, columns)
        start = low // across
        wide = np.repeat(tiles[at, start : -(-high // across)], across, axis=1)[:, low - start * across :]
        wide = wide[:, : high - low].reshape(-1)
        skipped = first % columns - low
        return wide[skipped : skipped + count]


# -- codebooks ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuantState:
    """What `quant_state.bitsandbytes__nf4` says.

    Attributes:
        shape: of the weight.
        dtype: that the model computes in, for the reader; values are given in float32.
        blocksize: values that share an absmax.
        nested_blocksize, nested_offset: the same of a quantised absmax, and what was taken off it before; None
            where absmax is plain.

    """

    shape: tuple[int, ...]
    dtype: str
    blocksize: int
    nested_blocksize: int | None
    nested_offset: float


def read_quant_state(checkpoint: Checkpoint, group: QuantisedGroup) -> QuantState:
    """The facts of a bitsandbytes weight of four bits.

    Raises:
        NotDecodable: it is not what bitsandbytes writes.

    """
    ref = TensorRef(checkpoint, group.members["quant_state"])
    if ref.nbytes > _LONGEST_STATE:
        raise NotDecodable(f"{ref.name!r} is too long to be a quant_state", file=checkpoint.path)
    try:
        facts = json.loads(ref.codes().tobytes())
        state = QuantState(
            tuple(_count(size) for size in facts["shape"]),
            str(facts.get("dtype", "")),
            _count(facts["blocksize"], 1),
            _count(facts["nested_blocksize"], 1) if "nested_blocksize" in facts else None,
            float(facts.get("nested_offset", 0.0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotDecodable(f"{ref.name!r} is no quant_state of bitsandbytes: {error}", file=checkpoint.path) from error
    if math.prod(state.shape) > _MOST_VALUES:
        raise NotDecodable(f"{ref.name!r} tells of a shape that no tensor has", file=checkpoint.path)
    return state


def _count(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _MOST_VALUES:
        raise ValueError(f"{value!r} is no size")
    return value


@dataclass(frozen=True, eq=False, slots=True)
class _FourBits:
    """codebook[code] · absmax of its block."""

    name: str
    shape: tuple[int, ...]
    codes: TensorRef
    pairs: Floats
    absmax: _Absmax
    blocksize: int
    payload: Payload

    def values(self, first: int, count: int) -> Floats:
        start = first // 2
        packed = self._packed(start, -(-(first + count) // 2) - start)
        values = self.pairs[packed].reshape(-1)[first - 2 * start :][:count]
        block = first // self.blocksize
        scale = self.absmax.values(block, (first + count - 1) // self.blocksize + 1 - block)
        where = np.repeat(scale, self.blocksize) if self.blocksize <= count else None
        with np.errstate(over="ignore", invalid="ignore"):
            if where is None:
                product: Floats = values * scale[np.arange(first, first + count) // self.blocksize - block]
                return product
            skipped = first - block * self.blocksize
            return values * where[skipped : skipped + count]

    def check_unchanged(self) -> None:
        self.codes.payload().check_unchanged()

    def _packed(self, first: int, count: int) -> npt.NDArray[np.uint8]:
        """Bytes of the codes, whatever dtype they are stored in."""
        width = self.payload.unit.itemsize
        start = first // width
        units = self.payload.read_block(start, -(-(first + count) // width) - start)
        return np.ascontiguousarray(units).view(np.uint8).reshape(-1)[first - start * width :][:count]


@dataclass(frozen=True, eq=False, slots=True)
class _Absmax:
    """The scale of each block, plain or quantised itself."""

    ref: TensorRef
    payload: Payload
    table: Floats | None
    outer: Floats
    blocksize: int
    offset: float

    def values(self, first: int, count: int) -> Floats:
        codes = self.payload.read_block(first, count)
        if self.table is None:
            return decode(codes, self.ref.checkpoint.table.dtype_of(self.ref.row)).astype(np.float32)
        outer = self.outer[np.arange(first, first + count) // self.blocksize]
        result: Floats = self.table[codes] * outer + np.float32(self.offset)
        return result


def _four_bits(checkpoint: Checkpoint, group: QuantisedGroup) -> Computation:
    state = read_quant_state(checkpoint, group)
    codes, absmax = (TensorRef(checkpoint, group.members[role]) for role in ("codes", "absmax"))
    numel = math.prod(state.shape)

    def fail(text: str) -> NotDecodable:
        return NotDecodable(f"{group.name!r} cannot be dequantised: {text}", file=checkpoint.path)

    if codes.nbytes != (numel + 1) // 2:
        raise fail(f"{codes.nbytes:,} bytes of codes are not those of {numel:,} weights of 4 bits")
    blocks = -(-numel // state.blocksize)
    if absmax.numel != blocks:
        raise fail(f"{absmax.numel:,} absmax are not those of {blocks:,} blocks of {state.blocksize:,}")
    map_row = group.members.get("quant_map")
    book = (NF4 if group.format.endswith("nf4") else FP4) if map_row is None else _real(TensorRef(checkpoint, map_row))
    if book.shape != (16,):
        raise fail("its quant_map has not 16 entries")
    table, outer = None, np.empty(0, np.float32)
    if absmax.dtype == "uint8":
        rows = [group.members.get(role) for role in ("nested_quant_map", "nested_absmax")]
        if rows[0] is None or rows[1] is None or state.nested_blocksize is None:
            raise fail("absmax is quantised, and what dequantises it is not there")
        table, outer = (_real(TensorRef(checkpoint, row)).reshape(-1) for row in rows if row is not None)
        if table.shape != (256,) or outer.size != -(-blocks // state.nested_blocksize):
            raise fail("what dequantises absmax does not fit it")
    elif absmax.dtype not in {"float32", "float16", "bfloat16"}:
        raise fail(f"absmax is {absmax.dtype}")
    code = np.arange(256)
    return _FourBits(
        group.name,
        state.shape,
        codes,
        np.stack((book[code >> 4], book[code & 15]), axis=1),
        _Absmax(absmax, absmax.payload(), table, outer, state.nested_blocksize or 1, state.nested_offset),
        state.blocksize,
        codes.payload(),
    )


def _real(ref: TensorRef) -> Floats:
    """All values of a tensor of scales."""
    check_memory(4 * ref.numel, ref.name, ref.checkpoint.path)
    return ref.numpy().astype(np.float32)
