"""Names in Hebrew and Arabic keep the order of their parts; marks that turn the direction are told, not obeyed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextLayout
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from safetensors.numpy import save_file

from sdviewer.ui.detail.blocks import ValueLabel
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.reading_order import MARK, in_order, without_marks
from tests.ui.looking import names, picture, shades

Settle = Callable[[MainWindow], DocumentTab]

HEBREW, ARABIC = "מקודד.שכבה.0.משקל", "وزن.طبقة.2.bias"
DECEIVING = ("bad\u202egnp.weight", "\u2067iso\u2069.w", "\u200fmark.w")
NAMES = (HEBREW, ARABIC, "a.א.1.2", "encoder.שכבה.0.weight", *DECEIVING, "plain.weight")


def places(text: str) -> list[float]:
    """Where the parts of a path are seen, from the left."""
    layout = QTextLayout(text)
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    found: list[float] = []
    at = 0
    for part in without_marks(text).split("."):
        at = text.index(part, at)
        found.append(min(glyph.x() for run in line.glyphRuns(at, len(part)) for glyph in run.positions()))
        at += len(part)
    return found


@pytest.mark.parametrize("name", [HEBREW, ARABIC, "a.א.1.2", "encoder.שכבה.0.weight", "x.y"])
@pytest.mark.usefixtures("qapp")
def test_parts_follow_one_another_from_left_to_right(name: str) -> None:
    seen = places(in_order(name))
    assert seen == sorted(set(seen))
    assert without_marks(in_order(name)) == name
    assert in_order(in_order(name)) == in_order(name)


@pytest.mark.usefixtures("qapp")
def test_qt_alone_would_show_another_path() -> None:
    seen = places("a.א.1.2")
    assert seen[3] < seen[1]


def test_other_names_are_left_as_they_are() -> None:
    for name in ("plain.weight", "größe.weight", "重み.0", "a…b", ""):
        assert in_order(name) == name


@pytest.fixture
def tab(window: MainWindow, settle: Settle, tmp_path: Path) -> DocumentTab:
    path = tmp_path / "משקל.safetensors"
    save_file({name: np.full((3, 4), row, np.float32) for row, name in enumerate(NAMES)}, path)
    window.open_files([str(path)])
    tab = settle(window)
    tab.tree.expand(0, deep=True)
    return tab


def test_the_tree_holds_the_names_and_tells_of_marks(tab: DocumentTab) -> None:
    labels = [label.strip() for label in names(tab)]
    assert {"מקודד", "שכבה", "משקל", "وزن", "طبقة"} <= set(labels)
    assert {"bad\\u202egnp", "\\u2067iso\\u2069", "\\u200fmark"} <= set(labels)
    assert not any(mark in label for label in labels for mark in "\u202e\u2067\u2069\u200f\u200e")
    assert shades(picture(tab.tree.viewport())) > 2


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_from_the_left_and_copied_as_it_is(
    tab: DocumentTab, window: MainWindow, settle: Settle, name: str
) -> None:
    tab.go_to_name(name)
    settle(window)
    line = tab.detail.name
    assert not line.text().startswith(tuple("\u05d0\u0648"))
    line.setFocus()
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    assert MARK not in copied
    if name not in DECEIVING:
        assert copied == name
    tab.detail.copy_name()
    assert QGuiApplication.clipboard().text() == name


def test_a_value_is_copied_without_the_marks(tab: DocumentTab, window: MainWindow, settle: Settle) -> None:
    tab.go_to_name(HEBREW)
    settle(window)
    label = next(label for label in tab.detail.findChildren(ValueLabel) if label.value == HEBREW)
    assert label.text().startswith(MARK)
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == HEBREW


def test_table_and_finder_show_them_too(tab: DocumentTab, window: MainWindow, settle: Settle) -> None:
    tab.browser.show_view(ALL_TENSORS)
    settle(window)
    table = tab.browser.table
    assert table is not None
    QApplication.processEvents()
    assert shades(picture(table.view.viewport())) > 2
    assert {table.model.text(place, 0) for place in range(len(NAMES))} >= {HEBREW, ARABIC, "bad\\u202egnp.weight"}
