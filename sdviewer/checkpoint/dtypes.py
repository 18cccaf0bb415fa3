"""The dtype table: every dtype that torch, safetensors or numpy may put into a checkpoint.

One row says how many bits an element has, what kind of number it is, and how the three
libraries spell it. A column of a tensor table holds the row's `code`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["float", "int", "uint", "bool", "complex", "quantised", "bits", "other"]


@dataclass(frozen=True, slots=True)
class Dtype:
    """One row of the table.

    Attributes:
        code: the row's number, stable within one version of sdviewer only.
        name: torch's name without `torch.`, or numpy's or our own where torch has none.
        bits: bits of one element; a `_x2` dtype counts the byte that holds two values.
        kind: what its bit patterns mean.
        safetensors: the name in a safetensors header, or "".
        storage: the class name that torch pickles for a storage of it, or "".
        numpy: numpy's name for the same values, or "" where numpy has none.
        in_torch: whether `torch.<name>` exists in torch 2.13.

    """

    code: int
    name: str
    bits: int
    kind: Kind
    safetensors: str = ""
    storage: str = ""
    numpy: str = ""
    in_torch: bool = True

    @property
    def itemsize(self) -> int:
        """Bytes of one element; 0 where elements do not fill whole bytes (float6)."""
        return self.bits // 8 if self.bits % 8 == 0 else 0

    def nbytes(self, numel: int) -> int:
        """Bytes of `numel` contiguous elements, rounded up to a whole byte."""
        return (numel * self.bits + 7) // 8


_ROWS: tuple[tuple[str, int, Kind, str, str, str, bool], ...] = (
    # name, bits, kind, safetensors, torch storage class, numpy, in torch
    ("float64", 64, "float", "F64", "DoubleStorage", "float64", True),
    ("float32", 32, "float", "F32", "FloatStorage", "float32", True),
    ("float16", 16, "float", "F16", "HalfStorage", "float16", True),
    ("bfloat16", 16, "float", "BF16", "BFloat16Storage", "", True),
    ("float8_e4m3fn", 8, "float", "F8_E4M3", "", "", True),
    ("float8_e5m2", 8, "float", "F8_E5M2", "", "", True),
    ("float8_e4m3fnuz", 8, "float", "F8_E4M3FNUZ", "", "", True),
    ("float8_e5m2fnuz", 8, "float", "F8_E5M2FNUZ", "", "", True),
    ("float8_e8m0fnu", 8, "float", "F8_E8M0", "", "", True),
    ("float4_e2m1fn_x2", 8, "float", "F4", "", "", True),
    ("float6_e2m3fn", 6, "float", "F6_E2M3", "", "", False),
    ("float6_e3m2fn", 6, "float", "F6_E3M2", "", "", False),
    ("complex128", 128, "complex", "C128", "ComplexDoubleStorage", "complex128", True),
    ("complex64", 64, "complex", "C64", "ComplexFloatStorage", "complex64", True),
    ("complex32", 32, "complex", "", "ComplexHalfStorage", "", True),
    ("int64", 64, "int", "I64", "LongStorage", "int64", True),
    ("int32", 32, "int", "I32", "IntStorage", "int32", True),
    ("int16", 16, "int", "I16", "ShortStorage", "int16", True),
    ("int8", 8, "int", "I8", "CharStorage", "int8", True),
    ("uint64", 64, "uint", "U64", "", "uint64", True),
    ("uint32", 32, "uint", "U32", "", "uint32", True),
    ("uint16", 16, "uint", "U16", "", "uint16", True),
    ("uint8", 8, "uint", "U8", "ByteStorage", "uint8", True),
    ("bool", 8, "bool", "BOOL", "BoolStorage", "bool", True),
    ("qint8", 8, "quantised", "", "QInt8Storage", "", True),
    ("quint8", 8, "quantised", "", "QUInt8Storage", "", True),
    ("qint32", 32, "quantised", "", "QInt32Storage", "", True),
    # Packed: an element has 4 or 2 bits, a row's storage is counted in whole bytes.
    ("quint4x2", 4, "quantised", "", "QUInt4x2Storage", "", True),
    ("quint2x4", 2, "quantised", "", "QUInt2x4Storage", "", True),
    *((f"uint{n}", 8, "uint", "", "", "", True) for n in range(1, 8)),
    *((f"int{n}", 8, "int", "", "", "", True) for n in range(1, 8)),
    ("bits8", 8, "bits", "", "", "", True),
    ("bits16", 16, "bits", "", "", "", True),
    ("bits1x8", 8, "bits", "", "", "", True),
    ("bits2x4", 8, "bits", "", "", "", True),
    ("bits4x2", 8, "bits", "", "", "", True),
    # numpy's text, dates and records, and names that a newer library wrote: listed, not decoded.
    # The name and the bytes of an element stand in the tensor's extra.
    ("other", 8, "other", "", "", "", False),
)

DTYPES: tuple[Dtype, ...] = tuple(Dtype(code, *row) for code, row in enumerate(_ROWS))
BY_NAME: Mapping[str, Dtype] = MappingProxyType({dtype.name: dtype for dtype in DTYPES})
BY_SAFETENSORS: Mapping[str, Dtype] = MappingProxyType({d.safetensors: d for d in DTYPES if d.safetensors})
BY_STORAGE: Mapping[str, Dtype] = MappingProxyType({d.storage: d for d in DTYPES if d.storage})
BY_NUMPY: Mapping[str, Dtype] = MappingProxyType({d.numpy: d for d in DTYPES if d.numpy})
OTHER = BY_NAME["other"]
