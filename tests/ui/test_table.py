"""The table of all tensors by clicks, keys and menus."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolTip
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.listing import Listing, Sorting
from sdviewer.control import Control
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.table import pane as pane_module
from sdviewer.ui.table import tasks as tasks_module
from sdviewer.ui.table.pane import TablePane
from sdviewer.ui.theme import Theme, apply_theme
from tests.helpers.listed import checkpoint_of
from tests.helpers.many_tensors import many_tensors, name_of
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.looking import picture, shades
from tests.unit.checkpoint.test_listing import mixed
from tests.unit.checkpoint.test_natural_order import natural_key

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton
NAMES = ["net.10.weight", "net.2.weight", "net.2.bias", "count", "packed", "none", "meta", "day", "long", "tied"]


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def pane(qtbot: QtBot, bridge: Bridge) -> Iterator[TablePane]:
    """An empty table in a window of its own, which has the focus."""
    apply_theme(Theme.LIGHT)
    pane = TablePane(bridge)
    pane.resize(1000, 400)
    pane.show()
    pane.activateWindow()
    qtbot.waitExposed(pane)
    pane.view.setFocus()
    yield pane
    pane.close_jobs()
    pane.close()
    pane.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def table(pane: TablePane) -> TablePane:
    """Ten tensors that differ in everything."""
    pane.show_rows(mixed(), None)
    return pane


def settle(qtbot: QtBot, pane: TablePane) -> None:
    qtbot.waitUntil(lambda: pane.is_settled, timeout=20_000)


def names(pane: TablePane) -> list[str]:
    return [pane.model.text(place, 0) for place in range(pane.model.rowCount())]


def selected(pane: TablePane) -> list[str]:
    assert pane.model.listing is not None
    return [pane.model.listing.checkpoint.table.name[row] for row in pane.selected_tensors().tolist()]


def current(pane: TablePane) -> str:
    tensor = pane.view.current_tensor
    assert pane.model.listing is not None
    return pane.model.listing.checkpoint.table.name[tensor] if tensor >= 0 else ""


def column_of(pane: TablePane, title: str) -> int:
    return [column.title for column in pane.model.columns].index(title)


def click(pane: TablePane, name: str, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    place = pane.view.visualRect(pane.model.index(names(pane).index(name), 0)).center()
    QTest.mouseClick(pane.view.viewport(), LEFT, modifiers, place)


def click_header(pane: TablePane, title: str) -> None:
    header = pane.view.horizontalHeader()
    section = column_of(pane, title)
    place = QPoint(header.sectionViewportPosition(section) + header.sectionSize(section) // 2, header.height() // 2)
    QTest.mouseClick(header.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_all_tensors_are_shown_in_file_order_with_totals(table: TablePane) -> None:
    assert names(table) == NAMES
    assert table.totals.text() == "10 tensors · 1,197 elements · 4.37 KiB · 1 tied, counted once"
    assert selected(table) == []


def test_a_click_on_a_title_sorts_up_then_down_then_not_at_all(table: TablePane) -> None:
    click_header(table, "Name")
    assert names(table) == sorted(NAMES, key=natural_key)
    click_header(table, "Name")
    assert names(table) == sorted(NAMES, key=natural_key, reverse=True)
    click_header(table, "Name")
    assert names(table) == NAMES
    click_header(table, "Elements")
    assert names(table) == [
        *("none", "count", "net.2.bias", "day", "meta", "net.10.weight", "net.2.weight", "tied", "packed", "long")
    ]


def test_a_click_selects_and_tells_which_tensor(qtbot: QtBot, table: TablePane) -> None:
    with qtbot.waitSignal(table.tensor_selected) as told:
        click(table, "packed")
    assert told.args == [4]
    assert (selected(table), current(table)) == (["packed"], "packed")
    assert table.totals.text() == "1 of 10 tensors selected · 100 elements · 100 B"


def test_ctrl_picks_single_rows_and_shift_a_range(table: TablePane) -> None:
    click(table, "net.2.weight")
    click(table, "packed", CONTROL)
    assert selected(table) == ["net.2.weight", "packed"]
    click(table, "net.2.weight", CONTROL)
    assert selected(table) == ["packed"]
    click(table, "count", SHIFT)
    assert selected(table) == ["net.2.weight", "net.2.bias", "count"]
    click(table, "day", CONTROL)
    click(table, "tied", CONTROL | SHIFT)
    assert selected(table) == ["net.2.weight", "net.2.bias", "count", "day", "long", "tied"]
    click(table, "meta")
    click(table, "none", SHIFT)
    click(table, "day", SHIFT)
    assert selected(table) == ["meta", "day"]


def test_totals_of_tied_tensors_count_them_once(table: TablePane) -> None:
    click(table, "net.10.weight")
    click(table, "tied", CONTROL)
    assert table.totals.text() == "2 of 10 tensors selected · 40 elements · 160 B · 1 tied, counted once"
    assert "160 bytes" in table.totals.toolTip()


def test_the_focus_alone_goes_to_no_tensor(table: TablePane) -> None:
    table.columns_button.setFocus()
    table.view.setFocus()
    assert (current(table), selected(table)) == ("", [])


def test_keys_move_and_select(table: TablePane) -> None:
    def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> list[str]:
        QTest.keyClick(table.view, key, modifiers)
        return selected(table)

    assert press(Qt.Key.Key_Down) == ["net.10.weight"]
    assert press(Qt.Key.Key_Down) == ["net.2.weight"]
    assert press(Qt.Key.Key_Down, SHIFT) == ["net.2.weight", "net.2.bias"]
    assert press(Qt.Key.Key_End, SHIFT) == NAMES[1:]
    assert press(Qt.Key.Key_Home, SHIFT) == NAMES[:2]
    assert press(Qt.Key.Key_End) == ["tied"]
    assert press(Qt.Key.Key_Up, CONTROL) == ["tied"]
    assert current(table) == "long"
    assert press(Qt.Key.Key_Space, CONTROL) == ["long", "tied"]
    assert press(Qt.Key.Key_Space, CONTROL) == ["tied"]
    assert press(Qt.Key.Key_Space) == ["long"]
    assert press(Qt.Key.Key_Home) == ["net.10.weight"]
    assert press(Qt.Key.Key_Up) == ["net.10.weight"]
    assert press(Qt.Key.Key_PageDown) == ["tied"]
    assert press(Qt.Key.Key_PageUp) == ["net.10.weight"]
    assert press(Qt.Key.Key_A, CONTROL) == NAMES


def test_a_page_is_as_long_as_the_view(pane: TablePane, qtbot: QtBot) -> None:
    pane.show_rows(many_tensors(1_000), None)
    page = pane.view.viewport().height() // pane.view.row_painter.row_height - 1
    assert 5 < page < 40
    QTest.keyClick(pane.view, Qt.Key.Key_Home)
    QTest.keyClick(pane.view, Qt.Key.Key_PageDown)
    QTest.keyClick(pane.view, Qt.Key.Key_PageDown)
    assert pane.view.current_tensor == 2 * page
    qtbot.wait(10)
    place = pane.view.visualRect(pane.view.currentIndex())
    assert pane.view.viewport().rect().contains(place.topLeft())
    assert pane.view.viewport().rect().contains(place.bottomLeft())


def test_left_and_right_move_the_columns_and_rows_leave_them_there(table: TablePane) -> None:
    table.resize(400, 300)
    QApplication.processEvents()
    bar = table.view.horizontalScrollBar()
    QTest.keyClick(table.view, Qt.Key.Key_Right)
    moved = bar.value()
    assert moved > 0
    QTest.keyClick(table.view, Qt.Key.Key_Down)
    assert bar.value() == moved
    QTest.keyClick(table.view, Qt.Key.Key_Left)
    assert bar.value() == 0


def test_letters_go_to_names_that_begin_so(table: TablePane) -> None:
    QTest.keyClicks(table.view, "net.2.b")
    assert (current(table), selected(table)) == ("net.2.bias", ["net.2.bias"])
    table.view.typing.at = 0.0
    QTest.keyClicks(table.view, "N")
    assert current(table) == "none"
    QTest.keyClicks(table.view, "n")
    assert current(table) == "net.10.weight"
    table.view.typing.at = 0.0
    QTest.keyClicks(table.view, "zzz")
    assert current(table) == "net.10.weight"


def test_dragging_selects_the_rows_below_the_pointer(pane: TablePane, qtbot: QtBot) -> None:
    pane.show_rows(many_tensors(200), None)
    viewport = pane.view.viewport()
    height = pane.view.row_painter.row_height
    QTest.mousePress(viewport, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(20, height // 2))

    def move(place: QPoint) -> None:
        at = QPointF(place)
        none = Qt.KeyboardModifier.NoModifier
        everywhere = QPointF(viewport.mapToGlobal(place))
        QApplication.sendEvent(viewport, QMouseEvent(QEvent.Type.MouseMove, at, everywhere, LEFT, LEFT, none))

    move(QPoint(20, 3 * height + 2))
    assert pane.selected_tensors().tolist() == [0, 1, 2, 3]
    move(QPoint(20, height + 2))
    assert pane.selected_tensors().tolist() == [0, 1]
    # Beyond the edge the table runs on as long as the pointer stays there.
    move(QPoint(20, viewport.height() + 60))
    qtbot.waitUntil(lambda: len(pane.selected_tensors()) > 60)
    QTest.mouseRelease(viewport, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(20, 20))
    count = len(pane.selected_tensors())
    move(QPoint(20, 2))
    qtbot.wait(100)
    assert len(pane.selected_tensors()) == count


def test_a_filter_and_a_sorting_keep_what_is_selected(table: TablePane) -> None:
    checkpoint = mixed_again(table)
    click(table, "packed")
    click(table, "long", CONTROL)
    click_header(table, "Elements")
    assert selected(table) == ["packed", "long"]
    table.show_rows(checkpoint, np.array([0, 2, 4, 5]))
    assert names(table) == ["none", "net.2.bias", "net.10.weight", "packed"]
    assert selected(table) == ["packed"]
    assert current(table) == ""
    assert table.totals.text().startswith("1 of 4 tensors selected")
    table.show_rows(checkpoint, None)
    assert selected(table) == ["packed", "long"]
    assert current(table) == "long"


def mixed_again(table: TablePane) -> Checkpoint:
    assert table.model.listing is not None
    return table.model.listing.checkpoint


def test_the_same_file_read_again_keeps_selection_and_sorting(table: TablePane) -> None:
    click_header(table, "Name")
    click(table, "day")
    click(table, "packed", SHIFT)
    before = selected(table)
    assert len(before) > 2
    table.show_rows(mixed(), None)
    assert names(table) == sorted(NAMES, key=natural_key)
    assert (selected(table), current(table)) == (before, "packed")


def test_a_changed_file_keeps_the_current_tensor_by_name(table: TablePane, tmp_path: Path) -> None:
    click(table, "count")
    tensors = {"new": np.ones(3, np.float32), "count": np.array(1)}
    table.show_rows(checkpoint_with(tmp_path, tensors), None)
    assert names(table) == ["new", "count"]
    assert (selected(table), current(table)) == (["count"], "count")
    assert table.view.current_tensor == 1


def test_a_filter_without_matches_says_so(table: TablePane) -> None:
    table.show_rows(mixed_again(table), np.zeros(0, np.int64))
    assert table.view.empty_text == "No tensor matches."
    assert table.totals.text() == "0 tensors"
    assert not table.save_button.isEnabled()
    assert shades(picture(table.view)) > 2
    for key in (Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_Space):
        QTest.keyClick(table.view, key)
    table.view.selectAll()
    assert selected(table) == []


def test_a_file_without_tensors_says_so(pane: TablePane) -> None:
    from sdviewer.checkpoint.table import TableBuilder

    pane.show_rows(checkpoint_of(TableBuilder(), []), None)
    assert pane.view.empty_text == "This file holds no tensors."
    click_header(pane, "Name")
    assert names(pane) == []


def test_select_tensor_goes_there_if_it_is_shown(table: TablePane) -> None:
    assert table.select_tensor(7)
    assert (selected(table), current(table)) == (["day"], "day")
    table.show_rows(mixed_again(table), np.array([1, 2]))
    assert not table.select_tensor(7)


def test_names_are_copied_with_ctrl_c(table: TablePane) -> None:
    click(table, "net.2.bias")
    QTest.keyClick(table.view, Qt.Key.Key_C, CONTROL)
    assert clipboard() == "net.2.bias"
    click(table, "packed", SHIFT)
    QTest.keyClick(table.view, Qt.Key.Key_C, CONTROL)
    assert clipboard() == "net.2.bias\ncount\npacked\n"
    assert table.totals.text() == "Copied 3 names."


def entry(menu: QMenu, text: str) -> Callable[[], None]:
    return next(action for action in menu.actions() if action.text().split("\t")[0] == text).trigger


def test_rows_are_copied_as_tsv_with_the_columns_that_are_shown(table: TablePane) -> None:
    click(table, "net.2.weight")
    click(table, "count", CONTROL)
    entry(table.row_menu(), "Copy as TSV")()
    assert clipboard().splitlines() == [
        "Name\tDtype\tShape\tElements\tSize\tRole\tModule kind\tSection\tProblem",
        "net.2.weight\tfloat32\t[4, 10]\t40\t160\tparameter\tLinear\tmodel\t",
        "count\tint64\t[]\t1\t8\tbuffer\t\tmodel\tstands alone",
    ]


def test_rows_are_copied_as_markdown(table: TablePane) -> None:
    click(table, "tied")
    entry(table.row_menu(), "Copy as Markdown")()
    assert clipboard().splitlines()[1:] == [
        "| --- | --- | ---: | ---: | ---: | --- | --- | --- | --- |",
        "| tied | float32 | [10, 4] | 40 | 160 | parameter |  | model |  |",
    ]


def test_access_expressions_are_copied(table: TablePane) -> None:
    click(table, "net.2.bias")
    entry(table.row_menu(), "Copy Access Expression")()
    assert clipboard() == 'ckpt["net.2.bias"]'


def test_the_menu_offers_only_what_can_be_done(table: TablePane) -> None:
    enabled = {action.text().split("\t")[0]: action.isEnabled() for action in table.row_menu().actions()}
    assert not enabled["Copy Names"]
    assert enabled["Save as CSV…"]
    assert enabled["Select All"]


def test_the_right_button_selects_what_it_points_at(table: TablePane) -> None:
    def right_click(name: str) -> None:
        place = table.view.visualRect(table.model.index(names(table).index(name), 0)).center()
        QTest.mouseClick(table.view.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, place)

    click(table, "net.2.weight")
    click(table, "count", SHIFT)
    right_click("net.2.bias")
    assert selected(table) == ["net.2.weight", "net.2.bias", "count"]
    right_click("day")
    assert selected(table) == ["day"]


def test_too_many_rows_for_a_clipboard_are_not_copied(table: TablePane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_module, "MOST_COPIED", 3)
    QGuiApplication.clipboard().setText("before")
    table.view.selectAll()
    table.copy_tsv()
    assert clipboard() == "before"
    assert "save them as CSV or JSON" in table.totals.text()


@pytest.fixture
def real(pane: TablePane, tmp_path: Path) -> TablePane:
    pane.show_rows(checkpoint_with(tmp_path, small_tensors()), None)
    return pane


def test_selected_rows_are_saved_as_csv(
    real: TablePane, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ask(*arguments: Any) -> tuple[str, str]:
        asked.append(arguments)
        return str(tmp_path / "chosen"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    real.sort_by(Sorting("name"))
    click(real, "head.steps")
    click(real, "scale", SHIFT)
    entry(real.row_menu(), "Save as CSV…")()
    settle(qtbot, real)
    assert asked[0][2].endswith("payload-tensors.csv")
    with (tmp_path / "chosen.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["head.steps", "head.weight", "scale"]
    assert (rows[1]["shape"], rows[1]["nbytes"], rows[0]["dtype"]) == ("[3, 4]", "48", "int64")
    assert real.totals.text().startswith("Saved 3 tensors as chosen.csv")


def test_without_a_selection_all_that_is_shown_is_saved(real: TablePane, qtbot: QtBot, tmp_path: Path) -> None:
    real.show_rows(mixed_again(real), np.array([0, 6]))
    real.save(str(tmp_path / "all.json"))
    settle(qtbot, real)
    document = json.loads((tmp_path / "all.json").read_bytes())
    assert document["schema"] == 1
    assert [row["name"] for row in document["tensors"]] == ["encoder.layers.0.weight", "scale"]
    assert document["tensors"][0]["shape"] == [64, 32]


def test_an_error_of_saving_is_told_below_the_table(real: TablePane, qtbot: QtBot, tmp_path: Path) -> None:
    real.save(str(tmp_path / "nowhere" / "x.csv"))
    settle(qtbot, real)
    assert real.error.isVisible()
    assert "x.csv" in real.error.file.text()
    click(real, "scale")
    assert real.totals.text().startswith("1 of 7")
    assert real.error.isVisible()
    (tmp_path / "nowhere").mkdir()
    QTest.mouseClick(real.error.tools.try_again, Qt.MouseButton.LeftButton)
    settle(qtbot, real)
    assert not real.error.isVisible()
    assert (tmp_path / "nowhere" / "x.csv").stat().st_size > 0
    assert real.totals.text().startswith("Saved 7 tensors")


def test_nothing_is_saved_if_the_dialog_is_left(real: TablePane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    real.save_as(".json")
    assert real.is_settled


def test_columns_are_chosen_in_a_menu(table: TablePane) -> None:
    menu = table.columns.menu(table)
    entry(menu, "Dimensions")()
    entry(menu, "Dtype")()
    assert [column.title for column in table.columns.shown()][:3] == ["Name", "Shape", "Dimensions"]
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Name"].isEnabled()
    assert actions["Size"].isChecked()
    assert not actions["Tied"].isChecked()
    entry(menu, "All columns")()
    assert len(table.columns.shown()) == len(table.model.columns)
    entry(menu, "The usual columns")()
    assert [column.id for column in table.columns.shown()] == [c.id for c in table.model.columns if c.at_first]


def test_columns_widths_and_sorting_are_remembered(table: TablePane, bridge: Bridge) -> None:
    header = table.view.horizontalHeader()
    table.columns.show(column_of(table, "Tied"), wanted=True)
    table.columns.show(column_of(table, "Role"), wanted=False)
    header.moveSection(header.visualIndex(column_of(table, "Size")), 1)
    header.resizeSection(0, 321)
    click_header(table, "Size")
    click_header(table, "Size")

    other = TablePane(bridge)
    other.restore_state(table.state())
    other.show_rows(mixed(), None)
    assert [c.id for c in other.columns.shown()] == [c.id for c in table.columns.shown()]
    assert other.columns.shown()[1].id == "nbytes"
    assert other.view.columnWidth(0) == 321
    assert names(other) == names(table)
    assert names(other)[0] == "long"
    assert json.loads(other.state()) == json.loads(table.state())
    other.deleteLater()


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[1]",
        "{}",
        "null",
        '{"shown": 3, "order": "x", "widths": [], "sorting": 5}',
        '{"shown": ["nobody", 4, null], "order": ["nobody", 7, null, {}], "sorting": ["nobody", true]}',
        '{"widths": {"name": "wide", "dtype": -5, "shape": true, "nobody": 3}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_state_is_passed_over(table: TablePane, state: str) -> None:
    table.restore_state(state)
    assert names(table) == NAMES
    assert table.columns.shown()[0].id == "name"
    assert all(table.view.columnWidth(column) >= 40 for column in range(3))


def test_a_tooltip_tells_what_was_cut_and_exact_figures(table: TablePane, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _, text, *__: told.append(text))

    def tip(name: str, title: str) -> str:
        index = table.model.index(names(table).index(name), column_of(table, title))
        place = table.view.visualRect(index).center()
        event = QHelpEvent(QEvent.Type.ToolTip, place, table.view.viewport().mapToGlobal(place))
        QApplication.sendEvent(table.view.viewport(), event)
        return told[-1]

    assert "4,000 bytes" in tip("long", "Size")
    assert tip("net.2.bias", "Name") == ""
    table.view.setColumnWidth(0, 60)
    assert "net.10.weight" in tip("net.10.weight", "Name")


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_rows_are_painted_and_a_selected_one_stands_out(table: TablePane, theme: Theme) -> None:
    apply_theme(theme)
    QApplication.processEvents()
    ground = table.palette().base().color()
    before = picture(table.view.viewport())
    assert shades(before) > 4
    assert before.pixelColor(2, before.height() - 2) == ground
    QTest.keyClick(table.view, Qt.Key.Key_Home)
    QApplication.processEvents()
    after = picture(table.view.viewport())
    row = table.view.row_painter.row_height
    assert after.pixelColor(3, row // 4) != before.pixelColor(3, row // 4)
    assert after.pixelColor(3, row + row // 4) == before.pixelColor(3, row + row // 4)


def test_a_page_asks_only_for_the_rows_in_sight(pane: TablePane) -> None:
    pane.show_rows(many_tensors(5_000), None)
    QApplication.processEvents()
    pane.model._texts.clear()
    pane.view.viewport().repaint()
    rows = pane.view.viewport().height() // pane.view.row_painter.row_height + 2
    assert 0 < len({tensor for tensor, _ in pane.model._texts}) <= rows
    assert len(pane.model._texts) <= rows * len(pane.columns.shown())


def test_large_tables_are_sorted_beside_the_window(
    pane: TablePane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    order = Listing.order

    def watched(self: Listing, sorting: Sorting, control: Control) -> Any:
        threads.append(threading.current_thread().name)
        return order(self, sorting, control)

    monkeypatch.setattr(Listing, "order", watched)
    checkpoint = many_tensors(50_000)
    pane.show_rows(checkpoint, None)
    assert pane.view.empty_text == "Preparing the table …"
    settle(qtbot, pane)
    assert pane.totals.text().startswith("50,000 tensors · ")
    click_header(pane, "Elements")
    click_header(pane, "Elements")
    settle(qtbot, pane)
    numel = checkpoint.table.numel[pane.model.rows]
    assert (numel[1:] <= numel[:-1]).all()
    assert threads
    assert all("computing" in name for name in threads)


def test_a_sorting_that_is_stopped_leaves_the_rows_and_the_header_says_so(
    pane: TablePane, bridge: Bridge, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane.show_rows(many_tensors(50_000), None)
    settle(qtbot, pane)
    entered = threading.Event()

    def endless(_: Listing, __: Sorting, control: Control) -> Any:
        entered.set()
        while True:
            control.check()

    monkeypatch.setattr(Listing, "order", endless)
    click_header(pane, "Name")
    assert entered.wait(5)
    (slot,) = [slot for slot in pane.running_slots() if slot in bridge.running]
    assert bridge.running[slot].title == "Sorting tensors"
    bridge.cancel(slot)
    settle(qtbot, pane)
    assert pane.view.horizontalHeader().sortIndicatorSection() == -1
    assert pane.model.tensor(0) == 0
    assert pane.totals.text() == "Stopped."


def test_what_is_clicked_while_rows_are_sorted_counts(
    pane: TablePane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane.show_rows(many_tensors(50_000), None)
    settle(qtbot, pane)
    order, go_on = Listing.order, threading.Event()

    def late(self: Listing, sorting: Sorting, control: Control) -> Any:
        assert go_on.wait(10)
        return order(self, sorting, control)

    monkeypatch.setattr(Listing, "order", late)
    pane.sort_by(Sorting("numel", descending=True))
    assert pane.select_tensor(5)
    go_on.set()
    settle(qtbot, pane)
    assert pane.selected_tensors().tolist() == [5]
    assert pane.view.current_tensor == 5
    assert pane.model.tensor(0) != 0
    assert pane.view.viewport().rect().intersects(pane.view.visualRect(pane.view.currentIndex()))


def test_an_error_of_a_job_is_told(pane: TablePane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("a <b>fault</b>")

    with monkeypatch.context() as patch:
        patch.setattr(pane_module, "arrange", broken)
        pane.show_rows(many_tensors(50_000), None)
        settle(qtbot, pane)
    assert "a <b>fault</b>" in pane.error.message.text()
    assert pane.model.rowCount() == 0
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    settle(qtbot, pane)
    assert pane.model.rowCount() == 50_000
    assert not pane.error.isVisible()


def test_a_sorting_that_fails_leaves_the_rows_and_their_order(
    pane: TablePane, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise MemoryError

    pane.show_rows(many_tensors(50_000), None)
    settle(qtbot, pane)
    with monkeypatch.context() as patch:
        patch.setattr(pane_module, "arrange", broken)
        pane.sort_by(Sorting("name", descending=True))
        settle(qtbot, pane)
    assert pane.view.horizontalHeader().sortIndicatorSection() == -1
    assert pane.model.rowCount() == 50_000
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    settle(qtbot, pane)
    assert pane.view.horizontalHeader().sortIndicatorSection() >= 0
    assert not pane.error.isVisible()


def test_closing_while_rows_are_sorted_is_clean(pane: TablePane, qtbot: QtBot) -> None:
    pane.show_rows(many_tensors(50_000), None)
    pane.close_jobs()
    assert pane.is_settled
    qtbot.wait(50)
    assert pane.model.rowCount() == 0


def test_a_million_rows_are_sorted_selected_and_summed(pane: TablePane, qtbot: QtBot) -> None:
    checkpoint = many_tensors(1_000_000)
    pane.show_rows(checkpoint, None)
    settle(qtbot, pane)
    assert pane.model.rowCount() == 1_000_000
    click_header(pane, "Name")
    settle(qtbot, pane)
    assert pane.model.text(10, 0) == name_of(18)  # "…experts.1.input_norm.bias"
    QTest.keyClick(pane.view, Qt.Key.Key_A, CONTROL)
    settle(qtbot, pane)
    assert pane.totals.text().startswith("1,000,000 of 1,000,000 tensors selected · 46.4 M elements")
    QTest.keyClick(pane.view, Qt.Key.Key_End)
    assert len(pane.selected_tensors()) == 1
    assert pane.view.viewport().rect().intersects(pane.view.visualRect(pane.view.currentIndex()))
    pane.show_rows(checkpoint, np.arange(0, 1_000_000, 2))
    settle(qtbot, pane)
    assert pane.model.rowCount() == 500_000


def test_what_takes_the_focus_has_a_name(table: TablePane) -> None:
    for widget in (table.view, table.columns_button, table.save_button, table.totals, table.view.horizontalHeader()):
        assert widget.accessibleName()
    assert table.focusProxy() is table.view
