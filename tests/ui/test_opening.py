"""Files come by name, dialog and drop, each into a tab of its own; what fails is told there."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.control import Control
from sdviewer.errors import Damaged
from sdviewer.ui.detail.blocks import PartStrip
from sdviewer.ui.detail.describe import describe
from sdviewer.ui.detail.parts import Description
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import current_name, in_sight, names, row_called

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "net.pt"
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict(), path)
    return str(path)


def drop(window: MainWindow, *urls: QUrl) -> bool:
    """Drop on the middle of the window; whether it was taken."""
    data = QMimeData()
    data.setUrls(list(urls))
    place, copy, left, none = (
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(place, copy, data, left, none)
    QApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(place), copy, data, left, none)
    if enter.isAccepted():
        QApplication.sendEvent(window, event)
    return enter.isAccepted() and event.isAccepted()


def copy_of(file: str, name: str) -> str:
    return str(shutil.copy(file, Path(file).with_name(name)))


def titles(window: MainWindow) -> list[str]:
    return [window.tabs.tabText(index) for index in range(window.tabs.count())]


def test_an_empty_window_offers_to_open(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def dialog(_: object, title: str, *__: str) -> tuple[list[str], str]:
        asked.append(title)
        return [], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", dialog)
    assert window.empty.isVisible()
    assert not window.tabs.isVisible()
    window.empty.button.click()
    assert asked == ["Open Checkpoints"]
    assert window.empty.isVisible()


def test_a_file_that_is_named_shows_its_tree(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    assert tab.state is State.OPEN
    assert names(tab) == [
        "net.pt",
        "model",
        *("  0", "    weight", "    bias"),
        *("  1", "    weight", "    bias", "    running_mean", "    running_var", "    num_batches_tracked"),
    ]
    assert window.windowTitle() == "net.pt – sdviewer"
    assert window.summary.text().startswith("7 tensors")


def test_files_of_the_dialog_are_opened(
    window: MainWindow, settle: Settle, saved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([saved], ""))
    QTest.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    assert settle(window).state is State.OPEN
    assert titles(window) == ["net.pt"]


def test_a_folder_of_the_dialog_is_one_checkpoint(
    window: MainWindow, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    for number in (1, 2):
        torch.save({f"layer{number}.weight": torch.ones(2)}, folder / f"pytorch_model-0000{number}-of-00002.bin")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    window.actions_by_name["open_folder"].trigger()
    tab = settle(window)
    assert titles(window) == ["whole"]
    assert tab.loaded is not None
    assert sorted(tab.loaded.checkpoint.tensors) == ["layer1.weight", "layer2.weight"]


def test_a_dropped_file_is_opened(window: MainWindow, settle: Settle, saved: str) -> None:
    assert drop(window, QUrl.fromLocalFile(saved))
    assert settle(window).state is State.OPEN


def test_several_dropped_files_come_into_tabs_of_their_own(window: MainWindow, saved: str, settle: Settle) -> None:
    other = copy_of(saved, "other.pt")
    assert drop(window, QUrl.fromLocalFile(saved), QUrl.fromLocalFile(other))
    settle(window)
    assert titles(window) == ["net.pt", "other.pt"]


def test_a_file_can_be_dropped_on_an_open_tree(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    settle(window)
    other = copy_of(saved, "other.pt")
    assert drop(window, QUrl.fromLocalFile(other))
    settle(window)
    assert titles(window) == ["net.pt", "other.pt"]


def test_what_is_no_file_here_cannot_be_dropped(window: MainWindow) -> None:
    assert not drop(window, QUrl("https://example.org/net.pt"))
    assert window.tabs.count() == 0


def test_a_file_that_is_open_comes_to_the_front(window: MainWindow, settle: Settle, saved: str) -> None:
    other = copy_of(saved, "other.pt")
    window.open_files([saved, other, saved])
    settle(window)
    assert titles(window) == ["net.pt", "other.pt"]
    assert window.tabs.currentIndex() == 0


def test_a_title_says_the_name_as_it_is(window: MainWindow, settle: Settle, saved: str) -> None:
    odd = copy_of(saved, "a&b <i>\n" + "x" * 90 + "-00002.pt")
    window.open_files([odd])
    settle(window)
    (title,) = titles(window)
    assert title.startswith("a&&b <i>\\nxxx")
    assert title.endswith("xxx-00002.pt")
    assert len(title) < 70
    assert window.tabs.tabToolTip(0).startswith("<qt>")
    assert "&lt;i&gt;" in window.tabs.tabToolTip(0)


def test_an_error_is_told_in_its_tab_while_the_others_work(window: MainWindow, settle: Settle, saved: str) -> None:
    bad = Path(saved).with_name("bad.pt")
    bad.write_text("no checkpoint at all\n")
    window.open_files([saved, str(bad)])
    tab = settle(window)
    assert tab.state is State.FAILED
    assert tab.panel.isVisible()
    assert tab.panel.heading.text() == "bad.pt cannot be opened"
    assert tab.panel.file.text() == str(bad)
    assert tab.panel.message.text()
    assert window.summary.text() == "Could not be opened"
    window.tabs.setCurrentIndex(0)
    assert settle(window).tree.isVisible()


def test_details_of_an_error_are_shown_and_copied(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    window.open_files([str(tmp_path / "missing.pt")])
    panel = settle(window).panel
    assert not panel.tools.details.isVisible()
    QTest.mouseClick(panel.tools.show_details, Qt.MouseButton.LeftButton)
    assert panel.tools.details.isVisible()
    assert "FileMissing" in panel.tools.details.toPlainText()
    QTest.mouseClick(panel.tools.copy_details, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == panel.tools.details.toPlainText()


def test_a_file_that_appears_can_be_tried_again(window: MainWindow, settle: Settle, saved: str) -> None:
    late = Path(saved).with_name("late.pt")
    window.open_files([str(late)])
    tab = settle(window)
    assert tab.panel.message.text() == "No such file."
    shutil.copy(saved, late)
    QTest.mouseClick(tab.panel.tools.try_again, Qt.MouseButton.LeftButton)
    assert settle(window).state is State.OPEN
    assert tab.tree.isVisible()


def test_a_fault_of_our_own_says_so(make_window: MakeWindow, settle: Settle) -> None:
    def broken(_: str, __: Control) -> Checkpoint:
        raise RuntimeError("something <b>odd</b>")

    window = make_window(broken)
    window.open_files(["any.pt"])
    panel = settle(window).panel
    assert panel.message.text() == "RuntimeError: something <b>odd</b>"
    assert panel.message.textFormat() is Qt.TextFormat.PlainText
    assert "fault of sdviewer" in panel.hint.text()


def test_loading_can_be_cancelled(make_window: MakeWindow, qtbot: QtBot) -> None:
    begun = threading.Event()

    def slow(_: str, control: Control) -> Checkpoint:
        begun.set()
        while True:
            control.report(1, 2, "half")
            control.check()

    window = make_window(slow)
    window.open_files(["any.pt"])
    tab = window.current_tab
    assert tab is not None
    qtbot.waitUntil(window.jobs.cancel_button.isVisible)
    assert window.jobs.progress.value() == 500
    assert "half" in window.jobs.activity.text()
    QTest.mouseClick(window.jobs.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.state is State.STOPPED)
    assert begun.is_set()
    assert tab.panel.heading.text() == "Opening any.pt was stopped"
    assert not tab.panel.tools.show_details.isVisible()
    qtbot.waitUntil(lambda: not window.jobs.cancel_button.isVisible())


def test_a_file_opens_after_it_was_stopped(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, qtbot: QtBot
) -> None:
    go = threading.Event()

    def opener(_: str, control: Control) -> Checkpoint:
        while not go.is_set():
            control.check()
        return checkpoint_with(tmp_path, small_tensors())

    window = make_window(opener)
    window.open_files(["any.pt"])
    tab = window.current_tab
    assert tab is not None
    tab.cancel()
    qtbot.waitUntil(lambda: tab.state is State.STOPPED)
    go.set()
    QTest.mouseClick(tab.panel.tools.try_again, Qt.MouseButton.LeftButton)
    assert settle(window).state is State.OPEN


def test_a_reload_keeps_what_is_selected_and_open(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    tab.tree.collapse(int(tab.tree.current_node()) + 2)
    tab.go_to_name("1.bias")
    before = names(tab)
    assert "    weight" in before[row_called(tab, "1") :]
    QTest.keyClick(window, Qt.Key.Key_F5)
    assert tab.state is State.LOADING
    assert names(tab) == before
    settle(window)
    assert names(tab) == before
    assert current_name(tab) == "bias"
    assert tab.detail.description is not None
    assert tab.detail.description.name == "1.bias"


def test_a_reload_shows_the_file_as_it_is_now(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    tab.tree.collapse_around()
    tab.go_to_name("1.bias")
    tab.tree.collapse(2)
    torch.save(
        {"0.new": torch.ones(3), "0.weight": torch.ones(1), "1.bias": torch.full((4,), 9.0), "2.w": torch.ones(2)},
        saved,
    )
    tab.reload()
    settle(window)
    assert names(tab) == ["net.pt", "model", "  0", "  1", "    bias", "  2"]
    assert current_name(tab) == "bias"
    assert tab.detail.numbers.statistics.text("Maximum") == "9"


def test_what_is_gone_after_a_reload_leaves_the_root_selected(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    tab.go_to_name("1.bias")
    torch.save({"other": torch.ones(3)}, saved)
    tab.reload()
    settle(window)
    assert current_name(tab) == "net.pt"


def test_a_file_that_is_gone_fails_and_comes_back(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    tab.go_to_name("1.bias")
    settle(window)
    away = Path(saved).rename(Path(saved).with_name("away.pt"))
    tab.reload()
    assert settle(window).state is State.FAILED
    away.rename(saved)
    tab.reload()
    assert settle(window).state is State.OPEN
    assert current_name(tab) == "bias"


def test_a_tensor_of_a_file_that_changed_asks_for_a_reload(window: MainWindow, settle: Settle, saved: str) -> None:
    window.open_files([saved])
    tab = settle(window)
    torch.save({"other": torch.ones(3)}, saved)
    tab.go_to_name("1.bias")
    settle(window)
    assert tab.detail.numbers.error.isVisible()
    assert "It changed on disk since it was opened" in tab.detail.numbers.error.message.text()
    assert "Reload it" in tab.detail.numbers.error.message.text()
    assert not tab.detail.numbers.statistics.isVisible()


def test_a_shard_offers_the_whole(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    for number in (1, 2):
        torch.save({f"layer{number}.weight": torch.ones(2)}, tmp_path / f"pytorch_model-0000{number}-of-00002.bin")
    window.open_files([str(tmp_path / "pytorch_model-00002-of-00002.bin")])
    tab = settle(window)
    (strip,) = tab.detail.findChildren(PartStrip)
    assert "shard 2 of 2" in strip.text.text()
    QTest.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    whole = settle(window)
    assert whole is not tab
    assert whole.loaded is not None
    assert sorted(whole.loaded.checkpoint.tensors) == ["layer1.weight", "layer2.weight"]


def test_problems_of_the_file_are_told_first(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    problems = (
        Problem("partial", "error", "half of it is <i>missing</i>", "data"),
        Problem("irregular", "warning", "odd"),
    )
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors(), problems=problems))
    window.open_files(["any.pt"])
    tab = settle(window)
    shown = [label.text() for label in in_sight(tab, QLabel)]
    assert "✖ data: half of it is <i>missing</i>" in shown
    assert "✖ 2 problems" in window.summary.text()


def test_a_tab_is_closed_by_its_cross_and_by_a_key(window: MainWindow, settle: Settle, saved: str) -> None:
    other = copy_of(saved, "other.pt")
    window.open_files([saved, other])
    settle(window)
    cross = window.tabs.tabBar().tabButton(0, window.tabs.tabBar().ButtonPosition.RightSide)
    QTest.mouseClick(cross, Qt.MouseButton.LeftButton)
    assert titles(window) == ["other.pt"]
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert titles(window) == []
    assert window.empty.isVisible()
    assert window.windowTitle() == "sdviewer"


def test_a_tab_closes_while_it_loads(make_window: MakeWindow, qtbot: QtBot) -> None:
    stopped = threading.Event()

    def slow(_: str, control: Control) -> Checkpoint:
        control.when_cancelled(stopped.set)
        stopped.wait(20)
        raise Damaged("too late")

    window = make_window(slow)
    window.open_files(["any.pt"])
    window.close_tab(0)
    assert stopped.wait(5)
    qtbot.wait(50)
    assert window.tabs.count() == 0
    assert not window.jobs.cancel_button.isVisible()


def test_what_is_behind_another_tab_waits_until_somebody_looks_at_it(
    window: MainWindow, saved: str, settle: Settle
) -> None:
    window.open_files([saved, copy_of(saved, "second.pt"), copy_of(saved, "third.pt")])
    settle(window)
    _, second, third = window.tabs.documents()
    while second.state is State.LOADING:
        QApplication.processEvents()
    assert second.detail.description is None
    assert third.detail.description is not None
    window.tabs.setCurrentWidget(second)
    settle(window)
    assert second.detail.description is not None
    assert second.detail.description.name == "second.pt"
    widths = [[tab.tree.columnWidth(column) for column in range(1, 5)] for tab in (second, third)]
    assert widths[0] == widths[1]


def test_a_file_is_described_while_it_is_read_and_not_when_its_root_is_selected(
    window: MainWindow, saved: str, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[int] = []

    def spied(checkpoint: Checkpoint, node: int, title: str) -> Description:
        described.append(node)
        return describe(checkpoint, node, title)

    monkeypatch.setattr("sdviewer.ui.detail.pane.describe", spied)
    window.open_files([saved])
    tab = settle(window)
    tab.tree.select_node(2)
    tab.tree.select_node(0)
    settle(window)
    assert described == [2]
    assert tab.loaded is not None
    assert tab.detail.description == describe(tab.loaded.checkpoint, 0, tab.title)


def test_the_page_for_errors_is_made_when_there_is_one(
    window: MainWindow, saved: str, settle: Settle, tmp_path: Path
) -> None:
    window.open_files([saved])
    tab = settle(window)
    assert tab.count() == 2
    (tmp_path / "net.pt").write_bytes(b"no checkpoint")
    tab.reload()
    settle(window)
    assert tab.state is State.FAILED
    assert tab.currentWidget() is tab.panel
    assert tab.panel.isVisible()
