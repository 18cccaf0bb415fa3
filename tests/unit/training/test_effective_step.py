"""The effective step is what the next update of torch's Adam would be, but for the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from sdviewer.errors import CannotRead
from sdviewer.training.effective_step import count_effective_step, has_effective_step, step_rule
from tests.helpers.optimizing import opened, saved, small_model, train, trained


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.Adam(p, 0.01),
        lambda p: optim.Adam(p, 0.01, amsgrad=True, betas=(0.5, 0.9), eps=1e-3),
        lambda p: optim.AdamW(p, 0.02, weight_decay=0.0),
        lambda p: optim.Adam(p, lr=torch.tensor(0.03)),
    ],
)
def test_it_is_what_the_last_step_of_torch_subtracted(tmp_path: Path, make: Callable[[Any], optim.Optimizer]) -> None:
    model = small_model()
    optimizer = make(model.parameters())
    train(model, optimizer, 4)
    before = [p.detach().clone() for p in model.parameters()]
    train(model, optimizer, 1)
    found = saved(tmp_path, model, optimizer)
    for index, (old, new) in enumerate(zip(before, model.parameters(), strict=True)):
        assert has_effective_step(found.state, index)
        rule = step_rule(found.checkpoint, found.state, index)
        assert rule.step == 5
        moments = (found.checkpoint.tensors[found.checkpoint.table.name[row]] for row in (rule.first, rule.second))
        steps = rule.apply(*(moment.numpy() for moment in moments))
        np.testing.assert_allclose(steps, (old - new.detach()).double().numpy(), rtol=1e-4, atol=1e-7)
        statistics = count_effective_step(found.checkpoint, rule).figures().statistics()
        assert statistics.count == old.numel()
        assert statistics.l2 == pytest.approx(np.linalg.norm(steps.astype(np.float32)), rel=1e-5)
        assert statistics.max == pytest.approx(steps.max(), rel=1e-6)


def test_a_large_parameter_is_counted_block_by_block(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = torch.randn(700, 300).bfloat16()
    second = torch.rand(300, 700).T.contiguous().T.reshape(300, 700).T  # lies column by column
    state = {0: {"step": torch.tensor(3.0), "exp_avg": first, "exp_avg_sq": second}}
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "amsgrad": False, "params": [0]}
    torch.save({"optimizer": {"state": state, "param_groups": [group]}}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    expected = (0.1 / (1 - 0.9**3) * first.double() / (second.double().sqrt() / math.sqrt(1 - 0.99**3) + 1e-8)).float()
    statistics = count_effective_step(found.checkpoint, step_rule(found.checkpoint, found.state, 0)).statistics()
    assert statistics.count == 210_000
    assert statistics.mean == pytest.approx(expected.double().mean().item(), rel=1e-6)
    assert statistics.absmax == pytest.approx(expected.abs().max().item(), rel=1e-6)


def test_a_negative_second_moment_gives_nan(tmp_path: Path) -> None:
    state = {0: {"step": 1, "exp_avg": torch.ones(2), "exp_avg_sq": torch.tensor([1.0, -1.0])}}
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "amsgrad": False, "params": [0]}
    torch.save({"optimizer": {"state": state, "param_groups": [group]}}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    statistics = count_effective_step(found.checkpoint, step_rule(found.checkpoint, found.state, 0)).statistics()
    assert (statistics.finite, statistics.nan) == (1, 1)


@pytest.mark.parametrize("make", [optim.NAdam, optim.RAdam, optim.Adamax, lambda p: optim.SGD(p, 0.1, momentum=0.9)])
def test_other_optimizers_have_none(tmp_path: Path, make: Callable[[Any], optim.Optimizer]) -> None:
    found = trained(tmp_path, make, nn.Linear(4, 2))
    assert not has_effective_step(found.state, 0)
    with pytest.raises(CannotRead, match="two moments"):
        step_rule(found.checkpoint, found.state, 0)


def test_without_a_count_of_steps_it_is_refused(tmp_path: Path) -> None:
    state = {0: {"exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)}}
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "amsgrad": False, "params": [0]}
    torch.save({"optimizer": {"state": state, "param_groups": [group]}}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    with pytest.raises(CannotRead, match="not known"):
        step_rule(found.checkpoint, found.state, 0)
