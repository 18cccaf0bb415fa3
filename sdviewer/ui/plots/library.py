"""The plotting library, imported on a worker thread once the window stands.

pyqtgraph takes a quarter of a second to import: too long before the first paint, and too long on
the GUI thread after it.
"""

from __future__ import annotations

import gc
import importlib

from PySide6.QtCore import QObject, Signal

from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge


def _import_plots(_: Control) -> None:
    # Garbage collection over the many objects of an import stalls the window for 50 ms and more.
    enabled = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("pyqtgraph")
    finally:
        if enabled:
            gc.enable()


class PlotLibrary(QObject):
    """Whether plots can be made yet; `settled` comes once, when they can or when they never will."""

    settled = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._asked = False
        self.ready = False
        self.error: BaseException | None = None

    def load(self) -> None:
        """Begin to import it, the first time this is called."""
        if not self._asked:
            self._asked = True
            slot = ("window", "plots")
            self._bridge.start(
                Lane.COMPUTING,
                slot,
                _import_plots,
                on_value=self._loaded,
                on_error=self._failed,
                background=True,
            )

    def _loaded(self, _: object) -> None:
        self.ready = True
        self.settled.emit()

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self.settled.emit()
