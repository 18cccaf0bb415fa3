"""What goes wrong is told with a report to copy, and a crash by the next start."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel
from pytestqt.qtbot import QtBot

import sdviewer
from sdviewer import crash_report
from sdviewer.crash_report import be_told_of_failures
from sdviewer.ui.crash_dialog import CrashDialog
from sdviewer.ui.failures import Failures, offer_last_crash
from sdviewer.ui.main_window import MainWindow
from tests.ui.conftest import MakeWindow


def dialog_of(window: MainWindow) -> CrashDialog:
    (dialog,) = window.findChildren(QDialog)
    assert isinstance(dialog, CrashDialog)
    return dialog


def words_of(dialog: CrashDialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


def test_what_goes_wrong_in_a_slot_is_told_once(
    window: MainWindow, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = Failures(window).tell
    for error in (RuntimeError("first <b>fault</b>"), RuntimeError("second fault")):
        hook(RuntimeError, error, None)
    qtbot.waitUntil(lambda: bool(window.findChildren(QDialog)))
    dialog = dialog_of(window)
    assert "RuntimeError: first <b>fault</b>" in words_of(dialog)
    report = dialog.text.toPlainText()
    assert "RuntimeError: first <b>fault" in report
    for version in (f"sdviewer {sdviewer.__version__}", f"numpy {np.__version__}", "Python 3", "Qt 6", "System "):
        assert version in report
    told = capsys.readouterr().err
    assert "first <b>fault</b>" in told
    assert "second fault" in told
    dialog.close()
    qtbot.waitUntil(lambda: not window.findChildren(QDialog))


def test_what_goes_wrong_on_another_thread_is_told_as_well(
    window: MainWindow, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LookupError("on another thread")

    tell_no_more = be_told_of_failures(Failures(window).tell)
    try:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: bool(window.findChildren(QDialog)))
    finally:
        tell_no_more()
    assert "in fail" in dialog_of(window).text.toPlainText()
    assert "on another thread" in capsys.readouterr().err


@pytest.mark.usefixtures("capsys")
def test_files_are_named_in_a_report_only_if_the_user_wants_it(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "secret project.npy"
    np.save(file, np.arange(3.0))
    window = make_window()
    window.open_file(str(file))
    Failures(window).tell(ValueError, ValueError(f"{file.name} has no end; {file}"), None)
    qtbot.waitUntil(lambda: bool(window.findChildren(QDialog)))
    dialog = dialog_of(window)
    assert "secret" not in dialog.text.toPlainText()
    assert "sdviewer/" not in words_of(dialog)
    dialog.copy_button.click()
    assert "<path> has no end; <path>" in QGuiApplication.clipboard().text()
    assert "secret" not in QGuiApplication.clipboard().text()
    dialog.with_paths.click()
    dialog.copy_button.click()
    assert f"{file.name} has no end; {file}" in QGuiApplication.clipboard().text()


def test_a_crash_is_offered_by_the_next_start_and_only_once(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_report, "folder", lambda: tmp_path)
    (tmp_path / "1-1.crash").write_text('Fatal Python error: Segmentation fault\n  File "/home/zoe/x.py", line 1 in go')
    offer_last_crash(window)
    dialog = dialog_of(window)
    assert "crashed" in dialog.windowTitle()
    assert "Segmentation fault" in dialog.text.toPlainText()
    assert "line 1 in go" in dialog.text.toPlainText()
    assert "zoe" not in dialog.text.toPlainText()
    dialog.close()
    qtbot.waitUntil(lambda: not window.findChildren(QDialog))
    offer_last_crash(window)
    assert window.findChildren(QDialog) == []


def test_without_a_crash_nothing_is_offered_and_nothing_imported(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_report, "folder", lambda: tmp_path / "none")
    offer_last_crash(window)
    assert window.findChildren(QDialog) == []
