"""The model keeps Qt's rules through every opening, closing and reload, at any size."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QAbstractItemModel, Qt
from pytestqt.modeltest import ModelTester

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.models.grid_model import GridModel
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.tree.places import same_branches, same_node
from sdviewer.ui.tree.visible_rows import VisibleRows, remains_of
from tests.helpers.saved import in_one_folder
from tests.ui.checkpoints import checkpoint_with, small_tensors


def model_of(folder: Path, tensors: Mapping[str, np.ndarray[Any, Any]]) -> TreeModel:
    checkpoint = checkpoint_with(folder, tensors)
    return TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt")


def check(tester: ModelTester, model: QAbstractItemModel) -> None:
    """Qt's own tester watches the model from now on; each warning of it fails the test."""
    tester.check(model)  # type: ignore[no-untyped-call]


def shown_rows(model: TreeModel) -> list[int]:
    return [model.rows.node(row) for row in range(model.rowCount())]


def seen_by_hand(checkpoint: Checkpoint, expanded: np.ndarray[Any, Any]) -> list[int]:
    """The visible nodes, by walking down."""
    found = [0]

    def walk(node: int) -> None:
        if expanded[node]:
            for child in checkpoint.tree.children(node):
                found.append(child)
                walk(child)

    walk(0)
    return found


def test_the_model_keeps_the_rules(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_of(tmp_path, small_tensors())
    check(qtmodeltester, model)


def test_the_model_keeps_the_rules_while_nodes_open_and_close(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_of(tmp_path, small_tensors())
    check(qtmodeltester, model)
    for node in (4, 2, 2, 1, 0):
        model.collapse(node)
        assert shown_rows(model) == seen_by_hand(model.checkpoint, model.rows.expanded)
    for node in (1, 2, 5):
        model.expand(node)
        assert shown_rows(model) == seen_by_hand(model.checkpoint, model.rows.expanded)
    model.collapse(3)
    model.expand(0, deep=True)
    assert shown_rows(model) == list(range(len(model.checkpoint.tree)))
    model.collapse(1)
    assert model.reveal(6) == 6
    check(qtmodeltester, model)


@given(
    names=st.lists(st.text("ab.", min_size=1, max_size=6), unique=True, max_size=12),
    steps=st.lists(
        st.tuples(st.sampled_from(["expand", "all", "collapse", "reveal"]), st.integers(0, 40)), max_size=12
    ),
)
@in_one_folder(40)
def test_the_rows_are_those_that_walking_down_finds(
    tmp_path: Path, names: list[str], steps: list[tuple[str, int]]
) -> None:
    model = model_of(tmp_path, {name: np.zeros(1, np.float32) for name in names})
    for step, number in steps:
        node = number % len(model.checkpoint.tree)
        if step == "reveal":
            assert model.rows.node(model.reveal(node)) == node
        elif model.rows.row_of(node) >= 0:
            if step == "collapse":
                model.collapse(node)
            else:
                model.expand(node, deep=step == "all")
        assert shown_rows(model) == seen_by_hand(model.checkpoint, model.rows.expanded)


def test_a_cell_answers_every_role_it_may_be_asked(tmp_path: Path) -> None:
    model = model_of(tmp_path, small_tensors())
    name = model.index(5, Column.NAME)
    assert model.data(name) == "weight"
    assert model.data(name, Qt.ItemDataRole.AccessibleTextRole) == "weight, parameter, level 5"
    assert model.data(model.index(2, 0), Qt.ItemDataRole.AccessibleTextRole) == "encoder, module, level 2, expanded"
    assert model.data(model.index(5, Column.SHAPE), Qt.ItemDataRole.AccessibleTextRole) == "Shape: 64 × 32"
    assert model.data(name, Qt.ItemDataRole.DecorationRole) is None
    assert not model.index(99, 0).isValid()
    assert model.rowCount(name) == 0
    assert model.headerData(Column.SIZE, Qt.Orientation.Horizontal) == "Size"
    assert model.headerData(99, Qt.Orientation.Horizontal) is None


def test_a_collapsed_node_says_so_to_a_screen_reader(tmp_path: Path) -> None:
    model = model_of(tmp_path, small_tensors())
    model.collapse(2)
    assert "collapsed" in model.data(model.index(2, 0), Qt.ItemDataRole.AccessibleTextRole)


@pytest.fixture(scope="module")
def many_siblings(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    one = np.zeros(1, np.float32)
    return checkpoint_with(tmp_path_factory.mktemp("many"), {f"w{number}": one for number in range(100_000)})


def test_a_hundred_thousand_siblings_open_and_close_at_once(many_siblings: Checkpoint) -> None:
    model = TreeModel(many_siblings, VisibleRows(many_siblings.tree), "file.pt")
    inserted: list[int] = []
    model.rowsInserted.connect(lambda _, first, last: inserted.append(last - first + 1))
    model.collapse(1)
    assert model.rowCount() == 2
    began = time.thread_time()
    model.expand(1)
    assert model.rowCount() == 102
    assert model.index(101, 0).data() == "w99000 … w99999"
    model.expand(1, deep=True)
    assert model.rowCount() == 100_102
    assert model.index(100_101, 0).data() == "w99999"
    # One insertion each, no row asked for: with a call a row it is seconds.
    assert inserted == [100, 100_100]
    assert time.thread_time() - began < 0.25


def test_a_name_is_found_among_a_hundred_thousand(many_siblings: Checkpoint) -> None:
    rows = VisibleRows(many_siblings.tree)
    # While ranges are closed each has the name of its first.
    assert rows.find_prefix("w9", 3) == 2 + 9
    assert rows.find_prefix("w99999", 0) == -1
    rows.show_only(remains_of(many_siblings.tree, np.arange(len(many_siblings.tree))))
    assert rows.find_prefix("W99999", 0) == 100_001
    assert rows.find_prefix("w1", 3) == 3
    assert rows.find_prefix("w1", 4) == 12
    assert rows.find_prefix("w5", 100_000) == 7
    assert rows.find_prefix("x", 0) == -1


def test_depth_200_is_walked_into(tmp_path: Path) -> None:
    deep = {".".join(f"d{level}" for level in range(200)) + ".weight": np.zeros(1, np.float32)}
    model = model_of(tmp_path, deep)
    last = len(model.checkpoint.tree) - 1
    assert model.rowCount() < 60
    assert model.reveal(last) == last
    assert model.cells(last).indent == 201
    model.collapse(1)
    assert model.rowCount() == 2


def test_a_node_is_found_in_the_tree_of_the_changed_file(tmp_path: Path) -> None:
    one = np.zeros(1, np.float32)
    before = checkpoint_with(tmp_path, {"a.0.weight": one, "a.1.weight": one, "b.weight": one}).tree
    after = checkpoint_with(tmp_path, {"0.weight": one, "a.1.weight": one, "a.weight": one, "a.0.x": one}).tree
    node = 6
    assert (before.label[node], before.label[int(before.parent[node])]) == ("weight", "1")
    found = same_node(before, node, after)
    assert after.label[found] == "weight"
    assert after.label[int(after.parent[found])] == "1"
    assert same_node(before, 4, after) == -1
    assert same_node(before, 0, after) == 0


def test_what_was_open_is_open_in_the_tree_of_the_changed_file(tmp_path: Path) -> None:
    one = np.zeros(1, np.float32)
    before = checkpoint_with(tmp_path, {"a.0.weight": one, "b.0.weight": one, "c.weight": one})
    after = checkpoint_with(tmp_path, {"z.weight": one, "a.0.weight": one, "c.weight": one})
    rows = VisibleRows(before.tree)
    rows.expand_only(np.array([1, 2, 3, 5, 8]))
    new = VisibleRows(after.tree)
    new.expand_only(same_branches(before.tree, rows.expanded, after.tree))
    opened = [after.tree.label[node] for node in np.flatnonzero(new.expanded).tolist()]
    assert opened == ["", "model", "a", "0", "c"]


def test_a_table_of_facts_keeps_the_rules(qtmodeltester: ModelTester) -> None:
    grid = Grid("T", ("Name", "Size"), (("a" * 50, "1 B"), ("b", "2 B")), frozenset((1,)))
    model = GridModel(grid)
    check(qtmodeltester, model)
    assert model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == "a" * 50
    assert model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole) is None
    assert model.index(1, 1).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight


def test_what_is_out_of_sight_can_be_closed(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_of(tmp_path, small_tensors())
    check(qtmodeltester, model)
    inner = model.checkpoint.tree.label.tolist().index("layers")
    outer = int(model.checkpoint.tree.parent[inner])
    model.reveal(inner + 2)
    model.collapse(outer)
    before = shown_rows(model)
    model.collapse(inner)
    assert shown_rows(model) == before
    model.expand(outer)
    assert inner in shown_rows(model)
    assert inner + 1 not in shown_rows(model)
