"""Dialogs: small windows over the main one that block nothing."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import sdviewer
from sdviewer.resource_files import resource_path
from sdviewer.ui.actions import KeyGroup
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr


def show_shortcuts(groups: Sequence[KeyGroup], parent: QWidget) -> None:
    """Every key with what it does: those of the window on the left, those of its views on the right."""
    dialog, column = _dialog(tr("Keyboard Shortcuts"), parent)
    sides = QHBoxLayout()
    sides.setSpacing(36)
    for side in (groups[:1], groups[1:]):
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(4)
        for group in side:
            grid.addWidget(heading(group.title), grid.rowCount(), 0, 1, 2)
            for keys, what in group.rows:
                key, row = plain_label(keys), grid.rowCount()
                key.setFont(number_font())
                grid.addWidget(key, row, 0)
                grid.addWidget(plain_label(what, muted=True), row, 1)
        grid.setRowStretch(grid.rowCount(), 1)
        sides.addLayout(grid)
    sheet = QWidget()
    sheet.setLayout(sides)
    # On a small screen the list is longer than any window.
    area = ScrollArea(tr("Keys and what they do"))
    area.setWidget(sheet)
    column.addWidget(area)
    wanted, screen = sheet.sizeHint(), dialog.screen().availableSize()
    dialog.resize(
        min(wanted.width() + 70, screen.width() * 9 // 10), min(wanted.height() + 50, screen.height() * 9 // 10)
    )
    dialog.show()


def show_about(parent: QWidget) -> None:
    """What the program is."""
    dialog, column = _dialog(tr("About sdviewer"), parent)
    column.setSpacing(10)
    column.addWidget(heading(tr("sdviewer {version}", version=sdviewer.__version__)))
    column.addWidget(
        plain_label(tr("Looks inside PyTorch checkpoints. Nothing in a file is ever executed."), muted=True)
    )
    versions = QFormLayout()
    versions.setHorizontalSpacing(20)
    versions.setVerticalSpacing(3)
    for name, number in versions_of_parts():
        value = plain_label(number, selectable=True)
        value.setFont(number_font())
        versions.addRow(plain_label(name, muted=True), value)
    column.addLayout(versions)
    column.addWidget(
        plain_label(tr("Apache License 2.0. Qt and PySide6 are used under the LGPL, version 3."), muted=True)
    )
    notices = _notices()
    if notices is not None:
        button = QPushButton(tr("Licences of All Parts"))
        button.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(os.fspath(notices))))
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
    dialog.show()


def versions_of_parts() -> list[tuple[str, str]]:
    """Of what the program is made of; nothing of it is imported for that."""
    # At the start of the program it would cost what the first tree has to wait for.
    from importlib.metadata import PackageNotFoundError, version

    told = [("Python", platform.python_version()), ("Qt", qVersion())]
    for name in ("PySide6-Essentials", "numpy", "numba", "pyqtgraph", "torch"):
        # A bundle does not hold these records of all its parts.
        with contextlib.suppress(PackageNotFoundError):
            told.append((name, version(name)))
    if importlib.util.find_spec("torch") is None:
        told.append(("torch", "not installed: no spectra, no rank of a change, no check of exports by torch"))
    return told


def _notices() -> Path | None:
    """The licences of what a bundle holds; elsewhere each part has been installed with its own."""
    try:
        return resource_path("NOTICES.txt")
    except FileNotFoundError:
        return None


def _dialog(title: str, parent: QWidget) -> tuple[QDialog, QVBoxLayout]:
    """It goes with Escape, and is gone when it is closed."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 18, 22, 18)
    return dialog, column
