"""Checkpoints that `torch.save` wrote, opened in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.formats.opening import open_checkpoint


def opened(folder: Path, value: Any) -> Checkpoint:
    """What is found in a file that holds `value`."""
    path = folder / "saved.pt"
    torch.save(value, path)
    return open_checkpoint(path)


def in_one_folder(max_examples: int) -> settings:
    """For properties of files: all examples write into one folder, one over the other."""
    return settings(
        max_examples=max_examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


_SEGMENTS = st.sampled_from(["0", "1", "2", "10", "weight", "bias", "layers", "conv", "", "λ", "a b", "running_mean"])
_WORDS = [
    "model",
    "ema",
    "model_ema",
    "optimizer",
    "scheduler",
    "state_dict",
    "params",
    "config",
    "epoch",
    "state",
    "param_groups",
    "last_epoch",
    "_step_count",
    "rng_state",
    "netG",
]


def keys() -> st.SearchStrategy[str]:
    """Keys as checkpoints have them: dotted names, with dots in odd places, and words that conventions know."""
    return st.one_of(st.lists(_SEGMENTS, min_size=1, max_size=4).map(".".join), st.sampled_from(_WORDS))


def nested_dicts() -> st.SearchStrategy[dict[str, Any]]:
    """Dicts of dicts of tensors and numbers; each tensor has a storage of its own."""
    leaves = st.one_of(st.integers(0, 4).map(torch.zeros), st.integers(0, 9))
    return st.dictionaries(
        keys(), st.recursive(leaves, lambda inner: st.dictionaries(keys(), inner, max_size=4), max_leaves=8), max_size=5
    )


def label_path(tree: ModuleTree, node: int) -> tuple[str, ...]:
    """The labels from below the root down to a node."""
    labels = []
    while node > 0:
        labels.append(tree.label[node])
        node = int(tree.parent[node])
    return tuple(reversed(labels))


def nodes_by_path(tree: ModuleTree) -> dict[tuple[str, ...], int]:
    """Every node by the labels that lead to it."""
    return {label_path(tree, node): node for node in range(len(tree))}
