"""Any two tensors are compared: both selected, or one picked and the other selected in whichever file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.overview import DiffOverview
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.comparison.values_pane import DiffValues
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.tree_model import Column
from tests.ui.looking import model_of, picture, row_called, shades

LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier

Settle = Callable[[MainWindow], DocumentTab]


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {"encoder": torch.randn(6, 4), "decoder": torch.randn(6, 4), "turned": torch.randn(4, 6)}


@pytest.fixture
def tab(window: MainWindow, tensors: dict[str, torch.Tensor], settle: Settle, tmp_path: Path) -> DocumentTab:
    """One file with all tensors in front."""
    torch.save(tensors, tmp_path / "a.pt")
    window.open_file(str(tmp_path / "a.pt"))
    return settle(window)


def click(tab: DocumentTab, name: str, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Click on a row of the tree."""
    place = tab.tree.visualRect(model_of(tab).index(row_called(tab, name), Column.DTYPE)).center()
    QTest.mouseClick(tab.tree.viewport(), LEFT, modifiers, place)


def click_in_table(tab: DocumentTab, row: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    table = tab.browser.table
    assert table is not None
    place = table.view.visualRect(table.model.index(row, 0)).center()
    QTest.mouseClick(table.view.viewport(), LEFT, modifiers, place)


def compared(window: MainWindow, qtbot: QtBot) -> ComparisonTab:
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
    return tab


def keys_of(tab: ComparisonTab) -> tuple[str, str]:
    standing = tab.standing
    assert standing is not None
    assert len(standing.results) == 1
    return standing.keys_at(tab.view.current_node())


def test_two_tensors_selected_in_the_tree_are_compared_by_its_menu(
    window: MainWindow, tab: DocumentTab, tensors: dict[str, torch.Tensor], qtbot: QtBot
) -> None:
    action = window.actions_by_name["compare_tensors"]
    click(tab, "encoder")
    assert not action.isEnabled()
    click(tab, "decoder", CTRL)
    assert action.isEnabled()
    assert action in tab.tree.actions()
    assert action.text() == "Compare &These Two Tensors"
    click(tab, "turned", CTRL)
    assert not action.isEnabled()
    click(tab, "turned", CTRL)
    action.trigger()
    found = compared(window, qtbot)
    assert found.title == "encoder ↔ decoder"
    assert keys_of(found) == ("encoder", "decoder")
    assert found.head.names["B"].text().endswith("a.pt › decoder")
    result = found.standing.results[0] if found.standing is not None else None
    assert result is not None
    assert result.measures is not None
    expected = (tensors["encoder"].double() - tensors["decoder"].double()).abs().max()
    assert result.measures.max_abs == pytest.approx(float(expected))


def test_all_views_of_the_pair_are_there_and_none_of_state_dicts(
    window: MainWindow, tab: DocumentTab, tensors: dict[str, torch.Tensor], qtbot: QtBot
) -> None:
    click(tab, "encoder")
    click(tab, "decoder", CTRL)
    QTest.keyClick(tab.tree, Qt.Key.Key_D, CTRL | Qt.KeyboardModifier.ShiftModifier)
    found = compared(window, qtbot)
    qtbot.waitUntil(lambda: window.library.ready, timeout=30_000)
    assert found.detail.panes_there == ("overview", "distribution", "image", "values", "rank")
    for pane in ("distribution", "image", "values"):
        found.detail.show_pane(pane)
        qtbot.waitUntil(lambda: found.is_settled, timeout=30_000)
        assert found.detail.current_pane == pane
        assert shades(picture(found.detail)) > 20
    values = found.detail.panes["values"]
    assert isinstance(values, DiffValues)
    rows = values.rows
    assert rows is not None
    qtbot.waitUntil(lambda: rows.has(0))
    told = [float(rows.index(5, column).data().replace("−", "-")) for column in (1, 2)]
    assert told == pytest.approx([float(tensors[name].flatten()[5]) for name in ("encoder", "decoder")])
    overview = found.detail.panes["overview"]
    assert isinstance(overview, DiffOverview)
    found.detail.show_pane("overview")
    assert overview.how.isVisible()
    assert not overview.how.maps.isVisible()
    assert not overview.undo_button.isVisible()
    assert [action.text() for action in found.view.menu_for(found.view.current_node()).actions()] == ["&Copy Name"]
    found.view.select_node(0)
    assert "load" not in found.detail.panes_there
    # Tolerances can be other ones here, too.
    overview.how.atol.setText("100")
    QTest.keyClick(overview.how.atol, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: found.is_settled)
    assert found.standing is not None
    assert found.standing.counts_at(0) == {"close": 1, "renamed": 1}


def test_two_rows_of_the_table_are_compared_by_its_menu(window: MainWindow, tab: DocumentTab, qtbot: QtBot) -> None:
    window.actions_by_name["show_tensors"].trigger()
    assert tab.browser.views.currentIndex() == ALL_TENSORS
    table = tab.browser.table
    assert table is not None
    qtbot.waitUntil(lambda: tab.is_settled)
    click_in_table(tab, 1)
    click_in_table(tab, 2, CTRL)
    menu = table.row_menu()
    offered = {action.text(): action for action in menu.actions() if action.isEnabled()}
    assert "Pick Tensor for Co&mparing" not in offered
    offered["Compare &These Two Tensors"].trigger()
    assert keys_of(compared(window, qtbot)) == ("decoder", "turned")


@pytest.fixture
def both(window: MainWindow, tab: DocumentTab, settle: Settle, tmp_path: Path) -> DocumentTab:
    """Another file in front, with one tensor picked in the first."""
    click(tab, "turned")
    window.actions_by_name["pick_tensor"].trigger()
    assert "turned is picked" in window.statusBar().currentMessage()
    torch.save({"model": {"w": torch.load(tmp_path / "a.pt")["turned"].t() + 1, "v": torch.ones(2)}}, tmp_path / "b.pt")
    window.open_file(str(tmp_path / "b.pt"))
    return settle(window)


def test_a_picked_tensor_is_compared_with_one_of_another_file(
    window: MainWindow, both: DocumentTab, tab: DocumentTab, qtbot: QtBot
) -> None:
    action = window.actions_by_name["compare_tensors"]
    assert not action.isEnabled()
    click(both, "w")
    assert action.text() == "Compare &with turned"
    assert action.isEnabled()
    QTest.keyClick(both.tree, Qt.Key.Key_D, CTRL | Qt.KeyboardModifier.ShiftModifier)
    found = compared(window, qtbot)
    assert keys_of(found) == ("turned", "model/w")
    assert found.paths == (tab.path, both.path)
    standing = found.standing
    assert standing is not None
    measures = standing.results[0].measures
    assert measures is not None
    assert measures.max_abs == pytest.approx(1.0)
    # The same once more comes to the front; files as a whole are another comparison.
    count = window.tabs.count()
    window.tabs.setCurrentWidget(both)
    action.trigger()
    assert window.current_page is found
    window.compare_files(tab.path, both.path)
    assert window.tabs.count() == count + 1
    assert not window.choosing.pairs
    compared(window, qtbot)
    assert list(window.choosing.pairs) == [(tab.path, both.path)]


def test_the_picked_tensor_is_not_compared_with_itself(window: MainWindow, tab: DocumentTab) -> None:
    pick, action = (window.actions_by_name[name] for name in ("pick_tensor", "compare_tensors"))
    assert not pick.isEnabled()
    click(tab, "encoder")
    pick.trigger()
    click(tab, "decoder")
    assert action.text() == "Compare &with encoder"
    click(tab, "encoder")
    assert not action.isEnabled()


def test_picked_tensors_are_swapped_and_read_again(
    window: MainWindow, both: DocumentTab, tmp_path: Path, qtbot: QtBot
) -> None:
    click(both, "w")
    window.actions_by_name["compare_tensors"].trigger()
    found = compared(window, qtbot)
    QTest.mouseClick(found.head.swap_button, LEFT)
    compared(window, qtbot)
    assert keys_of(found) == ("model/w", "turned")
    assert window.tabs.tabText(window.tabs.currentIndex()) == "model/w ↔ turned"
    torch.save({"turned": torch.zeros(4, 6)}, tmp_path / "a.pt")
    window.actions_by_name["reload"].trigger()
    compared(window, qtbot)
    assert found.standing is not None
    assert found.standing.results[0].measures is not None
    assert found.standing.results[0].measures.norm_b == 0
    # A tensor that is gone is told.
    torch.save({"other": torch.zeros(4, 6)}, tmp_path / "a.pt")
    window.actions_by_name["reload"].trigger()
    compared(window, qtbot)
    assert "No tensor is called 'turned'" in found.error.message.text()
