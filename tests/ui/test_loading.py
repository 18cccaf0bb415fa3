"""A file that takes long shows how it loads and can be stopped; a reader process that dies is replaced."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.processes import client, starting
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import names, picture, shades

Settle = Callable[[MainWindow], DocumentTab]

MEMORY = 256 << 20


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "net.pt"
    torch.save({"w": torch.ones(2)}, path)
    return str(path)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The reader processes, as they are started."""
    started: list[subprocess.Popen[bytes]] = []
    start = client._start

    def noted(complaints: Any) -> subprocess.Popen[bytes]:
        process = start(complaints)
        started.append(process)
        return process

    monkeypatch.setattr(client, "_start", noted)
    return started


def in_child(path: str, control: Control) -> Checkpoint:
    return client.open_in_child(path, MEMORY, control)


def _are(things: Sequence[object], count: int) -> bool:
    return len(things) == count


def tab_of(window: MainWindow) -> DocumentTab:
    assert window.current_tab is not None
    return window.current_tab


def test_a_slow_file_shows_how_it_loads_and_is_stopped_there(make_window: MakeWindow, qtbot: QtBot) -> None:
    def slow(_: str, control: Control) -> Checkpoint:
        while True:
            control.report(3 << 40, 4 << 40, "reading the \n pickle")

    window = make_window(slow)
    window.open_files(["/data/slow <b>.pt"])
    tab = tab_of(window)
    page = tab.loading
    assert tab.currentWidget() is page
    assert not page.cancel_button.isVisible()
    qtbot.waitUntil(page.cancel_button.isVisible)
    qtbot.waitUntil(lambda: page.doing.text() == "reading the \\n pickle, 75 %")
    assert page.heading.text() == "Opening slow <b>.pt"
    assert page.file.text() == "/data/slow <b>.pt"
    assert page.bar.value() * 4 == page.bar.maximum() * 3
    assert shades(picture(page)) > 10
    QTest.mouseClick(page.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.state is State.STOPPED)
    assert tab.panel.isVisible()


def test_a_quick_file_shows_nothing_of_it(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    tab = tab_of(window)
    seen: list[bool] = []
    window.bridge.changed.connect(lambda: seen.append(tab.loading.heading.isVisible()))
    settle(window)
    assert seen
    assert not any(seen)


def test_several_files_load_side_by_side(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def opener(_: str, __: Control) -> Checkpoint:
        together.wait(10)
        return checkpoint_with(tmp_path, small_tensors())

    window = make_window(opener)
    window.open_files(["a.pt", "b.pt", "c.pt", "d.pt"])
    settle(window)
    for tab in window.tabs.documents():
        window.tabs.setCurrentWidget(tab)
        assert settle(window).state is State.OPEN


def test_values_are_shown_while_all_the_files_that_may_load_at_a_time_do(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot
) -> None:
    def opener(path: str, control: Control) -> Checkpoint:
        while "slow" in path:
            control.check()
            time.sleep(0.002)
        return checkpoint_with(tmp_path, small_tensors())

    window = make_window(opener)
    window.open_files(["quick.pt"])
    tab = settle(window)
    window.open_files([f"slow{number}.pt" for number in range(7)])
    qtbot.waitUntil(lambda: window.has_tabs_for_all)
    window.tabs.setCurrentWidget(tab)
    tab.go_to_name("head.weight")
    settle(window)
    assert [other.state for other in window.tabs.documents()[1:]] == 7 * [State.LOADING]


def test_a_reader_process_that_dies_is_told_and_another_one_is_started(
    make_window: MakeWindow, settle: Settle, saved: str, processes: list[subprocess.Popen[bytes]], qtbot: QtBot
) -> None:
    window = make_window(in_child)
    window.open_files([saved])
    qtbot.waitUntil(lambda: len(processes) == 1)
    processes[0].kill()
    tab = settle(window)
    assert tab.state is State.FAILED
    assert "process that reads it was ended by SIGKILL" in tab.panel.message.text()
    assert tab.panel.file.text() == saved
    assert tab.panel.hint.text() == "Open it again."
    QTest.mouseClick(tab.panel.tools.try_again, Qt.MouseButton.LeftButton)
    assert settle(window).state is State.OPEN
    assert names(tab)[-1].strip() == "w"
    assert len(processes) == 2
    assert [process.poll() is not None for process in processes] == [True, True]


def test_a_reader_process_is_ended_within_200_ms(
    make_window: MakeWindow,
    saved: str,
    processes: list[subprocess.Popen[bytes]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "START", "import time; time.sleep(60)")
    window = make_window(in_child)
    window.open_files([saved])
    tab = tab_of(window)
    took = []
    for attempt in range(3):
        qtbot.waitUntil(partial(_are, processes, attempt + 1))
        qtbot.waitUntil(tab.loading.cancel_button.isVisible)
        begun = time.monotonic()
        tab.loading.cancel_button.click()
        qtbot.waitUntil(lambda: tab.state is State.STOPPED)
        processes[attempt].wait(10)
        took.append(time.monotonic() - begun)
        tab.panel.tools.try_again.click()
    # On a busy machine one of them may be late.
    assert min(took) < 0.2


def test_a_computing_job_is_ended_within_200_ms(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot
) -> None:
    values = np.random.default_rng(0).normal(size=(1 << 25)).astype(np.float32)
    window = make_window(lambda *_: checkpoint_with(tmp_path, {"w": values, "small": values[:3]}))
    window.open_files(["any.pt"])
    tab = settle(window)
    took = []
    for _ in range(3):
        tab.go_to_name("w")
        qtbot.wait(30)
        begun = time.monotonic()
        tab.cancel()
        qtbot.waitUntil(lambda: not window.bridge._runner._futures)
        took.append(time.monotonic() - begun)
        tab.go_to_name("small")
        settle(window)
    assert min(took) < 0.2


def test_the_window_closes_at_once_while_a_reader_process_works(
    make_window: MakeWindow,
    saved: str,
    processes: list[subprocess.Popen[bytes]],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "START", "import time; time.sleep(60)")
    window = make_window(in_child)
    window.open_files([saved])
    qtbot.waitUntil(lambda: len(processes) == 1)
    begun = time.monotonic()
    window.close()
    assert time.monotonic() - begun < 5
    assert processes[0].poll() is not None
