"""Optimizers as torch.distributed.checkpoint flattens them, and those that lie deeper, are read with names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save

import sdviewer
from sdviewer.training.groups import optimizers_of
from sdviewer.training.naming import Confidence, Source
from sdviewer.training.state import Standing
from sdviewer.ui.optimizer.linking import node_of_row, parameter_of_state, state_of_parameter
from tests.helpers.optimizing import Opened, opened, small_model, train, true_names


class Trained:
    """A model with an optimizer of two groups that alternate, and what torch makes of its state."""

    def __init__(self) -> None:
        self.model = small_model()
        own: list[Any] = list(self.model.parameters())
        self.optimizer = optim.AdamW([{"params": own[::2], "lr": 0.125}, {"params": own[1::2], "weight_decay": 0.0}])
        train(self.model, self.optimizer, 3)
        options = StateDictOptions(flatten_optimizer_state_dict=True)
        self.flat: dict[str, Any] = dict(get_optimizer_state_dict(self.model, self.optimizer, options=options))
        self.whole = {"model": self.model.state_dict(), "optimizer": self.flat}

    def agrees(self, found: Opened) -> None:
        names = true_names(self.model, self.optimizer)
        assert list(found.naming.name) == names
        assert set(found.naming.source.tolist()) == {Source.KEYS}
        assert set(found.naming.confidence.tolist()) == {Confidence.CERTAIN}
        assert found.state.groups.optimizer == "AdamW"
        assert [group.options["lr"] for group in found.state.groups.groups] == [0.125, 0.001]
        assert [group.options["weight_decay"] for group in found.state.groups.groups] == [0.01, 0.0]
        assert [list(group.params) for group in found.state.groups.groups] == [names[:4], names[4:]]
        assert set(found.state.fields) == {"step", "exp_avg", "exp_avg_sq"}
        for index, name in enumerate(names):
            row = int(found.state.column("exp_avg_sq")[index])
            ref = next(each for each in found.checkpoint.tensors.values() if each.row == row)
            assert torch.equal(torch.from_numpy(ref.numpy()), self.flat[f"state.{name}.exp_avg_sq"])


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained()


def test_the_flat_layout_is_an_optimizer_with_names(tmp_path: Path, trained: Trained) -> None:
    torch.save(trained.whole, tmp_path / "flat.pt")
    trained.agrees(opened(tmp_path / "flat.pt"))


@pytest.mark.filterwarnings("ignore")  # torch warns of saving without a process group
def test_it_is_one_in_a_distributed_folder_too(tmp_path: Path, trained: Trained) -> None:
    dcp_save(trained.whole, checkpoint_id=tmp_path / "folder")
    trained.agrees(opened(tmp_path / "folder"))
    # torchtitan: the model's tensors lie beside the optimizer.
    dcp_save({**trained.model.state_dict(), "optimizer": trained.flat}, checkpoint_id=tmp_path / "titan")
    trained.agrees(opened(tmp_path / "titan"))


def test_it_is_known_by_its_keys_under_any_name_and_alone(tmp_path: Path, trained: Trained) -> None:
    torch.save({"model": trained.model.state_dict(), "trainer": {"inner": trained.flat}}, tmp_path / "named.pt")
    trained.agrees(opened(tmp_path / "named.pt", "trainer/inner"))
    torch.save(trained.flat, tmp_path / "alone.pt")
    assert list(opened(tmp_path / "alone.pt").naming.name) == true_names(trained.model, trained.optimizer)


def test_a_parameter_without_state_and_state_without_a_group_are_told(tmp_path: Path, trained: Trained) -> None:
    flat = {key: value for key, value in trained.flat.items() if not key.startswith("state.0.bias.")}
    flat["state.gone.weight.exp_avg"] = torch.zeros(2)
    torch.save({"model": trained.model.state_dict(), "optimizer": flat}, tmp_path / "flat.pt")
    found = opened(tmp_path / "flat.pt")
    standing = dict(zip(found.state.ids, found.state.standing.tolist(), strict=True))
    assert standing["0.bias"] == Standing.NEVER_STEPPED
    assert standing["gone.weight"] == Standing.IN_NO_GROUP
    assert standing["0.weight"] == Standing.STATE


def test_nested_state_belongs_to_the_parameter_before_it(tmp_path: Path) -> None:
    flat = {
        "state.layer.weight.shampoo.0.factor": torch.zeros(2),
        "state.layer.weight.step": 3,
        "param_groups.layer.weight.lr": 0.5,
    }
    torch.save({"optimizer": flat}, tmp_path / "nested.pt")
    found = opened(tmp_path / "nested.pt")
    assert list(found.state.ids) == ["layer.weight"]
    assert found.state.fields == ("shampoo.0.factor", "step")
    assert found.state.value(0, "step") == 3


def test_from_a_parameter_to_its_flat_state_and_back(tmp_path: Path, trained: Trained) -> None:
    torch.save(trained.whole, tmp_path / "flat.pt")
    checkpoint = sdviewer.open(tmp_path / "flat.pt")
    weight = node_of_row(checkpoint, checkpoint.tensors["model/2.weight"].row)
    moment = node_of_row(checkpoint, checkpoint.tensors["optimizer/state.2.weight.exp_avg_sq"].row)
    control = sdviewer.Control()
    assert parameter_of_state(checkpoint, moment, control) == weight
    there = state_of_parameter(checkpoint, weight, control)
    assert parameter_of_state(checkpoint, there, control) == weight


@pytest.mark.parametrize("shape", ["list", "deep", "deep list"])
def test_optimizers_that_lie_deeper_are_found_and_named(tmp_path: Path, shape: str) -> None:
    one, other = Trained(), Trained()
    states = [one.optimizer.state_dict(), other.optimizer.state_dict()]
    parts: dict[str, dict[str, Any]] = {
        "list": {"optimizers": states},
        "deep": {"trainer": {"optimizer": states[0], "epoch": 3}},
        "deep list": {"run": {"trainer": {"optimizers": states, "epoch": 3}}},
    }
    torch.save({"model": one.model.state_dict(), **parts[shape]}, tmp_path / "deep.pt")
    checkpoint = sdviewer.open(tmp_path / "deep.pt")
    names = {
        "list": ["optimizers/[0]", "optimizers/[1]"],
        "deep": ["trainer/optimizer"],
        "deep list": ["run/trainer/optimizers/[0]", "run/trainer/optimizers/[1]"],
    }[shape]
    assert [section.name for section in optimizers_of(checkpoint)] == names
    for name in names:
        found = opened(tmp_path / "deep.pt", name)
        pairs = zip(found.naming.name, true_names(one.model, one.optimizer), strict=True)
        assert all(given in ("", true) for given, true in pairs)
        assert (found.naming.row >= 0).any()


def test_flat_shards_of_fsdp1_are_named_as_such(tmp_path: Path) -> None:
    whole, shard = small_model(), nn.Module()
    shard.register_parameter("_flat_param", nn.Parameter(torch.zeros(19)))
    optimizer = optim.Adam(shard.parameters())
    for each in shard.parameters():
        each.grad = torch.ones_like(each)
    optimizer.step()
    for name, model in {"full.pt": whole, "local.pt": shard}.items():
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / name)
        assert "flat shards" in opened(tmp_path / name).naming.reason
        assert "FSDP1" in opened(tmp_path / name).naming.reason
