"""DistributionHolder: the place of a distribution, before and after the plotting library is there."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.measuring import Measured
from sdviewer.ui.plots.library import PlotLibrary

if TYPE_CHECKING:
    from sdviewer.ui.plots.distribution.view import DistributionView

Shown = Sequence[tuple[str, Measured]]


class DistributionHolder(QWidget):
    """Keeps what it shall show until it can; `view` is None until then."""

    message = Signal(str)
    """What was saved or copied, or why not."""

    failed = Signal(object)
    """The plotting library cannot be used."""

    drawn = Signal()
    """The distribution is in sight."""

    def __init__(
        self,
        bridge: Bridge,
        library: PlotLibrary,
        slot: Hashable,
        parent: QWidget | None = None,
        *,
        compact: bool = False,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._library, self._slot, self._compact = bridge, library, slot, compact
        self._waiting: Shown | None = None
        self.view: DistributionView | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._made_timer = QTimer(self)
        self._made_timer.setSingleShot(True)
        self._made_timer.setInterval(0)
        for signal in (library.settled, self._made_timer.timeout):
            signal.connect(self._settled)

    @property
    def is_settled(self) -> bool:
        """Whether what it shall show is in sight."""
        return self._waiting is None and (self.view is None or self.view.isHidden() or self.view.is_settled)

    def show_measured(self, shown: Shown) -> None:
        """Draw these tensors now, or as soon as the library is there."""
        if self._library.error is not None:
            self._waiting = None
            self.failed.emit(self._library.error)
        elif not self._library.ready:
            self._waiting = shown
            self._library.load()
        elif self.view is None:
            from sdviewer.ui.plots.distribution.view import DistributionView

            # The first one takes 20 ms to make: it is drawn in an event of its own.
            self._waiting = shown
            self.view = DistributionView(self._bridge, self._slot, compact=self._compact)
            self.view.hide()
            self.view.message.connect(self.message)
            self._column.addWidget(self.view)
            self._made_timer.start()
        else:
            self._waiting = None
            self.view.show()
            self.view.show_measured(shown)
            self.drawn.emit()

    def blank(self) -> None:
        """Show nothing in the place where the next distribution will be; read nothing."""
        self._waiting = None
        if self.view is not None:
            self.view.show_measured(())

    def clear(self) -> None:
        """Show nothing, read nothing."""
        self._waiting = None
        if self.view is not None:
            self.view.stop()
            self.view.hide()

    def close_jobs(self) -> None:
        """Stop reading and saving; nothing more will be shown."""
        self._waiting = None
        if self.view is not None:
            self.view.close_jobs()

    def _settled(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.show_measured(waiting)
