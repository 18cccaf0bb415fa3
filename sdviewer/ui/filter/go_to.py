"""GoToPanel: finds a tensor by a few letters of its name, over the window, and goes with what it found."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.jobs.runner import Lane
from sdviewer.search.fuzzy import FuzzyFinder
from sdviewer.search.index import index_of
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.errors import describe_error
from sdviewer.ui.filter.pick_panel import PickPanel
from sdviewer.ui.filter.tasks import HitList, run_finder
from sdviewer.ui.translating import tr

_MS_BEFORE_SEARCH = 5


class GoToPanel(PickPanel):
    """A line and up to 200 tensors."""

    chosen = Signal(int)
    """The tree node of the tensor to go to."""

    def __init__(self, bridge: Bridge, window: QWidget) -> None:
        super().__init__(
            window,
            name="Go to tensor",
            placeholder=tr("Go to tensor: a few letters of its name, as in l12 q w"),
            line_name="Letters of the tensor's name",
            list_name="Tensors that fit, best first",
        )
        self._bridge = bridge
        self.slot: Hashable = (id(self), "go to")
        self._checkpoint: Checkpoint | None = None
        self._finder: FuzzyFinder | None = None
        self._settled = True
        self._goes_when_found = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_SEARCH)
        self._timer.timeout.connect(self._search)

    @property
    def is_settled(self) -> bool:
        """Whether the list belongs to what is typed."""
        return self._settled

    def open_for(self, checkpoint: Checkpoint) -> None:
        """Ask for a tensor of this checkpoint; what was typed the last time stands there, selected."""
        if checkpoint is not self._checkpoint:
            self._checkpoint, self._finder = checkpoint, FuzzyFinder(index_of(checkpoint).names)
            self.model.show_rows(())
            self.footer.clear()
        self.open_line()

    def close_overlay(self) -> None:
        """Close; what nobody waits for is not looked for."""
        super().close_overlay()
        self.close_jobs()

    def close_jobs(self) -> None:
        """Stop what runs; nothing more will be shown."""
        self._timer.stop()
        self._settled = True
        self._bridge.drop(self.slot)

    def forget(self) -> None:
        """Let go of the checkpoint."""
        self.close_overlay()
        self._checkpoint = self._finder = None
        self.model.show_rows(())

    def take(self) -> None:
        """Typed quicker than it was found: go as soon as it is."""
        if self._settled:
            super().take()
        else:
            self._goes_when_found = True

    def choose(self, row: int) -> None:
        """Go to this one."""
        node = self.model.rows[row].node
        self.close_overlay()
        self.chosen.emit(node)

    def typed(self) -> None:
        """Look for something else."""
        self._settled = self._goes_when_found = False
        self._timer.start()

    def _search(self) -> None:
        checkpoint, finder, query = self._checkpoint, self._finder, self.line.text()
        if checkpoint is None or finder is None:
            return
        self._bridge.start(
            Lane.COMPUTING,
            self.slot,
            lambda control: run_finder(checkpoint, finder, query, control),
            on_value=self._found,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Looking for a tensor"),
        )

    def _found(self, hits: HitList) -> None:
        self._ended()
        self.model.show_rows(hits.rows)
        self.select(0)
        if not hits.total:
            self.footer.setText(tr("No tensor has these letters in this order"))
        elif hits.total > len(hits.rows):
            self.footer.setText(tr("The best {rows:,} of {total:,}", rows=len(hits.rows), total=hits.total))
        else:
            self.footer.setText(tr("{total:,} tensor{value}", total=hits.total, value="s" if hits.total > 1 else ""))
        if self._settled and self._goes_when_found and hits.rows:
            self.take()

    def _failed(self, error: BaseException) -> None:
        self._ended()
        self.footer.setText(describe_error(error).message)

    def _stopped(self) -> None:
        self._ended()
        self.footer.setText(tr("Stopped"))

    def _ended(self) -> None:
        # What was typed meanwhile is not looked for yet.
        self._settled = not self._timer.isActive()
