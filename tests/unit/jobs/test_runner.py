"""One current job a slot; value, error or cancelled; nothing late, nothing lost, no thread left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from sdviewer.control import Control
from sdviewer.errors import Cancelled, HelperDied
from sdviewer.jobs.runner import Event, Failure, Finished, Lane, Progress, Runner, Stopped, Value

SECONDS = 10


@pytest.fixture
def events() -> queue.Queue[Event]:
    return queue.Queue()


@pytest.fixture
def runner(events: queue.Queue[Event]) -> Iterator[Runner]:
    runner = Runner(events.put, readers=1, computers=1)
    yield runner
    runner.shutdown()


class Gate:
    """Work that tells when it has begun and goes on until it is cancelled or let go."""

    def __init__(self, *, heeds_cancel: bool = True) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.heeds_cancel = heeds_cancel

    def __call__(self, control: Control) -> str:
        self.begun.set()
        while not self.open.wait(0.002):
            if self.heeds_cancel:
                control.check()
        if not self.heeds_cancel and control._on_progress is not None:
            # Through no check, as a callback that is on its way already.
            control._on_progress(1, 1, "late")
        return "through the gate"


def test_a_job_gives_its_value(runner: Runner, events: queue.Queue[Event]) -> None:
    job = runner.submit(Lane.COMPUTING, "pane", lambda _: 42)
    assert events.get(timeout=SECONDS) == Finished(job, Value(42))
    assert runner.is_current(job)


@pytest.mark.parametrize("error", [RuntimeError("torch says no"), ValueError("bad"), MemoryError(), SystemExit(3)])
def test_any_error_comes_back_as_an_ordinary_outcome(
    runner: Runner, events: queue.Queue[Event], error: BaseException
) -> None:
    def fail(_: Control) -> None:
        raise error

    job = runner.submit(Lane.READING, "pane", fail)
    assert events.get(timeout=SECONDS) == Finished(job, Failure(error))


def test_progress_arrives_before_the_end(runner: Runner, events: queue.Queue[Event]) -> None:
    job = runner.submit(Lane.READING, "pane", lambda control: control.report(3, 3, "entries"))
    assert events.get(timeout=SECONDS) == Progress(job, 3, 3, "entries")
    assert isinstance(events.get(timeout=SECONDS), Finished)


def test_a_cancelled_job_ends_as_stopped(runner: Runner, events: queue.Queue[Event]) -> None:
    gate = Gate()
    job = runner.submit(Lane.COMPUTING, "pane", gate)
    assert gate.begun.wait(SECONDS)
    runner.cancel("pane")
    assert events.get(timeout=SECONDS) == Finished(job, Stopped())


def test_a_job_cancelled_in_the_queue_ends_at_once_and_never_runs(runner: Runner, events: queue.Queue[Event]) -> None:
    gate, ran = Gate(), threading.Event()
    runner.submit(Lane.COMPUTING, "busy", gate, background=True)
    assert gate.begun.wait(SECONDS)
    waiting = runner.submit(Lane.COMPUTING, "waiting", lambda _: ran.set(), background=True)
    runner.cancel("waiting")
    assert events.get_nowait() == Finished(waiting, Stopped())
    gate.open.set()
    assert isinstance(events.get(timeout=SECONDS), Finished)
    assert not ran.is_set()


def test_an_error_of_work_that_was_told_to_stop_is_a_stop(runner: Runner, events: queue.Queue[Event]) -> None:
    begun = threading.Event()

    def killed(control: Control) -> None:
        begun.set()
        while not control.cancelled:
            pass
        raise HelperDied("the reader process ended")

    job = runner.submit(Lane.READING, "pane", killed)
    assert begun.wait(SECONDS)
    runner.cancel("pane")
    assert events.get(timeout=SECONDS) == Finished(job, Stopped())


def test_work_that_stops_itself_is_stopped(runner: Runner, events: queue.Queue[Event]) -> None:
    def stop(_: Control) -> None:
        raise Cancelled("from within")

    job = runner.submit(Lane.READING, "pane", stop)
    assert events.get(timeout=SECONDS) == Finished(job, Stopped())


def test_a_newer_job_supersedes_the_older_whose_late_result_is_dropped(
    runner: Runner, events: queue.Queue[Event]
) -> None:
    stubborn = Gate(heeds_cancel=False)
    older = runner.submit(Lane.COMPUTING, "pane", stubborn)
    assert stubborn.begun.wait(SECONDS)
    newer = runner.submit(Lane.COMPUTING, "pane", lambda _: "new")
    assert older.control.cancelled
    assert not runner.is_current(older)
    stubborn.open.set()
    assert events.get(timeout=SECONDS) == Finished(newer, Value("new"))
    assert events.empty()
    assert newer.generation > older.generation


def test_slots_do_not_disturb_each_other(runner: Runner, events: queue.Queue[Event]) -> None:
    one = runner.submit(Lane.COMPUTING, "one", lambda _: 1)
    two = runner.submit(Lane.COMPUTING, "two", lambda _: 2)
    assert {events.get(timeout=SECONDS), events.get(timeout=SECONDS)} == {
        Finished(one, Value(1)),
        Finished(two, Value(2)),
    }


def test_the_lanes_do_not_wait_for_each_other(runner: Runner, events: queue.Queue[Event]) -> None:
    gate = Gate()
    runner.submit(Lane.READING, "slow disk", gate)
    assert gate.begun.wait(SECONDS)
    job = runner.submit(Lane.COMPUTING, "pane", lambda _: "done")
    assert events.get(timeout=SECONDS) == Finished(job, Value("done"))


def test_nothing_more_is_heard_of_a_dropped_job(runner: Runner, events: queue.Queue[Event]) -> None:
    gate = Gate()
    job = runner.submit(Lane.COMPUTING, "pane", gate)
    assert gate.begun.wait(SECONDS)
    runner.drop("pane")
    after = runner.submit(Lane.COMPUTING, "other", lambda _: None)
    assert events.get(timeout=SECONDS) == Finished(after, Value(None))
    assert job.control.cancelled
    assert events.empty()


def test_shutdown_cancels_what_runs_and_waits_and_joins_every_thread(events: queue.Queue[Event]) -> None:
    runner = Runner(events.put, readers=1, computers=1)
    gate, ran = Gate(), threading.Event()
    runner.submit(Lane.READING, "running", gate, background=True)
    runner.submit(Lane.READING, "waiting", lambda _: ran.set(), background=True)
    assert gate.begun.wait(SECONDS)
    runner.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sdviewer-")]
    assert not ran.is_set()
    assert events.empty()
    with pytest.raises(RuntimeError, match="shut down"):
        runner.submit(Lane.READING, "late", lambda _: None)


def test_finished_jobs_are_forgotten(runner: Runner, events: queue.Queue[Event]) -> None:
    for number in range(20):
        runner.submit(Lane.COMPUTING, "pane", lambda _, n=number: n)  # type: ignore[misc]  # a default argument binds n
        events.get(timeout=SECONDS)
    runner.shutdown()
    assert not runner._futures


@pytest.mark.parametrize("lane", Lane)
def test_background_work_never_stands_before_what_the_user_waits_for(
    runner: Runner, events: queue.Queue[Event], lane: Lane
) -> None:
    scan = Gate()
    runner.submit(lane, "scan", scan, background=True)
    runner.submit(lane, "export", scan, background=True)
    assert scan.begun.wait(SECONDS)
    selected = runner.submit(lane, "pane", lambda _: "at once")
    assert events.get(timeout=SECONDS) == Finished(selected, Value("at once"))
    scan.open.set()
    assert isinstance(events.get(timeout=SECONDS), Finished)


def test_background_work_is_done_in_the_order_in_which_it_came(runner: Runner, events: queue.Queue[Event]) -> None:
    jobs = [runner.submit(Lane.READING, number, lambda _: None, background=True) for number in range(5)]
    assert [events.get(timeout=SECONDS) for _ in jobs] == [Finished(job, Value(None)) for job in jobs]


def test_a_cancel_is_answered_at_once_by_work_that_does_not_notice(runner: Runner, events: queue.Queue[Event]) -> None:
    stubborn = Gate(heeds_cancel=False)
    job = runner.submit(Lane.COMPUTING, "pane", stubborn)
    assert stubborn.begun.wait(SECONDS)
    runner.cancel("pane")
    assert events.get_nowait() == Finished(job, Stopped())
    stubborn.open.set()
    after = runner.submit(Lane.COMPUTING, "other", lambda _: None)
    assert events.get(timeout=SECONDS) == Finished(after, Value(None))
    runner.shutdown()
    assert events.empty()


def test_a_job_that_has_ended_cannot_be_cancelled(runner: Runner, events: queue.Queue[Event]) -> None:
    runner.submit(Lane.COMPUTING, "pane", lambda _: 1)
    assert isinstance(events.get(timeout=SECONDS), Finished)
    runner.cancel("pane")
    runner.cancel("nobody")
    assert events.empty()
