"""ImagePane: the picture of the selected tensor, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.decoding import decoded_dtype
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import shown
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import basis_of
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.translating import tr
from sdviewer.ui.values.reasons import why_no_table

if TYPE_CHECKING:
    from sdviewer.ui.plots.image.view import ImageView


class ImagePane(Pane):
    """The picture is made when the plotting library is there; until then the pane says so."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: TensorRef | None = None
        self.view: ImageView | None = None
        self.notice = plain_label(muted=True, selectable=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.error = ErrorStrip(self)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(11, 8, 11, 8)
        self._column.setSpacing(6)
        self._column.addWidget(self.error)
        self._column.addWidget(self.notice)
        self._column.addStretch(0)
        self._made_timer = QTimer(self)
        self._made_timer.setSingleShot(True)
        self._made_timer.setInterval(0)
        for signal in (context.library.settled, self._made_timer.timeout):
            signal.connect(self._show_waiting)

    @property
    def is_settled(self) -> bool:
        """Whether what is in sight is drawn as exactly as it will be."""
        return self._waiting is None and (self.view is None or self.view.isHidden() or self.view.is_settled)

    def show_selection(self, selection: Selection) -> None:
        """Draw the selected tensor."""
        ref = TensorRef(selection.checkpoint, int(selection.checkpoint.tree.ref[selection.node]))
        self.error.clear()
        self._waiting = None
        reason = _why_none(ref)
        self._say(reason or basis_of(ref.checkpoint, ref.row))
        if reason:
            self._hide_picture()
            return
        self._waiting = ref
        self._show_waiting()

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self._waiting = None
        if self.view is not None:
            self.view.close_jobs()

    def _show_waiting(self) -> None:
        """Draw what was asked for, as soon as that can be."""
        ref, library = self._waiting, self._context.library
        if ref is None:
            return
        if library.error is not None:
            self._waiting = None
            self._hide_picture()
            self.error.show_error(library.error, tr("The picture cannot be drawn."))
        elif not library.ready:
            library.load()
        elif self.view is None:
            # The first one takes a while to make: it is drawn in an event of its own.
            self._make()
            self._made_timer.start()
        else:
            self._waiting = None
            self.view.show()
            self.view.show_tensor(ref)

    def _make(self) -> None:
        from sdviewer.ui.plots.image.view import ImageView

        self.view = ImageView(self._context.bridge, (self._context.slot, "image"))
        self.view.hide()
        self.view.message.connect(self.message)
        self.view.index_wanted.connect(self.value_wanted)
        self._column.insertWidget(2, self.view, 1)

    def _hide_picture(self) -> None:
        if self.view is not None:
            self.view.close_jobs()
            self.view.hide()

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))


def _why_none(ref: TensorRef) -> str:
    """A sentence for the user, "" if there is a picture."""
    reason = why_no_table(ref)
    if not reason and decoded_dtype(ref.checkpoint.table.dtype_of(ref.row)) is None:
        reason = f"What values {shown(ref.dtype, 60)} stands for is not known, so there is no picture of them."
    return reason.replace("there is no table of all its values", "there is no picture of it")
