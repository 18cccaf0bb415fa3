"""PageFetcher: reads the pages that a table shows, one job at a time, those in sight now before all others."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Sequence

from PySide6.QtCore import QObject, Signal

from sdviewer.checkpoint.value_frame import Page
from sdviewer.checkpoint.value_pages import Block, PagedValues
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

# A job brings home what it has after this long, so that a slow disk fills the table bit by bit.
_SECONDS_A_JOB = 0.03


class _Wanted:
    """Pages to read; the window's thread says which, the job takes one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: list[Page] = []
        self._taken: set[Page] = set()

    def replace(self, pages: Sequence[Page]) -> None:
        """Only these, without those that the job has taken: they are on their way."""
        with self._lock:
            self._pages = [page for page in pages if page not in self._taken]

    def take(self) -> Page | None:
        with self._lock:
            if not self._pages:
                return None
            page = self._pages.pop(0)
            self._taken.add(page)
            return page

    def arrived(self) -> bool:
        """What was taken is there; whether more is wanted."""
        with self._lock:
            self._taken.clear()
            return bool(self._pages)


class PageFetcher(QObject):
    """Puts blocks into a `PagedValues` and says so."""

    arrived = Signal(object)
    """Some pages were read: a list of them."""

    failed = Signal(object)
    """Reading raised this error; nothing more is read until pages are wanted again."""

    stopped = Signal()
    """The user stopped the reading."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, slot
        self._pages: PagedValues | None = None
        self._wanted = _Wanted()

    @property
    def is_busy(self) -> bool:
        """Whether a job is on its way."""
        return self._slot in self._bridge.running

    def read_from(self, pages: PagedValues | None) -> None:
        """Turn to another frame: what is read of the former one is forgotten."""
        self._bridge.drop(self._slot)
        self._pages, self._wanted = pages, _Wanted()

    def want(self, pages: Sequence[Page]) -> None:
        """Read these, and no longer those that were wanted before and are not begun."""
        if self._pages is None:
            return
        self._wanted.replace(pages)
        if pages and not self.is_busy:
            self._start(self._pages)

    def _start(self, source: PagedValues) -> None:
        wanted = self._wanted

        def read(control: Control) -> list[tuple[Page, Block]]:
            until = time.monotonic() + _SECONDS_A_JOB
            blocks: list[tuple[Page, Block]] = []
            while not blocks or time.monotonic() < until:
                control.check()
                page = wanted.take()
                if page is None:
                    break
                blocks.append((page, source.read(page)))
            return blocks

        self._bridge.start(
            Lane.READING,
            self._slot,
            read,
            on_value=self._arrived,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Reading values"),
        )

    def _arrived(self, blocks: list[tuple[Page, Block]]) -> None:
        if self._pages is None:
            return
        for page, block in blocks:
            self._pages.put(page, block)
        if self._wanted.arrived():
            self._start(self._pages)
        self.arrived.emit([page for page, _ in blocks])

    def _failed(self, error: BaseException) -> None:
        self._wanted = _Wanted()
        self.failed.emit(error)

    def _stopped(self) -> None:
        self._wanted = _Wanted()
        self.stopped.emit()
