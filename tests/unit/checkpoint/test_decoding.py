"""Every bit pattern of every dtype is decoded to the value that torch, or the format's paper, gives it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.decoding import (
    code_dtype,
    decode,
    decode_table,
    decoded_dtype,
    dequantise,
    numpy_dtype,
    unpack,
    value_bits,
)
from sdviewer.checkpoint.dtypes import BY_NAME, DTYPES, Dtype

# The oracles for quantised tensors are made by functions that torch has deprecated, and not replaced.
pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")

SMALL_OF_TORCH = [
    dtype.name
    for dtype in DTYPES
    if dtype.in_torch
    and dtype.bits <= 16
    and dtype.kind in ("float", "int", "uint", "bool")
    and dtype.name != "float4_e2m1fn_x2"
]
# uint1 … int7: bytes that torch can neither convert nor view as numbers.
SUB_BYTE = [name for name in SMALL_OF_TORCH if name.strip("uint") in "1234567" and name.strip("uint")]


def all_codes(dtype: Dtype) -> npt.NDArray[np.unsignedinteger]:
    return np.arange(1 << value_bits(dtype), dtype=code_dtype(dtype))


def same(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> bool:
    """Equal values, NaN where NaN is, zeros of one sign."""
    return np.array_equal(left, right, equal_nan=True) and np.array_equal(
        np.signbit(left) & ~np.isnan(left), np.signbit(right) & ~np.isnan(right)
    )


@pytest.mark.parametrize("name", [name for name in SMALL_OF_TORCH if name not in SUB_BYTE])
def test_all_bit_patterns_up_to_sixteen_bits_have_torchs_values(name: str) -> None:
    codes = all_codes(BY_NAME[name])
    if name == "bool":
        codes = codes[:2]  # torch may not be asked for others
    raw = torch.from_numpy(codes.view(np.uint8).copy())
    oracle = raw.view(getattr(torch, name)).float().numpy()
    assert same(decode(codes, BY_NAME[name]).astype(np.float32), oracle)
    assert same(decode_table(name)[codes], oracle)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "bfloat16", "float16"])
def test_narrow_floats_give_float32(name: str) -> None:
    assert decode(all_codes(BY_NAME[name]), BY_NAME[name]).dtype == np.float32
    assert decoded_dtype(BY_NAME[name]) == np.float32


@pytest.mark.parametrize("name", SUB_BYTE)
def test_a_carrier_of_less_than_a_byte_is_the_byte_that_torch_stores(name: str) -> None:
    codes = all_codes(BY_NAME[name])
    oracle = (
        torch.from_numpy(codes.copy()).view(getattr(torch, name)).view(torch.int8 if name[0] == "i" else torch.uint8)
    )
    assert np.array_equal(decode(codes, BY_NAME[name]), oracle.numpy())


def ocp_value(code: int, exponent_bits: int, mantissa_bits: int, bias: int) -> float:
    """OCP Microscaling Formats (MX) 1.0, 5.3: no infinities, no NaN."""
    sign = -1.0 if code >> (exponent_bits + mantissa_bits) else 1.0
    exponent = (code >> mantissa_bits) % (1 << exponent_bits)
    fraction = (code % (1 << mantissa_bits)) / (1 << mantissa_bits)
    if exponent == 0:
        return sign * math.pow(2, 1 - bias) * fraction
    return sign * math.pow(2, exponent - bias) * (1 + fraction)


@pytest.mark.parametrize(
    ("name", "exponent_bits", "mantissa_bits", "bias"),
    [("float6_e2m3fn", 2, 3, 1), ("float6_e3m2fn", 3, 2, 3), ("float4_e2m1fn_x2", 2, 1, 1)],
)
def test_microscaling_floats_follow_the_formula_of_their_standard(
    name: str, exponent_bits: int, mantissa_bits: int, bias: int
) -> None:
    codes = all_codes(BY_NAME[name])
    oracle = np.array([ocp_value(code, exponent_bits, mantissa_bits, bias) for code in codes.tolist()], np.float32)
    assert same(decode(codes, BY_NAME[name]), oracle)


def test_the_values_of_float4_are_the_sixteen_of_its_table() -> None:
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]  # OCP MX 1.0, table 5
    assert same(decode_table("float4_e2m1fn_x2"), np.array([*positive, *(-x for x in positive)], np.float32))


def test_the_largest_values_are_those_that_the_standards_name() -> None:
    largest = {
        name: float(np.nanmax(decode_table(name)[np.isfinite(decode_table(name))])) for name in SMALL_OF_TORCH[:9]
    }
    assert largest["float8_e4m3fn"] == 448
    assert largest["float8_e5m2"] == 57344
    assert float(decode_table("float6_e2m3fn").max()) == 7.5
    assert float(decode_table("float6_e3m2fn").max()) == 28


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "uint32", "uint64"])
@given(data=st.data())
def test_wide_numbers_are_the_ones_with_those_bits(name: str, data: st.DataObject) -> None:
    dtype = BY_NAME[name]
    codes = np.array(data.draw(st.lists(st.integers(0, 2**dtype.bits - 1), min_size=1, max_size=8)), code_dtype(dtype))
    oracle = torch.from_numpy(codes.view(np.uint8).copy()).view(getattr(torch, name)).numpy()
    found = decode(codes, dtype)
    assert found.dtype == oracle.dtype
    assert found.tobytes() == oracle.tobytes()


@pytest.mark.parametrize("name", ["complex32", "complex64", "complex128"])
def test_complex_numbers_take_a_pair_of_codes(name: str) -> None:
    dtype = BY_NAME[name]
    bits = np.random.default_rng(0).integers(0, 256, 64 * dtype.itemsize, np.uint8)
    codes = bits.view(code_dtype(dtype)).reshape(-1, 2)
    oracle = torch.from_numpy(bits.copy()).view(getattr(torch, name))
    wide = oracle.to(torch.complex128).numpy()
    found = decode(codes, dtype)
    assert found.dtype == decoded_dtype(dtype) == (np.complex128 if name == "complex128" else np.complex64)
    assert same(found.real.astype(np.float64), wide.real)
    assert same(found.imag.astype(np.float64), wide.imag)


def test_any_byte_but_zero_is_true() -> None:
    assert decode(np.arange(256, dtype=np.uint8), BY_NAME["bool"]).tolist() == [False] + [True] * 255


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_decoding_gives_the_dtype_that_it_promises_or_says_that_it_cannot(dtype: Dtype) -> None:
    promised = decoded_dtype(dtype)
    codes = np.zeros((3, 2) if dtype.kind == "complex" else 3, code_dtype(dtype))
    if dtype.kind in ("bits", "other", "quantised"):
        assert (promised is None) is (dtype.kind != "quantised")
        with pytest.raises(ValueError, match=dtype.name):
            decode(codes, dtype)
    else:
        assert decode(codes, dtype).dtype == promised
        assert decode(codes, dtype).shape == (3,)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_numpy_has_a_dtype_exactly_where_its_bytes_are_the_same(dtype: Dtype) -> None:
    there = numpy_dtype(dtype)
    if there is not None:
        assert there.itemsize * 8 == dtype.bits
    has = dtype.kind in ("int", "uint", "bool") or dtype.name in (
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    )
    assert (there is not None) is has


def test_tables_cannot_be_written_to_and_wide_dtypes_have_none() -> None:
    assert not decode_table("bfloat16").flags.writeable
    with pytest.raises(ValueError, match="no table"):
        decode_table("float32")


# -- quantised -------------------------------------------------------------------------------------------

QUANTISED = {"qint8": torch.qint8, "quint8": torch.quint8, "qint32": torch.qint32}
scales = st.floats(1e-30, 1e30) | st.just(1e-45) | st.just(3.0)


@pytest.mark.parametrize("name", QUANTISED)
@settings(max_examples=40)
@given(scale=scales, zero_point=st.integers(-128, 127), seed=st.integers(0, 9))
def test_codes_of_one_quantiser_have_torchs_values_to_the_last_bit(
    name: str, scale: float, zero_point: int, seed: int
) -> None:
    dtype = BY_NAME[name]
    zero_point = abs(zero_point) if name == "quint8" else zero_point
    codes = np.random.default_rng(seed).integers(0, 2**dtype.bits, 256, code_dtype(dtype))
    whole = torch.from_numpy(codes.view(f"int{dtype.bits}" if name != "quint8" else np.uint8).copy())
    tensor = torch._make_per_tensor_quantized_tensor(whole, scale, zero_point)
    assert tensor.dtype is QUANTISED[name]
    assert same(dequantise(codes, dtype, scale, zero_point), tensor.dequantize().numpy())


@pytest.mark.parametrize("name", ["qint8", "quint8", "qint32"])
@pytest.mark.parametrize("axis", [0, 1])
def test_codes_of_a_quantiser_for_each_channel_have_torchs_values(name: str, axis: int) -> None:
    dtype = BY_NAME[name]
    rng = np.random.default_rng(axis)
    codes = rng.integers(0, 2**dtype.bits, (6, 6), code_dtype(dtype))
    whole = torch.from_numpy(codes.view(f"int{dtype.bits}" if name != "quint8" else np.uint8).copy())
    scale, zero_point = rng.uniform(1e-3, 1, 6), rng.integers(0, 100, 6)
    tensor = torch._make_per_channel_quantized_tensor(
        whole, torch.from_numpy(scale), torch.from_numpy(zero_point), axis
    )
    shape = (-1, 1) if axis == 0 else (1, -1)
    found = dequantise(codes, dtype, scale.reshape(shape), zero_point.reshape(shape))
    assert same(found, tensor.dequantize().numpy())


# -- packed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 4, 6])
@given(values=st.lists(st.integers(0, 63), max_size=24))
def test_packed_values_come_out_as_they_were_put_into_an_integer(bits: int, values: list[int]) -> None:
    group = math.lcm(bits, 8) // bits
    values = [value % (1 << bits) for value in values[: len(values) // group * group]]
    number = sum(value << (bits * place) for place, value in enumerate(values))
    raw = np.frombuffer(number.to_bytes(len(values) * bits // 8, "little"), np.uint8)
    assert unpack(raw, bits).tolist() == values


def test_a_last_group_of_float6_that_is_cut_short_is_filled_with_zeros() -> None:
    assert unpack(np.array([0xFF], np.uint8), 6).tolist() == [63, 3, 0, 0]


def test_float4_is_packed_as_torch_packs_it() -> None:
    raw = np.arange(256, dtype=np.uint8)
    # torch 2.13 unpacks no float4; its tests put the even value into the low half (torch/testing/_internal).
    low, high = raw & 15, raw >> 4
    assert np.array_equal(unpack(raw, 4), np.stack([low, high], -1).reshape(-1))


def test_quint4x2_is_packed_as_torch_packs_it() -> None:
    weights = torch.arange(16, dtype=torch.float32).reshape(2, 8)
    channels = torch.ones(2), torch.zeros(2)
    tensor = torch.quantize_per_channel(weights, *channels, 0, torch.quint4x2)
    raw = np.frombuffer(bytes(tensor.untyped_storage()), np.uint8)
    assert np.array_equal(unpack(raw, 4).reshape(2, 8), weights.numpy())
