"""All main tasks by keys alone, from opening a file to closing it; at each step one sees what has the keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from tests.ui.focus import is_in_sight, shows_focus

Settle = Callable[[MainWindow], DocumentTab]
Key, Modifier = Qt.Key, Qt.KeyboardModifier
NONE, CONTROL, SHIFT = Modifier.NoModifier, Modifier.ControlModifier, Modifier.ShiftModifier
_MOST_TABS = 80

# What the offscreen platform says of every menu.
pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing the keyboard)")


class Hands:
    """Someone at the keyboard, without a mouse."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window, self.qtbot = window, qtbot

    @property
    def focus(self) -> QWidget:
        """What has the keys; one sees that it has."""
        QApplication.processEvents()
        widget = QApplication.focusWidget()
        assert widget is not None, "nothing has the keys"
        assert is_in_sight(widget), f"{name_of(widget)} has the keys out of sight"
        assert self.window.isAncestorOf(widget)
        assert name_of(widget), f"{type(widget).__name__} has the keys and no name"
        return widget

    def press(self, *keys: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press keys one after the other."""
        for key in keys:
            QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)
            QApplication.processEvents()

    def type(self, text: str) -> None:
        """Type a text."""
        QTest.keyClicks(self.focus, text)
        QApplication.processEvents()

    def see(self) -> QWidget:
        """What has the keys, which is painted so that one sees it."""
        widget = self.focus
        assert shows_focus(widget), f"{name_of(widget)} does not show that it has the keys"
        return widget

    def tab_to(self, wanted: str, *, back: bool = False) -> QWidget:
        """Press Tab until something of this name has the keys; all on the way show that they have them."""
        way = []
        for _ in range(_MOST_TABS):
            self.press(Key.Key_Backtab if back else Key.Key_Tab, modifier=SHIFT if back else NONE)
            widget = self.see()
            # A bar of tabs has the name of the tab in front.
            way.append(widget.accessibleName() or name_of(widget))
            if way[-1].startswith(wanted):
                return widget
        raise AssertionError(f"Tab never leads to {wanted!r}, but to {way}")

    def choose(self, opener: Callable[[], None], entry: str) -> None:
        """Open a menu and go down to an entry."""
        errors: list[str] = []

        def walk() -> None:
            menu = QApplication.activePopupWidget()
            if not isinstance(menu, QMenu):
                errors.append("no menu came")
                return
            for _ in range(len(menu.actions()) + 1):
                active = menu.activeAction()
                if active is not None and active.text().replace("&", "").startswith(entry):
                    QTest.keyClick(menu, Key.Key_Return)
                    return
                QTest.keyClick(menu, Key.Key_Down)
            errors.append(f"no entry {entry!r} in {[action.text() for action in menu.actions()]}")
            menu.close()

        QTimer.singleShot(150, self.window, walk)
        opener()
        self.qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None and not errors, timeout=10_000)
        assert not errors


def name_of(widget: QWidget) -> str:
    """What a screen reader says of a widget first."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface is not None else ""


def saved(folder: Path, name: str, shift: float) -> str:
    torch.manual_seed(0)
    tensors = {f"module.layers.{i}.{part}": torch.randn(4, 4) for i in range(3) for part in ("weight", "bias")}
    tensors["module.layers.1.bias"][0] = float("nan")
    tensors["module.head.weight"] = torch.randn(6, 4) + shift
    torch.save(tensors, folder / name)
    return str(folder / name)


@pytest.fixture
def hands(window: MainWindow, qtbot: QtBot) -> Hands:
    return Hands(window, qtbot)


def current_name(tab: DocumentTab) -> str:
    model = tab.tree.tree_model
    assert model is not None
    return model.cells(tab.tree.currentIndex().row()).name


def paste(hands: Hands, path: str) -> None:
    QApplication.clipboard().setText(path)
    hands.press(Key.Key_V, modifier=CONTROL)


def show_view(hands: Hands, title: str) -> None:
    """Go to a tab of the details by keys."""
    bar = hands.tab_to("Views of the selected entry")
    assert isinstance(bar, QTabBar)
    for key in (Key.Key_Left, Key.Key_Right):
        for _ in range(bar.count()):
            if bar.tabText(bar.currentIndex()) != title:
                hands.press(key)
    assert bar.tabText(bar.currentIndex()) == title
    assert hands.see() is bar


def test_a_file_is_opened_by_its_dialog_and_closed(
    hands: Hands, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "net.pt", 0)
    # The dialog is the desktop's own.
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([path], ""))
    assert "Open" in name_of(hands.tab_to("Open"))
    hands.press(Key.Key_O, modifier=CONTROL)
    tab = settle(hands.window)
    assert tab.path == path
    assert hands.see() is tab.tree
    hands.press(Key.Key_W, modifier=CONTROL)
    assert hands.window.current_page is None
    assert "Open" in name_of(hands.tab_to("Open"))


def test_the_tree_is_walked_filtered_and_searched(hands: Hands, settle: Settle, tmp_path: Path) -> None:
    paste(hands, saved(tmp_path, "net.pt", 0))
    tab = settle(hands.window)
    assert hands.see() is tab.tree
    hands.press(Key.Key_End)
    settle(hands.window)
    last = current_name(tab)
    hands.press(Key.Key_Home, Key.Key_Down, Key.Key_Right)
    settle(hands.window)
    assert current_name(tab) != last
    assert hands.see() is tab.tree

    hands.press(Key.Key_F, modifier=CONTROL)
    assert hands.see() is tab.browser.filter.line
    hands.type("head")
    settle(hands.window)
    assert hands.see() is tab.browser.filter.line
    hands.press(Key.Key_Down)
    assert hands.see() is tab.tree
    model = tab.tree.tree_model
    assert model is not None
    assert "layers" not in [model.cells(row).name for row in range(model.rowCount())]
    hands.press(Key.Key_F, modifier=CONTROL)
    hands.press(Key.Key_Escape, Key.Key_Escape)
    settle(hands.window)
    assert tab.browser.filter.line.text() == ""
    assert hands.see() is tab.tree

    hands.press(Key.Key_P, modifier=CONTROL)
    hands.see()
    hands.type("layers2wei")
    hands.press(Key.Key_Return)
    hands.qtbot.waitUntil(lambda: tab.detail.name.text().endswith("layers.2.weight"))
    assert hands.see() is tab.tree


def test_values_plots_and_problems_are_seen(hands: Hands, settle: Settle, tmp_path: Path) -> None:
    paste(hands, saved(tmp_path, "net.pt", 0))
    tab = settle(hands.window)
    hands.press(Key.Key_End)
    settle(hands.window)
    show_view(hands, "Values")
    settle(hands.window)
    hands.tab_to("Values")
    hands.press(Key.Key_End, modifier=CONTROL)
    settle(hands.window)
    hands.see()
    show_view(hands, "Distribution")
    settle(hands.window)
    picture = hands.tab_to("Distribution")
    hands.press(Key.Key_Plus, Key.Key_Right)
    assert hands.see() is picture

    hands.press(Key.Key_F9)
    hands.qtbot.waitUntil(
        lambda: tab.scanning.findings is not None and tab.scanning.is_settled and tab.is_settled, timeout=60_000
    )
    hands.press(Key.Key_F8)
    settle(hands.window)
    assert tab.detail.name.text().endswith("layers.1.bias")
    hands.see()


def test_two_files_are_compared(hands: Hands, settle: Settle, tmp_path: Path, qtbot: QtBot) -> None:
    a, b = saved(tmp_path, "a.pt", 0), saved(tmp_path, "b.pt", 1)
    for path in (b, a):
        paste(hands, path)
        settle(hands.window)
    hands.choose(lambda: hands.press(Key.Key_D, modifier=CONTROL), "b.pt")
    page = hands.window.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    assert page.paths == (a, b)
    assert hands.see() is page.view
    hands.press(Key.Key_F8)
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    standing = page.standing
    assert standing is not None
    assert standing.name_at(page.view.current_node()).endswith("head.weight")
    assert hands.see() is page.view
    hands.tab_to("Views")
    hands.press(Key.Key_Right)
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    hands.see()
    hands.press(Key.Key_W, modifier=CONTROL)
    assert isinstance(hands.window.current_page, DocumentTab)
    hands.press(Key.Key_PageUp, modifier=CONTROL)
    hands.see()


def test_a_file_is_exported_with_a_rule(hands: Hands, settle: Settle, tmp_path: Path, qtbot: QtBot) -> None:
    paste(hands, saved(tmp_path, "net.pt", 0))
    tab = settle(hands.window)
    hands.press(Key.Key_E, modifier=CONTROL)
    settle(hands.window)
    hands.see()
    hands.tab_to("Add a rule")
    hands.choose(lambda: hands.press(Key.Key_Space), "Exclude")
    settle(hands.window)
    hands.see()
    if "Filter" not in name_of(hands.focus):
        hands.tab_to("Filter")
    hands.type("layers")
    settle(hands.window)
    hands.tab_to("File to write")
    hands.press(Key.Key_A, modifier=CONTROL)
    hands.type(str(tmp_path / "out.pt"))
    settle(hands.window)
    hands.tab_to("Export")
    hands.press(Key.Key_Space)
    qtbot.waitUntil(lambda: (tmp_path / "out.pt").exists() and tab.is_settled, timeout=60_000)
    hands.see()
    assert list(torch.load(tmp_path / "out.pt", weights_only=True)) == ["module.head.weight"]
    hands.press(Key.Key_E, modifier=CONTROL)
    settle(hands.window)
    assert not tab.faces.shows_export
    hands.see()
