"""Roles agree with torch's own books, and where nothing says, nothing is claimed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from sdviewer.checkpoint.document import Checkpoint
from tests.helpers.saved import opened


class Own(nn.Module):
    """A module of no known kind, with a parameter and buffers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(3))
        self.inner = nn.Linear(3, 3)
        self.register_buffer("table", torch.zeros(5))
        self.register_buffer("index", torch.zeros(5, dtype=torch.int64))
        self.register_buffer("mask", torch.zeros(5, dtype=torch.bool))


class Gammas(nn.Module):
    """Parameters that nothing but an optimizer tells to be some."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(3))
        self.second = nn.Parameter(torch.zeros(4))
        self.register_buffer("position_ids", torch.arange(4))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "convolutions and norms": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 2), nn.Flatten(), nn.Linear(5, 2)
    ),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
    "recurrent": lambda: nn.ModuleDict(
        {"rnn": nn.LSTM(3, 4, 2), "cell": nn.GRUCell(2, 3), "embed": nn.Embedding(5, 3)}
    ),
    "spectral norm": lambda: nn.Sequential(
        nn.utils.spectral_norm(nn.Linear(3, 4)), nn.utils.spectral_norm(nn.Conv1d(1, 2, 3))
    ),
    "spectral parametrisation": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))),
    "own": Own,
    "running statistics alone": lambda: nn.Sequential(nn.BatchNorm1d(4, affine=False)),
}


def oracle(model: nn.Module) -> dict[str, str]:
    """What torch has under each key of the state_dict."""
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return {key: "parameter" if key in parameters else "buffer" for key in model.state_dict()}


def roles(checkpoint: Checkpoint, section: str = "model") -> dict[str, str]:
    return {key: ref.role for key, ref in checkpoint.sections[section].tensors.items()}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_bare_state_dict_says_nothing_that_torch_would_deny(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    model = make()
    found, truth = roles(opened(tmp_path, model.state_dict())), oracle(model)
    unknown = {key for key, role in found.items() if role == "unknown"}
    assert {key: role for key, role in found.items() if key not in unknown} == {
        key: role for key, role in truth.items() if key not in unknown
    }
    # Nothing says what a lone tensor in a module of no known kind is; everything else is known.
    assert unknown <= {"gamma", "table", "0.parametrizations.weight.original", "0.bias"}
    assert ("gamma" in truth) is ("gamma" in unknown)


@pytest.mark.parametrize("make", [m for name, m in MODELS.items() if "parametrisation" not in name])
def test_a_pickled_module_says_it_of_every_tensor(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    model = make()
    assert roles(opened(tmp_path, {"model": model})) == oracle(model)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_an_optimizer_of_as_many_parameters_tells_which_tensors_are_some(
    tmp_path: Path, make: type[torch.optim.Optimizer]
) -> None:
    model = Gammas()
    optimizer = make([{"params": [model.first]}, {"params": [model.second]}], lr=0.1)  # type: ignore[call-arg]
    assert set(roles(opened(tmp_path, model.state_dict())).values()) == {"unknown", "buffer"}
    saved = opened(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    assert roles(saved) == oracle(model)


def test_tied_parameters_are_one_to_the_optimizer(tmp_path: Path) -> None:
    model = Gammas()
    model.again = model.first
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    saved = opened(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    assert roles(saved) == oracle(model)


def test_an_optimizer_of_another_number_of_parameters_tells_nothing(tmp_path: Path) -> None:
    model = Gammas()
    optimizer = torch.optim.SGD([model.first], lr=0.1)
    saved = opened(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    assert roles(saved) == {"first": "unknown", "second": "unknown", "position_ids": "buffer"}


def test_an_optimizer_keyed_by_names_counts_as_well(tmp_path: Path) -> None:
    model = Gammas()
    state = {"state": {}, "param_groups": [{"lr": 0.1, "params": ["first", "second"]}]}
    saved = opened(tmp_path, {"model": model.state_dict(), "optimizer": state})
    assert roles(saved) == oracle(model)


def test_requires_grad_makes_a_parameter_of_anything(tmp_path: Path) -> None:
    state = {"a.x": torch.zeros(2, requires_grad=True), "a.y": torch.zeros(2), "a.p": nn.Parameter(torch.zeros(2))}
    assert roles(opened(tmp_path, state)) == {"a.x": "parameter", "a.y": "unknown", "a.p": "parameter"}
    frozen = {"a.p": nn.Parameter(torch.zeros(2), requires_grad=False)}
    assert roles(opened(tmp_path, frozen)) == {"a.p": "parameter"}


def test_integers_are_buffers_unless_they_are_packed_weights(tmp_path: Path) -> None:
    state = {
        "position_ids": torch.arange(3),
        "attn.mask": torch.zeros(3, dtype=torch.bool),
        "linear.qweight": torch.zeros(3, dtype=torch.int32),
        "linear.weight": torch.zeros(3, dtype=torch.uint8),
        "expert.down_proj_blocks": torch.zeros(3, dtype=torch.uint8),
    }
    found = roles(opened(tmp_path, state))
    assert found == {
        "position_ids": "buffer",
        "attn.mask": "buffer",
        "linear.qweight": "unknown",
        "linear.weight": "unknown",
        "expert.down_proj_blocks": "unknown",
    }


@pytest.mark.parametrize("key", ["my_running_mean", "x.not_running_var", "running_mean_of", "weight_v", "a.my_u"])
def test_names_that_only_end_alike_are_no_buffers(tmp_path: Path, key: str) -> None:
    assert roles(opened(tmp_path, {key: torch.zeros(2), "w": torch.zeros(1)}))[key] == "unknown"


def test_weight_v_of_a_weight_norm_is_a_parameter_and_that_of_a_spectral_norm_is_not(tmp_path: Path) -> None:
    state = {
        "weight.weight_g": torch.zeros(4, 1),
        "weight.weight_v": torch.zeros(4, 3),
        "spectral.weight_orig": torch.zeros(4, 3),
        "spectral.weight_u": torch.zeros(4),
        "spectral.weight_v": torch.zeros(3),
    }
    assert list(roles(opened(tmp_path, state)).values()) == ["parameter", "parameter", "parameter", "buffer", "buffer"]


def test_outside_of_models_there_are_no_roles(tmp_path: Path) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=0.1, momentum=0.9)
    saved = opened(
        tmp_path, {"optimizer": optimizer.state_dict() | {"state": {0: {"momentum_buffer": torch.zeros(2)}}}}
    )
    assert {ref.role for ref in saved.tensors.values()} == {"unknown"}
