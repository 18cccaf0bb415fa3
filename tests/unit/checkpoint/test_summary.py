"""What kind of checkpoint a file is, over the habits of those who write them."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.optimizers import group_options, optimizer_name
from sdviewer.checkpoint.summary import what_it_is
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.saved import opened

# The one that torch cannot tell from others: it has no option of its own.
_NAMELESS = {"SparseAdam"}


def net() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(100, 250), torch.nn.BatchNorm1d(250), torch.nn.Linear(250, 4))


def stepped(kind: type[torch.optim.Optimizer], model: torch.nn.Module, **options: Any) -> torch.optim.Optimizer:
    optimizer = kind(model.parameters(), lr=0.1, **options)  # type: ignore[call-arg]  # every optimizer of torch has one
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def optimizers_of_torch() -> list[type[torch.optim.Optimizer]]:
    found = [item for _, item in inspect.getmembers(torch.optim, inspect.isclass)]
    return [item for item in found if issubclass(item, torch.optim.Optimizer) and item is not torch.optim.Optimizer]


@pytest.mark.parametrize("kind", optimizers_of_torch(), ids=lambda kind: kind.__name__)
def test_every_optimizer_of_torch_is_known_by_its_options(tmp_path: Path, kind: type[torch.optim.Optimizer]) -> None:
    with warnings.catch_warnings():
        # Some of them are to go away one day.
        warnings.simplefilter("ignore")
        optimizer = kind([torch.nn.Parameter(torch.zeros(4, 4))], lr=0.1)  # type: ignore[call-arg]  # as above
    checkpoint = opened(tmp_path, {"optimizer": optimizer.state_dict(), "w": torch.zeros(1)})
    (section,) = [section for section in checkpoint.sections.values() if section.path == "optimizer"]
    found = optimizer_name(group_options(checkpoint.description.structure, section.node))
    assert found == ("" if kind.__name__ in _NAMELESS else kind.__name__)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"lr": 1, "betas": None, "eps": 1, "weight_decay": 0, "amsgrad": False, "params": None}, "Adam or AdamW"),
        ({"lr": 1, "betas": None, "eps": 1, "weight_decay": 0, "correct_bias": True}, "AdamW"),
        ({"lr": 1, "betas": None, "weight_decay": 0}, ""),
        ({"lr": 1, "betas": None, "eps": 1, "weight_decay": 0, "bias_correction": True}, ""),
        ({"lr": 1, "scale_parameter": True, "relative_step": False}, "Adafactor"),
        ({}, ""),
    ],
)
def test_what_two_optimizers_write_alike_is_not_guessed(options: dict[str, Any], name: str) -> None:
    assert optimizer_name(options) == name


def test_a_training_checkpoint_is_told_with_all_its_parts(tmp_path: Path) -> None:
    model = net()
    optimizer = stepped(torch.optim.AdamW, model)
    value = {
        "model": model.state_dict(),
        "model_ema": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1).state_dict(),
        "epoch": 3,
        "global_step": 12000,
        "config": {"lr": 0.1},
    }
    assert what_it_is(opened(tmp_path, value)) == (
        "A training checkpoint: a model of 26.8 K parameters, an EMA copy, an AdamW optimizer state, "
        "a scheduler state, epoch 3, step 12,000."
    )


def test_a_bare_state_dict_is_a_model(tmp_path: Path) -> None:
    assert what_it_is(opened(tmp_path, net().state_dict())) == "A model of 26.8 K parameters."


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: {
                "state_dict": net().state_dict(),
                "pytorch-lightning_version": "2.0",
                "epoch": 1,
                "global_step": 7,
            },
            "A training checkpoint: a model of 26.8 K parameters, epoch 1, step 7.",
        ),
        (lambda: {"ema": net().state_dict()}, "An EMA copy of a model of 26.8 K parameters."),
        (
            lambda: {"params": net().state_dict(), "params_ema": net().state_dict()},
            "A checkpoint: a model of 26.8 K parameters, an EMA copy.",
        ),
        (
            lambda: {"netG": net().state_dict(), "netD": net().state_dict()},
            "2 models (netG, netD) of 53.5 K parameters together.",
        ),
        (lambda: stepped(torch.optim.SGD, net(), momentum=0.9).state_dict(), "An SGD optimizer state."),
        (lambda: {"epoch": -1, "model": net().state_dict()}, "A model of 26.8 K parameters."),
        (lambda: {"epoch": True, "model": net().state_dict()}, "A model of 26.8 K parameters."),
        (lambda: {"a": 1, "b": [1, 2]}, "2 values, no tensors."),
        (dict, "No tensors and no values."),
        (lambda: torch.tensor(1.0), "One tensor: a float32 scalar."),
        (lambda: torch.zeros(3, 4), "One tensor: float32 of shape 3 × 4."),
        (lambda: [torch.zeros(1), torch.zeros(2)], "2 tensors."),
        (
            lambda: {
                "model": net().state_dict(),
                "rng_state": {"cpu": torch.get_rng_state()},
                "grad_scaler": {"_s": torch.ones(1)},
            },
            "A checkpoint: a model of 26.8 K parameters, a gradient scaler state, random number states.",
        ),
        (
            lambda: {"q.lora_A.weight": torch.zeros(4, 50), "q.lora_B.weight": torch.zeros(50, 4)},
            "Adapters (LoRA) of 400 parameters.",
        ),
    ],
)
def test_habits_of_training_code_are_told(tmp_path: Path, make: Any, sentence: str) -> None:
    assert what_it_is(opened(tmp_path, make())) == sentence


def test_two_optimizers_are_told_together(tmp_path: Path) -> None:
    model = net()
    states = {
        "optimizer_G": stepped(torch.optim.Adam, model).state_dict(),
        "optimizer_D": stepped(torch.optim.SGD, model, momentum=0.9).state_dict(),
    }
    assert what_it_is(opened(tmp_path, states)) == "2 optimizer states (Adam, SGD)."


def test_a_whole_module_is_told_by_its_class(tmp_path: Path) -> None:
    assert what_it_is(opened(tmp_path, net())) == (
        "A whole module of the class Sequential: a model of 26.8 K parameters."
    )


def test_a_traced_module_is_a_program(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # TorchScript is to go away one day; files of it stay.
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net().eval(), torch.ones(1, 100)), tmp_path / "t.pt")  # type: ignore[no-untyped-call]
    assert what_it_is(open_checkpoint(tmp_path / "t.pt")) == ("A TorchScript program: a model of 26.8 K parameters.")


def test_arrays_of_numpy_are_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3), np.int16))
    np.savez(tmp_path / "b.npz", a=np.zeros(2), b=np.ones(3))
    assert what_it_is(open_checkpoint(tmp_path / "a.npy")) == "One NumPy array: int16 of shape 2 × 3."
    assert what_it_is(open_checkpoint(tmp_path / "b.npz")) == "2 NumPy arrays in one archive."
