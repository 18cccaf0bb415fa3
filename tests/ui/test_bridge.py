"""The bridge brings outcomes home to the window's thread: in order, once, and never late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from PySide6.QtCore import QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.exceptions import capture_exceptions
from pytestqt.qtbot import QtBot

from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge


@pytest.fixture
def bridge(qapp: QApplication) -> Iterator[Bridge]:
    del qapp
    bridge = Bridge()
    yield bridge
    bridge.close()
    bridge.deleteLater()


class Told:
    """What the callbacks were told, in order."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Any]] = []

    def start(self, bridge: Bridge, slot: str, work: Any) -> None:
        bridge.start(
            Lane.COMPUTING,
            slot,
            work,
            on_value=lambda value: self.outcomes.append(("value", value)),
            on_error=lambda error: self.outcomes.append(("error", str(error))),
            on_stopped=lambda: self.outcomes.append(("stopped", None)),
            title=slot,
        )


def same(number: int, _: Control) -> int:
    return number


def test_a_value_an_error_and_a_stop_come_home(bridge: Bridge, qtbot: QtBot) -> None:
    told, threads = Told(), []

    def works(_: Control) -> int:
        threads.append(threading.current_thread())
        return 7

    def fails(_: Control) -> None:
        raise RuntimeError("an ordinary error")

    def waits(control: Control) -> None:
        while True:
            control.check()

    told.start(bridge, "a", works)
    qtbot.waitUntil(lambda: len(told.outcomes) == 1)
    told.start(bridge, "b", fails)
    qtbot.waitUntil(lambda: len(told.outcomes) == 2)
    told.start(bridge, "c", waits)
    bridge.cancel("c")
    qtbot.waitUntil(lambda: len(told.outcomes) == 3)
    assert told.outcomes == [("value", 7), ("error", "an ordinary error"), ("stopped", None)]
    assert threads[0] is not threading.main_thread()
    assert not bridge.running


def test_callbacks_run_in_the_thread_of_the_window(bridge: Bridge, qtbot: QtBot) -> None:
    threads: list[Any] = []
    bridge.start(
        Lane.READING,
        "slot",
        lambda _: None,
        on_value=lambda _: threads.append(QThread.currentThread()),
        on_error=threads.append,
    )
    qtbot.waitUntil(lambda: len(threads) == 1)
    assert threads == [bridge.thread()]


def test_a_newer_job_supersedes_the_older_one(bridge: Bridge, qtbot: QtBot) -> None:
    told, begun, go = Told(), threading.Event(), threading.Event()

    def stubborn(_: Control) -> str:
        begun.set()
        go.wait(10)
        return "old"

    told.start(bridge, "slot", stubborn)
    assert begun.wait(10)
    told.start(bridge, "slot", lambda _: "new")
    go.set()
    qtbot.waitUntil(lambda: bool(told.outcomes))
    qtbot.wait(50)
    assert told.outcomes == [("value", "new")]


def test_a_result_that_waits_to_be_delivered_is_superseded_too(bridge: Bridge, qtbot: QtBot) -> None:
    told, done = Told(), threading.Event()

    def old(_: Control) -> str:
        done.set()
        return "old"

    told.start(bridge, "slot", old)
    assert done.wait(10)
    time.sleep(0.05)
    told.start(bridge, "slot", lambda _: "new")
    qtbot.waitUntil(lambda: bool(told.outcomes))
    qtbot.wait(50)
    assert told.outcomes == [("value", "new")]


def test_what_is_dropped_is_never_heard_of(bridge: Bridge, qtbot: QtBot) -> None:
    told = Told()
    told.start(bridge, "slot", lambda _: 1)
    bridge.drop("slot")
    qtbot.wait(80)
    assert told.outcomes == []
    assert not bridge.running


def test_progress_is_told_while_it_runs(bridge: Bridge, qtbot: QtBot) -> None:
    go = threading.Event()

    def work(control: Control) -> None:
        control.report(1, 3, "one of three")
        go.wait(10)

    told = Told()
    told.start(bridge, "slot", work)
    qtbot.waitUntil(lambda: bridge.running["slot"].done == 1)
    running = bridge.running["slot"]
    assert (running.title, running.total, running.note) == ("slot", 3, "one of three")
    go.set()
    qtbot.waitUntil(lambda: not bridge.running)


def test_a_callback_that_fails_holds_up_no_other(bridge: Bridge, qtbot: QtBot) -> None:
    told = Told()

    def fail(_: object) -> None:
        raise ZeroDivisionError("in a callback")

    with capture_exceptions() as caught:
        bridge.start(Lane.COMPUTING, "bad", lambda _: None, on_value=fail, on_error=fail)
        for number in range(20):
            told.start(bridge, f"good {number}", partial(same, number))
        qtbot.waitUntil(lambda: len(told.outcomes) == 20)
    assert [str(error) for _, error, _ in caught] == ["in a callback"]


def test_a_flood_of_results_leaves_room_for_others(bridge: Bridge, qtbot: QtBot) -> None:
    delivered: list[int] = []
    failed: list[BaseException] = []
    beats: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(5)

    def slow(number: int) -> None:
        time.sleep(0.001)
        delivered.append(number)

    for number in range(300):
        bridge.start(Lane.COMPUTING, number, partial(same, number), on_value=slow, on_error=failed.append)
    qtbot.waitUntil(lambda: len(delivered) == 300, timeout=20_000)
    timer.stop()
    # 300 ms of callbacks in one go would leave no beat between them.
    assert len(beats) > 20
    assert failed == []


def test_closing_waits_for_the_threads_and_silences_them(qapp: QApplication, qtbot: QtBot) -> None:
    del qapp
    before = set(threading.enumerate())
    bridge, told = Bridge(), Told()
    for number in range(5):
        told.start(bridge, f"slot {number}", lambda control: [control.check() for _ in range(10**7)])
    bridge.close()
    assert set(threading.enumerate()) <= before
    # A timer that was about to fire may still ask for something.
    told.start(bridge, "late", lambda _: None)
    assert not bridge.running
    qtbot.wait(50)
    assert told.outcomes == []
    bridge.deleteLater()
