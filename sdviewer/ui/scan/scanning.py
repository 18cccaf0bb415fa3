"""Scanning: the scan of one tab's checkpoint: what is remembered of it, one run after another, what came of them."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import WAY, Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.scan.findings import Findings
    from sdviewer.ui.scan.work import ScanWork

AUTOMATIC_BYTES = 256 << 20
"""Files up to this size are scanned when they are opened, if the user wishes so."""

SECONDS_TO_ANSWER = 0.25
"""How long a scan stands aside after the user has done something: what follows is shown by then."""

_MS_BETWEEN_LOOKS = 200
# First the tree is painted, and what the user looks at is read.
_MS_BEFORE_LOOKING = 300


class Scan(Enum):
    """How a scan stands."""

    NONE = "none"
    LOOKING_UP = "looking up"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    DONE = "done"


class Scanning(QObject):
    """Whatever it finds is in `findings`, which its signals say has grown.

    With `remembers` what was found in earlier starts is looked up, and kept for later ones. With `automatic` a
    small file is scanned when it is shown.
    """

    changed = Signal()
    """It began, waits, goes on, or ended."""

    values_came = Signal()
    """There are further figures, or none any more."""

    judged = Signal()
    """Health says something else, or nothing any more."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self.slot = bridge, slot
        self.remembers = self.automatic = False
        self.state = Scan.NONE
        self.error: BaseException | None = None
        self.title = ""
        self.findings: Findings | None = None
        self._checkpoint: Checkpoint | None = None
        self._work: ScanWork | None = None
        self._preferred = -1
        self._known: tuple[int, object] = (0, None)
        self._looks = QTimer(self)
        self._looks.setInterval(_MS_BETWEEN_LOOKS)
        self._looks.timeout.connect(self._look)
        self._begin_timer = QTimer(self)
        self._begin_timer.setSingleShot(True)
        self._begin_timer.setInterval(_MS_BEFORE_LOOKING)
        self._begin_timer.timeout.connect(self._begin)

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is on its way."""
        return self.state not in (Scan.LOOKING_UP, Scan.RUNNING) and not self._looks.isActive()

    @property
    def is_paused(self) -> bool:
        """Whether it runs and waits."""
        return self.state is Scan.RUNNING and self._work is not None and self._work.paused

    def found_in(self, checkpoint: Checkpoint) -> Findings | None:
        """What was found in a checkpoint, if this is the one that was scanned."""
        return self.findings if self.findings is not None and self.findings.checkpoint is checkpoint else None

    def show_checkpoint(self, checkpoint: Checkpoint | None, title: str) -> None:
        """Another checkpoint, or the same file read again: what was found before says nothing of it."""
        self.close_jobs()
        self._checkpoint, self.title = checkpoint, title
        self._preferred = -1
        if self.findings is not None:
            self._take(None)

    def begin_soon(self) -> None:
        """The tab is in sight: look up what is remembered, and scan a small file, shortly after its first paint."""
        if self.state is Scan.NONE and self._checkpoint is not None and (self.remembers or self.automatic):
            self._begin_timer.start()

    def start(self) -> None:
        """Scan what was not scanned yet; of what is all known, begin anew."""
        if self.state is Scan.RUNNING or self._checkpoint is None or not len(self._checkpoint.table):
            return
        self._begin_timer.stop()
        self._bridge.drop(self.slot)
        self._run(self._checkpoint)

    def set_paused(self, *, paused: bool) -> None:
        """Wait, or go on."""
        if self.state is Scan.RUNNING:
            self._bridge.set_paused(self.slot, paused=paused)

    def stop(self) -> None:
        """End it; what was found stays."""
        self._bridge.cancel(self.slot)

    def prefer(self, row: int) -> None:
        """What the user looks at is scanned next."""
        self._preferred = row
        if self._work is not None and self.state is Scan.RUNNING:
            self._work.prefer(row)

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be told."""
        self._begin_timer.stop()
        self._looks.stop()
        self._bridge.drop(self.slot)
        self._work = None
        self._set(Scan.NONE)

    def _begin(self) -> None:
        checkpoint = self._checkpoint
        if checkpoint is None or self.state is not Scan.NONE:
            return
        if not self.remembers:
            self._looked_up(None)
            return

        def work(control: Control) -> Findings | None:
            # Imported on the working thread: the window stands before the engine is loaded.
            from sdviewer.ui.scan.work import look_up

            return look_up(checkpoint, control)

        self._bridge.start(
            Lane.SCANNING,
            self.slot,
            work,
            on_value=self._looked_up,
            on_error=lambda _: self._looked_up(None),
            on_stopped=lambda: self._set(Scan.STOPPED),
            title=tr("Looking up {title}", title=self.title),
            background=True,
        )
        self._set(Scan.LOOKING_UP)

    def _looked_up(self, findings: Findings | None) -> None:
        """What is remembered may be all, or it is scanned now what is not known."""
        if findings is not None:
            self._take(findings)
        if _is_whole(findings):
            self._set(Scan.DONE)
        elif self.automatic and self._checkpoint is not None and self._checkpoint.file_bytes <= AUTOMATIC_BYTES:
            self._run(self._checkpoint)
        else:
            self._set(Scan.STOPPED if findings is not None else Scan.NONE)

    def _run(self, checkpoint: Checkpoint) -> None:
        from sdviewer.ui.scan.work import ScanWork

        before = self.findings
        if before is not None and (_is_whole(before) or before.channels is None):
            before = None
        work = ScanWork(checkpoint, before, remember=self.remembers)
        if self._preferred >= 0:
            work.prefer(self._preferred)
        self._work, self.error = work, None
        self._bridge.start(
            Lane.SCANNING,
            self.slot,
            work.run,
            on_value=lambda _: self._ended(Scan.DONE),
            on_error=self._failed,
            on_stopped=lambda: self._ended(Scan.STOPPED),
            title=tr("Scanning {title}", title=self.title),
            background=True,
            bytes_a_step=1.0,
            pausable=work,
        )
        self._looks.start()
        self._set(Scan.RUNNING)

    def _ended(self, state: Scan) -> None:
        self._set(state)
        self._look()

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self._ended(Scan.FAILED)

    def _look(self) -> None:
        """Tell what is new; what was cancelled may still be putting its last results together."""
        work = self._work
        if work is None:
            self._looks.stop()
            return
        if work.ended:
            self._looks.stop()
            self._work = None
        if work.findings is not None:
            self._take(work.findings)
        if work.ended:
            self.changed.emit()

    def _take(self, findings: Findings | None) -> None:
        """Show findings, if they say more than when they were looked at last."""
        is_other = findings is not self.findings
        self.findings = findings
        count = 0 if findings is None else int(np.count_nonzero(findings.table.filled))
        judged = None if findings is None else findings.judged
        before, self._known = self._known, (count, judged)
        WAY.keep_clear()
        if is_other or count != before[0]:
            self.values_came.emit()
        if is_other or judged is not before[1]:
            self.judged.emit()

    def _set(self, state: Scan) -> None:
        if state is not self.state:
            self.state = state
            self.changed.emit()


def _is_whole(findings: Findings | None) -> bool:
    """Whether nothing is left to be looked at."""
    judged = findings.judged if findings is not None else None
    return judged is not None and judged.is_whole
