"""Marks in the tree: ties, problems and what rises of them, and what containers are."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.theme import Theme, apply_theme, colors
from sdviewer.ui.tree.view import TreeView
from tests.helpers.listed import checkpoint_of
from tests.helpers.saved import opened
from tests.ui.looking import picture
from tests.ui.trees import ONE, item_called, layers, model_for, model_with, node_at, view_with

BROKEN = Problem("out_of_bounds", "error", "layers.3.norm ends <behind> the file", "layers.3.norm")
ODD = Problem("irregular", "warning", "head is odd", "head")


def spoken(model: TreeModel, item: int) -> str:
    return str(model.data(model.index(model.rows.row_of(item), 0), Qt.ItemDataRole.AccessibleTextRole))


def tip(model: TreeModel, item: int, column: Column = Column.NAME) -> str:
    return model.tip(model.reveal(item), column)


def tied_model() -> TreeModel:
    """An embedding whose weight is the head's as well."""
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=64)
    for _ in range(2):
        table.add_tensor("float32", (4, 4), storage=storage)
    table.add_tensor("float32", (4,), storage=storage)
    return model_for(checkpoint_of(table, ["embed.weight", "head.weight", "norm"]))


def test_tied_tensors_name_each_other() -> None:
    model = tied_model()
    embed = node_at(model.checkpoint, "embed", "weight")
    assert tip(model, embed) == "embed.weight\nTied with head.weight"
    assert spoken(model, embed) == "weight, parameter, level 3, tied"
    norm = node_at(model.checkpoint, "norm")
    assert not model.cells_of(norm).tie
    assert tip(model, norm) == "norm"


def test_of_many_ties_some_are_named() -> None:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=64)
    for _ in range(10):
        table.add_tensor("float32", (4, 4), storage=storage)
    model = model_for(checkpoint_of(table, [f"w{number}" for number in range(10)]))
    lines = tip(model, node_at(model.checkpoint, "w0")).splitlines()
    assert lines == ["w0", "Tied with w1", *[f"w{number}" for number in range(2, 7)], "and 3 more"]


def test_a_problem_is_marked_on_its_tensor_and_on_all_above_it(qtmodeltester: ModelTester, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(6), problems=(BROKEN, ODD))
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    checkpoint = model.checkpoint
    norm = node_at(checkpoint, "layers", "3", "norm")
    marks = {
        item: (model.cells_of(item).problem, model.cells_of(item).is_own)
        for item in (0, 1, norm, node_at(checkpoint, "layers"), node_at(checkpoint, "head"))
    }
    assert list(marks.values()) == [
        ("error", False),
        ("error", False),
        ("error", True),
        ("error", False),
        ("warning", True),
    ]
    assert model.cells_of(node_at(checkpoint, "layers", "2")).problem is None
    assert tip(model, norm) == "layers.3.norm\nlayers.3.norm ends <behind> the file"
    assert spoken(model, norm) == "norm, tensor, level 4, error"
    assert tip(model, node_at(checkpoint, "layers")) == "layers\n1 tensor with problems below"
    assert tip(model, 1) == "model\n2 tensors with problems below"
    model.fold_all(fold=True)
    fold = item_called(model, "0 … 5")
    assert spoken(model, fold) == "0 … 5  × 6 alike, group, level 3, collapsed, error below"
    assert tip(model, fold) == "0 … 5  × 6 alike\nin layers\n1 tensor with problems below"


def test_what_concerns_the_whole_file_is_marked_on_the_root(tmp_path: Path) -> None:
    model = model_with(tmp_path, {"w": ONE}, problems=(Problem("dangerous_global", "warning", "names os.system"),))
    assert (model.cells(0).problem, model.cells(0).is_own) == ("warning", True)
    assert tip(model, 0) == "file.pt\nnames os.system"
    assert model.cells(1).problem is None


def test_going_to_problems_goes_round_and_opens_the_way(qtbot: QtBot, tmp_path: Path) -> None:
    whole = Problem("extra", "warning", "a file too many")
    model = model_with(tmp_path, layers(6), problems=(BROKEN, ODD, whole))
    view = view_with(model, folding=True)
    qtbot.addWidget(view)

    def went(step: int) -> str:
        assert view.go_to_problem(step)
        return model.cells(view.currentIndex().row()).name

    assert [went(1) for _ in range(4)] == ["norm", "head", "file.pt", "norm"]
    assert [went(-1) for _ in range(3)] == ["file.pt", "head", "norm"]
    # From a folded row the problem in it comes next, and the one before it last.
    fold = item_called(model, "0 … 5")
    view.collapse(fold)
    view.select_node(fold)
    assert went(1) == "norm"
    view.select_node(fold)
    assert went(-1) == "file.pt"


def test_without_problems_the_place_stays(qtbot: QtBot, tmp_path: Path) -> None:
    empty = TreeView()
    qtbot.addWidget(empty)
    assert not empty.go_to_problem(1)
    view = view_with(model_with(tmp_path, {"w": ONE}))
    qtbot.addWidget(view)
    view.select_row(2)
    assert not view.go_to_problem(1)
    assert view.currentIndex().row() == 2


def colored(image: QImage, color: str, within: range) -> int:
    """How many pixels in some lines have nearly this colour."""
    wanted = QColor(color)
    return sum(
        abs(wanted.red() - pixel.red()) + abs(wanted.green() - pixel.green()) + abs(wanted.blue() - pixel.blue()) < 30
        for y in within
        for x in range(image.width())
        for pixel in [image.pixelColor(x, y)]
    )


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_marks_are_painted_in_colour_and_shape(qtbot: QtBot, tmp_path: Path, theme: Theme) -> None:
    apply_theme(theme)
    try:
        model = model_with(tmp_path, layers(4), problems=(BROKEN, ODD))
        view = view_with(model)
        qtbot.addWidget(view)
        view.select_row(0)
        model.reveal(node_at(model.checkpoint, "layers", "3", "norm"))
        image = picture(view.viewport())

        def painted(item: int, color: str) -> int:
            place = view.visualRect(model.index(model.rows.row_of(item), 0))
            return colored(image, color, range(place.top(), place.bottom()))

        checkpoint = model.checkpoint
        own = painted(node_at(checkpoint, "layers", "3", "norm"), colors().error)
        risen = painted(node_at(checkpoint, "layers", "3"), colors().error)
        # A full mark has more colour than a hollow one, a sound row has none.
        assert own > risen > 0
        assert painted(node_at(checkpoint, "layers", "2"), colors().error) == 0
        assert painted(node_at(checkpoint, "head"), colors().warning) > 0
        assert painted(node_at(checkpoint, "head"), colors().error) == 0
    finally:
        apply_theme(Theme.LIGHT)


def test_a_tie_is_painted(qtbot: QtBot) -> None:
    model = tied_model()
    view = view_with(model)
    qtbot.addWidget(view)
    embed, norm = node_at(model.checkpoint, "embed", "weight"), node_at(model.checkpoint, "norm")
    model.reveal(embed)
    image = picture(view.viewport())

    def painted(item: int) -> int:
        """Shades at the end of the name, where no name reaches."""
        place = view.visualRect(model.index(model.rows.row_of(item), 0))
        return len(
            {
                image.pixel(x, y)
                for x in range(place.right() - 20, place.right())
                for y in range(place.top(), place.bottom())
            }
        )

    assert painted(embed) > painted(norm) == 1


def test_containers_are_called_what_they_are(tmp_path: Path) -> None:
    state = {
        "model": OrderedDict(w=torch.ones(2)),
        "hyper": {"lr": 0.1, "betas": [{"a": 1}, {"b": 2}, {}]},
        "sets": ({"x": 1}, {"y": 2}),
        "dtype": torch.float16,
    }
    model = model_for(opened(tmp_path, state))
    for _ in range(4):
        for row in range(model.rowCount() - 1, 0, -1):
            model.expand(model.rows.item(row))
    cells = {model.cells(row).name: model.cells(row) for row in range(model.rowCount())}
    said = {name: (cells[name].kind, cells[name].shape) for name in ("hyper", "betas", "sets", "[2]", "model")}
    assert said == {
        "hyper": ("dict", "2 entries"),
        "betas": ("list", "3 entries"),
        "sets": ("tuple", "2 entries"),
        "[2]": ("dict", "empty"),
        "model": ("OrderedDict", "1 tensor"),
    }
    assert tip(model, cells["model"].item, Column.KIND) == "OrderedDict: 1 entry"
    assert tip(model, cells["hyper"].item, Column.KIND) == "dict: 2 entries"
    assert cells["lr"].aside == " = 0.1"


def test_tooltips_have_full_names_and_exact_figures(tmp_path: Path) -> None:
    model = model_with(tmp_path, {"a.b.c": np.zeros((3, 1000), np.float16), "s": np.zeros((), np.int8)})
    tensor = node_at(model.checkpoint, "a", "b", "c")
    assert tip(model, tensor) == "a.b.c"
    assert tip(model, tensor, Column.SHAPE) == "3 × 1000: 3,000 elements"
    assert tip(model, tensor, Column.SIZE) == "6,000 bytes"
    assert tip(model, node_at(model.checkpoint, "s"), Column.SHAPE) == "scalar: 1 element"
    assert tip(model, node_at(model.checkpoint, "a", "b")) == "a.b"


def test_keys_of_the_keyboard_open_close_and_go_up(qtbot: QtBot, tmp_path: Path) -> None:
    model = model_with(tmp_path, layers(3))
    view = view_with(model)
    qtbot.addWidget(view)
    view.select_node(node_at(model.checkpoint, "layers"))
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(view, Qt.Key.Key_Plus, shift)
    assert model.rows.expanded[view.current_item()]
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert not model.rows.expanded[view.current_item()]
    QTest.keyClick(view, Qt.Key.Key_Asterisk, shift)
    assert model.rowCount() == 5 + 3 * 4
    QTest.keyClick(view, Qt.Key.Key_Down)
    for expected in ("layers", "model", "file.pt", "file.pt"):
        QTest.keyClick(view, Qt.Key.Key_Backspace)
        assert model.cells(view.currentIndex().row()).name == expected
