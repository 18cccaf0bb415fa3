"""A detail pane in a window of its own, with a bridge that runs real jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.detail.panes import PANES, PaneSpec
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.scan.scanning import Scanning
from sdviewer.ui.theme import Theme, apply_theme


@contextmanager
def detail_window(qtbot: QtBot, specs: tuple[PaneSpec, ...] = PANES, *, scans: bool = False) -> Iterator[DetailPane]:
    """Shown, light, empty; gone at the end with all of its jobs. One that `scans` has a `Scanning`."""
    apply_theme(Theme.LIGHT)
    bridge = Bridge()
    library = PlotLibrary(bridge)
    scanning = Scanning(bridge, ("test", "scan")) if scans else None
    pane = DetailPane(bridge, library, ("test", "detail"), specs=specs, scanning=scanning)
    if scanning is not None:
        scanning.setParent(pane)
    pane.resize(760, 700)
    pane.show()
    pane.activateWindow()
    qtbot.waitExposed(pane)
    yield pane
    pane.close_jobs()
    if scanning is not None:
        scanning.close_jobs()
    pane.close()
    bridge.close()
    for thing in (pane, library, bridge):
        thing.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def settled(qtbot: QtBot, pane: DetailPane) -> DetailPane:
    """The pane when all is there that belongs to its selection."""
    qtbot.waitUntil(lambda: pane.is_settled, timeout=20_000)
    QApplication.processEvents()
    return pane


def scanning_of(pane: DetailPane) -> Scanning:
    """What scans for a pane."""
    found = pane.findChild(Scanning)
    assert isinstance(found, Scanning)
    return found


def node_called(checkpoint: Checkpoint, label: str) -> int:
    """The first node of the tree with this label."""
    return checkpoint.tree.label.tolist().index(label)
