"""A screen reader can tell all that is in sight: names, roles, cells and states of every pane, dialog and page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.diff_cells import DiffColumn
from sdviewer.ui.models.tree_model import Column
from sdviewer.ui.tooltips import tooltip
from tests.ui.accessible import KEPT, complaints, told_of
from tests.ui.exports import choose, open_export, ready, type_into
from tests.ui.looking import model_of, row_called

Settle = Callable[[MainWindow], DocumentTab]
Role = QAccessible.Role


@pytest.fixture(autouse=True)
def _is_listened_to(qapp: QApplication) -> Iterator[None]:
    """As with a screen reader: Qt tells it of every change."""
    del qapp
    QAccessible.setActive(True)
    yield
    QAccessible.setActive(False)
    KEPT.clear()


def trained(path: Path, *, tuned: bool = False) -> str:
    """A run with a model, its optimizer, and settings."""
    torch.manual_seed(0)
    blocks = [torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.BatchNorm1d(6)) for _ in range(3)]
    net = torch.nn.Sequential(*blocks, torch.nn.Conv2d(2, 3, 3))
    optimizer = torch.optim.Adam(net.parameters())
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    model: dict[str, Any] = {name: value.clone() for name, value in net.state_dict().items()}
    model["1.0.bias"][2] = float("nan")
    if tuned:
        model["0.0.weight"] += 0.1
        model["extra"] = torch.zeros(3)
    settings = {"lr": 0.1, "name": "a run", "sizes": [1, 2, 3]}
    torch.save({"model": model, "optimizer": optimizer.state_dict(), "epoch": 3, "args": settings}, path)
    return str(path)


@pytest.fixture
def tab(window: MainWindow, settle: Settle, tmp_path: Path) -> DocumentTab:
    window.open_files([trained(tmp_path / "run.pt")])
    return settle(window)


@pytest.fixture
def comparison(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> ComparisonTab:
    window.compare_files(trained(tmp_path / "a.pt"), trained(tmp_path / "b.pt", tuned=True))
    page = window.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    return page


def popups(window: MainWindow) -> list[QWidget]:
    """Further windows in sight, such as lists that pop up."""
    QApplication.processEvents()
    return [other for other in QApplication.topLevelWidgets() if other.isVisible() and other is not window]


def node_called(tab: ComparisonTab, name: str) -> int:
    """The node of a tensor in the merged tree."""
    standing = tab.standing
    assert standing is not None
    return next(node for node in range(len(standing.tree)) if standing.name_at(node) == name)


def spoken(view: Any, row: int, column: int) -> str:
    """What is read out of a cell."""
    return str(view.model().index(row, column).data(Qt.ItemDataRole.AccessibleTextRole))


def test_the_walk_finds_what_cannot_be_told(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    nameless, bare, odd = QToolButton(window), QLineEdit(window), QWidget(window)
    named = QPushButton("Open", window)
    named.setToolTip("<qt>a tip</qt>")
    odd.setAccessibleName("a picture of its own")
    odd.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.show()
    found = " | ".join(complaints(window))
    assert found.count("without a name") == 2
    assert "takes keys and has no role: Client 'a picture of its own'" in found
    assert "markup is read out: Button 'Open'" in found
    nameless.setAccessibleName("Sort")
    bare.setAccessibleName("Find")
    named.setToolTip(tooltip("a tip"))
    odd.hide()
    assert complaints(window) == []


def test_tooltips_are_read_out_without_tags() -> None:
    assert tooltip("16,896 bytes") == "16,896 bytes"
    assert tooltip("one\ntwo") == "one\ntwo"
    assert max(map(len, tooltip("a word and another one " * 20).split("\n"))) <= 100
    # Where a name itself looks like markup, it has to be quoted.
    assert tooltip("<b>bold</b>") == "<qt>&lt;b&gt;bold&lt;/b&gt;</qt>"


def test_an_empty_window_is_told(window: MainWindow) -> None:
    assert complaints(window) == []
    buttons = [one.name for one in told_of(window) if one.role is Role.Button]
    assert "Open…" in buttons
    menus = [one.name for one in told_of(window.menuBar()) if one.role is Role.MenuItem]
    assert menus[:2] == ["File", "Edit"]


@pytest.mark.parametrize("place", ["", "model", "0.0.weight", "optimizer"])
def test_every_view_of_an_entry_is_told(window: MainWindow, tab: DocumentTab, settle: Settle, place: str) -> None:
    if place:
        tab.go_to_name(place)
    settle(window)
    views = tab.detail.panes_there
    assert len(views) > 3
    for name in views:
        tab.detail.show_pane(name)
        settle(window)
        assert complaints(window) == [], name
        shown = tab.detail.panes[name]
        assert any(one.focusable for one in told_of(shown)), f"nothing in {name} can be reached by keys"


def test_the_tree_tells_levels_and_what_is_open(window: MainWindow, tab: DocumentTab) -> None:
    cells = [one.name for one in told_of(tab.tree) if one.role is Role.Cell]
    assert cells[0] == "run.pt, torch zip, level 0, expanded"
    assert any(name.startswith("model") and "level 1" in name for name in cells)
    headers = [one.name for one in told_of(tab.tree) if one.role is Role.ColumnHeader]
    assert headers == ["Name", "Kind", "Dtype", "Shape", "Size", "Health"]
    assert complaints(window) == []


def test_health_is_told_in_words(window: MainWindow, tab: DocumentTab, settle: Settle, qtbot: QtBot) -> None:
    tab.go_to_name("1.0.bias")
    settle(window)
    row = tab.tree.currentIndex().row()
    assert spoken(tab.tree, row, Column.HEALTH) == "Health: not scanned"
    window.actions_by_name["scan"].trigger()
    qtbot.waitUntil(lambda: tab.scanning.findings is not None and tab.scanning.is_settled, timeout=60_000)
    settle(window)
    assert spoken(tab.tree, row, Column.HEALTH) == "Health: error"
    settle(window)
    # What is painted is a sign, not only its colour.
    signs = {model_of(tab).cells(at).text(Column.HEALTH) for at in (row, row_called(tab, "run.pt"))}
    assert all(signs)
    tab.go_to_node(0)
    settle(window)
    assert complaints(window) == []


def test_table_filter_finder_and_help_are_told(window: MainWindow, tab: DocumentTab, settle: Settle) -> None:
    window.actions_by_name["show_tensors"].trigger()
    settle(window)
    assert complaints(window) == []
    assert tab.browser.table is not None
    cells = [one.name for one in told_of(tab.browser.table.view) if one.role is Role.Cell]
    assert any("float32" in cell for cell in cells)
    bar = tab.browser.filter
    for text in ("weight", "dtype:float32 nonsense(", "dtpye:f32", "role:parameter"):
        bar.set_text(text)
        settle(window)
        assert complaints(window) == [], text
    chips = {one.name: one for one in told_of(bar.chips)}
    assert chips["Only parameters"].checkable
    assert chips["Only parameters"].checked
    assert not chips["Only buffers"].checked
    bar.line.setFocus()
    QTest.keyClick(bar.line, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    window.actions_by_name["go_to"].trigger()
    settle(window)
    for other in [window, *popups(window)]:
        assert complaints(other) == [], type(other).__name__
        if other is not window:
            other.close()


def test_an_export_is_told(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, trained(tmp_path / "run.pt"), settle, qtbot)
    assert complaints(window) == []
    pane.rules.menu.aboutToShow.emit()
    titles = [action.text().replace("&", "") for action in pane.rules.menu.actions() if action.text()]
    assert len(titles) > 5
    for title in titles:
        choose(pane.rules.menu, title)
        ready(pane, qtbot)
        assert complaints(window) == [], title


def test_what_an_export_refuses_is_told_in_words(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    torch.save({"a": torch.zeros(2), "b": torch.ones(2)}, tmp_path / "two.pt")
    pane = open_export(window, str(tmp_path / "two.pt"), settle, qtbot)
    choose(pane.rules.menu, "Rename by regex")
    field = next(name for name in pane.rules.form.inputs if "pattern" in name or "regex" in name)
    type_into(pane, field, "^[ab]$")
    ready(pane, qtbot)
    model = pane.preview.model
    told = [
        str(model.index(row, column).data(Qt.ItemDataRole.AccessibleTextRole))
        for row in range(model.rowCount())
        for column in range(model.columnCount())
    ]
    assert complaints(window) == []
    assert any("same name as b" in text for text in told), told


def test_every_page_of_a_comparison_is_told(window: MainWindow, comparison: ComparisonTab, qtbot: QtBot) -> None:
    for place in ("", "0.0.weight", "extra", "0.0"):
        comparison.go_to_node(node_called(comparison, place) if place else 0)
        qtbot.waitUntil(lambda: comparison.is_settled, timeout=60_000)
        for name in comparison.detail.panes_there:
            comparison.detail.show_pane(name)
            qtbot.waitUntil(lambda: comparison.is_settled, timeout=60_000)
            assert complaints(window) == [], (place, name)


def test_marks_of_a_comparison_are_told_in_words(comparison: ComparisonTab) -> None:
    told = {}
    for name in ("0.0.weight", "extra", "1.0.bias"):
        comparison.go_to_node(node_called(comparison, name))
        told[name] = spoken(comparison.view, comparison.view.currentIndex().row(), DiffColumn.NAME)
    assert "changed" in told["0.0.weight"]
    assert "only in B" in told["extra"]
    assert "same" in told["1.0.bias"]


def test_dialogs_are_told(window: MainWindow) -> None:
    for command in ("guide", "shortcuts", "about"):
        window.actions_by_name[command].trigger()
        QApplication.processEvents()
        dialog = window.findChild(QDialog)
        assert dialog is not None
        assert complaints(dialog) == [], command
        assert told_of(dialog)[0].name
        dialog.close()
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def test_errors_are_told(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"no checkpoint at all" * 9)
    window.open_files([str(tmp_path / "bad.pt")])
    qtbot.waitUntil(lambda: window.current_tab is not None and window.current_tab.is_settled)
    assert complaints(window) == []
    told = " ".join(one.name for one in told_of(window))
    assert "bad.pt cannot be opened" in told
    window.compare_files(trained(tmp_path / "a.pt"), str(tmp_path / "bad.pt"))
    page = window.current_page
    assert page is not None
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    assert complaints(window) == []


def test_running_jobs_are_told(window: MainWindow, tab: DocumentTab) -> None:
    window.actions_by_name["scan"].trigger()
    assert complaints(window) == []
    for other in popups(window):
        assert complaints(other) == []
        other.close()
    tab.cancel()
