"""Ctrl+V opens what the clipboard names, unless somebody is writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{name}.npy" for name in ("one", "two")]
    for path in paths:
        np.save(path, np.arange(3.0))
    return [str(path) for path in paths]


def paste(window: MainWindow) -> None:
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def test_pasted_paths_are_opened(window: MainWindow, settle: Settle, files: list[str]) -> None:
    QApplication.clipboard().setText("\n".join(files))
    paste(window)
    assert settle(window).state is State.OPEN
    assert [tab.path for tab in window.tabs.documents()] == files


def test_copied_files_are_opened_beside_an_open_tree(window: MainWindow, settle: Settle, files: list[str]) -> None:
    window.open_files(files[:1])
    settle(window).tree.setFocus()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(files[1])])
    QApplication.clipboard().setMimeData(data)
    paste(window)
    assert settle(window).path == files[1]


def test_any_other_text_is_left_alone_and_that_is_said(window: MainWindow, qtbot: QtBot) -> None:
    QApplication.clipboard().setText("model.load_state_dict(state)")
    paste(window)
    assert window.tabs.count() == 0
    assert window.statusBar().currentMessage() == "The clipboard holds no file and no path of a file."
    qtbot.wait(20)


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit])
def test_who_writes_pastes_text(
    window: MainWindow, files: list[str], kind: type[QLineEdit | QPlainTextEdit], qtbot: QtBot
) -> None:
    field = kind(window.empty)
    field.setAccessibleName("A field")
    field.show()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    QApplication.clipboard().setText(files[0])
    paste(window)
    window.actions_by_name["paste"].trigger()
    written = field.text() if isinstance(field, QLineEdit) else field.toPlainText()
    assert written == 2 * files[0]
    assert window.tabs.count() == 0


def test_a_field_that_is_only_read_pastes_nothing_but_opens(
    window: MainWindow, settle: Settle, files: list[str], qtbot: QtBot
) -> None:
    field = QLineEdit(window.empty)
    field.setAccessibleName("A field")
    field.setReadOnly(True)
    field.show()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    QApplication.clipboard().setText(files[0])
    paste(window)
    assert settle(window).path == files[0]
    assert field.text() == ""
