"""Casting: the values that a conversion to another dtype leaves, as torch converts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

# name: bits of the fraction, exponent of the smallest normal number, largest number, whether larger ones saturate
_SMALL: dict[str, tuple[int, int, float, bool]] = {
    # torch 2.13: beyond the largest number comes the largest number, as OFP8 allows.
    "float8_e4m3fn": (3, -6, 448.0, True),
    "float8_e5m2": (2, -14, 57344.0, False),
}


def can_cast(dtype: str) -> bool:
    """Whether `cast` knows the dtype."""
    return dtype in {"float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"}


def cast(values: Values, dtype: str) -> Values:
    """`values` (float32 or float64) as they are after a conversion to `dtype`, to nearest, ties to even.

    Like torch, conversions to less than 32 bits go through float32. Shape stays.
    """
    with np.errstate(all="ignore"):
        if dtype == "float64":
            return values.astype(np.float64)
        narrow = values.astype(np.float32)
        if dtype == "float32":
            return narrow
        if dtype == "float16":
            return narrow.astype(np.float16).astype(np.float32)
        if dtype == "bfloat16":
            bits = narrow.view(np.uint32)
            rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
            return np.where(np.isnan(narrow), narrow, rounded.view(np.float32))
        return _to_small(narrow, *_SMALL[dtype])


def _to_small(values: Values, fraction: int, lowest: int, largest: float, saturates: bool) -> Values:
    exact = values.astype(np.float64)
    exponent = np.maximum(np.frexp(exact)[1] - 1, lowest)
    unit = np.ldexp(1.0, exponent - fraction)
    rounded = np.where(np.isfinite(exact), np.rint(exact / unit) * unit, exact)
    beyond = np.abs(rounded) > largest
    limit = largest if saturates else np.inf
    return np.where(beyond, np.copysign(limit, rounded), rounded)
