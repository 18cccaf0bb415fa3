"""Is a tensor that sdviewer reads the tensor that torch has, to the last bit? Torch and numpy answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.formats.opening import open_checkpoint

_SPARSE_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}
# Dtypes that numpy lacks, and the wider one that holds all their values.
_WIDENED = {torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2} | {
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
}
# Dtypes whose values torch itself cannot give.
_WITHOUT_VALUES = {torch.bits8, torch.bits16, torch.bits1x8, torch.bits2x4, torch.bits4x2, torch.float4_e2m1fn_x2}
_PACKED = {torch.quint4x2: 4, torch.quint2x4: 2}


def saved(path: Path, value: object, *, legacy: bool = False, protocol: int = 2) -> Path:
    """`path`, with `value` written to it by `torch.save`."""
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    return path


def loaded(path: Path) -> Any:
    """What `torch.load` gives for a file that the test wrote itself."""
    return torch.load(path, weights_only=False, map_location="cpu")


def reopened(path: Path, value: object, *, legacy: bool = False, protocol: int = 2) -> Checkpoint:
    """`value`, saved by torch and opened by sdviewer."""
    return open_checkpoint(saved(path, value, legacy=legacy, protocol=protocol))


def bytes_of(storage: torch.UntypedStorage) -> npt.NDArray[np.uint8]:
    """A copy of a storage's bytes."""
    return torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),), (1,)).numpy().copy()


def bits_of(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """The bit patterns of a strided tensor, cut out of its storage by numpy; see `TensorRef.codes` for the shape."""
    tensor = tensor.detach()
    raw = bytes_of(tensor.untyped_storage())
    if (bits := _PACKED.get(tensor.dtype)) is not None:
        fields = [(raw >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
        units = np.stack(fields, axis=-1).reshape(-1)
        parts = 1
    else:
        parts = 2 if tensor.dtype.is_complex else 1
        width = tensor.element_size()
        units = raw[: len(raw) // width * width].view(f"u{width // parts}")
    step = units.itemsize
    strides = (*(step * parts * n for n in tensor.stride()), *([step] * (parts > 1)))
    shape = (*tensor.shape, *([parts] * (parts > 1)))
    start = units[tensor.storage_offset() * parts :]
    view: npt.NDArray[Any] = np.lib.stride_tricks.as_strided(start, shape, strides).copy()
    if tensor.dtype is torch.float4_e2m1fn_x2:
        pairs = np.stack([view & 15, view >> 4], axis=-1)
        view = pairs.reshape(*pairs.shape[:-2], 2 * pairs.shape[-2]) if view.ndim else pairs
    return view


def values_of(tensor: torch.Tensor) -> npt.NDArray[Any] | None:
    """The real values of a strided tensor, by torch; None where torch has none to give."""
    tensor = tensor.detach()
    if tensor.is_quantized:
        return None if tensor.dtype in _PACKED else tensor.dequantize().numpy()
    if tensor.dtype in _WITHOUT_VALUES:
        return None
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.dtype in _WIDENED:
        return tensor.float().numpy()
    return tensor.to(torch.complex64).numpy() if tensor.dtype is torch.complex32 else tensor.numpy()


def assert_same_tensor(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Class, dtype, form, layout, flags, quantiser and bits agree; components too."""
    assert isinstance(ours, torch.nn.Parameter) == isinstance(theirs, torch.nn.Parameter)
    for fact in ("dtype", "layout", "requires_grad", "is_quantized", "is_sparse", "is_nested", "is_meta"):
        assert getattr(ours, fact) == getattr(theirs, fact), fact
    if theirs.is_nested:
        for mine, other in zip(ours.unbind(), theirs.unbind(), strict=True):
            assert torch.equal(mine, other)
        return
    assert ours.shape == theirs.shape
    if theirs.layout in _SPARSE_PARTS:
        for part in _SPARSE_PARTS[theirs.layout]:
            assert_same_tensor(getattr(ours.detach(), part)(), getattr(theirs.detach(), part)())
        assert theirs.layout is not torch.sparse_coo or ours.is_coalesced() == theirs.is_coalesced()
        return
    assert ours.stride() == theirs.stride()
    assert (ours.is_conj(), ours.is_neg()) == (theirs.is_conj(), theirs.is_neg())
    if theirs.is_meta:
        return
    if theirs.is_quantized:
        _assert_same_quantiser(ours, theirs)
    assert np.array_equal(bits_of(ours), bits_of(theirs))


def _assert_same_quantiser(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.qscheme() == theirs.qscheme()
    if theirs.qscheme() == torch.per_tensor_affine:
        assert (ours.q_scale(), ours.q_zero_point()) == (theirs.q_scale(), theirs.q_zero_point())
        return
    assert ours.q_per_channel_axis() == theirs.q_per_channel_axis()
    assert torch.equal(ours.q_per_channel_scales(), theirs.q_per_channel_scales())
    assert torch.equal(ours.q_per_channel_zero_points(), theirs.q_per_channel_zero_points())


def assert_same(ref: TensorRef, expected: torch.Tensor) -> None:
    """Description, codes, values and rebuilt tensor are those of `expected`, a dense tensor."""
    assert ref.dtype == str(expected.dtype).removeprefix("torch.")
    assert (ref.shape, ref.stride) == (tuple(expected.shape), expected.stride())
    assert ref.requires_grad in (expected.requires_grad, None)
    assert np.array_equal(ref.codes(), bits_of(expected))
    values = values_of(expected)
    if values is not None:
        assert type(ref.numpy()) is np.ndarray
        assert ref.numpy().dtype == values.dtype
        np.testing.assert_array_equal(ref.numpy(), values)
    assert_same_tensor(ref.torch(), expected)


def text_of(checkpoint: Checkpoint, name: str) -> str:
    """A text that the file carries, read as the window reads it."""
    entry = next(entry for entry in checkpoint.description.texts if entry.name == name)
    if entry.deflated:
        source = checkpoint.sources.inflated(entry.source, entry.offset, entry.stored, entry.nbytes)
        return read_bytes(source, 0, entry.nbytes).decode()
    return read_bytes(checkpoint.sources.get(entry.source), entry.offset, entry.nbytes).decode()
