"""What is written has a contrast of 4.5:1, what is drawn and the frame of what has the keys one of 3:1."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.comparison.marks import mark_color
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.plots.image.cell_texts import takes_dark_text
from sdviewer.ui.plots.image.color_maps import MAPS
from sdviewer.ui.plots.series import SERIES, blended, series_color, series_tint
from sdviewer.ui.row_look import RowLook
from sdviewer.ui.sources.syntax import Token
from sdviewer.ui.sources.text_view import token_color
from sdviewer.ui.theme import DARK, LIGHT, Colors, Theme, apply_theme
from tests.ui.focus import is_in_sight, shows_focus
from tests.ui.test_theme import contrast

Settle = Callable[[MainWindow], DocumentTab]
THEMES = [(Theme.LIGHT, LIGHT), (Theme.DARK, DARK)]
TEXT, GRAPHIC = 4.5, 3.0
_ROLES, _GROUPS = QPalette.ColorRole, QPalette.ColorGroup


@pytest.fixture(params=THEMES, ids=["light", "dark"])
def theme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Colors]:
    del qapp
    which, c = request.param
    apply_theme(which)
    yield c
    apply_theme(Theme.LIGHT)


def inks(c: Colors) -> tuple[str, ...]:
    """Every colour that text has."""
    return (c.text, c.muted, c.accent, c.warning, c.error, c.good)


def test_every_text_of_the_palette_can_be_read(theme: Colors) -> None:
    palette = QApplication.palette()
    pairs = (
        (_ROLES.WindowText, _ROLES.Window),
        (_ROLES.Text, _ROLES.Base),
        (_ROLES.Text, _ROLES.AlternateBase),
        (_ROLES.PlaceholderText, _ROLES.Base),
        (_ROLES.ButtonText, _ROLES.Button),
        (_ROLES.BrightText, _ROLES.Window),
        (_ROLES.ToolTipText, _ROLES.ToolTipBase),
        (_ROLES.HighlightedText, _ROLES.Highlight),
        (_ROLES.Link, _ROLES.Base),
        (_ROLES.LinkVisited, _ROLES.Base),
    )
    assert palette.color(_ROLES.Window).name() == theme.window
    for group in (_GROUPS.Active, _GROUPS.Inactive, _GROUPS.Disabled):
        for ink, ground in pairs:
            one, other = palette.color(group, ink).name(), palette.color(group, ground).name()
            assert contrast(one, other) >= TEXT, (group, ink, one, ground, other)


def test_every_text_of_a_row_can_be_read(theme: Colors) -> None:
    look = RowLook(QApplication.font(), QApplication.palette())
    hovered = blended(look.hover, QColor(theme.base), look.hover.alphaF()).name()
    for ground in (theme.base, theme.window, theme.raised, theme.inactive_highlight, hovered):
        for ink in inks(theme):
            assert contrast(ink, ground) >= TEXT, (ink, ground)
    assert contrast(look.highlighted_text.name(), look.highlight.name()) >= TEXT
    # A row of which the other half of the window shows the details is marked by more than a faint ground.
    assert contrast(look.accent.name(), look.inactive.name()) >= GRAPHIC


def test_found_text_code_and_tiles_can_be_read(theme: Colors) -> None:
    assert contrast(theme.text, theme.found) >= TEXT
    for token in Token:
        assert contrast(token_color(token, theme), theme.base) >= TEXT, token
    for index in range(-1, SERIES):
        assert contrast(theme.text, series_tint(index).name()) >= TEXT, index


def test_what_is_drawn_stands_out(theme: Colors) -> None:
    for index in range(SERIES):
        assert contrast(series_color(index).name(), theme.base) >= GRAPHIC, index
    for mark in ("failed", "changed", "shape", "only_a", "only_b", "close", "dtype", "renamed", "identical", "waiting"):
        assert contrast(mark_color(mark).name(), theme.base) >= GRAPHIC, mark
    for ground in (theme.base, theme.window, theme.raised):
        for color in (theme.frame, theme.accent, theme.warning, theme.error, theme.good, theme.muted):
            assert contrast(color, ground) >= GRAPHIC, (color, ground)
    for ground in (theme.base, theme.window):
        assert contrast(theme.highlight, ground) >= GRAPHIC, ground


def test_numbers_in_pictures_can_be_read_on_every_colour_of_every_map() -> None:
    for color_map in MAPS:
        for is_dark in (False, True):
            ramp = color_map.ramp(is_dark=is_dark).view(np.uint8).reshape(-1, 4)
            for dark_text, (red, green, blue, _) in zip(takes_dark_text(ramp).tolist(), ramp.tolist(), strict=True):
                ground = QColor(red, green, blue).name()
                assert contrast("#000000" if dark_text else "#ffffff", ground) >= TEXT, (color_map.name, ground)


def in_turn(window: MainWindow) -> list[QWidget]:
    """All that Tab reaches and that is in sight."""
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isEnabled()
        and widget.focusProxy() is None
        and is_in_sight(widget)
    ]


def unseen(window: MainWindow) -> list[str]:
    """What has the keys without showing it."""
    found = []
    for widget in in_turn(window):
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        if widget.hasFocus() and is_in_sight(widget) and not shows_focus(widget):
            found.append(f"{type(widget).__name__} {widget.accessibleName()!r}")
    return found


def test_one_sees_what_has_the_keys(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path_factory: pytest.TempPathFactory, theme: Colors
) -> None:
    # The window was made light.
    apply_theme(Theme.DARK if theme.is_dark else Theme.LIGHT)
    QApplication.processEvents()
    window.activateWindow()
    assert unseen(window) == []
    folder = tmp_path_factory.mktemp("files")
    paths = [str(folder / name) for name in ("a.pt", "b.pt")]
    for shift, path in enumerate(paths):
        torch.save({f"{part}.weight": torch.arange(12.0).reshape(3, 4) + shift for part in "xyz"}, path)
    window.open_files(paths[:1])
    tab = settle(window)
    assert len(in_turn(window)) > 10
    assert unseen(window) == []
    tab.go_to_name("y.weight")
    settle(window)
    for name in tab.detail.panes_there:
        tab.detail.show_pane(name)
        settle(window)
        assert unseen(window) == [], name
    window.actions_by_name["show_tensors"].trigger()
    settle(window)
    assert unseen(window) == []
    window.actions_by_name["export"].trigger()
    qtbot.waitUntil(lambda: tab.is_settled, timeout=60_000)
    assert unseen(window) == []
    window.compare_files(*paths)
    page = window.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
    page.go_to_difference(1)
    for name in page.detail.panes_there:
        page.detail.show_pane(name)
        qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)
        assert unseen(window) == [], name
