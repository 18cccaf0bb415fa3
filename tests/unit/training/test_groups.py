"""The groups and the state of real optimizers are read as torch has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from sdviewer.training.state import Standing
from sdviewer.training.steps import read_steps
from tests.helpers.optimizing import opened, saved, small_model, train, trained

Make = Callable[[Iterable[Any]], optim.Optimizer]

OPTIMIZERS: dict[str, Make] = {
    "SGD": lambda p: optim.SGD(p, 0.1, momentum=0.9),
    "Adam": lambda p: optim.Adam(p, 1e-3),
    "AdamW": lambda p: optim.AdamW(p, 1e-3, amsgrad=True),
    "RMSprop": lambda p: optim.RMSprop(p, 1e-3, momentum=0.5, centered=True),
    "Adagrad": optim.Adagrad,
    "Adadelta": optim.Adadelta,
    "LBFGS": optim.LBFGS,
    "NAdam": optim.NAdam,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_and_state_are_what_torch_holds(tmp_path: Path, name: str) -> None:
    model = small_model()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer)
    whole = optimizer.state_dict()
    found = saved(tmp_path, model, optimizer)
    state = found.state
    assert state.groups.optimizer == name
    assert state.groups.problems == ()
    (group,) = state.groups.groups
    expected = {key: value for key, value in whole["param_groups"][0].items() if key != "params"}
    assert dict(group.options) == {
        key: list(value) if isinstance(value, tuple) else value for key, value in expected.items()
    }
    assert list(group.params) == whole["param_groups"][0]["params"]
    for index, item in enumerate(state.ids):
        kept = whole["state"].get(item, {})
        tensors = {key: value for key, value in kept.items() if isinstance(value, torch.Tensor)}
        names = {field: int(row) for field, row in zip(state.fields, state.rows[index], strict=True) if row >= 0}
        assert names.keys() == tensors.keys()
        for field, row in names.items():
            read = found.checkpoint.tensors[found.checkpoint.table.name[row]].numpy()
            np.testing.assert_array_equal(read, tensors[field].numpy())


@pytest.mark.parametrize("name", ["Adam", "Adagrad", "NAdam", "LBFGS"])
def test_steps_are_read_wherever_they_are_kept(tmp_path: Path, name: str) -> None:
    model = small_model()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 3)
    found = saved(tmp_path, model, optimizer)
    kept = [optimizer.state[p] for group in optimizer.param_groups for p in group["params"]]
    expected = [float(each.get("step", each.get("n_iter", np.nan))) for each in kept]
    np.testing.assert_array_equal(read_steps(found.checkpoint, found.state), expected)


def test_steps_that_old_versions_kept_as_numbers_are_read(tmp_path: Path) -> None:
    whole = {"state": {0: {"step": 7, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1.0, "params": [0, 1]}]}
    torch.save({"optimizer": whole}, tmp_path / "old.pt")
    found = opened(tmp_path / "old.pt")
    np.testing.assert_array_equal(read_steps(found.checkpoint, found.state), [7, np.nan])


def test_a_frozen_parameter_has_no_state_and_says_so(tmp_path: Path) -> None:
    model = small_model()
    next(model.parameters()).requires_grad_(False)  # torch
    found = trained(tmp_path, optim.Adam, model)
    assert found.state.standing.tolist() == [Standing.NEVER_STEPPED] + [Standing.STATE] * 7
    assert found.naming.name[0] == "0.weight"


def test_before_the_first_step_nothing_is_kept(tmp_path: Path) -> None:
    model = small_model()
    found = saved(tmp_path, model, optim.Adam(model.parameters()))
    assert set(found.state.standing.tolist()) == {Standing.NO_STATE}


def test_lbfgs_keeps_the_state_of_all_with_the_first(tmp_path: Path) -> None:
    found = trained(tmp_path, optim.LBFGS)
    assert found.state.standing.tolist() == [Standing.STATE] + [Standing.WITH_FIRST] * 7


def test_state_that_belongs_to_no_group_is_shown_behind_all_others(tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    whole = optimizer.state_dict()
    whole["state"][99] = whole["state"][0]
    torch.save({"model": model.state_dict(), "optimizer": whole}, tmp_path / "a.pt")
    found = opened(tmp_path / "a.pt")
    assert found.state.ids[-1] == 99
    assert found.state.standing[-1] == Standing.IN_NO_GROUP
    assert found.naming.name[-1] == ""


def test_a_group_added_late_is_a_group_of_its_own(tmp_path: Path) -> None:
    model = small_model()
    first, *_, last = model.children()
    optimizer = optim.AdamW(first.parameters(), 0.1)
    train(model, optimizer)
    optimizer.add_param_group({"params": list(last.parameters()), "lr": 0.01})
    train(model, optimizer)
    found = saved(tmp_path, model, optimizer)
    assert [len(group.params) for group in found.state.groups.groups] == [2, 2]
    assert found.state.groups.differing == ("lr",)
    np.testing.assert_array_equal(read_steps(found.checkpoint, found.state), [4, 4, 2, 2])


def test_an_option_that_is_a_tensor_is_named(tmp_path: Path) -> None:
    model = nn.Linear(4, 4)
    found = trained(tmp_path, lambda p: optim.Adam(p, lr=torch.tensor(0.5)), model)
    (group,) = found.state.groups.groups
    assert found.checkpoint.tensors[group.options["lr"]["$tensor"]].numpy() == 0.5


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([{"lr": 1.0}], "Group 0 lists no params."),
        ([3], "no list of dicts"),
        ([[{"params": [0]}]], "Group 0 is not a dict."),
        ([{"params": [0, 0]}], "more than once: 0"),
        ([{"params": [0], "param_names": ["a", "b"]}], "the names are not used"),
    ],
)
def test_groups_that_torch_would_not_write_are_told(tmp_path: Path, groups: list[Any], words: str) -> None:
    whole = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": groups}
    torch.save({"optimizer": whole}, tmp_path / "odd.pt")
    assert words in " ".join(opened(tmp_path / "odd.pt").state.groups.problems)
