"""A line of text that is too long gives way, and its tooltip has the whole."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.ui.elided_label import ElidedLabel
from tests.ui.looking import picture, shades


def test_a_long_text_widens_nothing_and_is_told_in_the_tooltip(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    label = ElidedLabel("a & <b>" + "x" * 500)
    QHBoxLayout(window).addWidget(label)
    window.resize(300, 40)
    window.show()
    qtbot.waitExposed(window)
    assert window.width() == 300
    assert shades(picture(label)) > 3
    assert "&amp; &lt;b&gt;" in label.toolTip()
    label.setText("short")
    picture(label)
    assert label.toolTip() == ""
