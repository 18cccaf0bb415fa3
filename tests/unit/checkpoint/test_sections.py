"""Files in the shapes that training code writes fall into the sections that a reader of them expects."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import find_sections, paint
from sdviewer.checkpoint.structure import Node
from tests.helpers.hand_built import description_with
from tests.helpers.saved import in_one_folder, nested_dicts, opened

State = dict[str, Any]


def net() -> nn.Module:
    """6 parameters and 3 buffers; a module that owns no tensor, and dotted names two deep."""
    return nn.Sequential(
        OrderedDict(fc=nn.Linear(3, 4), bn=nn.BatchNorm1d(4), body=nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
    )


def trained(make: type[torch.optim.Optimizer] = torch.optim.Adam) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A model after one step, and its optimizer with a state."""
    model = net()
    optimizer = make(model.parameters(), lr=0.1)  # type: ignore[call-arg]  # both that are used have one
    model(torch.ones(5, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


MODEL = ("model", 9, sum(p.numel() for p in net().parameters()))
EMA = ("ema", *MODEL[1:])
ADAM = ("optimizer", 18, 0)  # step, exp_avg, exp_avg_sq of each of 6
SCHEDULER = ("scheduler", 0, 0)
NOTES = ("metadata", 0, 0)


def bare() -> Any:
    return net().state_dict()


def tutorial() -> State:
    model, optimizer = trained()
    return {
        "epoch": 5,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "loss": torch.tensor(0.5),
    }


def lightning() -> State:
    model, optimizer = trained()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    return {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict((f"model.{key}", value) for key, value in model.state_dict().items()),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": "a.ckpt", "best_model_score": None}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [scheduler.state_dict()],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 1e-3, "hidden": 4},
    }


def trainer_optimizer() -> State:
    return trained(torch.optim.AdamW)[1].state_dict()


def trainer_scheduler() -> Any:
    optimizer = trained(torch.optim.AdamW)[1]
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0).state_dict()


def rng_states() -> State:
    return {"python": random.getstate(), "numpy": ("MT19937", 3, 0, 0.0), "cpu": torch.get_rng_state()}


def accelerate() -> State:
    return {
        "step": 0,
        "random_state": random.getstate(),
        "numpy_random_seed": ("MT19937", 3, 0, 0.0),
        "torch_manual_seed": torch.get_rng_state(),
    }


def timm() -> State:
    model, optimizer = trained()
    return {
        "epoch": 2,
        "arch": "resnet50",
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "version": 2,
        "args": {"lr": 0.1},
        "amp_scaler": {"scale": 65536.0, "_growth_tracker": 0},
        "state_dict_ema": net().state_dict(),
        "metric": 71.2,
    }


def yolo() -> State:
    model, optimizer = trained()
    return {
        "epoch": -1,
        "best_fitness": None,
        "model": model,
        "ema": net(),
        "updates": 4,
        "optimizer": optimizer.state_dict(),
        "train_args": {"imgsz": 640},
        "date": "2024-01-01",
    }


def gan() -> State:
    generator, for_generator = trained()
    critic, for_critic = trained()
    return {
        "netG": generator.state_dict(),
        "netD": critic.state_dict(),
        "optimizer_G": for_generator.state_dict(),
        "optimizer_D": for_critic.state_dict(),
        "iteration": 9,
    }


def deep_ema() -> State:
    copy = {"decay": 0.999, "num_updates": 7, "shadow_params": list(net().parameters())}
    return {"training": {"models": {"model": net().state_dict(), "ema": {"module": net().state_dict()}}}, "ema": copy}


def pretrained_parts() -> State:
    return {"encoder": net().state_dict(), "decoder": net().state_dict(), "config": {"size": 4}}


def many_optimizers() -> State:
    return {"optimizers": {"body": trained()[1].state_dict(), "head": trained()[1].state_dict()}}


@dataclass(frozen=True)
class Layout:
    """What is saved, and its sections: name → (kind, tensors, parameters), in file order."""

    value: Any
    sections: dict[str, tuple[str, int, int]]


LAYOUTS: dict[str, Layout] = {
    "bare state_dict": Layout(bare, {"model": MODEL}),
    "one bare tensor": Layout(lambda: torch.zeros(2, 3), {"tensors": ("tensors", 1, 0)}),
    "PyTorch tutorial": Layout(
        tutorial,
        {
            "metadata": NOTES,
            "model_state_dict": MODEL,
            "optimizer_state_dict": ADAM,
            "tensors": ("tensors", 1, 0),
        },
    ),
    "Lightning": Layout(
        lightning,
        {
            "metadata": NOTES,
            "state_dict": MODEL,
            "loops": NOTES,
            "callbacks": NOTES,
            "optimizer_states/[0]": ADAM,
            "lr_schedulers": SCHEDULER,
            "hyper_parameters": NOTES,
        },
    ),
    "Hugging Face Trainer: optimizer.pt": Layout(trainer_optimizer, {"optimizer": ADAM}),
    "Hugging Face Trainer: scheduler.pt": Layout(trainer_scheduler, {"scheduler": SCHEDULER}),
    "Hugging Face Trainer: rng_state.pth": Layout(rng_states, {"tensors": ("tensors", 1, 0)}),
    "Accelerate: random_states_0.pkl": Layout(accelerate, {"tensors": ("tensors", 1, 0)}),
    "timm": Layout(
        timm,
        {
            "metadata": NOTES,
            "state_dict": MODEL,
            "optimizer": ADAM,
            "args": NOTES,
            "amp_scaler": NOTES,
            "state_dict_ema": EMA,
        },
    ),
    "YOLO, whole modules": Layout(
        yolo, {"metadata": NOTES, "model": MODEL, "ema": EMA, "optimizer": ADAM, "train_args": NOTES}
    ),
    "BasicSR: params": Layout(lambda: {"params": net().state_dict()}, {"params": MODEL}),
    "BasicSR: params and params_ema": Layout(
        lambda: {"params": net().state_dict(), "params_ema": net().state_dict()}, {"params": MODEL, "params_ema": EMA}
    ),
    "GAN pairs": Layout(
        gan, {"netG": MODEL, "netD": MODEL, "optimizer_G": ADAM, "optimizer_D": ADAM, "metadata": NOTES}
    ),
    "EMA copies at any depth": Layout(
        deep_ema,
        {
            "training/models/model": MODEL,
            "training/models/ema/module": EMA,
            "ema/metadata": NOTES,
            "ema/shadow_params": ("ema", 6, MODEL[2]),
        },
    ),
    "several parts of one model": Layout(pretrained_parts, {"encoder": MODEL, "decoder": MODEL, "config": NOTES}),
    "several optimizers": Layout(many_optimizers, {"optimizers/body": ADAM, "optimizers/head": ADAM}),
    "one wrapped state_dict": Layout(lambda: {"state_dict": net().state_dict()}, {"state_dict": MODEL}),
    "random number generators": Layout(
        lambda: {"state_dict": net().state_dict(), "rng_state": torch.get_rng_state(), "cuda_rng_state": []},
        {"state_dict": MODEL, "tensors": ("tensors", 1, 0), "metadata": NOTES},
    ),
    "a list of state_dicts": Layout(lambda: [net().state_dict(), net().state_dict()], {"[0]": MODEL, "[1]": MODEL}),
    "notes alone": Layout(lambda: {"epoch": 3, "config": {"a": 1}}, {"metadata": NOTES}),
    "one number": Layout(lambda: 7, {"metadata": NOTES}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_file_falls_into_the_sections_of_its_convention(tmp_path: Path, layout: Layout) -> None:
    checkpoint = opened(tmp_path, layout.value())
    found = {name: (s.kind, len(s.tensors), s.parameters) for name, s in checkpoint.sections.items()}
    assert found == layout.sections
    assert_in_one_section_each(checkpoint)


def test_a_section_maps_the_keys_of_its_state_dict_to_tensors(tmp_path: Path) -> None:
    model, optimizer = trained()
    checkpoint = opened(tmp_path, {"model_state_dict": model.state_dict(), "optimizer": optimizer.state_dict()})
    section = checkpoint.sections["model_state_dict"]
    assert list(section.tensors) == list(model.state_dict())
    assert section.path == "model_state_dict"
    for key, value in model.state_dict().items():
        assert section.tensors[key].name == f"model_state_dict/{key}"
        assert torch.equal(section.tensors[key].torch(), value)
    assert "state.0.exp_avg" in checkpoint.sections["optimizer"].tensors


def test_odd_keys_of_a_section_are_the_ones_of_the_dict(tmp_path: Path) -> None:
    state = {"a/b.w": torch.zeros(1), "~.w": torch.zeros(1), "[0].w": torch.zeros(1), "x.w": torch.zeros(1)}
    assert list(opened(tmp_path, {"state_dict": state}).sections["state_dict"].tensors) == list(state)
    assert list(opened(tmp_path, state).sections["model"].tensors) == list(state)


def test_parameters_and_bytes_count_tied_tensors_once_and_no_buffers(tmp_path: Path) -> None:
    shared = torch.zeros(10, 4)
    state = {
        "embed.weight": shared,
        "head.weight": shared,
        "bn.weight": torch.zeros(4),
        "bn.bias": torch.zeros(4),
        "bn.running_mean": torch.zeros(4),
        "bn.running_var": torch.zeros(4),
        "bn.num_batches_tracked": torch.tensor(0),
        "index": torch.zeros(3, dtype=torch.int64),
    }
    section = opened(tmp_path, state).sections["model"]
    assert section.parameters == 40 + 4 + 4
    assert section.nbytes == 4 * (40 + 4 * 4) + 8 + 24


def test_a_section_that_belongs_to_no_opened_checkpoint_says_so() -> None:
    section = find_sections(description_with())[0]
    with pytest.raises(RuntimeError, match="opened checkpoint"):
        _ = section.tensors


def test_names_of_sections_are_unique(tmp_path: Path) -> None:
    checkpoint = opened(
        tmp_path, {"tensors": {"a.b": torch.zeros(1)}, "x": torch.zeros(1), "metadata": {"m": 1}, "n": 1}
    )
    names = list(checkpoint.sections)
    assert len(names) == len(set(names)) == len(find_sections(checkpoint.description))
    assert_in_one_section_each(checkpoint)


@pytest.mark.parametrize("count", [300, 1_500])
def test_more_parts_than_any_model_has_stay_within_bounds(tmp_path: Path, count: int) -> None:
    checkpoint = opened(tmp_path, {f"part{n}": {"state_dict": {"a.w": torch.zeros(1)}} for n in range(count)})
    assert len(checkpoint.sections) <= 1_000
    assert_in_one_section_each(checkpoint)


@in_one_folder(100)
@given(nested_dicts())
def test_every_tensor_and_every_scalar_is_in_exactly_one_section(tmp_path: Path, value: State) -> None:
    assert_in_one_section_each(opened(tmp_path, value))


def assert_in_one_section_each(checkpoint: Checkpoint) -> None:
    """Rows are partitioned, in file order within each, and every leaf lies below its section's container."""
    sections = list(checkpoint.sections.values())
    rows = [row for section in sections for row in section.rows.tolist()]
    assert sorted(rows) == list(range(len(checkpoint.tensors)))
    assert all((np.diff(section.rows) > 0).all() for section in sections)
    structure = checkpoint.description.structure
    painted = paint(structure, [s.node for s in sections], [s.kind for s in sections])
    leaves = np.flatnonzero(structure.kind >= Node.TENSOR)
    assert (painted[leaves] >= 0).all()
    for leaf in leaves.tolist():
        section = sections[painted[leaf]]
        assert section.node <= leaf < structure.end[section.node]
        if structure.kind[leaf] == Node.TENSOR:
            assert int(structure.ref[leaf]) in section.rows
