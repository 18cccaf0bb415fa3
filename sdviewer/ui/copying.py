"""Copying by the menu is copying by the key: whatever has the keys knows what is selected in it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget


def copy_from(widget: QWidget | None) -> bool:
    """Give Ctrl+C to a widget, or to what it stands in; whether any of them took it.

    By calling them: a key that is sent would be taken for the shortcut of the menu.
    """
    press = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    while widget is not None:
        press.accept()
        widget.event(press)
        if press.isAccepted():
            return True
        widget = None if widget.isWindow() else widget.parentWidget()
    return False
