"""Channels: against numpy in float64 along the same axis, whatever the form, order, dtype and size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis import channels as module
from sdviewer.analysis.blocks import Blocks
from sdviewer.analysis.channels import MOST_CHANNELS, Channels, ChannelSums, channels
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotRead
from tests.helpers.arrays import ArrayFile
from tests.helpers.saved import in_one_folder

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2)
OTHERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.complex64)


def ref_of(folder: Path, tensor: torch.Tensor) -> TensorRef:
    file = ArrayFile(folder / "one.bin")
    file.add("t", tensor)
    return file.finish().tensors["t"]


def numbers(tensor: torch.Tensor) -> npt.NDArray[np.float64]:
    """What torch says the values are; magnitudes of complex ones."""
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    with np.errstate(invalid="ignore"):
        wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64).numpy()
    return np.abs(wide) if tensor.is_complex() else wide


def check(found: Channels, values: npt.NDArray[np.float64], axis: int, tolerance: float) -> None:
    """Compare with numpy, channel by channel."""
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    assert len(found) == len(rows)
    assert found.per_channel == rows.shape[1]
    for channel, row in enumerate(rows):
        finite = row[np.isfinite(row)].astype(np.longdouble)
        assert found.nonfinite[channel] == len(row) - len(finite)
        assert found.absmax[channel] == (np.abs(finite).max() if len(finite) else 0)
        size = float(np.sqrt((finite**2).sum()))
        assert found.norm[channel] == pytest.approx(size, rel=tolerance, abs=0)
        if not len(finite):
            assert math.isnan(found.mean[channel])
            continue
        rms = float(np.sqrt((finite**2).mean()))
        assert found.mean[channel] == pytest.approx(float(finite.mean()), rel=tolerance, abs=tolerance * rms)
        assert found.std[channel] == pytest.approx(float(finite.std()), rel=100 * tolerance, abs=2e-8 * rms)


@pytest.fixture(params=["compiled", "plain"])
def _loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(module, "compiled", lambda: None)


@st.composite
def views(draw: st.DrawFn) -> torch.Tensor:
    """Tensors of any order: transposed, sliced with steps, expanded, with odd values here and there."""
    shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    dtype = draw(st.sampled_from(FLOATS + OTHERS))
    seed = draw(st.integers(0, 1 << 30))
    rng = np.random.default_rng(seed)
    values = rng.normal(draw(st.sampled_from([0.0, 3.0])), 2.0, shape)
    if draw(st.booleans()):
        values *= 10.0 ** rng.integers(-3, 2, shape)
    tensor = torch.from_numpy(values).to(dtype)
    if dtype in FLOATS[:4] and draw(st.booleans()):
        tensor.view(-1)[rng.integers(0, tensor.numel(), 2)] = torch.tensor([math.nan, -math.inf], dtype=dtype)
    tensor = tensor.permute(draw(st.permutations(range(len(shape)))))
    axis = draw(st.integers(0, len(shape) - 1))
    step = draw(st.sampled_from([1, 1, 2]))
    tensor = tensor[(slice(None),) * axis + (slice(None, None, step),)]
    if draw(st.booleans()):
        tensor = tensor.unsqueeze(axis).expand(*tensor.shape[:axis], 3, *tensor.shape[axis:])
    return tensor


@pytest.mark.usefixtures("_loops")
@in_one_folder(60)
@given(tensor=views(), data=st.data())
def test_every_channel_has_the_norm_mean_deviation_and_magnitude_that_numpy_finds(
    tmp_path: Path, tensor: torch.Tensor, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(-tensor.ndim, tensor.ndim - 1))
    check(channels(ref_of(tmp_path, tensor), axis), numbers(tensor), axis, 1e-6)


@pytest.mark.usefixtures("_loops")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(3, 300_000), (700, 1100), (300_000, 3), (40, 64, 300)], ids=str)
def test_channels_that_blocks_cut_anywhere_come_out_whole(
    tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    tensor = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 0.02 + 0.01).to(dtype)
    for axis in range(len(shape)):
        found = channels(ref_of(tmp_path, tensor), axis)
        values = numbers(tensor)
        rest = tuple(other for other in range(len(shape)) if other != axis)
        tolerance = 1e-6 if dtype in (torch.float16, torch.bfloat16) else 1e-12
        np.testing.assert_allclose(found.norm, np.sqrt((values**2).sum(rest)), tolerance)
        np.testing.assert_allclose(found.mean, values.mean(rest), tolerance, 1e-7 if tolerance == 1e-6 else 1e-12)
        np.testing.assert_allclose(found.std, values.std(rest), 10 * tolerance, 1e-9)
        np.testing.assert_array_equal(found.absmax, np.abs(values).max(rest))


@pytest.mark.usefixtures("_loops")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_an_offset_a_hundred_million_times_the_spread_costs_no_digits(tmp_path: Path, dtype: torch.dtype) -> None:
    base = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)[:, None] * 1e7
    tensor = (base + torch.randn(3, 5000, dtype=torch.float64)).to(dtype)
    found, values = channels(ref_of(tmp_path, tensor), 0), numbers(tensor)
    np.testing.assert_allclose(found.std, values.std(1), 1e-4 if dtype is torch.bfloat16 else 1e-7)
    np.testing.assert_allclose(found.mean, values.mean(1), 1e-9)


@pytest.mark.usefixtures("_loops")
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        *((torch.float64, scale) for scale in (1e300, 1e-300)),
        *((torch.float32, scale) for scale in (1e38, 1e-40)),
        *((torch.bfloat16, scale) for scale in (1e38, 1e-38)),
        *((torch.float16, scale) for scale in (6e4, 1e-7)),
    ],
    ids=str,
)
def test_squares_beyond_the_dtype_are_no_matter(tmp_path: Path, dtype: torch.dtype, scale: float) -> None:
    ones = torch.linspace(-1, 1, 2000, dtype=torch.float64).reshape(4, 500)
    tensor = (ones * torch.tensor([1.0, 1.0, 1e-3, 0.0])[:, None] * scale).to(dtype)
    for axis in (0, 1):
        values = numbers(tensor)
        largest = np.abs(values).max()
        with np.errstate(invalid="ignore"):
            expected = np.sqrt((np.nan_to_num(values / largest) ** 2).sum(1 - axis)) * largest
        np.testing.assert_allclose(channels(ref_of(tmp_path, tensor), axis).norm, expected, 1e-5)


@pytest.mark.usefixtures("_loops")
@pytest.mark.parametrize("dtype", FLOATS[:4], ids=str)
def test_what_is_not_finite_is_counted_and_left_out(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.ones(6, 1000, dtype=dtype)
    tensor[1, 7], tensor[2, ::2], tensor[3] = math.nan, math.inf, -math.inf
    for axis in (0, 1):
        found, values = channels(ref_of(tmp_path, tensor), axis), numbers(tensor)
        bad = ~np.isfinite(values)
        np.testing.assert_array_equal(found.nonfinite, bad.sum(1 - axis))
        np.testing.assert_allclose(found.norm, np.sqrt((~bad).sum(1 - axis)))


@pytest.mark.filterwarnings("ignore:.*quantize_per_.*deprecated")
def test_quantised_values_count_as_what_they_stand_for(tmp_path: Path) -> None:
    values = torch.randn(5, 40)
    per_tensor = torch.quantize_per_tensor(values, 0.05, 3, torch.qint8)
    scales, zeros = torch.rand(5) + 0.01, torch.arange(5)
    per_channel = torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8)
    for tensor in (per_tensor, per_channel):
        for axis in (0, 1):
            check(channels(ref_of(tmp_path, tensor), axis), numbers(tensor), axis, 1e-6)


def test_packed_values_count_one_by_one(tmp_path: Path) -> None:
    from sdviewer.checkpoint.decoding import decode_table

    raw = np.random.default_rng(2).integers(0, 256, 24).astype(np.uint8)
    file = ArrayFile(tmp_path / "one.bin")
    file.add_raw("t", "float4_e2m1fn_x2", (4, 6), raw.tobytes())
    file.add_raw("gaps", "float4_e2m1fn_x2", (4, 3), raw.tobytes(), stride=(6, 2))
    opened = file.finish()
    codes = np.stack([raw & 15, raw >> 4], axis=1).reshape(4, 12)
    values = decode_table("float4_e2m1fn_x2")[codes].astype(np.float64)
    gaps = values.reshape(4, 6, 2)[:, ::2].reshape(4, 6)
    for axis in (0, 1):
        check(channels(opened.tensors["t"], axis), values, axis, 1e-6)
        check(channels(opened.tensors["gaps"], axis), gaps, axis, 1e-6)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0,)], ids=str)
def test_an_empty_tensor_has_empty_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    found = channels(ref_of(tmp_path, torch.zeros(shape)))
    assert len(found) == shape[0]
    assert not found.norm.any()
    assert not found.nonfinite.any()


def test_a_channel_is_dead_if_it_is_zero_or_below_a_thousandth_of_the_median_norm(tmp_path: Path) -> None:
    tensor = torch.ones(16, 50)
    tensor[1], tensor[2], tensor[3], tensor[4] = 0, 0.99e-3, 1.01e-3, -0.0
    tensor[5] = math.nan
    found = channels(ref_of(tmp_path, tensor))
    assert np.flatnonzero(found.dead).tolist() == [1, 2, 4]


def test_the_spread_is_the_largest_norm_over_the_median_one(tmp_path: Path) -> None:
    tensor = torch.ones(5, 10) * torch.tensor([1.0, 1, 1, 2, 8])[:, None]
    found = channels(ref_of(tmp_path, tensor))
    assert found.spread == pytest.approx(8)
    norms = np.array([1.0, 1, 1, 2, 8])
    assert found.variation == pytest.approx(norms.std() / norms.mean())
    assert math.isnan(channels(ref_of(tmp_path, torch.zeros(5, 2))).spread)


@pytest.mark.usefixtures("_loops")
@pytest.mark.parametrize("dtype", [*FLOATS, torch.int64, torch.complex64], ids=str)
def test_equal_channels_have_equal_mixes_and_channels_in_another_order_have_not(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    rows = torch.randn(40, 3000, generator=torch.Generator().manual_seed(3))
    rows[7] = rows[31]
    rows[8] = rows[9].flip(0)
    tensor = rows.to(dtype)
    for values in (tensor, tensor.T.contiguous().T):
        mix = channels(ref_of(tmp_path, values), 0).mix
        assert mix[7] == mix[31]
        assert len(set(mix.tolist())) == 39


def test_loops_with_and_without_compiled_code_make_the_same_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tensor in (torch.randn(30, 70), torch.randn(30, 70).bfloat16().T, torch.randn(30, 7, dtype=torch.complex128)):
        ref = ref_of(tmp_path, tensor)
        fast = channels(ref).mix
        with monkeypatch.context() as patch:
            patch.setattr(module, "compiled", lambda: None)
            assert channels(ref).mix.tolist() == fast.tolist()


def test_shares_of_several_threads_give_what_one_gives(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, torch.randn(37, 900))
    for axis in (0, 1):
        sums = ChannelSums(Blocks(ref, block_bytes=4000), axis)
        shares: list[Any] = [sums.new_share() for _ in range(3)]
        for index in range(len(sums.blocks)):
            sums.add(shares[index % 3], index, sums.blocks.read(index))
        np.testing.assert_allclose(sums.result(shares).std, channels(ref, axis).std, 1e-12)


def test_more_channels_than_anybody_looks_at_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, torch.zeros(1).expand(MOST_CHANNELS + 1, 1))
    with pytest.raises(CannotRead, match="channels"):
        channels(ref)


def test_an_axis_that_is_not_there_is_refused(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, torch.zeros(2, 3))
    for axis in (2, -3):
        with pytest.raises(ValueError, match="2 axes"):
            channels(ref, axis)


def test_cancelling_stops_the_pass(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, torch.zeros(2000, 1000))
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        channels(ref, 0, control)
