"""The program is started again: its files go to the window that runs, and it ends."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from sdviewer.ui import app as app_module
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.single_instance import hand_over

SECONDS = 30

pytestmark = pytest.mark.skipif(os.name != "posix", reason="looks for the socket as a file")

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the real program, with a desktop session of its own; what still runs at the end is ended."""
    (tmp_path / "run").mkdir(mode=0o700)
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "sdviewer", *arguments]
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def listens(folder: Path) -> bool:
    return any((folder / "run").glob("sdviewer-*.socket"))


def opened(folder: Path) -> list[str]:
    """The names of the files that windows have opened, as the settings tell."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(folder / "config" / "sdviewer" / "sdviewer.ini")
    text = config.get("open", "recent", fallback="[]")
    return [os.path.basename(path) for path in json.loads(text.strip('"').replace('\\"', '"'))]  # noqa: PTH119


def file_called(name: str, folder: Path) -> str:
    np.save(folder / name, np.arange(3.0))
    return name


def test_the_window_that_runs_opens_the_files_of_a_second_start(tmp_path: Path, start: Start) -> None:
    first = start(file_called("one.npy", tmp_path))
    wait_until(lambda: listens(tmp_path) and opened(tmp_path) == ["one.npy"])
    second = start(file_called("two.npy", tmp_path))
    assert second.wait(SECONDS) == 0
    wait_until(lambda: opened(tmp_path) == ["two.npy", "one.npy"])
    assert first.poll() is None


def test_a_new_window_is_opened_where_that_is_asked_for(tmp_path: Path, start: Start) -> None:
    first = start()
    wait_until(lambda: listens(tmp_path))
    second = start("--new-window", file_called("two.npy", tmp_path))
    wait_until(lambda: opened(tmp_path) == ["two.npy"])
    assert second.poll() is None
    assert first.poll() is None
    # And the files of a further start go to the window that was there first.
    second.kill()
    second.wait()
    third = start(file_called("three.npy", tmp_path))
    assert third.wait(SECONDS) == 0
    wait_until(lambda: opened(tmp_path) == ["three.npy", "two.npy"])


def test_a_window_that_was_killed_takes_nothing(tmp_path: Path, start: Start) -> None:
    first = start()
    wait_until(lambda: listens(tmp_path))
    first.kill()
    first.wait()
    second = start(file_called("two.npy", tmp_path))
    wait_until(lambda: opened(tmp_path) == ["two.npy"])
    assert second.poll() is None


@pytest.mark.qt_log_ignore("does not support raise")
def test_the_window_comes_to_the_front(
    window: MainWindow, settle: Callable[[MainWindow], DocumentTab], tmp_path: Path, qtbot: QtBot
) -> None:
    name = str(tmp_path / "socket")
    app_module.listen(window, name)
    window.showMinimized()
    qtbot.waitUntil(lambda: bool(window.windowState() & Qt.WindowState.WindowMinimized))
    file = str(tmp_path / file_called("one.npy", tmp_path))
    sender = subprocess.Popen([sys.executable, "-c", _SEND, name, file])
    qtbot.waitUntil(lambda: window.tabs.count() == 1, timeout=SECONDS * 1000)
    assert sender.wait(SECONDS) == 0
    assert settle(window).path == file
    assert not window.windowState() & Qt.WindowState.WindowMinimized
    qtbot.waitUntil(window.isActiveWindow)


_SEND = """
import sys
from sdviewer.ui.single_instance import hand_over
sys.exit(not hand_over(sys.argv[2:], sys.argv[1]))
"""


def test_a_window_that_is_closed_takes_nothing_more(window: MainWindow, tmp_path: Path) -> None:
    name = str(tmp_path / "socket")
    app_module.listen(window, name)
    window.close()
    assert not Path(name).exists()
    assert hand_over(["a.pt"], name) is False
