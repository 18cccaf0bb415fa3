"""Meaning: what the codes of a tensor stand for where they are counted, and counts made of counted codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks
from sdviewer.analysis.counts import Counts, Floats, Int64, Limits, limits_of, of_values
from sdviewer.checkpoint.decoding import Codes, code_dtype, decode, decode_table, dequantise, value_bits
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.tensors import TensorRef


@dataclass(frozen=True, eq=False, slots=True)
class Meaning:
    """What the codes of a tensor's blocks stand for.

    Attributes:
        dtype: of the codes.
        scale, zero_point: of quantised codes.
        facts: counts of the tensor without entries.

    """

    dtype: Dtype
    scale: float
    zero_point: int
    facts: Counts

    @property
    def bits(self) -> int:
        """Of a code; of complex numbers both parts."""
        return value_bits(self.dtype)

    def wide_values(self, codes: Codes) -> npt.NDArray[Any]:
        """What codes of more than 16 bits stand for, as they are compared: float32, float64 or integers."""
        if self.dtype.kind == "quantised":
            return dequantise(codes, self.dtype, self.scale, self.zero_point)
        if self.dtype.kind == "complex":
            return magnitudes(decode(codes, self.dtype))
        return codes.view(self.facts.carrier)

    def counts_of_codes(self, codes: Codes, times: Int64) -> Counts:
        """The counts of different codes that occurred so many times; those of wide values in place of wide codes."""
        if self.bits > 16:
            return self._of_wide(codes.view(self.facts.carrier), times)
        codes = codes.astype(code_dtype(self.dtype), copy=False)
        if self.dtype.kind == "quantised":
            values = dequantise(codes, self.dtype, self.scale, self.zero_point)
        else:
            values = decode_table(self.dtype.name)[codes]
        found = _of_floats(self.facts, values, codes, times)
        if self.dtype.kind in {"int", "uint", "bool"} and len(found.low):
            found = replace(found, integers=(int(found.low[0]), int(found.low[-1])))
        return found

    def _of_wide(self, values: npt.NDArray[Any], times: Int64) -> Counts:
        codes = values.view(f"uint{values.itemsize * 8}")
        if values.dtype.kind == "f":
            return _of_floats(self.facts, values, codes, times)
        if not len(values):
            return self.facts
        limits = np.iinfo(values.dtype)
        at_limits = (values == limits.max) | ((values == limits.min) & (limits.min < 0))
        integers = int(values.min()), int(values.max())
        facts = replace(self.facts, saturated=int(times[at_limits].sum()), integers=integers)
        return of_values(facts, values.astype(np.float64), codes, times)


def meaning_of(ref: TensorRef, blocks: Blocks) -> Meaning:
    """What the codes of these blocks of a tensor stand for."""
    stored, dtype = ref.checkpoint.table.dtype_of(ref.row), blocks.dtype
    limits = Limits()
    if stored.kind != "quantised":
        limits = limits_of(stored)
    elif dtype.kind == "quantised":
        bits = value_bits(dtype)
        least, most = (
            (-(1 << bits - 1), (1 << bits - 1) - 1) if stored.name.startswith("qint") else (0, (1 << bits) - 1)
        )
        ends = sorted(float(np.float32(end - blocks.zero_point) * np.float32(blocks.scale)) for end in (least, most))
        limits = Limits(0.0, ends[1], ends[0])
    carrier = "float32"
    if dtype.kind == "complex":
        carrier = "float64"
    elif value_bits(dtype) > 16 and dtype.kind != "quantised":
        carrier = dtype.numpy
    nothing = np.empty(0)
    facts = Counts(
        stored,
        np.empty(0, np.uint8),
        np.empty(0, np.int64),
        nothing,
        nothing,
        nan=0,
        posinf=0,
        neginf=0,
        negative_zeros=0,
        limits=limits,
        carrier=carrier,
        saturated=0 if carrier.startswith(("int", "uint")) else -1,
    )
    return Meaning(dtype, blocks.scale, blocks.zero_point, facts)


def magnitudes(values: npt.NDArray[Any]) -> Floats:
    """√(re² + im²) in float64; NaN if a part is, and else infinite if a part is."""
    with np.errstate(over="ignore", invalid="ignore"):
        found: Floats = np.hypot(values.real.astype(np.float64), values.imag.astype(np.float64))
    # hypot(inf, nan) is inf.
    found[np.isnan(values)] = np.nan
    return found


def _of_floats(facts: Counts, values: npt.NDArray[Any], codes: Codes, times: Int64) -> Counts:
    """The counts of floating-point values that may be NaN or infinite."""
    nan, posinf, neginf = (int(times[which].sum()) for which in (np.isnan(values), values == np.inf, values == -np.inf))
    negative_zeros = int(times[(values == 0) & np.signbit(values)].sum())
    facts = replace(facts, nan=nan, posinf=posinf, neginf=neginf, negative_zeros=negative_zeros)
    # Only these are widened: numpy warns of each signalling NaN that it converts.
    kept = np.isfinite(values)
    return of_values(facts, values[kept].astype(np.float64), codes[kept], times[kept])
