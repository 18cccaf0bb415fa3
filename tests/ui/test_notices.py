"""Long work that ends behind another window is told; short work, and what the user looks at, is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.jobs.runner import Lane
from sdviewer.ui import notices as notices_module
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.notices import SECONDS_OF_LONG_WORK, _duration
from sdviewer.ui.settings import Settings
from tests.ui.conftest import MakeWindow

Work = Callable[[Control], object]


class Tray(QObject):
    """A desktop that shows messages."""

    available = True
    shown: ClassVar[list[tuple[str, str]]] = []
    visible = False
    messageClicked = Signal()  # noqa: N815  # Qt
    activated = Signal()

    def __init__(self, _: QIcon, parent: QObject) -> None:
        super().__init__(parent)

    @staticmethod
    def isSystemTrayAvailable() -> bool:  # noqa: N802  # Qt
        return Tray.available

    @staticmethod
    def supportsMessages() -> bool:  # noqa: N802  # Qt
        return True

    def setToolTip(self, _: str) -> None:  # noqa: N802  # Qt
        pass

    def show(self) -> None:
        Tray.visible = True

    def hide(self) -> None:
        Tray.visible = False

    def showMessage(self, title: str, text: str, _: QIcon, __: int) -> None:  # noqa: N802  # Qt
        assert Tray.visible
        Tray.shown.append((title, text))


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> list[QWidget]:
    found: list[QWidget] = []
    monkeypatch.setattr(QApplication, "alert", found.append)
    monkeypatch.setattr(notices_module, "QSystemTrayIcon", Tray)
    monkeypatch.setattr(Tray, "available", True)
    monkeypatch.setattr(Tray, "visible", False)
    Tray.shown.clear()
    return found


@pytest.fixture
def elsewhere(window: MainWindow, qtbot: QtBot) -> Iterator[QWidget]:
    """Another window, in which the user works."""
    other = QWidget()
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: not window.isActiveWindow())
    window.notices.seconds = 0
    yield other
    other.close()
    other.deleteLater()


def done(window: MainWindow, qtbot: QtBot, work: Work = lambda _: None, title: str = "Opening big.pt") -> None:
    window.bridge.start(
        Lane.COMPUTING, "work", work, on_value=lambda _: None, on_error=lambda _: None, title=title, background=True
    )
    qtbot.waitUntil(lambda: "work" not in window.bridge.running)
    QApplication.processEvents()


def fails(_: Control) -> None:
    raise CannotRead("no")


def test_the_end_of_long_work_is_told_everywhere(
    window: MainWindow, elsewhere: QWidget, alerts: list[QWidget], qtbot: QtBot
) -> None:
    assert SECONDS_OF_LONG_WORK == 10
    done(window, qtbot)
    assert alerts == [window]
    assert Tray.shown == [("Finished", "Opening big.pt (0 s)")]
    assert window.statusBar().currentMessage() == "Finished: Opening big.pt (0 s)"
    elsewhere.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.waitUntil(lambda: not Tray.visible)
    assert window.statusBar().currentMessage() == "Finished: Opening big.pt (0 s)"


@pytest.mark.usefixtures("elsewhere")
def test_a_failure_is_told_too(window: MainWindow, alerts: list[QWidget], qtbot: QtBot) -> None:
    done(window, qtbot, fails)
    assert alerts == [window]
    assert Tray.shown == [("Failed", "Opening big.pt (0 s)")]


@pytest.mark.usefixtures("elsewhere")
def test_without_a_tray_window_and_status_bar_tell_it(
    window: MainWindow, alerts: list[QWidget], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tray, "available", False)
    done(window, qtbot)
    assert alerts == [window]
    assert Tray.shown == []
    assert window.statusBar().currentMessage().startswith("Finished")


@pytest.mark.usefixtures("elsewhere")
def test_short_work_and_work_without_a_name_is_not_told(
    window: MainWindow, alerts: list[QWidget], qtbot: QtBot
) -> None:
    done(window, qtbot, title="")
    window.notices.seconds = 10
    done(window, qtbot)
    assert alerts == []
    assert window.statusBar().currentMessage() == ""


def test_what_the_user_looks_at_is_not_told(window: MainWindow, alerts: list[QWidget], qtbot: QtBot) -> None:
    window.notices.seconds = 0
    qtbot.waitUntil(window.isActiveWindow)
    done(window, qtbot)
    dialog = QDialog(window)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    done(window, qtbot)
    dialog.close()
    assert alerts == []


@pytest.mark.usefixtures("elsewhere")
def test_what_was_stopped_is_not_told(window: MainWindow, alerts: list[QWidget], qtbot: QtBot) -> None:
    def waits(control: Control) -> None:
        while True:
            control.check()

    window.bridge.start(
        Lane.COMPUTING, "work", waits, on_value=lambda _: None, on_error=lambda _: None, title="Scanning"
    )
    window.bridge.cancel("work")
    qtbot.waitUntil(lambda: "work" not in window.bridge.running)
    assert alerts == []


def test_who_does_not_want_it_is_never_told_again(make_window: MakeWindow, alerts: list[QWidget], qtbot: QtBot) -> None:
    try:
        window = make_window(settings=Settings())
        assert window.actions_by_name["notices"].isChecked()
        window.actions_by_name["notices"].trigger()
        again = make_window(settings=Settings())
        assert not again.actions_by_name["notices"].isChecked()
        for one in (window, again):
            one.notices.seconds = 0
            one.clearFocus()
        again.activateWindow()
        qtbot.waitUntil(lambda: not window.isActiveWindow())
        done(window, qtbot)
        assert alerts == []
        again.actions_by_name["notices"].trigger()
        assert Settings().notices
    finally:
        QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


def test_durations_are_for_people() -> None:
    assert [_duration(seconds) for seconds in (12.4, 61, 600)] == ["12 s", "1 min 1 s", "10 min 0 s"]
