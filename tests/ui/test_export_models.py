"""The models of an export: of its rules and of what becomes of every key."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QMimeData, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.analysis.statistics import Bounded, Cast
from sdviewer.control import Control
from sdviewer.edit.plan import Options, source_of
from sdviewer.edit.rules import AddPrefix, BadRule, CastTo, Exclude, Include, RenameKeys, Rule, Sort
from sdviewer.ui.export.casting import effect_words
from sdviewer.ui.export.planning import Planning, Shown
from sdviewer.ui.export.rule_form import pairs_of, text_of_pairs
from sdviewer.ui.export.wishes import History, Wish, exactly
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.models.plan_model import Column, PlanModel
from sdviewer.ui.models.rules_model import MIME, RulesModel
from tests.helpers.saved import opened
from tests.ui.exports import Settle, network, open_export, ready, saved, shown_keys

MOVE, LEFT, NONE = Qt.DropAction.MoveAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def rules_shown(*rules: Rule) -> RulesModel:
    model = RulesModel()
    model.show_rules(rules, [True] * len(rules))
    return model


def test_the_model_of_rules_keeps_qts_rules(qtmodeltester: ModelTester) -> None:
    model = rules_shown(Include("a"), Exclude("b", enabled=False), Sort())
    model.show_touched((2, 0, 0))
    # A switch that is clicked is a wish: the tester may not take it for a change.
    qtmodeltester.check(model, force_py=True)  # type: ignore[no-untyped-call]
    assert [model.aside(row) for row in range(3)] == ["2 keys", "off", "changes nothing"]
    assert model.index(1).data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked


def test_a_rule_that_is_dragged_tells_its_new_place() -> None:
    model = rules_shown(Include("a"), Exclude("b"), Sort())
    moves: list[tuple[int, int]] = []
    model.moved.connect(lambda row, to: moves.append((row, to)))
    data = model.mimeData([model.index(0)])
    assert model.dropMimeData(data, MOVE, 2, 0, QModelIndex())
    assert model.dropMimeData(model.mimeData([model.index(2)]), MOVE, 0, 0, QModelIndex())
    # Where it stands already, and what is no rule, moves nothing.
    assert not model.dropMimeData(data, MOVE, 1, 0, QModelIndex())
    strange = QMimeData()
    strange.setData(MIME, b"x")
    assert not model.dropMimeData(strange, MOVE, 0, 0, QModelIndex())
    assert moves == [(0, 1), (2, 0)]


def test_the_model_of_a_plan_keeps_qts_rules(tmp_path: Path, qtmodeltester: ModelTester) -> None:
    checkpoint = opened(tmp_path, {"a": torch.ones(2), "b": torch.ones(2), "c": torch.ones(2)})
    planning = Planning(lambda: source_of(checkpoint))
    wish = Wish((RenameKeys((("b", "c"),)), Exclude("a"), CastTo("float16", "c")), Options())
    model = PlanModel()
    qtmodeltester.check(model, force_py=True)  # type: ignore[no-untyped-call]
    model.install(planning.plan(wish, Shown.ALL, "", "", Control()))
    qtmodeltester.check(model, force_py=True)  # type: ignore[no-untyped-call]
    rows = [[model.text(row, column) for column in (Column.OLD, Column.NEW, Column.NOTE)] for row in range(3)]
    assert rows == [
        ["b", "c", "✖ same name as c"],
        ["c", "c", "✖ same name as b"],
        ["a", "", "dropped by: exclude a"],
    ]
    assert model.text(0, Column.DTYPE) == "float32 → float16"
    for shown, count in ((Shown.CONFLICTS, 2), (Shown.DROPPED, 1), (Shown.RENAMED, 1), (Shown.CAST, 2)):
        assert len(planning.plan(wish, shown, "", "", Control()).rows) == count
    assert len(planning.plan(wish, Shown.ALL, "A", "", Control()).rows) == 1
    checkpoint.close()


def test_what_is_typed_in_one_field_is_undone_at_once() -> None:
    history = History(Wish())
    history.wish(Wish((AddPrefix(""),)))
    for text in ("a", "ab", "abc"):
        history.wish(Wish((AddPrefix(text),)), "rule 0")
    history.undo()
    assert history.current == Wish((AddPrefix(""),))
    history.redo()
    assert history.current == Wish((AddPrefix("abc"),))
    # After undoing, the same field begins a step of its own.
    history.wish(Wish((AddPrefix("abcd"),)), "rule 0")
    history.undo()
    assert history.current == Wish((AddPrefix("abc"),))


def test_rules_are_moved_by_drag_keys_and_buttons(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    one, two = AddPrefix("a."), AddPrefix("b.")
    pane.take_wish(pane.wish.with_rules((one, two)))
    ready(pane, qtbot)
    assert shown_keys(pane)[0][1].startswith("b.a.")
    view = pane.rules.view
    data = pane.rules.model.mimeData([pane.rules.model.index(0)])
    place = QPoint(60, view.viewport().height() - 4)
    for event in (
        QDragEnterEvent(place, MOVE, data, LEFT, NONE),
        QDragMoveEvent(place, MOVE, data, LEFT, NONE),
        QDropEvent(QPointF(place), MOVE, data, LEFT, NONE),
    ):
        QApplication.sendEvent(view.viewport(), event)
    ready(pane, qtbot)
    assert pane.wish.rules == (two, one)
    assert shown_keys(pane)[0][1].startswith("a.b.")
    pane.rules.go_to(1)
    QTest.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert pane.wish.rules == (one, two)
    assert pane.rules.current == 0
    QTest.mouseClick(pane.rules.down_button, LEFT)
    assert pane.wish.rules == (two, one)


def test_a_rule_is_switched_by_its_box(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    pane.take_wish(pane.wish.with_rules((AddPrefix("a."),)))
    ready(pane, qtbot)
    view = pane.rules.view
    box = view.visualRect(pane.rules.model.index(0))
    QTest.mouseClick(view.viewport(), LEFT, pos=QPoint(box.left() + 10, box.center().y()))
    ready(pane, qtbot)
    assert not pane.wish.rules[0].enabled
    assert pane.rules.model.aside(0) == "off"
    assert all(old == new for old, new in shown_keys(pane))
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert pane.wish.rules[0].enabled


def test_a_name_is_written_by_hand_in_its_row(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    table = pane.preview.table
    for typed, wanted in (("w", "w"), ("x", "x")):
        table.setFocus()
        table.go_to_row(0)
        QTest.keyClick(table, Qt.Key.Key_F2)
        (editor,) = table.viewport().findChildren(QLineEdit)
        QTest.keyClick(editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(editor, typed)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        ready(pane, qtbot)
        QApplication.processEvents()
        assert shown_keys(pane)[0] == ("module.encoder.weight", wanted)
    # One rule holds all names that were written by hand.
    assert pane.wish.rules == (RenameKeys((("module.encoder.weight", "x"),)),)
    table.go_to_row(1)
    QTest.keyClick(table, Qt.Key.Key_Delete)
    ready(pane, qtbot)
    assert ("module.encoder.bias", "") in shown_keys(pane)


def test_what_casts_do_is_told_beside_the_keys(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = {"large": torch.tensor([1.0, 1e9, 3e38]), "tiny": torch.tensor([1e-30, 1.0]), "fine": torch.ones(3)}
    pane = open_export(window, saved(tmp_path, state), settle, qtbot)
    pane.take_wish(pane.wish.with_rules((CastTo("float16"),)))
    ready(pane, qtbot)
    QTest.mouseClick(pane.preview.check_button, LEFT)
    ready(pane, qtbot)
    notes = [pane.preview.model.text(row, Column.NOTE) for row in range(3)]
    assert int(torch.isinf(state["large"].half()).sum()) == 2
    assert notes == ["⚠ 2 overflow", "⚠ 1 become 0", "nothing overflows or becomes 0"]
    assert "⚠ Of 3 casts: values overflow in 1 tensor, values become 0 in 1 tensor" in pane.summary.texts


def test_the_words_for_a_cast_say_how_sure_they_are() -> None:
    nothing, some, about = Bounded(0, 0, 0), Bounded(3, 3, 3), Bounded(1200, 1000, 1500)
    assert effect_words(Cast("float16", nothing, nothing, some, None)).words == "nothing overflows or becomes 0"
    told = effect_words(Cast("float16", about, some, nothing, None))
    assert told.words == "⚠ about 1,200 overflow, 3 become 0"
    assert (told.overflows, told.flushes) == (True, True)
    # What has no infinity saturates.
    assert effect_words(Cast("float8_e4m3fn", some, nothing, nothing, None)).words == "⚠ 3 reach the largest number"


def test_a_table_of_names_is_read_line_by_line() -> None:
    assert pairs_of('old,new\na,b\n\n"c,1",d\n') == (("a", "b"), ("c,1", "d"))
    assert pairs_of(text_of_pairs((("a\nb", 'c"d'), ("e", "f,g")))) == (("a\nb", 'c"d'), ("e", "f,g"))
    for wrong in ("a,b\nc\n", "a,b,c\n", "a,\n"):
        with pytest.raises(BadRule, match="line"):
            pairs_of(wrong)


@pytest.mark.parametrize("name", ["a.b", "a/b", "a+b[0]", "x y"])
def test_a_key_is_left_out_exactly(tmp_path: Path, name: str) -> None:
    checkpoint = opened(tmp_path, {name: torch.ones(1), f"{name}.c": torch.ones(1), f"z{name}": torch.ones(1)})
    wish = Wish((Exclude(exactly(name)),))
    plan = Planning(lambda: source_of(checkpoint)).plan(wish, Shown.ALL, "", "", Control()).facts.plan
    assert [dropped.old for dropped in plan.dropped] == [name]
    checkpoint.close()
