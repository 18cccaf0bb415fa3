"""Of a pair whose shapes differ the pictures, the values and the histogram are of what is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.wording import number
from sdviewer.comparison.standing import Standing
from sdviewer.ui.comparison.distribution_pane import DiffDistribution
from sdviewer.ui.comparison.image_pane import DiffImage
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.comparison.values_pane import DiffValues
from sdviewer.ui.main_window import MainWindow

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def files() -> tuple[Tensors, Tensors]:
    torch.manual_seed(0)
    turned, grown, moved, flat = torch.randn(8, 5), torch.randn(6, 4), torch.randn(2, 3, 4), torch.randn(4, 6)
    a = {"turned": turned, "grown": grown, "moved": moved, "flat": flat, "cube": torch.ones(3, 3, 4)}
    b = {
        "turned": turned.T.contiguous() + 0.5,
        "grown": torch.cat([grown - 1, torch.randn(3, 4)]),
        "moved": moved.permute(2, 0, 1) * 2,
        "flat": flat.reshape(3, 8),
        "cube": torch.ones(4, 3, 3),
    }
    return a, b


@pytest.fixture
def tab(window: MainWindow, files: tuple[Tensors, Tensors], tmp_path: Path, qtbot: QtBot) -> ComparisonTab:
    for name, tensors in zip(("a.pt", "b.pt"), files, strict=True):
        torch.save(tensors, tmp_path / name)
    window.compare_files(str(tmp_path / "a.pt"), str(tmp_path / "b.pt"))
    tab = window.current_page
    assert isinstance(tab, ComparisonTab)
    qtbot.waitUntil(lambda: tab.is_settled and window.library.ready, timeout=30_000)
    return tab


def shown(tab: ComparisonTab, name: str, pane: str, qtbot: QtBot) -> Any:
    standing = tab.standing
    assert isinstance(standing, Standing)
    node = next(node for node in range(len(standing.tree)) if standing.keys_at(node)[0] == name)
    tab.go_to_node(node)
    tab.detail.show_pane(pane)
    assert tab.detail.current_pane == pane
    qtbot.waitUntil(lambda: tab.is_settled, timeout=30_000)
    return tab.detail.panes[pane]


CASES = (
    ("turned", lambda b: b.T, "A[i, j] stands beside B[j, i]", "B, turned to the axes of A"),
    ("grown", lambda b: b[:6], "The first 6 rows are compared; 3 more are in B.", "B, rows 0–5 of 9"),
    ("moved", lambda b: b.permute(1, 2, 0), "A[i, j, k] stands beside B[k, i, j]", "B, turned to the axes of A"),
)


@pytest.mark.parametrize(("name", "as_a", "told", "title"), CASES, ids=["turned", "grown", "moved"])
def test_both_are_drawn_as_they_are_compared(
    tab: ComparisonTab, files: tuple[Tensors, Tensors], qtbot: QtBot, name: str, as_a: Any, told: str, title: str
) -> None:
    pane = shown(tab, name, "image", qtbot)
    assert isinstance(pane, DiffImage)
    assert told in pane.notice.text()
    view = pane.view
    assert view is not None
    assert view.three is not None
    assert [label.text() for label in view.titles] == ["A", title, "Δ = A − B"]
    a, b = files[0][name].double().numpy(), as_a(files[1][name]).double().numpy()
    plane = view.three.request[0]
    for drawn, values in zip(view.three.drawn, (a, b, a - b), strict=True):
        there = [[values[plane.index(row, column)] for column in range(plane.columns)] for row in range(plane.rows)]
        assert drawn.raster.mean == pytest.approx(np.array(there))


@pytest.mark.parametrize(("name", "as_a", "told"), [case[:3] for case in CASES], ids=["turned", "grown", "moved"])
def test_values_and_the_histogram_are_of_the_same_pairs(
    tab: ComparisonTab, files: tuple[Tensors, Tensors], qtbot: QtBot, name: str, as_a: Any, told: str
) -> None:
    pane = shown(tab, name, "values", qtbot)
    assert isinstance(pane, DiffValues)
    assert told in pane.notice.text()
    rows = pane.rows
    assert rows is not None
    qtbot.waitUntil(lambda: rows.has(0))
    a, b = files[0][name].double(), as_a(files[1][name]).double()
    assert rows.rowCount() == a.numel()
    for place in (0, 7, a.numel() - 1):
        found = [float(rows.index(place, column).data().replace("−", "-")) for column in (1, 2, 3)]
        x, y = (float(tensor.reshape(-1)[place]) for tensor in (a, b))
        assert found == pytest.approx([x, y, x - y], rel=1e-6)
    QTest.mouseClick(pane.largest_button, Qt.MouseButton.LeftButton)
    largest = pane.table.currentIndex().row()
    assert abs(float((a - b).reshape(-1)[largest])) == pytest.approx(float((a - b).abs().max()))
    distribution = shown(tab, name, "distribution", qtbot)
    assert isinstance(distribution, DiffDistribution)
    assert distribution.delta.view is not None
    limit = number(float((a - b).abs().max()))
    assert f"between −{limit} and {limit}" in distribution.delta.view.summary


def test_a_reshaped_tensor_has_values_and_no_picture(tab: ComparisonTab, qtbot: QtBot) -> None:
    pane = shown(tab, "flat", "image", qtbot)
    assert "no picture" in pane.notice.text()
    values = shown(tab, "flat", "values", qtbot)
    assert "Reshaped" in values.notice.text()
    assert values.rows.rowCount() == 24


def test_what_could_be_turned_in_several_ways_says_so(tab: ComparisonTab, qtbot: QtBot) -> None:
    assert "no picture" in shown(tab, "cube", "image", qtbot).notice.text()
    values = shown(tab, "cube", "values", qtbot)
    assert "do not say" in values.notice.text()
    assert values.table.isHidden()
