"""GoToPanel: finds a tensor by a few letters of its name, over the window, and goes with what it found."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.jobs.runner import Lane
from sdviewer.search.fuzzy import FuzzyFinder
from sdviewer.search.index import index_of
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.errors import describe_error
from sdviewer.ui.filter.hit_list import HitModel, HitView
from sdviewer.ui.filter.line import lens_icon
from sdviewer.ui.filter.overlay import Overlay
from sdviewer.ui.filter.tasks import HitList, run_finder

_MS_BEFORE_SEARCH = 5
_WIDTH = 720
_ROWS = 12
_TOP = 44


class GoToPanel(Overlay):
    """A line and up to 200 tensors; the keys of the list work from the line."""

    chosen = Signal(int)
    """The tree node of the tensor to go to."""

    def __init__(self, bridge: Bridge, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self.slot: Hashable = (id(self), "go to")
        self._checkpoint: Checkpoint | None = None
        self._finder: FuzzyFinder | None = None
        self._settled = True
        self._goes_when_found = False
        self.setAccessibleName("Go to tensor")
        self.line = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.line.setAcceptDrops(False)
        self.line.setPlaceholderText("Go to tensor: a few letters of its name, as in l12 q w")
        self.line.setAccessibleName("Letters of the tensor's name")
        self.line.setMaxLength(1000)
        self._lens = self.line.addAction(lens_icon(), QLineEdit.ActionPosition.LeadingPosition)
        self.model = HitModel(self)
        self.list = HitView(self.model)
        self.footer = plain_label(muted=True)
        self.footer.setContentsMargins(10, 0, 10, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 2)
        column.setSpacing(4)
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        column.addWidget(self.footer)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_SEARCH)
        self._timer.timeout.connect(self._search)
        self.line.textChanged.connect(self._typed)
        self.line.installEventFilter(self)
        self.list.clicked.connect(self._go_to_index)

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
        self._lens.setIcon(lens_icon())
        self.open_over(self.line)
        self.line.selectAll()
        self._typed()

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

    def place_in(self, room: QRect) -> QRect:
        """In the middle, a little below the top."""
        width = max(min(_WIDTH, room.width() - 40), 120)
        row = self.list.fontMetrics().height() + 9
        height = min(self.line.sizeHint().height() + _ROWS * row + 50, room.height() - _TOP - 10)
        return QRect((room.width() - width) // 2, _TOP, width, max(height, 80))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The line's keys for the list."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        row, last = self.list.currentIndex().row(), self.model.rowCount() - 1
        page = max(self.list.viewport().height() // max(self.list.sizeHintForRow(0), 1) - 1, 1)
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_overlay()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._go()
            case Qt.Key.Key_Down:
                self._select(row + 1 if row < last else 0)
            case Qt.Key.Key_Up:
                self._select(row - 1 if row > 0 else last)
            case Qt.Key.Key_PageDown:
                self._select(min(row + page, last))
            case Qt.Key.Key_PageUp:
                self._select(max(row - page, 0))
            case Qt.Key.Key_Tab | Qt.Key.Key_Backtab:
                pass  # there is nothing else to go to
            case _:
                return False
        return True

    def _select(self, row: int) -> None:
        if 0 <= row < self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(row))

    def _go(self) -> None:
        if not self._settled:
            # Typed quicker than it was found: go as soon as it is.
            self._goes_when_found = True
        elif self.list.currentIndex().isValid():
            self._go_to_index(self.list.currentIndex())

    def _go_to_index(self, index: QModelIndex) -> None:
        node = self.model.rows[index.row()].node
        self.close_overlay()
        self.chosen.emit(node)

    def _typed(self) -> None:
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
            title="Looking for a tensor",
        )

    def _found(self, hits: HitList) -> None:
        self._settled = True
        self.model.show_rows(hits.rows)
        self._select(0)
        if not hits.total:
            self.footer.setText("No tensor has these letters in this order")
        elif hits.total > len(hits.rows):
            self.footer.setText(f"The best {len(hits.rows):,} of {hits.total:,}")
        else:
            self.footer.setText(f"{hits.total:,} tensor{'s' if hits.total > 1 else ''}")
        if self._goes_when_found and hits.rows:
            self._go()

    def _failed(self, error: BaseException) -> None:
        self._settled = True
        self.footer.setText(describe_error(error).message)

    def _stopped(self) -> None:
        self._settled = True
        self.footer.setText("Stopped")
