"""`sdviewer screenshot`: a picture of everything that was asked for, or none at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from sdviewer.cli.main import run
from sdviewer.edit.rules import AddPrefix
from sdviewer.ui import screenshot
from sdviewer.ui.detail.numbers import NumbersView
from sdviewer.ui.detail.values_pane import ValuesPane
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.file_tabs import is_comparison
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.scan.scanning import Scan
from sdviewer.ui.theme import DARK, LIGHT
from tests.ui.looking import names, shades


@pytest.fixture
def saved(tmp_path: Path, qapp: QApplication) -> str:
    del qapp
    path = tmp_path / "net.pt"
    torch.save({"layer.weight": torch.randn(30, 20), "layer.bias": torch.zeros(30)}, path)
    return str(path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def shoot(*arguments: str | Path) -> int:
    """Run the command in this process."""
    return run(["screenshot", *map(str, arguments)], no_window)


def no_window(_: Sequence[str], __: bool, ___: bool) -> int:
    pytest.fail("the window was opened")


def test_a_picture_of_the_window_is_written(saved: str, out: Path) -> None:
    assert shoot(saved, out) == 0
    image = QImage(str(out))
    assert (image.width(), image.height()) == (1400, 900)
    assert shades(image) > 100
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~current_mask()


def current_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_selection_is_in_the_picture_with_its_histogram(saved: str, out: Path, tmp_path: Path) -> None:
    assert shoot(saved, out) == 0
    selected = tmp_path / "selected.png"
    assert shoot(saved, selected, "--select", "layer.weight") == 0
    # The bars are filled with the accent, half transparent: on white a light blue that nothing else has.
    fill = QColor(LIGHT.accent)
    share = 90 / 255
    expected = [round(255 + (part - 255) * share) for part in (fill.red(), fill.green(), fill.blue())]

    def bars(path: Path) -> int:
        image = QImage(str(path))
        colors = (image.pixelColor(x, y) for x in range(700, 1400, 2) for y in range(200, 850, 2))
        return sum(
            all(abs(a - b) < 3 for a, b in zip((c.red(), c.green(), c.blue()), expected, strict=True)) for c in colors
        )

    assert bars(selected) > 500
    # An edge of a letter may have that colour by chance.
    assert bars(out) < 20


def test_a_module_can_be_selected(saved: str, out: Path) -> None:
    assert shoot(saved, out, "--select", "layer") == 0
    assert out.exists()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MainWindow]]:
    """The windows of which pictures are taken."""
    made: list[MainWindow] = []

    class Kept(MainWindow):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

        def deleteLater(self) -> None:  # noqa: N802  # Qt
            """The test does it."""

        def close(self) -> bool:
            """Not yet: what is in sight is looked at."""
            return False

    monkeypatch.setattr(screenshot, "MainWindow", Kept)
    yield made
    for window in made:
        MainWindow.close(window)
        MainWindow.deleteLater(window)


def tab_of(windows: list[MainWindow]) -> DocumentTab:
    tab = windows[0].current_tab
    assert tab is not None
    return tab


def test_the_table_of_all_tensors_is_in_the_picture(saved: str, out: Path, windows: list[MainWindow]) -> None:
    assert shoot(saved, out, "--view", "tensors", "--select", "layer.bias") == 0
    browser = tab_of(windows).browser
    assert browser.table is not None
    assert browser.table.isVisible()
    loaded = tab_of(windows).loaded
    assert loaded is not None
    assert browser.table.view.current_tensor == loaded.checkpoint.tensors.find("layer.bias").row


def test_the_tab_that_was_asked_for_is_in_the_picture_with_what_it_reads(
    saved: str, out: Path, windows: list[MainWindow]
) -> None:
    assert shoot(saved, out, "--select", "layer.bias", "--tab", "values") == 0
    detail = tab_of(windows).detail
    assert detail.current_pane == "values"
    pane = detail.panes["values"]
    assert isinstance(pane, ValuesPane)
    model = pane.view.table.values_model
    assert [model.data(model.index(row, 0)) for row in range(3)] == ["0", "0", "0"]


@pytest.mark.parametrize(
    ("arguments", "there"),
    [
        (["--tab", "valuse", "--select", "layer.bias"], "overview, statistics, distribution, image, values"),
        (["--tab", "values", "--select", "layer"], "overview"),
        (["--tab", ""], "overview"),
    ],
)
def test_a_tab_that_is_not_there_is_wrong_usage_that_names_the_others(
    saved: str, out: Path, arguments: list[str], there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(saved, out, *arguments) == 64
    error = capsys.readouterr().err
    assert f"there is no tab {arguments[1]!r}" in error
    assert there in error
    assert not out.exists()


def test_the_filter_is_in_the_picture_with_what_it_leaves(saved: str, out: Path, windows: list[MainWindow]) -> None:
    assert shoot(saved, out, "--filter", "weight", "--select", "layer.bias") == 0
    tab = tab_of(windows)
    assert tab.browser.filter.count.text() == "1 of 2"
    assert not any("bias" in name for name in names(tab))
    # What the filter leaves out is still what was selected.
    assert tab.detail.name.text() == "layer.bias"


def test_a_filter_that_makes_no_sense_is_wrong_usage(saved: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot(saved, out, "--filter", "dtype:nothing") == 64
    assert "the filter 'dtype:nothing' makes no sense" in capsys.readouterr().err
    assert not out.exists()


def test_what_a_scan_finds_is_in_the_picture(out: Path, tmp_path: Path, windows: list[MainWindow]) -> None:
    sick = tmp_path / "sick.pt"
    torch.save({"layer.weight": torch.full((30, 20), torch.nan)}, sick)
    assert shoot(sick, out, "--scan") == 0
    scanning = tab_of(windows).scanning
    assert scanning.state is Scan.DONE
    assert scanning.findings is not None


@pytest.fixture
def other(tmp_path: Path, saved: str) -> Path:
    path = tmp_path / "other.pt"
    torch.save({**torch.load(saved), "layer.bias": torch.ones(30)}, path)
    return path


def test_a_comparison_is_in_the_picture_with_the_row_and_tab_that_were_asked_for(
    saved: str, other: Path, out: Path, windows: list[MainWindow]
) -> None:
    assert shoot(saved, out, "--diff", other, "--select", "layer.bias", "--tab", "values") == 0
    page = windows[0].current_page
    assert is_comparison(page)
    assert page.summary == "2 tensors: 1 changed, 1 same"
    assert page.detail.name.text() == "layer.bias"
    assert page.detail.current_pane == "values"
    assert shades(QImage(str(out))) > 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--select", "layer.wieght"], "'layer.wieght'"),
        (["--tab", "channels"], "overview, layers, load"),
        (["--scan"], "neither a scan"),
        (["--export"], "not allowed with argument --diff"),
    ],
)
def test_what_a_comparison_does_not_have_is_wrong_usage(
    saved: str, other: Path, out: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(saved, out, "--diff", other, *arguments) == 64
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_second_file_that_is_not_there_gives_no_picture(
    saved: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(saved, out, "--diff", "missing.pt") == 2
    assert "missing.pt: no such file" in capsys.readouterr().err
    assert not out.exists()


def test_no_file_that_is_shown_is_overwritten(saved: str, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = other.read_bytes()
    assert shoot(saved, other, "--diff", other) == 2
    assert "itself" in capsys.readouterr().err
    assert other.read_bytes() == before


def test_an_export_is_in_the_picture_with_the_rules_of_a_recipe(
    saved: str, out: Path, tmp_path: Path, windows: list[MainWindow]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('version = 1\n[[rules]]\nrule = "add_prefix"\nprefix = "net."\n', "utf-8")
    assert shoot(saved, out, "--export", recipe) == 0
    faces = tab_of(windows).faces
    assert faces.shows_export
    assert faces.export is not None
    assert faces.export.wish.rules == (AddPrefix("net."),)


def test_a_recipe_that_makes_no_sense_gives_no_picture(
    saved: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('version = 1\n[[rules]]\nrule = "melt"\n', "utf-8")
    assert shoot(saved, out, "--export", recipe) == 2
    assert "melt" in capsys.readouterr().err
    assert not out.exists()


def test_a_larger_scale_is_the_same_picture_with_finer_pixels(saved: str, out: Path, tmp_path: Path) -> None:
    fine = tmp_path / "fine.png"
    assert shoot(saved, out, "--size", "700x500") == 0
    assert shoot(saved, fine, "--size", "700x500", "--scale", "2") == 0
    image = QImage(str(fine))
    assert (image.width(), image.height()) == (1400, 1000)
    half = image.scaled(700, 500, mode=Qt.TransformationMode.SmoothTransformation)
    coarse = QImage(str(out))
    places = [(x, y) for x in range(0, 700, 7) for y in range(0, 500, 7)]
    unlike = sum(
        abs(half.pixelColor(*place).lightness() - coarse.pixelColor(*place).lightness()) > 40 for place in places
    )
    assert unlike < len(places) / 20
    # Twice as fine, not twice as coarse: neighbours differ.
    assert any(image.pixel(2 * x, 2 * y) != image.pixel(2 * x + 1, 2 * y) for x, y in places)


@pytest.mark.parametrize("scale", ["0", "0.5", "5", "two", "nan"])
def test_a_scale_that_makes_no_sense_is_wrong_usage(saved: str, out: Path, scale: str) -> None:
    assert shoot(saved, out, "--scale", scale) == 64
    assert not out.exists()


def test_a_picture_that_would_be_too_large_is_wrong_usage(saved: str, out: Path) -> None:
    assert shoot(saved, out, "--scale", "4", "--size", "3000x2000") == 64
    assert not out.exists()


def test_theme_and_size_are_as_asked_for(saved: str, out: Path) -> None:
    assert shoot(saved, out, "--theme", "dark", "--size", "820x500") == 0
    image = QImage(str(out))
    assert (image.width(), image.height()) == (820, 500)
    assert image.pixelColor(100, 430).name() == DARK.base
    assert shoot(saved, out, "--theme", "light", "--size", "300x200") == 0
    assert QImage(str(out)).width() == 300


def test_json_tells_what_was_written(saved: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot(saved, out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == [{"file": str(out), "bytes": out.stat().st_size}]


@pytest.mark.parametrize("name", ["layer.wieght", "nothing", ""])
def test_a_name_that_is_not_there_gives_no_picture(
    saved: str, out: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(saved, out, "--select", name) == 2
    assert "no tensor is called" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_no_checkpoint_gives_no_picture(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.pt"
    bad.write_text("nothing of the kind")
    assert shoot(bad, out) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"sdviewer: {bad}: ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_picture_that_cannot_be_written_leaves_nothing(
    saved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(saved, tmp_path / "nowhere" / "picture.png") == 2
    assert "cannot be written" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    assert shoot(saved, tmp_path / "folder") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "net.pt"]


def test_the_checkpoint_is_never_overwritten(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(saved).read_bytes()
    assert shoot(saved, saved) == 2
    assert "is the checkpoint itself" in capsys.readouterr().err
    assert Path(saved).read_bytes() == before


@pytest.mark.parametrize("size", ["12", "99x500", "20000x20000", "0x0", "1400x900x3"])
def test_a_size_that_makes_no_sense_is_wrong_usage(saved: str, out: Path, size: str) -> None:
    assert shoot(saved, out, "--size", size) == 64
    assert not out.exists()


def test_what_goes_wrong_in_the_window_gives_no_picture(
    saved: str, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in a slot")

    monkeypatch.setattr(NumbersView, "_show", broken)
    assert shoot(saved, out, "--select", "layer.weight") == 2
    error = capsys.readouterr().err
    assert "in a slot" in error
    assert error.endswith("sdviewer: sdviewer failed: ZeroDivisionError\n")
    assert not out.exists()


def test_the_program_needs_no_display_and_says_nothing(saved: str, out: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "sdviewer", "screenshot", saved, str(out), "--select", "layer.bias"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert shades(QImage(str(out))) > 100


def test_a_screen_of_twice_the_density_gives_twice_the_pixels(saved: str, out: Path) -> None:
    command = [sys.executable, "-m", "sdviewer", "screenshot", saved, str(out), "--size", "800x500"]
    environment = {**os.environ, "QT_SCALE_FACTOR": "2"}
    subprocess.run(command, env=environment, capture_output=True, timeout=100, check=True)
    image = QImage(str(out))
    assert (image.width(), image.height()) == (1600, 1000)
