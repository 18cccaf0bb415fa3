"""Bridge: brings the outcomes and the progress of jobs home to the GUI thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from sdviewer.control import WAY, Control
from sdviewer.jobs.pace import Pace
from sdviewer.jobs.runner import Event, Failure, Finished, Job, Lane, Progress, Runner, Stopped, Value

# At most 4 ms of a tick are spent on deliveries, so that a flood of results leaves room for painting.
_SECONDS_A_TICK = 0.004
_TICK_MS = 15


class Pausable(Protocol):
    """Work that can wait and go on; its methods are called on the GUI thread."""

    @property
    def paused(self) -> bool:
        """Whether it waits."""

    def pause(self) -> None:
        """Wait, soon."""

    def resume(self) -> None:
        """Go on."""


@dataclass(slots=True)
class Running:
    """A job on its way, as the status bar shows it.

    Attributes:
        bytes_a_step: how many bytes one of its `total` steps stands for; 0 if they are none.
        pace: of its steps.
        pausable: what lets it wait, None where nothing does.

    """

    title: str
    since: float
    done: int = 0
    total: int = 0
    note: str = ""
    bytes_a_step: float = 0.0
    pace: Pace = field(default_factory=Pace)
    pausable: Pausable | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it waits until somebody lets it go on."""
        return self.pausable is not None and self.pausable.paused

    @property
    def bytes_per_second(self) -> float:
        """How quickly it reads or writes; 0 if that is not known."""
        return self.bytes_a_step * self.pace.per_second

    @property
    def seconds_left(self) -> float:
        """How long it goes on at this pace; 0 if that is not known."""
        return (self.total - self.done) / self.pace.per_second if self.pace.per_second > 0 else 0.0

    def advance(self, done: int, total: int, note: str, now: float) -> None:
        """It has told how far it is."""
        self.done, self.total, self.note = done, total, note
        self.pace.moved(done, now)


@dataclass(frozen=True, slots=True)
class Ended:
    """A job with a title that has come to its end, and was not stopped."""

    title: str
    seconds: float
    failed: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Listener:
    job: Job
    on_value: Callable[[Any], None]
    on_error: Callable[[BaseException], None]
    on_stopped: Callable[[], None]


def _nothing() -> None:
    """A pane that has nothing to say about a stop."""


class Bridge(QObject):
    """Starts jobs for panes and calls them back on the GUI thread, in the order in which things happened.

    Working threads only append to a deque and, when it was empty, emit one queued signal. They hold
    no widget and no callback, so none can die on a wrong thread. What comes is handed on by a timer: an event
    that was posted would follow the painting that goes on, before the loop asks for anything else.
    """

    changed = Signal()
    """A job began or ended, or made progress."""

    ended = Signal(object)
    """A job came to its end: `Ended`. What it brought is shown already."""

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._events: deque[Event] = deque()
        self._listeners: dict[Hashable, _Listener] = {}
        self._awake = False
        self._closed = False
        self.running: dict[Hashable, Running] = {}
        self._next_tick = QTimer(self)
        self._first_tick = QTimer(self)
        self._first_tick.setSingleShot(True)
        self._first_tick.setInterval(0)
        self._first_tick.timeout.connect(self._deliver)
        self._arrived.connect(self._first_tick.start, Qt.ConnectionType.QueuedConnection)
        self._next_tick.setSingleShot(True)
        self._next_tick.setInterval(_TICK_MS)
        self._next_tick.timeout.connect(self._deliver)
        self._runner = Runner(self._post)

    def start(
        self,
        lane: Lane,
        slot: Hashable,
        work: Callable[[Control], Any],
        *,
        on_value: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
        on_stopped: Callable[[], None] = _nothing,
        title: str = "",
        background: bool = False,
        bytes_a_step: float = 0.0,
        pausable: Pausable | None = None,
    ) -> None:
        """Run `work(control)` as the slot's job; exactly one of the callbacks follows, unless it is superseded.

        `background` is for what may take long while the user looks at other things. A job without a
        title is too short or too dull to be listed. Where its progress is counted in bytes, or in things of
        so many bytes each, `bytes_a_step` lets its pace be told; what is `pausable` can be told to wait. Once the
        bridge is closed nothing begins any more.
        """
        if self._closed:
            return
        job = self._runner.submit(lane, slot, work, background=background)
        self._listeners[slot] = _Listener(job, on_value, on_error, on_stopped)
        self.running[slot] = Running(title, time.monotonic(), bytes_a_step=bytes_a_step, pausable=pausable)
        self.changed.emit()

    def cancel(self, slot: Hashable) -> None:
        """Stop the slot's job; `on_stopped` follows."""
        self._runner.cancel(slot)

    def set_paused(self, slot: Hashable, *, paused: bool) -> None:
        """Let the slot's job wait, or go on, if it can."""
        running = self.running.get(slot)
        if running is not None and running.pausable is not None:
            (running.pausable.pause if paused else running.pausable.resume)()
            # What was done before says nothing of how it goes on.
            running.pace = Pace()
            self.changed.emit()

    def drop(self, slot: Hashable) -> None:
        """Stop the slot's job and forget it; no callback follows."""
        self._runner.drop(slot)
        self._listeners.pop(slot, None)
        if self.running.pop(slot, None):
            self.changed.emit()

    def close(self) -> None:
        """Cancel everything and join the threads; no callback follows."""
        self._closed = True
        self._listeners.clear()
        self.running.clear()
        self._runner.shutdown()
        self._events.clear()
        self._first_tick.stop()
        self._next_tick.stop()

    def _post(self, event: Event) -> None:
        self._events.append(event)
        if not self._awake:
            self._awake = True
            self._arrived.emit()

    @Slot()
    def _deliver(self) -> None:
        self._awake = False
        until = time.monotonic() + _SECONDS_A_TICK
        try:
            while self._events and time.monotonic() < until:
                self._handle(self._events.popleft())
        finally:
            # Also after a callback has raised: the others must not wait for a next event.
            if self._events:
                self._awake = True
                self._next_tick.start()

    def _handle(self, event: Event) -> None:
        listener = self._listeners.get(event.job.slot)
        if listener is None or listener.job is not event.job:
            return
        slot = event.job.slot
        if isinstance(event, Progress):
            running = self.running[slot]
            running.advance(event.done, event.total, event.note, time.monotonic())
            self.changed.emit()
            return
        # What comes is shown now: nothing in the background keeps the interpreter meanwhile.
        WAY.keep_clear()
        running = self.running.pop(slot)
        del self._listeners[slot]
        self._runner.drop(slot)
        self.changed.emit()
        _call(listener, event)
        if running.title and not isinstance(event.outcome, Stopped):
            seconds = time.monotonic() - running.since
            self.ended.emit(Ended(running.title, seconds, isinstance(event.outcome, Failure)))


def _call(listener: _Listener, event: Finished) -> None:
    match event.outcome:
        case Value(value):
            listener.on_value(value)
        case Failure(error):
            listener.on_error(error)
        case Stopped():
            listener.on_stopped()
