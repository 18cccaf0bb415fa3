"""The palette by real keys: every command of the window, found by letters, run with Enter or a click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from sdviewer.ui.actions import ACTIONS
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.palette import CommandPalette
from sdviewer.ui.theme import Theme, apply_theme, colors
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import picture, shades

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def opened(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> MainWindow:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    settle(window)
    return window


def asked(window: MainWindow, letters: str = "") -> CommandPalette:
    """The palette, opened by its key, with letters typed into it."""
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window, Qt.Key.Key_P, keys)
    panel = window.palette_panel
    assert panel is not None
    assert panel.isVisible()
    assert panel.line.hasFocus()
    QTest.keyClicks(panel.line, letters)
    return panel


def listed(panel: CommandPalette) -> list[str]:
    return [row.name for row in panel.model.rows]


def test_it_lists_every_command_with_its_key(opened: MainWindow) -> None:
    panel = asked(opened)
    assert len(listed(panel)) == len(ACTIONS) - 1
    rows = {row.name: row for row in panel.model.rows}
    assert rows["File › Open…"].aside == "Ctrl+O"
    assert rows["View › Theme › Dark"].aside == ""
    assert rows["View › All Tensors"].tip == "Show the table of all tensors\nCtrl+2"
    for spec in ACTIONS:
        if spec.name != "palette":
            action = opened.actions_by_name[spec.name]
            (row,) = [row for name, row in rows.items() if name.endswith(f"› {action.text().replace('&', '')}")
                      and name.startswith(" › ".join(spec.menu.replace("&", "").split("/")))]  # fmt: skip
            assert row.rests is not action.isEnabled()


def test_a_few_letters_and_enter_run_a_command(opened: MainWindow, settle: Settle) -> None:
    panel = asked(opened, "all ten")
    assert listed(panel)[0] in ("View › All Tensors", "Analyze › Scan All Tensors")
    panel.line.clear()
    QTest.keyClicks(panel.line, "v alltens")
    assert listed(panel)[0] == "View › All Tensors"
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    assert not panel.isVisible()
    assert settle(opened).browser.views.currentIndex() == ALL_TENSORS


def test_what_can_be_run_comes_first(opened: MainWindow) -> None:
    assert listed(asked(opened, "scan"))[0] == "Analyze › Scan All Tensors"
    rests = [row.rests for row in asked(opened, "scan").model.rows if "Scan" in row.name]
    assert rests == sorted(rests)
    assert any(rests)


def test_a_click_runs_a_command(opened: MainWindow, qtbot: QtBot) -> None:
    panel = asked(opened, "about")
    place = panel.list.visualRect(panel.model.index(0)).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert not panel.isVisible()
    (dialog,) = opened.findChildren(QDialog)
    assert dialog.windowTitle() == "About sdviewer"
    dialog.close()
    qtbot.waitUntil(lambda: not opened.findChildren(QDialog))


def test_what_rests_is_told_and_not_run(window: MainWindow) -> None:
    panel = asked(window, "file exp")
    row = panel.model.rows[0]
    assert (row.name, row.rests) == ("File › Export…", True)
    assert "not available now" in panel.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    ran: list[bool] = []
    window.actions_by_name["export"].triggered.connect(lambda: ran.append(True))
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    QTest.mouseClick(
        panel.list.viewport(), Qt.MouseButton.LeftButton, pos=panel.list.visualRect(panel.model.index(0)).center()
    )
    assert panel.isVisible()
    assert panel.footer.text() == "Export… cannot be done now"
    assert ran == []


def test_a_command_finds_the_keys_where_they_were(opened: MainWindow, settle: Settle) -> None:
    tab = settle(opened)
    tab.go_to_name("head.weight")
    tab.browser.focus_view()
    panel = asked(opened, "edit copy")
    assert listed(panel)[0] == "Edit › Copy"
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    assert tab.tree.hasFocus()
    assert QGuiApplication.clipboard().text() == "head.weight"


def test_escape_leaves_and_the_next_time_all_are_listed(opened: MainWindow, settle: Settle) -> None:
    tab = settle(opened)
    tab.browser.focus_view()
    panel = asked(opened, "zzz")
    assert listed(panel) == []
    assert panel.footer.text() == "No command has these letters in this order"
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    QTest.keyClick(panel.line, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    assert tab.tree.hasFocus()
    assert len(listed(asked(opened))) == len(ACTIONS) - 1


def test_commands_are_called_as_they_are_now(opened: MainWindow, settle: Settle) -> None:
    settle(opened).go_to_name("head.weight")
    opened.actions_by_name["pick_tensor"].trigger()
    settle(opened).go_to_name("scale")
    assert "Tools › Compare with head.weight" in listed(asked(opened, "compare"))
    assert {row.name: row.aside for row in asked(opened).model.rows}["Analyze › Scan Small Files on Opening"] == ""
    opened.actions_by_name["scan_on_opening"].trigger()
    assert {row.name: row.aside for row in asked(opened).model.rows}["Analyze › Scan Small Files on Opening"] == "✓"


def test_finder_and_palette_take_each_others_place_and_give_the_keys_back(opened: MainWindow, settle: Settle) -> None:
    tab = settle(opened)
    tab.browser.focus_view()
    QTest.keyClick(opened, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    finder = opened.page_commands.finder
    assert finder is not None
    panel = asked(opened)
    assert not finder.isVisible()
    QTest.keyClick(panel.line, Qt.Key.Key_Escape)
    assert tab.tree.hasFocus()


def test_it_is_painted_in_both_themes(opened: MainWindow) -> None:
    panel = asked(opened, "e")
    for theme in (Theme.LIGHT, Theme.DARK):
        apply_theme(theme)
        QApplication.processEvents()
        image = picture(panel.list.viewport())
        assert shades(image) > 2
        assert image.pixelColor(image.width() - 2, image.height() - 2).name() == colors().base
    apply_theme(Theme.LIGHT)
