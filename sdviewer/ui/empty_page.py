"""EmptyPage: what the window shows before a file is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.icons import app_icon

_ICON = 72


class EmptyPage(QWidget):
    """An invitation to drop or open a checkpoint, and nothing else."""

    open_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        icon = QLabel()
        icon.setPixmap(app_icon().pixmap(_ICON, _ICON))
        text = plain_label("Drop a checkpoint here, or")
        font = QFont(text.font())
        font.setPointSizeF(font.pointSizeF() * 1.35)
        text.setFont(font)
        self.button = QPushButton("Open…")
        self.button.setFont(font)
        self.button.clicked.connect(self.open_wanted)
        line = QHBoxLayout()
        line.addStretch()
        line.addWidget(text)
        line.addSpacing(4)
        line.addWidget(self.button)
        line.addStretch()
        column = QVBoxLayout(self)
        column.setSpacing(18)
        column.addStretch(4)
        column.addWidget(icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(line)
        hint = plain_label("Nothing in a file is ever executed.", muted=True)
        column.addWidget(hint, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(5)
