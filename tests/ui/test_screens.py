"""A window comes back onto a screen, wherever it stood the last time, and is never larger than one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QByteArray, QPoint, QRect, QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.settings import Settings

MARGIN = 40

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def settings() -> Iterator[Settings]:
    yield Settings()
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


@pytest.fixture
def window_with() -> Iterator[list[MainWindow]]:
    windows: list[MainWindow] = []
    yield windows
    for window in windows:
        window.close()
        window.deleteLater()


def standing_at(place: QRect) -> QByteArray:
    """What a window saves that stood there, on a screen that is gone."""
    before = QMainWindow()
    before.setGeometry(place)
    before.show()
    before.setGeometry(place)
    saved = before.saveGeometry()
    before.close()
    before.deleteLater()
    return saved


@pytest.mark.parametrize(
    "place",
    [
        QRect(6000, 4000, 700, 500),
        QRect(-5000, -4000, 700, 500),
        QRect(100, -900, 700, 500),
        QRect(795, 100, 700, 500),
        QRect(100, 798, 500, 400),
        QRect(100, 100, 9000, 7000),
    ],
    ids=["right of all", "left of all", "above", "by a sliver", "below", "too large"],
)
def test_a_window_comes_back_onto_a_screen(settings: Settings, window_with: list[MainWindow], place: QRect) -> None:
    settings.geometry = standing_at(place)
    window = MainWindow(settings)
    window_with.append(window)
    window.show()
    screen = QGuiApplication.primaryScreen().availableGeometry()
    seen = window.geometry()
    # Its menu bar, by which it is found and moved, and most of the rest.
    assert screen.contains(QPoint(seen.center().x(), seen.top() + 5))
    shared = seen.intersected(screen)
    assert shared.width() * shared.height() > 0.9 * min(seen.width() * seen.height(), shared.width() * seen.height())
    assert seen.width() <= screen.width() + MARGIN
    assert seen.height() <= screen.height() + MARGIN


def test_the_first_window_is_no_larger_than_the_screen(settings: Settings, window_with: list[MainWindow]) -> None:
    window = MainWindow(settings)
    window_with.append(window)
    screen = QGuiApplication.primaryScreen().availableGeometry()
    assert window.width() <= max(screen.width(), window.minimumSizeHint().width())
    assert window.height() <= screen.height()
    assert window.width() > 500


def test_bytes_that_are_no_geometry_leave_the_usual_place(settings: Settings, window_with: list[MainWindow]) -> None:
    settings.geometry = QByteArray(b"\x01\xd9\xd0\xcb" + b"\xff" * 60)
    window = MainWindow(settings)
    window_with.append(window)
    window.show()
    assert QGuiApplication.primaryScreen().availableGeometry().intersects(window.geometry())
