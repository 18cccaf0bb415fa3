"""The filter by real keys and clicks: what it finds, what it says, and that it never stands in the way."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6 import QtGui
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import HelperDied
from sdviewer.processes import matching
from sdviewer.search.fields import FIELDS, NAME_TERMS
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.filter import bar as bar_module
from sdviewer.ui.filter.bar import FilterBar
from sdviewer.ui.filter.chips import CHIPS
from sdviewer.ui.filter.tasks import Found
from sdviewer.ui.filter.terms import has_term, with_term, without_term
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.theme import Theme, apply_theme, colors
from sdviewer.ui.tree.view import TreeView
from sdviewer.ui.tree.visible_rows import VisibleRows
from tests.helpers.killing import Frozen, posix_only
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.looking import picture


class Panes(QWidget):
    """A filter above a tree, joined as the window joins them."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = Bridge(self)
        self.bar = FilterBar(self.bridge)
        self.tree = TreeView()
        column = QVBoxLayout(self)
        column.addWidget(self.bar)
        column.addWidget(self.tree, 1)
        self.bar.filtered.connect(self.tree.show_only)
        self.bar.results_wanted.connect(self.enter_results)

    def enter_results(self) -> None:
        if self.tree.select_first_match():
            self.tree.setFocus()

    def show_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.tree.show_tree(TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file.pt", self.tree))
        self.bar.show_checkpoint(checkpoint)

    def names(self) -> list[str]:
        model = self.tree.tree_model
        assert model is not None
        return [model.cells(row).name for row in range(model.rowCount())]


@pytest.fixture
def panes(qtbot: QtBot, tmp_path: Path) -> Iterator[Panes]:
    apply_theme(Theme.LIGHT)
    panes = Panes()
    panes.show_checkpoint(checkpoint_with(tmp_path, small_tensors()))
    panes.resize(640, 600)
    panes.show()
    panes.activateWindow()
    qtbot.waitExposed(panes)
    panes.bar.focus_line()
    yield panes
    panes.bar.close_jobs()
    panes.bridge.close()
    panes.close()
    panes.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def enter(qtbot: QtBot, panes: Panes) -> Callable[[str], None]:
    """Types a line in place of the one that stands there, and waits for what comes of it."""

    def enter(text: str) -> None:
        panes.bar.line.selectAll()
        QTest.keyClick(panes.bar.line, Qt.Key.Key_Delete)
        if text:
            QTest.keyClicks(panes.bar.line, text)
        qtbot.waitUntil(lambda: panes.bar.is_settled, timeout=20_000)

    return enter


def test_what_fits_is_shown_with_the_way_up(panes: Panes, enter: Callable[[str], None]) -> None:
    before = panes.names()
    enter("bias -*.1.*")
    assert panes.names() == ["file.pt", "model", "encoder", "layers", "0", "bias"]
    assert panes.bar.count.text() == "1 of 7"
    assert "bias   2 of 7" in panes.bar.count.toolTip()
    assert "-*.1.*   5 of 7" in panes.bar.count.toolTip()
    assert not panes.bar.message.isVisible()
    enter("")
    assert panes.names() == before
    assert panes.bar.count.text() == ""


def test_a_letter_that_changes_nothing_leaves_the_tree_alone(panes: Panes, enter: Callable[[str], None]) -> None:
    results: list[object] = []
    enter("weig")
    panes.tree.collapse(2)
    closed = panes.names()
    panes.bar.filtered.connect(results.append)
    QTest.keyClicks(panes.bar.line, "ht")
    QTest.qWait(100)
    assert panes.bar.count.text() == "3 of 7"
    assert panes.names() == closed
    assert results == []


def test_a_slip_keeps_the_last_result_and_says_what_to_write(
    qtbot: QtBot, panes: Panes, enter: Callable[[str], None]
) -> None:
    enter("bias")
    result, untouched = panes.names(), picture(panes.bar.line)
    enter("bias dtyp:f32")
    assert panes.names() == result
    assert panes.bar.count.text() == "2 of 7"
    assert panes.bar.message.isVisible()
    assert panes.bar.message.text() == "✖ There is no field “dtyp”"
    assert has_color(picture(panes.bar.line), colors().error)
    assert not has_color(untouched, colors().error)
    QTest.mouseClick(panes.bar.suggestion, Qt.MouseButton.LeftButton)
    assert panes.bar.text() == "bias dtype:f32"
    qtbot.waitUntil(lambda: not panes.bar.suggestion.isVisible())
    assert not panes.bar.message.isVisible()
    assert not has_color(picture(panes.bar.line), colors().error)
    assert panes.bar.line.hasFocus()


def has_color(image: QImage, name: str) -> bool:
    """Whether some point has nearly this colour."""
    wanted = QColor(name)
    points = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return any(
        abs(point.red() - wanted.red()) + abs(point.green() - wanted.green()) + abs(point.blue() - wanted.blue()) < 40
        for point in points
    )


def focused() -> QWidget:
    """Where the keys go."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def test_nothing_found_says_why(panes: Panes, enter: Callable[[str], None]) -> None:
    enter("layers.*")
    assert panes.names() == ["file.pt"]
    assert panes.bar.count.text() == "0 of 7"
    assert "*layers.* fits a part of one" in panes.bar.message.text()
    assert panes.bar.message.palette().windowText().color().name() == colors().muted


def test_escape_empties_the_line_and_then_leaves_it(qtbot: QtBot, panes: Panes, enter: Callable[[str], None]) -> None:
    enter("bias")
    with qtbot.assertNotEmitted(panes.bar.left):
        QTest.keyClick(panes.bar.line, Qt.Key.Key_Escape)
    assert panes.bar.text() == ""
    with qtbot.waitSignal(panes.bar.left):
        QTest.keyClick(panes.bar.line, Qt.Key.Key_Escape)


@pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_Return])
def test_arrow_down_goes_to_the_first_match(panes: Panes, enter: Callable[[str], None], key: Qt.Key) -> None:
    enter("steps")
    QTest.keyClick(panes.bar.line, key)
    assert panes.tree.hasFocus()
    model = panes.tree.tree_model
    assert model is not None
    assert model.cells(panes.tree.currentIndex().row()).name == "steps"


def test_the_chips_follow_the_line_and_change_it(qtbot: QtBot, panes: Panes, enter: Callable[[str], None]) -> None:
    chips = panes.bar.chips.chips
    assert [term for term, chip in chips.items() if chip.isChecked()] == [""]
    enter("weight role:parameter")
    assert [term for term, chip in chips.items() if chip.isChecked()] == ["role:parameter"]
    QTest.mouseClick(chips["role:buffer"], Qt.MouseButton.LeftButton)
    assert panes.bar.text() == "weight role:buffer"
    QTest.mouseClick(chips["dtype:float"], Qt.MouseButton.LeftButton)
    assert panes.bar.text() == "weight role:buffer dtype:float"
    QTest.mouseClick(chips["role:buffer"], Qt.MouseButton.LeftButton)
    assert panes.bar.text() == "weight dtype:float"
    qtbot.waitUntil(lambda: panes.bar.count.text() == "3 of 7")
    chips[""].setFocus()
    QTest.keyClick(chips[""], Qt.Key.Key_Space)
    assert panes.bar.text() == ""
    assert chips[""].isChecked()


def test_every_chip_and_part_has_a_name_and_takes_the_keyboard(panes: Panes) -> None:
    assert [term for _, term, _ in CHIPS] == list(panes.bar.chips.chips)
    for widget in (*panes.bar.chips.chips.values(), panes.bar.line, panes.bar.help_button, panes.bar.suggestion):
        assert widget.accessibleName()
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize(
    ("text", "term", "result"),
    [
        ("", "tied:yes", "tied:yes"),
        ("a  b", "tied:yes", "a b tied:yes"),
        ("role:buffer a", "role:parameter", "a role:parameter"),
        ("-role:buffer", "role:parameter", "-role:buffer role:parameter"),
        ("tied:yes", "tied:yes", "tied:yes"),
        ("not:known", "tied:yes", "not:known tied:yes"),
        ('"tied:yes"', "tied:yes", '"tied:yes" tied:yes'),
    ],
)
def test_a_term_is_added_to_a_line(text: str, term: str, result: str) -> None:
    assert with_term(text, term) == result
    if "not:known" not in text:
        assert has_term(result, term)
        assert not has_term(without_term(result, term), term)


def test_the_help_tells_every_field_and_puts_examples_into_the_line(
    qtbot: QtBot, panes: Panes, enter: Callable[[str], None]
) -> None:
    enter("bias")
    QTest.keyClick(panes.bar.line, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    popup = panes.bar._popup
    assert popup is not None
    assert popup.isVisible()
    told = list(popup.examples)
    assert told == [text for examples, _ in NAME_TERMS for text in examples] + [
        text for field in FIELDS for text in field.examples
    ]
    assert focused() is popup.examples[told[0]]
    for _ in told[1:]:
        QTest.keyClick(focused(), Qt.Key.Key_Tab)
    last = popup.examples[told[-1]]
    assert focused() is last
    assert not last.visibleRegion().isEmpty()
    QTest.keyClick(last, Qt.Key.Key_Space)
    assert panes.bar.text() == f"bias {told[-1]}"
    assert not popup.isVisible()
    assert panes.bar.line.hasFocus()
    qtbot.waitUntil(lambda: panes.bar.is_settled)


def test_the_help_goes_with_escape_or_a_click_elsewhere(panes: Panes) -> None:
    QTest.mouseClick(panes.bar.help_button, Qt.MouseButton.LeftButton)
    popup = panes.bar._popup
    assert popup is not None
    QTest.keyClick(focused(), Qt.Key.Key_Escape)
    assert not popup.isVisible()
    panes.bar.show_help()
    assert popup.isVisible()
    panes.tree.setFocus()
    assert not popup.isVisible()
    assert panes.tree.hasFocus()


def test_the_newest_line_counts(qtbot: QtBot, panes: Panes) -> None:
    results: list[object] = []
    panes.bar.filtered.connect(results.append)
    for text in ("weight", "bias", "steps"):
        panes.bar.set_text(text)
        panes.bar._search()
    qtbot.waitUntil(lambda: panes.bar.is_settled)
    QTest.qWait(60)
    assert panes.names()[-1] == "steps"
    # Those before it were superseded, not shown one after the other.
    assert len(results) <= 2


def test_another_file_is_asked_what_is_typed(
    qtbot: QtBot, panes: Panes, enter: Callable[[str], None], tmp_path: Path
) -> None:
    enter("bias")
    panes.show_checkpoint(checkpoint_with(tmp_path, {"other.bias": np.zeros(1, np.float32), "x": np.zeros(1)}))
    qtbot.waitUntil(lambda: panes.bar.is_settled)
    assert panes.names() == ["file.pt", "model", "other", "bias"]
    assert panes.bar.count.text() == "1 of 2"


def test_without_a_file_nothing_happens(qtbot: QtBot, panes: Panes) -> None:
    panes.bar.show_checkpoint(None)
    panes.bar.set_text("bias")
    qtbot.waitUntil(lambda: panes.bar.is_settled)
    assert panes.bar.count.text() == ""


def test_a_regex_without_end_is_told_and_the_window_stays_free(
    qtbot: QtBot, panes: Panes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = matching.RegexProcess(0.6)
    monkeypatch.setattr(matching, "_shared", process)
    panes.show_checkpoint(checkpoint_with(tmp_path, {"a" * 60 + "b": np.zeros(1, np.float32)}))
    beats = [time.perf_counter()]
    heart = QTimer()
    heart.timeout.connect(lambda: beats.append(time.perf_counter()))
    heart.start(5)
    panes.bar.set_text("/(a+)+$/")
    qtbot.waitUntil(lambda: panes.bar.is_settled, timeout=20_000)
    heart.stop()
    process.close()
    assert "takes too long" in panes.bar.message.text()
    assert len(beats) > 20
    assert max(after - before for before, after in itertools.pairwise(beats)) < 0.4
    assert panes.names()[-1] == "a" * 60 + "b"


def test_a_helper_that_dies_is_told_in_words(
    panes: Panes, enter: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter("bias")

    def dies(*_: object) -> None:
        raise HelperDied("the process that matches regexes ended", hint="try it again")

    monkeypatch.setattr(bar_module, "run_filter", dies)
    enter("/x/")
    assert panes.bar.message.text() == "✖ The process that matches regexes ended. Try it again."
    assert panes.names()[-1] == "bias"
    monkeypatch.undo()
    enter("/st[e]ps/")
    assert panes.names()[-1] == "steps"
    assert not panes.bar.message.isVisible()


@posix_only
def test_a_regex_process_that_is_killed_at_work_is_told_and_tried_again_by_a_click(
    qtbot: QtBot, panes: Panes, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = matching.RegexProcess()
    monkeypatch.setattr(matching, "_shared", process)
    frozen = Frozen(monkeypatch)
    panes.bar.set_text("/st[e]ps/")
    qtbot.waitUntil(lambda: bool(frozen.processes), timeout=20_000)
    assert not panes.bar.is_settled
    frozen.kill()
    qtbot.waitUntil(lambda: panes.bar.is_settled, timeout=20_000)
    assert panes.bar.message.text() == "✖ The process that matches regexes ended. Try it again."
    assert panes.bar.suggestion.text() == "Try again"
    QTest.mouseClick(panes.bar.suggestion, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panes.bar.is_settled, timeout=20_000)
    process.close()
    assert panes.names()[-1] == "steps"
    assert not panes.bar.message.isVisible()
    assert not panes.bar.suggestion.isVisible()


def test_a_filter_that_is_stopped_says_so(qtbot: QtBot, panes: Panes, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(checkpoint: Checkpoint, text: str, control: Control, scanned: object) -> Found | None:
        del checkpoint, text, scanned
        while True:
            time.sleep(0.002)
            control.check()

    monkeypatch.setattr(bar_module, "run_filter", waits)
    panes.bar.set_text("a")
    qtbot.waitUntil(lambda: panes.bar.slot in panes.bridge.running)
    panes.bridge.cancel(panes.bar.slot)
    qtbot.waitUntil(lambda: panes.bar.is_settled)
    assert "stopped" in panes.bar.message.text()


def test_names_that_deceive_are_shown_as_they_are(panes: Panes, enter: Callable[[str], None]) -> None:
    panes.bar.set_text("<b>x</b>\u202e")
    enter("<b>x</b>")
    assert "<b>x</b>" in panes.bar.message.text()
    assert panes.bar.message.textFormat() is Qt.TextFormat.PlainText
    # Its first line is plain, and so the whole is plain to Qt.
    tip = panes.bar.count.toolTip()
    assert "<b>x</b>" in tip
    assert not QtGui.Qt.mightBeRichText(tip)


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_it_is_painted_in_the_colours_of_the_theme(panes: Panes, enter: Callable[[str], None], theme: Theme) -> None:
    enter("dtyp:x")
    apply_theme(theme)
    QApplication.processEvents()
    assert panes.bar.message.palette().windowText().color().name() == colors().error
    image = picture(panes.bar)
    assert has_color(image, colors().error)
    ground = image.pixelColor(2, image.height() - 2).lightness()
    assert (ground < 128) is (theme is Theme.DARK)


def test_chips_go_to_the_next_line_where_there_is_no_room(qtbot: QtBot, panes: Panes) -> None:
    wide = panes.bar.chips.height()
    panes.resize(260, 600)
    qtbot.waitUntil(lambda: panes.bar.chips.height() > wide)
    rows = {chip.y() for chip in panes.bar.chips.chips.values()}
    assert len(rows) > 1
    assert all(chip.geometry().right() <= panes.bar.chips.width() for chip in panes.bar.chips.chips.values())
