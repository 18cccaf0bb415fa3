"""The Channels tab: figures as numpy has them, dead ones marked, a click leads to the values."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import sdviewer.analysis.channels as channels_module  # replaced in some tests
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.plots.channels.measures import Measure
from sdviewer.ui.plots.channels.pane import ChannelsPane
from sdviewer.ui.plots.channels.view import ChannelsView
from tests.helpers.saved import opened
from tests.ui.details import detail_window, node_called, settled
from tests.ui.looking import picture, shades

LEFT = Qt.MouseButton.LeftButton
GENERATOR = torch.Generator().manual_seed(0)
MATRIX = torch.randn(40, 30, generator=GENERATOR)
MATRIX[7] = 0
MATRIX[11] *= 50
MATRIX[20, 3] = float("nan")
LONG = torch.randn(120_000, 2, generator=GENERATOR)
LONG[77_777] = 400


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    tensors = {"matrix": MATRIX, "long": LONG, "vector": torch.ones(5), "none": torch.zeros(0, 3)}
    return opened(tmp_path, tensors)


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


Show = Callable[[str], ChannelsPane]


@pytest.fixture
def show(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> Show:
    def shown(name: str) -> ChannelsPane:
        detail.show_node(checkpoint, node_called(checkpoint, name), "it.pt")
        detail.show_pane("channels")
        settled(qtbot, detail)
        pane = detail.panes["channels"]
        assert isinstance(pane, ChannelsPane)
        return pane

    return shown


def view_of(pane: ChannelsPane) -> ChannelsView:
    assert pane.view is not None
    return pane.view


def finite_norms() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = MATRIX.numpy().astype(np.float64)
    norms: np.ndarray[tuple[int], np.dtype[np.float64]] = np.linalg.norm(np.nan_to_num(values), axis=1)
    return norms


def test_norms_are_drawn_with_dead_and_bad_channels_marked(show: Show) -> None:
    view = view_of(show("matrix"))
    x, y = view.picture.curve.getData()
    assert x.tolist() == (np.arange(41) - 0.5).tolist()
    assert y == pytest.approx(finite_norms())
    assert view.picture.dead.getData()[0].tolist() == [7]
    assert view.picture.bad.getData()[0].tolist() == [20]
    assert view.picture.dead.opts["symbol"] != view.picture.bad.opts["symbol"]
    assert view.picture.median.value() == pytest.approx(np.median(finite_norms()))
    for part in (
        "norm from 0 (channel 7)",
        f"to a peak of {finite_norms()[11]:.4g} (channel 11)",
        "1 dead channel (7)",
        "1 channel (20) with NaN",
        "× the median",
    ):
        assert part in view.summary
    assert shades(picture(view.graphics)) > 10


def test_other_figures_an_order_and_an_axis_can_be_chosen(qtbot: QtBot, detail: DetailPane, show: Show) -> None:
    pane = show("matrix")
    view = view_of(pane)
    view.sorted.setChecked(True)
    view.log.setChecked(True)
    _, y = view.picture.curve.getData()
    norms = np.sort(finite_norms())[::-1]
    assert y[:-1] == pytest.approx(np.log10(norms[:-1]))
    view.log.setChecked(False)
    view.sorted.setChecked(False)
    pane.axes.setCurrentIndex(1)
    pane.axes.activated.emit(1)
    settled(qtbot, detail)
    view.measures.setCurrentIndex(list(Measure).index(Measure.ABSMAX))
    assert view.picture.curve.getData()[1] == pytest.approx(np.nanmax(np.abs(MATRIX.numpy()), axis=0))
    assert "30 channels along axis 1" in view.summary


def test_a_click_leads_to_the_values_of_the_channel(detail: DetailPane, show: Show) -> None:
    pane = show("matrix")
    view = view_of(pane)
    wanted: list[tuple[int, ...]] = []
    pane.value_wanted.connect(wanted.append)
    point = view.graphics.mapFromScene(view.box.mapViewToScene(QPointF(11, 5)))
    QTest.mouseClick(view.graphics.viewport(), LEFT, pos=point)
    assert wanted == [(11, 0)]
    assert detail.current_pane == "values"


def test_keys_and_the_number_choose_a_channel(show: Show) -> None:
    pane = show("matrix")
    view = view_of(pane)
    wanted: list[tuple[int, ...]] = []
    pane.value_wanted.disconnect()
    pane.value_wanted.connect(wanted.append)
    view.number.setValue(19)
    assert view.caption.text().startswith("Channel 19: norm ")
    view.graphics.setFocus()
    QTest.keyClick(view.graphics, Qt.Key.Key_Right)
    assert view.chosen == 20
    assert "1 value NaN or infinite" in view.caption.text()
    assert view.picture.current.getData()[0].tolist() == [20]
    QTest.keyClick(view.graphics, Qt.Key.Key_Return)
    QTest.mouseClick(view.values_button, LEFT)
    assert wanted == [(20, 0), (20, 0)]


def test_a_hundred_thousand_channels_are_drawn_by_their_extremes(qtbot: QtBot, detail: DetailPane, show: Show) -> None:
    view = view_of(show("long"))
    x, y = view.picture.band.getData()
    assert len(x) < 4000
    assert y.max() >= np.hypot(400, 400) * 0.999
    peak = x[np.argmax(y)]
    assert abs(peak - 77_777) < 120_000 / 300
    assert "(channel 77,777)" in view.summary
    view.box.setXRange(77_770, 77_785, padding=0)
    settled(qtbot, detail)
    assert view.picture.curve.isVisible()
    places, heights = view.picture.curve.getData()
    assert places[np.argmax(heights)] + 0.5 == 77_777
    assert "of 120 K channels" in view.summary


def test_the_table_holds_every_channel(qtbot: QtBot, show: Show, tmp_path: Path) -> None:
    view = view_of(show("matrix"))
    target = tmp_path / "channels.csv"
    with qtbot.waitSignal(view.message):
        view.save_csv(str(target))
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["channel"]) for row in rows] == list(range(40))
    assert [float(row["norm"]) for row in rows] == pytest.approx(finite_norms())
    assert [row["dead"] for row in rows].count("true") == 1


def test_an_error_is_told_in_place_and_can_be_tried_again(
    qtbot: QtBot, detail: DetailPane, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise CannotRead("the disk is gone")

        patch.setattr(channels_module, "channels", fail)
        pane = show("matrix")
        assert not pane.error.isHidden()
        assert "The disk is gone" in pane.error.message.text()
    QTest.mouseClick(pane.error.tools.try_again, LEFT)
    settled(qtbot, detail)
    assert pane.error.isHidden()
    assert view_of(pane).isVisible()


def test_what_is_left_behind_stops_reading(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def wait(_: object, __: int, control: Control) -> None:
        begun.set()
        control.when_cancelled(stopped.set)
        stopped.wait(20)
        control.check()

    monkeypatch.setattr(channels_module, "channels", wait)
    detail.show_node(checkpoint, node_called(checkpoint, "matrix"), "it.pt")
    detail.show_pane("channels")
    qtbot.waitUntil(begun.is_set)
    detail.show_node(checkpoint, node_called(checkpoint, "vector"), "it.pt")
    qtbot.waitUntil(stopped.is_set)


def test_vectors_have_no_channels_and_empty_tensors_say_so(show: Show, detail: DetailPane) -> None:
    assert show("none").notice.text() == "This tensor has no elements, so it has no channels."
    show("vector")
    assert "channels" not in detail.panes_there
    QApplication.processEvents()
