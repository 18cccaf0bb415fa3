"""HistogramsPane: small histograms of the tensors of the selected module, read in order and drawn as they come."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import bytes_for_people, plural
from sdviewer.control import Control
from sdviewer.errors import SdviewerError
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.reading_row import ReadingRow

if TYPE_CHECKING:
    from sdviewer.analysis.sketches import Sketch
    from sdviewer.ui.plots.histograms.listing import Listing
    from sdviewer.ui.plots.histograms.view import HistogramsView

READ_AT_ONCE = 512 << 20
"""Bytes that are read without a question."""

_STEP = 60
_MOST_KEPT = 2000
_MS_BETWEEN_LOOKS = 80
_MS_AFTER_TYPING = 150


class HistogramsPane(Pane):
    """What was read is kept as long as the file is open, up to some number."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = context.bridge
        self._list_slot, self._read_slot = (context.slot, "histograms"), (context.slot, "histograms", "read")
        self._checkpoint: Checkpoint | None = None
        self._node = -1
        self._most = _STEP
        self._listing: Listing | None = None
        self._found: OrderedDict[int, Sketch | SdviewerError] = OrderedDict()
        self._news: deque[tuple[int, Sketch | SdviewerError]] = deque()
        self._is_listing = self._is_reading = False
        self.filter = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.filter.setAcceptDrops(False)
        self.filter.setPlaceholderText("Only names with …")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Only tensors whose names have this text")
        self.filter.setMaximumWidth(220)
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.row = ReadingRow()
        self.error = ErrorStrip(self)
        self.picture: LatePicture[HistogramsView] = LatePicture(context.library, self._make)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        for part in (self.error, self.filter, self.notice, self.row):
            column.addWidget(part)
        column.addWidget(self.picture, 1)
        column.addStretch(0)
        self._looks = QTimer(self)
        self._looks.setInterval(_MS_BETWEEN_LOOKS)
        self._looks.timeout.connect(self._take_news)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_MS_AFTER_TYPING)
        self._typed.timeout.connect(self._begin)
        self._bridge.changed.connect(self._tell_progress)
        self.filter.textChanged.connect(lambda _: self._typed.start())
        self.row.wanted.connect(self.read)
        self.row.stop_wanted.connect(lambda: self._bridge.cancel(self._read_slot))
        self.picture.failed.connect(lambda error: self.error.show_error(error, "The histograms cannot be drawn."))

    @property
    def view(self) -> HistogramsView | None:
        """The picture, None before the first."""
        return self.picture.view

    @property
    def is_settled(self) -> bool:
        """Whether all is drawn that is read without a question."""
        waiting = self._is_listing or self._is_reading or self._typed.isActive()
        return not (waiting or self.picture.is_waiting)

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

        self._is_reading = True
        self.error.clear()
        self.row.begin()
        self._looks.start()
        self._bridge.start(
            Lane.COMPUTING,
            self._read_slot,
            work,
            on_value=lambda _: self._ended(),
            on_error=self._failed,
            on_stopped=self._ended,
            title="Reading histograms",
            bytes_a_step=1.0,
        )

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self._stop()
        self.picture.close_jobs()

    def _make(self) -> HistogramsView:
        from sdviewer.ui.plots.histograms.view import HistogramsView

        view = HistogramsView(self._bridge, self._list_slot)
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

        self._is_listing = True
        self._bridge.start(
            Lane.COMPUTING,
            self._list_slot,
            work,
            on_value=self._listed,
            on_error=self._failed,
            on_stopped=self._ended,
        )

    def _listed(self, listing: Listing) -> None:
        from sdviewer.ui.plots.histograms.listing import unread_bytes

        checkpoint, node = self._checkpoint, self._node
        assert checkpoint is not None  # noqa: S101  # the job was for one
        self._is_listing = False
        self._listing = listing
        if not len(listing.nodes):
            has_filter = bool(self.filter.text().strip())
            self._say("No name has this text." if has_filter else "No tensor here has values to draw.")
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

    def _take_news(self) -> None:
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
        self._is_listing = self._is_reading = False
        self._looks.stop()
        self._take_news()
        self.row.hide()
        if was_reading and self._listing is not None:
            left = [row for row in self._listing.rows.tolist() if row not in self._found]
            if left:
                self.row.offer(f"{plural(len(set(left)), 'tensor')} not read", "Read them")

    def _failed(self, error: BaseException) -> None:
        self._ended()
        self.row.hide()
        self.error.show_error(error, "The histograms cannot be read.", self._list)

    def _stop(self) -> None:
        self._typed.stop()
        self._bridge.drop(self._list_slot)
        self._bridge.drop(self._read_slot)
        self._is_listing = self._is_reading = False
        self._looks.stop()
        self._take_news()
        # What a stopped job still tells, it tells nobody.
        self._news = deque()
        self.error.clear()
        self.row.hide()
        self._say("")

    def _follow(self, cell: int) -> None:
        if self._listing is not None and cell < len(self._listing.nodes):
            self.node_wanted.emit(int(self._listing.nodes[cell]))

    def _tell_progress(self) -> None:
        if self._is_reading:
            self.row.show_running(self._bridge.running.get(self._read_slot))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
