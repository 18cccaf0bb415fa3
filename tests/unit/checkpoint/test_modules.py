"""The tree of modules: made from dotted keys, in natural order, with totals that a brute force agrees to."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import Role, TreeNode, build_tree
from sdviewer.checkpoint.sections import find_sections
from tests.helpers.hand_built import description_with
from tests.helpers.saved import in_one_folder, keys, label_path, nested_dicts, nodes_by_path, opened

State = dict[str, Any]
any_key = st.one_of(
    keys(),
    st.text(st.characters(exclude_categories=()), max_size=6),
    st.text(".0/~[]\x00\n", max_size=6),
)


# -- what must hold of every tree ---------------------------------------------------------------------


def assert_sound(checkpoint: Checkpoint) -> None:
    tree = checkpoint.tree
    assert_preorder(checkpoint)
    assert_totals(checkpoint)
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR)
    assert sorted(tree.ref[tensors].tolist()) == list(range(len(checkpoint.tensors)))
    names = checkpoint.table.name
    for node in tensors.tolist():
        assert joined_name(checkpoint, node) == names[int(tree.ref[node])]


def assert_preorder(checkpoint: Checkpoint) -> None:
    tree = checkpoint.tree
    count = len(tree)
    assert (tree.parent[0], tree.depth[0], tree.end[0]) == (-1, 0, count)
    open_nodes = [0]
    for node in range(1, count):
        while tree.end[open_nodes[-1]] <= node:
            open_nodes.pop()
        assert tree.parent[node] == open_nodes[-1]
        assert tree.depth[node] == len(open_nodes)
        assert node < tree.end[node] <= tree.end[open_nodes[-1]]
        open_nodes.append(node)
    for node in range(count):
        assert list(tree.children(node)) == np.flatnonzero(tree.parent == node).tolist()


def assert_totals(checkpoint: Checkpoint) -> None:
    """Tensors, parameters and bytes below each node, summed one by one."""
    tree, table = checkpoint.tree, checkpoint.table
    in_model = {
        row
        for section in checkpoint.sections.values()
        if section.kind in ("model", "ema")
        for row in section.rows.tolist()
    }
    for node in range(len(tree)):
        inside = range(node, int(tree.end[node]))
        rows = [int(tree.ref[at]) for at in inside if tree.what[at] == TreeNode.TENSOR]
        counted = [row for row in rows if row in in_model and tree.role[row] != Role.BUFFER]

        def once(rows: list[int]) -> list[int]:
            return list({int(tree.tie[row]) if tree.tie[row] >= 0 else row: row for row in rows}.values())

        assert tree.tensors[node] == len(rows)
        assert tree.parameters[node] == sum(int(table.numel[row]) for row in once(counted))
        assert tree.nbytes[node] == sum(int(table.nbytes[row]) for row in once(rows))


def joined_name(checkpoint: Checkpoint, node: int) -> str:
    """The canonical name that the labels down to a tensor make: dots below modules, "/" below containers.

    For keys without escapes.
    """
    tree = checkpoint.tree
    text = tree.label[node] if tree.what[node] != TreeNode.SECTION else None
    while tree.what[node] != TreeNode.SECTION:
        above = int(tree.parent[node])
        if tree.what[above] != TreeNode.SECTION:
            text = f"{tree.label[above]}{'.' if tree.what[above] == TreeNode.MODULE else '/'}{text}"
        node = above
    section = list(checkpoint.sections.values())[int(tree.ref[node])]
    return "/".join(part for part in (section.path if section.node else None, text) if part is not None)


# -- properties ------------------------------------------------------------------------------------------


@in_one_folder(50)
@given(nested_dicts())
def test_the_tree_of_any_file_holds_every_tensor_once_under_its_name(tmp_path: Path, value: State) -> None:
    assert_sound(opened(tmp_path, value))


@in_one_folder(70)
@given(st.lists(any_key, min_size=1, max_size=12, unique=True))
@example(["", ".", "..", "...", ".a", "a.", "a..b", "a.b", "a", "b"])
@example(["\ud800.w", "\udfff", "a\x00.b", "\n", "λ.🦀"])
@example(["10.w", "2.w", "02.w", "²", "1_0", "-1.w", "+1", " 1", "9" * 40])
def test_any_set_of_keys_makes_a_tree_whose_labels_join_to_the_keys(tmp_path: Path, names: list[str]) -> None:
    checkpoint = opened(tmp_path, {name: torch.zeros(1) for name in names})
    tree = checkpoint.tree
    assert list(checkpoint.tensors) == names
    assert_preorder(checkpoint)
    assert_totals(checkpoint)
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR).tolist()
    found = {int(tree.ref[node]): ".".join(label_path(tree, node)[1:]) for node in tensors}
    assert [found[row] for row in range(len(names))] == names
    # One node a module: no two siblings that are modules have one label.
    modules = [
        (int(tree.parent[node]), tree.label[node]) for node in np.flatnonzero(tree.what == TreeNode.MODULE).tolist()
    ]
    assert len(modules) == len(set(modules))


@in_one_folder(25)
@given(st.lists(st.tuples(keys(), st.integers(0, 3)), max_size=10, unique_by=lambda item: item[0]))
def test_tied_tensors_count_once_in_every_node_above_them(tmp_path: Path, names: list[tuple[str, int]]) -> None:
    shared = [torch.zeros(size) for size in (1, 2, 3, 5)]
    state: State = {"model": {name: shared[which] for name, which in names}, "ema": {"a.b": shared[0], "c": shared[1]}}
    assert_totals(opened(tmp_path, state))


# -- order -----------------------------------------------------------------------------------------------


def labels_below(checkpoint: Checkpoint, *path: str) -> list[str]:
    tree = checkpoint.tree
    return [tree.label[child] for child in tree.children(nodes_by_path(tree)[path])]


def test_numbers_are_sorted_as_numbers_where_the_first_of_them_stands(tmp_path: Path) -> None:
    state = OrderedDict((key, torch.zeros(1)) for key in ("stem.w", "10.w", "head.w", "2.w", "0.w", "tail"))
    assert labels_below(opened(tmp_path, state), "model") == ["stem", "0", "2", "10", "head", "tail"]


def test_other_siblings_keep_the_order_of_the_file(tmp_path: Path) -> None:
    state = OrderedDict((key, torch.zeros(1)) for key in ("z.w", "a.w", "m", "z.b", "b"))
    assert labels_below(opened(tmp_path, state), "model") == ["z", "a", "m", "b"]


def test_layers_saved_as_text_sorts_them_come_in_natural_order(tmp_path: Path) -> None:
    names = sorted(f"layers.{n}.w" for n in range(25))
    assert names[1] == "layers.1.w"
    assert names[2] == "layers.10.w"
    tree = opened(tmp_path, {name: torch.zeros(1) for name in names})
    assert labels_below(tree, "model", "layers") == [str(n) for n in range(25)]


def test_sections_come_by_kind_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    weights = {"a.w": torch.zeros(1)}
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1).state_dict()
    state = {"epoch": 1, "optimizer": optimizer, "ema": weights, "rng_state": torch.zeros(2), "model": dict(weights)}
    assert labels_below(opened(tmp_path, state)) == ["model", "ema", "optimizer", "tensors", "metadata"]


# -- modules -----------------------------------------------------------------------------------------------


class Net(nn.Module):
    """Modules that own no tensor stand before, between and behind those that do."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Identity()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU(), nn.Dropout())
        )
        self.head = nn.Linear(4, 2)
        self.end = nn.Softmax(dim=1)


@pytest.mark.parametrize("wrapped", [False, True])
def test_metadata_adds_modules_without_tensors_and_the_versions_of_all(tmp_path: Path, wrapped: bool) -> None:
    model = Net()
    state = model.state_dict()
    checkpoint = opened(tmp_path, {"state_dict": state} if wrapped else state)
    tree = checkpoint.tree
    top = "state_dict" if wrapped else "model"
    versions = {
        ".".join(path[1:]): int(tree.version[node])
        for path, node in nodes_by_path(tree).items()
        if path[:1] == (top,) and tree.what[node] in (TreeNode.SECTION, TreeNode.MODULE)
    }
    assert versions == {name: facts["version"] for name, facts in state._metadata.items()}  # type: ignore[attr-defined]
    assert set(versions) == {name for name, _ in model.named_modules()}
    assert labels_below(checkpoint, top) == [name for name, _ in model.named_children()]
    assert labels_below(checkpoint, top, "body") == ["0", "1", "2", "3"]
    assert labels_below(checkpoint, top, "body", "3") == ["0", "1"]


def test_a_whole_module_gives_the_same_tree_with_its_classes(tmp_path: Path) -> None:
    model = Net()
    tree = opened(tmp_path, {"model": model}).tree
    kinds = {
        ".".join(path[1:]): tree.kinds[tree.kind[node]]
        for path, node in nodes_by_path(tree).items()
        if path[:1] == ("model",) and tree.what[node] in (TreeNode.SECTION, TreeNode.MODULE)
    }
    assert kinds == {name: type(module).__name__ for name, module in model.named_modules()}


def test_totals_of_a_real_model_are_those_of_torch(tmp_path: Path) -> None:
    model = nn.Transformer(8, 2, 2, 2, 16, batch_first=True)
    checkpoint = opened(tmp_path, model.state_dict())
    tree = checkpoint.tree
    nodes = nodes_by_path(tree)
    for name, module in model.named_modules():
        node = nodes[("model", *name.split("."))] if name else nodes["model",]
        assert tree.parameters[node] == sum(p.numel() for p in module.parameters())
        assert tree.tensors[node] == len(module.state_dict())
        assert tree.nbytes[node] == sum(t.nbytes for t in module.state_dict().values())
    assert_totals(checkpoint)


def test_a_tensor_that_is_a_buffer_under_one_name_counts_under_another(tmp_path: Path) -> None:
    shared = torch.zeros(4)
    checkpoint = opened(
        tmp_path, {"a.running_mean": shared, "b.weight": shared, "c.running_var": shared, "d.w": shared}
    )
    assert checkpoint.tree.parameters[0] == checkpoint.sections["model"].parameters == 4
    assert_totals(checkpoint)


def test_a_module_and_a_tensor_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.zeros(1), "a.b": torch.zeros(2), "a.b.c": torch.zeros(3)})
    assert labels_below(checkpoint, "model") == ["a", "a"]
    assert_sound(checkpoint)


def test_keys_that_are_no_strings_stand_as_they_are(tmp_path: Path) -> None:
    state = {
        1.5: torch.zeros(1),
        3: torch.zeros(1),
        (1, "a.b"): torch.zeros(1),
        None: torch.zeros(1),
        "x.y": torch.zeros(1),
    }
    checkpoint = opened(tmp_path, {"state_dict": state | {f"k.{n}": torch.zeros(1) for n in range(9)}})
    assert {"[1.5]", "[3]", "[(1, 'a.b')]", "[None]", "x", "k"} == set(labels_below(checkpoint, "state_dict"))
    assert checkpoint.tensors["state_dict/[3]"].path == ("state_dict", 3)


def test_escapes_of_names_are_not_shown_in_labels(tmp_path: Path) -> None:
    state = {"a/b.c~d": torch.zeros(1), "[0].w": torch.zeros(1), "x.y": torch.zeros(1)}
    checkpoint = opened(
        tmp_path, {"state_dict": state, "optimizer": {"state": {"p/q": torch.zeros(1)}, "param_groups": []}}
    )
    assert labels_below(checkpoint, "state_dict") == ["a/b", "[0]", "x"]
    assert labels_below(checkpoint, "state_dict", "a/b") == ["c~d"]
    assert labels_below(checkpoint, "optimizer", "state") == ["p/q"]
    assert [ref.path[1] for ref in checkpoint.sections["state_dict"].tensors.values()] == list(state)


def test_an_alias_leads_to_the_node_that_shows_the_container(tmp_path: Path) -> None:
    shared = {"a": 1, "list": [{"b": 2}]}
    tree = opened(tmp_path, {"model": {"x.w": torch.zeros(1)}, "config": shared, "again": shared}).tree
    nodes = nodes_by_path(tree)
    alias = next(node for node in range(len(tree)) if tree.what[node] == TreeNode.ALIAS)
    assert tree.label[alias] == "again"
    assert tree.ref[alias] == nodes["config",]


# -- sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dotted", [True, False])
def test_a_tensor_two_hundred_levels_deep_is_there(tmp_path: Path, dotted: bool) -> None:
    levels = [f"m{n}" for n in range(200)]
    state: State
    if dotted:
        state = {".".join([*levels, "w"]): torch.zeros(3), ".".join([*levels[:100], "v"]): torch.zeros(2)}
    else:
        inner: State = {"w": torch.zeros(3)}
        for level in reversed(levels):
            inner = {level: inner}
        state = inner
    checkpoint = opened(tmp_path, state)
    tree = checkpoint.tree
    deepest = int(tree.depth.argmax())
    assert label_path(tree, deepest)[1:] == (*levels, "w")
    assert tree.depth[deepest] == 202
    assert tree.tensors[0] == len(checkpoint.tensors)
    assert_totals(checkpoint)
    path = next(iter(checkpoint.tensors.values())).path
    assert path == ((".".join([*levels, "w"]),) if dotted else (*levels, "w"))


def test_names_that_share_long_beginnings_do_not_cost_the_square_of_their_length(tmp_path: Path) -> None:
    long = ".".join(["deep"] * 1_000)
    checkpoint = opened(tmp_path, {f"{long}.{n}.w": torch.zeros(1) for n in range(50)})
    assert len(checkpoint.tree) == 1 + 1 + 1_000 + 50 + 50
    assert checkpoint.tree.depth.max() == 1 + 1_000 + 2


@pytest.mark.parametrize("suffix", ["", ".weight"])
def test_a_hundred_thousand_siblings_are_all_there_in_natural_order(suffix: str) -> None:
    count = 100_000
    names = tuple(f"{n}{suffix}" for n in np.random.default_rng(0).permutation(count).tolist())
    description = replace(description_with(names), module_classes=(), module_versions=())
    tree = build_tree(description, find_sections(description))
    siblings = [node for node in tree.children(1) if tree.what[node] != TreeNode.SCALAR]
    assert [tree.label[node] for node in siblings] == [str(n) for n in range(count)]
    assert tree.tensors[1] == count
    assert tree.parameters[1] == 6 * count
