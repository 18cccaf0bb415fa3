"""Encoding loops: what `kernels.encoding` does, in plain numpy; every code is the same.

All write into an array that is given, with one code a value.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import decode_table
from sdviewer.comparison.casting import cast

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[Any]

_ONE, _HALF = np.uint32(1), np.uint32(16)


def to_bfloat16(values: Floats, codes: Codes) -> None:
    """The codes of float32 values in bfloat16."""
    bits = values.view(np.uint32)
    codes[...] = (bits + (np.uint32(0x7FFF) + ((bits >> _HALF) & _ONE))) >> _HALF
    # Rounded, a NaN might become an infinity or wrap round.
    codes[np.isnan(values)] = 0x7FC0


def to_float16(values: Floats, codes: Codes) -> None:
    """The codes of float32 values in float16."""
    with np.errstate(all="ignore"):
        codes.view(np.float16)[...] = values
    _set_nan(values, codes, 0x7E00, 15)


def to_float8_e4m3fn(values: Floats, codes: Codes) -> None:
    """The codes of float32 values in float8_e4m3fn; beyond the largest number comes the largest number."""
    _to_float8(values, codes, "float8_e4m3fn")


def to_float8_e5m2(values: Floats, codes: Codes) -> None:
    """The codes of float32 values in float8_e5m2."""
    _to_float8(values, codes, "float8_e5m2")


def look_up(codes: Codes, table: Codes, found: Codes) -> None:
    """What a table has for each code; it is as long as there are codes."""
    np.take(table, codes, out=found, mode="clip")


def crc32(data: npt.NDArray[np.uint8], checksum: int) -> int:
    """As `zlib.crc32` of contiguous bytes."""
    return zlib.crc32(data.data, checksum)


def _to_float8(values: Floats, codes: Codes, dtype: str) -> None:
    rounded = cast(values, dtype)
    codes[...] = np.searchsorted(_magnitudes(dtype), np.abs(rounded))
    codes |= np.signbit(values).astype(np.uint8) << np.uint8(7)
    _set_nan(values, codes, 0x7F, 7)


def _set_nan(values: Floats, codes: Codes, nan: int, sign: int) -> None:
    found = np.isnan(values)
    codes[found] = nan | np.signbit(values[found]).astype(codes.dtype) << sign


@cache
def _magnitudes(dtype: str) -> Floats:
    """The values of the codes without a sign, which ascend up to the first NaN."""
    table = decode_table(dtype)[:128]
    return table[: int(np.flatnonzero(~np.isnan(table))[-1]) + 1]
