"""Optimizers of two checkpoints are paired, and what their comparison tells is what torch does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn, optim

import sdviewer
from sdviewer.training.resume_report import difference_lines, load_lines, markdown_lines, resume_facts
from sdviewer.training.resuming import Resuming, compare_optimizers
from tests.helpers.optimizing import small_model, train


def adam(model: nn.Module, **options: Any) -> dict[str, Any]:
    optimizer = optim.Adam(model.parameters(), **options)
    train(model, optimizer)
    return optimizer.state_dict()


def found(folder: Path, a: dict[str, Any], b: dict[str, Any]) -> Resuming:
    model = small_model().state_dict()
    for name, whole in (("a.pt", a), ("b.pt", b)):
        torch.save({"model": model} | whole, folder / name)
    return compare_optimizers(sdviewer.open(folder / "a.pt"), sdviewer.open(folder / "b.pt"))


def test_optimizers_of_one_name_are_a_pair_and_the_last_ones_left_too(tmp_path: Path) -> None:
    model = small_model()
    one, two, three, four = (adam(model) for _ in range(4))
    resuming = found(tmp_path, {"optG": one, "optD": two}, {"optD": three, "optimizer": four})
    assert [(pair.a.name, pair.b.name) for pair in resuming.pairs] == [("optD", "optD"), ("optG", "optimizer")]
    assert (resuming.only_a, resuming.only_b) == ((), ())
    resuming = found(tmp_path, {"optG": one, "optD": two}, {"optimizer": four})
    assert resuming.pairs == ()
    assert [section.name for section in resuming.only_a] == ["optG", "optD"]
    assert [section.name for section in resuming.only_b] == ["optimizer"]
    assert resuming.succeeds
    assert "Optimizer optG is in A alone." in list(load_lines(resuming))


def test_only_what_differs_is_told_and_a_side_without_an_option_has_no_entry(tmp_path: Path) -> None:
    model = small_model()
    sgd = optim.SGD(model.parameters(), 0.25, momentum=0.5)
    train(model, sgd)
    resuming = found(tmp_path, {"optimizer": adam(model, lr=0.25)}, {"optimizer": sgd.state_dict()})
    told = resume_facts(resuming)[0]
    options = {option["name"]: option for option in told["options"]}
    assert "lr" not in options
    assert options["momentum"] == {"group": 0, "name": "momentum", "b": 0.5}
    assert options["betas"] == {"group": 0, "name": "betas", "a": [0.9, 0.999]}
    assert (told["optimizer_a"], told["optimizer_b"], told["succeeds"]) == ("Adam", "SGD", True)
    assert any("Adam's, the optimizer is SGD" in text for text in told["silent"])
    assert "  group 0: momentum not there → 0.5" in list(difference_lines(resuming))
    assert "| 0 | momentum | not there | 0.5 |" in list(markdown_lines(resuming))


def test_the_same_optimizers_tell_nothing_of_differences(tmp_path: Path) -> None:
    state = adam(small_model())
    resuming = found(tmp_path, {"optimizer": state}, {"optimizer": state})
    assert not resuming.pairs[0].differs
    assert list(difference_lines(resuming)) == list(markdown_lines(resuming)) == []
    assert resume_facts(resuming)[0]["error"] is None


def test_both_ways_are_judged_as_torch_judges_them(tmp_path: Path) -> None:
    model = small_model()
    own: list[Any] = list(model.parameters())
    groups: list[dict[str, Any]] = [{"params": own[:3]}, {"params": own[3:], "lr": 0.5}]
    two = optim.Adam(groups)
    train(model, two)
    one = adam(model)
    resuming = found(tmp_path, {"optimizer": one}, {"optimizer": two.state_dict()})
    try:
        two.load_state_dict(one)
    except ValueError as error:
        said = f"ValueError: {error}"
    assert resuming.pairs[0].into_b.error == said
    assert not resuming.succeeds
    assert f"    {said}" in list(load_lines(resuming))
    assert resume_facts(resuming)[0]["groups"] == [{"a": 8, "b": 3}, {"a": None, "b": 5}]
