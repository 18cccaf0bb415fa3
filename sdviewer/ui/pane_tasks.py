"""PaneTasks: what a pane does for the user (copying, saving), as jobs that outlive what the pane shows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

T = TypeVar("T")


class PaneTasks(QObject):
    """Says how each task ended."""

    done = Signal(str)
    """A sentence on what was done."""

    failed = Signal(object, object)
    """The error that ended a task, and a function that begins it once more."""

    def __init__(self, bridge: Bridge, slot: Hashable, lane: Lane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot, self._lane = bridge, slot, lane
        self._saves = 0
        self._slots: set[Hashable] = set()

    @property
    def slots(self) -> tuple[Hashable, ...]:
        """The slots of the tasks on their way."""
        return tuple(self._slots)

    def close_jobs(self) -> None:
        """Stop all; nothing more is said. A file that was being written is gone."""
        for slot in self._slots:
            self._bridge.drop(slot)
        self._slots.clear()

    def start_copy(self, title: str, work: Callable[[Control], T], then: Callable[[T], None]) -> None:
        """Begin to copy; a copy that is under way is superseded, because there is one clipboard."""
        self._start((self._slot, "copy"), title, work, then)

    def start_save(
        self, title: str, work: Callable[[Control], T], then: Callable[[T], None], *, bytes_a_step: float = 0.0
    ) -> None:
        """Begin to write a file, beside others that are being written; for `bytes_a_step` see `Bridge.start`."""
        self._saves += 1
        self._start((self._slot, "save", self._saves), title, work, then, bytes_a_step)

    def _start(
        self,
        slot: Hashable,
        title: str,
        work: Callable[[Control], T],
        then: Callable[[T], None],
        bytes_a_step: float = 0.0,
    ) -> None:
        self._slots.add(slot)

        def value(result: T) -> None:
            self._slots.discard(slot)
            then(result)

        def error(failure: BaseException) -> None:
            self._slots.discard(slot)
            self.failed.emit(failure, lambda: self._start(slot, title, work, then))

        def stopped() -> None:
            self._slots.discard(slot)
            self.done.emit(tr("{title} was stopped.", title=title))

        self._bridge.start(
            self._lane,
            slot,
            work,
            on_value=value,
            on_error=error,
            on_stopped=stopped,
            title=title,
            background=True,
            bytes_a_step=bytes_a_step,
        )
