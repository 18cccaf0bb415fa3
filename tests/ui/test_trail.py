"""Back and forward through what was selected, in tabs and across them, by keys, the menu and the mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.document.tab import DocumentTab, node_named
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.trail import MOST_VISITS

Settle = Callable[[MainWindow], DocumentTab]

ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("one", "two")]
    for path in paths:
        save_file({f"layers.{i}.weight": np.full((3, 4), i, np.float32) for i in range(6)}, path)
    return paths


@pytest.fixture
def opened(window: MainWindow, settle: Settle, files: list[str]) -> MainWindow:
    window.open_files(files[:1])
    settle(window).tree.expand(0, deep=True)
    return window


def click(window: MainWindow, name: str) -> None:
    """A real click on a row, which its parents show."""
    tab = window.current_tab
    assert tab is not None
    assert tab.loaded is not None
    model = tab.tree.tree_model
    assert model is not None
    row = model.rows.row_of(node_named(tab.loaded.checkpoint, name))
    place = tab.tree.visualRect(model.index(row, 0)).center()
    QTest.mouseClick(tab.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)


def here(window: MainWindow) -> tuple[str, str]:
    tab = window.current_tab
    assert tab is not None
    assert tab.loaded is not None
    return tab.title.partition(".")[0], name_of(tab.loaded.checkpoint, tab.tree.current_node())


def back(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_Left, ALT)


def forward(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_Right, ALT)


def test_keys_go_back_and_forward_through_what_was_clicked(opened: MainWindow) -> None:
    for name in ("layers.1.weight", "layers.4", "layers.2.weight"):
        click(opened, name)
    back(opened)
    assert here(opened) == ("one", "layers.4")
    back(opened)
    assert here(opened) == ("one", "layers.1.weight")
    back(opened)
    assert here(opened) == ("one", "")
    assert not opened.actions_by_name["back"].isEnabled()
    back(opened)
    assert here(opened) == ("one", "")
    for name in ("layers.1.weight", "layers.4", "layers.2.weight", "layers.2.weight"):
        forward(opened)
        assert here(opened) == ("one", name)
    assert not opened.actions_by_name["forward"].isEnabled()


def test_who_goes_back_and_elsewhere_leaves_what_lay_ahead(opened: MainWindow) -> None:
    for name in ("layers.1.weight", "layers.4"):
        click(opened, name)
    opened.actions_by_name["back"].trigger()
    click(opened, "layers.5.weight")
    assert not opened.actions_by_name["forward"].isEnabled()
    opened.actions_by_name["back"].trigger()
    assert here(opened) == ("one", "layers.1.weight")
    opened.actions_by_name["forward"].trigger()
    assert here(opened) == ("one", "layers.5.weight")


def test_the_way_leads_across_tabs(opened: MainWindow, settle: Settle, files: list[str]) -> None:
    click(opened, "layers.1.weight")
    opened.open_files(files[1:])
    settle(opened).tree.expand(0, deep=True)
    click(opened, "layers.3.weight")
    QTest.keyClick(opened, Qt.Key.Key_PageUp, CONTROL)
    click(opened, "layers.5.weight")
    steps = [("one", "layers.1.weight"), ("two", "layers.3.weight"), ("two", ""), ("one", "layers.1.weight")]
    for step in (*steps, ("one", "")):
        back(opened)
        assert here(opened) == step
    assert not opened.actions_by_name["back"].isEnabled()
    for step in (*reversed(steps), ("one", "layers.5.weight")):
        forward(opened)
        assert here(opened) == step


def test_a_closed_tab_is_not_gone_back_to(opened: MainWindow, settle: Settle, files: list[str], qtbot: QtBot) -> None:
    click(opened, "layers.1.weight")
    opened.open_files(files[1:])
    settle(opened)
    QTest.keyClick(opened, Qt.Key.Key_W, CONTROL)
    qtbot.waitUntil(lambda: opened.tabs.count() == 1)
    assert here(opened) == ("one", "layers.1.weight")
    back(opened)
    assert here(opened) == ("one", "")
    assert not opened.actions_by_name["back"].isEnabled()
    QTest.keyClick(opened, Qt.Key.Key_W, CONTROL)
    qtbot.waitUntil(lambda: opened.tabs.count() == 0)
    assert not opened.actions_by_name["back"].isEnabled()
    assert not opened.actions_by_name["forward"].isEnabled()


def test_the_side_buttons_of_a_mouse_go_there_and_select_nothing(opened: MainWindow) -> None:
    click(opened, "layers.1.weight")
    click(opened, "layers.4")
    tab = opened.current_tab
    assert tab is not None
    # From the desktop an event comes to the window, whatever is below the pointer.
    below = tab.tree.viewport().mapTo(opened, QPoint(60, 12))
    for button, name in (
        (Qt.MouseButton.BackButton, "layers.1.weight"),
        (Qt.MouseButton.BackButton, ""),
        (Qt.MouseButton.ForwardButton, "layers.1.weight"),
    ):
        QTest.mouseClick(opened.windowHandle(), button, pos=below)
        assert here(opened) == ("one", name)
    QTest.mouseClick(tab.tree.viewport(), Qt.MouseButton.ForwardButton, pos=QPoint(60, 12))
    assert here(opened) == ("one", "layers.4")


def test_what_a_held_key_passes_is_no_place_of_its_own(opened: MainWindow) -> None:
    click(opened, "layers.0.weight")
    tab, handle = opened.current_tab, opened.windowHandle()
    assert tab is not None

    def press(key: Qt.Key, *, again: bool) -> None:
        event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "", again)
        QApplication.sendEvent(handle, event)

    press(Qt.Key.Key_Down, again=False)
    for _ in range(5):
        press(Qt.Key.Key_Down, again=True)
    arrived = here(opened)
    assert arrived[1] not in ("layers.0.weight", "layers.1")
    back(opened)
    assert here(opened) == ("one", "layers.0.weight")
    forward(opened)
    assert here(opened) == arrived


def test_the_finder_and_the_next_problem_are_places_too(opened: MainWindow, qtbot: QtBot) -> None:
    click(opened, "layers.1.weight")
    QTest.keyClick(opened, Qt.Key.Key_P, CONTROL)
    finder = opened.page_commands.finder
    assert finder is not None
    QTest.keyClicks(finder.line, "l5w")
    qtbot.waitUntil(lambda: finder.is_settled)
    QTest.keyClick(finder.line, Qt.Key.Key_Return)
    assert here(opened) == ("one", "layers.5.weight")
    back(opened)
    assert here(opened) == ("one", "layers.1.weight")


def test_the_way_is_the_same_after_a_reload_without_what_has_gone(
    opened: MainWindow, settle: Settle, files: list[str], qtbot: QtBot
) -> None:
    for name in ("layers.1.weight", "layers.2.weight", "layers.3.weight"):
        click(opened, name)
    tensors = {f"layers.{i}.weight": np.zeros((3, 4), np.float32) for i in (1, 3, 7)}
    save_file(tensors, files[0])
    with qtbot.waitSignal(settle(opened).opened):
        QTest.keyClick(opened, Qt.Key.Key_F5)
    settle(opened)
    assert here(opened) == ("one", "layers.3.weight")
    back(opened)
    assert here(opened) == ("one", "layers.1.weight")
    forward(opened)
    assert here(opened) == ("one", "layers.3.weight")


def test_comparisons_are_on_the_way(opened: MainWindow, files: list[str], qtbot: QtBot) -> None:
    click(opened, "layers.1.weight")
    opened.compare_files(*files)
    page = opened.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.is_settled, timeout=30_000)
    page.go_to_node(page.node_named("layers.2.weight"))
    page.go_to_node(page.node_named("layers.4.weight"))
    back(opened)
    assert page.view.current_node() == page.node_named("layers.2.weight") > 0
    back(opened)
    assert (opened.current_page, page.view.current_node()) == (page, 0)
    back(opened)
    assert here(opened) == ("one", "layers.1.weight")
    for _ in range(3):
        forward(opened)
    assert (opened.current_page, page.view.current_node()) == (page, page.node_named("layers.4.weight"))


def test_a_place_that_a_filter_hides_is_gone_back_to(opened: MainWindow, settle: Settle, qtbot: QtBot) -> None:
    click(opened, "layers.1.weight")
    click(opened, "layers.4.weight")
    tab = settle(opened)
    tab.browser.filter.set_text("layers.4")
    qtbot.waitUntil(lambda: tab.is_settled and tab.browser.filter.found is not None)
    back(opened)
    assert here(opened) == ("one", "layers.1.weight")


def test_the_way_has_an_end(opened: MainWindow) -> None:
    names = ("layers.1.weight", "layers.2.weight")
    for number in range(MOST_VISITS + 20):
        click(opened, names[number % 2])
    steps = 0
    while opened.actions_by_name["back"].isEnabled():
        back(opened)
        steps += 1
    assert steps == MOST_VISITS - 1
