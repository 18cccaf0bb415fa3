"""The Spectrum tab: computed when it is cheap or asked for, remembered, stopped, refused, by real clicks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.processes.torch_process import torch_process
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.plots.spectrum import pane as spectrum_pane
from sdviewer.ui.plots.spectrum.pane import SpectrumPane
from sdviewer.ui.plots.spectrum.view import Across, Height, SpectrumView
from sdviewer.ui.plots.spectrum.words import decade_ticks, time_words
from sdviewer.ui.theme import Theme, apply_theme, colors
from tests.helpers.killing import Frozen, posix_only
from tests.helpers.saved import opened
from tests.ui.details import detail_window, node_called, settled

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module", autouse=True)
def _process_ends() -> Iterator[None]:
    yield
    torch_process().close()


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    bad = random(30, 20)
    bad[3, 4] = math.nan
    return opened(
        tmp_path,
        {
            "matrix": random(30, 20),
            "other": random(12, 8, seed=1),
            "conv.weight": random(8, 4, 3, 3),
            "up.weight": random(6, 10, 2, 2),
            "up.bias": random(10),
            "large": random(1, seed=2).expand(2600, 2600),
            "bad": bad,
            "zero": torch.zeros(5, 6),
            "vector": random(100),
            "whole": torch.arange(36).reshape(6, 6),
        },
    )


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


Show = Callable[[str], SpectrumPane]


@pytest.fixture
def show(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> Show:
    """Selects a tensor with the Spectrum tab in front, and waits."""

    def select(label: str, parent: str = "") -> SpectrumPane:
        tree = checkpoint.tree
        nodes = [node for node, text in enumerate(tree.label.tolist()) if text == label]
        node = next(n for n in nodes if not parent or tree.label.tolist()[int(tree.parent[n])] == parent)
        detail.show_node(checkpoint, node, "saved.pt")
        detail.show_pane("spectrum")
        # The process may have to be started, by a machine that is busy.
        qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
        pane = settled(qtbot, detail).panes["spectrum"]
        assert isinstance(pane, SpectrumPane)
        return pane

    return select


def view_of(pane: SpectrumPane) -> SpectrumView:
    assert pane.view is not None
    return pane.view


def figure(pane: SpectrumPane, title: str) -> str:
    return dict(pane.figures.texts())[title]


def choose(box: object, index: int) -> None:
    box.setCurrentIndex(index)  # type: ignore[attr-defined]  # a combo box
    box.activated.emit(index)  # type: ignore[attr-defined]  # as a click on the entry does


def test_a_small_matrix_is_computed_at_once(show: Show) -> None:
    pane = show("matrix")
    wanted = np.linalg.svd(random(30, 20).double().numpy(), compute_uv=False)
    assert pane.shown is not None
    assert pane.shown.singular == pytest.approx(wanted)
    assert float(figure(pane, "Spectral norm")) == pytest.approx(wanted[0], rel=1e-5)
    assert float(figure(pane, "Condition number")) == pytest.approx(wanted[0] / wanted[-1], rel=1e-5)
    assert "30 × 20 matrix, computed in" in pane.notice.text()
    summary = view_of(pane).summary
    assert f"from {wanted[-1]:.6g} to {wanted[0]:.6g}" in summary
    assert view_of(pane).graphics.accessibleDescription() == summary
    assert not pane.compute_button.isEnabled()
    # A matrix and its transpose have the same singular values: there is nothing to choose.
    assert pane.axes.isHidden()


def test_every_figure_tells_its_formula(show: Show) -> None:
    pane = show("matrix")
    tips = {name.text(): value.toolTip() for name, value in pane.figures._rows}
    assert "Roy and Vetterli" in tips["Effective rank"]
    assert "√m + √n" in tips["Marchenko–Pastur edge"]
    assert all(tips.values())


def test_only_matrices_of_real_numbers_have_the_tab(detail: DetailPane, checkpoint: Checkpoint) -> None:
    index = next(i for i in range(detail.tabs.count()) if detail.tabs.tabText(i) == "Spectrum")
    for label, has in (("matrix", True), ("vector", False), ("whole", False), ("bias", False), ("conv", False)):
        detail.show_node(checkpoint, node_called(checkpoint, label), "saved.pt")
        assert detail.tabs.isTabVisible(index) is has, label


def test_a_costly_one_waits_for_a_click_and_is_stopped_by_another(qtbot: QtBot, show: Show) -> None:
    pane = show("large")
    assert pane.shown is None
    assert pane.results.isHidden()
    assert pane.notice.text().startswith("2,600 × 2,600 matrix. About ")
    assert "MiB" in pane.notice.text()
    QTest.mouseClick(pane.compute_button, LEFT)
    qtbot.waitUntil(pane.cancel_button.isVisible, timeout=20_000)
    qtbot.waitUntil(lambda: torch_process().is_running, timeout=20_000)
    QTest.mouseClick(pane.cancel_button, LEFT)
    qtbot.waitUntil(lambda: pane.is_settled, timeout=2000)
    assert "stopped" in pane.error.message.text()
    assert pane.progress.isHidden()
    assert pane.compute_button.isEnabled()
    qtbot.waitUntil(lambda: not torch_process().is_running, timeout=2000)


@posix_only
def test_a_process_that_is_killed_at_work_is_told_and_tried_again_by_a_click(
    qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_process().close()
    pane = show("large")
    frozen = Frozen(monkeypatch)
    QTest.mouseClick(pane.compute_button, LEFT)
    qtbot.waitUntil(lambda: len(frozen.processes) == 1, timeout=20_000)
    frozen.kill()
    qtbot.waitUntil(lambda: pane.is_settled, timeout=20_000)
    assert "The singular values cannot be computed." in pane.error.message.text()
    assert "was ended by SIGKILL, perhaps for lack of memory" in pane.error.message.text()
    choose(pane.methods, 2)
    qtbot.waitUntil(lambda: pane.is_settled, timeout=60_000)
    QTest.mouseClick(pane.compute_button if pane.error.isHidden() else pane.error.tools.try_again, LEFT)
    qtbot.waitUntil(lambda: pane.is_settled, timeout=90_000)
    assert pane.error.isHidden()
    assert pane.shown is not None


def test_another_selection_stops_it_and_is_shown(show: Show) -> None:
    pane = show("large")
    QTest.mouseClick(pane.compute_button, LEFT)
    assert not pane.is_settled
    assert show("matrix").shown is not None
    assert pane.error.isHidden()


def test_what_was_computed_is_remembered(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    first = show("matrix").shown
    assert show("other").shown is not first
    monkeypatch.setattr(spectrum_pane, "spectrum", None)  # nothing can be computed any more
    assert show("matrix").shown is first
    assert figure(show("matrix"), "Rank at 99 % energy") == str(int(first.rank_99.value))  # type: ignore[union-attr]


def test_the_rows_of_a_convolution_can_be_chosen(qtbot: QtBot, show: Show, detail: DetailPane) -> None:
    pane = show("weight")
    assert [pane.axes.itemText(i) for i in range(4)] == [
        "Rows: axis 0 (8 × 36)",
        "Rows: axis 1 (4 × 72)",
        "Rows: axis 2 (3 × 96)",
        "Rows: axis 3 (3 × 96)",
    ]
    assert pane.shown is not None
    assert len(pane.shown.singular) == 8
    choose(pane.axes, 1)
    settled(qtbot, detail)
    wanted = np.linalg.svd(random(8, 4, 3, 3).double().movedim(1, 0).reshape(4, -1).numpy(), compute_uv=False)
    assert pane.shown is not None
    assert pane.shown.singular == pytest.approx(wanted)


def test_outputs_are_the_second_axis_of_a_transposed_convolution(checkpoint: Checkpoint) -> None:
    tree = checkpoint.tree
    labels = tree.label.tolist()
    for module, axis in (("conv", 0), ("up", 1)):
        node = next(n for n, text in enumerate(labels) if text == "weight" and labels[int(tree.parent[n])] == module)
        assert spectrum_pane.rows_axis(checkpoint, node) == axis


def test_the_quick_method_says_what_it_leaves_open(qtbot: QtBot, show: Show, detail: DetailPane) -> None:
    pane = show("matrix")
    choose(pane.methods, 2)
    settled(qtbot, detail)
    assert pane.shown is not None
    assert len(pane.shown.singular) == 16
    assert "Only the 16 largest" in pane.notice.text()
    assert figure(pane, "Spectral norm").startswith("≥ ")
    assert figure(pane, "Stable rank").startswith("≤ ")
    assert figure(pane, "Nuclear norm") == "–"
    # And back to what is known.
    choose(pane.methods, 0)
    assert pane.shown is not None
    assert len(pane.shown.singular) == 20


def test_what_is_not_finite_is_refused_in_its_place(show: Show) -> None:
    pane = show("bad")
    assert pane.shown is None
    assert "[3, 4] is NaN" in pane.error.message.text()
    assert not pane.error.isHidden()
    # The next tensor is not told of it.
    assert show("matrix").error.isHidden()


def test_a_matrix_of_zeros_has_figures_and_no_picture(show: Show) -> None:
    pane = show("zero")
    assert figure(pane, "Spectral norm") == "0"
    assert "nothing to draw" in pane.notice.text()
    assert pane.view is None or pane.view.isHidden()
    assert not view_of(show("matrix")).isHidden()


def test_without_torch_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, show: Show) -> None:
    torch_process().close()
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pane = show("matrix")
    assert "not installed" in pane.error.message.text()
    assert "pip install torch" in pane.error.message.text()
    monkeypatch.delenv("PYTHONPATH")
    pane.error.tools.try_again.click()
    deadline = time.monotonic() + 30
    while not pane.is_settled and time.monotonic() < deadline:
        QApplication.processEvents()
    assert pane.shown is not None
    assert pane.error.isHidden()


@pytest.mark.parametrize("height", list(Height))
@pytest.mark.parametrize("across", list(Across))
def test_the_picture_follows_its_axes(show: Show, height: Height, across: Across) -> None:
    view = view_of(show("matrix"))
    view.heights.setCurrentText(height.value)
    view.across.setCurrentText(across.value)
    values = np.linalg.svd(random(30, 20).double().numpy(), compute_uv=False)
    number = np.arange(1, 21)
    x, y = view.curve.getData()
    assert x == pytest.approx(
        {Across.INDEX: number, Across.LOG_INDEX: np.log10(number), Across.SHARE: number / 20}[across]
    )
    energy = np.cumsum(values**2) / (values**2).sum()
    assert y == pytest.approx({Height.LOG: np.log10(values), Height.LINEAR: values, Height.ENERGY: energy}[height])
    (left, right), (bottom, top) = view.box.viewRange()
    assert left < x.min() < x.max() < right
    assert bottom < y.min() < y.max() < top
    assert view.lines["edge"].isVisible() is (height is not Height.ENERGY)
    assert view.lines["90 %"].isVisible() is (height is Height.ENERGY)
    image = view.grab().toImage()
    pixels = {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}
    assert colors().accent in pixels


def test_the_value_under_the_pointer_is_told(show: Show) -> None:
    view = view_of(show("matrix"))
    value = view._spectrum.singular[4]  # type: ignore[union-attr]  # it is shown
    view._pointed(view.box.mapViewToScene(QPointF(5.2, math.log10(value))))
    assert view.caption.text().startswith(f"Singular value 5: {value:.6g}; the first 5 hold ")
    view._pointed(QPointF(-5, -5))
    assert view.caption.text() == view.summary


def test_its_data_are_saved_with_all_digits(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    pane = show("matrix")
    target = tmp_path / "it.csv"
    view_of(pane).save_csv(str(target))
    qtbot.waitUntil(target.exists)
    names, *rows = (line.split(",") for line in target.read_text().splitlines())
    assert names == ["number", "singular_value", "energy"]
    assert pane.shown is not None
    assert [float(row[1]) for row in rows] == pane.shown.singular.tolist()
    assert float(rows[-1][2]) == 1


def test_it_takes_the_colours_of_the_theme(show: Show) -> None:
    view = view_of(show("matrix"))
    light = view.lines["edge"].pen.color().name()
    apply_theme(Theme.DARK)
    QApplication.processEvents()
    assert view.lines["edge"].pen.color().name() == colors().warning != light


def test_a_narrow_window_has_the_figures_below(qtbot: QtBot, show: Show, detail: DetailPane) -> None:
    pane = show("matrix")
    detail.resize(900, 700)
    qtbot.waitUntil(lambda: pane.figures.mapTo(pane, pane.figures.rect().topLeft()).x() > 300)
    detail.resize(480, 700)
    qtbot.waitUntil(lambda: pane.figures.mapTo(pane, pane.figures.rect().topLeft()).x() < 100)


def test_times_are_rough() -> None:
    assert [time_words(seconds) for seconds in (0.001, 0.34, 3.6, 240, 9000)] == [
        "0.1 s",
        "0.3 s",
        "4 s",
        "4 min",
        "2 h",
    ]


@pytest.mark.parametrize(("low", "high"), [(-6.0, 2.0), (-1.2, 0.9), (0.3, 0.9), (0.31, 0.315), (-40.0, 40.0)])
def test_a_logarithmic_axis_has_some_ticks_and_not_too_many(low: float, high: float) -> None:
    ticks = [position for _, positions in decade_ticks(low, high) for position in positions]
    assert 2 <= len(ticks) <= 14
    assert all(low <= tick <= high for tick in ticks)
