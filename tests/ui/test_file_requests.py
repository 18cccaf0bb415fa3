"""A file that the desktop asks a running program for is opened in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from sdviewer.ui.app import application, take_requests
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow

Settle = Callable[[MainWindow], DocumentTab]


@pytest.mark.qt_log_ignore("does not support raise")
def test_a_file_that_the_desktop_asks_for_is_opened(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    np.save(tmp_path / "grown ü.npy", np.ones(3))
    take_requests(window)
    event = QFileOpenEvent(os.fspath(tmp_path / "grown ü.npy"))
    assert QApplication.sendEvent(application(), event)
    assert settle(window).path == os.fspath(tmp_path / "grown ü.npy")


def test_an_address_of_another_machine_is_left_to_others(window: MainWindow) -> None:
    take_requests(window)
    assert not QApplication.sendEvent(application(), QFileOpenEvent(QUrl("https://example.org/model.pt")))
    assert window.current_tab is None
