"""The Treemap tab: tiles as large as their bytes, chosen and followed by clicks and keys."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.plots.series import SERIES, series_tint
from sdviewer.ui.plots.treemap.pane import TreemapPane
from sdviewer.ui.plots.treemap.view import TreemapView
from sdviewer.ui.theme import Theme, apply_theme, colors
from tests.ui.checkpoints import checkpoint_with
from tests.ui.details import detail_window, node_called, settled
from tests.ui.looking import picture, shades

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    sizes = {"embed.weight": 4000, "layers.0.w": 1500, "layers.0.b": 500, "layers.1.w": 1500, "layers.1.b": 500}
    tensors = {name: np.zeros((size,), np.float32) for name, size in sizes.items()}
    return checkpoint_with(tmp_path, tensors | {"ids": np.zeros(100, np.int64)})


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


@pytest.fixture
def view(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> TreemapView:
    detail.show_node(checkpoint, 0, "net.pt")
    detail.show_pane("treemap")
    settled(qtbot, detail)
    pane = detail.panes["treemap"]
    assert isinstance(pane, TreemapPane)
    assert pane.view is not None
    return pane.view


def tile_called(view: TreemapView, checkpoint: Checkpoint, label: str) -> int:
    assert view.tiles is not None
    return next(tile for tile, node in enumerate(view.tiles.first) if checkpoint.tree.label[int(node)] == label)


def middle(view: TreemapView, tile: int) -> QPoint:
    left, top, width, height = view.rects[tile].tolist()
    return QPoint(round(left + width / 2), round(top + height / 2))


def click(view: TreemapView, tile: int) -> None:
    QTest.mouseClick(view.graphics.viewport(), LEFT, pos=middle(view, tile))


def test_areas_tell_bytes_and_words_tell_the_largest_and_smallest(view: TreemapView, checkpoint: Checkpoint) -> None:
    embed, ids = tile_called(view, checkpoint, "embed"), tile_called(view, checkpoint, "ids")
    areas = view.rects[:, 2] * view.rects[:, 3]
    assert areas[embed] / areas[ids] == pytest.approx(16_000 / 800, rel=0.01)
    assert "32.0 KiB in 4 tiles" in view.summary
    assert "largest embed (15.6 KiB, 48.78 %)" in view.summary
    assert "smallest ids (800 B, 2.44 %)" in view.summary
    assert view.summary in view.graphics.accessibleDescription()
    assert shades(picture(view.graphics)) > 5


def test_a_click_chooses_a_tile_and_a_double_click_goes_into_it(
    qtbot: QtBot, detail: DetailPane, view: TreemapView, checkpoint: Checkpoint
) -> None:
    wanted: list[int] = []
    detail.node_wanted.connect(wanted.append)
    tile = tile_called(view, checkpoint, "embed")
    click(view, tile)
    assert view.chosen == tile
    assert not wanted
    assert view.caption.text().startswith("embed: 15.6 KiB, 48.78 %; ")
    assert "1 tensor" in view.caption.text()
    QTest.mouseDClick(view.graphics.viewport(), LEFT, pos=middle(view, tile))
    assert wanted == [node_called(checkpoint, "embed")]
    detail.show_node(checkpoint, node_called(checkpoint, "layers"), "net.pt")
    settled(qtbot, detail)
    assert detail.current_pane == "treemap"
    assert view.tiles is not None
    assert view.tiles.nbytes[0] == 16_000


def test_arrows_reach_every_tile_and_enter_and_backspace_lead_on(
    detail: DetailPane, view: TreemapView, checkpoint: Checkpoint
) -> None:
    wanted: list[int] = []
    detail.node_wanted.connect(wanted.append)
    assert view.tiles is not None
    leaves = set(np.flatnonzero(~view.tiles.is_split).tolist())
    view.graphics.setFocus()
    reached = set()
    QTest.keyClick(view.graphics, Qt.Key.Key_Right)
    frontier = [view.chosen]
    while frontier:
        tile = frontier.pop()
        if tile in reached:
            continue
        reached.add(tile)
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            view.choose(tile)
            QTest.keyClick(view.graphics, key)
            frontier.append(view.chosen)
    assert reached == leaves
    view.choose(tile_called(view, checkpoint, "1"))
    QTest.keyClick(view.graphics, Qt.Key.Key_PageUp)
    assert view.chosen == tile_called(view, checkpoint, "layers")
    QTest.keyClick(view.graphics, Qt.Key.Key_Return)
    assert wanted == [node_called(checkpoint, "layers")]
    assert not view.up_button.isEnabled()
    detail.show_node(checkpoint, node_called(checkpoint, "layers"), "net.pt")
    QTest.keyClick(view.graphics, Qt.Key.Key_Backspace)
    assert wanted[-1] == int(checkpoint.tree.parent[node_called(checkpoint, "layers")])


def test_another_size_lays_the_tiles_out_anew_and_keeps_the_choice(
    qtbot: QtBot, detail: DetailPane, view: TreemapView, checkpoint: Checkpoint
) -> None:
    tile = tile_called(view, checkpoint, "ids")
    view.choose(tile)
    detail.resize(1200, 500)
    QApplication.processEvents()
    settled(qtbot, detail)
    assert view.chosen == tile_called(view, checkpoint, "ids")
    assert view.rects[0, 2:].tolist() == pytest.approx([view.item.size().width(), view.item.size().height() - 22])


def test_the_picture_follows_the_theme_and_colours_tell_dtypes(view: TreemapView, checkpoint: Checkpoint) -> None:
    view.by.setCurrentIndex(view.by.findData("dtype"))
    apply_theme(Theme.DARK)
    QApplication.processEvents()
    assert colors().is_dark
    image = picture(view.graphics)
    left, top, width, height = view.rects[tile_called(view, checkpoint, "embed")].tolist()
    inside = image.pixelColor(round(left + width * 0.9), round(top + height * 0.9))
    assert inside == series_tint(0)
    apply_theme(Theme.LIGHT)


def test_text_can_be_read_on_every_ground() -> None:
    def luminance(color: QColor) -> float:
        # As WCAG 2 has it.
        parts = [color.redF(), color.greenF(), color.blueF()]
        linear = [part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4) for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in (Theme.LIGHT, Theme.DARK):
        apply_theme(theme)
        for index in range(-1, SERIES):
            one, other = sorted((luminance(series_tint(index)), luminance(QColor(colors().text))))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (theme, index)
    apply_theme(Theme.LIGHT)


def test_the_table_holds_all_tiles(qtbot: QtBot, view: TreemapView, tmp_path: Path) -> None:
    target = tmp_path / "tiles.csv"
    with qtbot.waitSignal(view.message):
        view.save_csv(str(target))
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert view.tiles is not None
    assert len(rows) == len(view.tiles)
    leaves = [row for row in rows if row["divided"] == "false"]
    assert sum(int(row["bytes"]) for row in leaves) == 32_800
    assert {row["mostly dtype"] for row in leaves} == {"float32", "int64"}


def test_a_tensor_has_no_treemap(detail: DetailPane, checkpoint: Checkpoint) -> None:
    detail.show_node(checkpoint, node_called(checkpoint, "ids"), "net.pt")
    assert "treemap" not in detail.panes_there
