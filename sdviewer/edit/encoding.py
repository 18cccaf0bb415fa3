"""Encoding: the bytes of values in another dtype, rounded to nearest, ties to even, as torch converts them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import decode_table
from sdviewer.comparison.casting import cast

Values = npt.NDArray[Any]


def encoded(values: Values, dtype: str) -> npt.NDArray[np.uint8]:
    """The codes of `values` (float32 or float64) in `dtype`, as bytes."""
    with np.errstate(all="ignore"):
        single = values.astype(np.float32, copy=False)
        if dtype == "float32":
            return single.view(np.uint8)
        if dtype == "float16":
            return single.astype(np.float16).view(np.uint8)
        if dtype == "bfloat16":
            return _bfloat16_codes(single).view(np.uint8)
        return _small_codes(cast(single, dtype), dtype)


def _bfloat16_codes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    bits = values.view(np.uint32)
    codes = ((bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)).astype(np.uint16)
    nan = np.isnan(values)
    if nan.any():
        # Rounded, a NaN might become an infinity or wrap round.
        codes[nan] = 0x7FC0
    return codes


def _small_codes(values: Values, dtype: str) -> npt.NDArray[np.uint8]:
    """The code of each value, all of which the dtype has."""
    magnitudes, nan = _ascending(dtype)
    codes = np.searchsorted(magnitudes, np.abs(values)).astype(np.uint8)
    codes |= np.signbit(values).astype(np.uint8) << np.uint8(7)
    codes[np.isnan(values)] = nan
    return codes


@cache
def _ascending(dtype: str) -> tuple[npt.NDArray[np.float32], int]:
    """The values of the codes without a sign, which ascend, and the code of NaN."""
    table = decode_table(dtype)[:128]
    last = int(np.flatnonzero(~np.isnan(table))[-1])
    return table[: last + 1], 0x7F
