"""The Statistics tab: every figure as numpy has it, with how exact it is, to copy and to follow."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

import sdviewer.analysis.counting as counting_module  # watched in some tests
from sdviewer.analysis.statistics_columns import STATISTICS
from sdviewer.analysis.statistics_table import COLUMNS
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import number
from sdviewer.ui.detail.blocks import GridView
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.detail.statistics_pane import StatisticsPane
from sdviewer.ui.detail.values_pane import ValuesPane
from tests.ui.checkpoints import checkpoint_with
from tests.ui.details import detail_window, node_called, settled

Left = Qt.MouseButton.LeftButton
Array = npt.NDArray[Any]
Show = Callable[[Array], StatisticsPane]

NORMAL = np.random.default_rng(0).normal(0, 0.02, (300, 400)).astype(np.float32)


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


@pytest.fixture
def show(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> Show:
    """Shows an array, called "t", in the tab."""

    def shown(array: Array) -> StatisticsPane:
        checkpoint = checkpoint_with(tmp_path, {"t": array})
        return statistics_of(detail, qtbot, checkpoint, "t")

    return shown


def statistics_of(detail: DetailPane, qtbot: QtBot, checkpoint: Checkpoint, name: str) -> StatisticsPane:
    detail.show_node(checkpoint, node_called(checkpoint, name), "t")
    detail.show_pane("statistics")
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    pane = settled(qtbot, detail).panes["statistics"]
    assert isinstance(pane, StatisticsPane)
    return pane


def note(pane: StatisticsPane, title: str) -> str:
    return next(group.note(title) for group in pane.groups if title in group.texts())


def tip(pane: StatisticsPane, title: str) -> str:
    return next(group.tip(title) for group in pane.groups if title in group.texts())


def test_every_figure_is_shown_once(show: Show) -> None:
    pane = show(NORMAL)
    titles = [title for group in pane.groups for title in group.texts()]
    expected = [STATISTICS[name].title for name in COLUMNS if not name.startswith(("float", "bfloat", "int8"))]
    assert sorted(titles) == sorted(expected)
    (grid,) = [grid for grid in pane.findChildren(GridView) if grid.isVisible()]
    assert [row[0] for row in grid.grid.rows] == ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8"]


def test_the_figures_are_those_of_numpy(show: Show) -> None:
    pane = show(NORMAL)
    values = NORMAL.astype(np.float64)
    for title, figure in {
        "Minimum": values.min(),
        "Maximum": values.max(),
        "Largest magnitude": np.abs(values).max(),
        "Mean": values.mean(),
        "Std": values.std(),
        "RMS": np.sqrt((values**2).mean()),
        "L1": np.abs(values).sum(),
        "L2": np.linalg.norm(values),
        "Kurtosis": (((values - values.mean()) / values.std()) ** 4).mean(),
    }.items():
        assert pane.text(title) == number(float(figure)), title
    assert pane.text("Count") == "120 K"
    assert "120,000" in tip(pane, "Count")


def test_a_figure_that_is_not_exact_says_within_what(show: Show) -> None:
    pane = show(NORMAL)
    assert pane.text("50 %").startswith("≈ ")
    assert note(pane, "50 %").startswith("± ")
    limits = tip(pane, "50 %").removesuffix("</qt>").rpartition("between ")[2]
    low, high = map(float, limits.split(" and "))
    assert low <= np.median(NORMAL) <= high
    assert pane.text("Distinct").startswith("≥ ")
    assert note(pane, "Distinct").startswith("at most ")
    assert not pane.text("Mean").startswith("≈")
    assert pane.exact_button.isVisible()


def test_small_dtypes_are_exact_at_once(show: Show) -> None:
    pane = show(NORMAL.astype(np.float16))
    assert pane.shown is not None
    assert pane.shown.is_exact
    assert not pane.exact_button.isVisible()
    assert f"{len(np.unique(NORMAL.astype(np.float16))):,}" in tip(pane, "Distinct")
    assert not pane.text("Distinct").startswith(("≈", "≥"))


def test_counts_have_their_share_and_bad_ones_a_mark(show: Show) -> None:
    values = np.zeros(200, np.float32)
    values[3], values[5:7], values[9] = np.nan, np.inf, -0.0
    pane = show(values)
    assert pane.text("NaN") == "⚠ 1"
    assert pane.text("+Inf") == "⚠ 2"
    assert pane.text("−Inf") == "0"
    assert note(pane, "+Inf") == "1.00 %"
    assert note(pane, "Zeros") == "98.50 %"
    assert pane.text("Negative zeros") == "1"


def test_a_tooltip_has_the_definition_and_all_digits(show: Show) -> None:
    text = tip(show(NORMAL), "Std")
    assert "of the population" in text.lower()
    assert repr(float(NORMAL.astype(np.float64).std()))[:12] in text


def test_one_count_serves_overview_statistics_and_distribution(
    detail: DetailPane, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    real = counting_module.count

    def watched(ref: Any, *rest: Any) -> Any:
        counted.append(ref.name)
        return real(ref, *rest)

    monkeypatch.setattr(counting_module, "count", watched)
    checkpoint = checkpoint_with(tmp_path, {"a": NORMAL, "b": NORMAL * 2})
    for name in ("a", "b", "a"):
        detail.show_node(checkpoint, node_called(checkpoint, name), "t")
        for pane in ("overview", "statistics", "distribution"):
            detail.show_pane(pane)
            qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    assert counted == ["a", "b"]
    again = checkpoint_with(tmp_path, {"a": NORMAL, "b": NORMAL * 2})
    statistics_of(detail, qtbot, again, "a")
    assert counted == ["a", "b", "a"]


def test_a_tab_that_is_looked_at_while_a_tensor_is_counted_waits_for_the_same_job(
    detail: DetailPane, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go, begun = threading.Event(), []
    real = counting_module.count

    def waiting(ref: Any, *rest: Any) -> Any:
        begun.append(ref.name)
        assert may_go.wait(30)
        return real(ref, *rest)

    monkeypatch.setattr(counting_module, "count", waiting)
    checkpoint = checkpoint_with(tmp_path, {"t": NORMAL})
    detail.show_node(checkpoint, node_called(checkpoint, "t"), "t")
    qtbot.waitUntil(lambda: bool(begun))
    detail.show_pane("statistics")
    assert not detail.is_settled
    may_go.set()
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    detail.show_pane("overview")
    assert detail.numbers.statistics.text("Count") == "120 K"
    assert begun == ["t"]


def test_figures_are_copied_as_text_tsv_and_json(show: Show) -> None:
    values = np.array([1, 2, 3, np.nan], np.float32)
    pane = show(values)
    clipboard = QGuiApplication.clipboard()
    pane.menu.actions()[0].trigger()
    lines = dict(line.split("  ", 1) for line in clipboard.text().splitlines())
    assert lines["Mean"].strip() == "2"
    pane.menu.actions()[1].trigger()
    header, *rows = [line.split("\t") for line in clipboard.text().splitlines()]
    assert header == ["statistic", "value", "low", "high"]
    assert [row[0] for row in rows] == list(COLUMNS)
    assert {row[0]: row[1] for row in rows}["std"] == repr(float(np.std([1, 2, 3])))
    pane.menu.actions()[2].trigger()
    told = json.loads(clipboard.text())
    assert (told["name"], told["dtype"], told["shape"], told["nan"], told["mean"]) == ("t", "float32", [4], 1, 2.0)
    assert told["quantiles"]["0.5"] == {"value": 2.0, "exact": True}
    QTest.keyClick(pane, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text().startswith("Minimum")


def test_an_error_is_told_in_place_and_tried_again(
    show: Show, qtbot: QtBot, detail: DetailPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(counting_module, "count", broken)
    pane = show(NORMAL)
    assert "the disk is gone" in pane.error.message.text()
    assert not pane.copy_button.isVisible()
    monkeypatch.undo()
    QTest.mouseClick(pane.error.tools.try_again, Left)
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    assert not pane.error.isVisible()
    assert pane.text("Count") == "120 K"


def test_a_second_pass_makes_every_figure_exact(show: Show, qtbot: QtBot, detail: DetailPane) -> None:
    pane = show(NORMAL)
    QTest.mouseClick(pane.exact_button, Left)
    assert not pane.exact_button.isEnabled()
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    assert pane.shown is not None
    assert pane.shown.is_exact
    assert not pane.exact_button.isVisible()
    assert pane.text("50 %") == number(float(np.quantile(NORMAL.astype(np.float64), 0.5)))
    assert f"{len(np.unique(NORMAL)):,}" in tip(pane, "Distinct")
    # Whoever comes back finds them exact.
    detail.show_pane("overview")
    detail.show_pane("statistics")
    assert not pane.exact_button.isVisible()


def test_a_second_pass_that_fails_says_why_and_leaves_the_figures(
    show: Show, qtbot: QtBot, detail: DetailPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("sdviewer.analysis.exact.exact_figures", broken)
    pane = show(NORMAL)
    QTest.mouseClick(pane.exact_button, Left)
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    assert "the disk is gone" in pane.error.message.text()
    assert pane.text("Count") == "120 K"
    assert pane.exact_button.isEnabled()
    monkeypatch.undo()
    QTest.mouseClick(pane.error.tools.try_again, Left)
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    assert not pane.exact_button.isVisible()


@pytest.mark.parametrize("index", [(2, 1), (0, 0)], ids=str)
def test_the_first_bad_value_is_shown_among_the_values(
    show: Show, qtbot: QtBot, detail: DetailPane, index: tuple[int, int]
) -> None:
    values = NORMAL[:4, :5].copy()
    values[index], values[3, 4] = np.inf, np.nan
    pane = show(values)
    QTest.mouseClick(pane.bad_button, Left)
    qtbot.waitUntil(lambda: detail.current_pane == "values")
    qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
    found = detail.panes["values"]
    assert isinstance(found, ValuesPane)
    model, table = found.view.table.values_model, found.view.table
    qtbot.waitUntil(lambda: model.place(table.currentIndex()) == index)


def test_nothing_bad_offers_no_way_to_it(show: Show) -> None:
    assert not show(NORMAL).bad_button.isVisible()
