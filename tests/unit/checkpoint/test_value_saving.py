"""A saved .npy holds what numpy loads as the tensor, whole or not at all, at no cost in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

import sdviewer
from sdviewer.checkpoint.value_saving import saved_dtype, write_npy
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotRead, CannotWrite, NotDecodable, NotDense
from tests.helpers.saved import opened

pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


def saved(folder: Path, tensor: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """What numpy loads after the tensor went through a checkpoint and a .npy."""
    target = folder / "out.npy"
    written = write_npy(opened(folder, {"t": tensor}).tensors["t"], str(target), Control())
    assert written == target.stat().st_size
    loaded: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = np.load(target, allow_pickle=False)
    return loaded


@pytest.mark.parametrize(
    ("dtype", "written"),
    [
        (torch.float64, "float64"),
        (torch.float32, "float32"),
        (torch.float16, "float16"),
        (torch.bfloat16, "float32"),
        (torch.float8_e5m2, "float32"),
        (torch.complex64, "complex64"),
        (torch.int64, "int64"),
        (torch.uint16, "uint16"),
        (torch.bool, "bool"),
    ],
    ids=str,
)
def test_every_dtype_comes_back(tmp_path: Path, dtype: torch.dtype, written: str) -> None:
    tensor = (torch.arange(60) % 7).reshape(3, 4, 5).to(dtype)
    found = saved(tmp_path, tensor)
    assert found.dtype == written
    wide = torch.float32 if dtype in (torch.bfloat16, torch.float8_e5m2) else dtype
    assert np.array_equal(found, tensor.to(wide).numpy())
    assert saved_dtype(sdviewer.open(tmp_path / "saved.pt").tensors["t"]) == written


@pytest.mark.parametrize("shape", [(), (0, 5), (7,), (2, 3, 4)], ids=str)
def test_every_shape_comes_back_row_by_row_however_it_lies(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape)
    for view in (tensor, tensor.permute(tuple(reversed(range(len(shape)))))):
        found = saved(tmp_path, view)
        assert found.shape == tuple(view.shape)
        assert np.array_equal(found, view.numpy())
        assert found.flags.c_contiguous


def test_quantised_tensors_are_saved_as_their_real_values(tmp_path: Path) -> None:
    tensor = torch.quantize_per_tensor(torch.randn(5, 6), 0.1, 2, torch.quint8)
    assert np.array_equal(saved(tmp_path, tensor), tensor.dequantize().numpy())


def test_memory_does_not_grow_with_the_tensor(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.zeros(4096, 4096)}).tensors["t"]
    tracemalloc.start()
    try:
        write_npy(ref, str(tmp_path / "out.npy"), Control())
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert np.load(tmp_path / "out.npy", mmap_mode="r").shape == (4096, 4096)


def test_a_checkpoint_is_never_written_over(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.ones(3)}).tensors["t"]
    before = (tmp_path / "saved.pt").read_bytes()
    (tmp_path / "link.npy").symlink_to(tmp_path / "saved.pt")
    for target in ("saved.pt", "link.npy"):
        with pytest.raises(CannotWrite, match="is a file of the checkpoint"):
            write_npy(ref, str(tmp_path / target), Control())
    assert (tmp_path / "saved.pt").read_bytes() == before


def test_nothing_is_left_of_a_save_that_was_stopped_or_failed(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.zeros(1000, 1000), "giant": torch.ones(1).expand(2**50)}).tensors
    (tmp_path / "out.npy").write_bytes(b"before")
    control = Control(lambda *_: control.cancel())
    with pytest.raises(Cancelled):
        write_npy(ref["t"], str(tmp_path / "out.npy"), control)
    with pytest.raises(CannotRead, match="far more than its file holds"):
        write_npy(ref["giant"], str(tmp_path / "out.npy"), Control())
    assert (tmp_path / "out.npy").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npy", "saved.pt"]
    with pytest.raises(CannotWrite):
        write_npy(ref["t"], str(tmp_path / "nowhere" / "out.npy"), Control())


def test_what_has_no_values_is_refused(tmp_path: Path) -> None:
    bits = torch.zeros(2, dtype=torch.uint8).view(torch.bits8)
    refs = opened(tmp_path, {"bits": bits, "sparse": torch.eye(2).to_sparse()}).tensors
    assert saved_dtype(refs["bits"]) == ""
    with pytest.raises(NotDecodable, match="values of bits8"):
        write_npy(refs["bits"], str(tmp_path / "out.npy"), Control())
    with pytest.raises(NotDense):
        write_npy(refs["sparse"], str(tmp_path / "out.npy"), Control())
    assert not (tmp_path / "out.npy").exists()
