"""Tensors are dragged out of tree and table: what is written, when a drag begins, and what stays a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file

from sdviewer.ui import drag_out
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab, node_named
from sdviewer.ui.drag_out import Dragged
from sdviewer.ui.main_window import MainWindow

Settle = Callable[[MainWindow], DocumentTab]

NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "encoder.weight": torch.randn(4, 6),
        "encoder.bias": torch.randn(4).to(torch.bfloat16),
        "head/../x y.weight": torch.arange(6).reshape(2, 3),
        "complex": torch.ones(2, dtype=torch.complex64),
    }


@pytest.fixture
def tab(window: MainWindow, settle: Settle, tmp_path: Path, state: dict[str, torch.Tensor]) -> DocumentTab:
    torch.save(state, tmp_path / "net.pt")
    window.open_files([str(tmp_path / "net.pt")])
    tab = settle(window)
    tab.tree.expand(0, deep=True)
    return tab


@pytest.fixture
def dragged(tab: DocumentTab) -> list[Dragged]:
    """What would be dragged; a real drag waits for the desktop."""
    found: list[Dragged] = []
    tab.browser.dragging.drag = found.append
    return found


@pytest.fixture(autouse=True)
def _folders() -> Iterator[None]:
    yield
    drag_out._clear()


def place_in_tree(tab: DocumentTab, name: str) -> QPoint:
    assert tab.loaded is not None
    model = tab.tree.tree_model
    assert model is not None
    row = model.rows.row_of(node_named(tab.loaded.checkpoint, name))
    return tab.tree.visualRect(model.index(row, 0)).center()


def move(view: QWidget, place: QPoint, button: Qt.MouseButton) -> None:
    point = QPointF(place)
    QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, point, view.mapToGlobal(point), button, LEFT, NONE))


def press_and_move(view: QWidget, place: QPoint) -> None:
    QTest.mousePress(view, LEFT, pos=place)
    move(view, place + QPoint(40, 3), Qt.MouseButton.NoButton)


def drag(view: QWidget, place: QPoint, dragged: list[Dragged], qtbot: QtBot) -> Dragged:
    """Select by a click, drag, and let go when the drag has begun."""
    QTest.mouseClick(view, LEFT, pos=place)
    press_and_move(view, place)
    qtbot.waitUntil(lambda: dragged != [])
    QTest.mouseRelease(view, LEFT, pos=place)
    return dragged[-1]


def file_of(dragged: Dragged) -> Path:
    (url,) = dragged.mime().urls()
    return Path(url.toLocalFile())


def test_one_tensor_is_dragged_as_npy_and_text(
    tab: DocumentTab, dragged: list[Dragged], state: dict[str, torch.Tensor], qtbot: QtBot
) -> None:
    what = drag(tab.tree.viewport(), place_in_tree(tab, "encoder.weight"), dragged, qtbot)
    assert file_of(what).name == "encoder.weight.npy"
    assert np.array_equal(np.load(file_of(what)), state["encoder.weight"].numpy())
    assert what.mime().text() == "Name\tDtype\tShape\nencoder.weight\tfloat32\t[4, 6]\n"


def test_what_numpy_lacks_is_exact_in_a_wider_dtype(
    tab: DocumentTab, dragged: list[Dragged], state: dict[str, torch.Tensor], qtbot: QtBot
) -> None:
    what = drag(tab.tree.viewport(), place_in_tree(tab, "encoder.bias"), dragged, qtbot)
    values = np.load(file_of(what))
    assert values.dtype == np.float32
    assert np.array_equal(values, state["encoder.bias"].float().numpy())


def test_a_module_is_dragged_as_safetensors(
    tab: DocumentTab, dragged: list[Dragged], state: dict[str, torch.Tensor], qtbot: QtBot
) -> None:
    what = drag(tab.tree.viewport(), place_in_tree(tab, "encoder"), dragged, qtbot)
    assert file_of(what).name == "net-2-tensors.safetensors"
    loaded = load_file(file_of(what))
    assert set(loaded) == {"encoder.weight", "encoder.bias"}
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.items())
    assert sorted(what.mime().text().splitlines()[1:]) == [
        "encoder.bias\tbfloat16\t[4]",
        "encoder.weight\tfloat32\t[4, 6]",
    ]


def test_rows_of_the_table_are_dragged_together(
    tab: DocumentTab,
    dragged: list[Dragged],
    state: dict[str, torch.Tensor],
    window: MainWindow,
    settle: Settle,
    qtbot: QtBot,
) -> None:
    tab.browser.show_view(ALL_TENSORS)
    settle(window)
    table = tab.browser.table
    assert table is not None
    model, view = table.model, table.view
    assert tab.loaded is not None
    names = tab.loaded.checkpoint.table.name.tolist()
    rows = [names.index(name) for name in ("encoder.weight", "head/../x y.weight")]
    places = [view.visualRect(model.index(model.place_of(row), 0)).center() for row in rows]
    QTest.mouseClick(view.viewport(), LEFT, pos=places[0])
    QTest.mouseClick(view.viewport(), LEFT, CONTROL, places[1])
    press_and_move(view.viewport(), places[0])
    qtbot.waitUntil(lambda: dragged != [])
    QTest.mouseRelease(view.viewport(), LEFT, pos=places[0])
    assert set(table.selected_tensors().tolist()) == set(rows)
    loaded = load_file(file_of(dragged[0]))
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.items())
    assert len(loaded) == 2


def test_a_click_on_one_of_many_selected_selects_it_alone(
    tab: DocumentTab, dragged: list[Dragged], window: MainWindow, settle: Settle
) -> None:
    view = tab.tree.viewport()
    QTest.mouseClick(view, LEFT, pos=place_in_tree(tab, "encoder.weight"))
    QTest.mouseClick(view, LEFT, CONTROL, place_in_tree(tab, "complex"))
    assert len(tab.tree.selected_items()) == 2
    QTest.mouseClick(view, LEFT, pos=place_in_tree(tab, "encoder.weight"))
    assert len(tab.tree.selected_items()) == 1
    assert tab.loaded is not None
    assert tab.tree.current_node() == node_named(tab.loaded.checkpoint, "encoder.weight")
    settle(window)
    assert dragged == []


def test_a_drag_from_what_is_not_selected_selects(tab: DocumentTab, dragged: list[Dragged]) -> None:
    view = tab.tree.viewport()
    QTest.mouseClick(view, LEFT, pos=place_in_tree(tab, "complex"))
    begin, end = place_in_tree(tab, "encoder"), place_in_tree(tab, "encoder.bias")
    QTest.mousePress(view, LEFT, pos=begin)
    move(view, end, Qt.MouseButton.NoButton)
    QTest.mouseRelease(view, LEFT, pos=end)
    assert len(tab.tree.selected_items()) > 1
    assert dragged == []


def test_who_lets_go_before_it_is_ready_drags_nothing(
    tab: DocumentTab, dragged: list[Dragged], window: MainWindow, qtbot: QtBot
) -> None:
    view, place = tab.tree.viewport(), place_in_tree(tab, "encoder.weight")
    QTest.mouseClick(view, LEFT, pos=place)
    press_and_move(view, place)
    QTest.mouseRelease(view, LEFT, pos=place)
    qtbot.waitUntil(lambda: tab.browser.dragging.slot not in window.bridge.running)
    QApplication.processEvents()
    assert dragged == []


def test_what_is_too_large_is_dragged_as_text_alone(
    tab: DocumentTab, dragged: list[Dragged], window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(drag_out, "LARGEST", 64)
    what = drag(tab.tree.viewport(), place_in_tree(tab, "encoder.weight"), dragged, qtbot)
    assert what.mime().urls() == []
    assert "encoder.weight" in what.mime().text()
    assert "Export Selection" in window.statusBar().currentMessage()


def test_what_no_file_can_hold_is_told(
    tab: DocumentTab, dragged: list[Dragged], window: MainWindow, qtbot: QtBot
) -> None:
    QTest.mouseClick(tab.tree.viewport(), LEFT, pos=place_in_tree(tab, "encoder.weight"))
    QTest.mouseClick(tab.tree.viewport(), LEFT, CONTROL, place_in_tree(tab, "complex"))
    Path(tab.path).write_bytes(b"another file")
    press_and_move(tab.tree.viewport(), place_in_tree(tab, "complex"))
    qtbot.waitUntil(lambda: dragged != [])
    QTest.mouseRelease(tab.tree.viewport(), LEFT, pos=place_in_tree(tab, "complex"))
    assert dragged[0].mime().urls() == []
    assert window.statusBar().currentMessage().startswith("No file can be dragged: ")


def test_names_are_safe_for_files_and_folders_do_not_pile_up(
    tab: DocumentTab, dragged: list[Dragged], qtbot: QtBot
) -> None:
    files = []
    for _ in range(10):
        dragged.clear()
        files.append(file_of(drag(tab.tree.viewport(), place_in_tree(tab, "head/../x y.weight"), dragged, qtbot)))
    assert {file.name for file in files} == {"head_.._x_y.weight.npy"}
    assert len({file.parent for file in files}) == 10
    assert [file.exists() for file in files] == [False] * 2 + [True] * 8
    drag_out._clear()
    assert not any(file.parent.exists() for file in files)


def test_the_drag_itself_has_the_text_the_file_and_a_label(
    tab: DocumentTab, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    seen: list[tuple[str, int, int]] = []

    def run(drag: QDrag, action: Qt.DropAction) -> Qt.DropAction:
        data, pixmap = drag.mimeData(), drag.pixmap()
        seen.append((data.text(), len(data.urls()), pixmap.width()))
        return action

    monkeypatch.setattr(QDrag, "exec", run)
    view, place = tab.tree.viewport(), place_in_tree(tab, "encoder.weight")
    QTest.mouseClick(view, LEFT, pos=place)
    press_and_move(view, place)
    qtbot.waitUntil(lambda: seen != [])
    QTest.mouseRelease(view, LEFT, pos=place)
    ((text, files, width),) = seen
    assert text.startswith("Name\tDtype\tShape\nencoder.weight")
    assert files == 1
    assert width > 50
