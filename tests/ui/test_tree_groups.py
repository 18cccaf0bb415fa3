"""Ranges of many siblings and folded runs of alike blocks: rows like others, through every change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint import outline as outline_module
from sdviewer.checkpoint.outline import Group
from sdviewer.control import Control
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.tree.places import open_as, same_item
from sdviewer.ui.tree.visible_rows import VisibleRows, remains_of, rows_of
from tests.helpers.many_tensors import many_tensors
from tests.helpers.saved import in_one_folder
from tests.ui.checkpoints import checkpoint_with
from tests.ui.trees import ONE, item_called, layers, model_with, node_at, texts, view_with


@pytest.fixture
def ranges_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with more than three children has ranges."""
    monkeypatch.setattr(outline_module, "RANGE", 3)


def check(tester: ModelTester, model: TreeModel) -> None:
    tester.check(model)  # type: ignore[no-untyped-call]


def drawn(rows: VisibleRows) -> list[int]:
    """The items that have rows, by walking down from the root."""
    outline, found = rows.outline, []

    def children(item: int) -> Iterator[int]:
        place = int(outline.place[item]) + 1
        while place < outline.end[item]:
            child = int(outline.item[place])
            yield child
            place = int(outline.end[child])

    def walk(item: int) -> None:
        if not rows.is_on(item):
            for child in children(item):
                walk(child)
        elif rows.remains is None or rows.remains.shown[item]:
            found.append(item)
            if rows.expanded[item]:
                for child in children(item):
                    walk(child)

    walk(0)
    return found


def shown(model: TreeModel) -> list[int]:
    return [model.rows.item(row) for row in range(model.rowCount())]


@pytest.mark.usefixtures("ranges_of_three")
def test_many_children_stand_in_ranges_that_are_closed(tmp_path: Path) -> None:
    model = model_with(tmp_path, {f"w{number}": ONE for number in range(11)})
    assert texts(model) == ["w0 … w8", "w9 … w10"]
    assert model.cells(2).shape == "9 tensors"
    model.expand(item_called(model, "w0 … w8"))
    assert texts(model) == ["w0 … w8", "  w0 … w2", "  w3 … w5", "  w6 … w8", "w9 … w10"]
    model.expand(item_called(model, "w3 … w5"))
    assert texts(model)[2:6] == ["  w3 … w5", "    w3", "    w4", "    w5"]


def test_a_range_of_parents_tells_how_many_and_their_totals(tmp_path: Path) -> None:
    model = model_with(tmp_path, {f"m.{number}.{name}": ONE for number in range(1_001) for name in "ab"})
    model.expand(node_at(model.checkpoint, "m"))
    assert texts(model) == ["m", "  0 … 999  1,000 entries", "  1000"]
    row = model.rows.row_of(item_called(model, "0 … 999"))
    assert model.cells(row).shape == "2,000 tensors"
    assert model.tip(row, Column.SIZE) == "8,000 bytes"
    assert model.tip(row, Column.SHAPE) == "2,000 tensors, 2,000 parameters"
    assert model.tip(row, Column.NAME) == "0 … 999  1,000 entries\nin m"
    spoken = model.data(model.index(row, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "0 … 999  1,000 entries, group, level 3, collapsed"


def test_alike_blocks_fold_into_one_row_and_back(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(32, wider_from=4))
    check(qtmodeltester, model)
    model.expand(node_at(model.checkpoint, "layers"))
    unfolded = texts(model)
    assert unfolded[:4] == ["embed", "layers", "  0", "  1"]
    model.fold_all(fold=True)
    check(qtmodeltester, model)
    assert texts(model) == ["embed", "layers", "  0 … 3  × 4 alike", "  4 … 31  × 28 alike", "head"]
    first = item_called(model, "0 … 3")
    assert model.cells_of(first).size == "96 B"
    assert model.cells_of(first).shape == "8 tensors"
    model.expand(first)
    assert texts(model)[2:5] == ["  0 … 3  × 4 alike", "    0", "    1"]
    check(qtmodeltester, model)
    model.fold_all(fold=False)
    assert texts(model) == unfolded
    check(qtmodeltester, model)


def test_one_run_folds_by_itself(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(5, wider_from=2))
    layer = node_at(model.checkpoint, "layers", "3")
    run = model.rows.alike_around(node_at(model.checkpoint, "layers", "3", "proj", "weight"))
    model.reveal(layer)
    model.expand(layer)
    check(qtmodeltester, model)
    inserted: list[tuple[int, int]] = []
    removed: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _, first, last: inserted.append((first, last)))
    model.rowsRemoved.connect(lambda _, first, last: removed.append((first, last)))
    before = texts(model)
    model.fold(run)
    assert texts(model) == ["embed", "layers", "  0", "  1", "  2 … 4  × 3 alike", "head"]
    assert (removed, inserted) == ([(6, 10)], [(6, 6)])
    check(qtmodeltester, model)
    model.expand(run)
    assert texts(model)[4:8] == ["  2 … 4  × 3 alike", "    2", "    3", "      proj"]
    check(qtmodeltester, model)
    model.unfold(run)
    assert texts(model) == before
    check(qtmodeltester, model)
    # Out of sight nothing moves.
    model.collapse(node_at(model.checkpoint, "layers"))
    rows = model.rowCount()
    model.fold(run)
    assert model.rowCount() == rows
    model.expand(node_at(model.checkpoint, "layers"))
    assert "  2 … 4  × 3 alike" in texts(model)


def test_a_filter_shows_what_fits_without_groups_and_gives_them_back(
    qtmodeltester: ModelTester, tmp_path: Path
) -> None:
    model = model_with(tmp_path, {**layers(6), **{f"z.{number}": ONE for number in range(1_200)}})
    tree = model.checkpoint.tree
    model.fold_all(fold=True)
    model.reveal(node_at(model.checkpoint, "z", "1100"))
    before = texts(model)
    check(qtmodeltester, model)
    norms = [node for node in range(len(tree)) if tree.label[node] in ("norm", "7", "1007")]
    model.show_only(remains_of(tree, np.array(norms)))
    assert texts(model) == [
        "layers",
        *[line for number in range(6) for line in (f"  {number}", "    norm")],
        "z",
        "  7",
        "  1007",
    ]
    check(qtmodeltester, model)
    model.reveal(node_at(model.checkpoint, "z", "500"))
    assert texts(model)[-3:] == ["  7", "  500", "  1007"]
    model.fold_all(fold=False)
    model.fold_all(fold=True)
    assert "  500" in texts(model)
    model.show_only(None)
    assert texts(model) == before
    check(qtmodeltester, model)


_NAMES = st.lists(st.sampled_from(["0", "1", "2", "3", "4", "w"]), min_size=1, max_size=4).map(".".join)
_STEPS = st.sampled_from(["expand", "all", "collapse", "reveal", "fold", "unfold", "fold all", "unfold all", "filter"])


@pytest.mark.usefixtures("ranges_of_three")
@given(st.sets(_NAMES, max_size=30), st.lists(st.tuples(_STEPS, st.integers(0, 200)), max_size=12))
@in_one_folder(120)
def test_rows_are_those_that_walking_down_finds(tmp_path: Path, names: set[str], steps: list[tuple[str, int]]) -> None:
    model = model_with(tmp_path, dict.fromkeys(sorted(names), ONE))
    rows, tree, outline = model.rows, model.checkpoint.tree, model.rows.outline
    counted = [model.rowCount()]
    model.rowsInserted.connect(lambda _, first, last: counted.append(counted[-1] + last - first + 1))
    model.rowsRemoved.connect(lambda _, first, last: counted.append(counted[-1] - last + first - 1))
    model.modelReset.connect(lambda: counted.append(model.rowCount()))
    for step, number in steps:
        item = number % len(outline)
        match step:
            case "reveal" if rows.is_on(item):
                assert rows.item(model.reveal(item)) == item
            case "fold" | "unfold" if outline.is_group(item) and outline.kind[outline.group(item)] == Group.ALIKE:
                (model.fold if step == "fold" else model.unfold)(item)
            case "fold all" | "unfold all":
                model.fold_all(fold=step == "fold all")
            case "filter":
                model.show_only(None if rows.remains is not None else remains_of(tree, np.array([item % len(tree)])))
            case "expand" | "all" if rows.row_of(item) >= 0:
                model.expand(item, deep=step == "all")
            case "collapse" if rows.row_of(item) >= 0:
                model.collapse(item)
        assert shown(model) == drawn(rows)
        assert counted[-1] == model.rowCount()
        for row in range(model.rowCount()):
            item = rows.item(row)
            # The row of what is around it stands above it, one level further left.
            around = rows.parent(item)
            assert rows.row_of(item) == row
            assert model.cells(row).indent == (max(rows.level(around), 0) if around >= 0 else 0)
    # Whatever was done, every node can be reached.
    model.show_only(None)
    for node in range(len(tree)):
        assert rows.item(model.reveal(node)) == node


def test_reloading_keeps_what_is_open_and_folded(tmp_path: Path) -> None:
    many = {f"z.{number}": ONE for number in range(1_500)}
    model = model_with(tmp_path, {**layers(6, wider_from=4), **many})
    rows = model.rows
    folded = rows.alike_around(node_at(model.checkpoint, "layers", "1"))
    model.fold(folded)
    model.reveal(node_at(model.checkpoint, "z", "1100"))
    model.expand(node_at(model.checkpoint, "layers"))
    before = texts(model)
    same = TreeModel(model.checkpoint, rows_of(model.checkpoint, Control()), "file.pt")
    same.rows.take_over(rows)
    assert texts(same) == before

    changed = checkpoint_with(tmp_path, {"a": ONE, **layers(6, wider_from=4), **many, "zz": ONE})
    other = TreeModel(changed, rows_of(changed, Control()), "file.pt")
    open_as(rows, other.rows)
    assert texts(other) == ["a", *before, "zz"]
    range_item = item_called(model, "1000 … 1499")
    for item in (folded, range_item, node_at(model.checkpoint, "z", "1100"), 0):
        found = same_item(rows, item, other.rows)
        assert other.cells_of(found).name == model.cells_of(item).name
        assert other.rows.outline.is_group(found) == rows.outline.is_group(item)
    gone = checkpoint_with(tmp_path, {"layers.0.w": ONE, "z.3": ONE})
    rows_left = rows_of(gone, Control())
    assert same_item(rows, range_item, rows_left) == -1
    assert same_item(rows, folded, rows_left) == -1
    open_as(rows, rows_left)


def test_a_tensor_is_shown_by_opening_its_range_and_its_fold(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, {**layers(6), **{f"z.{number}": ONE for number in range(1_500)}})
    view = view_with(model, folding=True)
    qtbot.addWidget(view)
    told: list[int] = []
    view.node_selected.connect(told.append)
    tensor = node_at(model.checkpoint, "z", "1234")
    view.select_node(tensor)
    assert model.cells(view.currentIndex().row()).name == "1234"
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert model.cells(view.currentIndex().row()).name == "1000 … 1499"
    # A range shows the children of its owner, so that is what is told of.
    assert told == [tensor, node_at(model.checkpoint, "z")]
    QTest.keyClick(view, Qt.Key.Key_Left)
    QTest.keyClick(view, Qt.Key.Key_Backspace)
    assert model.cells(view.currentIndex().row()).name == "z"
    view.select_node(node_at(model.checkpoint, "layers", "3", "norm"))
    assert "  0 … 5  × 6 alike" in texts(model)
    QTest.keyClick(view, Qt.Key.Key_Left)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert model.cells(view.currentIndex().row()).name == "3"


def test_keys_fold_and_unfold_the_run_around(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(6))
    view = view_with(model)
    qtbot.addWidget(view)
    view.select_node(node_at(model.checkpoint, "layers", "3", "norm"))
    QTest.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert model.cells(view.currentIndex().row()).name == "0 … 5"
    assert view.current_node() == node_at(model.checkpoint, "layers")
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert "    0" in texts(model)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert model.cells(view.currentIndex().row()).name == "0"
    assert "  0" in texts(model)
    # Where nothing is alike nothing happens.
    view.select_node(0)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
        QTest.keyClick(view, key, Qt.KeyboardModifier.ControlModifier)
    assert view.current_item() == 0


def test_folding_all_keeps_the_place_and_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(6))
    view = view_with(model)
    qtbot.addWidget(view)
    told: list[bool] = []
    view.folding_changed.connect(told.append)
    head, norm = node_at(model.checkpoint, "head"), node_at(model.checkpoint, "layers", "3", "norm")
    view.select_node(head)
    view.set_folding(True)
    assert view.current_item() == head
    view.set_folding(False)
    view.select_node(norm)
    view.set_folding(True)
    assert model.cells(view.currentIndex().row()).name == "0 … 5"
    assert view.folding
    view.set_folding(True)
    view.set_folding(False)
    assert model.cells(view.currentIndex().row()).name == "0"
    assert told == [True, False, True, False]


def test_the_context_menu_offers_what_can_be_done(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(6))
    view = view_with(model)
    qtbot.addWidget(view)
    commands = view.commands

    def offered() -> list[str]:
        commands.refresh()
        return [action.text() for action in view.actions() if action.isVisible() and action.isEnabled()]

    view.select_node(node_at(model.checkpoint, "layers", "3"))
    assert any("Fold" in text for text in offered())
    commands.fold.trigger()
    assert model.cells(view.currentIndex().row()).name == "0 … 5"
    assert any("Unfold" in text for text in offered())
    commands.unfold.trigger()
    view.select_node(node_at(model.checkpoint, "head"))
    assert not any("old" in text for text in offered())


def test_clicks_open_ranges(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, {f"w{number}": ONE for number in range(1_500)})
    view = view_with(model)
    qtbot.addWidget(view)
    place = view.visualRect(model.index(3, Column.NAME))
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place.center())
    assert texts(model)[1:3] == ["w1000 … w1499", "  w1000"]
    branch = view.visualRect(model.index(3, Column.NAME))
    branch.setLeft(branch.left() + 4 + 16)
    branch.setWidth(16)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=branch.center())
    assert texts(model) == ["w0 … w999", "w1000 … w1499"]


def test_a_million_tensors_fold_and_open_in_milliseconds() -> None:
    checkpoint = many_tensors(200_000)
    rows = rows_of(checkpoint, Control())
    model = TreeModel(checkpoint, rows, "file.pt")
    began = time.thread_time()
    model.fold_all(fold=True)
    model.expand(0, deep=True)
    model.collapse(1)
    model.expand(1)
    # Array operations over 400,000 nodes: with a call a row it is seconds.
    assert time.thread_time() - began < 0.5
    assert model.rowCount() == len(checkpoint.tree)
