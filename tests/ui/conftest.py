"""The application and its windows for the tests; a window is closed and gone when its test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.analysis.kernels import warming
from sdviewer.ui.app import application
from sdviewer.ui.document.tab import DocumentTab, Opener
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.settings import Settings
from sdviewer.ui.theme import Theme, apply_theme

MakeWindow = Callable[..., MainWindow]


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The program's own application object, which pytest-qt uses as well."""
    return application()


@pytest.fixture(autouse=True)
def _compiles_elsewhere() -> Iterator[None]:
    """As in the program: a window never compiles by itself, and numpy does until loops are compiled."""
    warming.compile_elsewhere()
    yield
    warming._elsewhere.clear()


@pytest.fixture
def make_window(qtbot: QtBot) -> Iterator[MakeWindow]:
    """Makes windows: shown, light, with settings or an opener of the test's own."""
    windows: list[MainWindow] = []

    def make(opener: Opener | None = None, settings: Settings | None = None) -> MainWindow:
        apply_theme(Theme.LIGHT)
        window = MainWindow(settings) if opener is None else MainWindow(settings, opener)
        windows.append(window)
        window.resize(1200, 800)
        window.show()
        window.activateWindow()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def window(make_window: MakeWindow) -> MainWindow:
    """An empty window that opens real files."""
    return make_window()


@pytest.fixture
def settle(qtbot: QtBot) -> Callable[[MainWindow], DocumentTab]:
    """Waits until all is there that the tab in front shows."""

    def wait(window: MainWindow) -> DocumentTab:
        qtbot.waitUntil(lambda: window.has_tabs_for_all)
        tab = window.current_tab
        assert tab is not None
        qtbot.waitUntil(lambda: tab.is_settled, timeout=20_000)
        return tab

    return wait
