"""Files and folders are dropped anywhere on the window; what lies below the pointer does not keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QGraphicsView, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from tests.ui.looking import picture, shades

Settle = Callable[[MainWindow], DocumentTab]

COPY, MOVE, LINK = Qt.DropAction.CopyAction, Qt.DropAction.MoveAction, Qt.DropAction.LinkAction
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "net.pt"
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict(), path)
    return str(path)


@pytest.fixture
def other(tmp_path: Path) -> str:
    torch.save({"w": torch.ones(2)}, tmp_path / "other.pt")
    return str(tmp_path / "other.pt")


def carrying(paths: Sequence[str]) -> QMimeData:
    """As file managers offer files: as addresses, and as text."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    data.setText("\n".join(paths))
    return data


def drag(
    widget: QWidget, data: QMimeData, place: QPoint, actions: Qt.DropAction = COPY, keys: Qt.KeyboardModifier = NONE
) -> bool:
    """Drag across a widget, which Qt offers it first, then to those around it; whether one takes it."""
    enter = QDragEnterEvent(place, actions, data, LEFT, keys)
    QApplication.sendEvent(widget, enter)
    move = QDragMoveEvent(place, actions, data, LEFT, keys)
    QApplication.sendEvent(widget, move)
    return enter.isAccepted()


def drop(
    widget: QWidget, *paths: str, actions: Qt.DropAction = COPY, keys: Qt.KeyboardModifier = NONE
) -> tuple[bool, Qt.DropAction]:
    """Drop files in the middle of a widget; whether they were taken, and how."""
    data, place = carrying(paths), widget.rect().center()
    if not drag(widget, data, place, actions, keys):
        return False, Qt.DropAction.IgnoreAction
    event = QDropEvent(QPointF(place), actions, data, LEFT, keys)
    assert event.dropAction() == event.proposedAction()
    QApplication.sendEvent(widget, event)
    return event.isAccepted(), event.dropAction()


def visible_parts(window: MainWindow) -> list[QWidget]:
    return [part for part in window.findChildren(QWidget) if part.isVisible() and part is not window.drop_frame]


def test_only_the_window_takes_drops(window: MainWindow, settle: Settle, saved: str, qtbot: QtBot) -> None:
    window.open_files([saved])
    tab = settle(window)
    tab.go_to_name("0.weight")
    settle(window)
    qtbot.waitUntil(lambda: window.library.ready)
    # Every view is made when it is first shown.
    for bar in tab.findChildren(QTabBar):
        for index in range(bar.count()):
            bar.setCurrentIndex(index)
            settle(window)
    # A plot offers what is dropped to its picture, which wants none, and passes it on.
    takers = [part for part in window.findChildren(QWidget) if part.acceptDrops() and not _is_of_a_plot(part)]
    assert takers == []


def _is_of_a_plot(part: QWidget) -> bool:
    return isinstance(part, QGraphicsView) or isinstance(part.parent(), QGraphicsView)


def test_nothing_in_the_window_keeps_what_is_dropped_on_it(
    window: MainWindow, settle: Settle, saved: str, other: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open_files([saved])
    tab = settle(window)
    for name in ("0.weight", "1.running_mean"):
        tab.go_to_name(name)
        settle(window)
    qtbot.waitUntil(lambda: window.library.ready)
    opened: list[Sequence[str]] = []
    monkeypatch.setattr(window, "open_files", opened.append)
    kept = []
    parts = visible_parts(window)
    assert tab.tree.viewport() in parts
    assert tab.detail in parts
    for part in parts:
        before = len(opened)
        drop(part, other)
        if len(opened) == before:
            kept.append(f"{type(part).__name__} in {type(part.parent()).__name__}")
    assert kept == []
    assert not window.drop_frame.isVisible()


@pytest.mark.parametrize("state", ["empty", "loading", "failed"])
def test_every_page_takes_a_drop(window: MainWindow, settle: Settle, saved: str, tmp_path: Path, state: str) -> None:
    if state == "failed":
        window.open_files([str(tmp_path / "missing.pt")])
        settle(window).panel.tools.show_details.click()
    elif state == "loading":
        window.open_files([str(tmp_path / "missing.pt")])
    parts = visible_parts(window)
    for part in parts:
        assert drag(part, carrying([saved]), part.rect().center()), type(part).__name__
    drop(parts[-1], saved)
    assert settle(window).state is State.OPEN
    assert settle(window).path == saved


def test_a_file_is_never_moved_away(window: MainWindow, settle: Settle, saved: str) -> None:
    shift = Qt.KeyboardModifier.ShiftModifier
    # A file manager that is told of a move deletes the file.
    assert drop(window, saved, actions=COPY | MOVE | LINK, keys=shift) == (True, COPY)
    assert drop(window, saved, actions=MOVE | LINK, keys=shift) == (True, LINK)
    assert drop(window, saved, actions=MOVE, keys=shift)[0] is False
    assert not window.drop_frame.isVisible()
    settle(window)


def test_a_folder_and_files_open_side_by_side(
    window: MainWindow, settle: Settle, saved: str, other: str, tmp_path: Path
) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    for number in (1, 2):
        torch.save({f"layer{number}.weight": torch.ones(2)}, folder / f"pytorch_model-0000{number}-of-00002.bin")
    drop(window, saved, str(folder), other)
    settle(window)
    assert [tab.title for tab in window.tabs.documents()] == ["net.pt", "whole", "other.pt"]
    assert window.tabs.currentIndex() == 2
    for index in range(3):
        window.tabs.setCurrentIndex(index)
        assert settle(window).state is State.OPEN


def test_many_files_are_opened_one_in_each_turn_of_the_loop(window: MainWindow, settle: Settle, saved: str) -> None:
    paths = [f"{saved}.{number}" for number in range(6)]
    drop(window, *paths)
    assert window.tabs.count() == 1
    settle(window)
    assert [tab.path for tab in window.tabs.documents()] == paths
    assert window.tabs.currentIndex() == 5


def test_the_window_says_that_it_takes_what_is_dragged(window: MainWindow, saved: str, other: str) -> None:
    middle = window.rect().center()
    assert drag(window, carrying([saved]), middle)
    frame = window.drop_frame
    assert frame.isVisible()
    assert frame.text == "Drop to open"
    assert frame.geometry().size() == window.empty.size()
    assert shades(picture(frame)) > 10
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not frame.isVisible()
    assert drag(window, carrying([saved, other]), middle)
    assert frame.text == "Drop to open all 2"
    QApplication.sendEvent(window, QDragLeaveEvent())


def test_the_frame_lets_the_mouse_through(window: MainWindow, saved: str) -> None:
    drag(window, carrying([saved]), window.rect().center())
    assert window.childAt(window.rect().center()) is not window.drop_frame
    QApplication.sendEvent(window, QDragLeaveEvent())


def test_words_are_not_taken(window: MainWindow) -> None:
    data = QMimeData()
    data.setText("encoder.layers.0.weight")
    assert not drag(window, data, window.rect().center())
    assert not window.drop_frame.isVisible()
