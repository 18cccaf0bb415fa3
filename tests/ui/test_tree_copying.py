"""Selecting several rows and copying them: names, rows as TSV, and the Python that reaches them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.tree import copying
from sdviewer.ui.tree.view import TreeView
from sdviewer.ui.tree.visible_rows import rows_of
from tests.helpers.saved import opened
from tests.ui.checkpoints import small_tensors
from tests.ui.trees import ONE, item_called, layers, model_for, model_with, view_with

_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def view(qtbot: QtBot, tmp_path: Path) -> TreeView:
    """A small network, wholly open."""
    view = view_with(model_with(tmp_path, small_tensors()))
    qtbot.addWidget(view)
    view.expand(0, deep=True)
    QApplication.clipboard().clear()
    return view


def model_of(view: TreeView) -> TreeModel:
    assert view.tree_model is not None
    return view.tree_model


def selected(view: TreeView) -> list[str]:
    return [model_of(view).cells_of(item).name for item in view.selected_items().tolist()]


def pasted() -> str:
    return QApplication.clipboard().text()


def press(view: TreeView, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(view, key, modifiers)


def click(view: TreeView, row: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    place = view.visualRect(model_of(view).index(row, Column.DTYPE)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifiers, place)


def test_shift_extends_from_where_the_selection_began(view: TreeView) -> None:
    view.select_row(3)
    for _ in range(2):
        press(view, Qt.Key.Key_Down, _SHIFT)
    assert selected(view) == ["layers", "0", "weight"]
    press(view, Qt.Key.Key_Up, _SHIFT)
    assert selected(view) == ["layers", "0"]
    press(view, Qt.Key.Key_Home, _SHIFT)
    assert selected(view) == ["file.pt", "model", "encoder", "layers"]
    press(view, Qt.Key.Key_End, _SHIFT)
    assert len(selected(view)) == 11
    press(view, Qt.Key.Key_Up)
    assert selected(view) == ["steps"]


def test_a_stretch_begins_where_a_key_went_without_shift(view: TreeView) -> None:
    click(view, 8)
    press(view, Qt.Key.Key_Left)
    assert selected(view) == ["1"]
    press(view, Qt.Key.Key_Down, _SHIFT)
    assert selected(view) == ["1", "weight"]
    press(view, Qt.Key.Key_Up, _SHIFT | _CONTROL)
    press(view, Qt.Key.Key_Up, _SHIFT | _CONTROL)
    assert selected(view) == ["bias", "1", "weight"]


def test_clicks_select_stretches_and_single_rows(view: TreeView) -> None:
    click(view, 2)
    click(view, 4, _SHIFT)
    assert selected(view) == ["encoder", "layers", "0"]
    click(view, 3, _CONTROL)
    assert selected(view) == ["encoder", "0"]
    click(view, 6, _CONTROL)
    click(view, 8, _SHIFT | _CONTROL)
    assert selected(view) == ["encoder", "0", "bias", "1", "weight"]
    click(view, 5)
    assert selected(view) == ["weight"]


def test_a_command_with_shift_in_its_keys_selects_one_row(view: TreeView) -> None:
    view.select_row(3)
    # What Qt believes of the keyboard while such a shortcut runs.
    QTest.keyPress(view, Qt.Key.Key_Shift, _SHIFT)
    view.select_node(8)
    QTest.keyRelease(view, Qt.Key.Key_Shift)
    assert selected(view) == ["weight"]


def test_dragging_selects_what_it_passes(view: TreeView) -> None:
    model = model_of(view)
    places = [view.visualRect(model.index(row, Column.DTYPE)).center() for row in (2, 3, 5)]
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(view.viewport(), place)
        QApplication.processEvents()
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=places[-1])
    assert selected(view) in (["encoder", "layers", "0", "weight"], ["encoder"])


def test_all_rows_can_be_selected_and_the_details_stay(view: TreeView) -> None:
    told: list[int] = []
    view.select_row(4)
    view.node_selected.connect(told.append)
    QTest.keySequence(view, "Ctrl+A")
    assert len(selected(view)) == model_of(view).rowCount()
    assert told == []
    assert view.current_node() == 4


def test_closing_a_parent_drops_what_was_selected_below_it(view: TreeView) -> None:
    view.select_row(5)
    press(view, Qt.Key.Key_Down, _SHIFT)
    view.collapse(4)
    assert selected(view) == ["0"]


def test_one_name_is_copied_as_the_file_has_it(qtbot: QtBot, tmp_path: Path) -> None:
    view = view_with(model_with(tmp_path, {"line\nbreak": ONE, "tab\there": ONE, "plain": ONE}))
    qtbot.addWidget(view)
    view.select_row(2)
    press(view, Qt.Key.Key_C, _CONTROL)
    assert pasted() == "line\nbreak"
    view.selectAll()
    press(view, Qt.Key.Key_C, _CONTROL)
    assert pasted().splitlines()[2:] == ["line\\nbreak", "tab\\there", "plain"]
    assert pasted().splitlines()[0] == model_of(view).checkpoint.path


def test_names_are_copied_one_a_line(view: TreeView) -> None:
    click(view, 4)
    click(view, 6, _SHIFT)
    press(view, Qt.Key.Key_C, _CONTROL)
    assert pasted() == "encoder.layers.0\nencoder.layers.0.weight\nencoder.layers.0.bias\n"


def test_a_group_is_copied_as_the_names_in_it(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, {**layers(3), **{f"z.{number}": ONE for number in range(1_002)}})
    view = view_with(model, folding=True)
    qtbot.addWidget(view)
    view.expand(item_called(model, "layers"))
    view.select_node(item_called(model, "0 … 2"))
    view.copy_names()
    assert pasted() == "layers.0\nlayers.1\nlayers.2\n"
    view.copy_rows()
    assert pasted().splitlines()[1] == "layers.0 … layers.2\t3 alike\t\t6 tensors\t72\t"
    view.expand(item_called(model, "z"))
    view.select_node(item_called(model, "1000 … 1001"))
    view.copy_expressions()
    assert pasted() == 'ckpt["z.1000"]\nckpt["z.1001"]\n'


@pytest.fixture
def training(tmp_path: Path) -> Checkpoint:
    """What training writes: a model, its optimizer and numbers beside them."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    net(torch.ones(4, 3)).sum().backward()
    optimizer = torch.optim.Adam(net.parameters())
    optimizer.step()
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "tags": ["a\tb", None]}
    return opened(tmp_path, state)


def whole(qtbot: QtBot, checkpoint: Checkpoint) -> TreeView:
    view = view_with(model_for(checkpoint))
    qtbot.addWidget(view)
    view.expand(0, deep=True)
    view.selectAll()
    return view


def test_rows_are_copied_with_exact_figures(qtbot: QtBot, training: Checkpoint) -> None:
    view = whole(qtbot, training)
    view.copy_rows()
    lines = [line.split("\t") for line in pasted().splitlines()]
    assert lines[0] == ["Name", "Kind", "Dtype", "Shape", "Bytes", "Value"]
    assert len(lines) == 1 + model_of(view).rowCount()
    assert all(len(line) == 6 for line in lines)
    rows = {line[0]: line[1:] for line in lines[1:]}
    assert rows["model/0.weight"] == ["parameter", "float32", "[2, 3]", "24", ""]
    assert rows["model/1.num_batches_tracked"] == ["buffer", "int64", "[]", "8", ""]
    assert rows["model/0"] == ["Linear", "", "2 tensors", "32", ""]
    assert rows["model"] == ["ModuleList/Sequential", "", "7 tensors", "72", ""]
    assert rows["epoch"] == ["", "", "", "", "3"]
    assert rows["tags"] == ["", "", "", "", '["a\\\\tb", null]']
    tensors = training.tensors
    assert sum(name in tensors for name in rows) == len(tensors)


def test_expressions_reach_what_they_were_copied_from(qtbot: QtBot, training: Checkpoint, tmp_path: Path) -> None:
    view = whole(qtbot, training)
    view.copy_expressions()
    # Written by this test's own torch.save.
    ckpt = torch.load(tmp_path / "saved.pt", weights_only=True)
    found = {line: eval(line, {"ckpt": ckpt}) for line in pasted().splitlines()}  # noqa: S307  # a file of our own
    assert found["ckpt"] is ckpt
    assert found['ckpt["epoch"]'] == 3
    assert found['ckpt["tags"]'] == ["a\tb", None]
    assert isinstance(found['ckpt["model"]'], OrderedDict)
    tensors = [value for value in found.values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == len(training.tensors)


def test_what_python_does_not_reach_is_not_copied(view: TreeView) -> None:
    said: list[str] = []
    view.copying.done.connect(said.append)
    QApplication.clipboard().setText("before")
    # A module made from dots is nothing that Python holds.
    view.select_node(item_called(model_of(view), "encoder"))
    view.copy_expressions()
    assert pasted() == "before"
    assert said == ["There is no expression for what is selected."]


def test_many_rows_are_copied_by_a_job_and_too_many_not_at_all(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_COPIED", 1_500)
    model = model_with(tmp_path, {f"w{number}": ONE for number in range(1_600)})
    bridge = Bridge()
    view = TreeView(bridge)
    qtbot.addWidget(view)
    said: list[str] = []
    view.copying.done.connect(said.append)
    view.show_tree(TreeModel(model.checkpoint, rows_of(model.checkpoint, Control()), "file.pt", view))
    try:
        view.expand(0, deep=True)
        view.selectAll()
        QApplication.clipboard().setText("before")
        view.copy_names()
        assert pasted() == "before"
        assert said == ["At most 1,500 rows can be copied."]
        view.select_row(3)
        view.selection.extend_to(1_402)
        view.copy_names()
        qtbot.waitUntil(lambda: len(said) == 2)
        assert said[1] == "Copied 1,399 names."
        # Neither range that is selected with what is in it adds to that.
        assert pasted().splitlines() == [f"w{number}" for number in range(1_399)]
    finally:
        bridge.close()


def test_a_right_click_keeps_the_selection_for_the_menu(view: TreeView) -> None:
    click(view, 4)
    click(view, 6, _SHIFT)
    place = view.visualRect(model_of(view).index(5, Column.DTYPE)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=place)
    assert selected(view) == ["0", "weight", "bias"]
    view.commands.refresh()
    view.commands.copy_names.trigger()
    assert pasted().count("\n") == 3
    assert view.commands.copy_names.text() == "Copy &Names"
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=place + QPoint(0, 80))
    assert len(selected(view)) == 1
