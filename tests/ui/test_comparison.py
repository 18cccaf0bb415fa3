"""Two files are compared in a tab of its own: by drops, keys, menus; pairs can be undone and made by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.comparison.comparing import Comparison, compare_matching
from sdviewer.comparison.matching import Matching
from sdviewer.ui import app as app_module
from sdviewer.ui.comparison import work as work_module
from sdviewer.ui.comparison.describe import measure_facts
from sdviewer.ui.comparison.load_pane import LoadPane
from sdviewer.ui.comparison.overview import DiffOverview
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.comparison.values_pane import DiffValues
from sdviewer.ui.comparison.work import Progress
from sdviewer.ui.detail.blocks import GridView, NoteStrip, TextView
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.diff_cells import DiffColumn
from sdviewer.ui.models.diff_model import DiffModel
from tests.ui.looking import picture, shades

Compare = Callable[[str, str], ComparisonTab]


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(8, 8) for _ in range(6)])
        self.norm = torch.nn.BatchNorm1d(8)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        result: torch.Tensor = self.head(self.norm(x))
        return result


@pytest.fixture
def trained(tmp_path: Path) -> tuple[str, str]:
    """A network before and after a step of which only the last two layers take part."""
    torch.manual_seed(0)
    net = Net()
    a, b = tmp_path / "base.pt", tmp_path / "tuned.pt"
    torch.save(net.state_dict(), a)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_("layers.4" in name or "layers.5" in name)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1.0)
    net(torch.randn(16, 8)).pow(2).sum().backward()
    optimizer.step()
    torch.save(net.state_dict(), b)
    return str(a), str(b)


@pytest.fixture
def compare(window: MainWindow, qtbot: QtBot) -> Compare:
    def act(a: str, b: str) -> ComparisonTab:
        window.compare_files(a, b)
        return settled(window, qtbot)

    return act


def settled(window: MainWindow, qtbot: QtBot) -> ComparisonTab:
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
    return tab


def model_of(tab: ComparisonTab) -> DiffModel:
    model = tab.view.diff_model
    assert model is not None
    return model


def names(tab: ComparisonTab) -> list[str]:
    model = model_of(tab)
    return [model.standing.name_at(model.node(row)) for row in range(model.rowCount())]


def current(tab: ComparisonTab) -> str:
    return model_of(tab).standing.name_at(tab.view.current_node())


def node_of(tab: ComparisonTab, name: str) -> int:
    standing = model_of(tab).standing
    return next(node for node in range(len(standing.tree)) if name in (standing.name_at(node), *standing.keys_at(node)))


def place_of(tab: ComparisonTab, name: str, column: DiffColumn = DiffColumn.NAME) -> QPoint:
    tab.go_to_node(node_of(tab, name))
    row = model_of(tab).rows.row_of(node_of(tab, name))
    return tab.view.visualRect(model_of(tab).index(row, column)).center()


def drop(widget: QWidget, *paths: str) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    place = widget.rect().center()
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(place, copy, data, left, none))
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), copy, data, left, none))


def notes(tab: ComparisonTab) -> str:
    QApplication.processEvents()
    return " ".join(note.text() for note in tab.detail.findChildren(NoteStrip) if note.isVisible())


def test_a_training_step_is_seen_where_it_took_place(compare: Compare, trained: tuple[str, str]) -> None:
    tab = compare(*trained)
    standing = model_of(tab).standing
    changed = {standing.name_at(node) for node in range(len(standing.tree)) if standing.differs()[node]}
    expected = {f"layers.{layer}.{part}" for layer in (4, 5) for part in ("weight", "bias")}
    # Running statistics drift in frozen layers as well.
    assert changed == expected | {f"norm.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
    assert "7 changed" in tab.summary
    # Most is equal: only what differs is in sight.
    assert tab.head.chips.only_different.isChecked()
    assert "layers.0" not in names(tab)
    assert "layers.4" in names(tab)


def test_the_measures_in_a_row_are_those_of_torch(compare: Compare, trained: tuple[str, str]) -> None:
    tab = compare(*trained)
    a, b = (torch.load(path)["layers.4.weight"].double() for path in trained)
    node = node_of(tab, "layers.4.weight")
    standing = model_of(tab).standing
    assert standing.max_abs[node] == pytest.approx(float((a - b).abs().max()))
    assert standing.relative()[node] == pytest.approx(float((a - b).norm() / a.norm()))
    expected = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)
    assert standing.cosine[node] == pytest.approx(float(expected))


def test_f8_walks_through_the_differences(window: MainWindow, compare: Compare, trained: tuple[str, str]) -> None:
    tab = compare(*trained)
    visited = []
    for _ in range(3):
        QTest.keyClick(window, Qt.Key.Key_F8)
        visited.append(current(tab))
    assert visited == ["layers.4.bias", "layers.4.weight", "layers.5.bias"]
    QTest.keyClick(window, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert current(tab) == "layers.4.weight"


def test_chips_text_and_headers_filter_and_sort(compare: Compare, trained: tuple[str, str], qtbot: QtBot) -> None:
    tab = compare(*trained)
    chips = tab.head.chips
    QTest.mouseClick(chips.only_different, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert "layers.0" in names(tab)
    QTest.mouseClick(chips.marks["changed"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert {name for name in names(tab) if name.endswith("weight")} == {"layers.4.weight", "layers.5.weight"}
    QTest.mouseClick(chips.marks["changed"], Qt.MouseButton.LeftButton)
    QTest.keyClicks(tab.head.line, "head")
    qtbot.waitUntil(lambda: tab.is_settled)
    assert names(tab) == ["", "head", "head.bias", "head.weight"]
    tab.head.line.clear()
    header = tab.view.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(DiffColumn.RELATIVE) + 10, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: tab.is_settled)
    standing = model_of(tab).standing
    relative = [standing.relative()[node] for node in model_of(tab).rows.nodes.tolist()]
    known = [value for value in relative if not math.isnan(value)]
    assert known == sorted(known, reverse=True)
    QTest.mouseClick(tab.head.tree_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert names(tab)[0] == ""


def test_keys_open_and_close_modules(compare: Compare, trained: tuple[str, str]) -> None:
    tab = compare(*trained)
    tab.go_to_node(node_of(tab, "layers.4"))
    for key, inside in ((Qt.Key.Key_Left, False), (Qt.Key.Key_Right, True), (Qt.Key.Key_Return, False)):
        QTest.keyClick(tab.view, key)
        assert ("layers.4.bias" in names(tab)) is inside
    QTest.keyClick(tab.view, Qt.Key.Key_Backspace)
    assert current(tab) == "layers"


def test_every_view_of_a_pair_and_of_a_module_is_drawn(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    qtbot.waitUntil(lambda: window.library.ready, timeout=30_000)
    tab.detail.show_pane("layers")
    qtbot.waitUntil(lambda: tab.is_settled)
    layers = tab.detail.panes["layers"]
    view = layers.holder.view  # type: ignore[attr-defined]  # the pane of layers
    assert "2 of 6 layers changed: 4, 5." in view.summary
    tab.go_to_node(node_of(tab, "layers.5.weight"))
    for pane in ("distribution", "image", "values"):
        tab.detail.show_pane(pane)
        qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
        assert tab.detail.current_pane == pane
        assert shades(picture(tab.detail)) > 20
    values = tab.detail.panes["values"]
    assert isinstance(values, DiffValues)
    values.go_to_largest()
    qtbot.waitUntil(lambda: tab.is_settled)
    a, b = (torch.load(path)["layers.5.weight"] for path in trained)
    place = int((a - b).abs().argmax())
    assert values.table.currentIndex().row() == place
    rows = values.rows
    assert rows is not None
    qtbot.waitUntil(lambda: rows.has(0))
    told = rows.index(place, 1).data()
    assert float(told.replace("−", "-")) == pytest.approx(float(a.flatten()[place]))


def test_a_view_that_is_chosen_while_other_pairs_come_waits_for_them(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    tab.go_to_node(node_of(tab, "layers.5.weight"))
    settled(window, qtbot)
    standing = tab.standing
    assert standing is not None
    assert "rank" in tab.detail.panes_there
    # The root has no rank, but its tab is still there.
    tab.detail.show_standing(standing, 0)
    tab.detail.show_pane("rank")
    settled(window, qtbot)
    assert tab.detail.current_pane == "overview"
    tab.detail.show_node(node_of(tab, "layers.5.weight"))
    assert tab.detail.current_pane == "rank"
    settled(window, qtbot)


def test_a_picture_of_all_three_moves_as_one(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    qtbot.waitUntil(lambda: window.library.ready, timeout=30_000)
    tab.go_to_node(node_of(tab, "layers.5.weight"))
    tab.detail.show_pane("image")
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
    view = tab.detail.panes["image"].view  # type: ignore[attr-defined]  # the pane of pictures
    view.pictures[1].box.setRange(xRange=(1, 5), yRange=(2, 6), padding=0)
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
    areas = [shown.area for shown in view.pictures]
    assert areas[0] == areas[1] == areas[2]
    a, b = (torch.load(path)["layers.5.weight"].double().numpy() for path in trained)
    raster = view.three.drawn[2].raster
    rows, columns = raster.rows, raster.columns
    expected = (a - b)[rows.first : rows.first + rows.count, columns.first : columns.first + columns.count]
    assert raster.mean == pytest.approx(expected)


def test_the_load_check_speaks_as_torch_does_in_both_directions(compare: Compare, tmp_path: Path, qtbot: QtBot) -> None:
    model = torch.nn.Linear(3, 2)
    torch.save(model.state_dict(), tmp_path / "b.pt")
    torch.save({"weight": torch.ones(4, 3), "extra": torch.ones(1)}, tmp_path / "a.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    tab.detail.show_pane("load")
    qtbot.waitUntil(lambda: tab.is_settled)
    pane = tab.detail.panes["load"]
    assert isinstance(pane, LoadPane)
    with pytest.raises(RuntimeError) as error:
        model.load_state_dict(torch.load(tmp_path / "a.pt"))
    told = pane.findChildren(TextView)[0].toPlainText()
    expected = str(error.value).replace("\t", "    ").replace("for Linear", "for the model")
    assert [line.rstrip() for line in told.splitlines()] == [line.rstrip() for line in expected.splitlines()]


def test_optimizers_are_told_side_by_side_and_whether_one_could_resume_the_other(
    compare: Compare, tmp_path: Path, qtbot: QtBot
) -> None:
    net = torch.nn.Linear(3, 2)
    one = torch.optim.SGD(net.parameters(), 0.5, momentum=0.9)
    groups: list[dict[str, Any]] = [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.125}]
    two = torch.optim.SGD(groups, 0.25, momentum=0.9)
    net(torch.ones(1, 3)).sum().backward()
    for name, optimizer in (("a", one), ("b", two)):
        optimizer.step()
        torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / f"{name}.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    tab.detail.show_pane("optimizers")
    qtbot.waitUntil(lambda: "optimizers" in tab.detail.panes and tab.is_settled)
    pane = tab.detail.panes["optimizers"]
    said = [strip.text() for strip in pane.findChildren(NoteStrip)]
    for optimizer, other in ((two, one), (one, two)):
        with pytest.raises(ValueError, match="parameter groups") as error:
            optimizer.load_state_dict(other.state_dict())
        assert any(str(error.value) in text for text in said), said
    (grid,) = pane.findChildren(GridView)
    model = grid.model()
    rows = [tuple(str(model.index(row, column).data()) for column in range(5)) for row in range(model.rowCount())]
    assert rows[:3] == [
        ("0", "≠", "size", "2 parameters", "1 parameter"),
        ("0", "≠", "lr", "0.5", "0.25"),
        ("1", "≠", "size", "no such group", "1 parameter"),
    ]
    assert ("0", "", "momentum", "0.9", "0.9") in rows
    # A row leads to the first parameter of its group: the second group of B has the bias.
    standing = tab.standing
    assert standing is not None
    assert grid.grid.tips[2].endswith("group 1: bias")
    for row, name in ((1, "weight"), (2, "bias")):
        (grid,) = pane.findChildren(GridView)
        grid.setCurrentIndex(grid.model().index(row, 2))
        with qtbot.waitSignal(tab.detail.node_wanted) as wanted:
            QTest.keyClick(grid, Qt.Key.Key_Return)
        assert standing.name_at(wanted.args[0]) == name
        assert tab.view.current_node() == wanted.args[0]
        tab.view.select_node(0)
        tab.detail.show_pane("optimizers")
        qtbot.waitUntil(lambda: tab.is_settled and bool(pane.findChildren(GridView)))
    # Reports say the same, and a file without an optimizer has no such tab.
    tab.reports.copy("Markdown")
    qtbot.waitUntil(lambda: "| 0 | lr | 0.5 | 0.25 |" in QGuiApplication.clipboard().text())
    torch.save(net.state_dict(), tmp_path / "bare.pt")
    bare = compare(str(tmp_path / "a.pt"), str(tmp_path / "bare.pt"))
    assert "optimizers" not in bare.detail.panes_there


def test_a_guess_says_why_and_can_be_undone_and_made_again_by_hand(
    compare: Compare, tmp_path: Path, qtbot: QtBot, window: MainWindow
) -> None:
    value = torch.randn(5, 4)
    torch.save({"enc.proj.weight": value, "same": torch.ones(2)}, tmp_path / "a.pt")
    torch.save({"backbone.linear": value, "same": torch.ones(2)}, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    tab.go_to_node(node_of(tab, "enc.proj.weight"))
    assert "Paired by a guess: same bytes, sure to 98%" in notes(tab)
    overview = tab.detail.panes["overview"]
    assert isinstance(overview, DiffOverview)
    QTest.mouseClick(overview.undo_button, Qt.MouseButton.LeftButton)
    settled(window, qtbot)
    counts = model_of(tab).standing.counts_at(0)
    assert (counts["only_a"], counts["only_b"]) == (1, 1)
    # Dragged on its partner it is a pair again.
    source, target = node_of(tab, "enc.proj.weight"), node_of(tab, "backbone.linear")
    place = place_of(tab, "backbone.linear")
    data = model_of(tab).mimeData([model_of(tab).index(model_of(tab).rows.row_of(source), 0)])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    assert target != source
    enter = QDragEnterEvent(place, copy, data, left, none)
    QApplication.sendEvent(tab.view.viewport(), enter)
    QApplication.sendEvent(tab.view.viewport(), QDropEvent(QPointF(place), copy, data, left, none))
    settled(window, qtbot)
    standing = model_of(tab).standing
    assert standing.keys_at(node_of(tab, "enc.proj.weight")) == ("enc.proj.weight", "backbone.linear")
    tab.go_to_node(node_of(tab, "enc.proj.weight"))
    assert "You have made this pair." in notes(tab)


def test_a_partner_is_chosen_by_parts_of_its_name(
    compare: Compare, tmp_path: Path, qtbot: QtBot, window: MainWindow
) -> None:
    torch.save({"first": torch.ones(3), "x.one": torch.zeros(2)}, tmp_path / "a.pt")
    torch.save({"first": torch.ones(3), "totally_other": torch.full((2, 2), 5.0)}, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    menu = tab.view.menu_for(node_of(tab, "x.one"))
    next(action for action in menu.actions() if "Pair with" in action.text()).trigger()
    choice = tab._partner
    assert choice is not None
    assert choice.isVisible()
    QTest.keyClicks(choice.line, "totally")
    qtbot.waitUntil(lambda: choice.list.count() == 1)
    QTest.keyClick(choice.line, Qt.Key.Key_Return)
    settled(window, qtbot)
    assert model_of(tab).standing.keys_at(node_of(tab, "x.one")) == ("x.one", "totally_other")


def test_tolerances_and_replacements_are_edited(compare: Compare, tmp_path: Path, qtbot: QtBot) -> None:
    torch.save({"old.w": torch.tensor([1.0, 2.0]), "v": torch.zeros(3)}, tmp_path / "a.pt")
    torch.save({"new.thing": torch.tensor([1.0, 2.5]), "v": torch.zeros(3)}, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    overview = tab.detail.panes["overview"]
    assert isinstance(overview, DiffOverview)
    overview.how.maps.setPlainText("old.(w=>new")
    QTest.mouseClick(overview.how.button, Qt.MouseButton.LeftButton)
    assert "old.(w" in overview.how.wrong.text()
    overview.how.maps.setPlainText(r"^old\.w$=>new.thing")
    QTest.mouseClick(overview.how.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert model_of(tab).standing.counts_at(0) == {"changed": 1, "renamed": 1, "identical": 1}
    overview.how.atol.setText("0.6")
    QTest.keyClick(overview.how.atol, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert model_of(tab).standing.counts_at(0) == {"close": 1, "renamed": 1, "identical": 1}


def test_another_tolerance_reads_only_what_sums_do_not_decide(
    compare: Compare, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = {name: torch.tensor([1000.0, 0.001, 1.0]) for name in ("near", "far", "mixed")}
    moved = {"near": base["near"] + 0.25, "far": base["far"] * 2, "mixed": torch.tensor([1001.0, 0.5, 1.0])}
    torch.save(base, tmp_path / "a.pt")
    torch.save(moved, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    read: list[str] = []

    def spied(matching: Matching, *, chosen: list[int], **options: Any) -> Comparison:
        read.extend(matching.a.keys[matching.pairs[place].a] for place in chosen)
        return compare_matching(matching, chosen=chosen, **options)

    monkeypatch.setattr(work_module, "compare_matching", spied)
    overview = tab.detail.panes["overview"]
    assert isinstance(overview, DiffOverview)

    def apply(rtol: str, atol: str) -> dict[str, str]:
        overview.how.rtol.setText(rtol)
        overview.how.atol.setText(atol)
        QTest.mouseClick(overview.how.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: tab.is_settled)
        standing = model_of(tab).standing
        assert standing.waiting == 0
        return {name: standing.results[place].marks[0] for place, name in enumerate(base)}

    assert apply("0", "0.3") == {"near": "close", "far": "changed", "mixed": "changed"}
    assert read == []
    assert model_of(tab).standing.counts_at(0) == {"changed": 2, "close": 1}
    fact = next(fact for fact in measure_facts(model_of(tab).standing.results[1]) if fact.label == "Outside tolerance")
    assert fact.value == "at least 1"
    # The large value is close by its size; whether the small one is, nobody knows without it.
    assert apply("0.01", "0.01") == {"near": "changed", "far": "changed", "mixed": "changed"}
    assert "mixed" in read
    assert "far" not in read


def test_a_cast_is_equal_after_it(compare: Compare, tmp_path: Path) -> None:
    value = torch.randn(20, 3)
    torch.save({"w": value}, tmp_path / "a.pt")
    torch.save({"w": value.to(torch.bfloat16)}, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    node = node_of(tab, "w")
    assert model_of(tab).cells_of(node).told == "equal after cast, dtype"
    assert "float32 → bfloat16" in model_of(tab).cells_of(node).form


def test_both_sides_are_swapped(window: MainWindow, compare: Compare, tmp_path: Path, qtbot: QtBot) -> None:
    torch.save({"w": torch.ones(2), "gone": torch.ones(3)}, tmp_path / "a.pt")
    torch.save({"w": torch.ones(2)}, tmp_path / "b.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    assert model_of(tab).standing.counts_at(0) == {"only_a": 1, "identical": 1}
    QTest.mouseClick(tab.head.swap_button, Qt.MouseButton.LeftButton)
    settled(window, qtbot)
    assert model_of(tab).standing.counts_at(0) == {"only_b": 1, "identical": 1}
    assert tab.title == "b.pt ↔ a.pt"
    assert window.tabs.tabText(window.tabs.currentIndex()) == "b.pt ↔ a.pt"


def test_sections_of_one_file_are_compared(compare: Compare, tmp_path: Path, qtbot: QtBot) -> None:
    model = {"w": torch.ones(2, 2), "b": torch.ones(2)}
    torch.save({"model": model, "ema": {key: value * 2 for key, value in model.items()}}, tmp_path / "a.pt")
    tab = compare(str(tmp_path / "a.pt"), str(tmp_path / "a.pt"))
    assert "Both sides are the same section of the same file." in notes(tab)
    assert model_of(tab).standing.counts_at(0) == {"identical": 2}
    choice = tab.head.sections["B"]
    assert choice.isVisible()
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: tab.is_settled)
    assert model_of(tab).standing.counts_at(0) == {"changed": 2}
    assert "Both sides are sections of the same file." in notes(tab)


def test_the_report_is_copied_and_saved(
    compare: Compare, trained: tuple[str, str], tmp_path: Path, qtbot: QtBot
) -> None:
    tab = compare(*trained)
    menu = tab.head.report_menu
    next(action for action in menu.actions() if action.text() == "Copy as Markdown").trigger()
    qtbot.waitUntil(lambda: "| changed | 7 |" in QGuiApplication.clipboard().text())
    target = tmp_path / "report.json"
    with qtbot.waitSignal(tab.message):
        tab.reports.save("JSON", str(target))
    assert json.loads(target.read_text())["summary"]["changed"] == 7
    before = Path(trained[1]).read_bytes()
    tab.reports.save("CSV", trained[1])
    qtbot.waitUntil(tab.error.isVisible)
    assert Path(trained[1]).read_bytes() == before


def test_what_fails_of_one_side_is_told_and_tried_again(
    window: MainWindow, trained: tuple[str, str], tmp_path: Path, qtbot: QtBot
) -> None:
    missing = tmp_path / "later.pt"
    window.compare_files(trained[0], str(missing))
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    qtbot.waitUntil(lambda: tab.is_settled)
    left, right = tab.sides
    assert left.checkpoint is not None
    assert right.panel.isVisible()
    assert "later.pt cannot be opened" in right.panel.heading.text()
    missing.write_bytes(Path(trained[1]).read_bytes())
    QTest.mouseClick(right.panel.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.standing is not None and tab.is_settled, timeout=20_000)
    assert "7 changed" in tab.summary


def test_a_file_without_tensors_is_told(compare: Compare, trained: tuple[str, str], tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "none.pt")
    tab = compare(trained[0], str(tmp_path / "none.pt"))
    assert tab.comparing.progress is Progress.FAILED
    assert tab.error.isVisible()
    assert "holds no tensors to compare" in tab.error.message.text()


def test_a_stopped_comparison_is_partial_and_goes_on(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    standing = model_of(tab).standing
    standing.unsettle(range(len(standing.results)))
    tab.comparing.progress = Progress.STOPPED
    tab._advanced()
    assert tab.head.partial.isVisible()
    assert "pairs are not compared" in tab.head.partial_text.text()
    assert standing.comparison().partial
    QTest.mouseClick(tab.head.go_on_button, Qt.MouseButton.LeftButton)
    settled(window, qtbot)
    assert not tab.head.partial.isVisible()
    assert standing.waiting == 0


def test_two_dropped_files_are_opened_and_offered_to_be_compared(
    window: MainWindow, trained: tuple[str, str], qtbot: QtBot
) -> None:
    drop(window, *trained)
    assert [tab.path for tab in window.tabs.documents()] in ([trained[0]], list(trained))
    assert window.offer.isVisible()
    QTest.mouseClick(window.offer.compare_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(window.current_page, ComparisonTab))
    tab = settled(window, qtbot)
    assert tab.paths == trained
    assert not window.offer.isVisible()
    qtbot.waitUntil(lambda: len(window.tabs.documents()) == 2)


def test_a_file_dropped_on_an_open_one_can_be_compared_with_it(
    window: MainWindow, trained: tuple[str, str], qtbot: QtBot
) -> None:
    window.open_files([trained[0]])
    drop(window, trained[1])
    assert window.offer.text.text() == "Compare base.pt with tuned.pt?"
    QTest.mouseClick(window.offer.close_button, Qt.MouseButton.LeftButton)
    assert not window.offer.isVisible()
    assert not [page for page in window.tabs.pages() if isinstance(page, ComparisonTab)]
    qtbot.waitUntil(lambda: window.current_tab is not None and window.current_tab.is_settled, timeout=20_000)


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_ctrl_d_asks_what_the_file_in_front_is_compared_with(
    window: MainWindow, trained: tuple[str, str], qtbot: QtBot
) -> None:
    window.open_files(list(trained))
    qtbot.waitUntil(lambda: len(window.tabs.documents()) == 2)
    window.tabs.setCurrentIndex(0)
    QTest.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: isinstance(window.current_page, ComparisonTab))
    assert settled(window, qtbot).paths == trained
    # The same pair is compared once.
    window.compare_files(*trained)
    assert len([page for page in window.tabs.pages() if isinstance(page, ComparisonTab)]) == 1
    assert window.choosing.pairs[0] == trained


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_second_start_hands_over_its_pair(
    window: MainWindow, trained: tuple[str, str], tmp_path: Path, qtbot: QtBot
) -> None:
    import subprocess
    import sys

    name = str(tmp_path / "socket")
    app_module.listen(window, name)
    code = (
        "import sys; from sdviewer.ui.single_instance import hand_over; hand_over(sys.argv[2:], sys.argv[1], diff=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, name, *trained])
    qtbot.waitUntil(lambda: isinstance(window.current_page, ComparisonTab), timeout=20_000)
    assert process.wait(20) == 0
    assert settled(window, qtbot).paths == trained


def test_other_tabs_are_untouched_and_it_closes_as_any(
    window: MainWindow, trained: tuple[str, str], compare: Compare
) -> None:
    tab = compare(*trained)
    for name in ("go_to", "show_tensors", "scan"):
        assert not window.actions_by_name[name].isEnabled()
    for name in ("reload", "filter", "next_problem", "close_tab"):
        assert window.actions_by_name[name].isEnabled()
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert tab.head.line.hasFocus()
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert window.current_page is None


def test_every_part_has_a_name(compare: Compare, trained: tuple[str, str]) -> None:
    tab = compare(*trained)
    nameless = [
        type(part).__name__
        for part in tab.findChildren(QWidget)
        if part.isVisible()
        and part.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (part.accessibleName() or (isinstance(part, QPushButton) and part.text()))
    ]
    assert nameless == []


def test_rows_are_sorted_without_a_mouse(compare: Compare, trained: tuple[str, str], qtbot: QtBot) -> None:
    tab = compare(*trained)
    next(action for action in tab.head.sort_menu.actions() if "max |Δ|" in action.text()).trigger()
    qtbot.waitUntil(lambda: tab.is_settled)
    assert model_of(tab).rows.is_list
    largest = [model_of(tab).standing.max_abs[node] for node in model_of(tab).rows.nodes.tolist()]
    assert largest == sorted(largest, reverse=True)


def test_files_that_are_dropped_on_its_rows_are_opened(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    drop(tab.view.viewport(), trained[0])
    qtbot.waitUntil(lambda: window.current_tab is not None and window.current_tab.is_settled, timeout=20_000)
    assert window.current_tab is not None
    assert window.current_tab.path == trained[0]


def test_a_comparison_waits_goes_on_and_is_stopped_with_what_it_has(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    tensors = {f"layers.{i}.weight": torch.full((64,), float(i)) for i in range(4000)}
    torch.save(tensors, tmp_path / "a.pt")
    torch.save({name: value + 1 for name, value in tensors.items()}, tmp_path / "b.pt")
    window.compare_files(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    slot = tab.comparing.slots[1]
    qtbot.waitUntil(lambda: tab.standing is not None and 0 < tab.standing.waiting < 4000, timeout=30_000)
    window.bridge.set_paused(slot, paused=True)
    assert window.bridge.running[slot].is_paused
    qtbot.wait(200)
    standing = model_of(tab).standing
    waiting = standing.waiting
    qtbot.wait(200)
    assert standing.waiting == waiting > 0
    window.bridge.set_paused(slot, paused=False)
    qtbot.waitUntil(lambda: standing.waiting < waiting)
    tab.comparing.stop()
    qtbot.waitUntil(lambda: tab.comparing.progress is not Progress.COMPARING)
    if standing.waiting:
        assert tab.comparing.progress is Progress.STOPPED
        assert "pairs are not compared" in tab.head.partial_text.text()
    told = standing.counts_at(0)
    assert told["changed"] + told.get("waiting", 0) == 4000


def test_a_file_that_changes_meanwhile_is_told(
    window: MainWindow, compare: Compare, trained: tuple[str, str], qtbot: QtBot
) -> None:
    tab = compare(*trained)
    torch.save({"w": torch.ones(1)}, trained[1])
    tab.watch.look()
    qtbot.waitUntil(tab.change.isVisible, timeout=10_000)
    assert "tuned.pt" in tab.change.text.text()
    QTest.mouseClick(tab.change.button, Qt.MouseButton.LeftButton)
    settled(window, qtbot)
    assert not tab.change.isVisible()
    assert model_of(tab).standing.counts_at(0)["only_b"] == 1
