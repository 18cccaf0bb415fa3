"""A control carries a wish to stop down to the work and progress back up, from any thread."""

from __future__ import annotations

import threading
import time

import pytest

from sdviewer import control as control_module
from sdviewer.control import Control, Way
from sdviewer.errors import Cancelled


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(control_module, "time", clock)
    return clock


def test_work_goes_on_until_it_is_cancelled() -> None:
    control = Control()
    control.check()
    control.report(1, 2)
    assert not control.cancelled
    control.cancel()
    assert control.cancelled
    with pytest.raises(Cancelled):
        control.check()
    with pytest.raises(Cancelled):
        control.report(2, 2)


def test_cancelling_from_another_thread_stops_the_work() -> None:
    control = Control()
    thread = threading.Thread(target=control.cancel)
    thread.start()
    thread.join()
    with pytest.raises(Cancelled):
        control.check()


def test_actions_run_once_on_cancelling_and_at_once_when_that_is_past() -> None:
    control = Control()
    ran: list[str] = []
    control.when_cancelled(lambda: ran.append("first"))
    control.when_cancelled(lambda: ran.append("second"))
    assert ran == []
    control.cancel()
    control.cancel()
    assert ran == ["first", "second"]
    control.when_cancelled(lambda: ran.append("late"))
    assert ran == ["first", "second", "late"]


def test_progress_is_told_at_most_every_fifty_milliseconds(clock: Clock) -> None:
    told: list[tuple[int, int, str]] = []
    control = Control(lambda *step: told.append(step))
    for done in range(1, 100):
        control.report(done, 1_000, "reading")
        clock.now += 0.01
    assert told[0] == (1, 1_000, "reading")
    # 0.99 s hold twenty such pauses.
    assert 18 <= len(told) <= 21


def test_the_last_step_is_always_told(clock: Clock) -> None:
    told: list[int] = []
    control = Control(lambda done, _total, _note: told.append(done))
    for done in (1, 2, 3, 10):
        control.report(done, 10)
    assert told == [1, 10]
    assert clock.now == 100.0


def test_progress_is_told_on_the_thread_that_works() -> None:
    threads: list[threading.Thread] = []
    control = Control(lambda *_: threads.append(threading.current_thread()))
    worker = threading.Thread(target=control.report, args=(1, 1))
    worker.start()
    worker.join()
    assert threads == [worker]


def test_without_a_listener_progress_costs_a_check_alone() -> None:
    control = Control()
    for done in range(1_000):
        control.report(done, 1_000)


def test_long_work_stands_aside_while_the_way_is_kept_clear() -> None:
    way = Way()
    start = time.monotonic()
    way.give()
    assert time.monotonic() - start < 5
    start = time.monotonic()
    way.keep_clear(0.02)
    way.give()
    assert time.monotonic() - start >= 0.02
    # However busy the window is, the work goes on after a moment.
    way.keep_clear(60)
    start = time.monotonic()
    way.give()
    assert 0.04 < time.monotonic() - start < 5


def test_only_what_runs_in_the_background_stands_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(Way, "give", lambda _: given.append("way"))
    Control().check()
    assert given == []
    control = Control(gives_way=True)
    control.check()
    control.report(1, 2)
    assert given == ["way", "way"]
    control.cancel()
    with pytest.raises(Cancelled):
        control.check()
    assert given == ["way", "way"]
