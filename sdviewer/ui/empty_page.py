"""EmptyPage: what the window shows before a file is open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.icons import app_icon
from sdviewer.ui.recent_files import RecentFiles
from sdviewer.ui.recent_list import RecentList
from sdviewer.ui.translating import tr

_ICON = 72
_WIDEST = 640


class EmptyPage(QWidget):
    """An invitation to drop or open a checkpoint, the files that were open last, and nothing else."""

    open_wanted = Signal()
    file_wanted = Signal(str)

    def __init__(self, recent: RecentFiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recent = recent
        icon = QLabel()
        icon.setPixmap(app_icon().pixmap(_ICON, _ICON))
        text = plain_label(tr("Drop a checkpoint here, or"))
        font = QFont(text.font())
        font.setPointSizeF(font.pointSizeF() * 1.35)
        text.setFont(font)
        self.button = QPushButton(tr("Open…"))
        self.button.setFont(font)
        self.button.clicked.connect(self.open_wanted)
        line = QHBoxLayout()
        line.addStretch()
        line.addWidget(text)
        line.addSpacing(4)
        line.addWidget(self.button)
        line.addStretch()
        self.heading = heading(tr("Recent"))
        self.files = RecentList()
        self.files.file_wanted.connect(self.file_wanted)
        last = QVBoxLayout()
        last.setSpacing(4)
        last.addWidget(self.heading)
        last.addWidget(self.files, 1)
        below = QWidget()
        below.setLayout(last)
        below.setMaximumWidth(_WIDEST)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(below, 8)
        middle.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(4)
        column.addWidget(icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(line)
        hint = plain_label(tr("Nothing in a file is ever executed."), muted=True)
        column.addWidget(hint, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(middle)
        column.addStretch(5)
        self.setTabOrder(self.button, self.files)
        recent.changed.connect(self._fill)
        self._fill()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """Which of the files are missing is asked when it matters."""
        super().showEvent(event)
        self._recent.look()

    def _fill(self) -> None:
        self.files.show_files(self._recent)
        self.heading.setVisible(bool(self._recent.paths))
