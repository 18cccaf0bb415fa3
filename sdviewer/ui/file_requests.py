"""FileRequests: files that the desktop hands to a running program, as macOS does with those double-clicked."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QFileOpenEvent


class FileRequests(QObject):
    """Filters the events of the application; what is no file of this machine is left to others."""

    file_requested = Signal(str)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Take requests to open a file."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self.file_requested.emit(event.file())
            return True
        return super().eventFilter(watched, event)
