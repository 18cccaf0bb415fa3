"""The index knows the key, node, kind and file of every tensor, and does not keep a checkpoint alive."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.sections import section_keys
from sdviewer.search.index import SearchIndex, index_of
from tests.helpers.saved import in_one_folder, nested_dicts, opened
from tests.unit.search.making import Made, checkpoint_of

_PARTS = st.one_of(
    st.sampled_from(["a", "b.c", "x/y", "~", "[z", "]", "ä", "", "model", "state"]),
    st.integers(-2, 12),
    st.floats(0, 2),
    st.booleans(),
    st.none(),
    st.tuples(st.integers(0, 3), st.sampled_from(["u", "v"])),
)


def odd_dicts() -> st.SearchStrategy[dict[Any, Any]]:
    """Dicts and lists of tensors under keys of any type."""
    leaves = st.just(0).map(lambda _: torch.zeros(1))
    inner = st.recursive(
        leaves,
        lambda below: st.dictionaries(_PARTS, below, min_size=1, max_size=3) | st.lists(below, min_size=1, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(_PARTS, inner, min_size=1, max_size=4)


def keys_by_row(index: SearchIndex) -> dict[int, str]:
    keys = {row: index.names[row] for row in range(index.count)}
    for group in (index.key_ends, index.odd_keys):
        keys.update({row: group.texts[number] for number, row in enumerate(group.rows.tolist())})
    return keys


@given(value=st.one_of(nested_dicts(), odd_dicts()))
@in_one_folder(80)
def test_the_keys_are_those_of_the_sections(tmp_path: Path, value: dict[Any, Any]) -> None:
    checkpoint = opened(tmp_path, value)
    expected = {
        row: key
        for section in checkpoint.sections.values()
        for row, key in zip(section.rows.tolist(), section_keys(checkpoint.description, section), strict=True)
    }
    assert keys_by_row(index_of(checkpoint)) == expected


@given(value=nested_dicts())
@in_one_folder(30)
def test_each_row_knows_its_node_its_section_and_its_kind(tmp_path: Path, value: dict[str, Any]) -> None:
    checkpoint = opened(tmp_path, value)
    index, tree = index_of(checkpoint), checkpoint.tree
    sections = list(checkpoint.sections.values())
    for row in range(index.count):
        node = int(index.nodes[row])
        assert tree.what[node] == TreeNode.TENSOR
        assert tree.ref[node] == row
        assert index.kind_of[row] == tree.kind[int(tree.parent[node])]
        assert row in sections[int(index.section_of[row])].rows


def test_a_range_lies_in_the_file_of_its_source(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.zeros(1)})
    assert set(index_of(checkpoint).files) == {"saved.pt"}


def test_the_index_is_made_once_and_goes_with_its_checkpoint() -> None:
    checkpoint = checkpoint_of([Made("a")])
    index = index_of(checkpoint)
    assert index_of(checkpoint) is index
    assert checkpoint.sections["model"].tensors["a"].name == index.names[0] == "a"
    gone = weakref.ref(checkpoint)
    del checkpoint
    gc.collect()
    assert gone() is None
    assert len(index.odd_keys.rows) == 0
