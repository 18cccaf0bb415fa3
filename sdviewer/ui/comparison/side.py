"""SidePage: one of both files on its way; what fails of one is told beside the other, which stays."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.describe_file import summary_line
from sdviewer.ui.document.loading_page import LoadingPage
from sdviewer.ui.document.tab import Opener
from sdviewer.ui.errors import ErrorPanel, error_label, message_heading, middle_column
from sdviewer.ui.translating import tr

_LONGEST_TITLE = 64


def title_of(path: str) -> str:
    """How a file is called in short."""
    name = Path(os.path.abspath(path)).name or path  # noqa: PTH100  # resolves no links
    return cut_in_middle(shown(name), _LONGEST_TITLE)


class SidePage(QStackedWidget):
    """Opens a file in a job; shows how that goes, or why it cannot be."""

    settled = Signal()
    """It is open, or it cannot be, or opening was stopped."""

    def __init__(self, path: str, opener: Opener, bridge: Bridge, slot: Hashable) -> None:
        super().__init__()
        self.path, self.title = path, title_of(path)
        self._opener, self._bridge, self.slot = opener, bridge, slot
        self.checkpoint: Checkpoint | None = None
        self.error: BaseException | None = None
        self.loading = LoadingPage(self.title, path)
        self.loading.cancel_button.clicked.connect(self.cancel)
        self.panel = ErrorPanel(tr("{title} cannot be opened", title=self.title))
        self.panel.retry.connect(self.load)
        self._opened_page, self._opened_text = QWidget(), error_label()
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(message_heading(tr("{title} is open", title=self.title)))
        column.addWidget(self._opened_text)
        column.addStretch(3)
        middle_column(column, self._opened_page)
        for page in (self.loading, self.panel, self._opened_page):
            self.addWidget(page)
        bridge.changed.connect(self._show_progress)

    @property
    def is_waiting(self) -> bool:
        """Whether it is being opened."""
        return self.slot in self._bridge.running

    def load(self) -> None:
        """Begin to read the file."""
        path, opener = self.path, self._opener
        self.error = None
        self.loading.begin()
        self.setCurrentWidget(self.loading)
        self._bridge.start(
            Lane.READING,
            self.slot,
            lambda control: _with_summary(opener(path, control)),
            on_value=self._opened,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Opening {title}", title=self.title),
            background=True,
        )

    def cancel(self) -> None:
        """Stop opening it."""
        self._bridge.cancel(self.slot)

    def close_jobs(self) -> None:
        """Stop, and close the file."""
        self.loading.end()
        self._bridge.drop(self.slot)
        self.let_go()

    def let_go(self) -> None:
        """Close the file, in a job: a slow drive may be opening one."""
        if self.checkpoint is not None:
            close = self.checkpoint.close
            slot = (self.slot, "close", id(self.checkpoint))
            self._bridge.start(Lane.READING, slot, lambda _: close(), on_value=_nothing, on_error=_nothing)
        self.checkpoint = None

    def _opened(self, found: tuple[Checkpoint, str]) -> None:
        self.loading.end()
        self.let_go()
        self.checkpoint = found[0]
        self._opened_text.setText(found[1])
        self.setCurrentWidget(self._opened_page)
        self.settled.emit()

    def _failed(self, error: BaseException) -> None:
        self.loading.end()
        self.let_go()
        self.error = error
        self.panel.heading.setText(tr("{title} cannot be opened", title=self.title))
        self.panel.show_error(error)
        self.setCurrentWidget(self.panel)
        self.settled.emit()

    def _stopped(self) -> None:
        self.loading.end()
        self.panel.show_stopped(tr("Opening {title} was stopped", title=self.title))
        self.setCurrentWidget(self.panel)
        self.settled.emit()

    def _show_progress(self) -> None:
        running = self._bridge.running.get(self.slot)
        if running is not None and self.currentWidget() is self.loading:
            self.loading.show_running(running)


def _with_summary(checkpoint: Checkpoint) -> tuple[Checkpoint, str]:
    return checkpoint, summary_line(checkpoint)


def _nothing(_: object) -> None:
    """A file that is closed says nothing more."""
