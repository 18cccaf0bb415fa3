"""Dialogs: small windows over the main one that block nothing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

import sdviewer
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import number_font


def show_shortcuts(rows: Sequence[tuple[str, str]], parent: QWidget) -> None:
    """Every key with what it does."""
    dialog, column = _dialog("Keyboard Shortcuts", parent)
    grid = QGridLayout()
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(6)
    for position, (keys, what) in enumerate(rows):
        key = plain_label(keys)
        key.setFont(number_font())
        grid.addWidget(key, position, 0)
        grid.addWidget(plain_label(what, muted=True), position, 1)
    column.addLayout(grid)
    dialog.show()


def show_about(parent: QWidget) -> None:
    """What the program is."""
    dialog, column = _dialog("About sdviewer", parent)
    column.addWidget(plain_label(f"sdviewer {sdviewer.__version__}"))
    column.addWidget(plain_label("Looks inside PyTorch checkpoints. Nothing in a file is ever executed.", muted=True))
    dialog.show()


def _dialog(title: str, parent: QWidget) -> tuple[QDialog, QVBoxLayout]:
    """It goes with Escape, and is gone when it is closed."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 18, 22, 18)
    return dialog, column
