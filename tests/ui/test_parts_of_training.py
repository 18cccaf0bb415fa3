"""The root of a training checkpoint leads to an export of its model, and to a comparison with its EMA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from tests.helpers.optimizing import small_model
from tests.ui.exports import ready, shown_keys

Settle = Callable[[MainWindow], DocumentTab]
Left = Qt.MouseButton.LeftButton


@pytest.fixture
def training(tmp_path: Path) -> str:
    model = small_model()
    copy = {key: value + 1 for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    sum(p.sum() for p in model.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    path = tmp_path / "training.pt"
    whole = {"model": model.state_dict(), "model_ema": copy, "optimizer": optimizer.state_dict()}
    torch.save(whole, path)
    return str(path)


def test_the_model_alone_is_exported(window: MainWindow, settle: Settle, qtbot: QtBot, training: str) -> None:
    window.open_files([training])
    tab = settle(window)
    QTest.mouseClick(tab.detail.overview.bytes.export_button, Left)
    assert tab.faces.export is not None
    pane = ready(tab.faces.export, qtbot)
    assert [key for key, _ in shown_keys(pane)] == list(small_model().state_dict())


def test_model_and_ema_are_compared_once_and_again(
    window: MainWindow, settle: Settle, qtbot: QtBot, training: str
) -> None:
    window.open_files([training])
    tab = settle(window)
    for _ in range(2):
        QTest.mouseClick(tab.detail.overview.bytes.compare_button, Left)
        page = window.current_page
        assert isinstance(page, ComparisonTab)
        qtbot.waitUntil(lambda page=page: page.is_settled, timeout=30_000)  # type: ignore[misc]
        assert page.standing is not None
        sides = (page.standing.matching.a.section, page.standing.matching.b.section)
        assert [side.name for side in sides if side is not None] == ["model", "model_ema"]
        window.tabs.setCurrentWidget(tab)
    assert sum(isinstance(page, ComparisonTab) for page in window.tabs.pages()) == 1
