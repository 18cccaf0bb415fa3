"""The Layers tab: one line a role along the layers, read or taken from a scan, chosen by clicks and keys."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import sdviewer.ui.plots.layers.gathering as gathering_module  # replaced in some tests
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.plots.layers import pane as pane_module
from sdviewer.ui.plots.layers.measures import Measure
from sdviewer.ui.plots.layers.pane import LayersPane
from sdviewer.ui.plots.layers.view import LayersView
from sdviewer.ui.plots.series import SERIES
from tests.ui.checkpoints import checkpoint_with
from tests.ui.details import detail_window, node_called, settled
from tests.ui.looking import picture, shades

LEFT = Qt.MouseButton.LeftButton
RANDOM = np.random.default_rng(0)
TENSORS = {
    "embed.weight": RANDOM.normal(size=(20, 4)).astype(np.float32),
    **{f"layers.{i}.attn.q.weight": RANDOM.normal(0, 1 + i, (8, 4)).astype(np.float32) for i in range(5)},
    **{f"layers.{i}.norm.weight": np.arange(4, dtype=np.float32) for i in range(5)},
}
QS = [TENSORS[f"layers.{i}.attn.q.weight"].astype(np.float64) for i in range(5)]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return checkpoint_with(tmp_path, TENSORS)


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


Show = Callable[[], LayersPane]


@pytest.fixture
def show(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> Show:
    def shown() -> LayersPane:
        detail.show_node(checkpoint, 0, "net.pt")
        detail.show_pane("layers")
        settled(qtbot, detail)
        pane = detail.panes["layers"]
        assert isinstance(pane, LayersPane)
        return pane

    return shown


def view_of(pane: LayersPane) -> LayersView:
    assert pane.view is not None
    return pane.view


def heights(view: LayersView, role: str) -> list[float]:
    line = next(line for line in view.picture.lines if line.name == role)
    return [float(value) for value in line.y]


def test_each_role_is_a_line_of_what_numpy_computes(show: Show) -> None:
    view = view_of(show())
    assert [line.name for line in view.picture.lines] == ["attn.q.weight", "norm.weight"]
    assert heights(view, "attn.q.weight") == pytest.approx([np.sqrt((q**2).mean()) for q in QS])
    x, y = view.picture.curves[0].getData()
    assert x.tolist() == [0, 1, 2, 3, 4]
    assert y == pytest.approx(np.log10(heights(view, "attn.q.weight")))
    view.measures.setCurrentIndex(list(Measure).index(Measure.ABSMAX))
    assert heights(view, "attn.q.weight") == pytest.approx([np.abs(q).max() for q in QS])
    view.measures.setCurrentIndex(list(Measure).index(Measure.ZEROS))
    assert heights(view, "norm.weight") == [0.25] * 5
    assert not view.log.isEnabled()
    assert view.picture.curves[1].getData()[1].tolist() == [0.25] * 5


def test_words_tell_how_many_and_the_smallest_and_largest(show: Show) -> None:
    view = view_of(show())
    rms = [np.sqrt((q**2).mean()) for q in QS]
    least, most = int(np.argmin(rms)), int(np.argmax(rms))
    for part in (
        "RMS of 10 tensors in 5 layers, 2 of 2 roles",
        f"from {rms[least]:.4g} (layers.{least}.attn.q.weight)",
        f"to a peak of {rms[most]:.4g} (layers.{most}.attn.q.weight)",
        "1 tensor in no layer",
    ):
        assert part in view.summary
    assert view.graphics.accessibleDescription() == view.summary
    assert shades(picture(view.graphics)) > 5


def test_a_click_on_a_point_selects_its_tensor(detail: DetailPane, show: Show, checkpoint: Checkpoint) -> None:
    view = view_of(show())
    wanted: list[int] = []
    detail.node_wanted.connect(wanted.append)
    QApplication.processEvents()
    y = np.log10(heights(view, "attn.q.weight")[3])
    point = view.graphics.mapFromScene(view.box.mapViewToScene(QPointF(3, y)))
    QTest.mouseClick(view.graphics.viewport(), LEFT, pos=point)
    tensors = [int(node) for node in wanted]
    assert [checkpoint.table.name[int(checkpoint.tree.ref[node])] for node in tensors] == ["layers.3.attn.q.weight"]


def test_arrows_choose_along_layers_and_between_roles(detail: DetailPane, show: Show, checkpoint: Checkpoint) -> None:
    view = view_of(show())
    wanted: list[int] = []
    detail.node_wanted.connect(wanted.append)
    view.graphics.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(view.graphics, key)
    assert view.caption.text().startswith("layers.2.norm.weight: RMS ")
    QTest.keyClick(view.graphics, Qt.Key.Key_Return)
    assert [checkpoint.table.name[int(checkpoint.tree.ref[node])] for node in wanted] == ["layers.2.norm.weight"]


def test_roles_are_switched_and_filtered_in_their_list(show: Show) -> None:
    view = view_of(show())
    QTest.mouseClick(view.roles_button, LEFT)
    assert view.roles.isVisible()
    view.roles.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert [line.name for line in view.picture.lines] == ["norm.weight"]
    assert view.roles_button.text() == "Roles (1 of 2)"
    QTest.keyClicks(view.roles.filter, "ATTN")
    assert [view.roles.list.item(row).isHidden() for row in range(2)] == [False, True]
    view.roles.list.item(0).setCheckState(Qt.CheckState.Checked)
    assert len(view.picture.lines) == 2


def test_of_many_roles_the_largest_are_drawn_and_another_takes_the_place_of_the_last(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path
) -> None:
    tensors = {f"h.{i}.r{r}": np.ones(100 - r, np.float32) for i in range(2) for r in range(12)}
    detail.show_node(checkpoint_with(tmp_path, tensors), 0, "net.pt")
    detail.show_pane("layers")
    settled(qtbot, detail)
    pane = detail.panes["layers"]
    assert isinstance(pane, LayersPane)
    view = view_of(pane)
    assert [line.name for line in view.picture.lines] == [f"r{r}" for r in range(SERIES)]
    view.roles.list.item(11).setCheckState(Qt.CheckState.Checked)
    assert [line.name for line in view.picture.lines] == [*(f"r{r}" for r in range(SERIES - 1)), "r11"]
    assert len({line.series for line in view.picture.lines}) == SERIES


def test_much_is_read_only_when_it_is_wanted_and_not_read_twice(
    qtbot: QtBot, detail: DetailPane, show: Show, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pane_module, "READ_AT_ONCE", 100)
    monkeypatch.setattr(gathering_module, "MOST_TENSORS", 6)
    pane = show()
    assert pane.row.is_offered
    assert pane.row.text.text().startswith("6 tensors are not read yet, ")
    assert "4 tensors after these" in pane.row.text.text()
    assert "10 tensors not read" in view_of(pane).summary
    QTest.mouseClick(pane.row.button, LEFT)
    qtbot.waitUntil(lambda: pane.is_settled)
    assert "4 tensors not read" in view_of(pane).summary
    QTest.mouseClick(pane.row.button, LEFT)
    qtbot.waitUntil(lambda: pane.is_settled)
    assert pane.row.isHidden()
    detail.show_node(checkpoint, node_called(checkpoint, "layers"), "net.pt")
    settled(qtbot, detail)
    assert pane.row.isHidden()
    assert heights(view_of(pane), "attn.q.weight") == pytest.approx([np.sqrt((q**2).mean()) for q in QS])


def test_tensors_that_cannot_be_read_are_told_and_the_others_drawn(
    show: Show, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    path = Path(checkpoint.path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    view = view_of(show())
    assert "could not be read" in view.summary


def test_the_table_holds_every_tensor(qtbot: QtBot, show: Show, tmp_path: Path) -> None:
    view = view_of(show())
    target = tmp_path / "layers.csv"
    with qtbot.waitSignal(view.message):
        view.save_csv(str(target))
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    first = next(row for row in rows if row["name"] == "layers.2.attn.q.weight")
    assert (first["role"], first["layer"]) == ("attn.q.weight", "layers.2")
    assert float(first["std"]) == pytest.approx(QS[2].std())


def test_modules_without_numbers_have_no_such_tab(detail: DetailPane, checkpoint: Checkpoint) -> None:
    detail.show_node(checkpoint, node_called(checkpoint, "3"), "net.pt")
    assert "layers" not in detail.panes_there
    detail.show_node(checkpoint, node_called(checkpoint, "layers"), "net.pt")
    assert "layers" in detail.panes_there
