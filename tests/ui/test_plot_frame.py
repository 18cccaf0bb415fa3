"""The frame of every plot: pictures and data that others can open, words for those who do not see, keys."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # for files that the tests wrote

import numpy as np
import pyqtgraph  # type: ignore[import-untyped]  # it has no types
import pytest
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.theme import DARK, LIGHT, Theme, apply_theme
from tests.ui.checkpoints import checkpoint_with
from tests.ui.looking import picture, shades


@pytest.fixture
def frame(qtbot: QtBot, tmp_path: Path) -> Iterator[PlotFrame]:
    """A line from (0, 0) to (1, 1), of a tensor with a name that no file can have."""
    apply_theme(Theme.LIGHT)
    bridge = Bridge()
    frame = PlotFrame("Line", bridge, ("test", "plot"))
    box = frame.graphics.addViewBox(row=0, col=1, enableMenu=False)
    frame.add_axis("left", box, 0, 0)
    frame.add_axis("bottom", box, 1, 1)
    box.addItem(pyqtgraph.PlotCurveItem([0, 1], [0, 1], pen=pyqtgraph.mkPen("#ff0000", width=3)))
    frame.set_origin(checkpoint_with(tmp_path, {"a/b <i>": np.zeros(2, np.float32)}), "a/b <i>")
    frame.set_summary("from 0 to 1, peak 1")

    def show_all() -> None:
        box.setRange(QRectF(0, 0, 1, 1), padding=0)

    show_all()
    frame.control_view(box, show_all)
    frame.resize(500, 350)
    frame.show()
    frame.activateWindow()
    qtbot.waitExposed(frame)
    yield frame
    frame.close_jobs()
    frame.close()
    bridge.close()
    frame.deleteLater()
    bridge.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def box_of(frame: PlotFrame) -> Any:
    return frame._box


def reds(image: QImage) -> int:
    """Pixels of the line."""
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return sum(color.red() > 200 and color.green() < 80 for color in pixels)


def is_red(element: ET.Element) -> bool:
    return element.attrib.get("stroke") == "#ff0000"


def rendered(svg: Path) -> QImage:
    """An SVG as a reader of such files paints it."""
    reader = QSvgRenderer(str(svg))
    assert reader.isValid()
    image = QImage(reader.viewBox().size(), QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    reader.render(painter)
    painter.end()
    return image


def save(qtbot: QtBot, frame: PlotFrame, ending: str, target: Path) -> str:
    """Choose the menu's entry and accept this name; returns what the status bar says."""
    (action,) = [a for a in frame.menu.actions() if ending in a.text()]
    with qtbot.waitSignal(frame.message) as said:
        action.trigger()
        (dialog,) = frame.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(target))
        dialog.reject()
    assert said.args is not None
    return str(said.args[0])


def test_a_png_shows_what_the_screen_shows_twice_as_fine(qtbot: QtBot, frame: PlotFrame, tmp_path: Path) -> None:
    assert save(qtbot, frame, "PNG", tmp_path / "p.png").startswith("Saved p.png, ")
    image = QImage(str(tmp_path / "p.png"))
    assert image.size() == frame.graphics.viewport().size() * 2
    assert shades(image) > 20
    assert reds(image) > 1000
    assert image.pixelColor(image.width() - 1, 0).name() == LIGHT.base
    assert image.text("Title") == "Line of a/b <i>"
    assert image.text("Description") == "from 0 to 1, peak 1"


def test_an_svg_opens_with_its_texts_and_is_not_blank(qtbot: QtBot, frame: PlotFrame, tmp_path: Path) -> None:
    save(qtbot, frame, "SVG", tmp_path / "p.svg")
    assert "Line of a/b &lt;i&gt;" in (tmp_path / "p.svg").read_text()
    image = rendered(tmp_path / "p.svg")
    assert image.size() == frame.graphics.viewport().size()
    assert reds(image) > 200
    assert image.pixelColor(image.width() - 1, 0).name() == LIGHT.base


def test_a_curve_in_an_svg_stays_within_the_axes(qtbot: QtBot, frame: PlotFrame, tmp_path: Path) -> None:
    box_of(frame).setRange(QRectF(0.25, 0.25, 0.5, 0.5), padding=0)
    save(qtbot, frame, "SVG", tmp_path / "p.svg")
    # Qt's own reader knows no clipping, so the file itself is looked at.
    root = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314  # our own file
    svg = "{http://www.w3.org/2000/svg}"
    clips = {clip.attrib["id"]: clip[0].attrib["d"] for clip in root.iter(f"{svg}clipPath")}
    (clipped,) = [g for g in root.iter(f"{svg}g") if "clip-path" in g.attrib and any(map(is_red, g.iter()))]
    corners = re.findall(r"[ML](-?[0-9.]+),(-?[0-9.]+)", clips[clipped.attrib["clip-path"][5:-1]])
    inner = box_of(frame).sceneBoundingRect()
    assert min(float(x) for x, _ in corners) == pytest.approx(inner.left(), abs=1)
    assert max(float(x) for x, _ in corners) == pytest.approx(inner.right(), abs=1)
    assert max(float(y) for _, y in corners) == pytest.approx(inner.bottom(), abs=1)


def test_csv_holds_the_columns_with_all_their_digits(qtbot: QtBot, frame: PlotFrame, tmp_path: Path) -> None:
    (action,) = [a for a in frame.menu.actions() if "CSV" in a.text()]
    assert not action.isEnabled()
    frame.set_data(lambda: [("x", np.array([0.1, np.nan, -np.inf])), ("what", ['a,"b"', "c"])])
    assert save(qtbot, frame, "CSV", tmp_path / "d.csv") == "Saved d.csv, 42 B."
    with (tmp_path / "d.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["x", "what"], ["0.1", 'a,"b"'], ["NaN", "c"], ["-Infinity", ""]]


def test_the_checkpoint_is_never_written_over(qtbot: QtBot, frame: PlotFrame, tmp_path: Path) -> None:
    before = (tmp_path / "payload.bin").read_bytes()
    assert "file of the checkpoint" in save(qtbot, frame, "PNG", tmp_path / "payload.bin")
    assert frame.task_error.isVisible()
    assert (tmp_path / "payload.bin").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "payload.bin"]


def test_a_suggested_name_is_one_that_files_can_have(frame: PlotFrame, tmp_path: Path) -> None:
    frame.ask_png()
    (dialog,) = frame.findChildren(QFileDialog)
    assert dialog.selectedFiles() == [str(tmp_path / "a_b_i_-line.png")]
    dialog.reject()


def test_summary_and_picture_are_copied(frame: PlotFrame) -> None:
    frame.copy_summary()
    assert QGuiApplication.clipboard().text() == "Line of a/b <i>\nfrom 0 to 1, peak 1"
    frame.copy_picture()
    assert reds(QGuiApplication.clipboard().image()) > 1000


def test_what_does_not_see_the_picture_hears_it(frame: PlotFrame) -> None:
    assert frame.graphics.accessibleName() == "Line"
    assert frame.graphics.accessibleDescription() == frame.caption.text() == "from 0 to 1, peak 1"
    assert frame.save_button.accessibleName() == "Save or copy: Line"
    frame.set_pointed("at 0.5")
    assert frame.caption.text() == "at 0.5"
    assert frame.graphics.accessibleDescription() == "from 0 to 1, peak 1"
    frame.set_pointed("")
    assert frame.caption.text() == "from 0 to 1, peak 1"


def test_keys_move_and_zoom_what_is_in_sight(frame: PlotFrame) -> None:
    frame.graphics.setFocus()

    def sight() -> list[float]:
        (left, right), (bottom, top) = box_of(frame).viewRange()
        return [round(float(x), 6) for x in (left, right, bottom, top)]

    QTest.keyClick(frame.graphics, Qt.Key.Key_Right)
    assert sight() == [0.1, 1.1, 0, 1]
    QTest.keyClick(frame.graphics, Qt.Key.Key_Up)
    assert sight() == [0.1, 1.1, 0.1, 1.1]
    QTest.keyClick(frame.graphics, Qt.Key.Key_Plus)
    assert sight() == [0.2, 1.0, 0.2, 1.0]
    QTest.keyClick(frame.graphics, Qt.Key.Key_Home)
    assert sight() == [0, 1, 0, 1]
    box_of(frame).setMouseEnabled(x=True, y=False)
    QTest.keyClick(frame.graphics, Qt.Key.Key_Minus)
    assert sight() == [-0.125, 1.125, 0, 1]
    QTest.keyClick(frame.graphics, Qt.Key.Key_Up)
    assert sight() == [-0.125, 1.125, 0, 1]


def test_the_keys_reach_tools_and_picture_and_are_seen_there(frame: PlotFrame) -> None:
    frame.save_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    frame.save_button.setFocus()
    before = picture(frame)
    QTest.keyClick(frame.save_button, Qt.Key.Key_Tab)
    assert frame.graphics.hasFocus()
    assert picture(frame) != before


def test_a_new_theme_recolours_the_picture(qtbot: QtBot, frame: PlotFrame) -> None:
    with qtbot.waitSignal(frame.recolored):
        apply_theme(Theme.DARK)
    image = picture(frame.graphics)
    assert image.pixelColor(image.width() - 1, 0).name() == DARK.base
    apply_theme(Theme.LIGHT)
