"""Metadata by clicks and keys: a tree of values that is searched, opened and copied."""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.metadata_below import metadata_below
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.metadata import pane as pane_module
from sdviewer.ui.metadata.pane import MetadataPane
from sdviewer.ui.theme import DARK, LIGHT, Theme, apply_theme
from tests.helpers.saved import opened
from tests.ui.details import detail_window, node_called, settled
from tests.ui.looking import picture, shades

Key, Left, Modifier = Qt.Key, Qt.MouseButton.LeftButton, Qt.KeyboardModifier
LONG = "the beginning " * 200 + "and the needle" + " at the end" * 20


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return opened(
        tmp_path,
        {
            "model": {"w": torch.ones(2)},
            "config": {"lr": 0.5, "deep": {"deeper": {"deepest": "needle"}}, "betas": (0.9, 0.999)},
            "args": argparse.Namespace(lr=0.25, names=["cat", "dog"]),
            "mixed": ["x", torch.ones(1), {"y": 1}],
            "text": LONG,
            "a/b": 1,
            "epoch": 3,
        },
    )


def shown(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, label: str = "") -> MetadataPane:
    """The metadata of a node, when it is there."""
    detail.show_node(checkpoint, node_called(checkpoint, label) if label else 0, "t.pt")
    detail.show_pane("metadata")
    pane = settled(qtbot, detail).panes["metadata"]
    assert isinstance(pane, MetadataPane)
    return pane


def rows(pane: MetadataPane) -> list[str]:
    """The keys of the rows in the tree, as far as it is open, indented."""
    model = pane.tree.metadata
    assert model is not None
    found = []
    index = model.index(0, 0)
    while index.isValid():
        entry = model.entry(index)
        found.append("  " * model.entries.depth(entry) + model.cells(entry).key)
        index = pane.tree.indexBelow(index)
    return found


def current_path(pane: MetadataPane) -> str:
    model = pane.tree.metadata
    assert model is not None
    return model.entries.path(pane.tree.current_entry())


def click_row(pane: MetadataPane, path: str, *, twice: bool = False) -> None:
    model = pane.tree.metadata
    assert model is not None
    entry = next(e for e in range(1, len(model.entries)) if model.entries.path(e) == path)
    place = pane.tree.visualRect(model.index_of(entry)).center()
    QTest.mouseClick(pane.tree.viewport(), Left, pos=place)
    if twice:
        QTest.mouseDClick(pane.tree.viewport(), Left, pos=place)


def find(qtbot: QtBot, pane: MetadataPane, text: str) -> None:
    """Press Ctrl+F in the tree and type."""
    QTest.keyClick(pane.tree, Key.Key_F, Modifier.ControlModifier)
    assert pane.find_line.line.hasFocus()
    QTest.keyClicks(pane.find_line.line, text)
    qtbot.waitUntil(lambda: pane.is_settled)


def test_the_root_shows_all_metadata(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint)
    assert [row for row in rows(pane) if not row.startswith(" ")] == [
        "config",
        "args",
        "mixed",
        "text",
        "a/b",
        "epoch",
    ]
    assert pane.path.path.endswith("entries in all")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("config", ["lr", "deep", "  deeper", "    deepest", "betas"]),
        ("args", ["lr", "names", "  [0]", "  [1]"]),
        ("epoch", ["epoch"]),
    ],
)
def test_a_node_shows_what_is_below_it(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, label: str, expected: list[str]
) -> None:
    assert rows(shown(qtbot, detail, checkpoint, label)) == expected


def test_the_current_value_is_shown_whole_with_its_name(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint
) -> None:
    pane = shown(qtbot, detail, checkpoint)
    click_row(pane, "text")
    assert pane.text.toPlainText() == LONG
    assert pane.path.path == "text"
    click_row(pane, "config")
    assert json.loads(pane.text.toPlainText()) == metadata_of(checkpoint.description)["config"]
    pane = shown(qtbot, detail, checkpoint, "config")
    click_row(pane, "deep/deeper/deepest")
    assert pane.path.path == "config/deep/deeper/deepest"
    assert pane.text.toPlainText() == "needle"
    pane = shown(qtbot, detail, checkpoint, "epoch")
    click_row(pane, "epoch")
    assert pane.path.path == "epoch"


def test_a_search_goes_through_keys_and_values_and_opens_the_way(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint
) -> None:
    pane = shown(qtbot, detail, checkpoint)
    pane.tree.collapseAll()
    find(qtbot, pane, "Needle")
    assert pane.find_line.count.text() == "1 of 2"
    assert current_path(pane) == "config/deep/deeper/deepest"
    assert "      deepest" in rows(pane)
    QTest.keyClick(pane.find_line.line, Key.Key_Return)
    assert current_path(pane) == "text"
    assert pane.find_line.count.text() == "2 of 2"
    QTest.keyClick(pane.find_line.line, Key.Key_Return)
    assert current_path(pane) == "config/deep/deeper/deepest"
    QTest.keyClick(pane.find_line.line, Key.Key_Return, Modifier.ShiftModifier)
    assert current_path(pane) == "text"
    QTest.mouseClick(pane.find_line.next_button, Left)
    assert current_path(pane) == "config/deep/deeper/deepest"
    QTest.mouseClick(pane.find_line.previous_button, Left)
    assert current_path(pane) == "text"


def test_what_was_found_is_marked_in_the_row_and_in_the_text(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint
) -> None:
    pane = shown(qtbot, detail, checkpoint)

    def marked(widget: Any) -> bool:
        image = picture(widget)
        wanted = QColor(LIGHT.found).rgb()
        return any(image.pixel(x, y) == wanted for x in range(0, image.width(), 2) for y in range(0, image.height(), 2))

    assert not marked(pane.tree.viewport())
    find(qtbot, pane, "needle")
    assert marked(pane.tree.viewport())
    QTest.keyClick(pane.find_line.line, Key.Key_Return)
    assert current_path(pane) == "text"
    QApplication.processEvents()
    # Far behind the beginning of a long text, which is scrolled there.
    assert marked(pane.text.viewport())
    assert len(pane.text.extraSelections()) == 1
    QTest.keyClick(pane.find_line.line, Key.Key_Escape)
    qtbot.waitUntil(lambda: pane.is_settled)
    assert not marked(pane.tree.viewport())
    assert pane.text.extraSelections() == []


def test_a_search_that_finds_nothing_says_so_and_escape_leads_back(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint
) -> None:
    pane = shown(qtbot, detail, checkpoint)
    click_row(pane, "epoch")
    find(qtbot, pane, "zebra")
    assert pane.find_line.count.text() == "not found"
    assert not pane.find_line.next_button.isEnabled()
    assert current_path(pane) == "epoch"
    QTest.keyClick(pane.find_line.line, Key.Key_Return)
    assert current_path(pane) == "epoch"
    QTest.keyClick(pane.find_line.line, Key.Key_Escape)
    assert pane.find_line.text == ""
    assert pane.find_line.line.hasFocus()
    QTest.keyClick(pane.find_line.line, Key.Key_Escape)
    assert pane.tree.hasFocus()
    qtbot.waitUntil(lambda: pane.is_settled)
    assert pane.find_line.count.text() == ""


def test_a_search_goes_on_in_the_next_node(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint)
    find(qtbot, pane, "lr")
    shown(qtbot, detail, checkpoint, "args")
    qtbot.waitUntil(lambda: pane.is_settled)
    assert pane.find_line.count.text() == "1 of 1"
    assert current_path(pane) == "lr"


def test_keys_open_close_and_walk(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint, "config")
    pane.tree.collapseAll()
    pane.tree.setFocus()
    pane.tree.go_to(2)
    assert current_path(pane) == "deep"
    QTest.keyClick(pane.tree, Key.Key_Return)
    assert rows(pane) == ["lr", "deep", "  deeper", "betas"]
    QTest.keyClick(pane.tree, Key.Key_Return)
    assert rows(pane) == ["lr", "deep", "betas"]
    QTest.keyClick(pane.tree, Key.Key_Right)
    QTest.keyClick(pane.tree, Key.Key_Down)
    assert current_path(pane) == "deep/deeper"
    QTest.keyClick(pane.tree, Key.Key_Asterisk)
    assert rows(pane) == ["lr", "deep", "  deeper", "    deepest", "betas"]
    QTest.keyClick(pane.tree, Key.Key_Left)
    QTest.keyClick(pane.tree, Key.Key_Left)
    assert current_path(pane) == "deep"


def test_buttons_open_and_close_everything(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint)
    QTest.mouseClick(pane.close_button, Left)
    assert not any(row.startswith(" ") for row in rows(pane))
    QTest.mouseClick(pane.open_button, Left)
    assert "      deepest" in rows(pane)


def test_a_click_on_the_sign_opens_and_closes(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint, "config")
    pane.tree.collapseAll()
    model = pane.tree.metadata
    assert model is not None
    rect = pane.tree.visualRect(model.index_of(2))
    sign = QPoint(rect.left() - pane.tree.indentation() // 2, rect.center().y())
    QTest.mouseClick(pane.tree.viewport(), Left, pos=sign)
    assert rows(pane) == ["lr", "deep", "  deeper", "betas"]
    QTest.mouseClick(pane.tree.viewport(), Left, pos=sign)
    assert rows(pane) == ["lr", "deep", "betas"]


def test_a_sign_as_deep_as_can_be_is_clicked_where_it_stands(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    deep: dict[str, Any] = {"bottom": 1}
    for _ in range(60):
        deep = {"k": deep}
    pane = shown(qtbot, detail, opened(tmp_path, {"w": torch.ones(1), "config": deep}), "config")
    pane.open_all()
    pane.tree.go_to(59)
    model = pane.tree.metadata
    assert model is not None
    index = model.index_of(59)
    sign = pane.tree._branch_rect(model, 59, pane.tree.visualRect(index)).center()
    assert pane.tree.viewport().rect().contains(sign)
    QTest.mouseClick(pane.tree.viewport(), Left, pos=sign)
    assert not pane.tree.isExpanded(index)
    QTest.mouseClick(pane.tree.viewport(), Left, pos=sign)
    assert pane.tree.isExpanded(index)


def test_values_names_and_json_are_copied(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane, clipboard = shown(qtbot, detail, checkpoint), QApplication.clipboard()
    messages: list[str] = []
    detail.message.connect(messages.append)
    click_row(pane, "text")
    QTest.keyClick(pane.tree, Key.Key_C, Modifier.ControlModifier)
    assert clipboard.text() == LONG
    click_row(pane, "config/betas")
    QTest.mouseClick(pane.copy_path_button, Left)
    assert clipboard.text() == "config/betas"
    QTest.mouseClick(pane.copy_value_button, Left)
    qtbot.waitUntil(lambda: pane.is_settled)
    assert json.loads(clipboard.text()) == [0.9, 0.999]
    click_row(pane, "config")
    QTest.mouseClick(pane.copy_json_button, Left)
    qtbot.waitUntil(lambda: pane.is_settled)
    assert json.loads(clipboard.text()) == metadata_of(checkpoint.description)["config"]
    click_row(pane, "a~1b")
    QTest.mouseClick(pane.copy_path_button, Left)
    assert clipboard.text() == "a~1b"
    assert [message.split()[0] for message in messages] == ["Copied"] * 5


def test_the_menu_offers_the_same(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMenu, "popup", lambda *_: None)
    pane = shown(qtbot, detail, checkpoint)
    pane.tree.collapseAll()
    click_row(pane, "config")
    pane.tree.customContextMenuRequested.emit(QPoint(5, 5))
    (menu,) = pane.findChildren(QMenu)
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert list(actions) == ["&Copy Value", "Copy &Path", "Copy as &JSON", "&Expand All Below"]
    actions["&Expand All Below"].trigger()
    assert "      deepest" in rows(pane)
    actions["Copy &Path"].trigger()
    assert QApplication.clipboard().text() == "config"


def test_a_tensor_in_a_list_leads_to_it(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> None:
    pane = shown(qtbot, detail, checkpoint)
    pane.open_all()
    with qtbot.waitSignal(detail.node_wanted) as caught:
        click_row(pane, "mixed/[1]", twice=True)
    tree = checkpoint.tree
    assert checkpoint.table.name[int(tree.ref[caught.args[0]])] == "mixed/[1]"
    pane.tree.setFocus()
    with qtbot.waitSignal(detail.node_wanted):
        QTest.keyClick(pane.tree, Key.Key_Return)


def many(count: int) -> dict[str, Any]:
    return {f"c{n}": {f"k{m}": {"lr": m, "name": f"value {m}"} for m in range(100)} for n in range(count)}


def test_many_values_are_read_in_a_job(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def spied(*arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return metadata_below(*arguments)

    monkeypatch.setattr(pane_module, "metadata_below", spied)
    checkpoint = opened(tmp_path, {"w": torch.ones(1), "few": {"a": {"b": 1}}, **many(20)})
    shown(qtbot, detail, checkpoint)
    shown(qtbot, detail, checkpoint, "few")
    assert threads[0].startswith("sdviewer")
    assert threads[1] == threading.main_thread().name


def test_reading_says_so_and_can_be_stopped(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_: object, __: object, control: Any) -> None:
        while True:
            control.check()
            time.sleep(0.001)

    checkpoint = opened(tmp_path, {"w": torch.ones(1), **many(20)})
    monkeypatch.setattr(pane_module, "metadata_below", slow)
    detail.show_node(checkpoint, 0, "t")
    detail.show_pane("metadata")
    pane = detail.panes["metadata"]
    assert isinstance(pane, MetadataPane)
    qtbot.waitUntil(lambda: pane.notice.text() == "Reading metadata …")
    (slot,) = (slot for slot in detail.running_slots() if "metadata" in str(slot))
    pane._bridge.cancel(slot)
    qtbot.waitUntil(lambda: pane.error.message.text() == "Reading the metadata was stopped.")
    assert not pane.error.tools.show_details.isVisible()


def broken(*_: object) -> None:
    raise ValueError("no such luck")


def test_a_failure_is_told_in_place_and_can_be_tried_again(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(1), **many(20)})
    with monkeypatch.context() as patch:
        patch.setattr(pane_module, "metadata_below", broken)
        pane = shown(qtbot, detail, checkpoint)
    assert pane.error.message.text().startswith("✖ The metadata cannot be read. ValueError: no such luck")
    assert not pane.tree.isVisible()
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    settled(qtbot, detail)
    assert pane.tree.isVisible()
    assert not pane.error.isVisible()


def test_a_search_that_fails_is_told_above_the_values(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = shown(qtbot, detail, opened(tmp_path, {"w": torch.ones(1), "lr": 0.1, "name": "x"}))
    with monkeypatch.context() as patch:
        patch.setattr(pane_module, "found_in", broken)
        QTest.keyClicks(pane.find_line.line, "lr")
        qtbot.waitUntil(pane.error.isVisible)
    assert pane.tree.isVisible()
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not pane.error.isVisible() and pane.tree.current_entry() > 0)


def test_another_selection_supersedes_what_is_read(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(1), "config": {"a": 1}, **many(40)})
    detail.show_node(checkpoint, 0, "t")
    detail.show_pane("metadata")
    assert rows(shown(qtbot, detail, checkpoint, "config")) == ["a"]


def test_everything_is_opened_only_as_far_as_is_quick(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(1), **many(30)})
    pane = shown(qtbot, detail, checkpoint)
    messages: list[str] = []
    detail.message.connect(messages.append)
    pane.open_all()
    assert len(rows(pane)) <= 2_100
    assert messages == [f"Opened the first levels: there are {30 + 3000 * 3:,} entries."]
    # One branch of it is small enough.
    pane.tree.go_to(1)
    QTest.keyClick(pane.tree, Key.Key_Asterisk)
    assert sum(row == "    lr" for row in rows(pane)) == 100


def test_containers_are_called_as_in_the_file(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    metadata = {
        "betas": (0.9, 0.999),
        "list": [1, 2, 3],
        "nested": ({"a": 1}, ["x"]),
        "ordered": OrderedDict(a=1),
        "set": {1, 2},
        "empty": (),
    }
    pane = shown(qtbot, detail, opened(tmp_path, {"w": torch.ones(1), **metadata}))
    model = pane.tree.metadata
    assert model is not None
    kinds = {model.entries.path(entry): model.cells(entry).type for entry in range(1, len(model.entries))}
    assert kinds["betas"] == "tuple · 2"
    assert kinds["list"] == "list · 3"
    assert kinds["nested"] == "tuple · 2"
    assert kinds["nested/[0]"] == "dict · 1"
    assert kinds["nested/[1]"] == "list · 1"
    assert kinds["ordered"] == "OrderedDict · 1"
    assert kinds["set"] == "set · 2"
    assert kinds["empty"] == "tuple · 0"


def test_an_empty_container_says_so(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(1), "config": {"empty": {}}})
    pane = shown(qtbot, detail, checkpoint, "empty")
    assert pane.notice.text() == "There is nothing in it."


def test_html_and_unseen_characters_are_only_text(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(1), "<b>k</b>": "a\u202eb<img src=x>", "c": {"d": 1}})
    pane = shown(qtbot, detail, checkpoint)
    assert "<b>k<~1b>" not in rows(pane)
    assert "<b>k</b>" in rows(pane)
    model = pane.tree.metadata
    assert model is not None
    pane.tree.go_to(next(e for e in range(1, len(model.entries)) if "k" in model.entries.keys[e]))
    assert pane.text.toPlainText() == r"a\u202eb<img src=x>"
    assert pane.path.textFormat() is Qt.TextFormat.PlainText


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK], ids=["light", "dark"])
def test_the_tree_is_painted_in_both_themes(
    qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint, theme: Theme
) -> None:
    pane = shown(qtbot, detail, checkpoint)
    apply_theme(theme)
    QApplication.processEvents()
    image = picture(pane.tree.viewport())
    base = (DARK if theme is Theme.DARK else LIGHT).base
    assert image.pixelColor(image.width() - 2, image.height() - 2).name() == base
    assert shades(image) > 10
    apply_theme(Theme.LIGHT)
