"""JobsBar: what runs, at the right of the status bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.status.job_bar import SECONDS_BEFORE_PROGRESS, JobBar, progress_words
from sdviewer.ui.status.jobs_popup import JobsPopup
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_WIDEST = 400
_BAR = 160


class JobsBar(QWidget):
    """The most important job with its progress and a way to stop it; the others in a list that a button opens.

    Jobs of the tab in front come before others, older ones before newer ones. A job without a title, and one that
    has only just begun, is not shown.
    """

    def __init__(
        self,
        bridge: Bridge,
        is_in_front: Callable[[Hashable], bool],
        file_of: Callable[[Hashable], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._is_in_front, self._file_of = bridge, is_in_front, file_of
        self._shown: Hashable = None
        self._popup: JobsPopup | None = None
        self.activity = ElidedLabel(muted=True)
        self.activity.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.activity.setMaximumWidth(_WIDEST)
        self.activity.setFont(number_font())
        self.progress = JobBar()
        self.progress.setFixedWidth(_BAR)
        self.pause_button = QToolButton()
        self.pause_button.clicked.connect(self._pause_shown)
        self.cancel_button = QToolButton()
        self.cancel_button.setText(tr("Cancel"))
        self.cancel_button.clicked.connect(self._cancel_shown)
        self.more_button = QToolButton()
        self.more_button.setToolTip(tr("Show everything that runs"))
        self.more_button.clicked.connect(self._open_list)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 6, 0)
        for widget in (self.activity, self.progress, self.pause_button, self.cancel_button, self.more_button):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        # A status bar that becomes higher lays itself out anew, and shows again what a message hides.
        self.setMinimumHeight(row.sizeHint().height())
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        bridge.changed.connect(self.refresh)
        self.hide()

    def close_list(self) -> None:
        """Nothing runs any more that could be listed."""
        self._timer.stop()
        if self._popup is not None:
            self._popup.close()

    def refresh(self) -> None:
        """Show how things stand."""
        titled = [(slot, running) for slot, running in self._bridge.running.items() if running.title]
        now = time.monotonic()
        jobs = [(slot, running) for slot, running in titled if now - running.since >= SECONDS_BEFORE_PROGRESS]
        jobs.sort(key=lambda job: (not self._is_in_front(job[0]), job[1].since))
        if len(jobs) < len(titled):
            youngest = min(running.since for _, running in titled if now - running.since < SECONDS_BEFORE_PROGRESS)
            self._timer.start(int(1000 * (youngest + SECONDS_BEFORE_PROGRESS - now)) + 5)
        else:
            self._timer.stop()
        if self._popup is not None:
            self._popup.show_jobs(jobs)
        self.setVisible(bool(jobs))
        if not jobs:
            self._shown = None
            return
        self._shown, running = jobs[0]
        words = progress_words(running)
        self.activity.setText(f"{running.title}: {words}" if words else f"{running.title} …")
        self.progress.show_running(running)
        verb = "Resume" if running.is_paused else "Pause"
        self.pause_button.setText(verb)
        self.pause_button.setAccessibleName(f"{verb} {running.title}")
        self.pause_button.setToolTip(f"{verb} {running.title[:1].lower()}{running.title[1:]}")
        self.pause_button.setVisible(running.pausable is not None)
        self.cancel_button.setAccessibleName(tr("Cancel {title}", title=running.title))
        self.cancel_button.setToolTip(
            tr("Stop {lower}{title}", lower=running.title[:1].lower(), title=running.title[1:])
        )
        self.more_button.setText(tr("+ {value} more", value=len(jobs) - 1))
        self.more_button.setVisible(len(jobs) > 1)

    def _pause_shown(self) -> None:
        running = self._bridge.running.get(self._shown)
        if running is not None:
            self._bridge.set_paused(self._shown, paused=not running.is_paused)

    def _cancel_shown(self) -> None:
        self._bridge.cancel(self._shown)

    def _open_list(self) -> None:
        popup = JobsPopup(self._bridge.cancel, self._file_of, self)
        popup.closed.connect(self._list_closed)
        self._popup = popup
        self.refresh()
        popup.adjustSize()
        corner = self.more_button.mapToGlobal(QPoint(self.more_button.width(), -2))
        popup.show_above(corner)

    def _list_closed(self) -> None:
        self._popup = None
