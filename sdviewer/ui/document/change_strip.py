"""ChangeStrip: the notice above a tree that its file is another one by now."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.errors import SourceChanged
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_BAR = 3
_LONGEST_NAME = 60


class ChangeStrip(QWidget):
    """Hidden as long as there is nothing to tell."""

    reload_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = ElidedLabel()
        self.button = QPushButton(tr("Reload"))
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.reload_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(_BAR + 9, 4, 8, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def show_change(self, change: SourceChanged | None) -> None:
        """Tell what became of the file, or with None nothing any more."""
        if change is not None:
            name = cut_in_middle(shown(os.path.basename(change.file)), _LONGEST_NAME)  # noqa: PTH119  # a text in, a text out
            self.text.setText(f"{name} {change.message}")
        self.setVisible(change is not None)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A ground of its own, with a bar and a line in the colours of the theme."""
        super().paintEvent(event)
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        painter.fillRect(0, 0, _BAR, self.height(), QColor(c.warning))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(c.line))
        painter.end()
