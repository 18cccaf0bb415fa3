"""Runner: work on threads in lanes, one current job a slot, and what became of it.

A pane owns a slot. A newer job in a slot supersedes the older one, which is cancelled and whose
late result is dropped. Events are posted on the working thread; whoever receives them brings them
home to its own thread and asks `is_current` once more before using them.

A lane has threads of its own for work that nobody waits for, so that none of it, however long, stands
before what the user has just selected.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from sdviewer.control import Control
from sdviewer.errors import Cancelled

T = TypeVar("T")


class Lane(Enum):
    """Reading waits for disks and helper processes; computing keeps cores busy; a scan may be told to wait for long."""

    READING = "reading"
    COMPUTING = "computing"
    SCANNING = "scanning"


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """The work returned this."""

    value: T


@dataclass(frozen=True, slots=True)
class Failure:
    """The work raised this."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Stopped:
    """The work was cancelled, before or while it ran."""


Outcome = Value[Any] | Failure | Stopped


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """One piece of work: its slot, its number among the jobs of all slots, and its `Control`."""

    slot: Hashable
    generation: int
    control: Control = field(repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, as it told its `Control`."""

    job: Job
    done: int
    total: int
    note: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A job's end; posted once for every job that was not superseded."""

    job: Job
    outcome: Outcome


Event = Progress | Finished


# Threads for what the user waits for: a tab has one or two such jobs at a time. They are started on demand.
_FOREGROUND = 8
# A paused scan keeps its thread.
_SCANS = 16


class Runner:
    """Threads in lanes. `post` is called on working threads, or the caller's for a job that he cancels.

    `readers` and `computers` bound the background jobs that run at a time.
    A job must not hold the last reference to an object that may only die on another thread.
    """

    def __init__(self, post: Callable[[Event], None], *, readers: int = 4, computers: int = 2) -> None:
        self._post = post
        self._lanes = {
            (lane, background): ThreadPoolExecutor(threads, f"sdviewer-{lane.value}")
            for lane, most in ((Lane.READING, readers), (Lane.COMPUTING, computers), (Lane.SCANNING, _SCANS))
            for background, threads in ((True, most), (False, _FOREGROUND))
        }
        self._lock = threading.Lock()
        self._generation = 0
        self._current: dict[Hashable, Job] = {}
        # Jobs of which something is still to be posted: neither ended nor superseded nor dropped.
        self._awaited: set[Job | None] = set()
        self._futures: dict[Job, Future[None]] = {}
        self._closed = False

    def submit(self, lane: Lane, slot: Hashable, work: Callable[[Control], object], *, background: bool = False) -> Job:
        """Run `work(control)` in a lane as the slot's current job; `background` if nobody waits to see its result.

        Raises:
            RuntimeError: after `shutdown`.

        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the runner is shut down")
            self._generation += 1
            older = self._current.get(slot)
            control = Control(lambda done, total, note: self._progress(job, done, total, note), gives_way=background)
            job = self._current[slot] = Job(slot, self._generation, control)
            self._awaited.add(job)
            self._awaited.discard(older)
            future = self._futures[job] = self._lanes[lane, background].submit(self._run, job, work)
        if older is not None:
            self._stop(older)
        # Outside the lock: a future that is done already calls back at once.
        future.add_done_callback(lambda _: self._futures.pop(job, None))
        return job

    def is_current(self, job: Job) -> bool:
        """Whether no newer job took the slot, and nobody dropped it."""
        with self._lock:
            return self._current.get(job.slot) is job

    def cancel(self, slot: Hashable) -> None:
        """Stop the slot's job; its end is posted as `Stopped` at once, however long the work takes to notice."""
        with self._lock:
            job = self._current.get(slot)
        if job is not None:
            self._finish(job, Stopped())
            self._stop(job)

    def drop(self, slot: Hashable) -> None:
        """Stop the slot's job and post nothing more of it."""
        with self._lock:
            job = self._current.pop(slot, None)
            self._awaited.discard(job)
        if job is not None:
            self._stop(job)

    def shutdown(self) -> None:
        """Cancel everything and wait until every thread has ended."""
        with self._lock:
            self._closed = True
            self._current.clear()
            self._awaited.clear()
            jobs = tuple(self._futures)
        for job in jobs:
            self._stop(job)
        for executor in self._lanes.values():
            executor.shutdown(wait=True, cancel_futures=True)

    def _stop(self, job: Job) -> None:
        """Cancel a job; one that has not begun never will."""
        job.control.cancel()
        future = self._futures.get(job)
        if future is not None:
            future.cancel()

    def _run(self, job: Job, work: Callable[[Control], object]) -> None:
        outcome: Outcome
        try:
            job.control.check()
            outcome = Value(work(job.control))
        except Cancelled:
            outcome = Stopped()
        except BaseException as error:  # noqa: BLE001  # every error is shown to the user, none may vanish in a thread
            outcome = Failure(error)
        # Work that was told to stop may fail in any way, or not notice: a killed helper, a closed file.
        self._finish(job, Stopped() if job.control.cancelled else outcome)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        with self._lock:
            is_awaited = job in self._awaited
            self._awaited.discard(job)
        if is_awaited:
            self._post(Finished(job, outcome))

    def _progress(self, job: Job, done: int, total: int, note: str) -> None:
        with self._lock:
            is_awaited = job in self._awaited
        if is_awaited:
            self._post(Progress(job, done, total, note))
