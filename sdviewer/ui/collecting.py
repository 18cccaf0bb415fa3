"""Collector: Python's garbage collection, at times when it holds nothing up.

On a working thread it could end a widget there, which crashes Qt, so only the thread of the window collects. There it
must be short, and it takes as long as there are objects to go through: what a large file has brought is set aside
instead, and gone through when nobody waits for the window.
"""

from __future__ import annotations

import contextlib
import gc
import math
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QWidget

_MS_BETWEEN = 1000
# Some milliseconds' worth.
_MOST_AT_ONCE = 30_000
# So many may survive before they are set aside as well.
_MOST_KEPT = 60_000
_SECONDS_OF_REST = 8.0
_SECONDS_BETWEEN_ALL = 30.0
_INPUT = frozenset(
    (
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.DragMove,
        QEvent.Type.TouchUpdate,
    )
)


class Collector(QObject):
    """Collects for a window from `start` to `stop`; `is_busy` says whether any work is under way.

    Attributes:
        owes: whether something was set aside that has not been gone through.

    """

    def __init__(self, window: QWidget, is_busy: Callable[[], bool]) -> None:
        super().__init__(window)
        self._window, self._is_busy = window, is_busy
        self._listens_to: QWindow | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_MS_BETWEEN)
        self._timer.timeout.connect(self.collect)
        self._kept = 0
        self._last_use = time.monotonic()
        self._last_all = -math.inf
        self.owes = False

    def start(self) -> None:
        """What is there now stays, and is never gone through."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.enable()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Somebody uses the window."""
        if event.type() in _INPUT:
            self._last_use = time.monotonic()
        return super().eventFilter(watched, event)

    def collect(self) -> None:
        """What Python itself would collect now, if that is short."""
        if self._listens_to is None:
            # Input comes to it before the widgets: few events pass here.
            self._listens_to = self._window.windowHandle()
            if self._listens_to is not None:
                self._listens_to.installEventFilter(self)
        is_busy = self._is_busy()
        if is_busy:
            self._last_use = time.monotonic()
        if self.owes and not is_busy and self.rests and time.monotonic() - self._last_all > _SECONDS_BETWEEN_ALL:
            self.collect_all()
            return
        made = gc.get_count()[0]
        if made > _MOST_AT_ONCE or self._kept > _MOST_KEPT:
            gc.freeze()
            self._kept, self.owes = 0, True
            return
        self._kept += max(made, 0)
        due = [count > limit > 0 for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        for generation in (2, 1, 0):
            if due[generation]:
                gc.collect(generation)
                return

    def collect_all(self) -> None:
        """Go through everything, which takes its time."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        give_back()
        self._kept, self.owes, self._last_all = 0, False, time.monotonic()

    @property
    def rests(self) -> bool:
        """Whether nobody waits for the window: it was not used for a while, and nothing ran for it."""
        return time.monotonic() - self._last_use > _SECONDS_OF_REST


def give_back() -> None:
    """Give what was freed to the system: the allocator of Linux keeps it for later, hundreds of MB of a large file."""
    if sys.platform == "linux":
        # Not before it is needed: the first tree does not wait for it.
        import ctypes

        # Other libraries of C than the usual one have no such call.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
