"""ReadingPane: a picture for which tensors are read, with what is said and asked above it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.panes import Pane, PaneContext
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.reading_row import ReadingRow
from sdviewer.ui.translating import tr

V = TypeVar("V", bound=PlotFrame)

READ_AT_ONCE = 512 << 20
"""Bytes that are read without a question."""


class ReadingPane(Pane, Generic[V]):
    """What the panes of a module's pictures have in common; a subclass says what is read and drawn."""

    def __init__(
        self, context: PaneContext, name: str, milliseconds_between_looks: int, parent: QWidget | None = None
    ) -> None:
        """`name` is what is drawn: "layers"."""
        super().__init__(parent)
        self._bridge, self._name = context.bridge, name
        self._finding: Hashable = (context.slot, name)
        self._reading: Hashable = (context.slot, name, "read")
        self._is_finding = self._is_reading = False
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.row = ReadingRow()
        self.error = ErrorStrip(self)
        self.picture: LatePicture[V] = LatePicture(context.library, self._make)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(19, 10, 19, 10)
        self._column.setSpacing(6)
        for part in (self.error, self.notice, self.row):
            self._column.addWidget(part)
        self._column.addWidget(self.picture, 1)
        self._column.addStretch(0)
        self._looks = QTimer(self)
        self._looks.setInterval(milliseconds_between_looks)
        self._looks.timeout.connect(self._look)
        self._bridge.changed.connect(self._tell_progress)
        self.row.wanted.connect(self.read)
        self.row.stop_wanted.connect(lambda: self._bridge.cancel(self._reading))
        self.picture.failed.connect(
            lambda error: self.error.show_error(error, tr("The {name} cannot be drawn.", name=name))
        )

    @property
    def view(self) -> V | None:
        """The picture, None before the first."""
        return self.picture.view

    @property
    def is_settled(self) -> bool:
        """Whether all is drawn that is read without a question."""
        return not (self._is_finding or self._is_reading or self.picture.is_waiting)

    def read(self) -> None:
        """Read the tensors that are offered."""
        raise NotImplementedError

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self._stop()
        self.picture.close_jobs()

    def _make(self) -> V:
        raise NotImplementedError

    def _look(self) -> None:
        """Draw what was read since the last look."""
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        raise NotImplementedError

    def _start_reading(
        self, work: Callable[[Control], Any], done: Callable[[], None], stopped: Callable[[], None]
    ) -> None:
        self._is_reading = True
        self.error.clear()
        self.row.begin()
        self._looks.start()
        self._bridge.start(
            Lane.COMPUTING,
            self._reading,
            work,
            on_value=lambda _: done(),
            on_error=self._failed,
            on_stopped=stopped,
            title=tr("Reading {name}", name=self._name),
            bytes_a_step=1.0,
        )

    def _end(self) -> None:
        self._is_finding = self._is_reading = False
        self._looks.stop()

    def _stop(self) -> None:
        self._bridge.drop(self._finding)
        self._bridge.drop(self._reading)
        self._end()
        self.error.clear()
        self.row.hide()
        self._say("")

    def _tell_progress(self) -> None:
        if self._is_reading:
            self.row.show_running(self._bridge.running.get(self._reading))

    def _say(self, text: str) -> None:
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
