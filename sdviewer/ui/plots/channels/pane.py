"""ChannelsPane: the channels of the selected tensor along the axis that the user chose."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from sdviewer.checkpoint.decoding import decoded_dtype
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import basis_of, can_be_read
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.plots.channels.measures import Prepared
    from sdviewer.ui.plots.channels.view import ChannelsView

_MS_BEFORE_NOTICE = 150
_MOST_KEPT = 16


class ChannelsPane(Pane):
    """The last ones are kept, by tensor and axis."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = context.bridge, (context.slot, "channels")
        self._checkpoint: Checkpoint | None = None
        self._ref: TensorRef | None = None
        self._basis = ""
        self._kept: OrderedDict[tuple[int, int], Prepared] = OrderedDict()
        self._is_reading = False
        self.axes = QComboBox()
        self.axes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.axes.setAccessibleName(tr("Axis whose channels are drawn"))
        self.axes.setToolTip(tr("A channel is all values with one index along this axis"))
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.error = ErrorStrip(self)
        self.picture: LatePicture[ChannelsView] = LatePicture(context.library, self._make)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.axes, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.notice)
        column.addWidget(self.picture, 1)
        column.addStretch(0)
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self.axes.activated.connect(self._look)
        self.picture.failed.connect(lambda error: self.error.show_error(error, tr("The channels cannot be drawn.")))

    @property
    def view(self) -> ChannelsView | None:
        """The picture, None before the first."""
        return self.picture.view

    @property
    def is_settled(self) -> bool:
        """Whether the channels are drawn."""
        view = self.view
        drawn = view is None or view.isHidden() or view.is_settled
        return not self._is_reading and not self.picture.is_waiting and drawn

    @property
    def axis(self) -> int:
        """The axis that is chosen."""
        return int(self.axes.currentData() or 0)

    def show_selection(self, selection: Selection) -> None:
        """Read the channels of a tensor, unless they are known."""
        checkpoint, row = selection.checkpoint, int(selection.checkpoint.tree.ref[selection.node])
        if checkpoint is not self._checkpoint:
            self._checkpoint = checkpoint
            self._kept.clear()
        ref = TensorRef(checkpoint, row)
        is_same = self._ref is not None and self._ref.checkpoint is checkpoint and self._ref.row == row
        self._ref = ref
        self._stop()
        reason = _why_none(ref)
        self.axes.setVisible(not reason)
        if reason:
            self._ref = None
            self.picture.clear()
            self._say(reason)
            return
        self._basis = basis_of(checkpoint, row)
        if not is_same:
            self._offer_axes(ref)
        self._look()

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self._stop()
        self.picture.close_jobs()

    def _make(self) -> ChannelsView:
        from sdviewer.ui.plots.channels.view import ChannelsView

        view = ChannelsView(self._bridge, self._slot)
        view.message.connect(self.message)
        view.channel_wanted.connect(self._lead)
        return view

    def _offer_axes(self, ref: TensorRef) -> None:
        from sdviewer.analysis.channels import MOST_CHANNELS

        before = self.axis
        self.axes.clear()
        for axis, size in enumerate(ref.shape):
            self.axes.addItem(tr("Axis {axis} ({size:,})", axis=axis, size=size), axis)
            if size > MOST_CHANNELS:
                self.axes.setItemData(
                    axis, f"Up to {MOST_CHANNELS:,} channels are looked at", Qt.ItemDataRole.ToolTipRole
                )
        # The axis that was chosen before, where there is one and it is not too long.
        usual = [axis for axis, size in enumerate(ref.shape) if size <= MOST_CHANNELS]
        self.axes.setCurrentIndex(before if before in usual else usual[0] if usual else 0)

    def _look(self) -> None:
        ref, axis = self._ref, self.axis
        if ref is None:
            return
        self._stop()
        found = self._kept.get((ref.row, axis))
        if found is not None:
            self._show(found)
            return
        self._is_reading = True
        self._notice_timer.start()

        def work(control: Control) -> Prepared:
            from sdviewer.analysis.channels import channels
            from sdviewer.ui.plots.channels.measures import prepared

            return prepared(channels(ref, axis, control))

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=lambda found: self._came(ref.row, axis, found),
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Reading channels"),
            bytes_a_step=ref.nbytes / max(ref.numel, 1),
        )

    def _came(self, row: int, axis: int, found: Prepared) -> None:
        self._is_reading = False
        self._notice_timer.stop()
        self._kept[row, axis] = found
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        self._show(found)

    def _show(self, found: Prepared) -> None:
        ref = self._ref
        if ref is None:
            return
        self._say(self._basis)
        self.picture.use(lambda view: view.show_channels(ref, found))

    def _failed(self, error: BaseException) -> None:
        self._end()
        self.error.show_error(error, tr("The channels cannot be read."), self._look)

    def _stopped(self) -> None:
        self._end()
        self.error.show_stopped(tr("Reading the channels was stopped."), self._look)

    def _end(self) -> None:
        self._is_reading = False
        self._notice_timer.stop()
        self.picture.clear()
        self._say("")

    def _stop(self) -> None:
        self._bridge.drop(self._slot)
        self._is_reading = False
        self._notice_timer.stop()
        self.error.clear()
        self._say("")

    def _lead(self, channel: int) -> None:
        """Go to the first value of a channel."""
        if self._ref is not None:
            index = [0] * len(self._ref.shape)
            index[self.axis] = channel
            self.value_wanted.emit(tuple(index))

    def _say_reading(self) -> None:
        if self._is_reading:
            self._say(tr("Reading values …"))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))


def _why_none(ref: TensorRef) -> str:
    """A sentence for the user, "" if there are channels."""
    reason = can_be_read(ref.checkpoint, ref.row)
    if not reason and not ref.numel:
        reason = "This tensor has no elements, so it has no channels."
    if not reason and decoded_dtype(ref.checkpoint.table.dtype_of(ref.row)) is None:
        reason = f"What values {shown(ref.dtype, 60)} stands for is not known, so its channels are not, either."
    return reason
