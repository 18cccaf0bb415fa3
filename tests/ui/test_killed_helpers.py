"""A helper process that is killed in the middle of its work is told where its result would be, and tried again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from sdviewer.analysis.kernels import cache_folder, warming
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.document.tab import State
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.plots import library as library_module
from sdviewer.ui.plots.library import LOOPS_SLOT, PlotLibrary
from tests.helpers.killing import Frozen, posix_only

pytestmark = posix_only

LEFT = Qt.MouseButton.LeftButton
MANY = 20_000


def large(folder: Path, name: str = "large.safetensors") -> str:
    """A file whose description is so large that it is read in a process."""
    header = {
        f"a.tensor.{row}": {"dtype": "F32", "shape": [1], "data_offsets": [4 * row, 4 * row + 4]} for row in range(MANY)
    }
    text = json.dumps(header).encode()
    path = folder / name
    path.write_bytes(len(text).to_bytes(8, "little") + text + np.zeros(MANY, "<f4").tobytes())
    return str(path)


def test_opening_is_offered_again(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = Frozen(monkeypatch)
    window.open_file(large(tmp_path))
    qtbot.waitUntil(lambda: len(frozen.processes) == 1, timeout=20_000)
    tab = window.current_tab
    assert tab is not None
    assert tab.state is State.LOADING
    frozen.kill()
    qtbot.waitUntil(lambda: tab.state is State.FAILED, timeout=20_000)
    assert "was ended by SIGKILL, perhaps for lack of memory" in tab.panel.message.text()
    assert "Open it again" in tab.panel.hint.text()
    QTest.mouseClick(tab.panel.tools.try_again, LEFT)
    qtbot.waitUntil(lambda: tab.state is State.OPEN, timeout=30_000)
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)


def test_reading_a_side_of_a_comparison_is_offered_again(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = large(tmp_path), large(tmp_path, "other.safetensors")
    frozen = Frozen(monkeypatch)
    window.compare_files(a, b)
    qtbot.waitUntil(lambda: len(frozen.processes) == 2, timeout=20_000)
    (tab,) = window.tabs.pages()
    frozen.kill()
    qtbot.waitUntil(lambda: bool(shown_tries(window)), timeout=20_000)
    assert "SIGKILL" in "".join(label.text() for label in tab.findChildren(QLabel))
    while buttons := shown_tries(window):
        QTest.mouseClick(buttons[0], LEFT)
        qtbot.wait(50)
    qtbot.waitUntil(lambda: tab.standing is not None, timeout=60_000)  # type: ignore[union-attr]  # a comparison


def shown_tries(window: MainWindow) -> list[QPushButton]:
    buttons = window.findChildren(QPushButton)
    return [button for button in buttons if button.text() == "Try again" and button.isVisible()]


def test_compiling_is_told_and_begun_again(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setattr(warming, "_loaded", set())
    monkeypatch.setattr(library_module, "_LATER_PARTS", ())
    monkeypatch.setattr(library_module, "_MS_BEFORE_TRYING_AGAIN", 20)
    loaded: list[bool] = []
    monkeypatch.setattr(warming, "load", lambda *_: loaded.append(True))
    frozen = Frozen(monkeypatch)
    bridge = Bridge()
    library = PlotLibrary(bridge)
    told: list[str] = []
    library.message.connect(told.append)
    try:
        library.load()
        qtbot.waitUntil(lambda: len(frozen.processes) == 1, timeout=60_000)
        assert LOOPS_SLOT in bridge.running
        frozen.processes[0].kill()
        qtbot.waitUntil(lambda: len(frozen.processes) == 2, timeout=20_000)
        assert told == [
            "The process that compiles was ended by SIGKILL, perhaps for lack of memory. It is started again."
        ]
        frozen.processes[1].kill()
        qtbot.waitUntil(lambda: len(frozen.processes) == 3, timeout=20_000)
        frozen.processes[2].kill()
        qtbot.waitUntil(lambda: len(told) == 3, timeout=20_000)
        assert told[2].startswith("Figures take longer until the next start: the process that compiles was ended")
        assert LOOPS_SLOT not in bridge.running
        assert not loaded
        assert not cache_folder.is_complete(warming.MODULES)
    finally:
        bridge.close()
