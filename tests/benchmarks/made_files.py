"""The files that benchmarks read, made once a run in a temporary folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path


def keys(count: int) -> list[str]:
    """Names as a large model has them: eight a layer."""
    leaves = ("q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down", "norm")
    return [f"model.layers.{i // 8}.block.{leaves[i % 8]}.weight" for i in range(count)]


def torch_zip(folder: Path, count: int) -> Path:
    """A state_dict of `count` tiny float32 tensors, each in a storage of its own, as `torch.save` writes it."""
    import torch

    path = folder / f"zip-{count}.pt"
    torch.save({key: torch.full((4, 4), float(i)) for i, key in enumerate(keys(count))}, path)
    return path


def safetensors(folder: Path, count: int) -> Path:
    """As many tensors in the safetensors format, written by hand: the library takes minutes."""
    path = folder / f"{count}.safetensors"
    header = {
        key: {"dtype": "F32", "shape": [2, 2], "data_offsets": [16 * i, 16 * i + 16]}
        for i, key in enumerate(keys(count))
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 16 * count)
    return path


def sparse_zip(folder: Path, tensors: int, gigabytes: float) -> Path:
    """A torch archive with holes for its payload: it claims gigabytes and takes none on disk."""
    import torch
    from torch.serialization import skip_data

    path = folder / "sparse.pt"
    elements = int(gigabytes * 1e9 / tensors / 4)
    with skip_data():
        torch.save({f"layer.{i}.weight": torch.empty(elements // 1024, 1024) for i in range(tensors)}, path)
    return path


def siblings(folder: Path, count: int) -> Path:
    """A state_dict whose keys are all children of one module."""
    import torch

    path = folder / f"siblings-{count}.pt"
    value = torch.zeros(4)
    torch.save({f"table.entry_{i}": value.clone() for i in range(count)}, path)
    return path


def weights(folder: Path, dtype: str, megabytes: int) -> Path:
    """A state_dict as models have it: matrices of normally distributed weights, and a norm beside each."""
    import torch

    path = folder / f"weights-{dtype}.pt"
    kind = getattr(torch, dtype)
    generator = torch.Generator().manual_seed(0)
    side = 2048 if megabytes > 100 else 128
    count = max(1, megabytes * 1_000_000 // (side * side * kind.itemsize))
    state = {}
    for i in range(count):
        state[f"layers.{i}.weight"] = (torch.randn(side, side, generator=generator) * 0.02).to(kind)
        state[f"layers.{i}.norm"] = (torch.randn(side, generator=generator) * 0.1 + 1).to(kind)
    torch.save(state, path)
    return path


def mostly_holes(folder: Path, tensors: int, gigabytes: float) -> Path:
    """As `sparse_zip`, but the first megabyte of each tensor is weights: they are counted as such."""
    import numpy as np

    from sdviewer.formats.opening import open_checkpoint

    path = sparse_zip(folder, tensors, gigabytes)
    with open_checkpoint(path) as checkpoint:
        offsets = checkpoint.table.storages.offset.tolist()
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(np.random.default_rng(offset).normal(size=1 << 18).astype(np.float32).tobytes())
    return path
