"""ElidedLabel: one line of text that gives way, cut where the room ends."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from sdviewer.ui.reading_order import in_order
from sdviewer.ui.tooltips import tooltip


class ElidedLabel(QLabel):
    """Its tooltip has the whole text while some of it is cut.

    It asks for no room: in a layout it takes what is left, unless its size policy is changed.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        muted: bool = False,
        cut: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
    ) -> None:
        super().__init__(text, parent)
        self._cut = cut
        if muted:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  # Qt
        """No width is too little."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """What there is room for."""
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(in_order(self.text()), self._cut, room.width())
        tip = tooltip(self.text()) if text != in_order(self.text()) else ""
        if self.toolTip() != tip:
            self.setToolTip(tip)
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            room,
            int(self.alignment()),
            self.palette(),
            self.isEnabled(),
            text,
            self.foregroundRole(),
        )
        painter.end()
