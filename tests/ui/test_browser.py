"""The left half of a tab: one filter over a tree and a table that lead each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import sdviewer
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.document.browser import ALL_TENSORS, MODULES, Browser
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.tree_cells import entries
from sdviewer.ui.tree import copying
from tests.ui.checkpoints import checkpoint_with, small_tensors

_NAMES = list(small_tensors())


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    made = MainWindow(opener=lambda _path, _control: checkpoint)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.open_files([str(tmp_path / "payload.bin")])
    qtbot.waitUntil(lambda: tab_of(made).is_settled and tab_of(made).loaded is not None, timeout=20_000)
    yield made
    made.close()


def tab_of(window: MainWindow) -> DocumentTab:
    tab = window.current_tab
    assert tab is not None
    return tab


def browser_of(window: MainWindow) -> Browser:
    return tab_of(window).browser


def typed(qtbot: QtBot, window: MainWindow, text: str) -> None:
    """Press Ctrl+F and type; wait for the answer."""
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    line = browser_of(window).filter.line
    qtbot.waitUntil(line.hasFocus)
    QTest.keyClicks(line, text)
    qtbot.waitUntil(lambda: browser_of(window).is_settled, timeout=20_000)


def names_in_tree(window: MainWindow) -> list[str]:
    model = browser_of(window).tree.tree_model
    assert model is not None
    cells = [model.cells(row) for row in range(model.rowCount())]
    return [cell.name for cell in cells if cell.what is TreeNode.TENSOR]


def names_in_table(window: MainWindow) -> list[str]:
    table = browser_of(window).table
    assert table is not None
    return [str(table.model.index(row, 0).data()) for row in range(table.model.rowCount())]


def test_what_is_typed_after_ctrl_f_filters_tree_and_table_alike(qtbot: QtBot, window: MainWindow) -> None:
    typed(qtbot, window, "layers bias")
    assert names_in_tree(window) == ["bias", "bias"]
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: browser_of(window).is_settled, timeout=20_000)
    assert browser_of(window).views.currentIndex() == ALL_TENSORS
    assert sorted(names_in_table(window)) == ["encoder.layers.0.bias", "encoder.layers.1.bias"]
    browser_of(window).filter.line.clear()
    qtbot.waitUntil(
        lambda: browser_of(window).is_settled and len(names_in_table(window)) == len(_NAMES), timeout=20_000
    )
    assert sorted(names_in_table(window)) == sorted(_NAMES)


def test_a_line_that_is_not_understood_changes_nothing_and_says_why(qtbot: QtBot, window: MainWindow) -> None:
    typed(qtbot, window, "head")
    before = names_in_tree(window)
    QTest.keyClicks(browser_of(window).filter.line, " size:>x")
    qtbot.waitUntil(lambda: browser_of(window).is_settled, timeout=20_000)
    assert names_in_tree(window) == before
    assert browser_of(window).filter.message.isVisible()


def test_the_table_goes_where_the_tree_is_and_leads_it(qtbot: QtBot, window: MainWindow) -> None:
    tab, browser = tab_of(window), browser_of(window)
    tab.go_to_name("head.weight")
    browser.show_view(ALL_TENSORS)
    qtbot.waitUntil(lambda: browser.is_settled, timeout=20_000)
    table = browser.table
    assert table is not None
    assert tab.loaded is not None
    tensors = tab.loaded.checkpoint.tensors
    qtbot.waitUntil(lambda: table.view.current_tensor == tensors["head.weight"].row)
    table.select_tensor(tensors["scale"].row)
    tree = tab.loaded.checkpoint.tree
    assert int(tree.ref[browser.tree.current_node()]) == tensors["scale"].row
    qtbot.waitUntil(lambda: tab.is_settled, timeout=20_000)
    assert tab.detail.name.text() == "scale"
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert browser.views.currentIndex() == MODULES
    assert browser.tree.hasFocus()


def test_ctrl_p_finds_a_tensor_by_a_few_letters_and_goes_there(qtbot: QtBot, window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    finder = window.page_commands.finder
    assert finder is not None
    qtbot.waitUntil(finder.line.hasFocus)
    QTest.keyClicks(finder.line, "l1w")
    qtbot.waitUntil(lambda: finder.is_settled and finder.model.rowCount() > 0, timeout=20_000)
    QTest.keyClick(finder.line, Qt.Key.Key_Return)
    tab = tab_of(window)
    assert tab.loaded is not None
    row = tab.loaded.checkpoint.tensors["encoder.layers.1.weight"].row
    assert int(tab.loaded.checkpoint.tree.ref[tab.tree.current_node()]) == row
    assert not finder.isVisible()


def test_after_a_reload_what_is_typed_still_filters(qtbot: QtBot, window: MainWindow) -> None:
    typed(qtbot, window, "bias")
    tab_of(window).reload()
    qtbot.waitUntil(lambda: tab_of(window).is_settled, timeout=20_000)
    assert names_in_tree(window) == ["bias", "bias"]


def test_alike_blocks_fold_from_the_menu(qtbot: QtBot, tmp_path: Path) -> None:
    tensors = {f"h.{i}.weight": np.ones((2, 2), np.float32) for i in range(4)}
    checkpoint = checkpoint_with(tmp_path, tensors)
    window = MainWindow(opener=lambda _path, _control: checkpoint)
    qtbot.addWidget(window)
    window.show()
    window.open_files(["some.pt"])
    qtbot.waitUntil(lambda: tab_of(window).is_settled and tab_of(window).loaded is not None, timeout=20_000)
    model = tab_of(window).tree.tree_model
    assert model is not None
    rows = model.rowCount()
    action = window.actions_by_name["fold_alike"]
    action.trigger()
    assert action.isChecked()
    assert model.rowCount() < rows
    assert any("4 alike" in model.cells(row).name + model.cells(row).aside for row in range(model.rowCount()))
    action.trigger()
    assert model.rowCount() == rows
    window.close()


def test_f8_without_a_problem_says_so(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_F8)
    assert window.statusBar().currentMessage() == "No tensor of this file has a problem."


def test_what_the_details_ask_for_is_filtered(qtbot: QtBot, window: MainWindow) -> None:
    tab_of(window).detail.filter_wanted.emit("dtype:int64")
    qtbot.waitUntil(lambda: browser_of(window).is_settled and browser_of(window).filter.found is not None)
    assert names_in_tree(window) == ["steps"]


def test_a_section_counts_only_its_own_entries(tmp_path: Path) -> None:
    torch.save({"model": {"a.weight": torch.ones(2)}, "epoch": 3, "loss": 0.5}, tmp_path / "some.pt")
    with sdviewer.open(tmp_path / "some.pt") as checkpoint:
        metadata = checkpoint.tree.label.tolist().index("metadata")
        assert entries(checkpoint, metadata) == 2


def test_an_error_of_copying_is_told_above_the_tree_and_can_be_tried_again(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    browser = browser_of(window)
    monkeypatch.setattr(copying, "_AT_ONCE", 0)
    QApplication.clipboard().setText("before")
    with monkeypatch.context() as patch:
        patch.setattr(copying.TreeCopying, "_joined", broken)
        browser.tree.setFocus()
        QTest.keyClick(browser.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(browser.error.isVisible)
    assert browser.error.message.text().startswith("✖ Nothing was copied. There is not enough memory")
    monkeypatch.setattr(copying, "_AT_ONCE", 1_000)
    QTest.mouseClick(browser.error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: QApplication.clipboard().text() != "before")
    assert not browser.error.isVisible()
