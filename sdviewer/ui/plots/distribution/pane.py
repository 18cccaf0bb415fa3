"""DistributionPane: the distribution of the selected tensor, and of those that are selected beside it."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import basis_of, can_be_read
from sdviewer.ui.detail.measuring import Asker, Measured
from sdviewer.ui.detail.numbers import NO_ELEMENTS, NOTHING_FINITE
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.distribution.holder import DistributionHolder
from sdviewer.ui.plots.distribution.view import DistributionView
from sdviewer.ui.translating import tr

MOST = 8
_MS_BEFORE_NOTICE = 150


class DistributionPane(Pane):
    """Tensors are counted one after the other and drawn as they come, in the order of the selection."""

    shows_others = True

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measuring = context.measuring
        self._refs: list[TensorRef] = []
        self._found: dict[int, Measured] = {}
        self._waiting = 0
        self._basis = ""
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.error = ErrorStrip(self)
        self.holder = DistributionHolder(context.bridge, context.library, (context.slot, "distribution"))
        self.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addWidget(self.holder, 1)
        column.addStretch(0)
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self.holder.message.connect(self.message)
        self.holder.failed.connect(self._no_picture)

    @property
    def view(self) -> DistributionView | None:
        """The picture, None before the first."""
        return self.holder.view

    @property
    def is_settled(self) -> bool:
        """Whether all selected tensors are drawn."""
        return not self._waiting and self.holder.is_settled

    def show_selection(self, selection: Selection) -> None:
        """Draw the selected tensors."""
        checkpoint = selection.checkpoint
        row = int(checkpoint.tree.ref[selection.node])
        self._begin()
        reason = can_be_read(checkpoint, row)
        if reason:
            self.holder.clear()
            self._say(reason)
            return
        self._basis = basis_of(checkpoint, row)
        others = [other for other in selection.others if other != row and not can_be_read(checkpoint, other)]
        self._refs = [TensorRef(checkpoint, each) for each in [row, *others][:MOST]]
        if len(others) >= MOST:
            self._basis = f"{self._basis} The first {MOST} of the selected tensors.".strip()
        self._measure()

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self._begin()
        self.holder.clear()
        self.holder.close_jobs()

    def _begin(self) -> None:
        self._measuring.forget(self)
        self._refs, self._waiting, self._basis = [], 0, ""
        self._found.clear()
        self._notice_timer.stop()
        self._say("")
        self.error.clear()
        self.holder.blank()

    def _measure(self) -> None:
        self._waiting = len(self._refs)
        self._notice_timer.start()
        for ref in self._refs:
            self._measuring.ask_also(self, ref, Asker(self._counted, self._failed, self._stopped))

    def _counted(self, measured: Measured) -> None:
        self._found[measured.ref.row] = measured
        self._waiting -= 1
        # Colours belong to places in the selection: none is drawn before the first.
        if self._waiting and self._refs[0].row not in self._found:
            return
        self._notice_timer.stop()
        shown = [(ref.name, self._found[ref.row]) for ref in self._refs if ref.row in self._found]
        drawable = [(name, one) for name, one in shown if one.statistics.finite]
        if not drawable:
            if self._waiting:
                return
            self.holder.clear()
            count = sum(one.statistics.count for _, one in shown)
            self._say(NOTHING_FINITE if count else NO_ELEMENTS)
            return
        self._say(self._basis)
        self.holder.show_measured(drawable)

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.error.show_error(error, tr("The values cannot be read."), self._again)

    def _stopped(self) -> None:
        self._end()
        self.error.show_stopped(tr("Reading the values was stopped."), self._again)

    def _end(self) -> None:
        self._waiting = 0
        self._measuring.forget(self)
        self._notice_timer.stop()
        self._say("")
        self.holder.clear()

    def _again(self) -> None:
        self._measure()

    def _no_picture(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The distribution cannot be drawn."))

    def _say_reading(self) -> None:
        if self._waiting:
            self._say(tr("Reading values …"))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
