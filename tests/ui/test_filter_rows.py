"""A filter leaves the nodes that fit and the way up from each; the rest of the tree comes back as it was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.tree.view import TreeView
from sdviewer.ui.tree.visible_rows import VisibleRows, remains_of
from tests.helpers.saved import in_one_folder
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.looking import picture, shades

ONE = np.zeros(1, np.float32)


def ways_up(tree: ModuleTree, nodes: Sequence[int]) -> list[int]:
    """The nodes and all that stand above them, by walking up."""
    found = {0}
    for node in nodes:
        above = node
        while above > 0:
            found.add(above)
            above = int(tree.parent[above])
    return sorted(found)


def shown_rows(model: TreeModel) -> list[int]:
    return [model.rows.node(row) for row in range(model.rowCount())]


def tensors_called(checkpoint: Checkpoint, label: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    tree = checkpoint.tree
    tensors = np.flatnonzero(tree.what == TreeNode.TENSOR)
    return np.array([node for node in tensors.tolist() if tree.label[node] == label], np.int64)


@given(
    names=st.lists(st.text("ab.", min_size=1, max_size=6), unique=True, min_size=1, max_size=12),
    chosen=st.sets(st.integers(0, 40), max_size=5),
    steps=st.lists(st.tuples(st.sampled_from(["expand", "all", "collapse", "reveal"]), st.integers(0, 40)), max_size=8),
)
@in_one_folder(60)
def test_the_rows_are_the_matches_and_all_above_them(
    tmp_path: Path, names: list[str], chosen: set[int], steps: list[tuple[str, int]]
) -> None:
    checkpoint = checkpoint_with(tmp_path, dict.fromkeys(names, ONE))
    tree = checkpoint.tree
    model = TreeModel(checkpoint, VisibleRows(tree), "file.pt")
    before = shown_rows(model)
    matches = sorted({number % len(tree) for number in chosen})
    model.show_only(remains_of(tree, np.array(matches, np.int64)))
    left = ways_up(tree, matches)
    assert shown_rows(model) == left
    for step, number in steps:
        node = number % len(tree)
        if step == "reveal":
            assert model.rows.node(model.reveal(node)) == node
            left = sorted({*left, *ways_up(tree, [node])})
        elif model.rows.row_of(node) >= 0:
            if step == "collapse":
                model.collapse(node)
            else:
                model.expand(node, deep=step == "all")
        rows = shown_rows(model)
        hidden = [node for node in left if any(not model.rows.expanded[above] for above in model.rows.ancestors(node))]
        assert rows == [node for node in left if node not in hidden]
        parents = {int(tree.parent[node]) for node in left}
        assert [node for node in left if model.rows.has_children[node]] == sorted(parents - {-1})
    model.show_only(None)
    assert shown_rows(model) == before


def test_the_model_keeps_the_rules_before_and_after_each_filter(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    model = TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt")
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    for nodes in ([5, 9], [], [4], list(range(len(checkpoint.tree)))):
        model.show_only(remains_of(checkpoint.tree, np.array(nodes, np.int64)))
        qtmodeltester.check(model)  # type: ignore[no-untyped-call]
        model.reveal(6)
        model.collapse(2)
        model.expand(2)
    model.show_only(None)
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]


def test_a_row_says_whether_it_fits_or_only_leads_there(tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    model = TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt")
    assert not model.cells(1).on_the_way
    model.show_only(remains_of(checkpoint.tree, tensors_called(checkpoint, "steps")))
    assert [model.cells(row).name for row in range(4)] == ["file.pt", "model", "head", "steps"]
    assert [model.cells(row).on_the_way for row in range(4)] == [True, True, True, False]
    spoken = [model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in (2, 3)]
    assert spoken == ["head, module, level 2, expanded", "steps, buffer, level 3, match"]


@pytest.fixture(scope="module")
def hundred_thousand(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    names = (f"layers.{number // 8}.w{number % 8}" for number in range(100_000))
    return checkpoint_with(tmp_path_factory.mktemp("many"), dict.fromkeys(names, ONE))


def test_a_hundred_thousand_rows_are_filtered_at_once(hundred_thousand: Checkpoint) -> None:
    tree = hundred_thousand.tree
    model = TreeModel(hundred_thousand, VisibleRows(tree), "file.pt")
    before, resets = model.rowCount(), list[int]()
    model.modelReset.connect(lambda: resets.append(model.rowCount()))
    nodes = np.flatnonzero(tree.what == TreeNode.TENSOR)
    began = time.thread_time()
    model.show_only(remains_of(tree, nodes))
    model.show_only(remains_of(tree, nodes[::8]))
    model.show_only(None)
    # A few array operations and no row asked for: with a call a row it is seconds.
    assert time.thread_time() - began < 0.25
    assert resets == [len(tree), 3 + 2 * 12_500, before]


def test_what_is_current_stays_current(qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    tree = checkpoint.tree
    view = TreeView()
    qtbot.addWidget(view)
    view.resize(700, 400)
    view.show()
    view.show_tree(TreeModel(checkpoint, VisibleRows(tree), "file.pt", view))
    steps, bias = int(tensors_called(checkpoint, "steps")[0]), tensors_called(checkpoint, "bias")
    view.select_node(steps)
    selected: list[int] = []
    view.node_selected.connect(selected.append)
    view.show_only(remains_of(tree, np.array([steps])))
    assert view.current_node() == steps
    view.show_only(remains_of(tree, bias))
    assert view.current_node() == -1
    view.show_only(None)
    assert view.current_node() == steps
    # The details show it all the while and need not be told again.
    assert selected == []
    view.show_only(remains_of(tree, bias))
    assert view.select_first_match()
    assert selected == [int(bias[0])]
    view.show_only(remains_of(tree, bias[:0]))
    assert not view.select_first_match()


def test_a_match_that_was_chosen_is_in_sight_when_the_filter_goes(qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    view = TreeView()
    qtbot.addWidget(view)
    view.show_tree(TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt", view))
    view.collapse(1)
    deep = tensors_called(checkpoint, "bias")
    view.show_only(remains_of(checkpoint.tree, deep))
    view.select_node(int(deep[1]))
    view.show_only(None)
    assert view.current_node() == int(deep[1])


def test_the_way_up_is_painted_quieter_than_what_fits(qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, {"a.b": ONE, "c.b": ONE})
    view = TreeView()
    qtbot.addWidget(view)
    view.resize(500, 200)
    view.show()
    view.show_tree(TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt", view))
    before = picture(view)
    view.show_only(remains_of(checkpoint.tree, tensors_called(checkpoint, "b")))
    assert shades(picture(view)) > 2
    assert picture(view) != before
