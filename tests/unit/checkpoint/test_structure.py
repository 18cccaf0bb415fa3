"""The builder lays containers and leaves out in preorder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from sdviewer.checkpoint.structure import Node, Structure, StructureBuilder
from tests.helpers.saved import in_one_folder, nested_dicts, opened


def test_nodes_lie_in_the_order_in_which_they_were_added() -> None:
    builder = StructureBuilder()
    root = builder.open("", Node.MAPPING, -1, "dict")
    inner = builder.open("list", Node.SEQUENCE, root, "list")
    tensor = builder.tensor("[0]", inner, 7)
    scalar = builder.scalar("[1]", inner, "2.5", "float")
    builder.close(inner)
    alias = builder.alias("again", root, inner)
    builder.close(root)
    structure = builder.finish(plain_keys=False)

    assert structure.part.tolist() == ["", "list", "[0]", "[1]", "again"]
    assert structure.kind.tolist() == [Node.MAPPING, Node.SEQUENCE, Node.TENSOR, Node.SCALAR, Node.ALIAS]
    assert structure.parent.tolist() == [-1, 0, 1, 1, 0]
    assert structure.end.tolist() == [5, 4, 3, 4, 5]
    assert list(structure.children(root)) == [inner, alias]
    assert list(structure.children(inner)) == [tensor, scalar]
    assert list(structure.children(tensor)) == []
    assert structure.ref[tensor] == 7
    assert structure.ref[alias] == inner
    assert structure.values[int(structure.ref[scalar])] == "2.5"
    assert [structure.type_name(node) for node in range(5)] == ["dict", "list", "", "float", ""]
    assert not structure.plain_keys


def test_a_builder_that_was_given_nothing_makes_no_nodes() -> None:
    assert len(StructureBuilder().finish(plain_keys=True)) == 0


def rebuilt(structure: Structure, node: int, tensors: list[str]) -> Any:
    """The nested dicts that the columns tell of, a tensor as its canonical name."""
    match Node(int(structure.kind[node])):
        case Node.MAPPING:
            return {structure.part[child]: rebuilt(structure, child, tensors) for child in structure.children(node)}
        case Node.TENSOR:
            return tensors[int(structure.ref[node])]
        case _:
            return structure.values[int(structure.ref[node])]


def expected(value: Any, path: tuple[str, ...] = ()) -> Any:
    if isinstance(value, dict):
        return {key: expected(part, (*path, key)) for key, part in value.items()}
    return "/".join(path) if isinstance(value, torch.Tensor) else str(value)


@in_one_folder(60)
@given(nested_dicts())
def test_the_structure_of_a_file_is_that_of_the_saved_dicts(tmp_path: Path, value: dict[str, Any]) -> None:
    checkpoint = opened(tmp_path, value)
    structure = checkpoint.description.structure
    assert rebuilt(structure, 0, checkpoint.table.name.tolist()) == expected(value)


@pytest.mark.parametrize(
    ("value", "json_text"),
    [
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        (None, "null"),
        ("text", '"text"'),
        (math.nan, '"NaN"'),
        (-math.inf, '"-Infinity"'),
        (b"bytes", '{"$bytes": 5}'),
        (1 + 2j, '{"$complex": [1.0, 2.0]}'),
        ([1, "a", None], '[1, "a", null]'),
    ],
)
def test_a_scalar_is_kept_as_json(tmp_path: Path, value: object, json_text: str) -> None:
    structure = opened(tmp_path, {"it": value, "w": torch.zeros(1)}).description.structure
    node = structure.part.tolist().index("it")
    assert structure.kind[node] == Node.SCALAR
    assert structure.values[int(structure.ref[node])] == json_text


def test_a_container_that_stands_twice_and_one_around_itself_become_aliases(tmp_path: Path) -> None:
    shared = {"w": torch.zeros(1)}
    value: dict[str, Any] = {"first": shared, "second": shared}
    value["itself"] = value
    checkpoint = opened(tmp_path, value)
    structure = checkpoint.description.structure
    parts = structure.part.tolist()
    aliases = {parts[node]: int(structure.ref[node]) for node in np.flatnonzero(structure.kind == Node.ALIAS).tolist()}
    assert aliases == {"second": parts.index("first"), "itself": 0}
    assert list(checkpoint.tensors) == ["first/w"]
