"""A plot in a window of its own, as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.theme import Theme, apply_theme

V = TypeVar("V", bound=PlotFrame)


@contextmanager
def plot_window(qtbot: QtBot, make: Callable[[Bridge, Hashable], V], width: int, height: int) -> Iterator[V]:
    """A view in sight, light; gone afterwards with its jobs."""
    apply_theme(Theme.LIGHT)
    bridge = Bridge()
    view = make(bridge, ("test", "plot"))
    view.resize(width, height)
    view.show()
    view.activateWindow()
    qtbot.waitExposed(view)
    yield view
    view.close_jobs()
    view.close()
    bridge.close()
    view.deleteLater()
    bridge.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
