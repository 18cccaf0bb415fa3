"""A line of any length is laid out in a moment, and nothing is added to it."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from sdviewer.ui.long_lines import fill

Modes = QTextOption.WrapMode


@pytest.fixture
def editor(qtbot: QtBot) -> QPlainTextEdit:
    editor = QPlainTextEdit()
    qtbot.addWidget(editor)
    editor.resize(400, 300)
    editor.show()
    return editor


def test_words_stay_whole_in_lines_of_usual_length(editor: QPlainTextEdit) -> None:
    fill(editor, "some words\n" * 5000)
    assert editor.wordWrapMode() is Modes.WrapAtWordBoundaryOrAnywhere
    assert editor.toPlainText() == "some words\n" * 5000


def test_a_long_line_is_cut_anywhere_and_nothing_is_added_to_it(editor: QPlainTextEdit) -> None:
    """By words Qt takes a time that grows with the square of its length: seconds for this one."""
    text = "i4," * 60_000
    fill(editor, text)
    assert editor.wordWrapMode() is Modes.WrapAnywhere
    assert editor.toPlainText() == text


def test_words_are_whole_again_after_a_long_line(editor: QPlainTextEdit) -> None:
    fill(editor, "x" * 100_000)
    fill(editor, "some words")
    assert editor.wordWrapMode() is Modes.WrapAtWordBoundaryOrAnywhere
