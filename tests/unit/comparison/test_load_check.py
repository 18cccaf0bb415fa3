"""The load check says what `load_state_dict` says: the same text, in the same order."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sdviewer
from sdviewer.comparison.load_check import LoadCheck, load_check
from sdviewer.comparison.sides import default_sections, side_of_section

StateDict = Mapping[str, Any]


def checked(folder: Path, given: object, model: object) -> LoadCheck:
    """The check of two saved objects."""
    sides = []
    for name, saved in (("given", given), ("model", model)):
        torch.save(saved, folder / f"{name}.pt")
        sides.append(sdviewer.open(folder / f"{name}.pt"))
    a, b = default_sections(*sides)
    return load_check(side_of_section(sides[0], a), side_of_section(sides[1], b))


def told_by_torch(model: nn.Module, given: StateDict, *, strict: bool = True) -> str:
    """The error of the real thing without the class name, "" for none."""
    try:
        model.load_state_dict(given, strict=strict)
    except RuntimeError as error:
        return re.sub(r"for \w+:", "for the model:", str(error), count=1)
    return ""


class Net(nn.Module):
    """Nested, with buffers, modules without tensors, and a parameter of its own."""

    def __init__(self, width: int = 4, layers: int = 2, classes: int = 3) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("steps", torch.tensor(0))
        self.act = nn.ReLU()
        self.body = nn.Sequential(*(Block(width) for _ in range(layers)))
        self.drop = nn.Dropout()
        self.head = nn.Linear(width, classes)


class Block(nn.Module):
    """A convolution, its norm, and a list of parameters."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.extra = nn.ParameterList([torch.zeros(2), torch.zeros(width)])


def without(given: StateDict, *keys: str) -> StateDict:
    return _like(given, {key: value for key, value in given.items() if key not in keys})


def renamed(given: StateDict, rename: Callable[[str], str]) -> StateDict:
    return _like(given, {rename(key): value for key, value in given.items()})


def _like(given: StateDict, items: dict[str, Any]) -> StateDict:
    """With the versions of modules that torch keeps beside the keys."""
    result = OrderedDict(items)
    if hasattr(given, "_metadata"):
        result._metadata = given._metadata  # type: ignore[attr-defined]
    return result


def with_versions(given: StateDict, version: int | None) -> StateDict:
    result = OrderedDict(given)
    if version is not None:
        result._metadata = OrderedDict((name, {"version": version}) for name in given._metadata)  # type: ignore[attr-defined]
    return result


def changed(given: StateDict, **changes: Any) -> StateDict:
    items = dict(given)
    items.update({key.replace("__", "."): value for key, value in changes.items()})
    return _like(given, items)


NET = Net().state_dict()
CASES: dict[str, tuple[StateDict, nn.Module]] = {
    "the same": (NET, Net()),
    "wider": (Net(width=5).state_dict(), Net()),
    "more classes": (Net(classes=7).state_dict(), Net()),
    "a layer more": (Net(layers=3).state_dict(), Net()),
    "a layer less": (Net(layers=1).state_dict(), Net()),
    "missing here and there": (without(NET, "steps", "body.1.norm.running_var", "head.bias", "scale"), Net()),
    "wrapped": (nn.DataParallel(Net()).state_dict(), Net()),
    "model is wrapped": (NET, nn.DataParallel(Net())),
    "other names": (renamed(NET, lambda key: key.replace("conv", "convolution").replace("head", "fc")), Net()),
    "foreign keys": (changed(NET, act__weight=torch.ones(1), body__0__act__x=torch.ones(1), y=torch.ones(2)), Net()),
    "keys below a parameter": (changed(NET, scale__more=torch.ones(1)), Net()),
    "a batch norm of before version 2": (with_versions(without(NET, "body.0.norm.num_batches_tracked"), 1), Net()),
    "a batch norm without versions": (with_versions(without(NET, "body.0.norm.num_batches_tracked"), None), Net()),
    "a batch norm of version 2": (without(NET, "body.0.norm.num_batches_tracked"), Net()),
    "one element for none": (changed(NET, steps=torch.tensor([3])), Net()),
    "no dimensions for one element": (changed(NET, scale=torch.tensor(3.0)), Net()),
    "other dtypes": ({key: value.half() for key, value in NET.items()}, Net()),
    "a number in place of a tensor": (changed(NET, scale=1.5, steps=7, head__bias="none"), Net()),
    "numbers beside": (changed(NET, epoch=3, note="x", flag=True), Net()),
    "nothing in common": (nn.Linear(2, 2).state_dict(), Net()),
    "everything reversed": (OrderedDict(reversed(list(NET.items()))), Net()),
    "everything at once": (
        changed(renamed(Net(width=5, layers=3).state_dict(), lambda k: k.replace("head", "fc")), q=torch.ones(1)),
        Net(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_text_is_that_of_torch(tmp_path: Path, case: str) -> None:
    given, model = CASES[case]
    found = checked(tmp_path, given, model.state_dict())
    assert found.text() == told_by_torch(model, given)
    assert found.succeeds == (not found.text())


@pytest.mark.parametrize("case", CASES)
def test_what_loading_loosely_leaves_uninitialised_is_what_torch_returns_as_missing(tmp_path: Path, case: str) -> None:
    given, model = CASES[case]
    found = checked(tmp_path, given, model.state_dict())
    assert found.succeeds_loosely == (not told_by_torch(model, given, strict=False))
    if found.succeeds_loosely:
        result = model.load_state_dict(given, strict=False)
        assert list(found.uninitialised) == result.missing_keys
        assert list(found.unexpected) == result.unexpected_keys


class WithExtraState(nn.Module):
    """Keeps a state of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(1, 1)

    def get_extra_state(self) -> dict[str, int]:
        return {"a": 1}

    def set_extra_state(self, state: Any) -> None:
        pass


def test_extra_state_is_missing_and_unexpected_as_torch_has_it(tmp_path: Path) -> None:
    plain = nn.Sequential(OrderedDict(inner=nn.Linear(1, 1)))
    for given, model in (
        (plain.state_dict(), WithExtraState()),
        (WithExtraState().state_dict(), plain),
        (WithExtraState().state_dict(), WithExtraState()),
    ):
        assert checked(tmp_path, given, model.state_dict()).text() == told_by_torch(model, given)


def test_a_rename_that_repairs_loading_is_offered_and_does_repair_it(tmp_path: Path) -> None:
    for given, rename in (
        (nn.DataParallel(Net()).state_dict(), None),
        (NET, lambda key: f"model.{key}"),
        (NET, lambda key: key.replace("body.", "stages.")),
        (NET, lambda key: key.replace(".conv.", ".c.").replace("head.", "fc.")),
    ):
        wrong = renamed(given, rename) if rename else given
        found = checked(tmp_path, wrong, NET)
        assert found.missing
        assert found.repaired

        def repaired(key: str, found: LoadCheck = found) -> str:
            for rule in found.repair:
                key = rule.apply(key)
            return key

        Net().load_state_dict(renamed(wrong, repaired), strict=True)


def test_no_repair_is_offered_where_none_exists(tmp_path: Path) -> None:
    found = checked(tmp_path, nn.Linear(2, 2).state_dict(), NET)
    assert found.repair == ()
    assert not found.repaired


def test_silent_conversions_are_named(tmp_path: Path) -> None:
    given = {key: value.half() if key == "head.weight" else value for key, value in NET.items()}
    (found,) = checked(tmp_path, given, NET).dtype_converted
    assert (found.key, found.dtype_in_checkpoint, found.dtype_in_model) == ("head.weight", "float16", "float32")


def test_what_state_dicts_do_not_tell_is_said(tmp_path: Path) -> None:
    assert any("hooks" in text for text in checked(tmp_path, NET, NET).unknown)
    assert any("_metadata" in text for text in checked(tmp_path, NET, dict(NET)).unknown)
    assert not any("_metadata" in text for text in checked(tmp_path, NET, NET).unknown)


def test_the_class_of_a_whole_module_is_named(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3))
    found = checked(tmp_path, nn.Linear(2, 2).state_dict(), model)
    assert found.text() == told_by_torch(model, nn.Linear(2, 2).state_dict()).replace("the model", "Sequential")
