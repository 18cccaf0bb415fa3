"""A comparison of groups says what `Optimizer.load_state_dict` of the installed torch says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from sdviewer.training.compare_groups import OTHER_NUMBER, OTHER_SIZE, SET, GroupComparison, compare_groups
from tests.helpers.optimizing import opened, small_model, train


def compared(folder: Path, whole: Any, optimizer: optim.Optimizer) -> GroupComparison:
    """The comparison of a saved state_dict with an optimizer."""
    model = {"0.weight": torch.zeros(2)}
    torch.save({"model": model, "optimizer": whole}, folder / "saved.pt")
    torch.save({"model": model, "optimizer": optimizer.state_dict()}, folder / "current.pt")
    return compare_groups(opened(folder / "saved.pt").state, opened(folder / "current.pt").state)


def said_by_torch(whole: Any, optimizer: optim.Optimizer) -> str:
    try:
        optimizer.load_state_dict(whole)
    except (ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def after_training(make: Callable[[nn.Module], optim.Optimizer]) -> tuple[nn.Module, optim.Optimizer]:
    model = small_model()
    optimizer = make(model)
    train(model, optimizer)
    return model, optimizer


def split(model: nn.Module) -> optim.Optimizer:
    own = list(model.parameters())
    return optim.Adam([{"params": own[:3]}, {"params": own[3:]}])


CURRENT: dict[str, Callable[[nn.Module], optim.Optimizer]] = {
    "the same": lambda model: optim.Adam(model.parameters()),
    "two groups": split,
    "fewer parameters": lambda model: optim.Adam(list(model.parameters())[:-1]),
    "other options": lambda model: optim.Adam(model.parameters(), lr=0.5, betas=(0.5, 0.6), weight_decay=0.1),
    "another optimizer": lambda model: optim.SGD(model.parameters(), 0.1),
}


@pytest.mark.parametrize("current", CURRENT)
@pytest.mark.parametrize("given", CURRENT)
def test_loading_raises_exactly_what_is_told(tmp_path: Path, given: str, current: str) -> None:
    _, before = after_training(CURRENT[given])
    _, optimizer = after_training(CURRENT[current])
    whole = before.state_dict()
    found = compared(tmp_path, whole, optimizer)
    said = said_by_torch(whole, optimizer)
    assert found.error == said
    assert found.succeeds is (not said)
    if not said:
        for change in found.changes:
            if change.in_saved:
                loaded = optimizer.param_groups[change.group][change.name]
                assert (list(loaded) if isinstance(loaded, tuple) else loaded) == change.saved


@pytest.mark.parametrize("lost", ["param_groups", "state", "params"])
def test_what_is_missing_raises_the_same_error(tmp_path: Path, lost: str) -> None:
    _, before = after_training(CURRENT["the same"])
    _, optimizer = after_training(CURRENT["the same"])
    whole = before.state_dict()
    del (whole["param_groups"][0] if lost == "params" else whole)[lost]
    assert compared(tmp_path, whole, optimizer).error == said_by_torch(whole, optimizer) == f"KeyError: '{lost}'"


def test_the_words_are_those_of_torch(tmp_path: Path) -> None:
    _, whole = after_training(CURRENT["the same"])
    _, two = after_training(split)
    _, fewer = after_training(CURRENT["fewer parameters"])
    assert said_by_torch(whole.state_dict(), two) == f"ValueError: {OTHER_NUMBER}"
    assert said_by_torch(whole.state_dict(), fewer) == f"ValueError: {OTHER_SIZE}"
    assert compared(tmp_path, whole.state_dict(), two).sizes == ((3, 8), (5, None))


def test_changes_are_told_in_a_line(tmp_path: Path) -> None:
    _, before = after_training(CURRENT["the same"])
    _, optimizer = after_training(CURRENT["other options"])
    texts = [change.text for change in compared(tmp_path, before.state_dict(), optimizer).changes]
    assert texts == [
        "group 0: lr 0.5 → 0.001",
        "group 0: betas [0.5, 0.6] → [0.9, 0.999]",
        "group 0: weight_decay 0.1 → 0",
    ]


def test_another_optimizer_is_a_silent_difference_and_its_step_fails(tmp_path: Path) -> None:
    _, before = after_training(CURRENT["another optimizer"])
    model, optimizer = after_training(CURRENT["the same"])
    found = compared(tmp_path, before.state_dict(), optimizer)
    assert found.succeeds
    assert "SGD's, the optimizer is Adam" in found.silent[0]
    assert "'betas'" in found.silent[1]
    optimizer.load_state_dict(before.state_dict())
    with pytest.raises(KeyError, match="betas"):
        train(model, optimizer, 1)


def test_state_of_other_shapes_loads_and_fails_in_the_step(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 4))
    other = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 4))
    before, optimizer = (optim.Adam(each.parameters()) for each in (other, model))
    train(other, before)
    train(model, optimizer)
    found = compared(tmp_path, before.state_dict(), optimizer)
    assert found.succeeds
    assert "State of 3 parameters has another shape (exp_avg of parameter 0: (5, 4), not (3, 4))" in found.silent[0]
    optimizer.load_state_dict(before.state_dict())
    with pytest.raises(RuntimeError):
        train(model, optimizer, 1)


def test_names_in_another_order_are_told_because_torch_does_not_look(tmp_path: Path) -> None:
    one, other = small_model(), small_model()
    before = optim.Adam(reversed(list(one.named_parameters())))
    optimizer = optim.Adam(other.named_parameters())
    train(one, before)
    train(other, optimizer)
    found = compared(tmp_path, before.state_dict(), optimizer)
    assert found.succeeds
    assert "param_names differ at 8 places: the state of 3.bias would go to 0.weight" in found.silent[0]
    assert said_by_torch(before.state_dict(), optimizer) == ""


@pytest.mark.parametrize("given", ["the same", "another group", "fewer parameters", "fewer options", "other options"])
def test_of_the_flat_layout_torch_raises_exactly_what_is_told(tmp_path: Path, given: str) -> None:
    model, optimizer = after_training(split)
    options = StateDictOptions(flatten_optimizer_state_dict=True)
    current: dict[str, Any] = dict(get_optimizer_state_dict(model, optimizer, options=options))
    whole = {
        "the same": current,
        "another group": {key: value for key, value in current.items() if "groups.2.weight." not in key},
        "fewer parameters": {key: value for key, value in current.items() if ".0.weight." not in key},
        "fewer options": {key: value for key, value in current.items() if not key.endswith(".eps")},
        "other options": {key: 0.5 if key.endswith(".lr") else value for key, value in current.items()},
    }[given]
    for name, each in (("saved.pt", whole), ("current.pt", current)):
        torch.save({"model": model.state_dict(), "optimizer": each}, tmp_path / name)
    found = compare_groups(opened(tmp_path / "saved.pt").state, opened(tmp_path / "current.pt").state)
    try:
        set_optimizer_state_dict(model, optimizer, whole, options=options)
        said = ""
    except KeyError as error:
        said = f"KeyError: {error}"
    assert found.error == said
    assert found.call == SET
    if given == "other options":
        # Groups of equal options are one in this layout.
        assert [(change.name, change.saved) for change in found.changes] == [("lr", 0.5)]
        assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


def test_flat_state_that_is_missing_is_told_with_the_error_of_an_empty_entry(tmp_path: Path) -> None:
    model, optimizer = after_training(split)
    options = StateDictOptions(flatten_optimizer_state_dict=True)
    current: dict[str, Any] = dict(get_optimizer_state_dict(model, optimizer, options=options))
    whole = {key: value for key, value in current.items() if not key.startswith("state.1.bias.")}
    for name, each in (("saved.pt", whole), ("current.pt", current)):
        torch.save({"model": model.state_dict(), "optimizer": each}, tmp_path / name)
    found = compare_groups(opened(tmp_path / "saved.pt").state, opened(tmp_path / "current.pt").state)
    assert found.silent[0].startswith("There is no state of 1 parameter (1.bias)")
    with pytest.raises(TypeError) as caught:
        set_optimizer_state_dict(model, optimizer, whole, options=options)
    assert found.error == f"TypeError: {caught.value}"


def test_a_flat_state_dict_is_none_that_an_optimizer_loads(tmp_path: Path) -> None:
    model, optimizer = after_training(split)
    options = StateDictOptions(flatten_optimizer_state_dict=True)
    flat: Any = get_optimizer_state_dict(model, optimizer, options=options)
    assert (
        compared(tmp_path, flat, optimizer).error == said_by_torch(dict(flat), optimizer) == "KeyError: 'param_groups'"
    )
