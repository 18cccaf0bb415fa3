"""The plotting library, imported on a worker thread once the window stands.

pyqtgraph takes a quarter of a second to import: too long before the first paint, and too long on
the GUI thread after it. What else a first use would import on the GUI thread follows, and the
compiled loops of the engine.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Iterator

from PySide6 import QtCore, QtGui, QtSvg, QtWidgets
from PySide6.QtCore import QObject, QTimer, Signal

from sdviewer.control import Control
from sdviewer.errors import HelperDied
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

# What a first use would else import on the GUI thread, for 60 ms and more.
_LATER_PARTS = (
    "sdviewer.ui.table.pane",
    "sdviewer.ui.scan.columns",
    "sdviewer.ui.scan.work",
    "sdviewer.ui.filter.go_to",
    "sdviewer.ui.values.view",
    "sdviewer.ui.detail.values_pane",
    "sdviewer.ui.detail.statistics_pane",
    "sdviewer.ui.optimizer.pane",
    "sdviewer.ui.metadata.pane",
    "sdviewer.ui.sources.pane",
    *(
        f"sdviewer.ui.plots.{plot}.{part}"
        for plot in ("image", "layers", "distribution", "channels", "histograms", "treemap", "spectrum")
        for part in ("pane", "view")
    ),
    "sdviewer.ui.comparison.tab",
    "sdviewer.ui.export.pane",
    "sdviewer.ui.guide",
)

LOOPS_SLOT = ("window", "loops")
"""The job that has the loops of the engine compiled."""

# Between two of them the window answers undisturbed.
_PAUSE = 0.02
_SECONDS_A_TURN = 0.005
# What ended a process that compiles may still be there: another one is started later, and not for ever.
_MS_BEFORE_TRYING_AGAIN = 3000
_MOST_ATTEMPTS = 3


def _qt_types() -> Iterator[object]:
    """Every name of the modules that plots use, which makes the type behind it.

    PySide makes a type when it is first asked for; two threads that ask at once have crashed. So all are
    there, made on the window's thread, before another thread imports what asks for them.
    """
    for module in (QtCore, QtGui, QtWidgets, QtSvg):
        for name in dir(module):
            yield getattr(module, name, None)


def _import_plots(_: Control) -> None:
    _import("pyqtgraph", "sdviewer.ui.plots.distribution.view")


def _make_ready(control: Control) -> None:
    # One after the other: each takes the interpreter from the window, and two at once for as long as both.
    for part in _LATER_PARTS:
        control.check()
        _import(part)
        time.sleep(_PAUSE)
    from sdviewer.analysis.kernels.warming import compiles_elsewhere, warm

    if compiles_elsewhere():
        warm(control)


def _import(*modules: str) -> None:
    # Garbage collection over the many objects of an import stalls the window for 50 ms and more.
    enabled = gc.isenabled()
    gc.disable()
    try:
        for module in modules:
            importlib.import_module(module)
    finally:
        if enabled:
            gc.enable()


def _nothing(_: object) -> None:
    """Nobody waits for it."""


class PlotLibrary(QObject):
    """Whether plots can be made yet; `settled` comes once, when they can or when they never will."""

    settled = Signal()

    message = Signal(str)
    """Something for the status bar."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._asked = False
        self._attempts = 0
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_MS_BEFORE_TRYING_AGAIN)
        self._again.timeout.connect(self._make_ready)
        self._types = _qt_types()
        self._turns = QTimer(self)
        self._turns.setInterval(0)
        self._turns.timeout.connect(self._make_types)
        self.ready = False
        self.error: BaseException | None = None

    def load(self) -> None:
        """Begin to import it, the first time this is called."""
        if not self._asked:
            self._asked = True
            self._turns.start()

    def _make_types(self) -> None:
        """Some of them in each turn of the loop: all together take 0.2 s."""
        until = time.monotonic() + _SECONDS_A_TURN
        for _ in self._types:
            if time.monotonic() > until:
                return
        self._turns.stop()
        self._bridge.start(
            Lane.COMPUTING,
            ("window", "plots"),
            _import_plots,
            on_value=self._loaded,
            on_error=self._failed,
            background=True,
        )

    def _loaded(self, _: object) -> None:
        self.ready = True
        self.settled.emit()
        self._make_ready()

    def _make_ready(self) -> None:
        self._attempts += 1
        self._bridge.start(
            Lane.READING, LOOPS_SLOT, _make_ready, on_value=_nothing, on_error=self._not_ready, background=True
        )

    def _not_ready(self, error: BaseException) -> None:
        """Where a part fails, its first use says so; compiling is tried again, and numpy counts until it is done."""
        if not isinstance(error, HelperDied):
            return
        if self._attempts < _MOST_ATTEMPTS:
            self.message.emit(
                tr("{upper}{message}. It is started again.", upper=error.message[:1].upper(), message=error.message[1:])
            )
            self._again.start()
        else:
            self.message.emit(tr("Figures take longer until the next start: {message}.", message=error.message))

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self.settled.emit()
