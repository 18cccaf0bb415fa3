"""HistogramsPane: small histograms of the tensors of the selected module, read in order and drawn as they come."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import bytes_for_people, plural
from sdviewer.control import Control
from sdviewer.errors import SdviewerError
from sdviewer.jobs.runner import Lane
from sdviewer.ui.clear_button import add_clear_button
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.panes import PaneContext, Selection
from sdviewer.ui.plots.reading_pane import READ_AT_ONCE, ReadingPane
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.analysis.sketches import Sketch
    from sdviewer.ui.plots.histograms.listing import Listing
    from sdviewer.ui.plots.histograms.view import HistogramsView

_STEP = 60
_MOST_KEPT = 2000
_MS_BETWEEN_LOOKS = 80
_MS_AFTER_TYPING = 150


class HistogramsPane(ReadingPane["HistogramsView"]):
    """What was read is kept as long as the file is open, up to some number."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(context, "histograms", _MS_BETWEEN_LOOKS, parent)
        self._checkpoint: Checkpoint | None = None
        self._node = -1
        self._most = _STEP
        self._listing: Listing | None = None
        self._found: OrderedDict[int, Sketch | SdviewerError] = OrderedDict()
        self._news: deque[tuple[int, Sketch | SdviewerError]] = deque()
        self.filter = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.filter.setAcceptDrops(False)
        self.filter.setPlaceholderText(tr("Only names with …"))
        add_clear_button(self.filter)
        self.filter.setAccessibleName(tr("Only tensors whose names have this text"))
        self.filter.setMaximumWidth(220)
        self._column.insertWidget(1, self.filter)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_MS_AFTER_TYPING)
        self._typed.timeout.connect(self._begin)
        self.filter.textChanged.connect(lambda _: self._typed.start())

    @property
    def is_settled(self) -> bool:
        """Whether all is drawn that is read without a question."""
        return super().is_settled and not self._typed.isActive()

    def show_selection(self, selection: Selection) -> None:
        """Draw the tensors below a node."""
        if selection.checkpoint is not self._checkpoint:
            self._checkpoint = selection.checkpoint
            self._found.clear()
        if selection.node != self._node:
            self._node = selection.node
            self.filter.blockSignals(True)
            self.filter.clear()
            self.filter.blockSignals(False)
        self.picture.clear()
        self._begin()

    def read(self) -> None:
        """Read the tensors in sight that are not known yet."""
        checkpoint, listing = self._checkpoint, self._listing
        if checkpoint is None or listing is None:
            return
        news, known = self._news, frozenset(self._found)

        def work(control: Control) -> None:
            from sdviewer.ui.plots.histograms.listing import read_sketches

            read_sketches(checkpoint, listing, dict.fromkeys(known), lambda *found: news.append(found), control)

        self._start_reading(work, self._ended, self._ended)

    def _make(self) -> HistogramsView:
        from sdviewer.ui.plots.histograms.view import HistogramsView

        view = HistogramsView(self._bridge, self._finding)
        view.message.connect(self.message)
        view.followed.connect(self._follow)
        view.more_wanted.connect(self._show_more)
        return view

    def _begin(self) -> None:
        self._most = _STEP
        self._list()

    def _show_more(self) -> None:
        self._most += _STEP
        self._list()

    def _list(self) -> None:
        self._stop()
        checkpoint, node, most, text = self._checkpoint, self._node, self._most, self.filter.text()
        if checkpoint is None:
            return

        def work(control: Control) -> Listing:
            from sdviewer.ui.plots.histograms.listing import list_tensors

            return list_tensors(checkpoint, node, text, most, control)

        self._is_finding = True
        self._bridge.start(
            Lane.COMPUTING,
            self._finding,
            work,
            on_value=self._listed,
            on_error=self._failed,
            on_stopped=self._ended,
        )

    def _listed(self, listing: Listing) -> None:
        from sdviewer.ui.plots.histograms.listing import unread_bytes

        checkpoint, node = self._checkpoint, self._node
        assert checkpoint is not None  # noqa: S101  # the job was for one
        self._is_finding = False
        self._listing = listing
        if not len(listing.nodes):
            has_filter = bool(self.filter.text().strip())
            self._say(tr("No name has this text.") if has_filter else tr("No tensor here has values to draw."))
            self.picture.clear()
            return
        name, found = name_of(checkpoint, node), self._found
        self.picture.use(lambda view: view.show_listing(checkpoint, name, listing, found))
        unread = unread_bytes(checkpoint, listing, found)
        if not unread:
            return
        if unread <= READ_AT_ONCE:
            self.read()
        else:
            count = sum(1 for row in listing.rows.tolist() if row not in found)
            self.row.offer(f"{plural(count, 'tensor')} not read yet, {bytes_for_people(unread)}", "Read them")

    def _look(self) -> None:
        """Draw what was read since the last look."""
        came = False
        while self._news:
            row, found = self._news.popleft()
            self._found[row] = found
            came = True
        shown = set(self._listing.rows.tolist()) if self._listing is not None else set()
        for row in list(self._found)[: max(len(self._found) - _MOST_KEPT, 0)]:
            if row not in shown:
                del self._found[row]
        if came and self.view is not None and not self.picture.is_waiting:
            self.view.take()

    def _ended(self) -> None:
        was_reading = self._is_reading
        self._end()
        self._look()
        self.row.hide()
        if was_reading and self._listing is not None:
            left = [row for row in self._listing.rows.tolist() if row not in self._found]
            if left:
                self.row.offer(f"{plural(len(set(left)), 'tensor')} not read", "Read them")

    def _failed(self, error: BaseException) -> None:
        self._ended()
        self.row.hide()
        self.error.show_error(error, tr("The histograms cannot be read."), self._list)

    def _stop(self) -> None:
        self._typed.stop()
        super()._stop()
        self._look()
        # What a stopped job still tells, it tells nobody.
        self._news = deque()

    def _follow(self, cell: int) -> None:
        if self._listing is not None and cell < len(self._listing.nodes):
            self.node_wanted.emit(int(self._listing.nodes[cell]))
