"""Edit ▸ Copy copies what is selected where the keys go, by the key, by a click in the menu, by the menu's keys."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.detail.blocks import GridView, ValueLabel
from sdviewer.ui.detail.values_pane import ValuesPane
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.metadata.pane import MetadataPane
from sdviewer.ui.sources.pane import SourcesPane
from tests.ui.looking import click_row, row_called

# The offscreen platform has no windows of its own for menus to come to the front.
pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)

Key, Modifier, Button = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton
Settle = Callable[[MainWindow], DocumentTab]
How = Callable[[MainWindow], None]


def by_key(window: MainWindow) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, Key.Key_C, Modifier.ControlModifier)
    del window


def by_click(window: MainWindow) -> None:
    bar, menu = window.menuBar(), edit_menu(window)
    QTest.mouseClick(bar, Button.LeftButton, pos=bar.actionGeometry(menu.menuAction()).center())
    copy = window.actions_by_name["copy"]
    QTest.mouseClick(menu, Button.LeftButton, pos=menu.actionGeometry(copy).center())


def by_menu_keys(window: MainWindow) -> None:
    QTest.keyClick(window, Key.Key_E, Modifier.AltModifier)
    menu = edit_menu(window)
    assert menu.isVisible()
    QTest.keyClick(menu, Key.Key_C)


def edit_menu(window: MainWindow) -> QMenu:
    menu = window.menuBar().findChild(QMenu, "&Edit")
    assert isinstance(menu, QMenu)
    return menu


@pytest.fixture(params=[by_key, by_click, by_menu_keys], ids=["key", "click", "menu keys"])
def how(request: pytest.FixtureRequest) -> How:
    act: How = request.param
    return act


@pytest.fixture
def tab(window: MainWindow, settle: Settle, tmp_path: Path) -> DocumentTab:
    """A checkpoint with two tensors and some settings."""
    content = {
        "model": {"a.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "a.bias": torch.zeros(2)},
        "config": {"lr": 0.5, "name": "digits"},
    }
    torch.save(content, tmp_path / "net.pt")
    window.open_file(str(tmp_path / "net.pt"))
    QApplication.clipboard().setText("before")
    return settle(window)


def copied(qtbot: QtBot, window: MainWindow, how: How) -> str:
    how(window)
    qtbot.waitUntil(lambda: QApplication.clipboard().text() != "before")
    return QApplication.clipboard().text()


def focused(widget: QWidget) -> None:
    widget.setFocus()
    assert QApplication.focusWidget() is widget


def test_the_names_of_the_rows_of_the_tree(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    tab.tree.expand(0, deep=True)
    click_row(tab.tree, row_called(tab, "weight"))
    QTest.keyClick(tab.tree, Key.Key_Down, Modifier.ShiftModifier)
    assert copied(qtbot, window, how) == "model/a.weight\nmodel/a.bias\n"


def test_the_names_of_the_rows_of_the_table(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    QTest.keyClick(window, Key.Key_2, Modifier.ControlModifier)
    table = tab.browser.table
    assert table is not None
    QTest.keyClick(table.view, Key.Key_A, Modifier.ControlModifier)
    assert copied(qtbot, window, how) == "model/a.weight\nmodel/a.bias\n"


def test_the_selected_values(qtbot: QtBot, window: MainWindow, tab: DocumentTab, settle: Settle, how: How) -> None:
    tab.go_to_name("a.weight")
    tab.detail.show_pane("values")
    settle(window)
    pane = tab.detail.panes["values"]
    assert isinstance(pane, ValuesPane)
    focused(pane.view.table)
    QTest.keyClick(pane.view.table, Key.Key_A, Modifier.ControlModifier)
    assert copied(qtbot, window, how) == "1.0\t2.0\n3.0\t4.0"


def test_the_current_value_of_the_metadata(
    qtbot: QtBot, window: MainWindow, tab: DocumentTab, settle: Settle, how: How
) -> None:
    tab.go_to_name("config")
    tab.detail.show_pane("metadata")
    settle(window)
    pane = tab.detail.panes["metadata"]
    assert isinstance(pane, MetadataPane)
    focused(pane.tree)
    pane.tree.go_to(2)
    assert copied(qtbot, window, how) == "digits"


def test_what_is_selected_of_the_text_of_a_value(
    qtbot: QtBot, window: MainWindow, tab: DocumentTab, settle: Settle, how: How
) -> None:
    tab.go_to_name("config")
    tab.detail.show_pane("metadata")
    settle(window)
    pane = tab.detail.panes["metadata"]
    assert isinstance(pane, MetadataPane)
    pane.tree.go_to(2)
    focused(pane.text)
    QTest.keyClick(pane.text, Key.Key_Right, Modifier.ShiftModifier)
    QTest.keyClick(pane.text, Key.Key_Right, Modifier.ShiftModifier)
    assert copied(qtbot, window, how) == "di"


def test_what_is_selected_of_a_source_text(qtbot: QtBot, window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    class Doubled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x

    with warnings.catch_warnings():
        # TorchScript is to go away one day; files of it stay.
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Doubled(), torch.ones(1)), tmp_path / "s.pt")  # type: ignore[no-untyped-call]
    window.open_file(str(tmp_path / "s.pt"))
    tab = settle(window)
    tab.detail.show_pane("source")
    settle(window)
    pane = tab.detail.panes["source"]
    assert isinstance(pane, SourcesPane)
    focused(pane.text)
    QTest.keyClick(pane.text, Key.Key_Home, Modifier.ControlModifier)
    QTest.keyClick(pane.text, Key.Key_End, Modifier.ShiftModifier)
    QApplication.clipboard().setText("before")
    assert pane.text.textCursor().hasSelection()
    assert copied(qtbot, window, by_click) == "class Doubled(Module):"


def test_whole_rows_of_a_small_table(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    grid = next(grid for grid in tab.detail.findChildren(GridView) if grid.grid.title == "Dtypes")
    focused(grid)
    grid.selectRow(0)
    assert copied(qtbot, window, how).startswith("float32\t2\t")


def test_a_fact(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    label = next(label for label in tab.detail.findChildren(ValueLabel) if label.value == "torch zip")
    focused(label)
    assert copied(qtbot, window, how) == "torch zip"


@pytest.mark.parametrize("how", [by_key, by_click], ids=["key", "click"])
def test_what_is_selected_in_the_filter(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    # By the keys of a menu it cannot be: for them a line of Qt lets go of what is selected in it.
    tab.browser.filter.set_text("weight")
    tab.browser.filter.focus_line()
    assert copied(qtbot, window, how) == "weight"


def test_the_name_where_nothing_can_be_copied(qtbot: QtBot, window: MainWindow, tab: DocumentTab, how: How) -> None:
    tab.go_to_name("a.bias")
    focused(tab.detail.tabs.tabBar())
    assert copied(qtbot, window, how) == "model/a.bias"
