"""The keys that F1 lists are those that the views know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QTableView

from sdviewer.ui.detail.values_pane import ValuesPane
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.keys import KeySpec, KeyTable
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.table.keys import TABLE_KEYS
from sdviewer.ui.tree.keys import TREE_KEYS
from sdviewer.ui.values.keys import VALUES_KEYS
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.conftest import MakeWindow

NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL, KEYPAD = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.KeypadModifier
TABLES = (TREE_KEYS, TABLE_KEYS, VALUES_KEYS)

SOME = KeyTable(
    "Some",
    (
        KeySpec("open", ("+",), "Open it"),
        KeySpec("right", ("Right",), "Go on"),
        KeySpec("end", ("Ctrl+End", "End"), "Go to the end"),
        KeySpec("many", ("Up", "Down", "PgUp", "PgDown"), "Go about"),
        KeySpec("", (), "Search", told="A letter …"),
    ),
)


def pressed(key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE, text: str = "") -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (pressed(Qt.Key.Key_Right), "right"),
        (pressed(Qt.Key.Key_Right, KEYPAD), "right"),
        (pressed(Qt.Key.Key_Right, SHIFT), ""),
        (pressed(Qt.Key.Key_End, CONTROL), "end"),
        (pressed(Qt.Key.Key_End), "end"),
        (pressed(Qt.Key.Key_End, CONTROL | SHIFT), ""),
        (pressed(Qt.Key.Key_Plus, NONE, "+"), "open"),
        # Where the sign stands above another one.
        (pressed(Qt.Key.Key_Plus, SHIFT, "+"), "open"),
        (pressed(Qt.Key.Key_Plus, CONTROL, "+"), ""),
        (pressed(Qt.Key.Key_A, NONE, "a"), ""),
    ],
)
def test_a_key_is_known_by_its_modifiers(event: QKeyEvent, name: str) -> None:
    assert SOME.find(event) == name


def test_keys_are_told_in_short() -> None:
    assert SOME.rows() == [
        ("+", "Open it"),
        ("→", "Go on"),
        ("Ctrl+End, End", "Go to the end"),
        ("↑ …", "Go about"),
        ("A letter …", "Search"),
    ]
    assert SOME.sequence("end") == QKeySequence("Ctrl+End")


@pytest.mark.parametrize("table", TABLES, ids=[table.title for table in TABLES])
def test_no_key_of_a_view_stands_for_two_things(table: KeyTable) -> None:
    keys = [QKeySequence(key).toString() for spec in table.specs for key in spec.keys]
    assert all(keys)
    assert len(keys) == len(set(keys))


@pytest.fixture
def tab(make_window: MakeWindow, settle: Callable[[MainWindow], DocumentTab], tmp_path: Path) -> DocumentTab:
    window = make_window(lambda *_: checkpoint_with(tmp_path, small_tensors()))
    window.open_files(["any.pt"])
    return settle(window)


def tree(tab: DocumentTab) -> QTableView:
    return tab.tree


def table(tab: DocumentTab) -> QTableView:
    tab.browser.show_view(1)
    assert tab.browser.table is not None
    return tab.browser.table.view


def values(tab: DocumentTab) -> QTableView:
    tab.go_to_name("head.weight")
    tab.detail.show_pane("values")
    QApplication.processEvents()
    pane = tab.detail.panes["values"]
    assert isinstance(pane, ValuesPane)
    return pane.view.table


@pytest.mark.parametrize(
    ("view", "keys"), [(tree, TREE_KEYS), (table, TABLE_KEYS), (values, VALUES_KEYS)], ids=["tree", "table", "values"]
)
def test_a_view_takes_every_key_that_is_listed(
    tab: DocumentTab, view: Callable[[DocumentTab], QTableView], keys: KeyTable
) -> None:
    widget = view(tab)
    for spec in keys.specs:
        # Without a name are keys of Qt's own; Ctrl+G is a shortcut of all that stands around the values.
        for key in spec.keys if spec.name not in ("", "go_to") else ():
            if view is values:
                # From its first cell no key leads up.
                widget.setCurrentIndex(widget.model().index(1, 1))
            combination = QKeySequence(key)[0]  # type: ignore[index]  # the stub has no items
            event = pressed(combination.key(), combination.keyboardModifiers())
            event.ignore()
            widget.event(event)
            assert event.isAccepted(), key
    strange = pressed(Qt.Key.Key_F12)
    strange.ignore()
    widget.event(strange)
    assert not strange.isAccepted()
