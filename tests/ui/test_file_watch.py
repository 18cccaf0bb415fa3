"""A file that changes on disk while it is open is told of, once, and what is shown stays until it is reloaded."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.control import Control
from sdviewer.ui.document import file_watch
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import names

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds are too long for a test."""
    monkeypatch.setattr(file_watch, "_MS_BETWEEN_LOOKS", 15)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    torch.save({"w": torch.ones(2)}, path)
    return path


def notice(tab: DocumentTab) -> str:
    return tab.change.text.text() if tab.change.isVisible() else ""


def test_a_change_is_told_and_a_reload_shows_it(window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot) -> None:
    window.open_files([str(saved)])
    tab = settle(window)
    before = names(tab)
    qtbot.wait(60)
    assert notice(tab) == ""
    torch.save({"w": torch.ones(2), "new": torch.zeros(3)}, saved)
    qtbot.waitUntil(lambda: notice(tab) == "net.pt changed on disk since it was opened")
    assert names(tab) == before
    QTest.mouseClick(tab.change.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: names(tab) != before)
    settle(window)
    assert names(tab)[-1].strip() == "new"
    assert notice(tab) == ""
    qtbot.wait(60)
    assert notice(tab) == ""


def test_a_file_that_is_gone_and_back_is_told_as_it_is(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot
) -> None:
    window.open_files([str(saved)])
    tab = settle(window)
    away = saved.rename(saved.with_name("away.pt"))
    qtbot.waitUntil(lambda: notice(tab) == "net.pt is gone")
    away.rename(saved)
    qtbot.waitUntil(lambda: notice(tab) == "")
    os.utime(saved, ns=(1, 1))
    qtbot.waitUntil(lambda: "changed on disk" in notice(tab))


def test_a_file_that_is_written_all_the_time_is_told_of_once(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot
) -> None:
    window.open_files([str(saved)])
    tab = settle(window)
    told: list[object] = []
    tab.watch.noticed.connect(told.append)
    for number in range(20):
        torch.save({"w": torch.full((2,), float(number))}, saved)
        qtbot.wait(20)
    assert len(told) == 1
    assert tab.change.isVisible()


def test_one_look_waits_for_the_other(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    looks: list[threading.Thread] = []

    def hangs(_: SourceSpec) -> None:
        looks.append(threading.current_thread())
        go.wait(10)

    monkeypatch.setattr(file_watch, "check_file", hangs)
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    settle(window)
    qtbot.waitUntil(lambda: len(looks) == 1)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    qtbot.wait(100)
    assert len(looks) == 1
    assert looks[0] is not threading.main_thread()
    go.set()
    qtbot.waitUntil(lambda: len(looks) > 1)


def test_only_the_file_in_front_is_looked_at(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = saved.with_name("other.pt")
    torch.save({"w": torch.ones(2)}, other)
    window.open_files([str(saved), str(other)])
    settle(window)
    looked: set[str] = set()
    monkeypatch.setattr(file_watch, "check_file", lambda spec: looked.add(os.path.basename(spec.path)))  # noqa: PTH119
    qtbot.waitUntil(lambda: looked == {"other.pt"})
    qtbot.wait(60)
    assert looked == {"other.pt"}
    window.tabs.setCurrentIndex(0)
    qtbot.waitUntil(lambda: looked == {"net.pt", "other.pt"})


def test_who_comes_back_to_the_window_sees_it_at_once(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_watch, "_MS_BETWEEN_LOOKS", 600_000)
    window.open_files([str(saved)])
    tab = settle(window)
    qtbot.wait(50)
    saved.unlink()
    qtbot.wait(50)
    assert notice(tab) == ""
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
    qtbot.waitUntil(lambda: notice(tab) == "net.pt is gone")


def test_every_shard_is_watched(window: MainWindow, settle: Settle, tmp_path: Path, qtbot: QtBot) -> None:
    shards = [tmp_path / f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)]
    for number, shard in enumerate(shards):
        torch.save({f"layer{number}.weight": torch.ones(2)}, shard)
    window.open_files([str(tmp_path)])
    tab = settle(window)
    shards[1].unlink()
    qtbot.waitUntil(lambda: notice(tab) == "pytorch_model-00002-of-00002.bin is gone")


def test_nothing_is_looked_at_while_a_file_is_read(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    go.set()

    def opener(_: str, control: Control) -> Checkpoint:
        while not go.is_set():
            control.check()
        return checkpoint_with(tmp_path, small_tensors())

    window = make_window(opener)
    window.open_files(["any.pt"])
    tab = settle(window)
    go.clear()
    tab.reload()
    looks: list[object] = []
    monkeypatch.setattr(file_watch, "check_file", looks.append)
    qtbot.wait(80)
    assert looks == []
    # A reload that is stopped leaves all as it was, watched as before.
    tab.cancel()
    qtbot.waitUntil(lambda: tab.state is State.OPEN)
    qtbot.waitUntil(lambda: bool(looks))


def test_a_closed_tab_is_not_watched(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open_files([str(saved)])
    settle(window)
    window.close_tab(0)
    looks: list[object] = []
    monkeypatch.setattr(file_watch, "check_file", looks.append)
    qtbot.wait(80)
    assert looks == []
    assert not [slot for slot in window.bridge.running if not (isinstance(slot, tuple) and slot[0] == "window")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")
def test_the_files_of_a_closed_and_of_a_reloaded_tab_are_closed(
    window: MainWindow, settle: Settle, saved: Path, qtbot: QtBot
) -> None:
    def times_open() -> int:
        links = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        return sum(os.readlink(entry) == str(saved) for entry in links)  # noqa: PTH115  # it may be gone

    window.open_files([str(saved)])
    tab = settle(window)
    for _ in range(3):
        tab.go_to_name("w")
        settle(window)
        assert tab.loaded is not None
        tab.loaded.checkpoint.tensors["w"].codes()
        assert times_open() == 1
        tab.reload()
        settle(window)
        qtbot.waitUntil(lambda: times_open() <= 1)
    window.close_tab(0)
    qtbot.waitUntil(lambda: times_open() == 0)
