"""The dtype table agrees with torch, safetensors and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import _TYPES as SAFETENSORS_TYPES

from sdviewer.checkpoint.dtypes import BY_NAME, BY_NUMPY, BY_SAFETENSORS, BY_STORAGE, DTYPES, OTHER, Dtype

TORCH_DTYPES = {
    str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)
}
IN_TORCH = [dtype for dtype in DTYPES if dtype.in_torch]


def test_every_dtype_of_torch_has_a_row() -> None:
    assert {dtype.name for dtype in IN_TORCH} == set(TORCH_DTYPES)


@pytest.mark.parametrize("dtype", IN_TORCH, ids=lambda dtype: dtype.name)
def test_a_row_says_what_torch_says(dtype: Dtype) -> None:
    there = TORCH_DTYPES[dtype.name]
    packed = {"quint4x2": 4, "quint2x4": 2}  # torch counts the byte of several, the row one of them
    assert dtype.bits == packed.get(dtype.name, 8 * there.itemsize)
    assert (dtype.kind == "float") is there.is_floating_point
    assert (dtype.kind == "complex") is there.is_complex
    assert (dtype.kind == "quantised") is dtype.name.startswith(("qint", "quint"))


def test_safetensors_names_are_those_of_its_library() -> None:
    for name, there in SAFETENSORS_TYPES.items():
        assert TORCH_DTYPES[BY_SAFETENSORS[name].name] is there


@pytest.mark.filterwarnings("ignore:TypedStorage:UserWarning")  # asked for on purpose: files name its classes
def test_storage_classes_are_those_of_torch() -> None:
    # The C++ writer alone names the one that Python lacks.
    assert {name for name in BY_STORAGE if not hasattr(torch, name)} == {"ComplexHalfStorage"}
    for name, dtype in BY_STORAGE.items():
        if name == "ComplexHalfStorage":
            continue
        assert getattr(torch, name).dtype is TORCH_DTYPES[dtype.name]


def test_numpy_names_are_dtypes_of_the_same_width() -> None:
    for name, dtype in BY_NUMPY.items():
        assert np.dtype(name).itemsize * 8 == dtype.bits
        assert torch.from_numpy(np.zeros(1, name)).dtype is TORCH_DTYPES[dtype.name]


def test_codes_are_positions_and_names_are_unique() -> None:
    assert [dtype.code for dtype in DTYPES] == list(range(len(DTYPES)))
    assert len(BY_NAME) == len(DTYPES) <= 256
    assert OTHER.kind == "other"


@pytest.mark.parametrize(
    ("name", "numel", "nbytes"),
    [
        ("float32", 3, 12),
        ("bool", 3, 3),
        ("quint4x2", 3, 2),
        ("quint2x4", 5, 2),
        ("float6_e2m3fn", 4, 3),
        ("float6_e2m3fn", 5, 4),
        ("float4_e2m1fn_x2", 3, 3),
        ("complex128", 2, 32),
        ("float64", 0, 0),
    ],
)
def test_bytes_of_elements_are_rounded_up(name: str, numel: int, nbytes: int) -> None:
    assert BY_NAME[name].nbytes(numel) == nbytes


@pytest.mark.parametrize(("name", "itemsize"), [("float32", 4), ("bool", 1), ("complex32", 4), ("float6_e3m2fn", 0)])
def test_the_size_of_an_element_is_zero_where_it_fills_no_whole_bytes(name: str, itemsize: int) -> None:
    assert BY_NAME[name].itemsize == itemsize
