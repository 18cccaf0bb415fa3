"""What is no tensor comes as JSON, whole where it is short and with a count of the rest where it is long."""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.metadata import metadata_of
from tests.helpers.saved import in_one_folder, opened

any_text = st.text(st.characters(exclude_categories=()), max_size=8)
plain_keys = st.text("abc_ λ", min_size=1, max_size=4)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_keys, inner, max_size=4),
    max_leaves=12,
)


def told(folder: Path, value: Any) -> Any:
    """The metadata, which must be JSON as it is."""
    found = metadata_of(opened(folder, value).description)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


@in_one_folder(60)
@given(st.dictionaries(plain_keys, values, max_size=4))
def test_plain_python_data_comes_as_it_is(tmp_path: Path, value: dict[str, Any]) -> None:
    assert told(tmp_path, {**value, "weights": torch.zeros(2)}) == value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        ([1.0, -math.inf], [1.0, "-Infinity"]),
        ((1, (2, "a")), [1, [2, "a"]]),
        (b"\x00" * 9, {"$bytes": 9}),
        (1 + 2j, {"$complex": [1.0, 2.0]}),
        (torch.float16, {"$global": "torch.float16"}),
        (OrderedDict(a=1), {"a": 1}),
        (np.float32(1.5), 1.5),
        ({1: "a", (2, "b"): None}, {"[1]": "a", "[(2, 'b')]": None}),
        ({"a/b": {"c": 1}}, {"a~1b": {"c": 1}}),
        ("\ud800", "\ud800"),
        ([], []),
        ({}, {}),
    ],
)
def test_what_json_has_no_word_for_is_written_by_the_contract(tmp_path: Path, value: Any, found: Any) -> None:
    assert told(tmp_path, {"it": value, "w": torch.zeros(1)}) == {"it": found}


def test_objects_of_classes_are_opaque_with_class_and_state(tmp_path: Path) -> None:
    options = argparse.Namespace(lr=0.1, names=["a", "b"], inner=argparse.Namespace(x=math.nan))
    assert told(tmp_path, {"args": options}) == {
        "args": {
            "$opaque": "argparse.Namespace",
            "args": [],
            "state": {
                "lr": 0.1,
                "names": ["a", "b"],
                "inner": {"$opaque": "argparse.Namespace", "args": [], "state": {"x": "NaN"}},
            },
        }
    }


def test_what_an_object_was_called_with_stands_in_its_args(tmp_path: Path) -> None:
    found = told(tmp_path, {"where": Path("models/a.pt"), "device": torch.device("cuda", 1)})
    assert found["where"]["$opaque"].startswith("pathlib")
    assert found["where"]["args"] == ["models", "a.pt"]
    assert "cuda" in json.dumps(found["device"])


def test_tensors_are_left_out_but_keep_their_place_in_a_list(tmp_path: Path) -> None:
    weights = {"w": torch.zeros(1)}
    assert told(tmp_path, {"a": weights, "list": [1, torch.zeros(1), "x"], "only": [torch.zeros(1)]}) == {
        "list": [1, {"$tensor": "list/[1]"}, "x"]
    }


def test_a_container_that_stands_elsewhere_is_referred_to_by_its_name(tmp_path: Path) -> None:
    shared = {"lr": 1}
    value: dict[str, Any] = {"a": {"inner": shared}, "b": shared, "list": [shared]}
    value["itself"] = value
    assert told(tmp_path, value) == {
        "a": {"inner": {"lr": 1}},
        "b": {"$ref": "a/inner"},
        "list": [{"$ref": "a/inner"}],
        "itself": {"$ref": ""},
    }


def test_long_containers_are_cut_and_say_by_how_much(tmp_path: Path) -> None:
    many = {f"k{n}": n for n in range(1_500)}
    found = told(tmp_path, {"many": many, "list": [{"n": n} for n in range(1_200)], "w": torch.zeros(1)})
    assert found["many"].pop("$more") == 500
    assert found["many"] == {f"k{n}": n for n in range(1_000)}
    assert found["list"][1_000:] == [{"$more": 200}]


def test_deep_containers_are_cut_before_json_fails_at_them(tmp_path: Path) -> None:
    inner: Any = {"bottom": 1}
    for _ in range(300):
        inner = {"in": inner}
    found = told(tmp_path, {"deep": inner})
    levels = 0
    while "$more" not in found:
        found = found.get("deep", found.get("in"))
        levels += 1
    assert levels == 100


def test_the_state_of_an_optimizer_is_left_to_its_tensors(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    parameter.grad = torch.ones(2)
    optimizer.step()
    found = told(tmp_path, {"optimizer": optimizer.state_dict()})["optimizer"]
    assert set(found) == {"param_groups"}
    assert found["param_groups"][0]["lr"] == 0.1
    assert found["param_groups"][0]["params"] == [0]


def test_a_root_that_is_no_mapping_gives_its_parts_by_name(tmp_path: Path) -> None:
    assert told(tmp_path, [{"a": 1}, "x", torch.zeros(1)]) == {"[0]": {"a": 1}, "[1]": "x"}
    assert told(tmp_path, 7) == {"": 7}
    assert told(tmp_path, torch.zeros(2)) == {}
    assert told(tmp_path, {"w": torch.zeros(1)}) == {}


def test_random_states_of_three_libraries_are_listed(tmp_path: Path) -> None:
    numpy_state = np.random.MT19937(0).state
    legacy = (numpy_state["bit_generator"], numpy_state["state"]["key"], 624, 0, 0.0)
    found = told(tmp_path, {"python": random.getstate(), "numpy": legacy, "cpu": torch.get_rng_state()})
    assert found["python"][0] == 3
    assert len(found["python"][1]) == 625
    assert found["numpy"] == ["MT19937", {"$tensor": "numpy/[1]"}, 624, 0, 0.0]
    assert "cpu" not in found


def test_containers_know_what_they_are_in_the_file_and_are_plain_json(tmp_path: Path) -> None:
    content = {"w": torch.ones(1), "betas": (0.5, 1.0), "groups": [({"a": 1},)], "ordered": OrderedDict(a=2)}
    found = told(tmp_path, content)
    assert found["betas"].type_name == "tuple"
    assert found["groups"].type_name == "list"
    assert found["groups"][0].type_name == "tuple"
    assert found["groups"][0][0].type_name == "dict"
    assert found["ordered"].type_name == "OrderedDict"
    assert json.loads(to_json(found)) == {"betas": [0.5, 1.0], "groups": [[{"a": 1}]], "ordered": {"a": 2}}
