"""Whole modules saved by `torch.save(module)`: names as state_dict() gives them, classes and tree kept, no code run."""

from __future__ import annotations

import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Flag
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.torch_oracle import assert_same, reopened, saved

both_containers = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


class Zoo(nn.Module):
    """One of each container, buffers of both kinds, tied parameters, a shared submodule, None entries."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4)) for _ in range(11))
        self.named = nn.Sequential(OrderedDict(first=nn.Conv2d(1, 2, 3), second=nn.LayerNorm(2)))
        self.heads = nn.ModuleDict({"left": nn.Linear(4, 2, bias=False), "right": nn.Identity()})
        self.extra = nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))])
        self.table = nn.ParameterDict({"alpha": nn.Parameter(torch.ones(3)), "beta": nn.Parameter(torch.ones(()))})
        self.attention = nn.MultiheadAttention(4, 2)
        self.recurrent = nn.LSTM(4, 3, 2)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight
        self.again = self.blocks[0]
        self.frozen = nn.Parameter(torch.arange(3.0), requires_grad=False)
        self.register_buffer("kept", torch.arange(4))
        self.register_buffer("left_out", torch.arange(5), persistent=False)
        self.register_buffer("nothing", None)
        self.register_parameter("absent", None)
        self.plain = torch.arange(6)
        self.note = "not a tensor"


def assert_shows_state(checkpoint: Checkpoint, module: nn.Module, prefix: str = "") -> None:
    """Just the names of state_dict(), in its order, each with its values and class."""
    assert checkpoint.problems == ()
    state = module.state_dict(keep_vars=True)
    assert [name for name in checkpoint.tensors if name.startswith(prefix)] == [prefix + name for name in state]
    for name, tensor in state.items():
        assert_same(checkpoint.tensors[prefix + name], tensor)


@both_containers
@pytest.mark.parametrize("protocol", [2, 4])
def test_names_order_and_values_are_those_of_state_dict(tmp_path: Path, protocol: int, *, legacy: bool) -> None:
    module = Zoo()
    assert_shows_state(reopened(tmp_path / "zoo.pt", module, legacy=legacy, protocol=protocol), module)


@both_containers
def test_whole_modules_inside_a_dict_stand_below_its_key(tmp_path: Path, *, legacy: bool) -> None:
    module, ema = Zoo(), nn.Linear(2, 2)
    checkpoint = reopened(tmp_path / "zoo.pt", {"model": module, "ema": ema, "epoch": 3}, legacy=legacy)
    assert_shows_state(checkpoint, module, "model/")
    assert_shows_state(checkpoint, ema, "ema/")
    assert checkpoint.tensors["model/embed.weight"].path == ("model", "embed.weight")
    assert list(checkpoint.sections["model"].tensors) == list(module.state_dict())


def test_parameters_and_buffers_are_told_apart(tmp_path: Path) -> None:
    module = Zoo()
    checkpoint = reopened(tmp_path / "zoo.pt", module)
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for name, ref in checkpoint.tensors.items():
        assert ref.role == ("parameter" if name in parameters else "buffer")
        assert (Flag.PARAMETER in ref.flags) == (name in parameters)
        if name in parameters:
            assert ref.requires_grad == parameters[name].requires_grad


def test_tied_parameters_and_shared_submodules_are_linked(tmp_path: Path) -> None:
    checkpoint = reopened(tmp_path / "zoo.pt", Zoo())
    assert checkpoint.tensors["head.weight"].shared_with == ("embed.weight",)
    assert "again.0.weight" in checkpoint.tensors["blocks.0.0.weight"].shared_with


@both_containers
def test_the_classes_of_all_modules_are_kept_by_name(tmp_path: Path, *, legacy: bool) -> None:
    module = Zoo()
    checkpoint = reopened(tmp_path / "zoo.pt", module, legacy=legacy)
    shown = {entry.prefix: entry.name for entry in checkpoint.description.module_classes}
    expected = {
        name: f"{type(child).__module__}.{type(child).__qualname__}"
        for name, child in module.named_modules(remove_duplicate=False)
    }
    assert shown == expected


def test_the_tree_names_kinds_by_their_class(tmp_path: Path) -> None:
    tree = reopened(tmp_path / "zoo.pt", Zoo()).tree
    kinds = {
        tree.label[node]: tree.kinds[int(tree.kind[node])]
        for node in range(len(tree.what))
        if tree.what[node] == TreeNode.MODULE
    }
    expected = {"embed": "Embedding", "blocks": "ModuleList", "named": "Sequential", "recurrent": "LSTM"}
    assert expected.items() <= kinds.items()


MODULES: dict[str, Callable[[], nn.Module]] = {
    "transformer": lambda: nn.TransformerEncoderLayer(4, 2, 8),
    "data parallel": lambda: nn.DataParallel(nn.Linear(2, 2)),
    "empty": nn.Sequential,
    "half": lambda: nn.Linear(2, 2).half(),
    "norms": lambda: nn.Sequential(nn.GroupNorm(1, 3), nn.InstanceNorm1d(2, track_running_stats=True)),
}


@pytest.mark.parametrize("name", MODULES)
def test_common_modules_have_the_names_of_their_state_dict(tmp_path: Path, name: str) -> None:
    module = MODULES[name]()
    assert_shows_state(reopened(tmp_path / "m.pt", module), module)


class Quirks(nn.Module):
    """Attributes that a walk must not take for modules or state."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(1, 1)
        self.__dict__["owner"] = self
        self.callbacks = [self.inner, {"me": self}]


def test_modules_that_refer_to_themselves_end(tmp_path: Path) -> None:
    module = Quirks()
    assert_shows_state(reopened(tmp_path / "m.pt", module), module)


def test_a_module_that_contains_itself_ends_and_says_so(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(1, 1))
    module._modules["loop"] = module
    checkpoint = reopened(tmp_path / "m.pt", module)
    assert checkpoint.tensors["0.weight"].shape == (1, 1)
    assert any(problem.kind == "partial" for problem in checkpoint.problems)
    assert len(checkpoint.tensors) < 2000


def test_a_class_that_no_longer_exists_is_only_a_name(tmp_path: Path) -> None:
    gone = types.ModuleType("a_module_that_is_gone")
    cls = type("Gone", (nn.Linear,), {"__module__": gone.__name__})
    vars(gone)["Gone"] = cls
    sys.modules[gone.__name__] = gone
    try:
        module = cast("nn.Module", cls(2, 3))
        path = saved(tmp_path / "m.pt", module)
    finally:
        del sys.modules[gone.__name__]
    with pytest.raises(ModuleNotFoundError):
        torch.load(path, weights_only=False)
    checkpoint = open_checkpoint(path)
    assert_shows_state(checkpoint, module)
    assert [entry.name for entry in checkpoint.description.module_classes] == ["a_module_that_is_gone.Gone"]
    assert {"a_module_that_is_gone.Gone"} <= {use.name for use in checkpoint.globals if use.klass == "unknown"}
    assert gone.__name__ not in sys.modules


class WithSlots(nn.Module):
    """A module whose state is what its own __getstate__ gives."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(2.0))
        self.cache = torch.zeros(1000)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "cache"}


def test_a_state_of_its_own_making_is_walked_like_any_other(tmp_path: Path) -> None:
    module = WithSlots()
    assert_shows_state(reopened(tmp_path / "m.pt", module), module)
