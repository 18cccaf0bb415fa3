"""LoadingPage: what a tab shows while its file is opened for the first time."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.ui.bridge import Running
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.errors import message_heading, middle_column
from sdviewer.ui.status.job_bar import SECONDS_BEFORE_PROGRESS, JobBar, progress_words
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr


class LoadingPage(QWidget):
    """The file, what is being done with it, how far that is, and a way to stop it.

    All of it appears only if it takes long enough to be read.
    """

    def __init__(self, title: str, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = message_heading(tr("Opening {title}", title=title))
        self.file = plain_label(shown(path), muted=True, selectable=True)
        self.file.setFont(number_font())
        self.file.setWordWrap(True)
        self.bar = JobBar()
        self.doing = ElidedLabel(muted=True)
        self.cancel_button = QPushButton(tr("Cancel"))
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.setToolTip(tr("Stop opening this file"))
        line = QHBoxLayout()
        line.addWidget(self.cancel_button)
        line.addWidget(self.doing, 1)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        for widget in (self.heading, self.file, self.bar):
            column.addWidget(widget)
        column.addLayout(line)
        column.addStretch(3)
        self._middle = middle_column(column, self)
        self._middle.hide()
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(int(1000 * SECONDS_BEFORE_PROGRESS))
        self._delay.timeout.connect(self._middle.show)

    def begin(self) -> None:
        """Wait whether it takes long."""
        self._middle.hide()
        self._delay.start()

    def end(self) -> None:
        """It has ended in whatever way."""
        self._delay.stop()

    def show_running(self, running: Running) -> None:
        """Show how far the job is."""
        self.bar.show_running(running)
        self.doing.setText(progress_words(running))
