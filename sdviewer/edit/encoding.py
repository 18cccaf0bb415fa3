"""Encoding: codes of one dtype become those of another, rounded to nearest, ties to even, as torch converts them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.compiled import compiled_or
from sdviewer.checkpoint.decoding import Codes, code_dtype, decode, decode_table, value_bits
from sdviewer.checkpoint.dtypes import BY_NAME, Dtype
from sdviewer.edit import encoding_loops

# Fewer values are converted, and of fewer bytes a checksum is taken, in less time than the compiled loops take to
# be loaded.
_MANY = 1 << 18
_MANY_BYTES = 1 << 28
_TABLE_BITS = 16

Checksum = Callable[[npt.NDArray[np.uint8], int], int]


class Encoder:
    """Converts floating point codes, `numel` in all, from one dtype to another; any thread may do a block."""

    def __init__(self, dtype: Dtype, to: str, numel: int) -> None:
        self._dtype, self._to = dtype, BY_NAME[to]
        self._loops: Any = compiled_or("encoding", encoding_loops) if numel >= _MANY else encoding_loops

    def encode(self, codes: Codes, out: npt.NDArray[np.uint8]) -> None:
        """Fill `out`, whose length says how many bytes the values of `codes` have in the new dtype."""
        found = out.view(code_dtype(self._to))
        codes = np.ascontiguousarray(codes).reshape(-1)
        if self._dtype.name == "bfloat16" and self._to.name == "float32":
            np.left_shift(codes, 16, out=found, dtype=np.uint32)
        elif value_bits(self._dtype) <= _TABLE_BITS:
            self._loops.look_up(codes, _table(self._dtype.name, self._to.name), found)
        else:
            _narrow(self._loops, decode(codes, self._dtype), self._to.name, found)


def _narrow(loops: Any, values: npt.NDArray[Any], to: str, found: Codes) -> None:
    """The codes of values of 32 or 64 bits; all go through float32, as torch's do."""
    if to == "float32":
        with np.errstate(all="ignore"):
            found.view(np.float32)[...] = values
        return
    with np.errstate(all="ignore"):
        single = values.astype(np.float32, copy=False)
    getattr(loops, f"to_{to}")(single, found)


def checksums(nbytes: int) -> Checksum:
    """How CRC-32 is taken of pieces of so many bytes in all: of a piece, behind that of what came before."""
    loops: Any = compiled_or("encoding", encoding_loops) if nbytes >= _MANY_BYTES else encoding_loops
    found: Checksum = loops.crc32
    return found


@cache
def _table(dtype: str, to: str) -> npt.NDArray[np.unsignedinteger[Any]]:
    """For every code of a dtype of at most 16 bits the code of its value in another."""
    values = decode_table(dtype)
    table = np.empty(len(values), code_dtype(BY_NAME[to]))
    _narrow(encoding_loops, values, to, table)
    return table
