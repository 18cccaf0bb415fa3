"""LineSplitter: two parts with nothing but a line between them."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSplitter, QSplitterHandle

from sdviewer.ui.theme import colors


class _Line(QSplitterHandle):
    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colors().line))
        painter.end()


class LineSplitter(QSplitter):
    """A splitter whose handle is painted as a line; it is as wide as `handleWidth` says."""

    def createHandle(self) -> QSplitterHandle:  # noqa: N802  # Qt
        """The line."""
        return _Line(self.orientation(), self)
