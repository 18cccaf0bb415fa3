"""What the JSON of torch.export says of one tensor, checked: dtype, sizes, strides and which entry holds its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdviewer.checkpoint.dtypes import BY_NAME, OTHER, Dtype
from sdviewer.formats.torch_objects import checked_shape

_LARGEST_SIZE = 2**62

# torch._export.serde.schema.ScalarType; numbers that are not here are listed without a dtype.
_DTYPES: Mapping[int, Dtype] = {
    number: BY_NAME[name]
    for number, name in (
        (1, "uint8"),
        (2, "int8"),
        (3, "int16"),
        (4, "int32"),
        (5, "int64"),
        (6, "float16"),
        (7, "float32"),
        (8, "float64"),
        (9, "complex32"),
        (10, "complex64"),
        (11, "complex128"),
        (12, "bool"),
        (13, "bfloat16"),
        (28, "uint16"),
        (29, "float8_e4m3fn"),
        (30, "float8_e5m2"),
        (31, "float8_e4m3fnuz"),
        (32, "float8_e5m2fnuz"),
        (33, "float8_e8m0fnu"),
        (34, "uint32"),
        (35, "uint64"),
    )
}
_STRIDED = 7


@dataclass(frozen=True, slots=True)
class TensorMeta:
    """What the configuration says of one tensor; sizes, strides and offset count elements."""

    entry: str
    dtype: Dtype
    dtype_number: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    requires_grad: bool
    is_parameter: bool
    strided: bool
    location: str

    @staticmethod
    def of(meta: Any) -> TensorMeta:
        """Raises ValueError, TypeError or KeyError where it is not as torch writes it."""
        facts = meta["tensor_meta"]
        shape = checked_shape(_integer(size) for size in facts["sizes"])
        stride = tuple(_integer(step) for step in facts["strides"])
        if len(shape) != len(stride):
            raise ValueError(f"{len(shape)} sizes and {len(stride)} strides")
        number = int(facts["dtype"])
        device = facts.get("device") or {}
        index = device.get("index")
        return TensorMeta(
            entry=str(meta["path_name"]),
            dtype=_DTYPES.get(number, OTHER),
            dtype_number=number,
            shape=shape,
            stride=stride,
            offset=_integer(facts["storage_offset"]),
            requires_grad=facts.get("requires_grad") is True,
            is_parameter=meta.get("is_param") is True,
            strided=facts.get("layout", _STRIDED) == _STRIDED,
            location=str(device.get("type", "cpu")) + ("" if index is None else f":{index}"),
        )


def _integer(value: Any) -> int:
    """A size as torch writes it: `{"as_int": 3}`; a symbol has no place in what is stored."""
    number = value["as_int"]
    if type(number) is not int or not 0 <= number <= _LARGEST_SIZE:
        raise ValueError(f"{value!r} is no size")
    return number
