"""Notices: who works elsewhere meanwhile is told when something that took long has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from sdviewer.ui.bridge import Ended
from sdviewer.ui.icons import app_icon

if TYPE_CHECKING:
    from sdviewer.ui.main_window import MainWindow

SECONDS_OF_LONG_WORK = 10.0
_MS_SHOWN = 15_000


class Notices(QObject):
    """Marks the window in the task bar, says it in its status bar, and by the desktop where that shows messages."""

    def __init__(self, window: MainWindow, *, wanted: bool) -> None:
        super().__init__(window)
        self._window = window
        self.wanted = wanted
        self.seconds = SECONDS_OF_LONG_WORK
        self._tray: QSystemTrayIcon | None = None
        self._told = ""
        self._hide = QTimer(self)
        self._hide.setSingleShot(True)
        self._hide.setInterval(_MS_SHOWN)
        self._hide.timeout.connect(self._hide_tray)
        window.bridge.ended.connect(self._ended)
        window.closed.connect(self._hide_tray)

    def come_back(self) -> None:
        """The user looks at the window again: what was told stays a while, then the summary of the file is back."""
        if self._told:
            self._window.tell(self._told, _MS_SHOWN)
            self._told = ""
            self._hide_tray()

    def _ended(self, ended: Ended) -> None:
        if not self.wanted or ended.seconds < self.seconds or self._is_attended():
            return
        outcome = "Failed" if ended.failed else "Finished"
        self._told = f"{outcome}: {ended.title} ({_duration(ended.seconds)})"
        self._window.tell(self._told, 0)
        QApplication.alert(self._window)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            tray = self._ready_tray()
            tray.show()
            tray.showMessage(outcome, f"{ended.title} ({_duration(ended.seconds)})", app_icon(), _MS_SHOWN)
            self._hide.start()

    def _is_attended(self) -> bool:
        """Whether the window, or a dialog of it, has the keys."""
        active = QApplication.activeWindow()
        while active is not None and active is not self._window:
            active = active.parentWidget()
        return active is not None

    def _ready_tray(self) -> QSystemTrayIcon:
        if self._tray is None:
            self._tray = QSystemTrayIcon(app_icon(), self)
            self._tray.setToolTip("sdviewer")
            self._tray.messageClicked.connect(self._window.come_to_front)
            self._tray.activated.connect(self._window.come_to_front)
        return self._tray

    def _hide_tray(self) -> None:
        self._hide.stop()
        if self._tray is not None:
            self._tray.hide()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
