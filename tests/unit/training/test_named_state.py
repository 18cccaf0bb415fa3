"""An optimizer's state and names: read once, and found again from any node that lies in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import optim

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.training.groups import ParamGroups
from sdviewer.training.named_state import named_state
from sdviewer.training.state import OptimizerState, read_state
from tests.helpers.optimizing import small_model, train


def path_with_adam(folder: Path) -> Path:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "a.pt")
    return folder / "a.pt"


def test_a_checkpoint_is_read_once_and_another_one_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def read(checkpoint: Checkpoint, groups: ParamGroups, control: Control) -> OptimizerState:
        reads.append(checkpoint)
        return read_state(checkpoint, groups, control)

    monkeypatch.setattr("sdviewer.training.named_state.read_state", read)
    first, second = (sdviewer.open(path_with_adam(tmp_path)) for _ in range(2))
    one = named_state(first, first.sections["optimizer"])
    assert named_state(first, first.sections["optimizer"]) is one
    assert named_state(second, second.sections["optimizer"]) is not one
    assert reads == [first, second]
    assert one.naming.name[:2] == ["0.weight", "0.bias"]


def test_the_node_of_an_entry_leads_to_its_parameter(tmp_path: Path) -> None:
    checkpoint = sdviewer.open(path_with_adam(tmp_path))
    state, _ = named_state(checkpoint, checkpoint.sections["optimizer"])
    by_looking = {int(node): index for index, node in enumerate(state.entry) if node >= 0}
    assert len(by_looking) == len(state)
    for node in range(len(checkpoint.description.structure)):
        assert state.index_of_node(node) == by_looking.get(node, -1)


def test_a_parameter_that_is_listed_twice_is_the_first_one(tmp_path: Path) -> None:
    path = path_with_adam(tmp_path)
    whole = torch.load(path)
    whole["optimizer"]["param_groups"][0]["params"].insert(3, 0)
    torch.save(whole, path)
    checkpoint = sdviewer.open(path)
    state, _ = named_state(checkpoint, checkpoint.sections["optimizer"])
    assert np.count_nonzero(state.entry == state.entry[0]) == 2
    assert state.index_of_node(int(state.entry[0])) == 0
