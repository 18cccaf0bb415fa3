"""What the detail pane says: facts at once, then numbers as numpy has them, and a picture of them."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import GlobalUse
from sdviewer.checkpoint.wording import number
from sdviewer.ui.detail import numbers
from sdviewer.ui.detail.blocks import CopyButton, GridView, TextView
from sdviewer.ui.detail.statistics_view import StatisticsView
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow
from tests.ui.looking import facts, in_sight, picture, shades, statistic

Settle = Callable[[MainWindow], DocumentTab]
Show = Callable[[Mapping[str, Any]], DocumentTab]


@pytest.fixture
def show(window: MainWindow, settle: Settle, tmp_path: Path) -> Show:
    """Saves what it is given with torch and opens it; the first tensor is selected."""

    def saved_and_opened(value: Mapping[str, Any]) -> DocumentTab:
        torch.save(value, tmp_path / "saved.pt")
        window.open_files([str(tmp_path / "saved.pt")])
        tab = settle(window)
        tab.go_to_name(next(iter(value)))
        return settle(window)

    return saved_and_opened


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        # Torch advises against them; files with them are there.
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.tensor([-1.0, 0.5]), 0.5, 3, torch.qint8)


def bars(tab: DocumentTab) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Edges and counts of the histogram as it is drawn."""
    histogram = tab.detail.numbers.histogram
    assert histogram is not None
    assert histogram.isVisible()
    edges, counts = histogram.picture.curves[0].getData()
    return edges, counts


def no_bars(tab: DocumentTab) -> bool:
    histogram = tab.detail.numbers.histogram
    return (histogram is None or not histogram.isVisible()) and not tab.detail.numbers.distribution_heading.isVisible()


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8],
    ids=str,
)
def test_the_statistics_are_those_of_numpy(show: Show, dtype: torch.dtype) -> None:
    tensor = (torch.randn(50, 40, generator=torch.Generator().manual_seed(1)) * 20).abs().to(dtype)
    values = tensor.double().numpy()
    tab = show({"w": tensor})
    assert statistic(tab, "Count") == "2,000"
    assert statistic(tab, "Minimum") == number(values.min() if dtype.is_floating_point else int(values.min()))
    assert statistic(tab, "Maximum") == number(values.max() if dtype.is_floating_point else int(values.max()))
    assert statistic(tab, "Mean") == number(float(values.mean()))
    assert statistic(tab, "Std") == number(float(values.std()))
    assert statistic(tab, "NaN") == statistic(tab, "+Inf") == statistic(tab, "−Inf") == "0"
    edges, counts = bars(tab)
    expected, _ = np.histogram(values, len(counts), (edges[0], edges[-1]))
    assert counts.tolist() == expected.tolist()
    assert counts.sum() == 2000


def test_nan_and_infinities_are_counted_beside_the_rest(show: Show) -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    values[:5], values[5:7], values[7], values[8:58] = np.nan, np.inf, -np.inf, 0
    tab = show({"w": torch.from_numpy(values)})
    finite = values[np.isfinite(values)].astype(np.float64)
    assert [statistic(tab, name) for name in ("NaN", "+Inf", "−Inf", "Zeros")] == ["5", "2", "1", "5.00 %"]
    assert tab.detail.numbers.statistics.text("NaN").startswith("⚠")
    assert statistic(tab, "Mean") == number(float(finite.mean()))
    assert statistic(tab, "Std") == number(float(finite.std()))
    assert bars(tab)[1].sum() == len(finite)
    assert tab.detail.numbers.histogram is not None
    assert tab.detail.numbers.histogram.caption.text().endswith("beside it 5 NaN, 1 −Inf, 2 +Inf")


def test_the_histogram_is_painted_over_the_range_of_the_values(show: Show) -> None:
    tab = show({"w": torch.cat([torch.full((100,), -3.0), torch.full((50,), 5.0)])})
    histogram = tab.detail.numbers.histogram
    assert histogram is not None
    image = picture(histogram.graphics)
    assert shades(image) > 20
    (left, right), (bottom, top) = histogram.box.viewRange()
    assert -4 < left < -3
    assert 5 < right < 6
    assert bottom == 0
    assert 100 < top < 120
    # The bar on the left is full, the one on the right half as high, and between them there is nothing.
    ground = image.pixelColor(1, 1)

    def is_filled(x: float, y: float) -> bool:
        place = histogram.box.mapViewToScene(QPointF(x, y)).toPoint()
        return image.pixelColor(place) != ground

    assert is_filled(-2.97, 75)
    assert is_filled(4.97, 25)
    assert not is_filled(4.97, 75)
    assert not is_filled(1.01, 75)


def test_the_bin_under_the_pointer_is_told(show: Show) -> None:
    tab = show({"w": torch.tensor([0, 0, 1, 3])})
    histogram = tab.detail.numbers.histogram
    assert histogram is not None
    assert histogram.caption.text() == "4 values from 0 to 3 in 4 bins; peak 2 at 0"
    assert histogram.graphics.accessibleDescription() == histogram.caption.text()
    histogram._pointed(histogram.box.mapViewToScene(QPointF(1.2, 1)))
    assert histogram.caption.text() == "1 value (25.00 %) at 1; 50.00 % below"
    histogram._pointed(QPointF(-10, -10))
    assert histogram.caption.text().startswith("4 values from 0 to 3")


@pytest.mark.parametrize(
    ("tensor", "notice"),
    [
        (torch.full((8,), float("nan")), "No value is finite: there is no distribution to draw."),
        (torch.tensor([float("inf"), -float("inf")]), "No value is finite: there is no distribution to draw."),
        (torch.zeros(0, 3), "This tensor has no elements."),
    ],
    ids=["NaN", "infinite", "empty"],
)
def test_what_has_no_distribution_says_so(show: Show, tensor: torch.Tensor, notice: str) -> None:
    tab = show({"w": tensor})
    assert tab.detail.numbers.notice.text() == notice
    assert statistic(tab, "Mean") == "–"
    assert statistic(tab, "Count") == str(tensor.numel())
    assert no_bars(tab)


@pytest.mark.parametrize(
    ("tensor", "low", "high", "basis"),
    [
        (torch.tensor(2.5), "2.5", "2.5", ""),
        (torch.tensor([True, False, True]), "0", "1", ""),
        (torch.tensor([3 + 4j, 0j]), "0", "5", "Of the magnitudes √(re² + im²)."),
        (
            quantised(),
            "−1",
            "0.5",
            "Of the real values: scale × (code − zero point).",
        ),
        (torch.tensor([1.79e308], dtype=torch.float64), "1.79e308", "1.79e308", ""),
        (torch.tensor([-1.7e308, 1.7e308], dtype=torch.float64), "−1.7e308", "1.7e308", ""),
        (torch.tensor([0, 5e-324], dtype=torch.float64), "0", "4.94066e−324", ""),
        (torch.tensor([1e16, 1e16 + 2], dtype=torch.float64), "1e16", "1e16", ""),
        (torch.tensor([2**62, 2**62 + 1]), "4,611,686,018,427,387,904", "4,611,686,018,427,387,905", ""),
    ],
    ids=["scalar", "bool", "complex", "quantised", "largest", "widest", "tiniest", "closest", "large integers"],
)
def test_odd_tensors_have_numbers_and_a_picture(
    show: Show, tensor: torch.Tensor, low: str, high: str, basis: str
) -> None:
    tab = show({"w": tensor})
    assert statistic(tab, "Minimum") == low
    assert statistic(tab, "Maximum") == high
    assert tab.detail.numbers.notice.text() == basis
    assert bars(tab)[1].sum() == tensor.numel()
    assert tab.detail.numbers.histogram is not None
    assert shades(picture(tab.detail.numbers.histogram.graphics)) > 5


def test_a_sparse_tensor_shows_its_components(show: Show) -> None:
    tab = show({"w": torch.eye(3).to_sparse()})
    assert tab.detail.numbers.notice.text() == "This tensor is not dense: its values lie in the components above."
    assert not tab.detail.numbers.statistics.isVisible()
    grids = [grid.grid for grid in in_sight(tab, GridView)]
    assert [grid.title for grid in grids] == ["Components"]
    assert [row[0] for row in grids[0].rows] == ["indices", "values"]
    assert no_bars(tab)


def test_a_meta_tensor_has_no_values(show: Show) -> None:
    tab = show({"w": torch.empty(3, device="meta")})
    assert tab.detail.numbers.notice.text() == "A meta tensor has no values."


def test_a_tensor_that_reaches_past_the_file_is_described(window: MainWindow, settle: Settle, tmp_path: Path) -> None:
    file = tmp_path / "cut.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    window.open_files([str(file)])
    settle(window).go_to_name("w")
    tab = settle(window)
    assert facts(tab)["Shape"] == "4"
    assert tab.detail.numbers.notice.text()
    assert no_bars(tab)


def test_facts_of_a_tensor_are_there_at_once(show: Show) -> None:
    tab = show({"other": torch.ones(1), "layer.weight": torch.nn.Parameter(torch.ones(3, 2).t())})
    tab.go_to_name("layer.weight")
    told = facts(tab)
    assert told["Shape"] == "2 × 3"
    assert told["Stride"] == "(1, 2), a view that is not contiguous"
    assert told["Dtype"] == "float32"
    assert told["Elements"] == "6"
    assert told["requires_grad"] == "True"
    assert tab.detail.subtitle.text() == "parameter · float32 · 2 × 3 · 6 elements · 24 B"
    assert not tab.is_settled


def test_quick_selections_show_only_the_last(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = {f"w{number:02}": np.full(1000, number, np.float32) for number in range(40)}
    window = make_window(lambda *_: checkpoint_with(tmp_path, tensors))
    window.open_files(["any.pt"])
    tab = settle(window)
    seen: list[float] = []
    monkeypatch.setattr(StatisticsView, "show_statistics", lambda _, found: seen.append(found.max))
    for _ in range(42):
        QTest.keyClick(tab.tree, Qt.Key.Key_Down)
    settle(window)
    assert tab.detail.name.text() == "w39"
    assert seen == [39.0]


def test_reading_can_be_stopped(
    make_window: MakeWindow, qtbot: QtBot, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sdviewer.analysis.counting as counting_module  # replaced below

    begun = threading.Event()

    def slow(_: object, control: Any) -> None:
        begun.set()
        while True:
            control.check()

    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    tab = settle(window)
    monkeypatch.setattr(counting_module, "count", slow)
    tab.go_to_name("head.weight")
    assert begun.wait(5)
    qtbot.waitUntil(lambda: tab.detail.numbers.notice.text() == "Reading values …")
    qtbot.waitUntil(window.jobs.cancel_button.isVisible)
    QTest.mouseClick(window.jobs.cancel_button, Qt.MouseButton.LeftButton)
    settle(window)
    assert tab.detail.numbers.error.message.text() == "Reading the values was stopped."
    assert facts(tab)["Shape"] == "3 × 4"
    monkeypatch.undo()
    QTest.mouseClick(tab.detail.numbers.error.tools.try_again, Qt.MouseButton.LeftButton)
    settle(window)
    assert statistic(tab, "Maximum") == "11"
    assert not tab.detail.numbers.error.isVisible()


def test_a_plotting_library_that_is_missing_is_told(
    make_window: MakeWindow, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    tab = settle(window)
    monkeypatch.setattr(window.library, "error", ImportError("no module named pyqtgraph"))
    tab.go_to_name("head.weight")
    settle(window)
    assert "The distribution cannot be drawn" in tab.detail.numbers.error.message.text()
    assert tab.detail.numbers.error.isVisible()
    assert statistic(tab, "Maximum") == "11"


def test_a_notice_comes_late_and_never_flickers(show: Show) -> None:
    tab = show({"w": torch.ones(3)})
    assert numbers._MS_BEFORE_NOTICE >= 100
    assert not tab.detail.numbers.notice.isVisible()


def test_a_module_lists_its_children_and_leads_to_them(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    tab = settle(window)
    tab.tree.select_node(4)
    assert tab.detail.subtitle.text() == "Linear · 2 tensors · 2,112 parameters · 8.25 KiB"
    (grid,) = in_sight(tab, GridView)
    assert grid.grid.rows == (("weight", "float32", "64 × 32", "8.00 KiB"), ("bias", "float32", "64", "256 B"))
    grid.setFocus()
    grid.setCurrentIndex(grid.model().index(1, 0))
    QTest.keyClick(grid, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "bias\tfloat32\t64\t256 B"
    QTest.keyClick(grid, Qt.Key.Key_Return)
    assert tab.detail.name.text() == "encoder.layers.0.bias"


def test_many_children_are_cut_and_counted(make_window: MakeWindow, settle: Settle, tmp_path: Path) -> None:
    many = {f"layer.w{number}": np.zeros(1, np.float32) for number in range(1200)}
    window = make_window(lambda *_: checkpoint_with(tmp_path, many))
    window.open_files(["any.pt"])
    tab = settle(window)
    tab.tree.select_node(2)
    (grid,) = in_sight(tab, GridView)
    assert grid.grid.title == "Children (the first 200; 1,000 more not shown)"
    assert len(grid.grid.rows) == 200


def test_the_root_tells_code_and_how_torch_would_load_it(
    make_window: MakeWindow, settle: Settle, tmp_path: Path
) -> None:
    lines = ("import torch", "torch.load('a\\x07b.pt')")
    globals_ = (GlobalUse("collections.OrderedDict", "known"), GlobalUse("os.system", "dangerous"))
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors(), torch_lines=lines, globals=globals_))
    window.open_files(["any.pt"])
    tab = settle(window)
    assert facts(tab)["Safety"] == "✖ names 1 dangerous global; nothing was executed"
    tables = {grid.grid.title: grid.grid.rows for grid in tab.detail.findChildren(GridView)}
    assert tables["Code that the file names"] == (
        ("✖ dangerous", "os.system"),
        ("✓ known", "collections.OrderedDict"),
    )
    (text,) = tab.detail.findChildren(TextView)
    assert text.toPlainText() == "\n".join(lines)
    assert text.isReadOnly()
    (button,) = [b for b in tab.detail.findChildren(CopyButton) if "torch" in b.accessibleName()]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "\n".join(lines)


def test_values_of_metadata_are_told_in_the_words_of_python(show: Show, window: MainWindow, settle: Settle) -> None:
    tab = show(
        {"w": torch.ones(1), "config": {"none": None, "yes": True, "lr": 1e-3, "text": 'a "b"\n', "bytes": b"abc"}}
    )
    shown = {}
    for name in ("none", "yes", "lr", "text", "bytes"):
        tab.go_to_name(f"config/{name}")
        settle(window)
        (view,) = in_sight(tab, TextView)
        shown[name] = view.toPlainText()
    assert shown == {"none": "None", "yes": "True", "lr": "0.001", "text": 'a "b"\n', "bytes": "3 bytes"}


def test_a_long_name_is_broken_for_the_eye_and_copied_whole(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QMenu, "popup", lambda *_: None)
    name = ".".join(f"block_{level}" for level in range(20))
    tab = show({name: torch.ones(1)})
    label = next(value for title, value in tab.detail.facts._rows if title.text() == "Path")
    assert label.value == name
    assert label.height() > 1.5 * label.fontMetrics().height()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, label.rect().center(), label.mapToGlobal(label.pos()))
    QApplication.sendEvent(label, event)
    (menu,) = label.findChildren(QMenu)
    menu.actions()[0].trigger()
    assert QApplication.clipboard().text() == name


def test_html_in_names_and_values_is_only_text(show: Show) -> None:
    tab = show({"<b>bold</b><img src=x>": torch.ones(1)})
    assert tab.detail.name.text() == "<b>bold</b><img src=x>"
    assert facts(tab)["Path"] == "<b>bold</b><img src=x>"
    for label in (tab.detail.subtitle, tab.detail.numbers.notice, *(value for _, value in tab.detail.facts._rows)):
        assert label.textFormat() is Qt.TextFormat.PlainText
    assert tab.detail.name.toolTip() == "<qt>&lt;b&gt;bold&lt;/b&gt;&lt;img src=x&gt;</qt>"


def test_numbers_stand_beneath_each_other_where_there_is_little_room(show: Show) -> None:
    tab = show({"w": torch.ones(3)})
    statistics = tab.detail.numbers.statistics
    minimum, nan = statistics._values["Minimum"], statistics._values["NaN"]
    assert minimum.mapTo(statistics, minimum.pos()).y() == nan.mapTo(statistics, nan.pos()).y()
    tab.splitter.setSizes([900, 300])
    QApplication.processEvents()
    assert minimum.mapTo(statistics, minimum.pos()).y() < nan.mapTo(statistics, nan.pos()).y()
    assert nan.mapTo(tab.detail, nan.rect().topRight()).x() < tab.detail.width()


def test_nothing_of_another_tensor_is_in_sight_while_one_is_counted(
    show: Show, window: MainWindow, settle: Settle, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sdviewer.analysis.counting as counting_module  # replaced below

    tab = show({"a": torch.arange(5), "b": torch.arange(3)})
    real, may_go = counting_module.count, threading.Event()

    def waiting(*arguments: Any) -> Any:
        assert may_go.wait(30)
        return real(*arguments)

    monkeypatch.setattr(counting_module, "count", waiting)
    histogram = tab.detail.numbers.histogram
    assert histogram is not None
    assert histogram.picture.curves[0].isVisible()
    tab.go_to_name("b")
    assert statistic(tab, "Count") == ""
    assert not histogram.picture.curves[0].isVisible()
    assert not histogram.picture._lines
    assert histogram.summary.strip() == ""
    qtbot.waitUntil(lambda: tab.detail.numbers.notice.text() == "Reading values …")
    assert no_bars(tab)
    may_go.set()
    settle(window)
    assert bars(tab)[1].tolist() == [1, 1, 1]
