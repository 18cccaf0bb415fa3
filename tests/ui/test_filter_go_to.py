"""The finder by real keys: a few letters, arrows, Enter; it blocks nothing and goes when it is not wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.filter.go_to import GoToPanel
from sdviewer.ui.filter.hit_list import HitModel
from sdviewer.ui.filter.tasks import HitRow
from sdviewer.ui.theme import Theme, apply_theme, colors
from tests.ui.checkpoints import checkpoint_with
from tests.ui.looking import picture, shades

NAMES = [
    f"model.layers.{layer}.{rest}.weight" for layer in range(12) for rest in ("attn.q_proj", "attn.k_proj", "mlp.up")
]
NAMES += ["lm_head.weight", "bad\nname\u202e.weight", "x" * 400 + ".last"]


class Window(QWidget):
    """A window with something else in it, and the finder over it."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = Bridge(self)
        self.other = QLineEdit()
        column = QVBoxLayout(self)
        column.addWidget(self.other)
        column.addStretch()
        self.panel = GoToPanel(self.bridge, self)
        self.chosen: list[int] = []
        self.panel.chosen.connect(self.chosen.append)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return checkpoint_with(tmp_path_factory.mktemp("names"), dict.fromkeys(NAMES, np.zeros((2, 3), np.float32)))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    apply_theme(Theme.LIGHT)
    window = Window()
    window.resize(800, 600)
    window.show()
    window.activateWindow()
    qtbot.waitExposed(window)
    window.other.setFocus()
    yield window
    window.panel.close_jobs()
    window.bridge.close()
    window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def find(qtbot: QtBot, window: Window, checkpoint: Checkpoint) -> Callable[[str], list[str]]:
    """Opens the finder, types letters, and waits for the names that it lists."""

    def find(letters: str) -> list[str]:
        window.panel.open_for(checkpoint)
        QTest.keyClick(window.panel.line, Qt.Key.Key_Delete)
        QTest.keyClicks(window.panel.line, letters)
        qtbot.waitUntil(lambda: window.panel.is_settled)
        return [row.name for row in window.panel.model.rows]

    return find


def name_of(checkpoint: Checkpoint, node: int) -> str:
    return checkpoint.table.name[int(checkpoint.tree.ref[node])]


def test_a_few_letters_and_enter_go_to_a_tensor(
    window: Window, find: Callable[[str], list[str]], checkpoint: Checkpoint
) -> None:
    assert find("l7 q")[0] == "model.layers.7.attn.q_proj.weight"
    assert window.panel.isVisible()
    QTest.keyClick(window.panel.line, Qt.Key.Key_Return)
    assert [name_of(checkpoint, node) for node in window.chosen] == ["model.layers.7.attn.q_proj.weight"]
    assert not window.panel.isVisible()
    assert window.other.hasFocus()


def test_arrows_move_and_go_round(window: Window, find: Callable[[str], list[str]], checkpoint: Checkpoint) -> None:
    names = find("up")
    line, view = window.panel.line, window.panel.list
    assert len(names) == 12
    for key, row in ((Qt.Key.Key_Down, 1), (Qt.Key.Key_Up, 0), (Qt.Key.Key_Up, 11), (Qt.Key.Key_Down, 0)):
        QTest.keyClick(line, key)
        assert view.currentIndex().row() == row
    QTest.keyClick(line, Qt.Key.Key_PageDown)
    assert view.currentIndex().row() > 5
    QTest.keyClick(line, Qt.Key.Key_PageUp)
    QTest.keyClick(line, Qt.Key.Key_Down)
    QTest.keyClick(line, Qt.Key.Key_Tab)
    assert line.hasFocus()
    QTest.keyClick(line, Qt.Key.Key_Enter)
    assert [name_of(checkpoint, node) for node in window.chosen] == [names[1]]


def test_a_click_goes_to_a_tensor(window: Window, find: Callable[[str], list[str]], checkpoint: Checkpoint) -> None:
    names = find("up")
    place = window.panel.list.visualRect(window.panel.model.index(3)).center()
    QTest.mouseClick(window.panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [name_of(checkpoint, node) for node in window.chosen] == [names[3]]


def test_escape_and_a_click_elsewhere_close_it(window: Window, find: Callable[[str], list[str]]) -> None:
    find("up")
    QTest.keyClick(window.panel.line, Qt.Key.Key_Escape)
    assert not window.panel.isVisible()
    assert window.other.hasFocus()
    find("up")
    QTest.mouseClick(window.other, Qt.MouseButton.LeftButton)
    assert not window.panel.isVisible()
    assert window.other.hasFocus()
    assert window.chosen == []


def test_enter_before_the_answer_goes_when_it_is_there(
    qtbot: QtBot, window: Window, find: Callable[[str], list[str]], checkpoint: Checkpoint
) -> None:
    find("up")
    window.panel.line.selectAll()
    QTest.keyClicks(window.panel.line, "lmh")
    QTest.keyClick(window.panel.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.chosen != [])
    assert name_of(checkpoint, window.chosen[0]) == "lm_head.weight"


def test_enter_waits_for_what_is_typed_now_not_for_what_was(
    qtbot: QtBot, window: Window, checkpoint: Checkpoint, find: Callable[[str], list[str]]
) -> None:
    find("bad")
    panel = window.panel
    # The answer to the first letters comes while the others are not looked for yet.
    panel.line.setText("layers")
    panel._search()
    panel._timer.setInterval(1000)
    panel.line.setText("l7 q")
    qtbot.waitUntil(lambda: panel.slot not in window.bridge.running)
    assert len(panel.model.rows) == 36
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(window.chosen) == 1)
    assert name_of(checkpoint, window.chosen[0]) == "model.layers.7.attn.q_proj.weight"


def test_it_says_how_many_fit(window: Window, find: Callable[[str], list[str]]) -> None:
    assert len(find("")) == len(NAMES)
    assert window.panel.footer.text() == f"{len(NAMES)} tensors"
    assert find("zzz") == []
    assert window.panel.footer.text() == "No tensor has these letters in this order"
    QTest.keyClick(window.panel.line, Qt.Key.Key_Return)
    QTest.keyClick(window.panel.line, Qt.Key.Key_Down)
    assert window.chosen == []
    find("lmhd")
    assert window.panel.footer.text() == "1 tensor"


def test_what_was_typed_stands_there_the_next_time(
    qtbot: QtBot, window: Window, find: Callable[[str], list[str]], checkpoint: Checkpoint
) -> None:
    find("lmh")
    QTest.keyClick(window.panel.line, Qt.Key.Key_Escape)
    window.panel.open_for(checkpoint)
    assert window.panel.line.selectedText() == "lmh"
    qtbot.waitUntil(lambda: window.panel.is_settled)
    assert window.panel.model.rows[0].name == "lm_head.weight"
    window.panel.forget()
    assert window.panel.model.rows == ()
    assert not window.panel.isVisible()


def test_names_that_deceive_are_shown_escaped_with_their_letters(
    window: Window, find: Callable[[str], list[str]]
) -> None:
    assert find("bdna")[0] == "bad\\nname\\u202e.weight"
    row = window.panel.model.rows[0]
    assert sorted(row.places) == [0, 2, 5, 6]
    assert row.aside == "float32   2 × 3"
    assert "\u202e" not in str(window.panel.model.index(0).data(Qt.ItemDataRole.ToolTipRole))


def test_the_list_is_painted_with_the_letters_set_off(window: Window, find: Callable[[str], list[str]]) -> None:
    find("xxlast")
    assert len(window.panel.model.rows) == 1
    for theme in (Theme.LIGHT, Theme.DARK):
        apply_theme(theme)
        QApplication.processEvents()
        image = picture(window.panel.list.viewport())
        assert shades(image) > 2
        assert image.pixelColor(image.width() - 4, image.height() - 4).name() == colors().base


def test_it_stays_inside_a_small_window(window: Window, find: Callable[[str], list[str]]) -> None:
    find("up")
    for width, height in ((300, 260), (1600, 900)):
        window.resize(width, height)
        QApplication.processEvents()
        assert window.rect().contains(window.panel.geometry())


def test_the_hits_keep_the_rules_of_models(qtmodeltester: ModelTester) -> None:
    model = HitModel()
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    model.show_rows((HitRow(3, "a<b", frozenset((0,)), "f32"), HitRow(4, "c", frozenset(), "f32")))
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    assert model.index(0).data(Qt.ItemDataRole.AccessibleTextRole) == "a<b, f32"
    assert model.index(0).data(Qt.ItemDataRole.ToolTipRole) == "a<b\nf32"
    model.show_rows(())
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]


def test_a_hundred_thousand_names_are_searched_beside_the_window(qtbot: QtBot, window: Window, tmp_path: Path) -> None:
    one = np.zeros(1, np.float32)
    checkpoint = checkpoint_with(tmp_path, {f"layers.{number}.weight": one for number in range(100_000)})
    window.panel.open_for(checkpoint)
    began = time.thread_time()
    QTest.keyClicks(window.panel.line, "99999w")
    qtbot.waitUntil(lambda: window.panel.is_settled, timeout=20_000)
    # What this thread does is show 200 rows, not look at names.
    assert time.thread_time() - began < 1
    assert window.panel.model.rows[0].name == "layers.99999.weight"
