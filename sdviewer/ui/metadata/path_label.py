"""PathLabel: a long name on one line, of which the end is always in sight."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from sdviewer.ui.tooltips import tooltip


class PathLabel(QLabel):
    """Cuts its text at the beginning; the tooltip has all of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_path(self, path: str) -> None:
        """Show another one."""
        self.path = path
        self.setAccessibleName(path)
        self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """More or less of it is in sight."""
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        text = self.fontMetrics().elidedText(self.path, Qt.TextElideMode.ElideLeft, self.width())
        self.setText(text)
        self.setToolTip(tooltip(self.path) if text != self.path else "")
