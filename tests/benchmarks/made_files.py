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
