"""Measuring: the counts of tensors, from which statistics and pictures are made; each tensor is counted once.

Whoever shows a tensor asks for its counts. Who asks while it is being counted waits for the same job, and
the last ones are kept, so that going back is a matter of no time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.analysis.counts import Counts
    from sdviewer.analysis.masses import Masses
    from sdviewer.analysis.statistics import TensorStatistics
    from sdviewer.analysis.statistics_table import Figures

# Of a large tensor they are about a megabyte.
_MOST_KEPT = 48


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """What is known of a tensor's values after they were counted.

    With `is_derived` they were worked out of the tensor's and others', and cannot be read from it once more.
    """

    ref: TensorRef
    counts: Counts
    masses: Masses
    figures: Figures
    statistics: TensorStatistics
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who waits for a tensor's counts."""

    on_value: Callable[[Measured], None]
    on_error: Callable[[BaseException], None]
    on_stopped: Callable[[], None]


@dataclass(eq=False, slots=True)
class _Running:
    askers: dict[Hashable, Asker] = field(default_factory=dict)


def measured(ref: TensorRef, control: Control) -> Measured:
    """Count a tensor.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    from sdviewer.analysis.counting import count
    from sdviewer.analysis.masses import masses_of

    counts = count(ref, control)
    figures = counts.figures()
    return Measured(ref, counts, masses_of(counts), figures, figures.statistics())


class Measuring(QObject):
    """Counts tensors of one checkpoint at a time."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, slot
        self._checkpoint: Checkpoint | None = None
        self._kept: OrderedDict[int, Measured] = OrderedDict()
        self._running: dict[int, _Running] = {}

    def known(self, ref: TensorRef) -> Measured | None:
        """What was counted before, None if it must be counted."""
        self._look_at(ref.checkpoint)
        found = self._kept.get(ref.row)
        if found is not None:
            self._kept.move_to_end(ref.row)
        return found

    def ask(self, who: Hashable, ref: TensorRef, asker: Asker) -> None:
        """Have a tensor counted; one of the callbacks follows, now if it was counted before.

        Whoever asks again no longer waits for what it asked before.
        """
        self.forget(who)
        self.ask_also(who, ref, asker)

    def ask_also(self, who: Hashable, ref: TensorRef, asker: Asker) -> None:
        """The same beside what is already asked."""
        found = self.known(ref)
        if found is not None:
            asker.on_value(found)
            return
        row = ref.row
        running = self._running.get(row)
        if running is not None:
            running.askers[who] = asker
            return
        self._running[row] = _Running({who: asker})

        def value(result: Measured) -> None:
            self._keep(result)
            for each in self._ended(row):
                each.on_value(result)

        def error(failure: BaseException) -> None:
            for each in self._ended(row):
                each.on_error(failure)

        def stopped() -> None:
            for each in self._ended(row):
                each.on_stopped()

        self._bridge.start(
            Lane.COMPUTING,
            (self._slot, row),
            lambda control: measured(ref, control),
            on_value=value,
            on_error=error,
            on_stopped=stopped,
            title=tr("Reading values"),
            bytes_a_step=ref.nbytes / max(ref.numel, 1),
        )

    def forget(self, who: Hashable) -> None:
        """Call nobody back for `who`; what nobody else waits for is stopped."""
        for row, running in list(self._running.items()):
            if running.askers.pop(who, None) is not None and not running.askers:
                del self._running[row]
                self._bridge.drop((self._slot, row))

    def close_jobs(self) -> None:
        """Stop everything and keep nothing."""
        for row in self._running:
            self._bridge.drop((self._slot, row))
        self._running.clear()
        self._kept.clear()
        self._checkpoint = None

    def keep(self, better: Measured) -> None:
        """Take what is known better now."""
        if better.ref.checkpoint is self._checkpoint:
            self._keep(better)

    def _look_at(self, checkpoint: Checkpoint) -> None:
        if checkpoint is not self._checkpoint:
            # Rows of another file, or of the same one read again, are others.
            self.close_jobs()
            self._checkpoint = checkpoint

    def _keep(self, result: Measured) -> None:
        self._kept[result.ref.row] = result
        self._kept.move_to_end(result.ref.row)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def _ended(self, row: int) -> list[Asker]:
        running = self._running.pop(row, None)
        return list(running.askers.values()) if running is not None else []
