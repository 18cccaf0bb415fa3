"""Distributions: counts as numpy has them over whatever is in sight, words for them, and a picture that agrees."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import sdviewer.analysis.histogram as histogram_module  # replaced in some tests
from sdviewer.control import Control
from sdviewer.ui.detail.measuring import measured
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.tree_model import Column
from sdviewer.ui.plots.distribution.markers import Kind
from sdviewer.ui.plots.distribution.pane import DistributionPane
from sdviewer.ui.plots.distribution.view import DistributionView
from sdviewer.ui.theme import Theme, apply_theme
from tests.helpers.arrays import checkpoint_of_arrays
from tests.ui.looking import model_of, picture, row_called, shades
from tests.ui.plots import plot_window

Left = Qt.MouseButton.LeftButton
Array = npt.NDArray[Any]
Show = Callable[..., DistributionView]

NORMAL = np.random.default_rng(0).normal(0, 0.02, 100_000).astype(np.float32)
NORM_WEIGHTS = np.random.default_rng(1).normal(1, 0.0025, 100_000).clip(0.99, 1.01).astype(np.float32)


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[DistributionView]:
    with plot_window(qtbot, DistributionView, 760, 420) as view:
        yield view


@pytest.fixture
def show(view: DistributionView, tmp_path: Path) -> Show:
    """Counts arrays and shows them as "t0", "t1" and so on."""

    def counted(*arrays: Array) -> DistributionView:
        named = {f"t{index}": array for index, array in enumerate(arrays)}
        checkpoint = checkpoint_of_arrays(tmp_path / "it", named)
        view.show_measured([(name, measured(checkpoint.tensors[name], Control())) for name in named])
        return view

    return counted


def settled(qtbot: QtBot, view: DistributionView) -> DistributionView:
    qtbot.waitUntil(lambda: view.is_settled, timeout=60_000)
    QApplication.processEvents()
    return view


def curve(view: DistributionView, index: int = 0) -> tuple[Array, Array]:
    """Edges and heights as they are drawn."""
    x, y = view.picture.curves[index].getData()
    return np.asarray(x), np.asarray(y)


def zoom(view: DistributionView, left: float, right: float) -> None:
    view.box.setXRange(left, right, padding=0)
    QApplication.processEvents()


def assert_counts_are_those_of(view: DistributionView, values: Array) -> None:
    found = view.drawn[0].histogram
    expected = np.histogram(values.astype(np.float64), found.edges)[0]
    assert found.counts.tolist() == expected.tolist()
    assert curve(view)[1].tolist() == expected.tolist()


def test_all_is_in_sight_and_the_words_tell_minimum_maximum_and_peak(qtbot: QtBot, show: Show) -> None:
    view = settled(qtbot, show(NORMAL))
    edges, counts = curve(view)
    assert_counts_are_those_of(view, NORMAL)
    assert counts.sum() == len(NORMAL)
    (left, right), (bottom, top) = view.box.viewRange()
    assert left < NORMAL.min() < edges[1]
    assert edges[-2] < NORMAL.max() < right
    assert (bottom, top) == (0, pytest.approx(counts.max() * 1.08))
    for part in (
        f"{NORMAL.min():.6g}".replace("-", "−"),
        f"{NORMAL.max():.6g}",
        f"peak {int(counts.max()):,}",
        "128 bins",
    ):
        assert part in view.summary
    assert view.graphics.accessibleDescription() == view.summary
    assert shades(picture(view.graphics)) > 20


def test_zooming_shows_finer_bins_of_the_same_values(qtbot: QtBot, show: Show) -> None:
    view = settled(qtbot, show(NORMAL))
    wide = view.drawn[0].histogram.edges
    middle = view.graphics.mapFromScene(view.box.mapViewToScene(QPointF(0, 10)))
    for _ in range(6):
        wheel(view, middle)
    view = settled(qtbot, view)
    found = view.drawn[0].histogram
    assert found.edges[1] - found.edges[0] < (wide[1] - wide[0]) / 2
    assert found.edges[0] > wide[0]
    assert_counts_are_those_of(view, NORMAL)
    assert "of all" in view.summary
    QTest.keyClick(view.graphics, Qt.Key.Key_Home)
    QApplication.processEvents()
    assert view.drawn[0].histogram.counts.sum() == len(NORMAL)


def wheel(view: DistributionView, place: QPoint) -> None:
    from PySide6.QtGui import QWheelEvent

    viewport = view.graphics.viewport()
    event = QWheelEvent(
        QPointF(place),
        QPointF(viewport.mapToGlobal(place)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def test_bins_narrower_than_what_was_counted_are_marked_until_a_pass_has_read_them(
    qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()
    exact = histogram_module.histogram_between

    def waiting(*args: Any, **options: Any) -> Any:
        assert may_read.wait(30)
        return exact(*args, **options)

    monkeypatch.setattr(histogram_module, "histogram_between", waiting)
    view = show(NORM_WEIGHTS)
    assert view.drawn[0].is_approximate
    assert view.picture.curves[0].opts["pen"].style() is Qt.PenStyle.DashLine
    assert "≈" in view.summary
    assert "being read exactly" in view.summary
    assert view.drawn[0].histogram.counts.sum() == len(NORM_WEIGHTS)
    before = picture(view.graphics)
    may_read.set()
    settled(qtbot, view)
    assert not view.drawn[0].is_approximate
    assert view.picture.curves[0].opts["pen"].style() is Qt.PenStyle.SolidLine
    assert "≈" not in view.summary
    assert_counts_are_those_of(view, NORM_WEIGHTS)
    assert picture(view.graphics) != before


def test_panning_over_what_was_read_needs_no_further_pass(
    qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = settled(qtbot, show(NORM_WEIGHTS))
    zoom(view, 0.999, 1.001)
    settled(qtbot, view)
    assert_counts_are_those_of(view, NORM_WEIGHTS)
    passes: list[object] = []
    monkeypatch.setattr(histogram_module, "histogram_between", lambda *args, **_: passes.append(args))
    zoom(view, 0.9992, 1.0012)
    settled(qtbot, view)
    assert not view.drawn[0].is_approximate
    assert_counts_are_those_of(view, NORM_WEIGHTS)
    assert passes == []


def test_a_pass_that_fails_leaves_the_marked_bars_and_says_why(
    qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = histogram_module.histogram_between

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("no bins")

    monkeypatch.setattr(histogram_module, "histogram_between", broken)
    view = settled(qtbot, show(NORM_WEIGHTS))
    assert view.drawn[0].is_approximate
    assert "ValueError: no bins" in view.task_error.message.text()
    monkeypatch.setattr(histogram_module, "histogram_between", exact)
    QTest.mouseClick(view.task_error.tools.try_again, Left)
    settled(qtbot, view)
    assert not view.task_error.isVisible()
    assert_counts_are_those_of(view, NORM_WEIGHTS)


def test_nan_and_infinities_stand_beside_the_bars_never_in_them(qtbot: QtBot, show: Show) -> None:
    values = NORMAL.copy()
    values[:500], values[500:900], values[900] = np.nan, np.inf, -np.inf
    view = settled(qtbot, show(values))
    assert curve(view)[1].sum() == len(values) - 901
    assert [text.text() for text in view.picture._side_texts] == ["500", "1", "400"]
    assert view.summary.endswith("beside it 500 NaN, 1 −Inf, 400 +Inf")
    heights = [bar.rect().height() for bar in view.picture._side_bars]
    assert heights == [500, 1, 400]
    assert view.picture.side.sceneBoundingRect().left() >= view.box.sceneBoundingRect().right() - 1
    settled(qtbot, show(NORMAL))
    assert not view.picture._side_texts
    assert not view.picture.side.isVisible()


def test_small_integers_have_a_bar_each(qtbot: QtBot, show: Show) -> None:
    values = np.random.default_rng(0).integers(-3, 4, 1000)
    view = settled(qtbot, show(values))
    edges, counts = curve(view)
    assert ((edges[1:] + edges[:-1]) / 2).tolist() == list(range(-3, 4))
    assert counts.tolist() == [int((values == value).sum()) for value in range(-3, 4)]


@pytest.mark.parametrize(
    "values",
    [
        np.full(100, 1.5, np.float32),
        np.zeros(5, np.float32),
        np.random.default_rng(0).random(300) < 0.3,
        np.array([0, 1e-300, 1e300]),
        np.random.default_rng(0).standard_cauchy(10_000).astype(np.float32),
        np.array([2**62, 2**62 + 1]),
        np.array([5e-324, 0.0]),
    ],
    ids=["constant", "zeros", "bool", "huge range", "heavy tails", "large integers", "tiny"],
)
@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_odd_tensors_are_drawn_on_every_axis(qtbot: QtBot, show: Show, values: Array, theme: Theme) -> None:
    apply_theme(theme)
    view = show(values)
    for index in range(3):
        view.scales.setCurrentIndex(index)
        settled(qtbot, view)
        below = view.drawn[0].histogram.below
        assert curve(view)[1].sum() + below == values.size
        assert below == (int((values == 0).sum()) if index == 2 and values.any() else below)
        assert shades(picture(view.graphics)) > 8
        assert "peak" in view.summary or "no values in sight" in view.summary


def test_axes_of_magnitudes_and_exponents_count_as_numpy_does(qtbot: QtBot, show: Show) -> None:
    values = NORMAL.copy()
    values[:7] = 0
    view = show(values)
    view.scales.setCurrentIndex(1)
    settled(qtbot, view)
    found = view.drawn[0].histogram
    expected = np.histogram(values.astype(np.float64), found.edges)[0]
    # Bins are wide here, and what lies across their edges is spread.
    assert np.abs(found.counts - expected).max() < 0.01 * expected.max()
    assert found.counts.sum() == len(values)
    assert view.summary.startswith("≈ ")
    axis = view.axis
    assert axis is not None
    zoom(view, axis.position(0.02), axis.position(0.021))
    settled(qtbot, view)
    assert_counts_are_those_of(view, values)
    view.scales.setCurrentIndex(2)
    settled(qtbot, view)
    nonzero = values[values != 0]
    exponents, times = np.unique(np.frexp(nonzero)[1] - 1, return_counts=True)
    positions, counts = curve(view)
    drawn = {round((a + b) / 2): int(n) for a, b, n in zip(positions, positions[1:], counts, strict=False) if n}
    assert drawn == dict(zip(exponents.tolist(), times.tolist(), strict=True))
    assert [text.text() for text in view.picture._side_texts] == ["7"]
    assert "7 zeros" in view.summary


def test_log_counts_keep_single_values_in_sight(qtbot: QtBot, show: Show) -> None:
    view = settled(qtbot, show(np.concatenate([np.zeros(100_000), np.ones(1)]).astype(np.float32)))
    QTest.mouseClick(view.log_counts, Left)
    heights = curve(view)[1]
    (bottom, top) = view.box.viewRange()[1]
    assert heights.max() == pytest.approx(5)
    assert heights[-1] == 0
    assert bottom < 0 < top


def test_the_cumulative_view_ends_at_all_values(qtbot: QtBot, show: Show) -> None:
    view = settled(qtbot, show(NORMAL))
    QTest.mouseClick(view.cumulative, Left)
    positions, heights = curve(view)
    expected = [float(np.mean(edge > NORMAL)) for edge in positions[1:-1]]
    assert heights[:-1] == pytest.approx(expected)
    assert heights[-1] == 1
    zoom(view, 0, 0.02)
    settled(qtbot, view)
    positions, heights = curve(view)
    assert heights[0] == pytest.approx(float(np.mean(positions[1] > NORMAL)))


def test_markers_stand_at_their_values_and_are_switched(qtbot: QtBot, show: Show) -> None:
    values = NORMAL * 2e6
    view = settled(qtbot, show(values))

    def lines() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for line in view.picture._lines:
            found.setdefault(line.label.toPlainText(), []).append(float(line.value()))
        return found

    mean, std = float(values.astype(np.float64).mean()), float(values.astype(np.float64).std())
    assert lines() == {
        "mean": [pytest.approx(mean)],
        "−σ": [pytest.approx(mean - std)],
        "+σ": [pytest.approx(mean + std)],
    }
    view.markers[Kind.QUANTILES].trigger()
    assert lines()["median"] == [pytest.approx(float(np.median(values)), abs=std / 100)]
    assert lines()["99 %"] == [pytest.approx(float(np.quantile(values, 0.99)), rel=0.01)]
    view.markers[Kind.MEAN].trigger()
    view.markers[Kind.QUANTILES].trigger()
    view.markers[Kind.LIMITS].trigger()
    assert lines() == {"float16 max": [65504, -65504], "e4m3fn max": [448, -448], "e5m2 max": [57344, -57344]}


def test_the_bin_under_the_pointer_is_told(qtbot: QtBot, show: Show) -> None:
    view = settled(qtbot, show(np.array([0, 0, 1, 3])))
    place = view.graphics.mapFromScene(view.box.mapViewToScene(QPointF(1.2, 1)))
    QTest.mouseMove(view.graphics.viewport(), place)
    qtbot.waitUntil(lambda: view.caption.text() == "1 value (25.00 %) at 1; 50.00 % below")
    view._pointed(QPointF(-10, -10))
    assert view.caption.text() == view.summary


def test_several_tensors_are_drawn_over_each_other_as_shares(qtbot: QtBot, show: Show) -> None:
    other = np.random.default_rng(5).normal(0.05, 0.01, 5_000).astype(np.float32)
    view = settled(qtbot, show(NORMAL, other))
    for index, values in enumerate((NORMAL, other)):
        positions, heights = curve(view, index)
        assert heights.sum() == pytest.approx(1)
        expected = np.histogram(values.astype(np.float64), positions)[0] / len(values)
        assert np.abs(heights - expected).max() < 0.01
    texts = [item.text() for item in view.picture._legend[1::2]]
    assert texts == ["t0", "t1"]
    pens = [view.picture.curves[index].opts["pen"] for index in (0, 1)]
    assert pens[0].color() != pens[1].color()
    assert pens[0].style() is not pens[1].style() or view.drawn[1].is_approximate
    assert not view.picture.curves[2].isVisible()
    assert view.summary.startswith("t0: ")
    assert "; t1: " in view.summary


def test_the_middle_leaves_far_values_out_of_sight(qtbot: QtBot, show: Show) -> None:
    values = np.concatenate([NORMAL, np.array([1e6], np.float32)])
    view = settled(qtbot, show(values))
    assert curve(view)[1].max() == len(NORMAL)
    QTest.mouseClick(view.middle, Left)
    settled(qtbot, view)
    (left, right), _ = view.box.viewRange()
    low, high = np.quantile(values, [0.001, 0.999])
    assert left == pytest.approx(low, rel=0.2)
    assert right == pytest.approx(high, rel=0.2)
    assert_counts_are_those_of(view, values)


def test_csv_holds_the_bins_in_sight(qtbot: QtBot, show: Show, tmp_path: Path) -> None:
    values = np.array([0, 0, 1, 3, np.nan], np.float32)
    view = settled(qtbot, show(values))
    with qtbot.waitSignal(view.message):
        view.save_csv(str(tmp_path / "d.csv"))
    with (tmp_path / "d.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = view.drawn[0].histogram
    assert [float(row["low"]) for row in rows] == found.edges[:-1].tolist()
    assert [int(row["count"]) for row in rows] == found.counts.tolist()
    assert [int(row["cumulative"]) for row in rows][-1] == 4
    assert (rows[0]["beside"], rows[0]["beside count"]) == ("NaN", "1")


def test_every_tool_can_be_reached_by_the_keys_and_has_a_name(show: Show) -> None:
    view = show(NORMAL)
    for tool in (view.scales, view.log_counts, view.cumulative, view.markers_button, view.middle, view.save_button):
        assert tool.accessibleName()
        assert tool.focusPolicy() & Qt.FocusPolicy.TabFocus


# -- the tab, in a window ---------------------------------------------------------------------------


@pytest.fixture
def tab(window: MainWindow, settle: Callable[[MainWindow], DocumentTab], tmp_path: Path) -> DocumentTab:
    """A file with tensors of several kinds, the first selected, its distribution in front."""
    tensors = {
        "a": torch.from_numpy(NORMAL[:20_000]),
        "b": torch.from_numpy(NORMAL[:5_000] + 1),
        "bad": torch.full((6,), float("nan")),
        "empty": torch.zeros(0),
        "c": torch.arange(10),
    }
    torch.save(tensors, tmp_path / "saved.pt")
    window.open_files([str(tmp_path / "saved.pt")])
    tab = settle(window)
    tab.go_to_name("a")
    bar = tab.detail.tabs.tabBar()
    index = next(index for index in range(bar.count()) if bar.tabText(index) == "Distribution")
    QTest.mouseClick(bar, Left, pos=bar.tabRect(index).center())
    settle(window)
    return tab


def view_of(tab: DocumentTab) -> DistributionView:
    pane = tab.detail.panes["distribution"]
    assert isinstance(pane, DistributionPane)
    assert pane.view is not None
    return pane.view


def click(tab: DocumentTab, name: str, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    row = row_called(tab, name)
    place = tab.tree.visualRect(model_of(tab).index(row, Column.DTYPE)).center()
    QTest.mouseClick(tab.tree.viewport(), Left, held, place)


def test_a_click_on_another_tensor_shows_its_distribution(
    tab: DocumentTab, window: MainWindow, settle: Callable[[MainWindow], DocumentTab]
) -> None:
    assert view_of(tab).drawn[0].sample.name == "a"
    click(tab, "c")
    settle(window)
    view = view_of(tab)
    assert [binned.sample.name for binned in view.drawn] == ["c"]
    assert curve(view)[1].tolist() == [1] * 10


def test_tensors_that_are_selected_together_are_drawn_together(
    tab: DocumentTab, window: MainWindow, settle: Callable[[MainWindow], DocumentTab]
) -> None:
    click(tab, "b", Qt.KeyboardModifier.ControlModifier)
    settle(window)
    assert sorted(binned.sample.name for binned in view_of(tab).drawn) == ["a", "b"]
    click(tab, "b")
    settle(window)
    assert [binned.sample.name for binned in view_of(tab).drawn] == ["b"]


def test_tensors_that_are_selected_in_the_table_are_drawn_together(
    tab: DocumentTab, window: MainWindow, settle: Callable[[MainWindow], DocumentTab]
) -> None:
    tab.browser.show_view(1)
    settle(window)
    table = tab.browser.table
    assert table is not None
    table.select_tensor(0)
    settle(window)
    QTest.keyClick(table.view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    settle(window)
    assert sorted(binned.sample.name for binned in view_of(tab).drawn) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "words"), [("bad", "No value is finite"), ("empty", "no elements")], ids=["all NaN", "empty"]
)
def test_what_has_no_distribution_says_so_in_its_place(
    tab: DocumentTab, window: MainWindow, settle: Callable[[MainWindow], DocumentTab], name: str, words: str
) -> None:
    view = view_of(tab)
    click(tab, name)
    settle(window)
    pane = tab.detail.panes["distribution"]
    assert isinstance(pane, DistributionPane)
    assert words in pane.notice.text()
    assert pane.notice.isVisible()
    assert not view.isVisible()
    click(tab, "a")
    settle(window)
    assert view.isVisible()
    assert not pane.notice.isVisible()
