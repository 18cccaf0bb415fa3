"""Recipes, scripts, commands and tables of names, and where an export comes from."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from sdviewer.cli import main as command_line
from sdviewer.edit.rules import Exclude, RenameKeys, ReplacePrefix, Rule, Sort, StripPrefix, Template
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.export.pane import ExportPane
from sdviewer.ui.export.wishes import Chosen
from sdviewer.ui.main_window import MainWindow
from tests.ui.exports import (
    Settle,
    add_rule,
    choose,
    network,
    open_export,
    press_export,
    ready,
    saved,
    shown_keys,
    type_into,
    type_target,
)
from tests.ui.looking import row_called
from tests.ui.test_drops import drop

CTRL = Qt.KeyboardModifier.ControlModifier


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def run_copied_command() -> int:
    """Do what the command on the clipboard says; its exit code."""
    program, *words = shlex.split(clipboard())
    assert program == "sdviewer"
    return command_line.run(words, lambda *_: 99)


def with_rules(pane: ExportPane, qtbot: QtBot, *rules: Rule) -> ExportPane:
    """The pane with these rules."""
    pane.take_wish(pane.wish.with_rules(rules))
    return ready(pane, qtbot)


def loaded(path: Path) -> dict[str, torch.Tensor]:
    result = torch.load(path, weights_only=True)
    assert isinstance(result, dict)
    return result


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)


def test_a_recipe_is_saved_and_dropped_on_another_window(
    window: MainWindow,
    settle: Settle,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = saved(tmp_path, network())
    pane = open_export(window, path, settle, qtbot)
    add_rule(pane, "Strip module.")
    add_rule(pane, "Exclude")
    type_into(pane, "filter", "head.*")
    type_target(pane, tmp_path / "x.safetensors")
    ready(pane, qtbot)
    wish = pane.wish
    recipe = tmp_path / "my.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(recipe), ""))
    choose(pane.recipes, "Save Recipe")
    ready(pane, qtbot)
    for _ in range(10):
        pane.undo()
    assert not pane.wish.rules
    QTest.keyClick(pane.rules.add_button, Qt.Key.Key_Escape)
    assert drop(window, str(recipe))[0]
    tab = settle(window)
    assert tab.faces.shows_export
    assert window.tabs.count() == 1
    assert pane.wish == wish
    assert shown_keys(pane)[0] == ("module.encoder.weight", "encoder.weight")


def test_a_recipe_without_a_file_is_explained(window: MainWindow, tmp_path: Path) -> None:
    recipe = tmp_path / "my.toml"
    recipe.write_text("version = 1\n")
    drop(window, str(recipe))
    assert "Open a checkpoint first" in window.statusBar().currentMessage()


def test_a_broken_recipe_is_told_in_the_pane(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    recipe = tmp_path / "my.toml"
    recipe.write_text("version = 1\n[[rules]]\nrule = 'twist'\n")
    drop(window, str(recipe))
    ready(pane, qtbot)
    assert pane.error.isVisible()
    assert "twist" in pane.error.message.text()


def test_the_copied_script_does_the_same(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    with_rules(pane, qtbot, StripPrefix("module."), ReplacePrefix("encoder.", "body."), Exclude("head.bias"))
    type_target(pane, tmp_path / "ours.pt")
    press_export(pane, qtbot)
    ours = loaded(tmp_path / "ours.pt")
    type_target(pane, tmp_path / "theirs.pt")
    ready(pane, qtbot)
    choose(pane.recipes, "Copy as Python")
    ready(pane, qtbot)
    subprocess.run([sys.executable, "-c", clipboard()], check=True)
    assert same(ours, loaded(tmp_path / "theirs.pt"))
    assert list(ours) == ["body.weight", "body.bias", "head.weight"]


@pytest.mark.parametrize(
    "rules",
    [
        (StripPrefix("module."), Exclude("-head.*")),
        (ReplacePrefix("module.enc", "m\\1.x"), Template("module.{part}.{rest}", "{rest}.{part}")),
        (RenameKeys((("module.head.bias", "b"), ("module.head.weight", "w"))),),
    ],
)
def test_the_copied_command_does_the_same(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path, rules: tuple[Rule, ...]
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    with_rules(pane, qtbot, *rules)
    type_target(pane, tmp_path / "ours.pt")
    press_export(pane, qtbot)
    type_target(pane, tmp_path / "theirs.pt")
    ready(pane, qtbot)
    choose(pane.recipes, "Copy the Command")
    ready(pane, qtbot)
    assert run_copied_command() == 0
    assert same(loaded(tmp_path / "ours.pt"), loaded(tmp_path / "theirs.pt"))


def test_a_command_takes_from_a_recipe_what_it_cannot_say(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    with_rules(pane, qtbot, Sort())
    choose(pane.recipes, "Copy the Command")
    ready(pane, qtbot)
    assert shlex.split(clipboard())[-1] == "--recipe=recipe.toml"


def test_names_come_from_a_table(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    table = tmp_path / "names.csv"
    table.write_text('old,new\nmodule.head.bias,"b,1"\nmodule.head.weight,w\n')
    add_rule(pane, "Rename keys by a table")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(table), ""))
    pane.rules.form.file_wanted.emit()
    ready(pane, qtbot)
    assert [new for _, new in shown_keys(pane)][2:] == ["w", "b,1"]
    type_into(pane, "keys", "module.head.bias,c")
    ready(pane, qtbot)
    assert [new for _, new in shown_keys(pane)][2:] == ["module.head.weight", "c"]
    table.write_text("one,two,three\n")
    pane.recipes.load_table(str(table))
    ready(pane, qtbot)
    assert "line 1" in pane.error.message.text()


def test_what_is_selected_in_the_tree_is_exported(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = network()
    path = saved(tmp_path, {"state_dict": state, "epoch": 1})
    window.open_files([path])
    tab = settle(window)
    tab.tree.expand_below()
    tab.tree.go_to_row(row_called(tab, "head"))
    assert "export_selection" in [action.objectName() for action in tab.tree.actions()]
    QTest.keyClick(window, Qt.Key.Key_E, CTRL | Qt.KeyboardModifier.ShiftModifier)
    pane = tab.faces.export
    assert pane is not None
    ready(pane, qtbot)
    assert pane.source.currentText() == "Selection (2 tensors)"
    assert [old for old, _ in shown_keys(pane)] == ["module.head.weight", "module.head.bias"]
    type_target(pane, tmp_path / "head.pt")
    press_export(pane, qtbot)
    head = {key: value for key, value in state.items() if "head" in key}
    assert same(loaded(tmp_path / "head.pt"), head)
    for entry, target in (("Copy as Python", "a.pt"), ("Copy the Command", "b.pt")):
        type_target(pane, tmp_path / target)
        ready(pane, qtbot)
        choose(pane.recipes, entry)
        ready(pane, qtbot)
        if entry == "Copy as Python":
            subprocess.run([sys.executable, "-c", clipboard()], check=True)
        else:
            assert run_copied_command() == 0
        assert same(loaded(tmp_path / target), head)


def parts() -> dict[str, object]:
    """A model, its averaged copy, and what stands beside them."""
    state = network()
    return {"model": state, "ema": {key: value + 1 for key, value in state.items()}, "epoch": 1}


def choose_source(pane: ExportPane, text: str) -> None:
    """Take the choice that begins so, by keys."""
    pane.source.setFocus()
    for _ in range(pane.source.count()):
        if pane.source.currentText().startswith(text):
            return
        QTest.keyClick(pane.source, Qt.Key.Key_Down)
    assert pane.source.currentText().startswith(text)


def test_what_is_exported_is_undone_like_all_else(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, parts()), settle, qtbot)
    whole = pane.source.currentText()
    assert whole.startswith("Whole file")
    choose_source(pane, "Only ema")
    ready(pane, qtbot)
    pane.take_wish(pane.wish.with_rules((Sort(),)))
    pane.show_selected((1, 2))
    ready(pane, qtbot)
    assert pane.source.currentText() == "Selection (2 tensors)"
    assert len(shown_keys(pane)) == 2
    for text, rules, count in (("Only ema", (Sort(),), 4), ("Only ema", (), 4), ("Whole file", (), 4)):
        pane.undo()
        ready(pane, qtbot)
        assert pane.source.currentText().startswith(text)
        assert pane.wish.rules == rules
        assert len(shown_keys(pane)) == count
    while pane.rules.redo_button.isEnabled():
        QTest.mouseClick(pane.rules.redo_button, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert pane.source.currentText() == "Selection (2 tensors)"
    type_target(pane, tmp_path / "two.pt")
    press_export(pane, qtbot)
    assert len(loaded(tmp_path / "two.pt")) == 2


@pytest.mark.parametrize("selected", [False, True])
def test_a_recipe_holds_what_is_exported(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path, selected: bool
) -> None:
    value = parts()
    path = saved(tmp_path, value)
    pane = open_export(window, path, settle, qtbot)
    choose_source(pane, "Only ema")
    if selected:
        # Rows are in the order of the file: the last two are those of the head of the second part.
        pane.show_selected((6, 7))
    pane.take_wish(pane.wish.with_rules((StripPrefix("module."),)))
    type_target(pane, tmp_path / "ours.pt")
    press_export(pane, qtbot)
    recipe = tmp_path / "r.toml"
    pane.recipes.save(str(recipe))
    ready(pane, qtbot)
    while pane.rules.undo_button.isEnabled():
        pane.undo()
    ready(pane, qtbot)
    assert pane.source.currentText().startswith("Whole file")
    pane.recipes.load(str(recipe))
    ready(pane, qtbot)
    qtbot.waitUntil(lambda: bool(pane.wish.rules))
    ready(pane, qtbot)
    assert pane.source.currentText().startswith("Only ema")
    type_target(pane, tmp_path / "again.pt")
    press_export(pane, qtbot)
    by_command = tmp_path / "command.pt"
    command_line.run(["export", path, str(by_command), "--recipe", str(recipe), "--quiet"], lambda *_: 99)
    expected = {key.removeprefix("module."): tensor + 1 for key, tensor in network().items()}
    if selected:
        expected = {key: tensor for key, tensor in expected.items() if key.startswith("head")}
    for written in ("ours.pt", "again.pt", "command.pt"):
        assert same(loaded(tmp_path / written), expected)


def test_a_recipe_for_a_part_that_is_not_there_says_so(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    recipe = tmp_path / "r.toml"
    recipe.write_text("version = 1\nsection = 'ema'\n[[rules]]\nrule = 'sort'\n")
    pane.recipes.load(str(recipe))
    ready(pane, qtbot)
    qtbot.waitUntil(lambda: pane.wish.rules == (Sort(),))
    ready(pane, qtbot)
    assert pane.error.isVisible()
    assert "'ema'" in pane.error.message.text()
    assert pane.wish.chosen == Chosen()
    assert len(shown_keys(pane)) == 4


def test_the_only_part_of_a_file_can_be_what_a_recipe_exports(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, {"model": network(), "epoch": 1}), settle, qtbot)
    assert pane.source.count() == 1
    recipe = tmp_path / "r.toml"
    recipe.write_text("version = 1\nsection = 'model'\n")
    pane.recipes.load(str(recipe))
    ready(pane, qtbot)
    qtbot.waitUntil(lambda: pane.source.count() == 2)
    assert pane.source.currentText().startswith("Only model")
    type_target(pane, tmp_path / "bare.pt")
    press_export(pane, qtbot)
    assert same(loaded(tmp_path / "bare.pt"), network())


def test_what_is_selected_in_the_table_is_exported(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    window.open_files([saved(tmp_path, network())])
    tab = settle(window)
    QTest.keyClick(window, Qt.Key.Key_2, CTRL)
    settle(window)
    table = tab.browser.table
    assert table is not None
    table.view.setFocus()
    QTest.keyClick(table.view, Qt.Key.Key_Home)
    QTest.keyClick(table.view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    choose(table.row_menu(), "Export These")
    pane = tab.faces.export
    assert pane is not None
    ready(pane, qtbot)
    assert [old for old, _ in shown_keys(pane)] == ["module.encoder.weight", "module.encoder.bias"]


def test_a_comparison_hands_over_the_names_of_its_right_side(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = network()
    path = saved(tmp_path, state)
    other = {f"net.{key.removeprefix('module.')}": value for key, value in state.items()}
    torch.save(other, tmp_path / "other.pt")
    window.compare_files(path, str(tmp_path / "other.pt"))
    page = window.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.standing is not None and page.is_settled, timeout=60_000)
    QTest.keyClick(window, Qt.Key.Key_E, CTRL)
    tab = settle(window)
    assert tab.path == path
    pane = tab.faces.export
    assert pane is not None
    ready(pane, qtbot)
    assert [new for _, new in shown_keys(pane)] == list(other)
    type_target(pane, tmp_path / "renamed.pt")
    press_export(pane, qtbot)
    assert same(loaded(tmp_path / "renamed.pt"), other)


def test_the_result_is_compared_with_its_source(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    path = saved(tmp_path, network())
    pane = open_export(window, path, settle, qtbot)
    type_target(pane, tmp_path / "copy.pt")
    press_export(pane, qtbot)
    button = next(button for button in pane.outcome.buttons if button.text() == "Compare with the source")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    page = window.current_page
    assert isinstance(page, ComparisonTab)
    assert page.paths == (path, str(tmp_path / "copy.pt"))
    qtbot.waitUntil(lambda: page.is_settled, timeout=60_000)


def test_a_recipe_is_dropped_on_the_rules_themselves(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    with_rules(pane, qtbot, Sort())
    recipe = tmp_path / "my.toml"
    recipe.write_text("version = 1\n[[rules]]\nrule = 'strip_prefix'\nprefix = 'auto'\n")
    # The list takes rules alone, and lets files go on to the window.
    assert drop(pane.rules.view.viewport(), str(recipe))[0]
    ready(pane, qtbot)
    qtbot.waitUntil(lambda: pane.wish.rules != (Sort(),))
    ready(pane, qtbot)
    assert pane.wish.rules == (StripPrefix("auto"),)
