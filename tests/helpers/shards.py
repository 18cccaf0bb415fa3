"""Sharded checkpoints that safetensors and torch wrote, with an index that tells the truth or lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from sdviewer.checkpoint.document import Checkpoint, Problem

Tensors = Mapping[str, torch.Tensor]

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


def write(folder: Path, shards: Mapping[str, Any], index: str | None = INDEX, **changes: str | None) -> Path:
    """Shards in a folder, and the index that lists their tensors.

    `changes` make it lie: name → the file that it says, None for a name that it leaves out.
    """
    folder.mkdir(exist_ok=True)
    listed: dict[str, str] = {}
    for file, content in shards.items():
        if file.endswith(".safetensors"):
            safetensors.torch.save_file(dict(content), folder / file, metadata={"format": "pt"})
        else:
            torch.save(content, folder / file)
        listed.update(dict.fromkeys(content, file))
    for name, said in changes.items():
        listed.pop(name, None)
        if said is not None:
            listed[name] = said
    if index is not None:
        (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    return folder


def two_shards() -> dict[str, dict[str, torch.Tensor]]:
    return {
        ONE: {"embed": torch.arange(12.0).reshape(3, 4), "a": torch.ones(2, dtype=torch.bfloat16)},
        TWO: {"b": torch.tensor([1, 2, 3]), "head": torch.full((4, 1), 0.5)},
    }


def all_of(shards: Mapping[str, Tensors]) -> dict[str, torch.Tensor]:
    return {name: tensor for tensors in shards.values() for name, tensor in tensors.items()}


def assert_holds(checkpoint: Checkpoint, expected: Tensors) -> None:
    """The checkpoint has these tensors in this order, with torch's values."""
    assert list(checkpoint.tensors) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(checkpoint.tensors[name].torch(), tensor), name


def found(checkpoint: Checkpoint, kind: str) -> list[Problem]:
    return [problem for problem in checkpoint.problems if problem.kind == kind]


def statuses(checkpoint: Checkpoint) -> dict[str, str]:
    return {shard.file: shard.status for shard in checkpoint.shards}


def loaded_by(lines: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """What the lines make of the files in the current folder."""
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)  # noqa: S102  # our own lines, which a user copies
    return dict(scope["checkpoint"])
