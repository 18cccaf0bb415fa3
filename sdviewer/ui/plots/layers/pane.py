"""LayersPane: statistics along the layers of the selected module, from a scan, or read for the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import bytes_for_people, plural
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.panes import PaneContext, Selection
from sdviewer.ui.plots.reading_pane import READ_AT_ONCE, ReadingPane
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.analysis.statistics_table import StatisticsTable
    from sdviewer.ui.plots.layers.gathering import Gathered
    from sdviewer.ui.plots.layers.view import LayersView
    from sdviewer.ui.scan.findings import Findings

_MS_BETWEEN_LOOKS = 400


class LayersPane(ReadingPane["LayersView"]):
    """What was read for one module is known for the others."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(context, "layers", _MS_BETWEEN_LOOKS, parent)
        self._scanning = context.scanning
        self._looking = (context.slot, "layers", "look")
        self._checkpoint: Checkpoint | None = None
        self._node = -1
        self._table: StatisticsTable | None = None
        self._gathered: Gathered | None = None
        if self._scanning is not None:
            self._scanning.values_came.connect(self._values_came)

    def show_selection(self, selection: Selection) -> None:
        """Draw the layers below a node, and read what is missing if that is little."""
        self._stop()
        if selection.checkpoint is not self._checkpoint:
            self._checkpoint, self._table = selection.checkpoint, None
        self._node = selection.node
        self._gathered = None
        self.picture.clear()
        self._gather()

    def read(self) -> None:
        """Read the tensors that have no statistics yet, as many as are offered."""
        checkpoint, table, gathered = self._checkpoint, self._table, self._gathered
        if checkpoint is None or table is None or gathered is None or self._is_finding:
            return
        missing = gathered.missing

        def work(control: Control) -> None:
            from sdviewer.ui.plots.layers.gathering import read_missing

            read_missing(checkpoint, table, missing, control)

        self._start_reading(work, self._read, self._stopped)

    def _make(self) -> LayersView:
        from sdviewer.ui.plots.layers.view import LayersView

        view = LayersView(self._bridge, self._finding)
        view.message.connect(self.message)
        view.node_wanted.connect(self.node_wanted)
        return view

    def _gather(self, *, again: bool = False) -> None:
        """Find the layers, and what a scan knows of them; `again` reads nothing by itself."""
        checkpoint, node = self._checkpoint, self._node
        if checkpoint is None:
            return
        findings: Findings | None = self._scanning.found_in(checkpoint) if self._scanning is not None else None
        table = self._table
        before = self._gathered

        def work(control: Control) -> tuple[StatisticsTable, Gathered]:
            from sdviewer.analysis.statistics_table import StatisticsTable
            from sdviewer.ui.plots.layers.gathering import gather, look, take_known

            own = table if table is not None else StatisticsTable(len(checkpoint.table))
            if before is not None:
                take_known(own, before.layers.rows, findings)
                return own, look(checkpoint, before.layers, own)
            return own, gather(checkpoint, node, own, findings, control)

        self._is_finding = True
        self._bridge.start(
            Lane.COMPUTING,
            self._finding,
            work,
            on_value=lambda found: self._came(*found, again=again),
            on_error=self._failed,
            on_stopped=self._stopped,
        )

    def _came(self, table: StatisticsTable, gathered: Gathered, *, again: bool) -> None:
        checkpoint, node = self._checkpoint, self._node
        assert checkpoint is not None  # noqa: S101  # the job was for one
        self._is_finding = False
        self._table = table
        is_new, self._gathered = self._gathered is None, gathered
        if len(gathered.layers.layers) < 2 or not len(gathered.layers.nodes):
            self._say(tr("There are no numbered layers in a row below this module, so there is nothing to draw along."))
            self.row.hide()
            return
        if is_new:
            self.picture.use(lambda view: self._show(view, checkpoint, node))
        elif self.view is not None and not self.picture.is_waiting:
            self.view.take(gathered)
        missing = gathered.missing
        if not len(missing.rows):
            self.row.hide()
        elif missing.nbytes <= READ_AT_ONCE and not again:
            self.read()
        else:
            self._offer()

    def _show(self, view: LayersView, checkpoint: Checkpoint, node: int) -> None:
        """Draw the layers with what is known when there is a picture to draw them in."""
        if self._gathered is not None:
            view.show_layers(checkpoint, node, self._gathered)

    def _offer(self) -> None:
        assert self._gathered is not None  # noqa: S101  # asked only then
        missing = self._gathered.missing
        later = f"; {plural(missing.later, 'tensor')} after these" if missing.later else ""
        text = f"{plural(len(missing.rows), 'tensor')} are not read yet, {bytes_for_people(missing.nbytes)}{later}"
        self.row.offer(text, "Read them")

    def _read(self) -> None:
        self._end()
        self._gather(again=True)

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.row.hide()
        self.error.show_error(error, tr("The statistics cannot be read."), self._try_again)

    def _stopped(self) -> None:
        self._end()
        self._gather(again=True)

    def _try_again(self) -> None:
        self._gathered = None
        self._gather()

    def _stop(self) -> None:
        self._bridge.drop(self._looking)
        super()._stop()

    def _look(self) -> None:
        """Draw what was read since the last look."""
        checkpoint, gathered, table = self._checkpoint, self._gathered, self._table
        if checkpoint is None or gathered is None or table is None or self._looking in self._bridge.running:
            return

        def work(_: Control) -> Gathered:
            from sdviewer.ui.plots.layers.gathering import look

            return look(checkpoint, gathered.layers, table)

        self._bridge.start(
            Lane.COMPUTING,
            self._looking,
            work,
            on_value=self._looked,
            on_error=self._failed,
        )

    def _looked(self, gathered: Gathered) -> None:
        if self._is_reading and self.view is not None and not self.picture.is_waiting:
            self.view.take(gathered)

    def _values_came(self) -> None:
        """A scan goes on: take what it found, but only while somebody looks."""
        if self.isVisible() and self._gathered is not None and not self._is_reading and not self._is_finding:
            self._gather(again=True)
