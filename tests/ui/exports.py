"""An export pane in a window with a real file, and what a user sees and does there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.export.pane import ExportPane
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.plan_model import Column

Settle = Callable[[MainWindow], DocumentTab]


def network() -> dict[str, torch.Tensor]:
    """A small network as DataParallel saves it."""
    generator = torch.Generator().manual_seed(0)
    return {
        "module.encoder.weight": torch.randn(4, 3, generator=generator),
        "module.encoder.bias": torch.randn(4, generator=generator),
        "module.head.weight": torch.randn(2, 4, generator=generator),
        "module.head.bias": torch.randn(2, generator=generator),
    }


def saved(folder: Path, value: Any) -> str:
    """A file that holds `value`."""
    path = folder / "net.pt"
    torch.save(value, path)
    return str(path)


def open_export(window: MainWindow, path: str, settle: Settle, qtbot: QtBot) -> ExportPane:
    """Open a file and press Ctrl+E."""
    window.open_files([path])
    tab = settle(window)
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    pane = tab.faces.export
    assert pane is not None
    return ready(pane, qtbot)


def ready(pane: ExportPane, qtbot: QtBot) -> ExportPane:
    """The pane when all is there that it shows."""
    QApplication.processEvents()
    qtbot.waitUntil(lambda: pane.is_settled, timeout=60_000)
    QApplication.processEvents()
    return pane


def shown_keys(pane: ExportPane) -> list[tuple[str, str]]:
    """Old and new names in the table."""
    model = pane.preview.model
    return [(model.text(row, Column.OLD), model.text(row, Column.NEW)) for row in range(model.rowCount())]


def choose(menu: QMenu, text: str) -> None:
    """Open a menu and take the entry that begins so."""
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text().replace("&", "").startswith(text)).trigger()


def add_rule(pane: ExportPane, title: str) -> None:
    """Add a rule by the menu."""
    choose(pane.rules.menu, title)
    QApplication.processEvents()


def type_into(pane: ExportPane, field: str, text: str) -> None:
    """Click into a field of the current rule and type over what stands there."""
    widget = pane.rules.form.inputs[field]
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)


def type_target(pane: ExportPane, path: Path) -> None:
    """Type the file to write."""
    line = pane.target.path
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(line, str(path))


def press_export(pane: ExportPane, qtbot: QtBot) -> None:
    """Click Export and wait for what comes of it."""
    ready(pane, qtbot)
    assert pane.export_button.isEnabled(), pane.summary.texts
    QTest.mouseClick(pane.export_button, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
