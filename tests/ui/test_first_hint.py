"""The hint of the first start: three things to try, closed for ever, in nobody's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.settings import Settings
from sdviewer.ui.theme import Theme, apply_theme, colors
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import picture

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    yield
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


def test_the_first_window_names_three_things_to_try(make_window: MakeWindow) -> None:
    hint = make_window(settings=Settings()).hint
    assert hint is not None
    assert hint.isVisible()
    for part in ("Ctrl+F", "Ctrl+P", "second file dropped"):
        assert part in hint.text.text()
        assert part in hint.accessibleName()


@pytest.mark.parametrize("by", ["click", "key"])
def test_who_has_read_it_never_sees_it_again(make_window: MakeWindow, by: str) -> None:
    window = make_window(settings=Settings())
    assert window.hint is not None
    if by == "click":
        QTest.mouseClick(window.hint.button, Qt.MouseButton.LeftButton)
    else:
        window.hint.button.setFocus()
        QTest.keyClick(window.hint.button, Qt.Key.Key_Escape)
    assert not window.hint.isVisible()
    assert make_window(settings=Settings()).hint is None


def test_who_only_closes_the_window_sees_it_again(make_window: MakeWindow) -> None:
    make_window(settings=Settings()).close()
    assert make_window(settings=Settings()).hint is not None


def test_pictures_have_none(window: MainWindow) -> None:
    assert window.hint is None


def test_it_stays_with_the_first_tree_and_takes_no_focus(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot
) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()), Settings())
    window.open_files(["any.pt"])
    tab = settle(window)
    assert window.hint is not None
    assert window.hint.isVisible()
    qtbot.waitUntil(tab.tree.hasFocus)
    assert not window.hint.geometry().intersects(window._pages.geometry())


def test_it_follows_the_theme_and_gives_way_in_a_narrow_window(make_window: MakeWindow) -> None:
    window = make_window(settings=Settings())
    hint = window.hint
    assert hint is not None
    for theme in (Theme.LIGHT, Theme.DARK):
        apply_theme(theme)
        QApplication.processEvents()
        image = picture(hint)
        assert image.pixelColor(1, image.height() // 2).name() == colors().accent
        assert image.pixelColor(7, image.height() - 3).name() == colors().raised
    apply_theme(Theme.LIGHT)
    wide = hint.height()
    assert wide < 2.5 * hint.fontMetrics().height()
    window.resize(620, 600)
    QApplication.processEvents()
    assert hint.height() == wide
    assert hint.button.geometry().right() < hint.width()
