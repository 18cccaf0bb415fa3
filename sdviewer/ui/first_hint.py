"""FirstHint: a line below the pages that names three things to try; whoever closes it never sees it again."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QColor, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_BAR = 3


class FirstHint(QWidget):
    """It takes no focus by itself, and covers nothing."""

    dismissed = Signal()
    """The user has read it."""

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        filter_key, finder_key = (_key(actions[name]) for name in ("filter", "go_to"))
        words = (
            f"Three things to try:   {filter_key} filters the tensors   ·   {finder_key} goes to one by its letters   ·"
            "   a second file dropped here is compared"
        )
        self.text = ElidedLabel(words, cut=Qt.TextElideMode.ElideRight)
        self.setAccessibleName(words)
        self.button = QPushButton(tr("Got it"))
        self.button.setAccessibleName(tr("Got it: do not show this hint again"))
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(_BAR + 9, 4, 8, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self._dismiss()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A ground of its own, with a bar and a line in the colours of the theme."""
        super().paintEvent(event)
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        painter.fillRect(0, 0, self.width(), 1, QColor(c.line))
        painter.fillRect(0, 0, _BAR, self.height(), QColor(c.accent))
        painter.end()

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()


def _key(action: QAction) -> str:
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
