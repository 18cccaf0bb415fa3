"""The rank of a change is told on demand: a merged adapter by its rank, and errors where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.rank_pane import DiffRank
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.main_window import MainWindow
from tests.ui.looking import picture, shades


@pytest.fixture
def tab(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> ComparisonTab:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(300, 400, generator=generator, dtype=torch.float64)
    update = torch.randn(300, 3, generator=generator, dtype=torch.float64) @ base[:3]
    nan = torch.full((4, 4), float("nan"))
    torch.save({"big": base, "small": base[:20, :30].clone(), "bad": torch.ones(4, 4)}, tmp_path / "a.pt")
    torch.save({"big": base + update, "small": base[:20, :30] + update[:20, :30], "bad": nan}, tmp_path / "b.pt")
    window.compare_files(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    found = window.current_page
    assert isinstance(found, ComparisonTab)
    qtbot.waitUntil(lambda: found.is_settled, timeout=60_000)
    return found


def show(tab: ComparisonTab, qtbot: QtBot, name: str) -> DiffRank:
    model = tab.view.diff_model
    assert model is not None
    standing = model.standing
    tab.go_to_node(next(node for node in range(len(standing.tree)) if standing.name_at(node) == name))
    qtbot.waitUntil(lambda: "rank" in tab.detail.panes_there)
    tab.detail.show_pane("rank")
    pane = tab.detail.panes["rank"]
    assert isinstance(pane, DiffRank)
    qtbot.waitUntil(lambda: pane.is_settled, timeout=60_000)
    return pane


def test_a_large_one_waits_for_a_click_and_is_known_after_it(tab: ComparisonTab, qtbot: QtBot) -> None:
    pane = show(tab, qtbot, "big")
    assert "singular values" in pane.told.text()
    assert pane.picture.view is None or pane.picture.view.isHidden()
    QTest.mouseClick(pane.compute, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "LoRA of rank 3" in pane.told.text(), timeout=60_000)
    qtbot.waitUntil(lambda: pane.is_settled and pane.picture.view is not None, timeout=30_000)
    assert pane.picture.view is not None
    assert "300 singular values" in pane.picture.view.summary
    qtbot.waitUntil(lambda: shades(picture(pane)) > 30)
    small = show(tab, qtbot, "small")
    assert "LoRA of rank 3" in small.told.text()
    again = show(tab, qtbot, "big")
    assert "LoRA of rank 3" in again.told.text()


def test_a_change_without_a_rank_says_why(tab: ComparisonTab, qtbot: QtBot) -> None:
    pane = show(tab, qtbot, "bad")
    qtbot.waitUntil(pane.error.isVisible, timeout=60_000)
    assert "finite" in pane.error.message.text()
    assert pane.compute.isEnabled()
