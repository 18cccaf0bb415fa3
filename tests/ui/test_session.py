"""The tabs of the window that was closed last come back; not by themselves after a program that died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.session import SavedTab, Session, SessionKeeper
from sdviewer.ui.settings import Settings
from tests.ui.conftest import MakeWindow

Start = Callable[..., MainWindow]


@pytest.fixture(autouse=True)
def settings() -> Iterator[Settings]:
    yield Settings()
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("one", "two", "three")]
    for number, path in enumerate(paths):
        tensors = {f"layers.{i}.weight": np.full((3, 4), i + number * 0.5, np.float32) for i in range(4)}
        save_file({**tensors, "head.bias": np.zeros(3, np.float32)}, path)
    return paths


@pytest.fixture
def start(make_window: MakeWindow, qtbot: QtBot) -> Start:
    """A start of the program: a window of its own that reads the settings anew; waits until all has come."""

    def begin(*, files: tuple[str, ...] = (), leads: bool = True) -> MainWindow:
        settings = Settings()
        window = make_window(settings=settings)
        keeper = SessionKeeper(window, settings, leads=leads)
        if files:
            window.open_files(files)
        elif leads:
            keeper.begin()
        come(window, qtbot)
        return window

    return begin


def come(window: MainWindow, qtbot: QtBot) -> None:
    keeper = window.findChild(SessionKeeper)
    assert isinstance(keeper, SessionKeeper)
    qtbot.waitUntil(lambda: window.has_tabs_for_all and not keeper.is_opening)
    qtbot.waitUntil(lambda: all(page.is_settled for page in window.tabs.pages()), timeout=30_000)


def titles(window: MainWindow) -> list[str]:
    return [page.title for page in window.tabs.pages()]


def tab_of(window: MainWindow, index: int) -> DocumentTab:
    tab = window.tabs.widget(index)
    assert isinstance(tab, DocumentTab)
    return tab


def selected(tab: DocumentTab) -> str:
    assert tab.loaded is not None
    return name_of(tab.loaded.checkpoint, tab.tree.current_node())


def die(window: MainWindow) -> None:
    """What a program that is killed leaves behind: what was saved last, and no word of an end."""
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").sync()
    text = Settings().session
    window.close()
    again = Settings()
    again.session, again.is_running = text, True


def test_tabs_their_order_the_front_and_what_was_selected_come_back(start: Start, files: list[str]) -> None:
    window = start(files=tuple(files))
    tab_of(window, 0).go_to_name("layers.2.weight")
    tab_of(window, 1).go_to_name("layers")
    window.tabs.setCurrentIndex(1)
    tab_of(window, 2).browser.show_view(ALL_TENSORS)
    window.close()
    again = start()
    assert titles(again) == ["one.safetensors", "two.safetensors", "three.safetensors"]
    assert again.tabs.currentIndex() == 1
    assert [tab.tree.current_node() for tab in again.tabs.documents()] == [
        tab.tree.current_node() for tab in window.tabs.documents()
    ]
    assert selected(tab_of(again, 1)) == "layers"
    assert [tab.browser.views.currentIndex() for tab in again.tabs.documents()] == [0, 0, ALL_TENSORS]


def test_a_tab_that_was_moved_or_closed_is_so_again(start: Start, files: list[str], qtbot: QtBot) -> None:
    window = start(files=tuple(files))
    window.tabs.tabBar().moveTab(0, 2)
    window.tabs.setCurrentIndex(0)
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.tabs.count() == 2)
    window.close()
    assert titles(start()) == ["three.safetensors", "one.safetensors"]


def test_comparisons_come_back_with_their_selection(start: Start, files: list[str], qtbot: QtBot) -> None:
    window = start(files=tuple(files[:1]))
    window.compare_files(files[0], files[1])
    come(window, qtbot)
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    tab.select_name("layers.3.weight")
    window.close()
    again = start()
    page = again.current_page
    assert titles(again) == ["one.safetensors", "one.safetensors ↔ two.safetensors"]
    assert isinstance(page, ComparisonTab)
    assert page.standing is not None
    assert page.standing.name_at(page.view.current_node()) == "layers.3.weight"


def test_two_compared_tensors_come_back(start: Start, files: list[str], qtbot: QtBot) -> None:
    window = start(files=tuple(files[:1]))
    window.compare_behind(files[0], files[1], ("layers.1.weight", "layers.2.weight"))
    come(window, qtbot)
    window.close()
    (_, page) = start().tabs.pages()
    assert isinstance(page, ComparisonTab)
    assert page.picked == ("layers.1.weight", "layers.2.weight")


def test_after_a_crash_nothing_opens_by_itself_but_by_the_menu(start: Start, files: list[str], qtbot: QtBot) -> None:
    window = start(files=tuple(files[:2]))
    tab_of(window, 1).go_to_name("head.bias")
    window.close()
    die(start())
    again = start()
    assert again.tabs.count() == 0
    assert "Reopen the Last Session" in again.statusBar().currentMessage()
    # Who closes this window without looking finds the same with the next start.
    again.close()
    once_more = start()
    assert once_more.tabs.count() == 0
    once_more.actions_by_name["reopen_session"].trigger()
    come(once_more, qtbot)
    assert titles(once_more) == ["one.safetensors", "two.safetensors"]
    assert once_more.tabs.currentIndex() == 1
    assert selected(tab_of(once_more, 1)) == "head.bias"
    once_more.close()
    assert titles(start()) == ["one.safetensors", "two.safetensors"]


def test_what_was_open_before_can_be_reopened_beside_what_a_start_was_given(
    start: Start, files: list[str], qtbot: QtBot
) -> None:
    start(files=tuple(files[:2])).close()
    window = start(files=(files[2], files[1]))
    assert titles(window) == ["three.safetensors", "two.safetensors"]
    window.actions_by_name["reopen_session"].trigger()
    come(window, qtbot)
    assert sorted(titles(window)) == ["one.safetensors", "three.safetensors", "two.safetensors"]


def test_a_file_that_is_gone_shows_its_error_and_keeps_its_place(start: Start, files: list[str]) -> None:
    window = start(files=tuple(files))
    tab_of(window, 1).go_to_name("head.bias")
    window.close()
    away = Path(files[1]).rename(files[1] + ".away")
    again = start()
    assert [tab.state for tab in again.tabs.documents()] == [State.OPEN, State.FAILED, State.OPEN]
    again.close()
    away.rename(files[1])
    assert selected(tab_of(start(), 1)) == "head.bias"


def test_what_is_not_in_the_file_any_more_is_not_selected(start: Start, files: list[str]) -> None:
    window = start(files=tuple(files[:1]))
    tab_of(window, 0).go_to_name("head.bias")
    window.close()
    save_file({"other": np.zeros(2, np.float32)}, files[0])
    assert tab_of(start(), 0).tree.current_node() == 0


def test_a_window_beside_others_neither_opens_nor_keeps_a_session(start: Start, files: list[str]) -> None:
    start(files=tuple(files[:2])).close()
    beside = start(leads=False, files=(files[2],))
    assert titles(beside) == ["three.safetensors"]
    beside.close()
    assert titles(start()) == ["one.safetensors", "two.safetensors"]


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", '{"tabs": 3}', '{"tabs": [[]], "current": 0}', '{"tabs": [], "current": "x"}',
        '{"tabs": [{"paths": "a", "selected": "", "view": 0, "picked": [], "sections": []}], "current": 0}',
        '{"tabs": [{"paths": ["a", 3], "selected": "", "view": 0, "picked": [], "sections": []}], "current": 0}',
        '{"tabs": [{"paths": ["a"], "selected": [], "view": 0, "picked": [], "sections": []}], "current": 0}',
        '{"tabs": [{"paths": [], "selected": "", "view": 0, "picked": [], "sections": []}], "current": 1e999}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_settings_that_are_no_session_open_nothing(start: Start, settings: Settings, text: str) -> None:
    settings.session = text
    window = start()
    assert window.tabs.count() == 0
    window.actions_by_name["reopen_session"].trigger()
    assert window.statusBar().currentMessage() == "There is no session to reopen."


def test_any_name_survives_the_settings(settings: Settings) -> None:
    tabs = (
        SavedTab(("/a\udcff\n;.pt",), "x/\u202e~1", 1),
        SavedTab(("/a", "/b"), "", 0, ("p", "q"), ("model", "")),
    )
    settings.session = Session(tabs, 1).text
    assert Session.parse(Settings().session) == Session(tabs, 1)
    assert Session.parse(Session(tabs, 7).text).current == 1
    assert json.loads(settings.session)["current"] == 1


def test_the_program_itself_restores_and_after_a_kill_does_not(tmp_path: Path, files: list[str]) -> None:
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    code = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from sdviewer.ui import app\n"
        "def look():\n"
        "    window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, 'tabs'))\n"
        "    if window.tabs.count() == int(sys.argv[1]) and all(p.is_settled for p in window.tabs.pages()):\n"
        "        print([p.title for p in window.tabs.pages()], window.statusBar().currentMessage(), flush=True)\n"
        "        timer.stop()\n"
        "        if sys.argv[2] == 'close':\n"
        "            window.close()\n"
        "qapp = app.application()\n"
        "timer = QTimer()\n"
        "timer.timeout.connect(look)\n"
        "timer.start(50)\n"
        "sys.exit(app.run_window(sys.argv[3:]))\n"
    )

    saved = tmp_path / "config" / "sdviewer" / "sdviewer.ini"

    def run(tabs: int, end: str, *paths: str) -> str:
        command = [sys.executable, "-c", code, str(tabs), end, *paths]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            # Whatever happens, it ends.
            watch = threading.Timer(60, process.kill)
            watch.start()
            line = process.stdout.readline()
            if end == "kill":
                # What is open is saved a moment after it was opened.
                while "three" not in saved.read_text().partition("[session]")[2] and process.poll() is None:
                    time.sleep(0.05)
                process.kill()
            process.wait()
            watch.cancel()
            watch.join()
        return line

    assert "two" in run(2, "close", *files[:2])
    assert run(2, "close").startswith("['one.safetensors', 'two.safetensors']")
    run(2, "kill", *files[1:])
    told = run(0, "close")
    assert told.startswith("[]")
    assert "Reopen the Last Session" in told
