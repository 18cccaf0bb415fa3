"""FileWatch: notices that the files of an open checkpoint are no longer those that were read."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from sdviewer.checkpoint.source import SourceSpec
from sdviewer.control import Control
from sdviewer.errors import SourceChanged
from sdviewer.formats.files import check_file
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge

_MS_BETWEEN_LOOKS = 2000


def first_change(specs: Sequence[SourceSpec], control: Control) -> SourceChanged | None:
    """What became of the first file that is not as it was described, None if all are."""
    for spec in specs:
        control.check()
        try:
            check_file(spec)
        except SourceChanged as change:
            return change
    return None


class FileWatch(QObject):
    """Looks every two seconds while its file is in front: a question to the file system, in a job.

    Not by notifications of the system: network drives give none. The next look waits for the one
    before, so that a drive that hangs holds up one thread, whatever else happens.
    """

    noticed = Signal(object)
    """The `SourceChanged` that tells what became of a file; None if all are as they were after all."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, slot
        self._specs: tuple[SourceSpec, ...] = ()
        self._told = ""
        self._timer = QTimer(self)
        self._timer.setInterval(_MS_BETWEEN_LOOKS)
        self._timer.timeout.connect(self.look)

    def follow(self, specs: Sequence[SourceSpec]) -> None:
        """Watch the files among these, which were read just now; none to watch nothing."""
        self._bridge.drop(self._slot)
        self._specs = tuple(spec for spec in specs if spec.kind == "file")
        self._told = ""

    def set_in_front(self, in_front: bool) -> None:
        """Look now and from now on, or rest."""
        if in_front:
            self._timer.start()
            self.look()
        else:
            self._timer.stop()

    def look(self) -> None:
        """Look once, unless a look is on its way."""
        if not self._specs or self._slot in self._bridge.running:
            return
        specs = self._specs
        self._bridge.start(
            Lane.READING,
            self._slot,
            lambda control: first_change(specs, control),
            on_value=self._looked,
            on_error=self._not_looked,
        )

    def _looked(self, change: SourceChanged | None) -> None:
        # A file that is written every second is told of once.
        told = str(change) if change is not None else ""
        if told != self._told:
            self._told = told
            self.noticed.emit(change)

    def _not_looked(self, error: BaseException) -> None:
        """Asking is all that is done here: what fails will fail, and be told, where the file is read."""
