"""Merging: what each part holds is found again in the whole, under the name that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint, Description, Problem
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.formats.files import LocalSources
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.opening import assemble, read_source
from sdviewer.formats.reading import Reading

SPECIAL = {"a/b": torch.arange(3.0), "[x": torch.ones(2, 2), "t~": torch.zeros(1)}


def read(folder: Path, values: Sequence[Any]) -> tuple[list[Description], LocalSources]:
    """The description of each value, as torch saves it, over common sources."""
    sources = LocalSources()
    found = []
    for number, value in enumerate(values):
        path = folder / f"{number}.pt"
        torch.save(value, path)
        found.append(read_source(Reading(sources, sources.add_file(path))))
    return found, sources


def checkpoint_of(parts: Sequence[Part], sources: LocalSources) -> Checkpoint:
    whole = replace(merge(parts), format="merged", inline=sources.seal_inline())
    return assemble("merged", whole, sources)


def values(checkpoint: Checkpoint) -> dict[tuple[Any, ...], torch.Tensor]:
    return {checkpoint.path_of(row): ref.torch() for row, ref in enumerate(checkpoint.tensors.values())}


def assert_same(found: dict[tuple[Any, ...], torch.Tensor], expected: dict[tuple[Any, ...], torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for path, tensor in expected.items():
        assert torch.equal(found[path].to_dense(), tensor.to_dense())
        assert found[path].layout == tensor.layout


def test_named_parts_hang_under_their_names_with_keys_as_parts_of_a_path(tmp_path: Path) -> None:
    nested = {"model": {"w": torch.ones(2)}, "epoch": 3}
    (first, second, bare), sources = read(tmp_path, [SPECIAL, nested, torch.full((2,), 7.0)])
    with checkpoint_of([Part(first, "a/1"), Part(second, "[b"), Part(bare, "c")], sources) as checkpoint:
        expected: dict[tuple[Any, ...], torch.Tensor] = {("a/1", key): tensor for key, tensor in SPECIAL.items()}
        expected |= {("[b", "model", "w"): torch.ones(2), ("c",): torch.full((2,), 7.0)}
        assert_same(values(checkpoint), expected)
        assert not checkpoint.description.structure.plain_keys
        assert checkpoint.description.structure.values.tolist() == ["3"]


def test_spliced_state_dicts_are_one_with_plain_keys(tmp_path: Path) -> None:
    more = {"w": torch.ones(1, dtype=torch.int64)}
    (first, second), sources = read(tmp_path, [SPECIAL, more])
    with checkpoint_of([Part(first), Part(second)], sources) as checkpoint:
        assert checkpoint.description.structure.plain_keys
        assert list(checkpoint.tensors) == [*SPECIAL, "w"]
        assert_same(values(checkpoint), {(key,): tensor for key, tensor in (SPECIAL | more).items()})


def test_bare_tensors_beside_a_state_dict_have_plain_keys(tmp_path: Path) -> None:
    (first, bare), sources = read(tmp_path, [SPECIAL, torch.ones(4)])
    with checkpoint_of([Part(first), Part(bare, "d/e")], sources) as checkpoint:
        assert list(checkpoint.tensors) == [*SPECIAL, "d/e"]


def test_rows_that_do_not_count_are_left_out_of_table_and_structure(tmp_path: Path) -> None:
    (first, second), sources = read(tmp_path, [SPECIAL, {"t~": torch.ones(5)}])
    keep = np.array([True, True, False])
    with checkpoint_of([Part(first, keep=keep), Part(second)], sources) as checkpoint:
        assert_same(values(checkpoint), {("a/b",): SPECIAL["a/b"], ("[x",): SPECIAL["[x"], ("t~",): torch.ones(5)})
        structure = checkpoint.description.structure
        assert structure.ref[structure.kind == Node.TENSOR].tolist() == [0, 1, 2]
        assert structure.end[0] == len(structure) == 4


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_components_stay_with_their_tensors(tmp_path: Path) -> None:
    one = {"a/b": torch.eye(3).to_sparse(), "w": torch.ones(2)}
    other = {"s": {"t": torch.eye(4).to_sparse_csr()}}
    (first, second), sources = read(tmp_path, [one, other])
    with checkpoint_of([Part(first, "x"), Part(second, "y")], sources) as checkpoint:
        table = checkpoint.table
        assert table.name.tolist()[table.listed :] == [
            "x/a~1b/indices",
            "x/a~1b/values",
            *(f"y/s/t/{part}" for part in table.components(2)),
        ]
        expected = {("x", "a/b"): one["a/b"], ("x", "w"): one["w"], ("y", "s", "t"): other["s"]["t"]}
        assert_same(values(checkpoint), expected)


def test_aliases_point_to_what_they_pointed_to(tmp_path: Path) -> None:
    shared = {"w": torch.ones(2)}
    (first, second), sources = read(tmp_path, [{"n": 1}, {"a": shared, "b": shared}])
    whole = merge([Part(first, "x"), Part(second, "y")])
    sources.close()
    structure = whole.structure
    [alias] = np.flatnonzero(structure.kind == Node.ALIAS).tolist()
    assert structure.part[alias] == "b"
    assert structure.part[int(structure.ref[alias])] == "a"


def test_versions_of_modules_go_with_their_state_dict(tmp_path: Path) -> None:
    (first, second), sources = read(tmp_path, [{"n": 1}, torch.nn.BatchNorm1d(2).state_dict()])
    whole = merge([Part(first, "x"), Part(second, "y")])
    sources.close()
    [version] = whole.module_versions
    assert (whole.structure.part[version.node], version.version) == ("y", 2)


def test_globals_are_named_once_and_problems_say_where(tmp_path: Path) -> None:
    (first, second), sources = read(tmp_path, [SPECIAL, SPECIAL])
    first = replace(first, problems=(Problem("partial", "error", "is cut off", "x.bin"), Problem("extra", "info", "y")))
    whole = merge([Part(first, "one"), Part(second, "two")])
    sources.close()
    assert whole.globals == second.globals
    assert [problem.where for problem in whole.problems] == ["one: x.bin", "one"]


@given(st.lists(st.lists(st.text(max_size=4), max_size=5, unique=True), min_size=1, max_size=4), st.text(max_size=5))
def test_any_key_under_any_name_is_found_by_its_path(keys: list[list[str]], name: str) -> None:
    whole = merge([Part(_state_dict(part_keys), name) for part_keys in keys])
    expected = [(name, key) for part_keys in keys for key in part_keys]
    checkpoint = assemble("merged", whole, LocalSources())
    assert [checkpoint.path_of(row) for row in range(whole.tensors.listed)] == expected


def _state_dict(keys: Sequence[str]) -> Description:
    builder, structure = TableBuilder(), StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    for row, key in enumerate(keys):
        structure.tensor(key, root, row)
    structure.close(root)
    rows = [builder.add_tensor("float32", (row,)) for row in range(len(keys))]
    return Description("", builder.finish(keys, rows), structure.finish(plain_keys=True))
