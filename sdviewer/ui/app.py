"""The application object and the loop of the window."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

import sdviewer
from sdviewer.analysis.kernels.warming import compile_elsewhere
from sdviewer.crash_report import be_told_of_failures
from sdviewer.errors import SdviewerError
from sdviewer.ui.collecting import Collector
from sdviewer.ui.failures import Failures, offer_last_crash
from sdviewer.ui.file_requests import FileRequests
from sdviewer.ui.icons import app_icon
from sdviewer.ui.single_instance import WindowServer, hand_over, socket_name
from sdviewer.ui.theme import apply_theme
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.main_window import MainWindow

# A thread that computes in Python gives the interpreter's lock back this often, so that painting waits little.
_SWITCH_SECONDS = 0.0005
_MS_BEFORE_LISTENING = 300
_MS_BEFORE_OFFERING = 600


def application() -> QApplication:
    """The application object, made on the first call."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(["sdviewer"])
    app.setApplicationName("sdviewer")
    app.setApplicationDisplayName("")
    app.setApplicationVersion(sdviewer.__version__)
    app.setDesktopFileName("sdviewer")
    app.setStyle("Fusion")
    app.setWindowIcon(app_icon())
    return app


def has_display() -> bool:
    """Whether windows can be shown; elsewhere than on Linux they always can."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run_window(files: Sequence[str], *, new_window: bool = False, diff: bool = False) -> int:
    """Show the window with these files and folders open, until it is closed; returns the exit code.

    With `diff` the two files are compared with each other.

    A window that runs already takes them, unless a new one is asked for; then this returns at once. Without files
    what was open when the window was closed last is opened again, but not in a new window beside others.

    Raises:
        SdviewerError: there is no display.
    """
    if not has_display() and "QT_QPA_PLATFORM" not in os.environ:
        raise SdviewerError(tr("there is no display for a window"), hint=tr("`sdviewer info FILE` works without one"))
    name = socket_name()
    if not new_window and hand_over(files, name, diff=diff):
        return 0
    from sdviewer.ui.main_window import MainWindow
    from sdviewer.ui.session import SessionKeeper
    from sdviewer.ui.settings import Settings

    app = application()
    settings = Settings()
    apply_theme(settings.theme)
    app.styleHints().colorSchemeChanged.connect(lambda _: apply_theme(settings.theme))
    window = MainWindow(settings)
    compile_elsewhere()
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Ctrl+C in the terminal ends the program as it ends any other.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    tell_no_more = be_told_of_failures(Failures(window).tell)
    collector = Collector(window, lambda: bool(window.bridge.running))
    collector.start()
    take_requests(window)
    session = SessionKeeper(window, settings, leads=not new_window)
    window.show()
    if diff:
        window.compare_files(*files)
    elif files:
        window.open_files(files)
    elif not new_window:
        session.begin()
    # Nobody waits for it: the first tree is painted before it listens.
    QTimer.singleShot(_MS_BEFORE_LISTENING, window, lambda: listen(window, name))
    QTimer.singleShot(_MS_BEFORE_OFFERING, window, lambda: offer_last_crash(window))
    try:
        return app.exec()
    finally:
        tell_no_more()
        collector.stop()


def take_requests(window: MainWindow) -> None:
    """Open the files that the desktop asks for by an event."""

    def take(file: str) -> None:
        window.open_files([file])
        window.come_to_front()

    requests = FileRequests(window)
    requests.file_requested.connect(take)
    application().installEventFilter(requests)


def listen(window: MainWindow, name: str) -> None:
    """Take the files of second starts and come to the front with them."""

    def take(files: list[str]) -> None:
        window.open_files(files)
        window.come_to_front()

    def take_pair(a: str, b: str) -> None:
        window.compare_files(a, b)
        window.come_to_front()

    server = WindowServer(name, window)
    server.files_received.connect(take)
    server.pair_received.connect(take_pair)
    window.closed.connect(server.close)
