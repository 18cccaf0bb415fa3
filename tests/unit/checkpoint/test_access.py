"""The expression that is copied reaches the tensor in what torch loads."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.access import access_expression, literal
from sdviewer.checkpoint.document import Checkpoint
from tests.helpers.saved import in_one_folder, keys, nested_dicts, opened


def expressions(checkpoint: Checkpoint) -> list[str]:
    return [access_expression(checkpoint, row) for row in range(checkpoint.table.listed)]


def reached(code: str, ckpt: Any) -> torch.Tensor:
    found = eval(code, {"__builtins__": {"float": float, "getattr": getattr, "list": list}}, {"ckpt": ckpt})  # noqa: S307  # our own code about a value of the test
    assert isinstance(found, torch.Tensor)
    return found


def test_a_key_of_a_nested_state_dict_stands_in_double_quotes(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"model": {"encoder.0.weight": torch.ones(2)}, "epoch": 3})
    assert expressions(checkpoint) == ['ckpt["model"]["encoder.0.weight"]']


@pytest.mark.parametrize(
    "value",
    [
        {"a/b": torch.tensor([1.0]), "~": torch.tensor([2.0]), "[0]": torch.tensor([3.0]), "": torch.tensor([4.0])},
        {
            'say "hi"\\': torch.tensor([1.0]),
            "line\nbreak\t\r\0": torch.tensor([2.0]),
            "\u202eevil": torch.tensor([3.0]),
        },
        {"é𝄞": torch.tensor([1.0]), "\U000e0001": torch.tensor([2.0])},
        {0: torch.tensor([1.0]), -1: torch.tensor([2.0]), True + 1: torch.tensor([3.0]), 1.5: torch.tensor([4.0])},
        {None: torch.tensor([1.0]), False: torch.tensor([2.0]), b"\xff": torch.tensor([3.0])},
        {(1, "a"): torch.tensor([1.0]), ("é",): torch.tensor([2.0]), (): torch.tensor([3.0])},
        {float("inf"): torch.tensor([1.0]), (float("-inf"), 2): torch.tensor([2.0])},
        [torch.tensor([1.0]), {"x": [torch.tensor([2.0])]}, (torch.tensor([3.0]),)],
        OrderedDict({"state": {0: {"exp_avg": torch.tensor([1.0])}, "1": {"exp_avg": torch.tensor([2.0])}}}),
        torch.tensor([1.0]),
    ],
    ids=[
        "separators",
        "quotes",
        "beyond ASCII",
        "numbers",
        "other keys",
        "tuples",
        "infinities",
        "lists",
        "dicts",
        "bare",
    ],
)
def test_odd_keys_lead_to_their_tensors(tmp_path: Path, value: Any) -> None:
    checkpoint = opened(tmp_path, value)
    codes = expressions(checkpoint)
    loaded = torch.load(tmp_path / "saved.pt", weights_only=False)
    assert [reached(code, loaded).tolist() for code in codes] == [[1.0 + row] for row in range(len(codes))]
    assert all(code.isprintable() for code in codes)


def test_a_bare_tensor_is_the_file_itself(tmp_path: Path) -> None:
    assert expressions(opened(tmp_path, torch.ones(2))) == ["ckpt"]


def test_a_tensor_of_a_whole_module_is_in_its_state_dict(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    codes = expressions(opened(tmp_path, {"net": net}))
    assert codes == [f'ckpt["net"].state_dict()["{key}"]' for key in net.state_dict()]
    for code, tensor in zip(codes, net.state_dict().values(), strict=True):
        assert torch.equal(reached(code, {"net": net}), tensor)


class Holder:
    """An object that a pickle names."""

    def __init__(self) -> None:
        self.weights = torch.tensor([1.0])
        self.__dict__["not a name"] = torch.tensor([2.0])


def test_what_an_object_holds_is_its_attribute(tmp_path: Path) -> None:
    holder = Holder()
    codes = expressions(opened(tmp_path, {"holder": holder}))
    assert codes == ['ckpt["holder"].weights', 'getattr(ckpt["holder"], "not a name")']
    assert [reached(code, {"holder": holder}).item() for code in codes] == [1.0, 2.0]


class Called:
    """An object made by a call with a tensor."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.kept = tensor

    def __reduce__(self) -> tuple[Any, ...]:
        return Called, (self.kept,)


def test_nothing_leads_to_what_an_object_was_called_with(tmp_path: Path) -> None:
    assert expressions(opened(tmp_path, {"x": Called(torch.ones(1))})) == [""]


def test_nothing_leads_below_a_key_that_the_file_does_not_spell(tmp_path: Path) -> None:
    assert expressions(opened(tmp_path, {torch.float16: torch.ones(1), "b": torch.ones(1)})) == ["", 'ckpt["b"]']


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats(allow_nan=False), st.none(), st.booleans()))
def test_a_literal_is_the_value_again(value: Any) -> None:
    found = eval(literal((value, (value,))), {"float": float})  # noqa: S307  # our own code about a value of the test
    assert found == (value, (value,))


@in_one_folder(40)
@given(value=st.one_of(nested_dicts(), st.dictionaries(keys(), st.integers(1, 9).map(torch.zeros), max_size=6)))
def test_every_tensor_of_any_nested_dict_is_reached(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    checkpoint = opened(folder, value)
    loaded = torch.load(folder / "saved.pt")
    for row, code in enumerate(expressions(checkpoint)):
        assert tuple(reached(code, loaded).shape) == checkpoint.table.shape_of(row)
