"""What was opened is offered again: in the menu and on the empty page, across starts."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.recent_files import name_and_folder
from sdviewer.ui.recent_list import RecentList
from sdviewer.ui.settings import Settings
from tests.ui.conftest import MakeWindow
from tests.ui.looking import picture, shades

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def settings() -> Iterator[Settings]:
    yield Settings()
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three files that open at once."""
    paths = [tmp_path / f"{name}.npy" for name in ("one", "two", "three")]
    for path in paths:
        np.save(path, np.arange(3.0))
    return [str(path) for path in paths]


def recent_menu(window: MainWindow) -> QMenu:
    return cast("QMenu", window.menuBar().findChild(QMenu, "&File/Open &Recent"))


def entries(window: MainWindow) -> list[QAction]:
    """The files in the menu, without what stands below them."""
    return [action for action in recent_menu(window).actions() if isinstance(action.data(), str)]


def listed(view: RecentList) -> list[str]:
    return [view.item(row).text() for row in range(view.count())]


def click(view: RecentList, row: int) -> None:
    place = view.visualItemRect(view.item(row)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_what_was_opened_is_remembered_for_the_next_start(
    make_window: MakeWindow, settle: Settle, settings: Settings, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(settings=settings)
    assert not window.empty.files.isVisible()
    assert not recent_menu(window).menuAction().isEnabled()
    monkeypatch.chdir(Path(files[0]).parent)
    for file in (files[0], "two.npy", files[0]):
        window.open_files([file])
        settle(window)
    window.close()
    assert Settings().recent == (files[1], files[0])
    again = make_window(settings=Settings())
    assert listed(again.empty.files) == ["two.npy", "one.npy"]
    assert [action.data() for action in entries(again)] == [files[1], files[0]]
    assert entries(again)[0].text().startswith("&1  two.npy\t")


def test_a_file_that_was_opened_again_comes_first(
    make_window: MakeWindow, settle: Settle, settings: Settings, files: list[str]
) -> None:
    window = make_window(settings=settings)
    for file in (*files, files[0]):
        window.open_files([file])
        settle(window).reload()
        settle(window)
    assert window.recent.paths == (files[0], files[2], files[1])


def test_what_cannot_be_opened_is_not_remembered(
    make_window: MakeWindow, settle: Settle, settings: Settings, tmp_path: Path
) -> None:
    window = make_window(settings=settings)
    (tmp_path / "bad.pt").write_text("no checkpoint")
    for name in ("bad.pt", "missing.pt"):
        window.open_files([str(tmp_path / name)])
        assert settle(window).state is State.FAILED
    assert Settings().recent == ()


def test_a_window_without_settings_remembers_while_it_lives(
    window: MainWindow, settle: Settle, files: list[str]
) -> None:
    window.open_files([files[0]])
    settle(window)
    window.close_tab(0)
    assert listed(window.empty.files) == ["one.npy"]
    assert Settings().recent == ()


def test_a_click_on_the_empty_page_opens_a_file(
    make_window: MakeWindow, settle: Settle, settings: Settings, files: list[str]
) -> None:
    settings.recent = files
    window = make_window(settings=settings)
    click(window.empty.files, 1)
    tab = settle(window)
    assert tab.path == files[1]
    assert tab.state is State.OPEN


def test_the_keyboard_opens_a_file_of_the_empty_page(
    make_window: MakeWindow, settle: Settle, settings: Settings, files: list[str], qtbot: QtBot
) -> None:
    settings.recent = files
    window = make_window(settings=settings)
    window.empty.button.setFocus()
    qtbot.waitUntil(window.empty.button.hasFocus)
    QTest.keyClick(window.empty.button, Qt.Key.Key_Tab)
    assert window.empty.files.hasFocus()
    QTest.keyClick(window.empty.files, Qt.Key.Key_Down)
    QTest.keyClick(window.empty.files, Qt.Key.Key_Return)
    assert settle(window).path == files[1]


def test_an_entry_of_the_menu_opens_its_file(
    make_window: MakeWindow, settle: Settle, settings: Settings, files: list[str]
) -> None:
    settings.recent = files
    window = make_window(settings=settings)
    entries(window)[2].trigger()
    assert settle(window).path == files[2]


def test_a_missing_file_is_shown_but_cannot_be_chosen(
    make_window: MakeWindow, settings: Settings, files: list[str], qtbot: QtBot
) -> None:
    settings.recent = files
    Path(files[1]).unlink()
    window = make_window(settings=settings)
    view = window.empty.files
    qtbot.waitUntil(lambda: bool(window.recent.missing))
    assert [bool(view.item(row).flags() & Qt.ItemFlag.ItemIsEnabled) for row in range(3)] == [True, False, True]
    assert [action.isEnabled() for action in entries(window)] == [True, False, True]
    spoken = view.item(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"two.npy, missing from {name_and_folder(files[1])[1]}"
    click(view, 1)
    assert window.tabs.count() == 0


def test_a_file_that_comes_back_can_be_chosen_when_the_menu_opens(
    make_window: MakeWindow, settings: Settings, files: list[str], qtbot: QtBot
) -> None:
    settings.recent = files
    away = shutil.move(files[0], files[0] + ".away")
    window = make_window(settings=settings)
    qtbot.waitUntil(lambda: window.recent.missing == {files[0]})
    shutil.move(away, files[0])
    recent_menu(window).aboutToShow.emit()
    qtbot.waitUntil(entries(window)[0].isEnabled)


def test_the_disk_is_not_asked_on_the_thread_of_the_window(
    make_window: MakeWindow, settings: Settings, files: list[str], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[threading.Thread] = []
    exists = os.path.exists

    def slow(path: str) -> bool:
        asked.append(threading.current_thread())
        return exists(path)

    monkeypatch.setattr(os.path, "exists", slow)
    settings.recent = files
    window = make_window(settings=settings)
    recent_menu(window).aboutToShow.emit()
    qtbot.waitUntil(lambda: len(asked) >= 3)
    qtbot.waitUntil(lambda: not window.bridge.running)
    assert threading.main_thread() not in asked


def test_the_list_can_be_cleared(make_window: MakeWindow, settings: Settings, files: list[str]) -> None:
    settings.recent = files
    window = make_window(settings=settings)
    window.actions_by_name["clear_recent"].trigger()
    assert Settings().recent == ()
    assert not window.empty.files.isVisible()
    assert not window.empty.heading.isVisible()
    assert entries(window) == []
    assert not recent_menu(window).menuAction().isEnabled()


def test_twelve_are_kept(make_window: MakeWindow, settings: Settings, files: list[str]) -> None:
    settings.recent = [f"/data/{number}.pt" for number in range(12)]
    window = make_window(settings=settings)
    window.recent.remember(files[0])
    assert window.recent.paths == (files[0], *(f"/data/{number}.pt" for number in range(11)))
    # Only digits are mnemonics.
    assert [action.text()[:2] for action in entries(window)][8:10] == ["&9", "8."]


def test_files_of_another_window_appear_when_the_menu_opens(
    make_window: MakeWindow, settings: Settings, files: list[str]
) -> None:
    window = make_window(settings=settings)
    Settings().recent = files[:2]
    recent_menu(window).aboutToShow.emit()
    window.recent.remember(files[2])
    assert Settings().recent == (files[2], files[0], files[1])


def test_names_are_shown_as_they_are(make_window: MakeWindow, settings: Settings) -> None:
    settings.recent = ["/data/a&b <i>\n\t.pt", os.fsdecode(b"/data/\xff.pt"), "/", "/net.pt"]
    window = make_window(settings=settings)
    assert listed(window.empty.files) == ["a&b <i>\\n\\t.pt", "\\udcff.pt", "/", "net.pt"]
    assert entries(window)[0].text() == "&1  a&&b <i>\\n\\t.pt\t/data"
    assert "&lt;i&gt;" in entries(window)[0].toolTip()
    assert Settings().recent[1] == os.fsdecode(b"/data/\xff.pt")


def test_a_list_that_makes_no_sense_counts_as_empty(settings: Settings) -> None:
    store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer")
    for value, expected in (("{", ()), ("{}", ()), ('["/a", 1, null]', ("/a",)), ("[" * 100_000, ()), (["x", "y"], ())):
        store.setValue("open/recent", value)
        store.sync()
        assert settings.recent == expected


def test_the_list_is_painted_in_every_state(
    make_window: MakeWindow, settings: Settings, files: list[str], qtbot: QtBot
) -> None:
    settings.recent = [*files, "/" + "deep/" * 60 + "x" * 300 + ".pt"]
    Path(files[1]).unlink()
    window = make_window(settings=settings)
    qtbot.waitUntil(lambda: len(window.recent.missing) == 2)
    view = window.empty.files
    view.setFocus()
    assert shades(picture(view)) > 20
    # All rows are in sight, and the longest name widens nothing.
    assert view.visualItemRect(view.item(3)).bottom() <= view.viewport().height()
    assert view.width() <= 640
    window.resize(800, 500)
    last = view.model().index(3, 0, QModelIndex())
    view.scrollTo(last)
    assert view.viewport().rect().contains(view.visualRect(last).center())
