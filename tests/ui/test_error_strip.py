"""ErrorStrip by clicks and keys: what happened, what to do, the details and their copy, and another try."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.errors import CannotWrite
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.theme import DARK, LIGHT, Colors, Theme, apply_theme
from tests.ui.looking import picture

Button = Qt.MouseButton


@pytest.fixture
def home(qapp: QApplication) -> QLineEdit:
    del qapp
    return QLineEdit()


@pytest.fixture
def strip(qtbot: QtBot, home: QLineEdit) -> Iterator[ErrorStrip]:
    """A hidden strip above what it speaks of."""
    apply_theme(Theme.LIGHT)
    window = QWidget()
    column = QVBoxLayout(window)
    made = ErrorStrip(home)
    column.addWidget(made)
    column.addWidget(home, 1)
    qtbot.addWidget(window)
    window.resize(360, 500)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    home.setFocus()
    yield made
    apply_theme(Theme.LIGHT)


def error() -> CannotWrite:
    """As it comes from a job: with a traceback."""
    with pytest.raises(CannotWrite) as caught:
        raise CannotWrite("cannot be written: No space left", file="/some/where/<b>out</b>.npy", hint="free some space")
    return caught.value


def test_it_tells_what_happened_where_and_what_to_do(strip: ErrorStrip, home: QLineEdit) -> None:
    assert not strip.isVisible()
    strip.show_error(error(), "The tensor was not saved.")
    assert strip.isVisible()
    said = "✖ The tensor was not saved. It cannot be written: No space left. Free some space."
    assert strip.message.text() == said
    assert strip.accessibleName() == said
    assert strip.file.text() == "/some/where/<b>out</b>.npy"
    assert not strip.tools.try_again.isVisible()
    # It takes no keys from whoever types.
    assert home.hasFocus()


def test_details_are_shown_and_copied(strip: ErrorStrip) -> None:
    strip.show_error(error())
    assert not strip.tools.details.isVisible()
    QTest.mouseClick(strip.tools.show_details, Button.LeftButton)
    assert strip.tools.details.isVisible()
    assert "CannotWrite" in strip.tools.details.toPlainText()
    assert "Traceback" in strip.tools.details.toPlainText()
    QTest.mouseClick(strip.tools.copy_details, Button.LeftButton)
    assert QApplication.clipboard().text() == strip.tools.details.toPlainText()
    QTest.mouseClick(strip.tools.show_details, Button.LeftButton)
    assert not strip.tools.details.isVisible()


def test_another_try_clears_it_before_it_begins(strip: ErrorStrip, home: QLineEdit) -> None:
    tries: list[bool] = []
    strip.show_error(error(), again=lambda: tries.append(strip.isVisible()))
    strip.tools.try_again.setFocus()
    QTest.mouseClick(strip.tools.try_again, Button.LeftButton)
    assert tries == [False]
    assert home.hasFocus()


def test_an_error_of_another_try_is_told_anew(strip: ErrorStrip) -> None:
    strip.show_error(error(), again=lambda: strip.show_error(ValueError("again")))
    QTest.mouseClick(strip.tools.show_details, Button.LeftButton)
    QTest.mouseClick(strip.tools.try_again, Button.LeftButton)
    assert "ValueError: again" in strip.message.text()
    assert not strip.tools.try_again.isVisible()
    assert not strip.tools.details.isVisible()
    assert not strip.file.isVisible()


def test_what_was_stopped_is_no_error(strip: ErrorStrip) -> None:
    strip.show_error(error())
    QTest.mouseClick(strip.tools.show_details, Button.LeftButton)
    strip.show_stopped("Reading was stopped.", lambda: None)
    assert strip.message.text() == "Reading was stopped."
    tools = strip.tools
    assert [widget.isVisible() for widget in (tools.try_again, *tools.buttons[1:], tools.details, strip.file)] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_it_is_cleared_by_what_it_is_about(strip: ErrorStrip) -> None:
    strip.show_error(error(), about="rows")
    strip.clear("totals")
    assert strip.isVisible()
    strip.clear("rows")
    assert not strip.isVisible()


@pytest.mark.parametrize("how", ["button", "escape"])
def test_it_is_closed_and_the_keys_go_home(strip: ErrorStrip, home: QLineEdit, how: str) -> None:
    strip.show_error(error())
    if how == "button":
        strip.close_button.setFocus()
        QTest.keyClick(strip.close_button, Qt.Key.Key_Space)
    else:
        strip.tools.details.show()
        strip.tools.details.setFocus()
        QTest.keyClick(strip.tools.details, Qt.Key.Key_Escape)
    assert not strip.isVisible()
    assert home.hasFocus()


def test_everything_is_reached_by_tab_and_named(strip: ErrorStrip) -> None:
    strip.show_error(error(), again=lambda: None)
    QTest.mouseClick(strip.tools.show_details, Button.LeftButton)
    reached: list[QWidget] = []
    for _ in range(8):
        focus = QApplication.focusWidget()
        assert focus is not None
        reached.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    for widget in (*strip.tools.buttons, strip.tools.details, strip.close_button):
        assert widget in reached
        assert widget.accessibleName() or getattr(widget, "text", str)()


@pytest.mark.parametrize(("theme", "colors"), [(Theme.LIGHT, LIGHT), (Theme.DARK, DARK)])
def test_its_bar_has_the_colour_of_the_theme(strip: ErrorStrip, theme: Theme, colors: Colors) -> None:
    apply_theme(theme)
    strip.show_error(error())
    assert picture(strip).pixelColor(1, strip.height() // 2).name() == colors.error


def test_a_long_word_makes_nothing_wider(strip: ErrorStrip) -> None:
    width = strip.window().width()
    strip.show_error(ValueError("x" * 400))
    QApplication.processEvents()
    assert strip.window().width() == width
    assert strip.close_button.geometry().bottom() < strip.height()
