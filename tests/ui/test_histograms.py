"""The Histograms tab: a card a tensor, read in order, on own axes or a shared one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.plots.histograms import pane as pane_module
from sdviewer.ui.plots.histograms.pane import HistogramsPane
from sdviewer.ui.plots.histograms.view import HistogramsView
from tests.ui.checkpoints import checkpoint_with
from tests.ui.details import detail_window, settled
from tests.ui.looking import picture, shades

LEFT = Qt.MouseButton.LeftButton
RANDOM = np.random.default_rng(0)
TENSORS = {
    **{f"layers.{i:03}.weight": RANDOM.normal(i, 1, 2000).astype(np.float32) for i in range(70)},
    "nan": np.array([np.nan, 1, 2, 3], np.float32),
    "none": np.full(4, np.nan, np.float32),
    "empty": np.zeros(0, np.float32),
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return checkpoint_with(tmp_path, TENSORS)


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


Show = Callable[[], HistogramsPane]


@pytest.fixture
def show(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> Show:
    def shown() -> HistogramsPane:
        detail.show_node(checkpoint, 0, "net.pt")
        detail.show_pane("histograms")
        settled(qtbot, detail)
        pane = detail.panes["histograms"]
        assert isinstance(pane, HistogramsPane)
        return pane

    return shown


def view_of(pane: HistogramsPane) -> HistogramsView:
    assert pane.view is not None
    return pane.view


def labels(view: HistogramsView) -> tuple[str, ...]:
    assert view.listing is not None
    return view.listing.labels


def test_the_first_sixty_have_the_counts_of_numpy(show: Show) -> None:
    view = view_of(show())
    assert labels(view) == tuple(f"layers.{i:03}.weight" for i in range(60))
    for cell, name in enumerate(labels(view)):
        low, high, counts = view.bars(cell) or (0.0, 0.0, np.empty(0))
        values = TENSORS[name]
        assert (low, high) == (float(values.min()), float(values.max()))
        expected = np.histogram(values.astype(np.float64), len(counts), (low, high))[0]
        assert counts.sum() == pytest.approx(2000)
        assert np.abs(counts - expected).max() < 12
    assert view.summary.startswith("60 of 72 tensors; values from ")
    assert f"{max(float(TENSORS[name].max()) for name in labels(view)):.3g} (layers." in view.summary
    assert "highest peak" in view.summary
    assert shades(picture(view.graphics)) > 10


def test_more_come_on_demand_and_bad_values_are_told(qtbot: QtBot, detail: DetailPane, show: Show) -> None:
    view = view_of(show())
    assert view.more_button.text() == "12 more"
    QTest.mouseClick(view.more_button, LEFT)
    settled(qtbot, detail)
    assert labels(view)[-2:] == ("nan", "none")
    assert not view.more_button.isVisible()
    assert view.words_of(70).endswith("std 0.816; 1 NaN")
    assert view.words_of(71) == "none: float32 · 4; no finite value"
    assert view.bars(71) is None
    assert "2 tensors with NaN or infinities" in view.summary


def test_a_shared_axis_is_that_of_the_widest_range(qtbot: QtBot, detail: DetailPane, show: Show) -> None:
    view = view_of(show())
    view.axes.setCurrentIndex(1)
    settled(qtbot, detail)
    ends = {(view.bars(cell) or (0, 0))[:2] for cell in range(60)}
    values = np.concatenate([TENSORS[name] for name in labels(view)])
    assert ends == {(float(values.min()), float(values.max()))}


def test_a_filter_leaves_names_that_have_a_text(qtbot: QtBot, detail: DetailPane, show: Show) -> None:
    pane = show()
    view = view_of(pane)
    QTest.keyClicks(pane.filter, "06")
    settled(qtbot, detail)
    assert labels(view) == ("layers.006.weight", *(f"layers.06{i}.weight" for i in range(10)))
    QTest.keyClicks(pane.filter, "?")
    settled(qtbot, detail)
    assert pane.notice.text() == "No name has this text."
    assert not view.isVisible()


def test_a_click_and_enter_lead_to_the_tensor_and_arrows_and_wheel_scroll(
    detail: DetailPane, show: Show, checkpoint: Checkpoint
) -> None:
    view = view_of(show())
    wanted: list[int] = []
    detail.node_wanted.connect(wanted.append)

    def names() -> list[str]:
        return [checkpoint.table.name[int(checkpoint.tree.ref[node])] for node in wanted]

    left, top, width, height = view.rects[1].tolist()
    QTest.mouseClick(view.graphics.viewport(), LEFT, pos=QPoint(round(left + width / 2), round(top + height / 2)))
    assert names() == ["layers.001.weight"]
    columns = int(np.count_nonzero(view.rects[:, 1] == view.rects[0, 1]))
    for _ in range(8):
        QTest.keyClick(view.graphics, Qt.Key.Key_Down)
    assert view.chosen == 1 + 8 * columns
    assert view.scroller.value() > 0
    chosen = view.rects[view.chosen]
    assert chosen[1] >= 0
    assert chosen[1] + chosen[3] <= view.item.size().height() + 1
    QTest.keyClick(view.graphics, Qt.Key.Key_Return)
    assert names()[-1] == f"layers.{view.chosen:03}.weight"
    before = view.scroller.value()
    wheel(view, 120)
    assert view.scroller.value() < before


def wheel(view: HistogramsView, turned: int) -> None:
    viewport, place = view.graphics.viewport(), QPoint(30, 30)
    event = QWheelEvent(
        QPointF(place),
        QPointF(viewport.mapToGlobal(place)),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def test_much_is_read_only_when_it_is_wanted(qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_module, "READ_AT_ONCE", 1000)
    pane = show()
    view = view_of(pane)
    assert pane.row.text.text() == "60 tensors not read yet, 469 KiB"
    assert view.bars(0) is None
    assert "60 tensors not read" in view.summary
    QTest.mouseClick(pane.row.button, LEFT)
    qtbot.waitUntil(lambda: pane.is_settled and view.bars(59) is not None)
    assert pane.row.isHidden()


def test_one_that_cannot_be_read_is_told_on_its_card(show: Show, checkpoint: Checkpoint) -> None:
    path = Path(checkpoint.path)
    with path.open("r+b") as file:
        file.truncate(2000)
    view = view_of(show())
    assert "could not be read" in view.summary
    assert view.bars(59) is None
    assert "not read" not in view.words_of(59)


def test_the_table_holds_all_bins(qtbot: QtBot, show: Show, tmp_path: Path) -> None:
    view = view_of(show())
    target = tmp_path / "bins.csv"
    with qtbot.waitSignal(view.message):
        view.save_csv(str(target))
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60 * 48
    assert sum(float(row["count"]) for row in rows if row["name"] == "layers.007.weight") == pytest.approx(2000)
