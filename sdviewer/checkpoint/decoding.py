"""Decoding: from bit patterns to the numbers they stand for, exactly as torch reads them.

A dtype of at most 16 bits has a table of all its values. Every one of them is a float32, so
the table says everything about the dtype.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import BY_NAME, Dtype

Codes = npt.NDArray[np.unsignedinteger[Any]]
Values = npt.NDArray[Any]

# name: exponent bits, mantissa bits, exponent bias, what a full exponent means
# "ieee": infinities and NaN · "fn": NaN only with all mantissa bits · "fnuz": NaN is negative zero · "none": neither
_SMALL_FLOATS: dict[str, tuple[int, int, int, str]] = {
    # OCP 8-bit Floating Point Specification (OFP8) 1.0
    "float8_e4m3fn": (4, 3, 7, "fn"),
    "float8_e5m2": (5, 2, 15, "ieee"),
    # Noune et al., 8-bit Numerical Formats for Deep Neural Networks, arXiv:2206.02915
    "float8_e4m3fnuz": (4, 3, 8, "fnuz"),
    "float8_e5m2fnuz": (5, 2, 16, "fnuz"),
    # OCP Microscaling Formats (MX) Specification 1.0
    "float4_e2m1fn_x2": (2, 1, 1, "none"),
    "float6_e2m3fn": (2, 3, 1, "none"),
    "float6_e3m2fn": (3, 2, 3, "none"),
}

# What numpy's decoded array holds, for kinds that it has under another name or not at all.
_CARRIER = {"uint": "uint8", "int": "int8"}


def value_bits(dtype: Dtype) -> int:
    """Bits of one value: those of an element, but 4 where an element is a byte that holds two."""
    return 4 if dtype.name == "float4_e2m1fn_x2" else dtype.bits


def code_dtype(dtype: Dtype) -> np.dtype[np.unsignedinteger[Any]]:
    """The unsigned integers that hold its bit patterns; of complex numbers, those of one component."""
    bits = value_bits(dtype) // 2 if dtype.kind == "complex" else value_bits(dtype)
    return np.dtype(f"uint{max(bits, 8)}")


def numpy_dtype(dtype: Dtype) -> np.dtype[Any] | None:
    """Numpy's dtype of the same values in the same bytes, None where numpy has none.

    `uint1` to `uint7` and `int1` to `int7` are bytes that hold one value each, as in torch.
    """
    name = dtype.numpy or _CARRIER.get(dtype.kind, "")
    return np.dtype(name) if name else None


def decoded_dtype(dtype: Dtype) -> np.dtype[Any] | None:
    """What `decode` gives: numpy's own dtype, else a wider one that holds every value; None if they are not known."""
    if dtype.kind in {"bits", "other"}:
        return None
    if dtype.kind == "quantised" or (dtype.kind == "float" and dtype.bits <= 16):
        return np.dtype("float32")
    return np.dtype("complex64") if dtype.name == "complex32" else numpy_dtype(dtype)


def decode(codes: Codes, dtype: Dtype) -> Values:
    """The values of `codes`: same shape, without the last dimension of 2 where they are complex.

    Quantised codes need their quantiser: see `dequantise`. May share memory with `codes`.
    """
    if dtype.kind == "bool":
        return np.not_equal(codes, 0)
    if dtype.name == "bfloat16":
        return (codes.astype(np.uint32) << 16).view(np.float32)
    if dtype.name == "float16":
        return _widened(codes)
    if dtype.name == "complex32":
        return _widened(codes).view(np.complex64)[..., 0]
    if dtype.kind == "complex":
        return codes.view(dtype.numpy)[..., 0]
    if dtype.kind == "float" and dtype.bits <= 8:
        return decode_table(dtype.name)[codes]
    exact = numpy_dtype(dtype)
    if exact is None:
        raise ValueError(f"{dtype.name} has no decoding of its own")
    return codes.view(exact)


def _widened(codes: Codes) -> npt.NDArray[np.float32]:
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return codes.view(np.float16).astype(np.float32)


@cache
def decode_table(name: str) -> npt.NDArray[np.float32]:
    """The value of every code of a float, integer or bool dtype of at most 16 bits, read-only float32.

    Shape `(2 ** value_bits,)`: 16 for float4, 64 for float6, 256 or 65,536.
    """
    dtype = BY_NAME[name]
    if name in _SMALL_FLOATS:
        table = _small_float_table(*_SMALL_FLOATS[name])
    elif name == "float8_e8m0fnu":
        # Powers of two from 2**-127, a float32 subnormal; the last code is NaN (OCP MX 1.0).
        table = np.append(np.ldexp(np.float32(1), np.arange(255) - 127), np.float32(np.nan)).astype(np.float32)
    elif dtype.kind in {"float", "int", "uint", "bool"} and dtype.bits <= 16:
        table = decode(np.arange(1 << dtype.bits, dtype=code_dtype(dtype)), dtype).astype(np.float32)
    else:
        raise ValueError(f"{name} has no table of values")
    table.flags.writeable = False
    return table


def _small_float_table(exponent_bits: int, mantissa_bits: int, bias: int, top: str) -> npt.NDArray[np.float32]:
    """(-1)**s · 2**(e - bias) · 1.m, and 2**(1 - bias) · 0.m where e = 0."""
    half = 1 << (exponent_bits + mantissa_bits)
    code = np.arange(half)
    exponent, mantissa = code >> mantissa_bits, code & ((1 << mantissa_bits) - 1)
    significand = mantissa + np.where(exponent > 0, 1 << mantissa_bits, 0)
    positive = np.ldexp(significand.astype(np.float32), np.maximum(exponent, 1) - bias - mantissa_bits)
    full = exponent == (1 << exponent_bits) - 1
    if top == "ieee":
        positive[full] = np.where(mantissa[full] == 0, np.inf, np.nan)
    elif top == "fn":
        positive[-1] = np.nan
    table = np.concatenate([positive, -positive]).astype(np.float32)
    if top == "fnuz":
        table[half] = np.nan
    return table


def dequantise(codes: Codes, dtype: Dtype, scale: npt.ArrayLike, zero_point: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The real values, to the last bit as torch's `dequantize`: (code - zero point) · scale.

    `scale` and `zero_point` are numbers (per tensor: the difference is an integer, the product a
    float32), or arrays that broadcast against `codes`: float64 scales and integer zero points (per
    channel: the difference is a float32, the product a float64), or float32 for both.
    """
    scale, zero_point = np.asarray(scale), np.asarray(zero_point)
    signed = codes.view(f"int{codes.itemsize * 8}") if dtype.name.startswith("qint") else codes
    with np.errstate(all="ignore"):
        if scale.ndim == 0:
            values = (signed.astype(np.int64) - zero_point).astype(np.float32) * scale.astype(np.float32)
        else:
            values = (signed.astype(np.float32) - zero_point.astype(np.float32)) * scale
    return np.asarray(values, np.float32)


def unpack(raw: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """Values of 2, 4 or 6 bits out of bytes, the first in the lowest bits, as torch packs them.

    For 6 bits, four values take three bytes; a last group that is cut short gives zeros.
    """
    if bits == 6:
        groups = np.zeros((-(-len(raw) // 3), 3), np.uint32)
        groups.reshape(-1)[: len(raw)] = raw
        words, count = groups[:, 0] | groups[:, 1] << 8 | groups[:, 2] << 16, 4
    else:
        words, count = raw.astype(np.uint32), 8 // bits
    shifts = np.arange(0, count * bits, bits, dtype=np.uint32)
    return ((words[:, None] >> shifts) & np.uint32((1 << bits) - 1)).astype(np.uint8).reshape(-1)
