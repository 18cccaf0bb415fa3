"""The scan of a whole file, as a user sees it: begun with a key, filling table, tree, filter and details."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.analysis import scan_order
from sdviewer.analysis.kernels import warming
from sdviewer.analysis.results import scan
from sdviewer.analysis.scan import Scan as Engine
from sdviewer.checkpoint.listing import Sorting
from sdviewer.ui.detail.blocks import GridView, NoteStrip
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.tree_model import Column
from sdviewer.ui.scan import work
from sdviewer.ui.scan.scanning import Scan
from sdviewer.ui.settings import Settings
from sdviewer.ui.table.pane import TablePane
from sdviewer.ui.tree.health import Mark
from tests.ui.conftest import MakeWindow
from tests.ui.looking import current_name, in_sight, model_of, names, row_called

Settle = Callable[[MainWindow], DocumentTab]

_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def _numpy_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window, not the loops, is tested here: nothing is compiled."""
    monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    monkeypatch.setattr(work, "_SECONDS_FOR_LOOPS", 0.0)


def sick_weights() -> dict[str, torch.Tensor]:
    """NaN in the first layer, dead channels in the second, a constant in the third, and two healthy tensors."""
    made = torch.Generator().manual_seed(0)
    weights = {f"layers.{i}.weight": torch.randn(64, 32, generator=made) for i in range(4)}
    weights["layers.0.weight"][5, 7] = torch.nan
    weights["layers.1.weight"][:40] = 0
    weights["layers.2.weight"].fill_(0.5)
    return {**weights, "head.weight": torch.randn(8, 8, generator=made) * 3}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sick.pt"
    torch.save(sick_weights(), path)
    return path


@pytest.fixture
def opened(window: MainWindow, settle: Settle, file: Path) -> DocumentTab:
    window.open_files([os.fspath(file)])
    return settle(window)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Scans stop before every tensor until the semaphore lets one more pass."""
    gate = threading.Semaphore(0)
    count = Engine._count_whole

    def waiting(self: Engine, *given: Any) -> Any:
        while not gate.acquire(timeout=0.01):
            self._before_block(None)
        return count(self, *given)

    monkeypatch.setattr(Engine, "_count_whole", waiting)
    # Small tensors are read together: here each by itself.
    monkeypatch.setattr(scan_order, "_BYTES_TOGETHER", 1)
    begin = Engine.__init__

    def one_by_one(self: Engine, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._is_small[:] = False

    monkeypatch.setattr(Engine, "__init__", one_by_one)
    yield gate
    gate.release(1000)


def scanned(qtbot: QtBot, tab: DocumentTab) -> DocumentTab:
    """The tab when its scan is over and all is shown."""
    qtbot.waitUntil(lambda: tab.scanning.is_settled and tab.is_settled, timeout=20_000)
    QApplication.processEvents()
    return tab


def scan_by_key(qtbot: QtBot, window: MainWindow, tab: DocumentTab) -> DocumentTab:
    """Press F9 and wait."""
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert state(tab) is Scan.RUNNING
    scanned(qtbot, tab)
    assert state(tab) is Scan.DONE, tab.scanning.error
    return tab


def state(tab: DocumentTab) -> Scan:
    return tab.scanning.state


def filled(tab: DocumentTab) -> int:
    found = tab.scanning.findings
    return int(found.has_figures.sum()) if found is not None else 0


def table_of(qtbot: QtBot, window: MainWindow, tab: DocumentTab) -> TablePane:
    """The table, put into sight by its key."""
    QTest.keyClick(window, Qt.Key.Key_2, _CONTROL)
    qtbot.waitUntil(lambda: tab.is_settled, timeout=20_000)
    assert tab.browser.views.currentIndex() == ALL_TENSORS
    assert tab.browser.table is not None
    return tab.browser.table


def cell(table: TablePane, name: str, column: str) -> str:
    place = [column.id for column in table.model.columns].index(column)
    rows = [row for row in range(table.model.rowCount()) if table.model.text(row, 0) == name]
    return table.model.text(rows[0], place)


def shown_columns(table: TablePane) -> list[str]:
    return [column.id for column in table.columns.shown()]


def mark(tab: DocumentTab, name: str) -> Mark:
    return model_of(tab).cells(row_called(tab, name)).health


def test_f9_counts_every_tensor_and_the_table_shows_it(qtbot: QtBot, window: MainWindow, opened: DocumentTab) -> None:
    table = table_of(qtbot, window, opened)
    assert "std" not in shown_columns(table)
    scan_by_key(qtbot, window, opened)
    assert [name for name in shown_columns(table) if name in {"health", "min", "max", "mean", "std", "nan"}] == [
        "health", "min", "max", "mean", "std", "nan",
    ]  # fmt: skip
    weights = sick_weights()
    assert cell(table, "layers.0.weight", "nan") == "1"
    assert cell(table, "layers.2.weight", "std") == "0"
    assert cell(table, "layers.1.weight", "zeros_share") == "62.50 %"
    head = weights["head.weight"].double()
    assert float(cell(table, "head.weight", "max").replace("−", "-")) == pytest.approx(head.max().item(), rel=1e-5)
    assert float(cell(table, "head.weight", "std")) == pytest.approx(head.std(correction=0).item(), rel=1e-5)
    assert cell(table, "layers.0.weight", "health") == "✖ NaN or infinity"
    assert cell(table, "head.weight", "health") == "✓"


def test_the_table_is_sorted_by_a_statistic_with_a_click(qtbot: QtBot, window: MainWindow, opened: DocumentTab) -> None:
    table = table_of(qtbot, window, opened)
    scan_by_key(qtbot, window, opened)
    header = table.view.horizontalHeader()
    column = [each.id for each in table.model.columns].index("absmax")
    table.columns.show(column, wanted=True)
    header.setOffsetToSectionPosition(header.visualIndex(column))
    place = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
    for _ in range(2):
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: table.is_settled)
    weights = sick_weights()
    largest = sorted(weights, key=lambda name: -float(weights[name].nan_to_num(0).abs().max()))
    assert [table.model.text(row, 0) for row in range(5)] == largest


def test_what_was_scanned_is_exported_with_all_digits(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, file: Path, tmp_path: Path
) -> None:
    table = table_of(qtbot, window, opened)
    scan_by_key(qtbot, window, opened)
    target = tmp_path / "out.csv"
    table.save(os.fspath(target))
    qtbot.waitUntil(lambda: table.is_settled)
    with target.open(encoding="utf-8", newline="") as lines:
        row = next(row for row in csv.DictReader(lines) if row["name"] == "head.weight")
    result = scan(file, remember=False)
    assert float(row["mean"]) == result["head.weight"].mean
    assert row["nan"] == "0"
    assert row["health"] == "healthy"
    table.view.go_to(0)
    table.copy_tsv()
    assert "Minimum" in QApplication.clipboard().text()


def test_marks_rise_to_the_parents_and_f8_leads_to_them(qtbot: QtBot, window: MainWindow, opened: DocumentTab) -> None:
    tree = opened.tree
    assert tree.isColumnHidden(Column.HEALTH)
    scan_by_key(qtbot, window, opened)
    assert not tree.isColumnHidden(Column.HEALTH)
    assert mark(opened, "sick.pt") is mark(opened, "layers") is mark(opened, "0") is Mark.ERROR
    assert mark(opened, "1") is mark(opened, "2") is Mark.WARNING
    assert mark(opened, "3") is mark(opened, "head") is Mark.GOOD
    tree.setFocus()
    visited = []
    for _ in range(4):
        QTest.keyClick(window, Qt.Key.Key_F8)
        visited.append(tree.current_node())
    labels = [opened.loaded.checkpoint.tree.label[opened.loaded.checkpoint.tree.parent[node]] for node in visited]  # type: ignore[union-attr]  # it is open
    assert labels == ["0", "1", "2", "0"]
    QTest.keyClick(window, Qt.Key.Key_F8, _SHIFT)
    assert tree.current_node() == visited[2]
    row = tree.currentIndex().row()
    assert "Constant: all 2,048 values are 0.5" in model_of(opened).tip(row, Column.HEALTH)
    assert "1 tensor with errors" in model_of(opened).tip(row_called(opened, "layers"), Column.HEALTH)
    spoken = model_of(opened).data(model_of(opened).index(row, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert "health: warning" in spoken


def test_the_overview_tells_the_verdict_and_leads_to_the_places(qtbot: QtBot, opened: DocumentTab) -> None:
    health = opened.detail.overview.health
    assert health.isVisible()
    assert health.verdict.text() == "The values were not looked at yet."
    QTest.mouseClick(health.scan_button, Qt.MouseButton.LeftButton)
    scanned(qtbot, opened)
    assert health.verdict.text() == "✖ 1 error, ⚠ 2 warnings"
    assert health.extent.text() == "All 5 tensors were looked at."
    assert ("✖ NaN or infinity", "1 tensor") in health.texts()
    (grid,) = (view for view in in_sight(opened, GridView) if view.grid.title == "Findings")
    titles = [row[0].strip() for row in grid.grid.rows]
    place = grid.model().index(titles.index("layers.2.weight"), 0)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.visualRect(place).center())
    scanned(qtbot, opened)
    assert current_name(opened) == "weight"
    (note,) = in_sight(opened, NoteStrip)
    assert note.text().startswith("⚠ Constant: all 2,048 values are 0.5")
    assert not health.isVisible()
    # Back at the root a group is a filter.
    opened.go_to_node(0)
    scanned(qtbot, opened)
    (grid,) = (view for view in in_sight(opened, GridView) if view.grid.title == "Findings")
    place = grid.model().index([row[0] for row in grid.grid.rows].index("⚠ Dead channels"), 0)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.visualRect(place).center())
    scanned(qtbot, opened)
    assert opened.browser.filter.text() == "health:dead"
    assert opened.browser.filter.count.text() == "1 of 5"


def test_the_filter_asks_the_scan_and_says_what_is_not_known(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab
) -> None:
    bar = opened.browser.filter
    QTest.mouseClick(bar.chips.chips["nan:>0"], Qt.MouseButton.LeftButton)
    scanned(qtbot, opened)
    assert bar.text() == "nan:>0"
    assert (bar.count.text(), bar.message.text()) == (
        "0 of 5",
        "5 more tensors may fit, but were not scanned: F9 scans all",
    )
    QTest.keyClick(window, Qt.Key.Key_F9)
    scanned(qtbot, opened)
    qtbot.waitUntil(lambda: bar.count.text() == "1 of 5")
    assert not bar.message.isVisible()
    bar.set_text("std:<1e-6")
    scanned(qtbot, opened)
    assert bar.count.text() == "1 of 5"
    bar.set_text("health:ok head")
    scanned(qtbot, opened)
    assert [name.strip() for name in names(opened)] == ["sick.pt", "model", "head", "weight"]


def test_it_waits_and_goes_on_and_is_stopped_from_the_status_bar(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore
) -> None:
    table = table_of(qtbot, window, opened)
    table.sort_by(Sorting("std"))
    QTest.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(window.jobs.isVisible)
    held.release(2)
    qtbot.waitUntil(lambda: filled(opened) == 2)
    pause, cancel = window.jobs.pause_button, window.jobs.cancel_button
    assert (pause.text(), pause.accessibleName()) == ("Pause", "Pause Scanning sick.pt")
    QTest.mouseClick(pause, Qt.MouseButton.LeftButton)
    assert opened.scanning.is_paused
    qtbot.waitUntil(lambda: "paused" in window.jobs.activity.text())
    assert pause.text() == "Resume"
    assert window.actions_by_name["pause_scan"].text() == "&Resume Scan"
    held.release(1)
    QTest.qWait(100)
    # A tensor that was begun may be finished; no further one is.
    assert filled(opened) <= 3
    QTest.mouseClick(pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: filled(opened) == 3)
    assert state(opened) is Scan.RUNNING
    # What is there is sorted while the scan goes on: the two without a figure are at the end.
    place = [column.id for column in table.model.columns].index("std")
    qtbot.waitUntil(lambda: [table.model.text(row, place) == "" for row in range(5)] == [False] * 3 + [True] * 2)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    scanned(qtbot, opened)
    assert state(opened) is Scan.STOPPED
    opened.go_to_node(0)
    health = opened.detail.overview.health
    assert "3 of 5 tensors were looked at" in health.extent.text()
    assert "stopped before its end" in health.extent.text()
    assert health.verdict.text().endswith("so far")
    # And goes on from there.
    assert health.scan_button.text() == "Scan the rest"
    held.release(2)
    QTest.mouseClick(health.scan_button, Qt.MouseButton.LeftButton)
    scanned(qtbot, opened)
    assert state(opened) is Scan.DONE
    assert filled(opened) == 5


def test_the_keys_pause_and_resume(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore
) -> None:
    QTest.keyClick(window, Qt.Key.Key_F9)
    QTest.keyClick(window, Qt.Key.Key_F9, _SHIFT)
    assert opened.scanning.is_paused
    QTest.keyClick(window, Qt.Key.Key_F9)
    assert not opened.scanning.is_paused
    held.release(5)
    scanned(qtbot, opened)
    assert state(opened) is Scan.DONE


def test_what_is_selected_is_scanned_next(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore
) -> None:
    QTest.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: opened.scanning.findings is not None)
    opened.go_to_name("head.weight")
    found = opened.scanning.findings
    assert found is not None
    last = len(found.table) - 1
    held.release(3)
    qtbot.waitUntil(lambda: filled(opened) == 3)
    assert found.has_figures[last]
    held.release(2)
    scanned(qtbot, opened)


def test_a_file_that_is_cut_off_during_the_scan_leaves_its_error_where_it_is(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore, file: Path
) -> None:
    table = table_of(qtbot, window, opened)
    QTest.keyClick(window, Qt.Key.Key_F9)
    held.release(2)
    qtbot.waitUntil(lambda: filled(opened) == 2)
    os.truncate(file, 1000)
    held.release(3)
    scanned(qtbot, opened)
    assert state(opened) is Scan.DONE
    assert filled(opened) <= 2
    told = [cell(table, name, "health") for name in sick_weights()]
    assert told.count("✖ Cannot be read") >= 3
    failed = next(name for name in sick_weights() if cell(table, name, "health") == "✖ Cannot be read")
    assert cell(table, failed, "min") == ""
    opened.go_to_name(failed)
    scanned(qtbot, opened)
    notes = [note.text() for note in in_sight(opened, NoteStrip)]
    assert any("its values cannot be read" in text for text in notes)


def test_closing_a_tab_ends_its_scan_at_once(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore
) -> None:
    QTest.keyClick(window, Qt.Key.Key_F9)
    held.release(1)
    qtbot.waitUntil(lambda: filled(opened) == 1)
    QTest.keyClick(window, Qt.Key.Key_W, _CONTROL)
    assert window.current_tab is None

    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("sdviewer-scan-")]

    qtbot.waitUntil(lambda: threads() == [], timeout=1_000)
    # The job is gone with its tab; the files are closed by one more, and those of the window go on.
    assert not [running.title for running in window.bridge.running.values() if running.title]


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_closing_the_window_while_it_scans_leaves_nothing(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, held: threading.Semaphore, paused: bool
) -> None:
    QTest.keyClick(window, Qt.Key.Key_F9)
    held.release(1)
    qtbot.waitUntil(lambda: filled(opened) == 1)
    if paused:
        QTest.keyClick(window, Qt.Key.Key_F9, _SHIFT)
    window.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("sdviewer-")]


def test_a_small_file_is_scanned_when_it_is_shown_and_known_the_next_time(
    qtbot: QtBot, make_window: MakeWindow, settle: Settle, file: Path
) -> None:
    first = make_window(settings=Settings())
    first.open_files([os.fspath(file)])
    tab = settle(first)
    qtbot.waitUntil(lambda: tab.scanning.state is Scan.DONE, timeout=20_000)
    assert filled(tab) == 5
    first.close()
    again = make_window(settings=Settings())
    again.open_files([os.fspath(file)])
    tab = settle(again)
    with qtbot.waitSignal(tab.scanning.judged):
        pass
    qtbot.waitUntil(lambda: tab.scanning.state is Scan.DONE, timeout=20_000)
    found = tab.scanning.findings
    assert found is not None
    assert found.judged is not None
    assert found.judged.is_whole
    assert mark(tab, "1") is Mark.WARNING  # dead channels are remembered, too
    # Read again unchanged it is still known; changed it is scanned anew.
    weights = sick_weights()
    weights["layers.0.weight"].fill_(2.0)
    torch.save(weights, file)
    QTest.keyClick(again, Qt.Key.Key_F5)
    tab = settle(again)
    qtbot.waitUntil(lambda: tab.scanning.state is Scan.DONE and mark(tab, "0") is Mark.WARNING, timeout=20_000)


def test_without_the_wish_nothing_is_scanned_on_opening(
    make_window: MakeWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    settings = Settings()
    settings.scan_on_opening = True
    window = make_window(settings=settings)
    action = window.actions_by_name["scan_on_opening"]
    assert action.isChecked()
    action.trigger()
    assert not Settings().scan_on_opening
    path = tmp_path / "other.pt"
    torch.save({"weight": torch.ones(3, 5)}, path)
    window.open_files([os.fspath(path)])
    tab = settle(window)
    # What is remembered is looked up in any case, a moment after the first paint; a scan would follow that.
    QTest.qWait(600)
    qtbot.waitUntil(lambda: tab.scanning.state is not Scan.LOOKING_UP, timeout=20_000)
    assert tab.scanning.state is Scan.NONE
    assert filled(tab) == 0
    action.trigger()
    assert Settings().scan_on_opening


def test_the_models_hold_what_qt_asks_of_them_while_a_scan_runs(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab, qtmodeltester: ModelTester
) -> None:
    table = table_of(qtbot, window, opened)
    testers = [
        QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
        for model in (table.model, model_of(opened))
    ]
    scan_by_key(qtbot, window, opened)
    for model in (table.model, model_of(opened)):
        qtmodeltester.check(model, force_py=True)  # type: ignore[no-untyped-call]  # pytest-qt
    for tester in testers:
        tester.deleteLater()


def test_columns_of_statistics_are_chosen_in_menus_of_their_own(
    qtbot: QtBot, window: MainWindow, opened: DocumentTab
) -> None:
    table = table_of(qtbot, window, opened)
    menu = table.columns.menu(table)
    groups = [action.menu().title() for action in menu.actions() if action.menu()]  # type: ignore[attr-defined]  # the stub forgets it
    assert groups == ["Statistics", "Quantiles", "Casts"]
    menu.deleteLater()
    index = [column.id for column in table.model.columns].index("std")
    table.columns.show(index, wanted=False)
    state = table.state()
    scan_by_key(qtbot, window, opened)
    assert "std" not in shown_columns(table)
    table.columns.show(index, wanted=True)
    assert "std" in shown_columns(table)
    table.restore_state(state)
    assert "std" not in shown_columns(table)
    assert "mean" in shown_columns(table)


def test_a_hundred_thousand_rows_take_results_without_a_reset(qtbot: QtBot, tmp_path: Path) -> None:
    from sdviewer.analysis.statistics_table import COLUMNS, Figures
    from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
    from sdviewer.ui.bridge import Bridge
    from sdviewer.ui.scan.columns import scan_columns
    from sdviewer.ui.scan.findings import Findings
    from tests.ui.checkpoints import checkpoint_with

    checkpoint = checkpoint_with(tmp_path, {f"t{i}": np.zeros(1, np.float32) for i in range(300)})
    found = Findings(checkpoint)
    bridge = Bridge()
    table = TablePane(bridge, (*TENSOR_COLUMNS, *scan_columns(lambda _: found)))
    qtbot.addWidget(table)
    table.show_rows(checkpoint, None)
    qtbot.waitUntil(lambda: table.is_settled)
    with qtbot.assertNotEmitted(table.model.modelReset), qtbot.waitSignal(table.model.dataChanged) as changed:
        found.table.fill(7, Figures(np.full(len(COLUMNS), 2.0)))
        table.values_came(any_values=True)
    assert changed.args[0].row() == 0
    assert cell(table, "t7", "mean") == "2"
    assert cell(table, "t8", "mean") == ""
    bridge.close()
