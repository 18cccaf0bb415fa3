"""Conversions are torch's own, code by code, and the compiled loops do what plain numpy does."""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sdviewer.analysis.kernels import encoding as compiled
from sdviewer.checkpoint.decoding import Codes, code_dtype, value_bits
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.edit import encoding, encoding_loops
from sdviewer.edit.encoding import Encoder
from sdviewer.edit.rules import CASTABLE

NARROW = [name for name in CASTABLE if name != "float32"]
SOURCES = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"]
LOOPS = [compiled, encoding_loops]


def codes_of(values: npt.NDArray[np.float32], to: str, loops: ModuleType) -> Codes:
    found = np.empty(len(values), code_dtype(BY_NAME[to]))
    getattr(loops, f"to_{to}")(values, found)
    return found


def by_torch(codes: npt.NDArray[Any], source: str, to: str) -> Codes:
    values = torch.from_numpy(codes.copy()).view(getattr(torch, source))
    return values.to(getattr(torch, to)).view(torch.uint8).numpy().view(code_dtype(BY_NAME[to]))


def telling_bits(to: str) -> npt.NDArray[np.uint32]:
    """Every value of the dtype, the middles between them, and their neighbours; and all exponents of float32."""
    every = torch.arange(1 << BY_NAME[to].bits).to({8: torch.uint8, 16: torch.uint16}[BY_NAME[to].bits])
    values = every.view(getattr(torch, to)).float().numpy()
    finite = np.unique(values[np.isfinite(values)])
    middles = ((finite[1:].astype(np.float64) + finite[:-1]) / 2).astype(np.float32)
    exact = np.concatenate([values, middles]).view(np.uint32)
    exponents = np.arange(0, 1 << 32, 1 << 20, dtype=np.uint64).astype(np.uint32)
    around = [places + np.uint32(step & 0xFFFFFFFF) for places in (exact, exponents) for step in (-2, -1, 0, 1, 2)]
    return np.concatenate(around)


@pytest.mark.parametrize("to", NARROW)
@pytest.mark.parametrize("loops", LOOPS, ids=lambda loops: loops.__name__.split(".")[-1])
def test_float32_becomes_what_torch_makes_of_it(to: str, loops: ModuleType) -> None:
    bits = telling_bits(to)
    values = bits.view(np.float32)
    found, expected = codes_of(values, to, loops), by_torch(bits, "float32", to)
    nan = np.isnan(values)
    assert nan.any()
    np.testing.assert_array_equal(found[~nan], expected[~nan])
    if to.startswith("float8"):
        np.testing.assert_array_equal(found[nan], expected[nan])
    # Of other NaN torch keeps what its instructions happen to keep.
    assert torch.from_numpy(found[nan].copy()).view(getattr(torch, to)).isnan().all()


@settings(max_examples=200)
@given(arrays(np.uint32, st.integers(1, 70), elements=st.integers(0, 0xFFFFFFFF)), st.sampled_from(NARROW))
def test_compiled_loops_and_numpy_give_the_same_codes(bits: npt.NDArray[np.uint32], to: str) -> None:
    values = bits.view(np.float32)
    found = codes_of(values, to, compiled)
    np.testing.assert_array_equal(found, codes_of(values, to, encoding_loops))
    nan = np.isnan(values)
    np.testing.assert_array_equal(found[~nan], by_torch(bits, "float32", to)[~nan])


@pytest.mark.parametrize("to", CASTABLE)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("many", [False, True])
def test_every_code_of_every_dtype_finds_its_place_in_another(
    source: str, to: str, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == to:
        return
    monkeypatch.setattr(encoding, "_MANY", 0 if many else 1 << 30)
    dtype = BY_NAME[source]
    if value_bits(dtype) <= 16:
        codes: Codes = np.arange(1 << value_bits(dtype)).astype(code_dtype(dtype))
    else:
        codes = telling_bits("float16").astype(code_dtype(dtype))
        if source == "float64":
            single = telling_bits("float16").view(np.float32)
            with np.errstate(all="ignore"):
                double = single.astype(np.float64)
                codes = np.concatenate([double, np.nextafter(double, 0)]).view(np.uint64)
    out = np.empty(len(codes) * BY_NAME[to].itemsize, np.uint8)
    Encoder(dtype, to, len(codes)).encode(codes, out)
    found = torch.from_numpy(out).view(getattr(torch, to))
    expected = torch.from_numpy(codes.copy()).view(getattr(torch, source)).to(getattr(torch, to))
    nan = expected.float().isnan()
    assert found.float().isnan().equal(nan)
    assert found.float()[~nan].numpy().tobytes() == expected.float()[~nan].numpy().tobytes()


@given(st.integers(0, 700), st.integers(0, 70), st.integers(0, 2**32 - 1), st.booleans())
def test_checksums_are_those_of_zlib(count: int, start: int, before: int, writeable: bool) -> None:
    data = np.random.default_rng(count).integers(0, 256, start + count, np.uint8)[start:]
    data.flags.writeable = writeable
    for loops in LOOPS:
        assert loops.crc32(data, before) == zlib.crc32(data.tobytes(), before)


def test_a_checksum_goes_on_from_piece_to_piece() -> None:
    data = np.random.default_rng(0).integers(0, 256, 3 << 20, np.uint8)
    for loops in LOOPS:
        checksum = 0
        for first in range(0, len(data), 1_000_001):
            checksum = loops.crc32(data[first : first + 1_000_001], checksum)
        assert checksum == zlib.crc32(data.tobytes())
