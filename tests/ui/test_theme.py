"""The themes as they are painted: what can be typed into is seen, whichever theme is chosen and whenever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.theme import DARK, LIGHT, Colors, Theme, apply_theme, colors
from sdviewer.ui.values.index_box import IndexBox
from tests.ui.looking import picture


def light_of(color: QColor) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    channels = color.redF(), color.greenF(), color.blueF()
    parts = [part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4) for part in channels]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    lights = sorted((light_of(QColor(one)), light_of(QColor(other))))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.fixture
def fields(qtbot: QtBot) -> Iterator[list[QWidget]]:
    """Fields without the keys, made while the theme is light."""
    apply_theme(Theme.LIGHT)
    window = QWidget()
    column = QVBoxLayout(window)
    made: list[QWidget] = [QLineEdit(), IndexBox(9, 1, "an index"), QPlainTextEdit()]
    button = QPushButton("with the keys")
    for widget in (button, *made):
        column.addWidget(widget)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    button.setFocus()
    qtbot.waitExposed(window)
    yield made
    apply_theme(Theme.LIGHT)


@pytest.mark.parametrize(("theme", "c"), [(Theme.LIGHT, LIGHT), (Theme.DARK, DARK)], ids=["light", "dark"])
def test_a_field_without_the_keys_has_a_frame_that_is_seen(fields: list[QWidget], theme: Theme, c: Colors) -> None:
    apply_theme(theme)
    QApplication.processEvents()
    for field in fields:
        image = picture(field)
        edge = [image.pixelColor(image.width() // 2, image.height() - 1 - y).name() for y in range(3)]
        assert max(contrast(color, c.base) for color in edge) >= 3, type(field).__name__
        # What the field is filled with is as it was.
        assert image.pixelColor(image.width() - 30, image.height() // 2).name() == c.base


@pytest.mark.parametrize("c", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(c: Colors) -> None:
    for text in (c.text, c.muted, c.error, c.warning, c.good, c.accent):
        for ground in (c.base, c.window, c.raised):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(c.highlighted_text, c.highlight) >= 4.5
    assert contrast(c.text, c.inactive_highlight) >= 4.5
    assert contrast(c.text, c.found) >= 4.5


def test_the_box_of_a_command_that_is_off_is_seen_in_both_themes(qtbot: QtBot) -> None:
    for theme in (Theme.LIGHT, Theme.DARK):
        apply_theme(theme)
        menu = QMenu()
        qtbot.addWidget(menu)
        menu.addAction("Off").setCheckable(True)
        menu.resize(menu.sizeHint())
        image = picture(menu)
        ground = QColor(colors().base).lightness()
        box = [
            abs(image.pixelColor(x, y).lightness() - ground) for x in range(4, 22) for y in range(4, image.height() - 4)
        ]
        assert max(box) > 50
    apply_theme(Theme.LIGHT)
