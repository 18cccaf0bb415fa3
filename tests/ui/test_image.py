"""The picture by clicks, wheel and keys: it shows what numpy has, follows the view, and reads no more than that."""

from __future__ import annotations

import csv
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.analysis import raster as engine
from sdviewer.analysis.kernels import warming
from sdviewer.analysis.raster import How
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.ui.plots.image import view as view_module
from sdviewer.ui.plots.image.layouts import first_layout, layouts_for
from sdviewer.ui.plots.image.pane import ImagePane
from sdviewer.ui.plots.image.view import ImageView
from sdviewer.ui.theme import DARK, LIGHT, Theme, apply_theme
from tests.helpers.arrays import checkpoint_of_arrays
from tests.helpers.saved import opened
from tests.helpers.spying import spying
from tests.ui.details import detail_window, node_called
from tests.ui.looking import picture, shades
from tests.ui.plots import plot_window

Key, Left = Qt.Key, Qt.MouseButton.LeftButton
Array = npt.NDArray[Any]
Show = Callable[[Array | torch.Tensor], ImageView]

NORMAL = np.random.default_rng(0).normal(0, 0.02, (900, 1300)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """What must be compiled is so before a test waits for a picture."""
    warming.load()


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[ImageView]:
    with plot_window(qtbot, ImageView, 800, 560) as view:
        yield view


@pytest.fixture
def show(qtbot: QtBot, view: ImageView, tmp_path: Path) -> Show:
    """Shows an array and waits for its picture."""

    def shown(values: Array | torch.Tensor) -> ImageView:
        view.show_tensor(checkpoint_of_arrays(tmp_path / "it", {"t": values}).tensors["t"])
        return settled(qtbot, view)

    return shown


def settled(qtbot: QtBot, view: ImageView) -> ImageView:
    qtbot.waitUntil(lambda: view.is_settled and view.drawn is not None, timeout=60_000)
    QApplication.processEvents()
    return view


def pixel_of(view: ImageView, row: float, column: float) -> QPoint:
    """Where a cell is drawn in the scene's viewport."""
    scene = view.picture.box.mapViewToScene(QPointF(column, row))
    return QPoint(view.graphics.mapFromScene(scene))


def color_at(view: ImageView, row: float, column: float) -> QColor:
    image: QImage = picture(view.graphics.viewport())
    return QColor(image.pixel(pixel_of(view, row, column)))


def wheel(view: ImageView, place: QPoint, turns: int) -> None:
    viewport = view.graphics.viewport()
    event = QWheelEvent(
        QPointF(place),
        QPointF(viewport.mapToGlobal(place)),
        QPoint(0, 0),
        QPoint(0, 120 * turns),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)
    QApplication.processEvents()


def drag(view: ImageView, start: QPoint, end: QPoint) -> None:
    viewport = view.graphics.viewport()
    QTest.mousePress(viewport, Left, pos=start)
    for step in range(1, 11):
        QTest.mouseMove(viewport, start + (end - start) * step / 10)
        QTest.qWait(2)
    QTest.mouseRelease(viewport, Left, pos=end)
    QApplication.processEvents()


def pointed_at(view: ImageView, row: float, column: float) -> str:
    QTest.mouseMove(view.graphics.viewport(), pixel_of(view, row, column))
    QTest.qWait(10)
    return view.caption.text()


def choose(view: ImageView, title: str) -> None:
    view.tools.layouts.setCurrentIndex(view.tools.layouts.findText(title))


def test_the_first_picture_is_all_of_the_tensor_and_not_blank(show: Show) -> None:
    view = show(NORMAL)
    assert view.drawn is not None
    raster = view.drawn.raster
    assert (raster.rows.start, raster.columns.start) == (0, 0)
    assert (raster.rows.stop, raster.columns.stop) >= NORMAL.shape
    assert raster.rows.stop - 900 < 4
    assert raster.exact
    assert shades(picture(view.graphics)) > 50
    y, x = 100, 50
    rows, columns = raster.rows.places(y, 900), raster.columns.places(x, 1300)
    assert raster.mean[y, x] == pytest.approx(NORMAL[np.ix_(rows, columns)].astype(np.float64).mean())


def test_the_summary_tells_minimum_maximum_and_peak_of_what_is_shown(show: Show) -> None:
    values = np.zeros((6, 8), np.float32)
    values[2, 5], values[1, 1] = -7.5, 3.25
    view = show(values)
    text = view.graphics.accessibleDescription()
    assert "minimum −7.5, maximum 3.25; peak −7.5 at [2, 5]" in text
    assert text == view.caption.text() == view.summary


def test_colours_follow_values_signs_and_the_theme(show: Show, qtbot: QtBot) -> None:
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[3, 3] = -1, 1
    view = show(values)
    red, blue, zero = color_at(view, 3.3, 3.3), color_at(view, -0.3, -0.3), color_at(view, 1.3, 1.3)
    assert red.red() > red.blue()
    assert blue.blue() > blue.red()
    assert zero.lightness() > 230
    apply_theme(Theme.DARK)
    qtbot.waitUntil(lambda: view.drawn is not None and view.drawn.style.is_dark, timeout=20_000)
    assert color_at(view, 1.3, 1.3).lightness() < 50
    assert picture(view.graphics).pixelColor(2, 2) == QColor(DARK.base)
    apply_theme(Theme.LIGHT)
    qtbot.waitUntil(lambda: view.drawn is not None and not view.drawn.style.is_dark, timeout=20_000)
    assert color_at(view, 1.3, 1.3).lightness() > 230
    assert picture(view.graphics).pixelColor(2, 2) == QColor(LIGHT.base)


def test_nan_and_infinities_have_colours_of_their_own_and_are_counted(show: Show) -> None:
    values = np.random.default_rng(1).standard_normal((5, 6)).astype(np.float32)
    values[1, 1], values[2, 2], values[3, 3] = np.nan, np.inf, -np.inf
    view = show(values)
    odd = [color_at(view, i + 0.3, i + 0.3).name() for i in (1, 2, 3)]
    assert odd == ["#e619d2", "#ff9500", "#00c3e6"]
    assert "1 NaN (magenta), 1 +∞ (orange), 1 −∞ (cyan)" in view.summary
    assert pointed_at(view, 1, 1) == "[1, 1] = NaN"


def test_all_nan_constants_and_single_values_can_be_shown(show: Show) -> None:
    assert "No value in sight is finite; 12 NaN" in show(np.full((3, 4), np.nan, np.float32)).summary
    assert "minimum 2.5, maximum 2.5; peak 2.5" in show(np.full((3, 4), 2.5, np.float32)).summary
    assert "peak 0 at [0]" in show(np.zeros(1, np.float32)).summary


def test_the_wheel_zooms_to_cells_with_their_numbers(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(NORMAL)
    place = pixel_of(view, 450, 650)
    row, column = view.picture.cell_at(view.graphics.mapToScene(place)) or (0, 0)
    for _ in range(40):
        wheel(view, place, 3)
        if view.picture.texts.cell_size()[0] > 60:
            break
    settled(qtbot, view)
    assert view.drawn is not None
    assert view.drawn.raster.is_cells
    assert view.picture.texts.has_room
    raster = view.drawn.raster
    assert raster.mean.size < 50_000
    value = raster.mean[row - raster.rows.first, column - raster.columns.first]
    assert value == NORMAL[row, column]
    assert pointed_at(view, row, column).startswith(f"[{row}, {column}] = ")


def test_dragging_shows_other_rows_at_the_same_scale(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(NORMAL)
    view.picture.center(450, 650, (400, 300))
    settled(qtbot, view)
    assert view.drawn is not None
    before = view.drawn
    drag(view, QPoint(300, 200), QPoint(360, 260))
    (_, right), (top, _) = view.picture.box.viewRange()
    assert top < 300
    settled(qtbot, view)
    raster = view.drawn.raster
    assert raster.rows.step == before.raster.rows.step
    assert raster.rows.start <= max(top, 0) + 0.5
    assert raster.columns.stop >= min(right, 1299)
    assert view.drawn.limits == before.limits


def test_keys_move_zoom_and_show_all(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(NORMAL)
    view.graphics.setFocus()
    whole = view.picture.box.viewRect()
    QTest.keyClick(view.graphics, Key.Key_Plus)
    QTest.keyClick(view.graphics, Key.Key_Plus)
    near = view.picture.box.viewRect()
    assert near.width() < whole.width()
    QTest.keyClick(view.graphics, Key.Key_Right)
    QTest.keyClick(view.graphics, Key.Key_Down)
    moved = view.picture.box.viewRect()
    assert moved.left() > near.left()
    assert moved.top() > near.top()
    QTest.keyClick(view.graphics, Key.Key_Minus)
    assert view.picture.box.viewRect().width() > moved.width()
    QTest.keyClick(view.graphics, Key.Key_Home)
    assert view.picture.box.viewRect().width() == pytest.approx(whole.width())
    settled(qtbot, view)


def test_the_old_picture_stays_until_the_new_one_is_read(
    show: Show, qtbot: QtBot, view: ImageView, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(NORMAL)
    gate = threading.Event()
    true = engine.raster

    def slow(*args: Any) -> Any:
        assert gate.wait(20)
        return true(*args)

    monkeypatch.setattr(view_module, "raster", slow)
    before = view.drawn
    view.picture.center(450, 650, (200, 150))
    qtbot.waitUntil(lambda: not view._timer.isActive(), timeout=5000)
    QTest.qWait(50)
    assert view.drawn is before
    assert not view.is_settled
    assert shades(picture(view.graphics)) > 50
    gate.set()
    settled(qtbot, view)
    assert view.drawn is not before
    assert view.drawn is not None
    assert view.drawn.raster.rows.stop - view.drawn.raster.rows.start < 300


def test_only_rows_in_sight_are_read(qtbot: QtBot, view: ImageView, tmp_path: Path) -> None:
    checkpoint = checkpoint_of_arrays(tmp_path / "it", {"t": np.zeros((4000, 1000), np.float32)})
    view.show_tensor(checkpoint.tensors["t"])
    settled(qtbot, view)
    with spying() as spy:
        view.picture.center(2000, 500, (100, 100))
        settled(qtbot, view)
    assert 0 < spy.total < 400 * 4000


def test_a_large_tensor_comes_as_a_sample_first(
    qtbot: QtBot, view: ImageView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "_SAMPLED_ABOVE", 1 << 20)
    gate = threading.Event()
    true = engine.raster

    def slow(*args: Any) -> Any:
        assert gate.wait(20)
        return true(*args)

    monkeypatch.setattr(view_module, "raster", slow)
    view.show_tensor(checkpoint_of_arrays(tmp_path / "it", {"t": NORMAL}).tensors["t"])
    qtbot.waitUntil(lambda: view.drawn is not None, timeout=20_000)
    assert view.drawn is not None
    assert not view.drawn.raster.exact
    assert "until all are read" in view.summary
    gate.set()
    settled(qtbot, view)
    assert view.drawn.raster.exact
    assert "some rows" not in view.summary


def test_what_a_pixel_tells_and_the_limits_can_be_chosen(show: Show, qtbot: QtBot, view: ImageView) -> None:
    values = np.zeros((2000, 2000), np.float32)
    values[1000, 1000] = 9
    show(values)
    assert view.drawn is not None
    view.tools.hows.setCurrentIndex(1)
    settled(qtbot, view)
    assert view.drawn.style.how is How.LARGEST
    assert view.drawn.shown.max() == 9
    assert "largest magnitude" in view.summary
    view.tools.low.setFocus()
    view.tools.low.selectAll()
    QTest.keyClicks(view.tools.low, "-2")
    QTest.keyClick(view.tools.low, Key.Key_Return)
    settled(qtbot, view)
    assert view.drawn.limits[0] == -2
    assert not view.tools.auto.isChecked()
    QTest.mouseClick(view.tools.auto, Left)
    settled(qtbot, view)
    assert view.drawn.limits[0] == 0
    view.tools.maps.setCurrentIndex(view.tools.maps.findText("Grey"))
    settled(qtbot, view)
    assert view.drawn.style.map_name == "Grey"


@pytest.mark.parametrize("typed", ["nan", "inf", "many", "", "1e999", "99"])
def test_limits_that_are_none_are_not_taken(show: Show, qtbot: QtBot, view: ImageView, typed: str) -> None:
    show(NORMAL[:30, :30])
    assert view.drawn is not None
    before = view.drawn.limits
    view.tools.low.setFocus()
    view.tools.low.selectAll()
    QTest.keyClick(view.tools.low, Key.Key_Delete)
    QTest.keyClicks(view.tools.low, typed)
    QTest.keyClick(view.tools.low, Key.Key_Return)
    settled(qtbot, view)
    assert view.drawn.limits == before
    assert view.tools.low.text() == f"{before[0]:.4g}"


def test_filters_lie_in_a_grid_and_the_pointer_tells_their_index(show: Show, qtbot: QtBot, view: ImageView) -> None:
    values = np.random.default_rng(2).standard_normal((8, 6, 3, 3)).astype(np.float32)
    show(values)
    assert view.tools.layout_title == "Grid of axes 0 × 1"
    assert view.plane is not None
    assert (view.plane.rows, view.plane.columns) == (24, 18)
    assert pointed_at(view, 3 * 5 + 1, 3 * 4 + 2).startswith("[5, 4, 1, 2] = ")
    assert f"{values[5, 4, 1, 2]:.5g}".replace("-", "−")[:6] in view.caption.text()
    choose(view, "Tiles along axis 0")
    settled(qtbot, view)
    assert view.plane.tiles == 8
    assert not view.axes.box(0).isEnabled()
    view.axes.box(1).stepBy(3)
    settled(qtbot, view)
    assert pointed_at(view, 1, 1).startswith("[0, 3, 1, 1]")
    choose(view, "Slice")
    settled(qtbot, view)
    assert view.drawn is not None
    assert np.array_equal(view.drawn.raster.mean, values[0, 3].astype(np.float64))


def test_rows_lie_in_blocks_as_heads_do(show: Show, qtbot: QtBot, view: ImageView) -> None:
    values = np.arange(128 * 5, dtype=np.float32).reshape(128, 5)
    show(values)
    choose(view, "Blocks of 32 rows")
    settled(qtbot, view)
    assert view.drawn is not None
    assert np.array_equal(view.drawn.raster.mean, np.hstack(np.split(values, 4)).astype(np.float64))
    QTest.mouseClick(view.axes.transpose, Left)
    settled(qtbot, view)
    assert view.plane is not None
    assert (view.plane.rows, view.plane.columns) == (5, 128)


def test_a_vector_is_a_line_and_can_be_folded(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(np.arange(100, dtype=np.float32))
    assert view.plane is not None
    assert (view.plane.rows, view.plane.columns) == (1, 100)
    choose(view, "Folded")
    view.tools.count_box.setValue(30)
    settled(qtbot, view)
    assert (view.plane.rows, view.plane.columns) == (4, 30)
    assert pointed_at(view, 1, 2) == "[32] = 32"
    assert pointed_at(view, 3, 25) == "No tile is here"


def test_going_to_an_index_brings_it_into_the_middle(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(np.random.default_rng(3).standard_normal((3, 400, 500)).astype(np.float32))
    view.axes.line.setFocus()
    QTest.keyClicks(view.axes.line, "2, 333, 444")
    QTest.keyClick(view.axes.line, Key.Key_Return)
    settled(qtbot, view)
    assert view.plane is not None
    assert view.plane.at == (2, 0, 0)
    center = view.picture.box.viewRect().center()
    assert (round(center.y()), round(center.x())) == (333, 444)
    view.go_to("9, 9, 9")
    assert "outside axis 0" in view.caption.text()


def test_margins_are_means_and_norms_of_the_rows_and_columns_in_sight(
    show: Show, qtbot: QtBot, view: ImageView
) -> None:
    values = NORMAL[:30, :40]
    show(values)
    view.tools.margins_box.setCurrentIndex(1)
    settled(qtbot, view)
    assert view.picture.row_curve.getData()[0] == pytest.approx(values.astype(np.float64).mean(axis=1))
    assert view.picture.column_curve.getData()[1] == pytest.approx(values.astype(np.float64).mean(axis=0))
    view.tools.margins_box.setCurrentIndex(2)
    settled(qtbot, view)
    norms = np.sqrt((values.astype(np.float64) ** 2).mean(axis=1))
    assert view.picture.row_curve.getData()[0] == pytest.approx(norms)


def test_the_data_of_the_picture_is_saved_as_csv(show: Show, qtbot: QtBot, view: ImageView, tmp_path: Path) -> None:
    values = NORMAL[:5, :7]
    show(values)
    target = tmp_path / "image.csv"
    view.save_csv(str(target))
    qtbot.waitUntil(target.exists, timeout=10_000)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 35
    assert [float(row["mean"]) for row in rows] == values.astype(np.float64).reshape(-1).tolist()
    assert (rows[8]["first row"], rows[8]["last column"]) == ("1", "1")
    for kind in ("png", "svg"):
        file_ = tmp_path / f"image.{kind}"
        getattr(view, f"save_{kind}")(str(file_))
        qtbot.waitUntil(file_.exists, timeout=10_000)
        assert shades(QImage(str(file_))) > 10


def test_a_double_click_asks_for_the_value_in_the_table(show: Show, qtbot: QtBot, view: ImageView) -> None:
    show(np.zeros((4, 5), np.float32))
    with qtbot.waitSignal(view.index_wanted) as asked:
        QTest.mouseDClick(view.graphics.viewport(), Left, pos=pixel_of(view, 2, 3))
    assert asked.args == [(2, 3)]


def test_an_error_is_told_where_the_picture_is_and_can_be_tried_again(
    qtbot: QtBot, view: ImageView, tmp_path: Path
) -> None:
    checkpoint = checkpoint_of_arrays(tmp_path / "it", {"t": NORMAL[:9, :9]})
    Path(checkpoint.path).unlink()
    view.show_tensor(checkpoint.tensors["t"])
    qtbot.waitUntil(view.task_error.isVisible, timeout=10_000)
    assert "The picture cannot be read." in view.task_error.message.text()
    qtbot.waitUntil(lambda: view.is_settled, timeout=10_000)
    assert view.task_error.tools.try_again.isVisible()


def test_layouts_to_begin_with_suit_the_shape() -> None:
    def first(*shape: int) -> str:
        frame = frame_of(shape)
        return layouts_for(frame)[first_layout(frame)].title

    assert first(7) == "Line"
    assert first(300, 200) == "Matrix"
    assert first(64, 3, 7, 7) == "Tiles along axis 0"
    assert first(64, 32, 3, 3) == "Grid of axes 0 × 1"
    assert first(96, 80, 5) == "Tiles along axis 0"
    assert first(8, 512, 512) == "Slice"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    tensors = {
        "weight": torch.from_numpy(NORMAL[:60, :40].copy()),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(3.0),
        "sparse": torch.eye(3).to_sparse(),
    }
    return opened(tmp_path, tensors)


def test_the_pane_shows_the_selected_tensor_or_says_why_not(qtbot: QtBot, checkpoint: Checkpoint) -> None:
    with detail_window(qtbot) as detail:
        detail.show_node(checkpoint, node_called(checkpoint, "weight"), "weight")
        detail.show_pane("image")
        assert detail.current_pane == "image"
        qtbot.waitUntil(lambda: detail.is_settled, timeout=60_000)
        pane = detail.panes["image"]
        assert isinstance(pane, ImagePane)
        assert pane.view is not None
        assert pane.view.isVisible()
        assert "peak" in pane.view.summary
        for name, words in (("empty", "no elements (0 × 3)"), ("sparse", "there is no picture of it")):
            detail.show_node(checkpoint, node_called(checkpoint, name), name)
            assert words in pane.notice.text()
            assert not pane.view.isVisible()
        detail.show_node(checkpoint, node_called(checkpoint, "scalar"), "scalar")
        assert detail.current_pane == "overview"


@pytest.mark.parametrize(
    ("columns", "width"), [(13, 193), (13, 207), (20, 60), (40, 60), (110, 60), (110, 74), (4096, 90)]
)
def test_numbers_below_narrow_cells_do_not_run_together(show: Show, columns: int, width: int) -> None:
    view = show(np.zeros((900, columns), np.float32))
    axis = view.picture._bottom_axis
    axis.resize(width, 30)
    axis.setRange(-0.5, columns - 0.5)
    canvas = QImage(10, 10, QImage.Format.Format_RGB32)
    painter = QPainter(canvas)
    painter.setFont(axis.style["tickFont"])
    _, _, texts = axis.generateDrawSpecs(painter)
    painter.end()
    places = sorted((rect.left(), rect.right()) for rect, _, text in texts if text)
    assert places
    assert all(right + 2 <= left for (_, right), (left, _) in itertools.pairwise(places))
