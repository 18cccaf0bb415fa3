"""The tabs of the detail pane: which there are, which is in front, and that nothing is done for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint, Duplicate, GlobalUse, Problem, Shard
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.search.query import Query, parse
from sdviewer.ui.detail.blocks import GridView
from sdviewer.ui.detail.numbers import NumbersView
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.detail.panes import PANES, Pane, PaneSpec
from sdviewer.ui.detail.places import filter_term, node_of_tensor
from tests.helpers.saved import opened
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.details import detail_window, node_called, settled

Key, Left = Qt.Key, Qt.MouseButton.LeftButton


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


@pytest.fixture
def training(tmp_path: Path) -> Checkpoint:
    return opened(
        tmp_path,
        {"model": {"a.weight": torch.ones(3, 2), "a.bias": torch.ones(3)}, "config": {"lr": 0.1}, "epoch": 3},
    )


def titles(pane: DetailPane) -> list[str]:
    """The tabs that can be seen."""
    return [pane.tabs.tabText(i) for i in range(pane.tabs.count()) if pane.tabs.isTabVisible(i)]


def click_tab(pane: DetailPane, title: str) -> None:
    bar = pane.tabs.tabBar()
    index = next(i for i in range(bar.count()) if bar.tabText(i) == title)
    QTest.mouseClick(bar, Left, pos=bar.tabRect(index).center())


def grid_called(pane: DetailPane, title: str) -> GridView:
    QApplication.processEvents()
    return next(grid for grid in pane.findChildren(GridView) if grid.isVisible() and grid.grid.title == title)


def click_cell(grid: GridView, row: int, column: int = 0, *, twice: bool = False) -> None:
    place = grid.visualRect(grid.model().index(row, column)).center()
    (QTest.mouseDClick if twice else QTest.mouseClick)(grid.viewport(), Left, pos=place)


def test_each_kind_of_node_has_its_tabs(detail: DetailPane, training: Checkpoint) -> None:
    expected = {
        "": ["Overview", "Histograms", "Treemap", "Metadata"],
        "model": ["Overview", "Histograms", "Treemap"],
        "weight": ["Overview", "Statistics", "Distribution", "Image", "Channels", "Values", "Spectrum"],
        "config": ["Overview", "Metadata"],
        "epoch": ["Overview", "Metadata"],
    }
    for label, tabs in expected.items():
        detail.show_node(training, node_called(training, label) if label else 0, "t.pt")
        assert titles(detail) == tabs


def test_the_chosen_tab_stays_where_a_node_has_it(detail: DetailPane, qtbot: QtBot, training: Checkpoint) -> None:
    weight, bias, model = (node_called(training, name) for name in ("weight", "bias", "model"))
    detail.show_node(training, weight, "t.pt")
    click_tab(detail, "Values")
    assert detail.current_pane == "values"
    detail.show_node(training, bias, "t.pt")
    assert settled(qtbot, detail).current_pane == "values"
    detail.show_node(training, model, "t.pt")
    assert detail.current_pane == "overview"
    detail.show_node(training, weight, "t.pt")
    assert detail.current_pane == "values"
    click_tab(detail, "Overview")
    detail.show_node(training, bias, "t.pt")
    assert settled(qtbot, detail).current_pane == "overview"


def test_tabs_are_changed_by_keys(detail: DetailPane, training: Checkpoint) -> None:
    detail.show_node(training, node_called(training, "weight"), "t.pt")
    detail.tabs.tabBar().setFocus()
    QTest.keyClick(detail.tabs.tabBar(), Key.Key_Right)
    assert detail.current_pane == "statistics"
    QTest.keyClick(detail.tabs.tabBar(), Key.Key_Left)
    assert detail.current_pane == "overview"


def test_values_are_those_of_the_selected_tensor(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.full(2, 7)})
    detail.show_node(checkpoint, node_called(checkpoint, "a"), "t")
    detail.show_pane("values")
    view = settled(qtbot, detail).panes["values"].view  # type: ignore[attr-defined]  # it is the pane of values
    model = view.table.values_model
    assert [[model.data(model.index(row, column)) for column in range(3)] for row in range(2)] == [
        ["0", "1", "2"],
        ["3", "4", "5"],
    ]
    detail.show_node(checkpoint, node_called(checkpoint, "b"), "t")
    settled(qtbot, detail)
    assert model.data(model.index(0, 0)) == "7"


def test_a_component_is_shown_with_the_way_back(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.eye(3).to_sparse()})
    detail.show_node(checkpoint, node_called(checkpoint, "w"), "t")
    detail.show_pane("values")
    pane: Any = settled(qtbot, detail).panes["values"]
    grid = grid_called(detail, "Its values lie in")
    click_cell(grid, 1)
    settled(qtbot, detail)
    assert pane.component.text() == "Its component values"
    model = pane.view.table.values_model
    assert [model.data(model.index(row, 0)) for row in range(3)] == ["1", "1", "1"]
    QTest.mouseClick(pane.back, Left)
    settled(qtbot, detail)
    assert not pane.strip.isVisible()
    assert grid_called(detail, "Its values lie in")


class Counting(Pane):
    """A pane that counts what it is asked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.asked: list[int] = []
        self.stopped = 0

    @property
    def is_settled(self) -> bool:
        return True

    def show_selection(self, selection: Any) -> None:
        self.asked.append(selection.node)

    def close_jobs(self) -> None:
        self.stopped += 1


def counting_specs() -> tuple[PaneSpec, ...]:
    def here(_: Checkpoint, __: int) -> bool:
        return True

    return (PANES[0], *(PaneSpec(name, name, here, lambda _, parent: Counting(parent)) for name in ("one", "two")))


def test_a_tab_that_is_not_in_front_is_neither_made_nor_asked(
    qtbot: QtBot, training: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []
    monkeypatch.setattr(NumbersView, "measure", lambda _, ref, __: measured.append(ref.name))
    weight, bias = node_called(training, "weight"), node_called(training, "bias")
    with detail_window(qtbot, counting_specs()) as detail:
        detail.show_node(training, weight, "t")
        assert set(detail.panes) == {"overview"}
        detail.show_pane("one")
        assert set(detail.panes) == {"overview", "one"}
        settled(qtbot, detail)
        detail.show_node(training, bias, "t")
        one: Any = detail.panes["one"]
        assert one.asked == [weight, bias]
        assert measured == ["model/a.weight"]
        detail.show_pane("overview")
        assert measured == ["model/a.weight", "model/a.bias"]
        # Going there and back asks nothing anew.
        detail.show_pane("one")
        detail.show_pane("overview")
        assert one.asked == [weight, bias]
        assert measured == ["model/a.weight", "model/a.bias"]
        stopped = one.stopped
        detail.show_node(training, weight, "t")
        assert one.stopped == stopped + 1
        assert one.asked == [weight, bias]


def test_what_a_pane_wishes_the_detail_pane_passes_on(qtbot: QtBot, training: Checkpoint) -> None:
    with detail_window(qtbot, counting_specs()) as detail:
        detail.show_node(training, 0, "t")
        detail.show_pane("one")
        for name, value in (("node_wanted", 3), ("filter_wanted", "a"), ("file_wanted", "b"), ("message", "c")):
            with qtbot.waitSignal(getattr(detail, name)) as caught:
                getattr(detail.panes["one"], name).emit(value)
            assert caught.args == [value]


def test_jobs_are_known_by_their_slots_and_end_with_the_pane(detail: DetailPane, training: Checkpoint) -> None:
    detail.show_node(training, node_called(training, "weight"), "t")
    assert detail.running_slots() == (((("test", "detail"), "measure"), 0),)
    detail.show_pane("values")
    assert len(detail.running_slots()) >= 1
    detail.close_jobs()
    assert detail.running_slots() == ()


def follow_by_click(grid: GridView, row: int) -> None:
    click_cell(grid, row)


def follow_by_double_click(grid: GridView, row: int) -> None:
    click_cell(grid, row, 1)
    click_cell(grid, row, 1, twice=True)


def follow_by_enter(grid: GridView, row: int) -> None:
    grid.setFocus()
    grid.setCurrentIndex(grid.model().index(row, 0))
    QTest.keyClick(grid, Key.Key_Return)


follow = pytest.mark.parametrize("follow", [follow_by_click, follow_by_double_click, follow_by_enter])
Follow = Callable[[GridView, int], None]


@follow
def test_children_lead_to_their_places(detail: DetailPane, qtbot: QtBot, training: Checkpoint, follow: Follow) -> None:
    detail.show_node(training, node_called(training, "a"), "t")
    with qtbot.waitSignal(detail.node_wanted) as caught:
        follow(grid_called(detail, "Children"), 1)
    assert caught.args == [node_called(training, "bias")]


@follow
def test_sections_lead_to_their_places(detail: DetailPane, qtbot: QtBot, training: Checkpoint, follow: Follow) -> None:
    detail.show_node(training, 0, "t")
    grid = grid_called(detail, "Sections")
    names = [row[0] for row in grid.grid.rows]
    for name in ("model", "config"):
        with qtbot.waitSignal(detail.node_wanted) as caught:
            follow(grid, names.index(name))
        assert caught.args == [node_called(training, name)]


@follow
def test_dtypes_lead_to_a_filter(detail: DetailPane, qtbot: QtBot, tmp_path: Path, follow: Follow) -> None:
    checkpoint = checkpoint_with(tmp_path, {"a": np.ones(9, np.float32), "b": np.ones(1, np.int64)})
    detail.show_node(checkpoint, 0, "t")
    with qtbot.waitSignal(detail.filter_wanted) as caught:
        follow(grid_called(detail, "Dtypes"), 1)
    assert caught.args == ["dtype:int64"]


@follow
def test_problems_and_duplicates_lead_to_their_tensors(
    detail: DetailPane, qtbot: QtBot, tmp_path: Path, follow: Follow
) -> None:
    problems = (
        Problem("irregular", "warning", "is odd", "head.weight"),
        Problem("partial", "error", "the file is cut off", "no such name"),
        Problem("missing", "error", "bytes are missing", "model-2.bin: head.steps"),
        Problem("irregular", "info", "is odd as a whole", "model-2.bin"),
    )
    checkpoint = checkpoint_with(
        tmp_path,
        small_tensors(),
        problems=problems,
        duplicates=(Duplicate("scale", "offset 3"),),
        shards=(Shard("model-2.bin", 7, 9),),
    )
    detail.show_node(checkpoint, 0, "t")
    grid = grid_called(detail, "Problems")
    with qtbot.waitSignal(detail.node_wanted) as caught:
        follow(grid, 0)
    assert caught.args == [node_of_tensor(checkpoint, "head.weight")]
    with qtbot.assertNotEmitted(detail.node_wanted):
        follow(grid, 1)
    with qtbot.waitSignal(detail.node_wanted) as caught:
        follow(grid, 2)
    assert caught.args == [node_of_tensor(checkpoint, "head.steps")]
    with qtbot.waitSignal(detail.filter_wanted) as caught:
        follow(grid, 3)
    assert caught.args == ["file:model-2.bin"]
    with qtbot.waitSignal(detail.node_wanted) as caught:
        follow(grid_called(detail, "Duplicates"), 0)
    assert caught.args == [node_of_tensor(checkpoint, "scale")]


@follow
def test_shards_lead_to_what_they_hold(detail: DetailPane, qtbot: QtBot, tmp_path: Path, follow: Follow) -> None:
    shards = (
        Shard("model 1.bin", 7, 100),
        Shard("model-2.bin", 0, 0, "missing"),
        Shard("model-3.bin", 2, 9, "truncated"),
    )
    checkpoint = checkpoint_with(tmp_path, small_tensors(), shards=shards)
    detail.show_node(checkpoint, 0, "t")
    grid = grid_called(detail, "Shards")
    assert [row[1] for row in grid.grid.rows] == ["✓ ok", "✖ missing", "✖ truncated"]
    with qtbot.waitSignal(detail.filter_wanted) as caught:
        follow(grid, 0)
    assert caught.args == ['file:"model 1.bin"']
    with qtbot.assertNotEmitted(detail.filter_wanted):
        follow(grid, 1)
    assert "not in the folder" in grid.grid.tips[1]
    assert "shorter" in grid.grid.tips[2]


def test_a_click_with_a_key_held_chooses_rows(detail: DetailPane, qtbot: QtBot, training: Checkpoint) -> None:
    detail.show_node(training, 0, "t")
    grid = grid_called(detail, "Sections")
    # What the platform says of its keys counts, and there is none to press here.
    place = grid.visualRect(grid.model().index(0, 1)).center()
    with qtbot.assertNotEmitted(detail.node_wanted):
        QTest.mouseClick(grid.viewport(), Left, Qt.KeyboardModifier.ControlModifier, place)
    assert grid.selectionModel().hasSelection()


def test_what_leads_somewhere_looks_like_it(detail: DetailPane, training: Checkpoint) -> None:
    detail.show_node(training, 0, "t")
    grid = grid_called(detail, "Dtypes")
    role = Qt.ItemDataRole.ForegroundRole
    assert grid.model().data(grid.model().index(0, 0), role) is not None
    assert grid.model().data(grid.model().index(0, 1), role) is None
    code = grid_called(detail, "Code that the file names").model()
    assert code.data(code.index(0, 0), role) is None
    QTest.mouseMove(grid.viewport(), grid.visualRect(grid.model().index(0, 0)).center())
    QTest.mouseMove(grid.viewport(), grid.visualRect(grid.model().index(0, 0)).center() + QPoint(1, 1))
    assert grid.viewport().cursor().shape() is Qt.CursorShape.PointingHandCursor


def test_globals_are_explained(detail: DetailPane, tmp_path: Path) -> None:
    uses = (
        GlobalUse("collections.OrderedDict", "known"),
        GlobalUse("os.system", "dangerous"),
        GlobalUse("a.B", "unknown"),
    )
    checkpoint = checkpoint_with(tmp_path, small_tensors(), globals=uses)
    detail.show_node(checkpoint, 0, "t")
    grid = grid_called(detail, "Code that the file names")
    tips = [grid.model().data(grid.model().index(row, 1), Qt.ItemDataRole.ToolTipRole) for row in range(3)]
    assert "no checkpoint needs it" in tips[0]
    assert "would import it" in tips[1]
    assert "plain data" in tips[2]


def test_the_root_begins_with_what_it_is(detail: DetailPane, qtbot: QtBot, training: Checkpoint) -> None:
    detail.show_node(training, 0, "t")
    settled(qtbot, detail)
    assert detail.overview.lead.text() == "A training checkpoint: a model of 9 parameters, epoch 3."
    assert detail.overview.lead.isVisible()
    detail.show_node(training, node_called(training, "model"), "t")
    assert not detail.overview.lead.isVisible()


def test_bytes_that_no_tensor_shows_are_told(detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors(), unshown_bytes=2048)
    detail.show_node(checkpoint, 0, "t")
    assert dict(detail.facts.texts())["Shown by no tensor"] == "2.00 KiB"


@pytest.mark.parametrize("value", [d.name for d in DTYPES] + ["a b", 'a"b', "x*y", "[a]", "a,b", "λ", "model-1.bin"])
def test_a_filter_term_is_understood(value: str) -> None:
    assert isinstance(parse(filter_term("file", value)), Query)


def test_the_dtype_of_every_table_is_understood() -> None:
    wrong = [d.name for d in DTYPES if not isinstance(parse(filter_term("dtype", d.name)), Query)]
    assert wrong == []


def test_tensors_are_found_by_name(tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, small_tensors())
    for name in small_tensors():
        node = node_of_tensor(checkpoint, name)
        assert checkpoint.tree.what[node] == TreeNode.TENSOR
        assert checkpoint.table.name[int(checkpoint.tree.ref[node])] == name
    assert node_of_tensor(checkpoint, "none") == -1


def test_everything_that_takes_focus_has_a_name(detail: DetailPane, qtbot: QtBot, training: Checkpoint) -> None:
    for node, pane in ((0, "overview"), (0, "metadata"), (node_called(training, "weight"), "values")):
        detail.show_node(training, node, "t")
        detail.show_pane(pane)
        settled(qtbot, detail)
        for widget in detail.findChildren(QWidget):
            if widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                text = widget.text() if hasattr(widget, "text") else ""
                assert widget.accessibleName() or text, f"{type(widget).__name__} in {pane}"


def test_the_overview_stays_usable_in_a_small_window(detail: DetailPane, qtbot: QtBot, training: Checkpoint) -> None:
    detail.resize(330, 400)
    detail.show_node(training, 0, "t")
    settled(qtbot, detail)
    grid = grid_called(detail, "Sections")
    header = grid.horizontalHeader()
    assert header.length() <= max(grid.viewport().width(), 5 * 50)
