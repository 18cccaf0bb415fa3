"""The metadata of a node is the part of the whole that lies below it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.metadata_below import has_metadata, metadata_below
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.saved import in_one_folder, nested_dicts, opened


def node_called(checkpoint: Checkpoint, label: str) -> int:
    return checkpoint.tree.label.tolist().index(label)


@pytest.fixture
def training(tmp_path: Path) -> Checkpoint:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.25)
    return opened(
        tmp_path,
        {
            "model": {**model.state_dict(), "0._extra_state": {"scale": 2}},
            "optimizer": optimizer.state_dict(),
            "epoch": 3,
            "args": argparse.Namespace(lr=0.1, names=["a", "b"]),
            "history": [{"loss": 1.5}, {"loss": 0.5}],
        },
    )


def test_the_root_has_all_metadata(training: Checkpoint) -> None:
    assert metadata_below(training, 0) == metadata_of(training.description)
    assert has_metadata(training, 0)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("epoch", 3),
        ("history", [{"loss": 1.5}, {"loss": 0.5}]),
        ("args", {"$opaque": "argparse.Namespace", "args": [], "state": {"lr": 0.1, "names": ["a", "b"]}}),
    ],
)
def test_a_value_is_told_as_in_the_whole(training: Checkpoint, label: str, value: Any) -> None:
    node = node_called(training, label)
    assert metadata_below(training, node) == value
    assert metadata_of(training.description)[label] == value
    assert has_metadata(training, node)


def test_a_section_has_what_lies_in_it_and_no_more(training: Checkpoint) -> None:
    whole = metadata_of(training.description)
    assert metadata_below(training, node_called(training, "optimizer")) == whole["optimizer"]
    loose = metadata_below(training, node_called(training, "metadata"))
    assert loose == {"epoch": 3}
    assert metadata_below(training, node_called(training, "model")) == {"0._extra_state": {"scale": 2}}


def test_tensors_and_modules_of_tensors_have_none(training: Checkpoint) -> None:
    tree = training.tree
    for node in np.flatnonzero((tree.what == TreeNode.TENSOR) | (tree.what == TreeNode.MODULE)).tolist():
        assert not has_metadata(training, node)
        assert metadata_below(training, node) == {}


def test_the_work_can_be_stopped(training: Checkpoint) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        metadata_below(training, 0, control)


def test_many_values_of_a_section_are_cut_and_counted(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"model": {"a.w": torch.zeros(1)}, **{f"k{n}": n for n in range(1_200)}})
    found = metadata_below(checkpoint, node_called(checkpoint, "metadata"))
    assert found.pop("$more") == 200
    assert found == {f"k{n}": n for n in range(1_000)}


def scalars_in(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(scalars_in, value.values()))
    return sum(map(scalars_in, value)) if isinstance(value, list) else 1


@in_one_folder(60)
@given(nested_dicts())
def test_the_sections_together_have_what_the_root_has(tmp_path: Path, value: dict[str, Any]) -> None:
    checkpoint = opened(tmp_path, value)
    tree = checkpoint.tree
    whole = metadata_below(checkpoint, 0)
    parts = [metadata_below(checkpoint, node) for node in tree.children(0)]
    assert sum(map(scalars_in, parts)) == scalars_in(whole)
    for node in range(len(tree)):
        found = metadata_below(checkpoint, node)
        is_value = tree.what[node] in (TreeNode.SCALAR, TreeNode.ALIAS)
        assert has_metadata(checkpoint, node) == (is_value or found != {} or _is_empty(checkpoint, node))


def _is_empty(checkpoint: Checkpoint, node: int) -> bool:
    """Whether it is an empty container, which is a value although nothing lies below it."""
    tree = checkpoint.tree
    return bool(tree.what[node] == TreeNode.CONTAINER and tree.end[node] == node + 1)
