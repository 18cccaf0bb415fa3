"""ReadingRow: what has to be read before a picture is whole: an offer, then how far it is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from sdviewer.ui.bridge import Running
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.status.job_bar import JobBar, progress_words
from sdviewer.ui.translating import tr

_BAR_WIDTH = 140


class ReadingRow(QWidget):
    """Hidden where there is nothing to read."""

    wanted = Signal()
    """The user wants it to be read."""

    stop_wanted = Signal()
    """The user wants reading to end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_running = False
        self.bar = JobBar()
        self.bar.setFixedWidth(_BAR_WIDTH)
        self.button = QPushButton()
        self.button.setAutoDefault(False)
        self.text = plain_label(muted=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.bar, self.button):
            row.addWidget(widget)
        row.addWidget(self.text, 1)
        self.button.clicked.connect(self._clicked)
        self.hide()

    @property
    def is_offered(self) -> bool:
        """Whether the user may start reading."""
        return not self.isHidden() and not self._is_running

    def offer(self, text: str, button: str) -> None:
        """Say what is not read yet, and offer to."""
        self._is_running = False
        self.bar.hide()
        self.text.setText(text)
        self._name(button, button)
        self.show()

    def begin(self) -> None:
        """It is being read."""
        self._is_running = True
        self.bar.setRange(0, 0)
        self.bar.show()
        self.text.setText(tr("Reading values …"))
        self._name("Stop", "Stop reading; what was read stays")
        self.show()

    def show_running(self, running: Running | None) -> None:
        """How far it is."""
        if running is not None and self._is_running:
            self.bar.show_running(running)
            self.text.setText(progress_words(running) or tr("Reading values …"))

    def _name(self, text: str, tip: str) -> None:
        self.button.setText(text)
        self.button.setToolTip(tip)
        self.button.setAccessibleName(tip)

    def _clicked(self) -> None:
        (self.stop_wanted if self._is_running else self.wanted).emit()
