"""Collector: short collections while the window is used, all of it in a rest."""

from __future__ import annotations

import gc
import os
import platform
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui import collecting
from sdviewer.ui.collecting import Collector

_MANY = 60_000


class Link:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def busy() -> list[bool]:
    """Whether any work is under way: its last item."""
    return [False]


@pytest.fixture
def collector(qtbot: QtBot, busy: list[bool]) -> Iterator[Collector]:
    """For a window in sight."""
    window = QWidget()
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    made = Collector(window, lambda: busy[-1])
    made.start()
    yield made
    made.stop()
    gc.unfreeze()


def _garbage() -> weakref.ref[Link]:
    return weakref.ref(Link())


def test_what_is_soon_done_is_done_at_once(collector: Collector) -> None:
    gone = _garbage()
    few = [[i] for i in range(2000)]
    assert gone() is not None
    collector.collect()
    assert gone() is None
    assert not collector.owes
    assert few


def test_what_a_large_file_brings_waits_for_a_rest(
    collector: Collector, busy: list[bool], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = _garbage()
    many = [[i] for i in range(_MANY)]
    frozen = gc.get_freeze_count()
    collector.collect()
    assert collector.owes
    assert gc.get_freeze_count() >= frozen + _MANY
    assert gone() is not None
    monkeypatch.setattr(collecting, "_SECONDS_OF_REST", 0.0)
    busy.append(True)
    collector.collect()
    assert gone() is not None
    busy.append(False)
    # The user has just done something, and may go on.
    monkeypatch.setattr(collecting, "_SECONDS_OF_REST", 1e9)
    window = collector.parent()
    assert isinstance(window, QWidget)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_A)
    collector.collect()
    assert gone() is not None
    monkeypatch.setattr(collecting, "_SECONDS_OF_REST", -1.0)
    collector.collect()
    assert gone() is None
    assert not collector.owes
    assert many
    # It has only just gone through everything.
    gone = _garbage()
    more = [[i] for i in range(_MANY)]
    for _ in range(2):
        collector.collect()
    assert collector.owes
    assert gone() is not None
    assert more


def test_input_puts_a_rest_off(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    collector.collect()
    now = [1e6]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    window = collector.parent()
    assert isinstance(window, QWidget)
    assert collector.rests
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_A)
    assert not collector.rests
    now[0] += 100
    assert collector.rests


def test_work_puts_a_rest_off(collector: Collector, busy: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1e6]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    assert collector.rests
    busy.append(True)
    collector.collect()
    busy.append(False)
    collector.collect()
    assert not collector.rests


def test_what_survives_again_and_again_is_set_aside_too(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "_MOST_KEPT", 5000)
    kept = []
    for _ in range(8):
        kept += [[i] for i in range(1000)]
        collector.collect()
    assert collector.owes


def test_python_collects_by_itself_again_when_it_is_stopped(collector: Collector) -> None:
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="elsewhere it is given at once"
)
def test_what_a_working_thread_has_freed_is_given_to_the_system() -> None:
    kept: list[bytes] = []

    def work() -> None:
        many = [bytes(3000) for _ in range(40_000)]
        kept.append(many[-1])
        kept.extend(many[::1000])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = _resident()
    collecting.give_back()
    assert before - _resident() > 60 << 20
