"""The window as a whole: themes, dialogs, keys, names for screen readers, errors, and a clean end."""

from __future__ import annotations

import importlib.metadata
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PySide6.QtCore import QSettings, Qt, QTimer, QUrl, qVersion
from PySide6.QtGui import QColor, QDesktopServices, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import SdviewerError
from sdviewer.ui import actions as actions_module
from sdviewer.ui import app as app_module
from sdviewer.ui import dialogs
from sdviewer.ui.actions import ACTIONS, shortcuts_of
from sdviewer.ui.app import run_window
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.file_tabs import is_comparison
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.settings import Settings
from sdviewer.ui.table.keys import TABLE_KEYS
from sdviewer.ui.theme import DARK, LIGHT, Colors, Theme, apply_theme, colors
from sdviewer.ui.tree.keys import TREE_KEYS
from sdviewer.ui.values.keys import VALUES_KEYS
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import names, picture

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def opened(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> MainWindow:
    """A window with a small network in it, a tensor of it selected."""
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    settle(window).go_to_name("head.weight")
    settle(window)
    return window


@pytest.fixture
def settings() -> Iterator[Settings]:
    yield Settings()
    QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer").clear()


def contrast(a: str, b: str) -> float:
    """The ratio of WCAG 2.2, from 1 to 21."""

    def luminance(color: str) -> float:
        parts = [QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF()]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("c", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(c: Colors) -> None:
    for ground in (c.window, c.base, c.raised):
        for text in (c.text, c.muted, c.accent, c.warning, c.error, c.good):
            assert contrast(text, ground) >= 4.5
    assert contrast(c.highlighted_text, c.highlight) >= 4.5
    assert contrast(c.text, c.inactive_highlight) >= 4.5


def test_a_theme_is_put_on_everything_at_once(opened: MainWindow) -> None:
    tab = opened.current_tab
    assert tab is not None
    histogram = tab.detail.numbers.histogram
    assert histogram is not None
    for action, expected in (("theme_dark", DARK), ("theme_light", LIGHT), ("theme_dark", DARK)):
        opened.actions_by_name[action].trigger()
        QApplication.processEvents()
        assert colors() is expected
        grounds = {
            "tree": picture(tab.tree.viewport()).pixelColor(2, tab.tree.viewport().height() - 2),
            "detail": picture(tab.detail).pixelColor(2, 2),
            "plot": picture(histogram.graphics).pixelColor(1, 1),
        }
        assert {name: color.name() for name, color in grounds.items()} == dict.fromkeys(grounds, expected.base)
        bar = picture(opened.statusBar())
        assert bar.pixelColor(bar.width() - 4, 12).name() == expected.window


def test_the_theme_of_the_system_is_followed(opened: MainWindow) -> None:
    opened.set_theme(Theme.DARK)
    opened.set_theme(Theme.SYSTEM)
    # The offscreen platform knows no theme, which counts as light.
    assert colors() is LIGHT


def test_shortcuts_are_listed_and_go_with_escape(opened: MainWindow, qtbot: QtBot) -> None:
    QTest.keyClick(opened, Qt.Key.Key_F1)
    (dialog,) = opened.findChildren(QDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "Ctrl+W" in texts
    assert "Close this tab" in texts
    assert "Open everything below the entry" in texts
    for table in (TREE_KEYS, TABLE_KEYS, VALUES_KEYS):
        assert table.title in texts
        for row in table.rows():
            assert set(row) <= set(texts)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not opened.findChildren(QDialog))


def test_the_version_is_told(opened: MainWindow) -> None:
    opened.actions_by_name["about"].trigger()
    (dialog,) = opened.findChildren(QDialog)
    told = [label.text() for label in dialog.findChildren(QLabel)]
    assert f"sdviewer {sdviewer.__version__}" in told
    for name, version in (("Qt", qVersion()), ("numpy", np.__version__), ("torch", torch.__version__)):
        assert told[told.index(name) + 1] == version


def test_about_leads_to_the_licences_of_a_bundle(
    opened: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = tmp_path / "NOTICES.txt"
    notices.write_text("Qt is under the LGPL.")
    led: list[QUrl] = []
    monkeypatch.setattr(dialogs, "resource_path", lambda _: notices)
    monkeypatch.setattr(QDesktopServices, "openUrl", led.append)
    opened.actions_by_name["about"].trigger()
    (button,) = opened.findChildren(QDialog)[0].findChildren(QPushButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert led == [QUrl.fromLocalFile(str(notices))]


def test_without_torch_about_says_what_is_missing(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    version = importlib.metadata.version

    def without_torch(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("importlib.metadata.version", without_torch)
    opened.actions_by_name["about"].trigger()
    told = [label.text() for label in opened.findChildren(QDialog)[0].findChildren(QLabel)]
    assert told[told.index("torch") + 1].startswith("not installed: no spectra")


def test_no_key_stands_for_two_commands() -> None:
    keys = [key.toString() for spec in ACTIONS for key in shortcuts_of(spec)]
    assert len(keys) == len(set(keys))


def test_every_key_of_the_table_is_one_on_every_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutStandardKeys(QKeySequence):
        def __init__(self, key: QKeySequence.StandardKey | str) -> None:
            super().__init__(key if isinstance(key, str) else "")

    monkeypatch.setattr(actions_module, "QKeySequence", WithoutStandardKeys)
    keys = {spec.name: [key.toString() for key in shortcuts_of(spec)] for spec in ACTIONS if spec.keys}
    assert all(keys.values())
    assert (keys["open"], keys["copy"], keys["paste"]) == (["Ctrl+O"], ["Ctrl+C"], ["Ctrl+V"])


def test_commands_that_take_a_file_rest_without_one(window: MainWindow) -> None:
    resting = {spec.name for spec in ACTIONS if not window.actions_by_name[spec.name].isEnabled()}
    assert resting == {spec.name for spec in ACTIONS if spec.needs_file}


def test_tabs_are_changed_by_keys(opened: MainWindow, settle: Settle) -> None:
    opened.open_files(["other.pt"])
    settle(opened)
    for key, expected in ((Qt.Key.Key_PageDown, 0), (Qt.Key.Key_PageDown, 1), (Qt.Key.Key_PageUp, 0)):
        QTest.keyClick(opened, key, Qt.KeyboardModifier.ControlModifier)
        assert opened.tabs.currentIndex() == expected
    assert opened.windowTitle() == "any.pt – sdviewer"


def test_everything_that_takes_focus_has_a_name(opened: MainWindow) -> None:
    tab = opened.current_tab
    assert tab is not None
    tab.tree.select_node(0)
    opened.open_files(["other.pt"])
    QApplication.processEvents()
    nameless = []
    for widget in opened.findChildren(QWidget):
        spoken = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton | QLabel) else "")
        takes_focus = widget.focusPolicy() in (
            Qt.FocusPolicy.TabFocus,
            Qt.FocusPolicy.StrongFocus,
            Qt.FocusPolicy.WheelFocus,
        )
        if takes_focus and widget.isVisible() and not spoken:
            nameless.append(f"{type(widget).__name__} {widget.objectName()} of {type(widget.parent()).__name__}")
    # The container of tabs passes its focus on to the bar.
    assert nameless == ["FileTabs  of QStackedWidget"]


def test_the_tab_key_goes_from_tree_to_details_and_back(opened: MainWindow) -> None:
    tab = opened.current_tab
    assert tab is not None
    tab.tree.setFocus()
    visited = []
    for _ in range(60):
        focus = QApplication.focusWidget()
        assert focus is not None
        QTest.keyClick(focus, Qt.Key.Key_Tab)
        visited.append(QApplication.focusWidget())
        if visited[-1] is tab.tree:
            break
    assert tab.detail.copy_button in visited
    assert visited[-1] is tab.tree


def test_a_closing_window_ends_its_threads(make_window: MakeWindow, qtbot: QtBot) -> None:
    before = set(threading.enumerate())
    begun = threading.Barrier(3)

    def slow(_: str, control: Control) -> Checkpoint:
        begun.wait(10)
        while True:
            control.check()
            time.sleep(0.001)

    window = make_window(slow)
    window.open_files(["a.pt", "b.pt"])
    qtbot.waitUntil(lambda: window.has_tabs_for_all)
    begun.wait(10)
    assert len(set(threading.enumerate()) - before) == 2
    window.close()
    assert set(threading.enumerate()) <= before
    assert not window.isVisible()
    # Nothing of what was stopped arrives any more.
    qtbot.wait(200)
    assert [tab.state for tab in window.findChildren(DocumentTab)] == [State.LOADING, State.LOADING]


def test_a_window_closes_before_its_plots_are_loaded(
    make_window: MakeWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    # However long it takes until it has settled.
    window._plots_timer.setInterval(60_000)
    window.open_files(["any.pt"])
    settle(window)
    window._plots_timer.start(100)
    window.close()
    qtbot.wait(250)
    assert not window.library.ready


def test_progress_of_short_work_is_not_shown(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    seen: list[bool] = []
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.bridge.changed.connect(lambda: seen.append(window.jobs.isVisible()))
    window.open_files(["any.pt"])
    settle(window)
    assert seen
    assert not any(seen)


def test_settings_are_remembered(make_window: MakeWindow, settings: Settings, settle: Settle, tmp_path: Path) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()), settings)
    window.resize(900, 640)
    window.open_files(["any.pt"])
    settle(window).splitter.setSizes([300, 600])
    window.actions_by_name["theme_dark"].trigger()
    window.close()
    assert Settings().theme is Theme.DARK
    again = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()), Settings())
    assert again.actions_by_name["theme_dark"].isChecked()
    assert not Settings().geometry.isEmpty()
    again.resize(900, 640)
    again.open_files(["any.pt"])
    assert abs(settle(again).splitter.sizes()[0] - 300) < 12


def test_settings_that_make_no_sense_count_as_absent(settings: Settings) -> None:
    store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer")
    for key in ("window/geometry", "window/splitter", "window/theme", "open/folder"):
        store.setValue(key, ["no", "sense"])
    store.sync()
    assert settings.theme is Theme.SYSTEM
    assert settings.geometry.isEmpty()
    assert settings.splitter.isEmpty()
    assert settings.folder == ""


def test_a_window_without_a_display_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "has_display", lambda: False)
    monkeypatch.delenv("QT_QPA_PLATFORM")
    with pytest.raises(SdviewerError, match="no display"):
        run_window([])


def test_the_program_runs_until_its_window_is_closed(tmp_path: Path, qapp: QApplication, settings: Settings) -> None:
    del settings
    file = tmp_path / "bare.npy"
    np.save(file, np.arange(3.0))
    switch, hook = sys.getswitchinterval(), sys.excepthook
    seen: list[list[str]] = []

    def look() -> None:
        (window,) = [widget for widget in qapp.topLevelWidgets() if isinstance(widget, MainWindow)]
        tab = window.current_tab
        if tab is not None and tab.is_settled:
            seen.append(names(tab))
            timer.stop()
            window.close()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    try:
        assert run_window([str(file)], new_window=True) == 0
    finally:
        sys.setswitchinterval(switch)
        for widget in qapp.topLevelWidgets():
            widget.deleteLater()
    assert len(seen) == 1
    assert seen[0][0] == "bare.npy"
    assert sys.excepthook is hook
    apply_theme(Theme.LIGHT)


def test_objects_of_a_closed_tab_are_gone(opened: MainWindow, qtbot: QtBot) -> None:
    tab = opened.current_tab
    assert tab is not None
    gone: list[bool] = []
    tab.destroyed.connect(lambda: gone.append(True))
    opened.close_tab(0)
    qtbot.waitUntil(lambda: len(gone) == 1)
    assert not opened.findChildren(DocumentTab)


def test_a_tab_is_no_comparison_while_their_part_is_still_being_imported(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sdviewer.ui.comparison.tab", ModuleType("sdviewer.ui.comparison.tab"))
    assert not is_comparison(window)
