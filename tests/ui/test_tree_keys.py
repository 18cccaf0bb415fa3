"""The tree by keys and mouse: a table that behaves as a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.tree_model import Column
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import cell, click_branch, click_row, current_name, model_of, names, row_called

ALL = [
    "any.pt",
    "model",
    "  encoder",
    "    layers",
    "      0",
    "        weight",
    "        bias",
    "      1",
    "        weight",
    "        bias",
    "  head",
    "    weight",
    "    steps",
    "  scale",
]


@pytest.fixture
def tab(make_window: MakeWindow, settle: Callable[[MainWindow], DocumentTab], tmp_path: Path) -> DocumentTab:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    tab = settle(window)
    assert QApplication.focusWidget() is tab.tree
    return tab


def press(tab: DocumentTab, *keys: Qt.Key) -> str:
    """Press keys one after the other; the name of the current row then."""
    for key in keys:
        QTest.keyClick(tab.tree, key)
    return current_name(tab)


def point_at(tab: DocumentTab, place: QPoint) -> None:
    """Move the pointer there with no button down."""
    no = Qt.MouseButton.NoButton
    there = QPointF(place)
    event = QMouseEvent(QEvent.Type.MouseMove, there, there, no, no, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(tab.tree.viewport(), event)


def test_a_small_tree_is_wholly_open(tab: DocumentTab) -> None:
    assert names(tab) == ALL
    assert current_name(tab) == "any.pt"


def test_a_row_tells_kind_dtype_shape_and_size(tab: DocumentTab) -> None:
    assert cell(tab, "weight", Column.DTYPE) == "float32"
    assert cell(tab, "weight", Column.SHAPE) == "64 × 32"
    assert cell(tab, "weight", Column.SIZE) == "8.00 KiB"
    assert cell(tab, "0", Column.KIND) == "Linear"
    assert cell(tab, "layers", Column.SHAPE) == "4 tensors"
    assert cell(tab, "layers", Column.SIZE) == "16.5 KiB"
    assert cell(tab, "scale", Column.SHAPE) == "scalar"


def test_arrows_go_through_rows_in_and_out(tab: DocumentTab) -> None:
    assert press(tab, Qt.Key.Key_Down, Qt.Key.Key_Down) == "encoder"
    assert press(tab, Qt.Key.Key_Right) == "layers"
    assert press(tab, Qt.Key.Key_Left) == "layers"
    assert names(tab) == [*ALL[:4], *ALL[10:]]
    assert press(tab, Qt.Key.Key_Right) == "layers"
    assert names(tab) == ALL
    assert press(tab, Qt.Key.Key_Right, Qt.Key.Key_Right) == "weight"
    assert press(tab, Qt.Key.Key_Right) == "weight"
    assert press(tab, Qt.Key.Key_Left) == "0"
    assert press(tab, Qt.Key.Key_Left, Qt.Key.Key_Left) == "layers"
    assert press(tab, Qt.Key.Key_Up) == "encoder"


def test_the_root_stays_open(tab: DocumentTab) -> None:
    assert press(tab, Qt.Key.Key_Left) == "any.pt"
    assert press(tab, Qt.Key.Key_Return) == "any.pt"
    assert press(tab, Qt.Key.Key_Minus) == "any.pt"
    assert names(tab) == ALL


def test_home_and_end_go_to_the_first_and_the_last_row(tab: DocumentTab) -> None:
    assert press(tab, Qt.Key.Key_End) == "scale"
    assert press(tab, Qt.Key.Key_Home) == "any.pt"


def test_enter_opens_and_closes(tab: DocumentTab) -> None:
    tab.tree.select_node(2)
    assert press(tab, Qt.Key.Key_Return) == "encoder"
    assert names(tab) == [*ALL[:3], *ALL[10:]]
    press(tab, Qt.Key.Key_Enter)
    assert names(tab) == ALL


def test_plus_and_minus_open_and_close(tab: DocumentTab) -> None:
    tab.tree.select_node(2)
    press(tab, Qt.Key.Key_Minus)
    assert names(tab) == [*ALL[:3], *ALL[10:]]
    press(tab, Qt.Key.Key_Plus)
    assert names(tab) == ALL


def test_a_star_opens_all_below(tab: DocumentTab) -> None:
    for node in (7, 4, 3, 2):
        tab.tree.collapse(node)
    tab.tree.select_node(2)
    press(tab, Qt.Key.Key_Right)
    assert names(tab) == [*ALL[:4], *ALL[10:]]
    press(tab, Qt.Key.Key_Asterisk)
    assert names(tab) == ALL


def test_what_was_open_below_is_open_again(tab: DocumentTab) -> None:
    tab.tree.collapse(4)
    tab.tree.collapse(2)
    tab.tree.expand(2)
    assert names(tab) == [*ALL[:5], *ALL[7:]]


def test_closing_around_the_selection_selects_what_is_closed(tab: DocumentTab) -> None:
    tab.tree.select_node(5)
    tab.tree.collapse(2)
    assert current_name(tab) == "encoder"


def test_letters_go_to_the_next_name_that_begins_so(tab: DocumentTab, qtbot: QtBot) -> None:
    QTest.keyClicks(tab.tree, "HE")
    assert current_name(tab) == "head"
    qtbot.wait(QApplication.keyboardInputInterval() + 50)
    rows = []
    for _ in range(4):
        QTest.keyClicks(tab.tree, "w")
        rows.append(tab.tree.currentIndex().row())
    assert rows == [11, 5, 8, 11]
    qtbot.wait(QApplication.keyboardInputInterval() + 50)
    QTest.keyClicks(tab.tree, "zzz")
    assert tab.tree.currentIndex().row() == 11


def test_a_click_selects_and_a_click_on_the_branch_opens(tab: DocumentTab) -> None:
    click_row(tab.tree, row_called(tab, "head"))
    assert current_name(tab) == "head"
    click_branch(tab.tree, row_called(tab, "encoder"))
    assert names(tab) == [*ALL[:3], *ALL[10:]]
    assert current_name(tab) == "head"
    click_branch(tab.tree, row_called(tab, "encoder"))
    assert names(tab) == ALL
    # A leaf has no branch: the click selects it.
    click_branch(tab.tree, row_called(tab, "steps"))
    assert current_name(tab) == "steps"


def test_a_double_click_opens_and_closes(tab: DocumentTab) -> None:
    click_row(tab.tree, row_called(tab, "encoder"), twice=True)
    assert names(tab) == [*ALL[:3], *ALL[10:]]
    click_row(tab.tree, row_called(tab, "encoder"), twice=True)
    assert names(tab) == ALL


def test_a_way_to_a_closed_node_is_opened(tab: DocumentTab) -> None:
    for node in (4, 3, 2, 1):
        tab.tree.collapse(node)
    assert names(tab) == ALL[:2]
    tab.tree.select_node(6)
    assert current_name(tab) == "bias"
    assert names(tab) == ALL


def test_actions_open_all_and_close_what_is_around(tab: DocumentTab) -> None:
    window = tab.window()
    assert isinstance(window, MainWindow)
    tab.tree.select_node(5)
    window.actions_by_name["collapse"].trigger()
    assert current_name(tab) == "0"
    window.actions_by_name["collapse"].trigger()
    assert current_name(tab) == "layers"
    window.actions_by_name["expand_all"].trigger()
    assert names(tab) == ALL


def test_copying_takes_the_name_as_the_file_has_it(tab: DocumentTab) -> None:
    tab.tree.select_node(5)
    QTest.keyClick(tab.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "encoder.layers.0.weight"
    tab.tree.select_node(3)
    QTest.keyClick(tab.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "encoder.layers"


def test_a_tooltip_has_the_exact_figures(tab: DocumentTab, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _, text, *__: shown.append(text))
    for column in (Column.SIZE, Column.SHAPE, Column.NAME):
        place = tab.tree.visualRect(model_of(tab).index(row_called(tab, "layers"), column)).center()
        event = QHelpEvent(QEvent.Type.ToolTip, place, tab.tree.viewport().mapToGlobal(place))
        QApplication.sendEvent(tab.tree.viewport(), event)
    assert shown == ["16,896 bytes", "4 tensors, 4,224 parameters", "encoder.layers"]


def test_names_are_shown_as_they_are(
    make_window: MakeWindow, settle: Callable[[MainWindow], DocumentTab], tmp_path: Path
) -> None:
    odd = {
        "<b>bold</b>": np.ones(2, np.float32),
        "line\nbreak\u202e": np.ones(3, np.float32),
        "": np.ones(1, np.float32),
    }
    window = make_window(lambda *_: checkpoint_with(tmp_path, odd))
    window.open_files(["any.pt"])
    tab = settle(window)
    assert names(tab)[2:] == ["  <b>bold</b>", "  line\\nbreak\\u202e", '  ""']
    assert model_of(tab).tip(2, Column.NAME) == "<b>bold</b>"
    tooltip = model_of(tab).data(model_of(tab).index(2, Column.NAME), Qt.ItemDataRole.ToolTipRole)
    assert tooltip == "<qt>&lt;b&gt;bold&lt;/b&gt;</qt>"


def test_a_narrow_tree_keeps_names_and_sizes(tab: DocumentTab) -> None:
    tab.tree.setMinimumWidth(0)
    tab.splitter.setSizes([400, 800])
    assert tab.tree.isColumnHidden(Column.KIND)
    assert not tab.tree.isColumnHidden(Column.SIZE)
    assert not tab.tree.isColumnHidden(Column.SHAPE)
    assert tab.tree.columnWidth(Column.NAME) >= 120
    tab.splitter.setSizes([265, 935])
    assert tab.tree.isColumnHidden(Column.SHAPE)
    assert not tab.tree.isColumnHidden(Column.SIZE)
    assert tab.tree.columnWidth(Column.NAME) >= 120
    tab.splitter.setSizes([700, 500])
    assert not tab.tree.isColumnHidden(Column.SHAPE)
    assert not tab.tree.isColumnHidden(Column.KIND)


def test_the_row_under_the_pointer_is_tinted(tab: DocumentTab) -> None:
    def color(row: int) -> int:
        place = tab.tree.visualRect(model_of(tab).index(row, Column.SIZE))
        return tab.tree.viewport().grab().toImage().pixel(place.right() - 2, place.center().y())

    plain = color(3)
    point_at(tab, tab.tree.visualRect(model_of(tab).index(3, Column.SIZE)).center())
    assert color(3) != plain
    point_at(tab, QPoint(10, tab.tree.viewport().height() - 2))
    assert color(3) == plain
