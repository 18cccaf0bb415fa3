"""Control: how anything that takes long is cancelled and tells its progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sdviewer.errors import Cancelled

ProgressCallback = Callable[[int, int, str], None]

_SECONDS_BETWEEN_REPORTS = 0.05
_LONGEST_WAIT = 0.05
_SECONDS_TO_PAINT = 0.03


class Way:
    """Lets long work that is all Python stand aside while a window answers its user.

    Such work keeps the interpreter busy: each call of the window waits for it, and painting takes ten times as long.
    """

    __slots__ = ("_busy_until",)

    def __init__(self) -> None:
        self._busy_until = 0.0

    def keep_clear(self, seconds: float = _SECONDS_TO_PAINT) -> None:
        """The window has something to do for about so long (or to paint); on its thread."""
        self._busy_until = max(self._busy_until, time.monotonic() + seconds)

    def give(self) -> None:
        """Wait while the way is to be kept clear, 50 ms at most; on any other thread."""
        if self._busy_until:
            left = self._busy_until - time.monotonic()
            if left > 0:
                time.sleep(min(left, _LONGEST_WAIT))


WAY = Way()
"""The way of this process, which has one window at most."""


class Control:
    """Handed down to long work, which calls `check()` often and `report()` as it likes.

    `on_progress(done, total, note)` is called on the working thread, at most every 50 ms
    and always for the last step (`done == total`). What `gives_way` stands aside while a window
    answers its user.
    """

    __slots__ = ("_cancelled", "_gives_way", "_last_report", "_on_cancel", "_on_progress")

    def __init__(self, on_progress: ProgressCallback | None = None, *, gives_way: bool = False) -> None:
        self._gives_way = gives_way
        self._cancelled = threading.Event()
        self._on_progress = on_progress
        self._last_report = 0.0
        self._on_cancel: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        """Whether someone asked the work to stop."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; may be called from any thread, more than once."""
        if self._cancelled.is_set():
            return
        self._cancelled.set()
        for action in tuple(self._on_cancel):
            action()

    def when_cancelled(self, action: Callable[[], None]) -> None:
        """Run `action` on `cancel()`, for work that cannot check (a helper process to kill)."""
        self._on_cancel.append(action)
        if self._cancelled.is_set():
            action()

    def check(self) -> None:
        """Raise `Cancelled` if the work should stop; in the background let the window go first."""
        if self._cancelled.is_set():
            raise Cancelled("stopped on request")
        if self._gives_way:
            WAY.give()

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the work is; also checks for cancellation."""
        self.check()
        if self._on_progress is None:
            return
        now = time.monotonic()
        if done < total and now - self._last_report < _SECONDS_BETWEEN_REPORTS:
            return
        self._last_report = now
        self._on_progress(done, total, note)


class Gate:
    """Lets long work wait and go on; work passes it with `wait` wherever it may stop for a while."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    @property
    def paused(self) -> bool:
        """Whether work waits."""
        return not self._open.is_set()

    def pause(self) -> None:
        """Wait, soon."""
        self._open.clear()

    def resume(self) -> None:
        """Go on."""
        self._open.set()

    def wait(self, control: Control) -> None:
        """Return once work may go on.

        Raises:
            Cancelled: `control` was cancelled, meanwhile too.

        """
        while not self._open.wait(_SECONDS_BETWEEN_REPORTS):
            control.check()
        control.check()
