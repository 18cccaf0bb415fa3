"""The loops of an export: float32 to fewer bits, to nearest, ties to even; codes through a table; and CRC-32.

A NaN becomes the quiet NaN of the dtype, with its sign except in bfloat16: libraries differ in what they keep of it.
The twins in numpy are `edit.encoding_loops`.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.kernels.compiling import kernel
from sdviewer.analysis.kernels.vectors import CAN_FOLD, FOLDED, folded

Array = npt.NDArray[Any]

_MAGNITUDE, _INFINITY = np.uint32(0x7FFF_FFFF), np.uint32(0x7F80_0000)


@kernel(exact=True)
def _narrow(values: Array, codes: Array, fraction: int, bias: int, top: int, nan: int, sign: int) -> None:
    """Without a branch, so that many are done at once.

    Args:
        values: float32.
        codes: of as many bits as the dtype has.
        fraction: bits of the fraction.
        bias: of the exponent.
        top: the code of what is too large.
        nan: that of a NaN.
        sign: which bit is the sign.

    """
    shift = np.uint32(23 - fraction)
    # Added to the bits of a float32: the other bias, and less than half a unit of the last place.
    added = np.uint32(((bias - 127) << 23) + (1 << (22 - fraction)) - 1)
    # Below it there are subnormals, whose codes count units.
    least, units = np.float32(2.0 ** (1 - bias)), np.float32(2.0 ** (bias - 1 + fraction))
    least_bits = np.uint32((128 - bias) << 23)
    bits = values.view(np.uint32)
    for i in range(codes.size):
        x = bits[i]
        magnitude = x & _MAGNITUDE
        small = np.uint32(np.int32(np.rint(min(least, abs(values[i])) * units)))
        normal = np.uint32(magnitude + added + ((magnitude >> shift) & np.uint32(1))) >> shift
        code = normal if magnitude >= least_bits else small
        code = min(np.uint32(top), code)
        code = np.uint32(nan) if magnitude > _INFINITY else code
        codes[i] = code | ((x >> np.uint32(31)) << np.uint32(sign))


@kernel("void(float32[::1], uint16[::1])", exact=True)
def to_bfloat16(values: Array, codes: Array) -> None:
    """The codes of float32 values in bfloat16."""
    bits = values.view(np.uint32)
    for i in range(codes.size):
        x = bits[i]
        rounded = np.uint32(x + np.uint32(0x7FFF) + ((x >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        codes[i] = np.uint32(0x7FC0) if (x & _MAGNITUDE) > _INFINITY else rounded


@kernel("void(float32[::1], uint16[::1])", exact=True)
def to_float16(values: Array, codes: Array) -> None:
    """The codes of float32 values in float16."""
    _narrow(values, codes, 10, 15, 0x7C00, 0x7E00, 15)


@kernel("void(float32[::1], uint8[::1])", exact=True)
def to_float8_e4m3fn(values: Array, codes: Array) -> None:
    """The codes of float32 values in float8_e4m3fn; beyond the largest number comes the largest number."""
    _narrow(values, codes, 3, 7, 0x7E, 0x7F, 7)


@kernel("void(float32[::1], uint8[::1])", exact=True)
def to_float8_e5m2(values: Array, codes: Array) -> None:
    """The codes of float32 values in float8_e5m2."""
    _narrow(values, codes, 2, 15, 0x7C, 0x7F, 7)


@kernel(
    "void(uint8[::1], uint8[::1], uint8[::1])",
    "void(uint8[::1], uint16[::1], uint16[::1])",
    "void(uint8[::1], uint32[::1], uint32[::1])",
    "void(uint16[::1], uint8[::1], uint8[::1])",
    "void(uint16[::1], uint16[::1], uint16[::1])",
    "void(uint16[::1], uint32[::1], uint32[::1])",
)
def look_up(codes: Array, table: Array, found: Array) -> None:
    """What a table has for each code; it is as long as there are codes."""
    for i in range(found.size):
        found[i] = table[codes[i]]


def crc32(data: Array, checksum: int) -> int:
    """As `zlib.crc32` of contiguous bytes, three times as fast where the processor can do it."""
    whole = len(data) // FOLDED * FOLDED
    if not CAN_FOLD or not whole or not data.flags.writeable:
        return zlib.crc32(data.data, checksum)
    state = np.array([checksum ^ 0xFFFF_FFFF, 0], np.uint64)
    fold(data[:whole], state)
    # Behind 16 bytes that stand for all the others, from a register of zeros.
    return zlib.crc32(data[whole:].data, zlib.crc32(state.data, 0xFFFF_FFFF))


if CAN_FOLD:

    @kernel("void(uint8[::1], uint64[::1])", exact=True)
    def fold(data: Array, state: Array) -> None:
        """Bytes, a multiple of 64 of them, become 16 with the same CRC-32; `state` has two words.

        The first of them begins with the register of what came before.
        """
        folded(data, state)
