"""The program that really crashes leaves a report, which its next start offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Does something on the window's thread as soon as the window is shown.
_PROGRAM = """
import faulthandler, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from sdviewer.__main__ import main
from sdviewer.ui.main_window import MainWindow

def crash_here():
    faulthandler._sigsegv()

def look():
    from sdviewer.ui.crash_dialog import CrashDialog
    for dialog in QApplication.topLevelWidgets():
        if isinstance(dialog, CrashDialog):
            print(dialog.text.toPlainText(), flush=True)
            QApplication.closeAllWindows()

def close():
    QApplication.closeAllWindows()

def shown(self, event, show=MainWindow.showEvent):
    show(self, event)
    self.probe = QTimer(self)
    self.probe.timeout.connect(globals()[what])
    self.probe.start(1000 if what == "close" else 100)

what = sys.argv.pop()
MainWindow.showEvent = shown
sys.argv = ["sdviewer", "--new-window"]
sys.exit(main())
"""


def program(what: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache), "HOME": str(cache)}
    command = [sys.executable, "-c", _PROGRAM, what]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


def test_the_program_that_crashed_tells_it_when_it_is_started_again(tmp_path: Path) -> None:
    crashed = program("crash_here", tmp_path)
    assert crashed.returncode not in (0, 1, 2)
    again = program("look", tmp_path)
    assert again.returncode == 0, again.stderr
    assert "in crash_here" in again.stdout
    assert "Segmentation fault" in again.stdout
    assert "sdviewer/ui/app.py" in again.stdout
    assert str(Path(__file__).parents[2]) not in again.stdout


def test_a_program_that_was_closed_leaves_nothing_to_tell(tmp_path: Path) -> None:
    closed = program("close", tmp_path)
    assert closed.returncode == 0, closed.stderr
    assert list(tmp_path.rglob("*.crash")) == []
