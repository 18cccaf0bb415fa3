"""Exporting in the window, by clicks and keys: the preview follows the rules, the written file is read by torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from safetensors import safe_open
from safetensors.torch import load_file

from sdviewer.ui.main_window import MainWindow
from tests.ui.exports import (
    Settle,
    add_rule,
    network,
    open_export,
    press_export,
    ready,
    saved,
    shown_keys,
    type_into,
    type_target,
)

CTRL = Qt.KeyboardModifier.ControlModifier


def equal(result: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return list(result) == list(wanted) and all(
        result[key].dtype == value.dtype and torch.equal(result[key], value) for key, value in wanted.items()
    )


def test_a_wrapper_is_stripped_and_the_head_left_out(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = network()
    pane = open_export(window, saved(tmp_path, state), settle, qtbot)
    add_rule(pane, "Strip module.")
    ready(pane, qtbot)
    assert shown_keys(pane)[0] == ("module.encoder.weight", "encoder.weight")
    add_rule(pane, "Exclude")
    type_into(pane, "filter", "head.*")
    ready(pane, qtbot)
    assert shown_keys(pane)[2:] == [("module.head.weight", ""), ("module.head.bias", "")]
    assert pane.preview.model.text(2, 5) == "dropped by: exclude head.*"
    assert [pane.rules.model.aside(row) for row in range(2)] == ["4 keys", "2 keys"]
    type_target(pane, tmp_path / "backbone.pt")
    press_export(pane, qtbot)
    assert pane.outcome.message.text().startswith("✓ Verified against the source: 2 tensors")
    result = torch.load(tmp_path / "backbone.pt", weights_only=True)
    assert equal(
        result, {"encoder.weight": state["module.encoder.weight"], "encoder.bias": state["module.encoder.bias"]}
    )
    opened = [button for button in pane.outcome.buttons if button.text() == "Open the result"]
    QTest.mouseClick(opened[0], Qt.MouseButton.LeftButton)
    assert settle(window).path == str(tmp_path / "backbone.pt")
    assert window.tabs.count() == 2


def test_a_cast_is_written_as_safetensors(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    state = network()
    pane = open_export(window, saved(tmp_path, state), settle, qtbot)
    add_rule(pane, "Cast")
    type_target(pane, tmp_path / "half.safetensors")
    ready(pane, qtbot)
    assert pane.target.kind.currentData() == "safetensors"
    assert pane.preview.model.text(0, 2) == "float32 → float16"
    press_export(pane, qtbot)
    result = load_file(tmp_path / "half.safetensors")
    assert set(result) == set(state)
    assert all(torch.equal(result[key], value.half()) for key, value in state.items())


def test_two_keys_of_one_name_are_refused_and_stand_first(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    add_rule(pane, "Rename by regex")
    type_into(pane, "pattern", "encoder.bias|head.bias")
    type_into(pane, "replacement", "bias")
    ready(pane, qtbot)
    assert shown_keys(pane)[:2] == [("module.encoder.bias", "module.bias"), ("module.head.bias", "module.bias")]
    assert pane.preview.model.text(0, 5) == "✖ same name as module.head.bias"
    assert any(text.startswith("✖") and "module.bias" in text for text in pane.summary.texts)
    assert not pane.export_button.isEnabled()
    pane.rules.view.setFocus()
    QTest.keyClick(pane.rules.view, Qt.Key.Key_Delete)
    ready(pane, qtbot)
    assert pane.export_button.isEnabled()
    assert all(old == new for old, new in shown_keys(pane))


def test_rules_are_undone_and_done_again(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    add_rule(pane, "Add prefix")
    type_into(pane, "prefix", "net.")
    ready(pane, qtbot)
    assert shown_keys(pane)[0][1] == "net.module.encoder.weight"
    pane.rules.view.setFocus()
    # What was typed is one step.
    QTest.keyClick(pane.rules.view, Qt.Key.Key_Z, CTRL)
    ready(pane, qtbot)
    assert shown_keys(pane)[0][1] == "module.encoder.weight"
    assert pane.rules.model.aside(0) == "not filled in"
    QTest.keyClick(pane.rules.view, Qt.Key.Key_Z, CTRL)
    assert not pane.wish.rules
    assert not pane.rules.undo_button.isEnabled()
    QTest.mouseClick(pane.rules.redo_button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(pane.rules.redo_button, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert shown_keys(pane)[0][1] == "net.module.encoder.weight"


def test_a_mistake_in_a_filter_is_told_at_its_field(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    add_rule(pane, "Include")
    type_into(pane, "filter", "dtyp:f32")
    ready(pane, qtbot)
    assert "dtyp" in pane.rules.form.message.text()
    assert pane.rules.form.message.isVisible()
    assert not pane.export_button.isEnabled()
    QTest.mouseClick(pane.rules.form.suggestion, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert not pane.rules.form.message.isVisible()
    assert pane.export_button.isEnabled()
    assert pane.rules.model.aside(0) != "not filled in"


def test_replacing_a_file_is_asked_first(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    state = network()
    path = saved(tmp_path, state)
    other = tmp_path / "other.pt"
    other.write_bytes(b"mine")
    pane = open_export(window, path, settle, qtbot)
    type_target(pane, other)
    press_export(pane, qtbot)
    assert pane.outcome.message.text().startswith("⚠ other.pt exists already")
    assert other.read_bytes() == b"mine"
    # The safe answer has the keys.
    assert pane.outcome.buttons[-1].hasFocus()
    QTest.keyClick(pane.outcome.buttons[-1], Qt.Key.Key_Space)
    assert not pane.outcome.isVisible()
    assert other.read_bytes() == b"mine"
    press_export(pane, qtbot)
    QTest.mouseClick(pane.outcome.buttons[0], Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert pane.outcome.message.text().startswith("✓")
    assert equal(torch.load(other, weights_only=True), state)


def test_replacing_the_checkpoint_itself_is_asked_apart(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = network()
    path = saved(tmp_path, state)
    pane = open_export(window, path, settle, qtbot)
    add_rule(pane, "Strip module.")
    type_target(pane, Path(path))
    press_export(pane, qtbot)
    assert "is the checkpoint itself" in pane.outcome.message.text()
    assert equal(torch.load(path, weights_only=True), state)
    assert pane.outcome.buttons[0].text() == "Replace the checkpoint"
    QTest.mouseClick(pane.outcome.buttons[0], Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    result = torch.load(path, weights_only=True)
    assert equal(result, {key.removeprefix("module."): value for key, value in state.items()})


def test_what_cannot_be_written_is_told_in_the_pane(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    type_target(pane, tmp_path / "nowhere" / "x.pt")
    press_export(pane, qtbot)
    assert pane.error.isVisible()
    assert "folder does not exist" in pane.error.message.text()
    (tmp_path / "nowhere").mkdir()
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert not pane.error.isVisible()
    assert equal(torch.load(tmp_path / "nowhere" / "x.pt", weights_only=True), network())


def test_other_parts_are_kept_or_left_out(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    state = network()
    optimizer = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    path = saved(tmp_path, {"state_dict": state, "optimizer": optimizer, "epoch": 3})
    pane = open_export(window, path, settle, qtbot)
    type_target(pane, tmp_path / "a.pt")
    press_export(pane, qtbot)
    whole = torch.load(tmp_path / "a.pt", weights_only=True)
    assert torch.equal(whole["optimizer"]["state"][0]["exp_avg"], torch.ones(3))
    assert whole["epoch"] == 3
    type_target(pane, tmp_path / "b.safetensors")
    ready(pane, qtbot)
    assert not pane.export_button.isEnabled()
    (box,) = pane.target.drops.values()
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center() / 8)
    box.setChecked(True)
    press_export(pane, qtbot)
    assert equal(dict(sorted(load_file(tmp_path / "b.safetensors").items())), dict(sorted(state.items())))


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_E])
def test_a_key_goes_back_to_the_file(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path, key: Qt.Key
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    tab = settle(window)
    assert tab.faces.shows_export
    QTest.keyClick(pane.rules.add_button, key, CTRL if key is Qt.Key.Key_E else Qt.KeyboardModifier.NoModifier)
    assert not tab.faces.shows_export
    assert tab.tree.isVisible()


def test_an_export_that_is_stopped_leaves_nothing(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    path = saved(tmp_path, {f"w{i}": torch.zeros(1 << 20) for i in range(24)})
    pane = open_export(window, path, settle, qtbot)
    type_target(pane, tmp_path / "big.pt")
    ready(pane, qtbot)
    before = sorted(tmp_path.iterdir())
    QTest.mouseClick(pane.export_button, Qt.MouseButton.LeftButton)
    assert not pane.export_button.isEnabled()
    assert "status bar" in pane.progress.text()
    assert window.bridge.running[pane.writing.slot].title == "Exporting big.pt"
    window.bridge.cancel(pane.writing.slot)
    ready(pane, qtbot)
    assert pane.error.isVisible()
    assert "nothing was written" in pane.error.message.text()
    assert sorted(tmp_path.iterdir()) == before
    # It is not lost: the same can be tried again.
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    ready(pane, qtbot)
    assert (tmp_path / "big.pt").exists()


def test_rules_stay_when_the_file_is_read_again(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    path = saved(tmp_path, network())
    pane = open_export(window, path, settle, qtbot)
    add_rule(pane, "Strip module.")
    ready(pane, qtbot)
    torch.save({**network(), "module.more": torch.ones(2)}, path)
    QTest.keyClick(window, Qt.Key.Key_F5)
    settle(window)
    ready(pane, qtbot)
    assert shown_keys(pane)[-1] == ("module.more", "more")
    type_target(pane, tmp_path / "new.pt")
    press_export(pane, qtbot)
    assert "more" in torch.load(tmp_path / "new.pt", weights_only=True)


def test_shards_are_as_large_as_is_said(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    state = network()
    pane = open_export(window, saved(tmp_path, state), settle, qtbot)
    pane.target.kind.setFocus()
    QTest.keyClicks(pane.target.kind, "S")
    QTest.keyClicks(pane.target.kind, "h")
    ready(pane, qtbot)
    assert pane.target.kind.currentData() == "sharded"
    for text, fine in (("many", False), ("50 B", True)):
        pane.target.shard.setFocus()
        QTest.keyClick(pane.target.shard, Qt.Key.Key_A, CTRL)
        QTest.keyClicks(pane.target.shard, text)
        ready(pane, qtbot)
        assert pane.export_button.isEnabled() == fine
    QTest.mouseClick(pane.target.metadata_button, Qt.MouseButton.LeftButton)
    QTest.keyClicks(pane.target.metadata, "license=MIT")
    type_target(pane, tmp_path / "shards")
    press_export(pane, qtbot)
    files = sorted((tmp_path / "shards").glob("*.safetensors"))
    # Of 48, 16, 32 and 8 bytes.
    assert len(files) == 3
    assert {key for file in files for key in load_file(file)} == set(state)
    with safe_open(files[0], "pt") as file:
        assert file.metadata()["license"] == "MIT"


def test_a_state_dict_is_wrapped_under_a_key(window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    pane.target.layout_box.setFocus()
    QTest.keyClicks(pane.target.layout_box, "Under")
    ready(pane, qtbot)
    assert "✖ The key around the state_dict is empty" in pane.summary.texts
    QTest.keyClicks(pane.target.wrap, "model")
    type_target(pane, tmp_path / "wrapped.pt")
    press_export(pane, qtbot)
    assert equal(torch.load(tmp_path / "wrapped.pt", weights_only=True)["model"], network())


@pytest.mark.parametrize("kind", ["Include", "Rename keys by a table", "Cast", "Strip prefix"])
def test_whatever_takes_the_keys_has_a_name(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    pane = open_export(window, saved(tmp_path, network()), settle, qtbot)
    add_rule(pane, kind)
    ready(pane, qtbot)
    for part in pane.findChildren(QWidget):
        if part.isVisible() and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
            around = part.parentWidget()
            # The line in a box that can be typed into is spoken as the box.
            named = around if isinstance(around, QComboBox) else part
            text = part.text() if isinstance(part, QAbstractButton) else ""
            assert named.accessibleName() or text, part
            assert not (isinstance(part, QLineEdit) and part.acceptDrops())


def test_a_rule_that_strips_offers_what_stands_there_before_it(
    window: MainWindow, settle: Settle, qtbot: QtBot, tmp_path: Path
) -> None:
    state = {f"module.model.{key}": torch.ones(2) for key in "ab"}
    pane = open_export(window, saved(tmp_path, state), settle, qtbot)

    def offered() -> list[str]:
        box = pane.rules.form.inputs["prefix"]
        assert isinstance(box, QComboBox)
        return [box.itemData(at) for at in range(box.count())]

    def buttons() -> list[str]:
        return [button.text() for button in pane.rules._offers.findChildren(QPushButton) if button.isVisible()]

    assert buttons() == ["Strip module. from 2 keys"]
    add_rule(pane, "Strip module.")
    ready(pane, qtbot)
    # The rule itself has taken it away, and still offers it; a further one finds what is left.
    assert offered() == ["module.", "auto"]
    assert buttons() == ["Strip model. from 2 keys"]
    add_rule(pane, "Strip model.")
    ready(pane, qtbot)
    assert offered() == ["model.", "auto"]
    assert buttons() == []
    pane.rules.go_to(0)
    assert offered() == ["module.", "auto"]
    assert buttons() == ["Strip model. from 2 keys"]
    assert shown_keys(pane) == [("module.model.a", "a"), ("module.model.b", "b")]
