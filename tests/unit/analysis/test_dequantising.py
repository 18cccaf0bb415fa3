"""Quantised weights have the values that the published formulas give, whichever part of them is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file

from sdviewer.analysis.counting import count
from sdviewer.analysis.dequantising import FP4, NF4, dequantise_group
from sdviewer.analysis.plane import matrix
from sdviewer.analysis.raster import Area, raster
from sdviewer.checkpoint.computed import computed_checkpoint
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.quantised_groups import groups_in
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.errors import NotDecodable, SourceChanged
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.quantised import BOOKS, four_bits, fp8, int8

Case = tuple[dict[str, torch.Tensor], npt.NDArray[np.float32]]


def saved(path: Path, tensors: dict[str, torch.Tensor]) -> Checkpoint:
    save_file(tensors, path / "model.safetensors")
    return open_checkpoint(path / "model.safetensors")


def dequantised(checkpoint: Checkpoint) -> TensorRef:
    (group,) = groups_in(checkpoint)
    computed = computed_checkpoint([dequantise_group(checkpoint, group)], checkpoint)
    (ref,) = computed.tensors.values()
    assert ref.name == group.name
    return ref


CASES: dict[str, Case] = {
    "nf4, absmax quantised": four_bits("a.weight", (48, 100), "nf4", nested=True),
    "nf4, plain absmax": four_bits("a.weight", (48, 100), "nf4", nested=False),
    "nf4, an odd number of weights, a last block cut short": four_bits("a.weight", (7, 33), "nf4", nested=True),
    "fp4": four_bits("a.weight", (64, 64), "fp4", nested=False, blocksize=128),
    "int8": int8("a", (30, 17)),
    "fp8, tiles": fp8("a.weight", (300, 200), torch.rand(3, 2) + 0.5, "_scale_inv", (128, 128)),
    "fp8, a stack of tiles": fp8("a.weight", (3, 256, 130), torch.rand(3, 2, 2) + 0.5, "_scale_inv", (128, 128)),
    "fp8, one scale": fp8("a.weight", (20, 30), torch.tensor(0.25), "_scale", (20, 30)),
    "fp8, one scale in a list": fp8("a.weight", (20, 30), torch.tensor([0.25]), "_scale", (20, 30)),
    "fp8, a scale each row": fp8("a.weight", (20, 30), torch.rand(20, 1).bfloat16(), "_scale", (1, 30)),
    "fp8, a list of a scale each row": fp8("a.weight", (20, 30), torch.rand(20), "_scale", (1, 30)),
    "fp8, a scale each column": fp8("a.weight", (20, 30), torch.rand(1, 30), "_scale", (20, 1)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_values_are_those_of_the_formula(tmp_path: Path, case: Case) -> None:
    tensors, expected = case
    ref = dequantised(saved(tmp_path, tensors))
    assert (ref.shape, ref.dtype) == (expected.shape, "float32")
    np.testing.assert_allclose(ref.numpy(), expected, rtol=3e-6, atol=1e-9)
    assert np.ptp(expected) > 0


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_any_stretch_of_values_is_that_of_the_whole(tmp_path: Path, case: Case) -> None:
    ref = dequantised(saved(tmp_path, case[0]))
    whole = ref.numpy().reshape(-1)
    random = np.random.default_rng(1)
    for _ in range(25):
        first, last = np.sort(random.integers(0, len(whole) + 1, 2)).tolist()
        np.testing.assert_array_equal(ref.values_between(first, last - first), whole[first:last])
    np.testing.assert_array_equal(ref.read_slice((slice(None), slice(3, 11, 2))), ref.numpy()[:, 3:11:2])


def test_statistics_and_pictures_are_of_the_dequantised_values(tmp_path: Path) -> None:
    tensors, expected = CASES["nf4, absmax quantised"]
    ref = dequantised(saved(tmp_path, tensors))
    statistics = count(ref).statistics()
    assert statistics.min == pytest.approx(expected.min(), rel=1e-6)
    assert statistics.max == pytest.approx(expected.max(), rel=1e-6)
    assert statistics.mean == pytest.approx(expected.astype(np.float64).mean(), rel=1e-4)
    picture = raster(ref, matrix(frame_of(ref.shape)), Area(0, 0, *expected.shape), *expected.shape)
    np.testing.assert_allclose(picture.mean, expected, rtol=3e-6, atol=1e-9)


def test_code_books_are_the_published_ones() -> None:
    np.testing.assert_array_equal(NF4, BOOKS["nf4"])
    np.testing.assert_allclose(FP4, BOOKS["fp4"], rtol=1e-7)


def test_a_weight_without_its_map_has_that_of_its_name(tmp_path: Path) -> None:
    tensors, expected = four_bits("a.weight", (16, 16), "fp4", nested=False)
    del tensors["a.weight.quant_map"]
    np.testing.assert_allclose(dequantised(saved(tmp_path, tensors)).numpy(), expected, rtol=3e-6, atol=1e-9)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"shape": [16, 16]}', '{"shape": [-1], "blocksize": 64}'])
def test_a_broken_quant_state_is_said(tmp_path: Path, text: str) -> None:
    tensors, _ = four_bits("a.weight", (16, 16), "nf4", nested=False)
    tensors["a.weight.quant_state.bitsandbytes__nf4"] = torch.tensor(list(text.encode()), dtype=torch.uint8)
    with pytest.raises(NotDecodable, match="quant_state"):
        dequantised(saved(tmp_path, tensors))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("", torch.zeros(5, 1, dtype=torch.uint8), "bytes of codes"),
        (".absmax", torch.zeros(3), "absmax"),
        (".quant_map", torch.zeros(15), "16 entries"),
        (".absmax", torch.zeros(4, dtype=torch.uint8), "not there"),
    ],
)
def test_members_that_do_not_fit_are_said(tmp_path: Path, name: str, value: torch.Tensor, message: str) -> None:
    tensors, _ = four_bits("a.weight", (16, 16), "nf4", nested=False)
    tensors[f"a.weight{name}"] = value
    with pytest.raises(NotDecodable, match=message):
        dequantised(saved(tmp_path, tensors))


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, int8("a", (30, 17))[0])
    ref = dequantised(checkpoint)
    save_file(int8("a", (31, 17))[0], tmp_path / "model.safetensors")
    with pytest.raises(SourceChanged):
        ref.numpy()
