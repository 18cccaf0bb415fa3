"""The pane of an optimizer by clicks and keys: groups, parameters with their state, and ways to both and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from torch import nn, optim

import sdviewer
from sdviewer.analysis.scan import Scan as AllTensors
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.detail.blocks import GridView, NoteStrip
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.optimizer.pane import OptimizerPane
from sdviewer.ui.scan.findings import Findings
from tests.helpers.optimizing import small_model, train
from tests.ui.details import detail_window, scanning_of, settled

Left = Qt.MouseButton.LeftButton


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


def checkpoint_of(folder: Path, model: nn.Module, optimizer: optim.Optimizer, **others: Any) -> Checkpoint:
    whole = {"model": model.state_dict(), "optimizer": optimizer.state_dict()} | others
    torch.save(whole, folder / "training.pt")
    return sdviewer.open(folder / "training.pt")


def adam(folder: Path, *, broken: bool = False) -> Checkpoint:
    model = small_model()
    optimizer = optim.AdamW(model.parameters(), 0.01)
    train(model, optimizer, 3)
    if broken:
        first = next(model.parameters())
        optimizer.state[first]["exp_avg_sq"][0, 0] = -1
    return checkpoint_of(folder, model, optimizer)


def node_named(checkpoint: Checkpoint, name: str) -> int:
    return next(node for node in range(len(checkpoint.tree)) if name_of(checkpoint, node) == name)


def shown(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, name: str = "optimizer") -> OptimizerPane:
    detail.show_node(checkpoint, node_named(checkpoint, name), "training.pt")
    detail.show_pane("optimizer")
    settled(qtbot, detail)
    pane = detail.panes["optimizer"]
    assert isinstance(pane, OptimizerPane)
    return pane


def cells(pane: OptimizerPane, column: int) -> list[str]:
    model = pane.table.parameters
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def notes(pane: OptimizerPane) -> list[str]:
    return [note.text() for note in pane.findChildren(NoteStrip) if not note.isHidden()]


def double_click(pane: OptimizerPane, row: int, column: int) -> None:
    place = pane.table.visualRect(pane.table.parameters.index(row, column)).center()
    QTest.mouseClick(pane.table.viewport(), Left, pos=place)
    QTest.mouseDClick(pane.table.viewport(), Left, pos=place)


def test_the_tab_is_there_in_an_optimizer_and_nowhere_else(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = adam(tmp_path)
    for node in range(len(checkpoint.tree)):
        detail.show_node(checkpoint, node, "training.pt")
        is_within = name_of(checkpoint, node).startswith("optimizer")
        assert ("optimizer" in detail.panes_there) is is_within
    settled(qtbot, detail)


def test_groups_and_parameters_are_shown_with_what_tells_their_names(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path
) -> None:
    pane = shown(qtbot, detail, adam(tmp_path))
    assert pane.headline.text() == "AdamW · 1 group · 8 parameters · 3 steps"
    assert "All 8 shapes agree" in pane.reason.text()
    (grid,) = pane.findChildren(GridView)
    assert grid.grid.header == ("Group", "Parameters", "lr", "betas", "eps", "weight_decay")
    assert grid.grid.rows == (("0", "8", "0.01", "0.9, 0.999", "1e-08", "0.01"),)
    assert "amsgrad False" in pane.quiet.text()
    assert cells(pane, 0)[:3] == ["0.weight", "0.bias", "1.weight"]
    assert set(cells(pane, 1)) == {"order and shape"}
    assert cells(pane, 2)[0] == "3 × 4"
    assert set(cells(pane, 4)) == {"3"}


def test_a_double_click_leads_to_the_parameter_or_to_its_state(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path
) -> None:
    checkpoint = adam(tmp_path)
    pane = shown(qtbot, detail, checkpoint)
    with qtbot.waitSignal(detail.node_wanted) as wanted:
        double_click(pane, 4, 0)
    assert name_of(checkpoint, wanted.args[0]) == "model/2.weight"
    with qtbot.waitSignal(detail.node_wanted) as wanted:
        double_click(pane, 4, 2)
    assert name_of(checkpoint, wanted.args[0]) == "optimizer/state/[4]"
    with qtbot.waitSignal(detail.node_wanted) as wanted:
        QTest.keyClick(pane.table, Qt.Key.Key_Return)
    assert name_of(checkpoint, wanted.args[0]) == "model/2.weight"


def test_a_state_in_the_tree_is_the_current_row(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = adam(tmp_path)
    pane = shown(qtbot, detail, checkpoint, "optimizer/state/[5]/exp_avg")
    assert pane.table.currentIndex().row() == 5
    known = pane.known
    shown(qtbot, detail, checkpoint, "optimizer/state/[2]")
    assert pane.table.currentIndex().row() == 2
    assert pane.known is known, "the same optimizer is not read twice"


def test_looking_at_the_moments_gives_norms_and_findings(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = adam(tmp_path, broken=True)
    pane = shown(qtbot, detail, checkpoint)
    assert pane.table.parameters.columnCount() == 5, "no column of norms before they are known"
    assert notes(pane) == []
    QTest.mouseClick(pane.look_button, Left)
    settled(qtbot, detail)
    moment = checkpoint.tensors["optimizer/state/[0]/exp_avg"].numpy()
    assert float(cells(pane, 5)[0]) == pytest.approx(float(np.linalg.norm(moment)), rel=1e-5)
    assert any("exp_avg_sq of 0.weight: the least value is −1" in note for note in notes(pane))
    assert not pane.look_button.isEnabled()


def test_what_a_scan_finds_meanwhile_comes_into_sight(qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = adam(tmp_path, broken=True)
    counted = AllTensors(checkpoint).run()
    moments = [checkpoint.tensors[f"optimizer/state/[{index}]/exp_avg"].row for index in (3, 4)]
    with detail_window(qtbot, scans=True) as detail:
        pane = shown(qtbot, detail, checkpoint)
        pane.table.go_to_row(3)
        resets: list[bool] = []
        pane.table.parameters.modelAboutToBeReset.connect(lambda: resets.append(True))
        scanning = scanning_of(detail)
        found = scanning.findings = Findings(checkpoint)
        for row in moments:
            found.table.fill_block(counted.block(np.array([row])))
            scanning.values_came.emit()
            settled(qtbot, detail)
            assert pane.table.currentIndex().row() == 3
        norms = [float(np.linalg.norm(checkpoint.tensors[checkpoint.table.name[row]].numpy())) for row in moments]
        assert [float(text) for text in cells(pane, 5)[3:5]] == pytest.approx(norms, rel=1e-5)
        assert cells(pane, 5)[0] == "–"
        assert notes(pane) == []
        assert pane.look_button.isEnabled()
        assert resets == [True], "only where columns were added"
        detail.show_pane("overview")
        found.table.fill_block(counted.block(np.arange(len(checkpoint.table))))
        scanning.values_came.emit()
        settled(qtbot, detail)
        assert cells(pane, 5)[0] == "–", "nobody sees it"
        detail.show_pane("optimizer")
        settled(qtbot, detail)
        assert "–" not in cells(pane, 5)
        assert any("exp_avg_sq of 0.weight: the least value is −1" in note for note in notes(pane))
        assert not pane.look_button.isEnabled()


def test_a_scan_that_runs_beside_the_pane_is_followed(qtbot: QtBot, tmp_path: Path) -> None:
    checkpoint = adam(tmp_path)
    with detail_window(qtbot, scans=True) as detail:
        pane = shown(qtbot, detail, checkpoint)
        assert pane.table.parameters.columnCount() == 5
        scanning = scanning_of(detail)
        scanning.show_checkpoint(checkpoint, "training.pt")
        scanning.start()
        qtbot.waitUntil(lambda: scanning.is_settled, timeout=60_000)
        settled(qtbot, detail)
        assert pane.table.parameters.columnCount() == 7
        assert "–" not in cells(pane, 6)


def test_the_effective_step_is_counted_and_drawn(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, adam(tmp_path))
    pane.table.go_to_row(0)
    QTest.mouseClick(pane.step_button, Left)
    settled(qtbot, detail)
    qtbot.waitUntil(lambda: pane.step.holder.view is not None and bool(pane.step.holder.view.drawn), timeout=20_000)
    assert "lr = 0.01" in pane.step.formula.text()
    assert "t = 3" in pane.step.formula.text()
    assert pane.step.statistics.text("Count") == "12"


def test_what_has_no_state_or_is_not_known_is_said_in_words(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
    next(model.parameters()).requires_grad = False
    train(model, optimizer)
    pane = shown(qtbot, detail, checkpoint_of(tmp_path, model, optimizer))
    assert cells(pane, 2)[0] == "never stepped, or frozen"
    assert "1 without state" in pane.headline.text()
    pane.table.go_to_row(0)
    assert not pane.state_button.isEnabled()
    assert not pane.step_button.isEnabled()


def test_an_optimizer_of_another_model_keeps_its_numbers(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    pane = shown(qtbot, detail, checkpoint_of(tmp_path, nn.Linear(5, 5), optimizer))
    assert cells(pane, 0)[0] == "parameter 0"
    assert set(cells(pane, 1)) == {"not known"}
    assert "the model only 2" in pane.reason.text()
    with qtbot.waitSignal(detail.message) as told:
        double_click(pane, 0, 0)
    assert "not known" in told.args[0]


def test_what_is_no_optimizer_of_torch_is_told(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    torch.save(
        {"model": {"w": torch.ones(2)}, "optimizer": {"m": torch.ones(2), "v": torch.ones(2)}}, tmp_path / "a.pt"
    )
    pane = shown(qtbot, detail, sdviewer.open(tmp_path / "a.pt"))
    assert "It holds no param_groups" in notes(pane)[0]


def test_rows_are_copied(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, adam(tmp_path))
    pane.table.selectAll()
    QTest.keyClick(pane.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 8
    assert lines[0].split("\t")[:5] == ["0.weight", "order and shape", "3 × 4", "0", "3"]


def test_a_parameter_leads_to_its_state_and_back(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    checkpoint = checkpoint_of(tmp_path, model, optimizer, model_ema=model.state_dict())
    link = detail.overview.state_link
    for name, title, target in (
        ("model/2.bias", "Optimizer state", "optimizer/state/[5]"),
        ("model_ema/2.bias", "Optimizer state", "optimizer/state/[5]"),
        ("optimizer/state/[5]/exp_avg", "Parameter of this state", "model/2.bias"),
    ):
        detail.show_node(checkpoint, node_named(checkpoint, name), "training.pt")
        settled(qtbot, detail)
        assert link.isVisible()
        assert link.button.text() == title
        with qtbot.waitSignal(detail.node_wanted) as wanted:
            QTest.mouseClick(link.button, Left)
        assert name_of(checkpoint, wanted.args[0]) == target
    for name in ("model/1.running_mean", "optimizer"):
        detail.show_node(checkpoint, node_named(checkpoint, name), "training.pt")
        settled(qtbot, detail)
        assert not link.isVisible()


def test_the_root_says_where_the_bytes_go_and_offers_model_and_ema(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path
) -> None:
    model = small_model()
    optimizer = optim.Adam(model.parameters())
    train(model, optimizer)
    checkpoint = checkpoint_of(tmp_path, model, optimizer, model_ema=model.state_dict())
    detail.show_node(checkpoint, 0, "training.pt")
    settled(qtbot, detail)
    view = detail.overview.bytes
    sizes = {name: section.nbytes for name, section in checkpoint.sections.items()}
    assert view.isVisible()
    assert (
        view.text.text() == f"model {sizes['model']} B, Adam state {sizes['optimizer']} B, EMA {sizes['model_ema']} B"
    )
    with qtbot.waitSignal(detail.export_wanted) as wanted:
        QTest.mouseClick(view.export_button, Left)
    assert wanted.args == ["model"]
    with qtbot.waitSignal(detail.sections_wanted) as wanted:
        QTest.mouseClick(view.compare_button, Left)
    assert wanted.args == ["model", "model_ema"]


def test_a_bare_state_dict_has_nothing_to_tell_of_bytes(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    torch.save(small_model().state_dict(), tmp_path / "a.pt")
    checkpoint = sdviewer.open(tmp_path / "a.pt")
    detail.show_node(checkpoint, 0, "a.pt")
    settled(qtbot, detail)
    assert not detail.overview.bytes.isVisible()
    tensor = int(np.flatnonzero(checkpoint.tree.what == TreeNode.TENSOR)[0])
    detail.show_node(checkpoint, tensor, "a.pt")
    settled(qtbot, detail)
    assert not detail.overview.state_link.isVisible()
