"""Checkpoints of Lightning, made to its layout: what `Trainer.save_checkpoint` writes, with real optimizers in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim

import sdviewer
from sdviewer.control import Control
from sdviewer.training.naming import Confidence, Source
from sdviewer.ui.optimizer.reading import read_optimizer
from tests.helpers.optimizing import Opened, opened, small_model


class Module(nn.Module):
    """As a LightningModule holds them: a model, and what judges it, both with the same names inside."""

    def __init__(self) -> None:
        super().__init__()
        self.model = small_model()
        self.critic = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))


def lightning(path: Path, *, by_name: bool = False) -> Module:
    """Train a GAN's two parts, and save what the Trainer would."""
    module = Module()

    def given(part: nn.Module) -> Any:
        return part.named_parameters() if by_name else part.parameters()

    optimizers = [optim.AdamW(given(module.model), 0.01), optim.SGD(given(module.critic), 0.1, momentum=0.9)]
    schedulers = [optim.lr_scheduler.StepLR(optimizer, 1) for optimizer in optimizers]
    for _ in range(3):
        module.critic(module.model(torch.randn(8, 4))).square().sum().backward()
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            optimizer.step()
            scheduler.step()
    progress = {"ready": 3, "started": 3, "processed": 3, "completed": 3}
    score = {"/runs/epoch=2-step=3.ckpt": torch.tensor(0.25)}
    whole = {
        "epoch": 2,
        "global_step": 3,
        "pytorch-lightning_version": "2.5.1",
        "state_dict": module.state_dict(),
        "loops": {
            "fit_loop": {
                "state_dict": {},
                "epoch_loop.state_dict": {"_batches_that_stepped": 3},
                "epoch_loop.automatic_optimization.optim_progress": {"optimizer": {"step": {"total": progress}}},
                "epoch_progress": {"total": progress, "current": progress},
            },
            "validate_loop": {"state_dict": {}},
        },
        "callbacks": {
            "ModelCheckpoint{'monitor': 'val_loss', 'mode': 'min', 'every_n_epochs': 1}": {
                "monitor": "val_loss",
                "best_model_score": torch.tensor(0.25),
                "best_model_path": "/runs/epoch=2-step=3.ckpt",
                "best_k_models": score,
                "kth_value": torch.tensor(0.25),
            }
        },
        "optimizer_states": [optimizer.state_dict() for optimizer in optimizers],
        "lr_schedulers": [scheduler.state_dict() for scheduler in schedulers],
        "MixedPrecision": {"scale": 65536.0, "growth_factor": 2.0, "growth_interval": 2000, "_growth_tracker": 3},
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.01, "width": 3},
    }
    torch.save(whole, path)
    return module


def both(path: Path) -> tuple[Opened, Opened]:
    return opened(path, "optimizer_states/[0]"), opened(path, "optimizer_states/[1]")


def names_below(module: nn.Module, prefix: str) -> list[str]:
    return [name for name, _ in module.named_parameters() if name.startswith(prefix)]


def test_the_parts_are_what_they_are_and_only_the_model_is_one(tmp_path: Path) -> None:
    module = lightning(tmp_path / "last.ckpt")
    checkpoint = sdviewer.open(tmp_path / "last.ckpt")
    kinds = {name: section.kind for name, section in checkpoint.sections.items()}
    assert [name for name, kind in kinds.items() if kind == "model"] == ["state_dict"]
    assert [name for name, kind in kinds.items() if kind == "optimizer"] == [
        "optimizer_states/[0]",
        "optimizer_states/[1]",
    ]
    assert kinds["lr_schedulers"] == "scheduler"
    assert kinds["loops"] == kinds["hyper_parameters"] == kinds["MixedPrecision"] == "metadata"
    assert {kind for name, kind in kinds.items() if name.startswith("callbacks")} == {"tensors"}
    parameters = sum(parameter.numel() for parameter in module.parameters())
    assert checkpoint.sections["state_dict"].parameters == parameters


def test_each_optimizer_is_named_against_the_state_dict_with_its_prefixes(tmp_path: Path) -> None:
    module = lightning(tmp_path / "last.ckpt")
    generator, critic = both(tmp_path / "last.ckpt")
    assert list(generator.naming.name) == names_below(module, "model.")
    assert list(critic.naming.name) == names_below(module, "critic.")
    for one, name in ((generator, "AdamW"), (critic, "SGD")):
        assert one.state.groups.optimizer == name
        assert set(one.naming.confidence.tolist()) == {Confidence.LIKELY}
        assert one.naming.conflicts == ()
    known = read_optimizer(generator.checkpoint, generator.section, None, Control())
    assert known.headline == "AdamW · 1 group · 8 parameters · 3 steps"
    assert [known.name(row) for row in range(8, len(known))] == names_below(module, "critic.")
    assert {known.cell(row, 2) for row in range(8, len(known))} == {"in optimizer_states/[1]"}


def test_names_of_a_part_are_found_behind_its_prefix(tmp_path: Path) -> None:
    module = lightning(tmp_path / "last.ckpt", by_name=True)
    for one, prefix in zip(both(tmp_path / "last.ckpt"), ("model.", "critic."), strict=True):
        naming = one.naming
        full = names_below(module, prefix)
        assert list(naming.name) == [name.removeprefix(prefix) for name in full], "as the file has them"
        assert [one.checkpoint.table.name[row] for row in naming.row.tolist()] == [f"state_dict/{n}" for n in full]
        assert set(naming.source.tolist()) == {Source.PARAM_NAMES}
        assert f"They are those of “state_dict” with “{prefix}” before them." in naming.reason
        assert naming.conflicts == ()


@pytest.mark.parametrize("is_alike", [True, False])
def test_a_prefix_that_could_be_two_is_not_guessed(tmp_path: Path, *, is_alike: bool) -> None:
    student, teacher = nn.Linear(4, 3), nn.Linear(4, 3 if is_alike else 2)
    optimizer = optim.Adam(student.named_parameters())
    student(torch.ones(4)).sum().backward()
    optimizer.step()
    keys = {
        f"{name}.{key}": value
        for name, part in (("student", student), ("teacher", teacher))
        for key, value in part.state_dict().items()
    }
    torch.save({"state_dict": keys, "optimizer_states": [optimizer.state_dict()]}, tmp_path / "a.ckpt")
    naming = opened(tmp_path / "a.ckpt", "optimizer_states/[0]").naming
    if is_alike:
        assert "could be those of “state_dict” with “student.” before them or " in naming.reason
        assert set(naming.row.tolist()) == {-1}
    else:
        assert "They are those of “state_dict” with “student.” before them." in naming.reason


def test_names_may_have_a_prefix_that_the_model_was_saved_without(tmp_path: Path) -> None:
    module = Module()
    optimizer = optim.Adam(module.model.parameters())
    module.model(torch.randn(8, 4)).sum().backward()
    optimizer.step()
    whole = optimizer.state_dict()
    whole["param_groups"][0]["param_names"] = names_below(module, "model.")
    torch.save({"state_dict": module.model.state_dict(), "optimizer_states": [whole]}, tmp_path / "a.ckpt")
    naming = opened(tmp_path / "a.ckpt", "optimizer_states/[0]").naming
    assert "They are those of “state_dict” without “model.” before them." in naming.reason
    assert (naming.row >= 0).all()
