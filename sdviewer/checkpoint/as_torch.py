"""Rebuilding torch tensors. Imported by `TensorRef.torch()` alone, because it imports torch.

Everything is checked here before torch's constructors see it: several of them trust their caller.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from sdviewer.checkpoint.table import Flag, reach
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.errors import CannotRead, NotDecodable, NotDense, SdviewerError

_COMPRESSED = {
    "sparse_csr": ("crow_indices", "col_indices"),
    "sparse_bsr": ("crow_indices", "col_indices"),
    "sparse_csc": ("ccol_indices", "row_indices"),
    "sparse_bsc": ("ccol_indices", "row_indices"),
}


def rebuild(ref: TensorRef) -> torch.Tensor:
    """The tensor that `torch.load` would give, on the CPU.

    Raises:
        CannotRead, with its kinds: its bytes cannot be had, or torch refuses to build it.

    """
    flags = ref.flags
    try:
        if Flag.META in flags:
            tensor = torch.empty_strided(ref.shape, ref.stride, dtype=_dtype(ref), device="meta")
        elif Flag.SPARSE in flags:
            tensor = _sparse(ref)
        elif Flag.NESTED in flags:
            tensor = _nested(ref)
        elif Flag.SUBCLASS in flags:
            raise NotDense(
                f"{ref.name!r} is an object of a tensor subclass, whose code is not run",
                file=ref.checkpoint.path,
                hint="see its components",
            )
        else:
            tensor = _strided(ref)
        if Flag.CONJ in flags:
            tensor = tensor.conj()
        if Flag.NEG in flags:
            tensor = tensor._neg_view()  # noqa: SLF001  # torch has no public one
        if Flag.PARAMETER in flags:
            return torch.nn.Parameter(tensor, requires_grad=Flag.REQUIRES_GRAD in flags)
        return tensor.requires_grad_() if Flag.REQUIRES_GRAD in flags else tensor
    except SdviewerError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise CannotRead(f"torch refuses to build {ref.name!r}: {error}", file=ref.checkpoint.path) from error


def _dtype(ref: TensorRef) -> torch.dtype:
    row = ref.checkpoint.table.dtype_of(ref.row)
    if not row.in_torch:
        raise NotDecodable(f"torch has no {ref.dtype} ({ref.name!r})", file=ref.checkpoint.path, hint="take numpy()")
    return cast("torch.dtype", getattr(torch, row.name))


def _strided(ref: TensorRef) -> torch.Tensor:
    dtype = _dtype(ref)
    payload = ref.payload()
    payload.check_unchanged()
    raw = payload.read_span()
    payload.check_unchanged()
    storage = torch.from_numpy(raw).untyped_storage()
    if Flag.QUANTISED in ref.flags:
        return _quantised(ref, storage, dtype)
    return torch.empty(0, dtype=dtype).set_(storage, 0, ref.shape, ref.stride)


def _quantised(ref: TensorRef, storage: torch.UntypedStorage, dtype: torch.dtype) -> torch.Tensor:
    quantiser = ref.quantiser
    if quantiser is None:
        raise NotDecodable(f"{ref.name!r} is quantised without a scale", file=ref.checkpoint.path)
    if quantiser.axis is None:
        scale, zero_point = float(quantiser.scale), int(quantiser.zero_point)
        # As torch.load makes it: there is no public function for given codes.
        empty = torch._empty_affine_quantized(ref.shape, scale=scale, zero_point=zero_point, dtype=dtype)  # noqa: SLF001
    else:
        empty = torch._empty_per_channel_affine_quantized(  # noqa: SLF001  # as above
            ref.shape,
            scales=torch.from_numpy(np.ascontiguousarray(quantiser.scale)),
            zero_points=torch.from_numpy(np.ascontiguousarray(quantiser.zero_point)),
            axis=quantiser.axis,
            dtype=dtype,
        )
    return empty.set_(storage, 0, ref.shape, ref.stride)


def _component(ref: TensorRef, name: str) -> torch.Tensor:
    component = ref.components.get(name)
    if component is None:
        raise CannotRead(f"{ref.name!r} lacks its {name}", file=ref.checkpoint.path)
    return rebuild(component)


def _sparse(ref: TensorRef) -> torch.Tensor:
    facts = ref.checkpoint.table.extra_of(ref.row)
    if ref.layout == "sparse_coo":
        return torch.sparse_coo_tensor(
            _component(ref, "indices"),
            _component(ref, "values"),
            ref.shape,
            check_invariants=True,
            is_coalesced=facts.get("coalesced"),
        )
    if ref.layout not in _COMPRESSED:
        raise CannotRead(
            f"{ref.name!r} has the layout {ref.layout!r}, which torch does not have", file=ref.checkpoint.path
        )
    compressed, plain = _COMPRESSED[ref.layout]
    return torch.sparse_compressed_tensor(
        _component(ref, compressed),
        _component(ref, plain),
        _component(ref, "values"),
        ref.shape,
        layout=getattr(torch, ref.layout),
        check_invariants=True,
    )


def _nested(ref: TensorRef) -> torch.Tensor:
    facts = ref.checkpoint.table.extra_of(ref.row)
    if ref.layout == "jagged":
        lengths = _component(ref, "lengths") if "lengths" in ref.components else None
        return torch.nested.nested_tensor_from_jagged(
            _component(ref, "values"), _component(ref, "offsets"), lengths, jagged_dim=facts.get("ragged_idx", 1)
        )
    buffer = _component(ref, "buffer")
    sizes, strides = _component(ref, "sizes"), _component(ref, "strides")
    offsets = _component(ref, "storage_offsets")
    # torch takes these at their word and would read past the buffer.
    if (
        any(part.dtype is not torch.int64 for part in (sizes, strides, offsets))
        or sizes.ndim != 2
        or sizes.shape != strides.shape
        or offsets.shape != sizes.shape[:1]
        or min(int(part.min()) if part.numel() else 0 for part in (sizes, strides, offsets)) < 0
        or any(
            offset + reach(size, stride) > buffer.numel()
            for size, stride, offset in zip(sizes.tolist(), strides.tolist(), offsets.tolist(), strict=True)
        )
    ):
        raise CannotRead(f"the parts of {ref.name!r} reach past its buffer", file=ref.checkpoint.path)
    return torch._nested_view_from_buffer(buffer, sizes, strides, offsets)  # noqa: SLF001  # as torch.load makes it
