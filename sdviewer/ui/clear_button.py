"""The button that empties a line: Qt gives it a picture and no name."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QToolButton

from sdviewer.ui.translating import tr


def add_clear_button(line: QLineEdit) -> None:
    """Give a line the button that empties it, with a name for those who do not see it."""
    line.setClearButtonEnabled(True)
    for button in line.findChildren(QToolButton):
        button.setAccessibleName(tr("Clear"))
