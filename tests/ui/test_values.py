"""The values table by keys and clicks: it shows what torch has, reads what is looked at, and never blocks."""

from __future__ import annotations

import csv
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QAction, QColor, QContextMenuEvent, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMenu, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_pages import PagedValues
from sdviewer.formats.files import Inflated
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import GridView
from sdviewer.ui.theme import DARK, LIGHT, Theme, apply_theme
from sdviewer.ui.values.index_box import IndexBox
from sdviewer.ui.values.view import ValuesView
from tests.helpers.arrays import ArrayFile
from tests.helpers.python_text import evaluated
from tests.helpers.saved import opened
from tests.helpers.spying import spying
from tests.ui.looking import picture, shades

Key, Modifier = Qt.Key, Qt.KeyboardModifier
Show = Callable[[TensorRef], ValuesView]


@pytest.fixture
def bridge(qapp: QApplication) -> Iterator[Bridge]:
    made = Bridge(qapp)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def view(qtbot: QtBot, bridge: Bridge) -> Iterator[ValuesView]:
    """An empty view in a window of its own."""
    apply_theme(Theme.LIGHT)
    window = QMainWindow()
    made = ValuesView(bridge, "test")
    window.setCentralWidget(made)
    window.resize(900, 500)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    yield made
    made.close_jobs()
    window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def settle(qtbot: QtBot, view: ValuesView) -> None:
    qtbot.waitUntil(lambda: view.is_settled, timeout=20_000)


@pytest.fixture
def show(qtbot: QtBot, view: ValuesView) -> Show:
    """Shows a tensor and waits for its values."""

    def shown(ref: TensorRef) -> ValuesView:
        view.show_tensor(ref)
        settle(qtbot, view)
        view.table.setFocus()
        return view

    return shown


def saved(folder: Path, **tensors: torch.Tensor) -> dict[str, TensorRef]:
    return dict(opened(folder, tensors).tensors)


def text(view: ValuesView, row: int, column: int) -> str:
    """What stands in a cell of the window."""
    model = view.table.values_model
    return str(model.data(model.index(row, column)))


def number(shown: str) -> float:
    return float(shown.replace("−", "-").replace("∞", "inf"))


def corner(view: ValuesView, rows: int = 4, columns: int = 4) -> npt.NDArray[Any]:
    """The values at the top left of the table, to six digits."""
    model = view.table.values_model
    shape = min(rows, model.rowCount()), min(columns, model.columnCount())
    return np.array([[number(text(view, row, column)) for column in range(shape[1])] for row in range(shape[0])])


def current(view: ValuesView) -> tuple[int, ...]:
    """The tensor's index of the current cell."""
    frame, model = view.frame, view.table.values_model
    assert frame is not None
    return frame.index(*model.place(view.table.currentIndex()))


def press(view: ValuesView, key: Qt.Key, modifier: Qt.KeyboardModifier = Modifier.NoModifier, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(view.table, key, modifier)


def clipboard() -> str:
    return QApplication.clipboard().text()


def in_sight(view: ValuesView) -> bool:
    return view.table.isVisible()


# -- what is shown --------------------------------------------------------------------------------------


def test_the_table_shows_what_torch_has(show: Show, tmp_path: Path) -> None:
    values = torch.randn(60, 50)
    view = show(saved(tmp_path, w=values)["w"])
    assert (view.table.values_model.rowCount(), view.table.values_model.columnCount()) == (60, 50)
    np.testing.assert_allclose(corner(view), values.numpy()[:4, :4], rtol=1e-5)
    assert view.footer.cell.text().startswith("[0, 0]   ")
    exact = view.footer.cell.text().split()[2].replace("−", "-")
    assert np.float32(exact) == values[0, 0].numpy()


@pytest.mark.parametrize("shape", [(), (6,), (6, 5)], ids=str)
def test_tensors_of_few_axes_have_a_table_too(show: Show, tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = torch.arange(float(np.prod(shape))).reshape(shape) + 1
    view = show(saved(tmp_path, w=values)["w"])
    expected = values.numpy().reshape(*shape, *(1,) * (2 - len(shape)))
    assert np.array_equal(corner(view, 9, 9), expected)
    assert view.axes.rows.isVisible() == (len(shape) == 2)
    assert view.axes.transpose.isVisible() == bool(shape)


def test_axes_are_chosen_and_places_on_the_others(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    values = torch.randn(3, 7, 5, 6)
    array = values.numpy()
    view = show(saved(tmp_path, w=values)["w"])
    np.testing.assert_allclose(corner(view), array[0, 0, :4, :4], rtol=1e-5)
    QTest.keyClick(view.axes.box(1), Key.Key_Up)
    QTest.keyClick(view.axes.box(1), Key.Key_Up)
    box = view.axes.box(0)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "2")
    QTest.keyClick(box, Key.Key_Return)
    settle(qtbot, view)
    np.testing.assert_allclose(corner(view), array[2, 2, :4, :4], rtol=1e-5)
    view.axes.rows.setFocus()
    QTest.keyClick(view.axes.rows, Key.Key_Home)
    settle(qtbot, view)
    assert view.frame is not None
    assert (view.frame.row_axis, view.frame.column_axis) == (0, 3)
    np.testing.assert_allclose(corner(view), array[:, 2, 0, :4], rtol=1e-5)
    QTest.mouseClick(view.axes.transpose, Qt.MouseButton.LeftButton)
    settle(qtbot, view)
    np.testing.assert_allclose(corner(view), array[:, 2, 0, :4].T, rtol=1e-5)
    assert view.axes.columns.currentText() == "axis 0  (3)"
    assert view.axes.rows.currentText() == "axis 3  (6)"


def test_the_current_value_stays_current_when_the_view_is_turned(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.randn(20, 20))["w"])
    view.go_to("3, 17")
    QTest.mouseClick(view.axes.transpose, Qt.MouseButton.LeftButton)
    settle(qtbot, view)
    assert current(view) == (3, 17)
    assert (view.table.currentIndex().row(), view.table.currentIndex().column()) == (17, 3)


def test_another_place_on_an_axis_keeps_the_current_cell(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    values = torch.randn(4, 30, 20)
    view = show(saved(tmp_path, w=values)["w"])
    view.go_to("0, 25, 15")
    scrolled = view.table.verticalScrollBar().value()
    QTest.keyClick(view.axes.box(0), Key.Key_Up)
    settle(qtbot, view)
    assert current(view) == (1, 25, 15)
    assert view.table.verticalScrollBar().value() == scrolled > 0
    assert np.float32(view.footer.cell.text().split()[3].replace("−", "-")) == values[1, 25, 15].numpy()


def test_headers_are_true_and_the_tooltip_is_exact(show: Show, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.full((3, 4), 0.1).bfloat16())["w"])
    model = view.table.values_model
    assert model.data(model.index(2, 3), Qt.ItemDataRole.ToolTipRole) == ("[2, 3]\n0.10009765625\ncode 0x3dcd")
    assert model.headerData(3, Qt.Orientation.Horizontal) == "3"


def rgb(color: str) -> npt.NDArray[np.float64]:
    return np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)], np.float64)


def ink_of(image: QImage, cell: QRect, base: str, inks: tuple[str, ...]) -> str:
    """In which of these colours something is written there: summed over its strokes, whose edges are mixed."""
    places = [(x, y) for x in range(cell.left(), cell.right()) for y in range(cell.top(), cell.bottom())]
    written = sum((rgb(QColor(image.pixel(*place)).name()) - rgb(base) for place in places), np.zeros(3))

    def likeness(ink: str) -> float:
        direction = rgb(ink) - rgb(base)
        return float(written @ direction / np.linalg.norm(written) / np.linalg.norm(direction))

    return max(inks, key=likeness)


@pytest.mark.parametrize(("theme", "c"), [(Theme.LIGHT, LIGHT), (Theme.DARK, DARK)], ids=["light", "dark"])
def test_odd_values_have_their_own_colour_in_every_theme(show: Show, tmp_path: Path, theme: Theme, c: Any) -> None:
    values = torch.zeros(30, 9)
    values[5], values[6] = float("nan"), float("inf")
    view = show(saved(tmp_path, w=values)["w"])
    apply_theme(theme)
    QApplication.processEvents()
    image = picture(view.table.viewport())
    assert shades(image) > 3
    for row, color in ((0, c.text), (5, c.error), (6, c.warning)):
        cell = view.table.visualRect(view.table.values_model.index(row, 2))
        assert ink_of(image, cell, c.base, (c.text, c.error, c.warning)) == color
    assert QColor(image.pixel(view.table.visualRect(view.table.currentIndex()).center())).name() == c.highlight
    apply_theme(Theme.LIGHT)


# -- reading --------------------------------------------------------------------------------------------


def test_a_hidden_view_reads_nothing_and_begins_when_it_is_shown(
    view: ValuesView, qtbot: QtBot, tmp_path: Path
) -> None:
    refs = saved(tmp_path, a=torch.ones(500, 500), b=torch.full((500, 500), 2.0))
    view.hide()
    with spying() as spy:
        view.show_tensor(refs["a"])
        view.show_tensor(refs["b"])
        for _ in range(20):
            QApplication.processEvents()
            time.sleep(0.005)
        assert spy.reads == []
        assert not view.is_settled
        view.show()
        settle(qtbot, view)
        assert 0 < spy.total <= 500_000
    assert corner(view).max() == corner(view).min() == 2


def test_looking_at_a_large_matrix_reads_what_is_in_sight(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    ref = saved(tmp_path, w=torch.zeros(4096, 4096))["w"]
    with spying() as spy:
        view = show(ref)
        seen = spy.total
        assert 0 < seen <= 1_500_000
        model = view.table.values_model
        for row in range(4000, 4010):
            assert text(view, row, 4000) == "…"
            model.data(model.index(row, 4000), Qt.ItemDataRole.ToolTipRole)
        QApplication.processEvents()
        assert spy.total == seen
        press(view, Key.Key_End, Modifier.ControlModifier)
        settle(qtbot, view)
        assert seen < spy.total <= 3_000_000
    assert text(view, 4095, 4095) == "0"


def test_a_deflated_storage_is_inflated_once(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.arange(400 * 300, dtype=np.float32).reshape(400, 300)
    file = ArrayFile(tmp_path / "raw")
    file.add_raw("w", "float32", (400, 300), values.tobytes(), encoding=Encoding.DEFLATED)
    threads: list[str] = []
    inflate = Inflated._inflate

    def counted(self: Inflated) -> Any:
        threads.append(threading.current_thread().name)
        return inflate(self)

    monkeypatch.setattr(Inflated, "_inflate", counted)
    view = show(file.finish().tensors["w"])
    press(view, Key.Key_End, Modifier.ControlModifier)
    settle(qtbot, view)
    assert number(text(view, 399, 299)) == 119_999
    assert len(threads) == 1
    assert threads[0].startswith("sdviewer-reading")


def test_one_job_reads_at_a_time_and_what_is_in_sight_now_comes_first(
    view: ValuesView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = saved(tmp_path, w=torch.zeros(100_000, 2))["w"]
    may_go, pages, at_once, most = threading.Semaphore(0), [], [0], [0]
    read = PagedValues.read

    def slow(self: PagedValues, page: tuple[int, int]) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        pages.append(page)
        assert may_go.acquire(timeout=10)
        at_once[0] -= 1
        return read(self, page)

    monkeypatch.setattr(PagedValues, "read", slow)
    view.show_tensor(ref)
    qtbot.waitUntil(lambda: len(pages) == 1)
    for row in range(10_000, 90_000, 10_000):
        view.table.scrollTo(view.table.values_model.index(row, 0), view.table.ScrollHint.PositionAtTop)
        QApplication.processEvents()
    may_go.release(1000)
    settle(qtbot, view)
    per_page = view.table.values_model.pages.paging.rows  # type: ignore[union-attr]
    assert most == [1]
    # The first page, which had begun, and those of the last place; not the seven in between.
    assert pages[0] == (0, 0)
    assert all(80_000 // per_page <= page[0] <= 80_100 // per_page + 1 for page in pages[1:])
    assert text(view, 80_000, 0) == "0"


def test_walking_through_tensors_shows_the_last_one(view: ValuesView, qtbot: QtBot, tmp_path: Path) -> None:
    refs = saved(tmp_path, **{f"w{number}": torch.full((50, 50), float(number)) for number in range(30)})
    for ref in refs.values():
        view.show_tensor(ref)
        QApplication.processEvents()
    settle(qtbot, view)
    assert corner(view).tolist() == np.full((4, 4), 29.0).tolist()
    view.show_tensor(None)
    assert view.is_settled
    assert not in_sight(view)
    assert view.frame is None


def test_closing_while_it_reads_is_quick_and_clean(
    view: ValuesView, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slow(_: PagedValues, __: object) -> Any:
        begun.set()
        time.sleep(0.3)
        raise OSError("too late")

    monkeypatch.setattr(PagedValues, "read", slow)
    view.show_tensor(saved(tmp_path, w=torch.zeros(50, 50))["w"])
    qtbot.waitUntil(begun.is_set)
    view.close_jobs()
    time.sleep(0.4)
    QApplication.processEvents()
    assert not view.error.isVisible()


# -- errors ---------------------------------------------------------------------------------------------


def test_a_file_that_changed_is_told_with_what_to_do(show: Show, tmp_path: Path) -> None:
    ref = saved(tmp_path, w=torch.zeros(500, 500))["w"]
    os.truncate(tmp_path / "saved.pt", 200)
    view = show(ref)
    assert not in_sight(view)
    assert view.error.isVisible()
    assert view.error.message.text() == "It changed on disk since it was opened."
    assert view.error.file.text() == str(tmp_path / "saved.pt")


def test_reading_can_be_tried_again(show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, broken = PagedValues.read, [True]

    def sometimes(self: PagedValues, page: tuple[int, int]) -> Any:
        if broken[0]:
            raise MemoryError
        return read(self, page)

    monkeypatch.setattr(PagedValues, "read", sometimes)
    view = show(saved(tmp_path, w=torch.ones(5, 5))["w"])
    assert view.error.message.text() == "There is not enough memory for this."
    broken[0] = False
    QTest.mouseClick(view.error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: in_sight(view) and view.is_settled)
    assert corner(view).tolist() == np.ones((4, 4)).tolist()


def test_reading_can_be_stopped_and_taken_up_again(
    view: ValuesView, bridge: Bridge, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go = threading.Event()
    read = PagedValues.read

    def waiting(self: PagedValues, page: tuple[int, int]) -> Any:
        may_go.wait(10)
        return read(self, page)

    monkeypatch.setattr(PagedValues, "read", waiting)
    view.show_tensor(saved(tmp_path, w=torch.ones(50, 50))["w"])
    qtbot.waitUntil(lambda: bool(bridge.running))
    for slot in tuple(bridge.running):
        bridge.cancel(slot)
    may_go.set()
    qtbot.waitUntil(view.error.isVisible)
    assert view.error.heading.text() == "Reading the values was stopped"
    QTest.mouseClick(view.error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: in_sight(view) and view.is_settled)
    assert text(view, 0, 0) == "1"


def refused(folder: Path) -> Checkpoint:
    file = ArrayFile(folder / "raw")
    file.add("sparse", torch.eye(4).to_sparse())
    file.add("meta", torch.empty(3, device="meta"))
    file.add("empty", torch.empty(0, 5))
    file.add_raw("cut", "float32", (4,), bytes(8), flags=Flag.OUT_OF_BOUNDS)
    file.add_raw("records", "other", (2,), bytes(20_000), extra={"dtype": "V10000", "itemsize": 10_000})
    return file.finish()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sparse", "sparse (sparse_coo)"),
        ("meta", "meta tensor has no values"),
        ("empty", "no elements (0 × 5)"),
        ("cut", "reaches past the bytes"),
        ("records", "9.77 KiB: too long"),
    ],
)
def test_a_tensor_without_a_table_says_why(show: Show, tmp_path: Path, name: str, words: str) -> None:
    with spying() as spy:
        view = show(refused(tmp_path).tensors[name])
        assert spy.reads == []
    assert words in view.reason.text()
    assert view.reason.isVisible()
    assert not in_sight(view)
    QTest.keyClick(view, Key.Key_G, Modifier.ControlModifier)
    view.save_npy()
    assert not view.findChildren(QFileDialog)


def test_the_components_of_a_sparse_tensor_are_offered(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    ref = refused(tmp_path).tensors["sparse"]
    view = show(ref)
    (grid,) = view.findChildren(GridView)
    assert grid.grid.rows == (("indices", "int64", "2 × 4"), ("values", "float32", "4"))
    grid.setFocus()
    grid.setCurrentIndex(grid.model().index(1, 0))
    with qtbot.waitSignal(view.component_wanted) as wanted:
        QTest.keyClick(grid, Key.Key_Return)
    assert wanted.args == [ref.components["values"].row]
    show(TensorRef(ref.checkpoint, wanted.args[0]))
    assert corner(view).tolist() == [[1.0]] * 4
    assert in_sight(view)


# -- going ----------------------------------------------------------------------------------------------


def type_index(view: ValuesView, index: str) -> None:
    """Ctrl+G, an index, Enter."""
    QTest.keyClick(view.table, Key.Key_G, Modifier.ControlModifier)
    assert QApplication.focusWidget() is view.axes.line
    QTest.keyClicks(view.axes.line, index)
    QTest.keyClick(view.axes.line, Key.Key_Return)


def test_an_index_that_is_typed_is_gone_to(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    values = torch.randn(8, 300, 200)
    view = show(saved(tmp_path, w=values)["w"])
    for typed, index in (
        ("5, 234, 123", (5, 234, 123)),
        ("[-1, -1, -1]", (7, 299, 199)),
        (f"#{200 * 300 * 2 + 7}", (2, 0, 7)),
    ):
        type_index(view, typed)
        settle(qtbot, view)
        assert current(view) == index
        assert QApplication.focusWidget() is view.table
        assert view.axes.box(0).index == index[0]
        cell = view.table.visualRect(view.table.currentIndex())
        assert view.table.viewport().rect().contains(cell.center())
        assert np.float32(view.footer.cell.text().split()[3].replace("−", "-")) == values[index].numpy()


def test_what_is_no_index_is_told_and_nothing_moves(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(30, 20))["w"])
    type_index(view, "3, 4")
    with qtbot.waitSignal(view.message) as said:
        type_index(view, "30, 0")
    assert said.args == ["30 is outside axis 0, which ends at 29."]
    assert view.notice.text() == "✖ 30 is outside axis 0, which ends at 29."
    assert view.notice.isVisible()
    assert current(view) == (3, 4)
    assert QApplication.focusWidget() is view.axes.line
    type_index(view, "29, 0")
    assert not view.notice.isVisible()
    assert current(view) == (29, 0)


def test_the_end_of_a_giant_is_reached_at_once_and_truly_numbered(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    ref = saved(tmp_path, w=torch.tensor([[1.0, 2.0]]).expand(2**40, 2))["w"]
    with spying() as spy:
        view = show(ref)
        press(view, Key.Key_End, Modifier.ControlModifier)
        settle(qtbot, view)
        assert spy.total < 10_000
    assert current(view) == (2**40 - 1, 1)
    assert text(view, view.table.values_model.rowCount() - 1, 1) == "2"
    assert view.table.values_model.headerData(999_999, Qt.Orientation.Vertical) == str(2**40 - 1)
    assert view.footer.rows.isVisible()
    assert not view.footer.columns.isVisible()
    assert view.footer.rows.text.text().startswith("Rows 1,099,510,627,776 – 1,099,511,627,775 of")
    press(view, Key.Key_Home)
    assert current(view) == (2**40 - 1, 0)
    press(view, Key.Key_Home, Modifier.ControlModifier)
    assert current(view) == (0, 0)
    type_index(view, f"{2**39}, 1")
    settle(qtbot, view)
    assert current(view) == (2**39, 1)
    assert view.table.values_model.window.holds(2**39, 1)


def test_keys_and_buttons_lead_beyond_the_window(show: Show, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(1).expand(3_000_000))["w"])
    model = view.table.values_model
    type_index(view, "999999")
    press(view, Key.Key_Down)
    assert current(view) == (1_000_000,)
    press(view, Key.Key_Up)
    assert current(view) == (999_999,)
    top = model.window.first_row
    assert top > 0
    type_index(view, str(top))
    press(view, Key.Key_Up)
    assert current(view) == (top - 1,)
    last = model.window.first_row + model.window.rows - 1
    type_index(view, str(last))
    press(view, Key.Key_PageDown)
    assert last < current(view)[0] < last + 100
    first, before, after, final = view.footer.rows.buttons
    QTest.mouseClick(final, Qt.MouseButton.LeftButton)
    assert current(view) == (2_999_999,)
    assert not final.isEnabled()
    assert not after.isEnabled()
    press(view, Key.Key_Down)
    assert current(view) == (2_999_999,)
    QTest.mouseClick(before, Qt.MouseButton.LeftButton)
    assert current(view) == (1_999_999,)
    QTest.mouseClick(after, Qt.MouseButton.LeftButton)
    assert current(view)[0] >= 2_000_000
    QTest.mouseClick(first, Qt.MouseButton.LeftButton)
    assert current(view) == (0,)
    assert not first.isEnabled()
    press(view, Key.Key_Up)
    assert current(view) == (0,)


def test_many_columns_are_a_window_too(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.arange(300_000).reshape(1, -1))["w"])
    press(view, Key.Key_End)
    settle(qtbot, view)
    assert current(view) == (0, 299_999)
    assert text(view, 0, 99_999) == "299999"
    assert view.footer.columns.isVisible()
    type_index(view, "0, 200000")
    press(view, Key.Key_Left)
    assert current(view) == (0, 199_999)


def test_a_million_rows_are_selected_in_a_moment(show: Show, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(1, 1).expand(10**6, 1000))["w"])
    begun = time.monotonic()
    header = view.table.horizontalHeader()
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(header.sectionPosition(1) + 20, 8))
    QApplication.processEvents()
    view.grab()
    assert view.table.selected() == (range(10**6), range(1, 2))
    press(view, Key.Key_A, Modifier.ControlModifier)
    view.grab()
    assert view.table.selected() == (range(10**6), range(1000))
    assert "1,000,000 × 1,000 = 1,000,000,000 values selected" in view.footer.selection.text()
    # Half a minute if Qt's own header asked for every row.
    assert time.monotonic() - begun < 5


# -- copying --------------------------------------------------------------------------------------------


def select(view: ValuesView, index: str, down: int, across: int) -> None:
    view.go_to(index)
    press(view, Key.Key_Down, Modifier.ShiftModifier, down)
    press(view, Key.Key_Right, Modifier.ShiftModifier, across)


def test_the_selection_is_copied_as_tsv(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    values = torch.randn(30, 20)
    values[11, 6] = float("nan")
    view = show(saved(tmp_path, w=values)["w"])
    select(view, "10, 5", 3, 2)
    assert view.footer.selection.text() == "4 × 3 = 12 values selected"
    with qtbot.waitSignal(view.message) as said:
        press(view, Key.Key_C, Modifier.ControlModifier)
    assert said.args == ["Copied 12 values as TSV."]
    cells = np.array(list(csv.reader(io.StringIO(clipboard()), delimiter="\t")), np.float32)
    assert np.array_equal(cells, values.numpy()[10:14, 5:8], equal_nan=True)


def test_ctrl_c_is_the_tables_even_if_the_window_has_it(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.ones(3, 3))["w"])
    others: list[bool] = []
    action = QAction(view.window())
    action.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    action.triggered.connect(others.append)
    view.window().addAction(action)
    window = view.window().windowHandle()
    with qtbot.waitSignal(view.message):
        QTest.keyClick(window, Key.Key_C, Modifier.ControlModifier)
    assert clipboard() == "1.0"
    assert others == []


def menu_of(view: ValuesView, monkeypatch: pytest.MonkeyPatch) -> QMenu:
    """The context menu, by its key."""
    monkeypatch.setattr(QMenu, "popup", lambda *_: None)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(view.table, event)
    return view.findChildren(QMenu)[-1]


def action_of(menu: QMenu, begins: str) -> QAction:
    return next(action for action in menu.actions() if action.text().replace("&", "").startswith(begins))


def test_the_selection_is_copied_as_a_python_list_of_the_turned_view(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.randn(6, 5).bfloat16()
    values[2, 3] = float("inf")
    view = show(saved(tmp_path, w=values)["w"])
    QTest.mouseClick(view.axes.transpose, Qt.MouseButton.LeftButton)
    settle(qtbot, view)
    press(view, Key.Key_A, Modifier.ControlModifier)
    with qtbot.waitSignal(view.message) as said:
        action_of(menu_of(view, monkeypatch), "Copy as Python List").trigger()
    assert said.args == ["Copied 30 values as a Python list."]
    assert torch.equal(torch.tensor(evaluated(clipboard()), dtype=torch.bfloat16), values.T)


def test_too_large_a_selection_is_refused_in_words(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(1, 1).expand(2000, 1000))["w"])
    QApplication.clipboard().setText("before")
    press(view, Key.Key_A, Modifier.ControlModifier)
    with qtbot.waitSignal(view.message) as said:
        press(view, Key.Key_C, Modifier.ControlModifier)
    assert "2,000,000 values are selected, and at most 1,000,000 can be copied" in said.args[0]
    assert view.notice.text().startswith("✖ 2,000,000 values")
    assert clipboard() == "before"
    assert not view.tasks.is_busy


def test_what_cannot_be_copied_is_told_beside_the_table(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(500, 500))["w"])
    os.truncate(tmp_path / "saved.pt", 100)
    with qtbot.waitSignal(view.message) as said:
        press(view, Key.Key_C, Modifier.ControlModifier)
    assert said.args[0] == "It changed on disk since it was opened."
    assert view.task_error.isVisible()
    assert view.task_error.file.text() == str(tmp_path / "saved.pt")
    assert in_sight(view)
    press(view, Key.Key_G, Modifier.ControlModifier)
    view.task_error.close_button.setFocus()
    QTest.keyClick(view.task_error.close_button, Key.Key_Escape)
    assert not view.task_error.isVisible()
    assert view.table.hasFocus()


# -- saving ---------------------------------------------------------------------------------------------


def choose(monkeypatch: pytest.MonkeyPatch, target: Path) -> list[str]:
    """The file dialog answers with this path; returns the names that it was opened with."""
    offered: list[str] = []

    def answer(dialog: QFileDialog) -> None:
        offered.extend(dialog.selectedFiles())
        dialog.fileSelected.emit(str(target))
        dialog.deleteLater()

    monkeypatch.setattr(QFileDialog, "open", answer)
    return offered


def test_the_whole_tensor_is_saved_for_numpy(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.randn(40, 30)
    view = show(saved(tmp_path, **{"layers.0/we ight": values})["layers.0/we ight"])
    offered = choose(monkeypatch, tmp_path / "out.npy")
    with qtbot.waitSignal(view.message) as said:
        QTest.mouseClick(view.save_button, Qt.MouseButton.LeftButton)
    assert said.args == ["Saved out.npy, 4.81 KiB."]
    assert np.array_equal(np.load(tmp_path / "out.npy"), values.numpy())
    assert [Path(name).name for name in offered] == ["layers.0_we_ight.npy"]


def test_a_widened_dtype_is_told_before_and_after(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.randn(4, 3).bfloat16()
    view = show(saved(tmp_path, w=values)["w"])
    assert view.save_button.toolTip() == "Save the whole tensor as float32, because numpy has no bfloat16"
    choose(monkeypatch, tmp_path / "out.npy")
    with qtbot.waitSignal(view.message) as said:
        action_of(menu_of(view, monkeypatch), "Save the Whole Tensor").trigger()
    assert said.args[0].endswith("as float32, because numpy has no bfloat16.")
    assert np.array_equal(np.load(tmp_path / "out.npy"), values.float().numpy())


def test_the_checkpoint_is_never_overwritten(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = show(saved(tmp_path, w=torch.ones(3))["w"])
    before = (tmp_path / "saved.pt").read_bytes()
    choose(monkeypatch, tmp_path / "saved.pt")
    with qtbot.waitSignal(view.message) as said:
        view.save_npy()
    assert said.args[0].startswith("It is a file of the checkpoint.")
    assert (tmp_path / "saved.pt").read_bytes() == before


def test_a_save_that_failed_can_be_tried_again(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = show(saved(tmp_path, w=torch.ones(3))["w"])
    choose(monkeypatch, tmp_path / "nowhere" / "out.npy")
    view.save_npy()
    qtbot.waitUntil(view.task_error.isVisible)
    (tmp_path / "nowhere").mkdir()
    QTest.mouseClick(view.task_error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.notice.text().startswith("Saved out.npy"))
    assert not view.task_error.isVisible()
    assert np.load(tmp_path / "nowhere" / "out.npy").tolist() == [1, 1, 1]


def test_a_save_goes_on_while_another_tensor_is_shown_and_can_be_stopped(
    show: Show, bridge: Bridge, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = saved(tmp_path, big=torch.zeros(2000, 2000), small=torch.ones(2, 2))
    chunks, may_go = TensorRef.chunks, threading.Event()

    def slow(self: TensorRef, *arguments: Any, **options: Any) -> Iterator[Any]:
        for chunk in chunks(self, *arguments, **options):
            may_go.wait(10)
            yield chunk

    monkeypatch.setattr(TensorRef, "chunks", slow)
    view = show(refs["big"])
    choose(monkeypatch, tmp_path / "out.npy")
    view.save_npy()
    show(refs["small"])
    assert view.tasks.is_busy
    assert [running.title for running in bridge.running.values()] == ["Saving out.npy"]
    with qtbot.waitSignal(view.message) as said:
        for slot in tuple(bridge.running):
            bridge.cancel(slot)
        may_go.set()
    assert said.args == ["Saving out.npy was stopped."]
    qtbot.waitUntil(lambda: [path.name for path in tmp_path.iterdir()] == ["saved.pt"])
    assert not view.tasks.is_busy


# -- access ---------------------------------------------------------------------------------------------


def test_every_widget_that_takes_focus_has_a_name_and_is_reached_by_tab(show: Show, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.zeros(3, 4, 5, 6))["w"])
    reached: list[QWidget] = []
    view.axes.rows.setFocus()
    for _ in range(20):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus in reached:
            break
        reached.append(focus)
        QTest.keyClick(focus, Key.Key_Tab)
    wanted = [view.axes.rows, view.axes.columns, view.axes.transpose, view.axes.box(0), view.axes.box(1)]
    wanted += [view.axes.line, view.save_button, view.table]
    assert [widget for widget in reached if widget in wanted] == wanted
    for widget in view.findChildren(QWidget):
        if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.parent() is not None:
            owner = widget.parentWidget() if isinstance(widget.parentWidget(), IndexBox) else widget
            assert owner is not None
            assert owner.accessibleName(), widget


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (2**40,)], ids=str)
def test_a_narrow_pane_keeps_all_controls(show: Show, tmp_path: Path, shape: tuple[int, ...]) -> None:
    view = show(saved(tmp_path, w=torch.zeros(1).expand(shape))["w"])
    view.window().resize(320, 500)
    QApplication.processEvents()
    assert view.width() == 320
    boxes = [view.axes.box(axis) for axis in (0, 1)] if len(shape) == 4 else []
    for control in (view.axes.transpose, view.axes.line, view.save_button, *boxes):
        assert control.mapTo(view, control.rect().bottomRight()).x() < 320
        assert control.mapTo(view, control.rect().bottomRight()).y() < view.table.mapTo(view, QPoint()).y()
    assert view.table.viewport().height() > 200


def test_an_index_box_counts_further_than_qt(qtbot: QtBot) -> None:
    box = IndexBox(2**62, 0, "Index on axis 0")
    qtbot.addWidget(box)
    seen: list[int] = []
    box.index_changed.connect(seen.append)
    box.selectAll()
    QTest.keyClicks(box, str(2**62 - 1))
    QTest.keyClick(box, Key.Key_Return)
    assert seen == [2**62 - 1]
    QTest.keyClick(box, Key.Key_Up)
    QTest.keyClick(box, Key.Key_Down)
    assert seen == [2**62 - 1, 2**62 - 2]
    box.selectAll()
    QTest.keyClicks(box, "x-5")
    assert box.lineEdit().text() == "5"
    box.selectAll()
    QTest.keyClick(box, Key.Key_Delete)
    QTest.keyClick(box, Key.Key_Return)
    assert box.lineEdit().text() in {str(box.index), "5"}
    box.stepBy(-(2**70))
    assert box.index == 0


def test_tensors_of_very_many_axes_do_not_fill_the_window(show: Show, tmp_path: Path) -> None:
    view = show(saved(tmp_path, w=torch.arange(6.0).reshape(*(1,) * 50, 2, 3))["w"])
    assert len(view.findChildren(IndexBox)) == 32
    assert view.width() <= 900
    type_index(view, "#5")
    assert current(view) == (*(0,) * 50, 1, 2)
