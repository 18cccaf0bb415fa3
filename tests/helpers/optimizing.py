"""Optimizing: checkpoints of training as real optimizers leave them, and what each parameter is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section
from sdviewer.training.groups import read_groups
from sdviewer.training.naming import Naming, name_parameters
from sdviewer.training.state import OptimizerState, read_state


def small_model() -> nn.Module:
    """Weights of different shapes, and buffers between them."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2), nn.Linear(2, 4))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 2) -> None:
    """Some steps on random inputs."""
    for _ in range(steps):

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss: torch.Tensor = model(torch.randn(8, 4)).square().sum()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            return loss

        optimizer.step(closure)  # type: ignore[arg-type,unused-ignore]  # the stubs disagree from class to class


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """An optimizer in a file, as it is read."""

    checkpoint: Checkpoint
    section: Section
    state: OptimizerState
    naming: Naming


def opened(path: Path, section: str = "optimizer") -> Opened:
    """Read the optimizer in this section of a file."""
    checkpoint = sdviewer.open(path)
    chosen = checkpoint.sections[section]
    state = read_state(checkpoint, read_groups(checkpoint.description, chosen.node))
    return Opened(checkpoint, chosen, state, name_parameters(checkpoint, chosen, state))


def saved(folder: Path, model: nn.Module | None, optimizer: torch.optim.Optimizer, **others: Any) -> Opened:
    """Save both, and read them again."""
    whole = {} if model is None else {"model": model.state_dict()}
    torch.save(whole | {"optimizer": optimizer.state_dict()} | others, folder / "training.pt")
    return opened(folder / "training.pt")


def trained(
    folder: Path, make: Callable[[Iterable[Any]], torch.optim.Optimizer], model: nn.Module | None = None
) -> Opened:
    """Train a model, save both, and read them again."""
    model = small_model() if model is None else model
    optimizer = make(model.parameters())
    train(model, optimizer)
    return saved(folder, model, optimizer)


def true_names(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """What the parameters of an optimizer are called in the model's state_dict, group after group."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
