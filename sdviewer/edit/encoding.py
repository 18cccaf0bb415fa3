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
        narrow = cast(values, dtype)
        if dtype == "float32":
            return narrow.view(np.uint8)
        if dtype == "float16":
            return narrow.astype(np.float16).view(np.uint8)
        if dtype == "bfloat16":
            codes = (narrow.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
            # A NaN whose payload lies in the lower half would become an infinity.
            codes[np.isnan(narrow)] = 0x7FC0
            return codes.view(np.uint8)
        return _small_codes(narrow, dtype)


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
