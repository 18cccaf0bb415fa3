"""LatePicture: the place of a plot, before and after the plotting library is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.ui.plots.library import PlotLibrary

if TYPE_CHECKING:
    # The window stands before any plot is made.
    from sdviewer.ui.plots.frame import PlotFrame

V = TypeVar("V", bound="PlotFrame")


class LatePicture(QWidget, Generic[V]):
    """Keeps what shall be done with the plot until it is made; `view` is None until then."""

    failed = Signal(object)
    """The plotting library cannot be used: the error."""

    made = Signal()
    """There is a plot now."""

    def __init__(self, library: PlotLibrary, make: Callable[[], V], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library, self._make = library, make
        self._waiting: Callable[[V], None] | None = None
        self.view: V | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._made_timer = QTimer(self)
        self._made_timer.setSingleShot(True)
        self._made_timer.setInterval(0)
        for signal in (library.settled, self._made_timer.timeout):
            signal.connect(self._go_on)

    @property
    def is_waiting(self) -> bool:
        """Whether what shall be shown is not in sight yet."""
        return self._waiting is not None

    def use(self, show: Callable[[V], None]) -> None:
        """Have the plot show something, now or as soon as there is one."""
        if self._library.error is not None:
            self._waiting = None
            self.failed.emit(self._library.error)
        elif not self._library.ready:
            self._waiting = show
            self._library.load()
        elif self.view is None:
            # The first one takes 20 ms to make: it is drawn in an event of its own.
            self._waiting = show
            self.view = self._make()
            self.view.hide()
            self._column.addWidget(self.view)
            self.made.emit()
            self._made_timer.start()
        else:
            self._waiting = None
            self.view.show()
            show(self.view)

    def clear(self) -> None:
        """Show nothing."""
        self._waiting = None
        if self.view is not None:
            self.view.hide()

    def close_jobs(self) -> None:
        """Stop saving; nothing more will be shown."""
        self._waiting = None
        if self.view is not None:
            self.view.close_jobs()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.use(waiting)
