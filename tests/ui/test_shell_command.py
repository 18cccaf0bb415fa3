"""The command that is copied is understood by the program's own parser and tells what the window shows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sdviewer.cli.main import run
from sdviewer.edit.rules import AddPrefix
from sdviewer.ui.comparison.tab import ComparisonTab
from sdviewer.ui.document.browser import ALL_TENSORS
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.main_window import MainWindow
from tests.ui.exports import ready, type_target

Settle = Callable[[MainWindow], DocumentTab]
Run = Callable[[str], Any]

KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def file(tmp_path: Path) -> str:
    torch.manual_seed(0)
    model = {f"layers.{i}.{name}": torch.randn(3, 4) for i in range(60) for name in ("weight", "bias")}
    model |= {"odd [0] *'s name": torch.arange(4.0), "-x": torch.ones(2)}
    path = tmp_path / "it's a net.pt"
    torch.save({"model": model, "ema": {"layers.0.weight": torch.zeros(2)}, "epoch": 3}, path)
    return str(path)


@pytest.fixture
def tab(window: MainWindow, settle: Settle, file: str) -> DocumentTab:
    window.open_files([file])
    return settle(window)


@pytest.fixture
def copied(window: MainWindow, qtbot: QtBot) -> Callable[[], str]:
    """What the key puts on the clipboard."""

    def copy() -> str:
        QGuiApplication.clipboard().setText("")
        window.statusBar().clearMessage()
        QTest.keyClick(window, Qt.Key.Key_C, KEYS)
        qtbot.waitUntil(lambda: window.statusBar().currentMessage() != "", timeout=20_000)
        return QGuiApplication.clipboard().text()

    return copy


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command prints as JSON, by the program itself."""

    def act(command: str) -> Any:
        program, *words = shlex.split(command)
        assert program == "sdviewer"
        capsys.readouterr()
        # Options come first: behind "--" all else is a name.
        assert run([words[0], "--json", *words[1:]], lambda *_: 99) in (0, 1)
        return json.loads(capsys.readouterr().out)

    return act


def names(document: Any) -> set[str]:
    return {row["name"] for row in document["tensors"]}


def test_of_a_whole_file_its_info(tab: DocumentTab, copied: Callable[[], str], told: Run, file: str) -> None:
    assert tab.tree.current_node() == 0
    command = copied()
    assert command == shlex.join(["sdviewer", "info", file])
    assert len(told(command)["tensors"]) == 123


@pytest.mark.parametrize("name", ["model/layers.3.bias", "model/odd ~2", "ema/layers.0.weight"])
def test_of_a_tensor_its_values(tab: DocumentTab, copied: Callable[[], str], told: Run, name: str) -> None:
    assert tab.loaded is not None
    whole = next(one for one in tab.loaded.checkpoint.table.name.tolist() if one.startswith(name.partition("~")[0]))
    tab.go_to_name(whole)
    command = copied()
    assert command.startswith("sdviewer values ")
    assert told(command)["name"] == whole


def test_of_a_tensor_whose_name_looks_like_an_option_its_values(
    window: MainWindow, settle: Settle, copied: Callable[[], str], told: Run, tmp_path: Path
) -> None:
    torch.save({"-x": torch.ones(2), "y": torch.ones(3)}, tmp_path / "bare.pt")
    window.open_files([str(tmp_path / "bare.pt")])
    settle(window).go_to_name("-x")
    assert told(copied())["name"] == "-x"


def test_of_a_module_the_statistics_of_its_tensors(tab: DocumentTab, copied: Callable[[], str], told: Run) -> None:
    tab.go_to_name("model/layers.7")
    command = copied()
    assert "--select" in command
    assert names(told(command)) == {"model/layers.7.weight", "model/layers.7.bias"}
    tab.go_to_name("ema")
    assert told(copied())["name"] == "ema/layers.0.weight"
    tab.go_to_name("model")
    assert len(names(told(copied()))) == 122


def test_of_a_selection_the_statistics_of_it(
    tab: DocumentTab, window: MainWindow, settle: Settle, copied: Callable[[], str], told: Run
) -> None:
    tab.browser.show_view(ALL_TENSORS)
    settle(window)
    table = tab.browser.table
    assert table is not None
    assert tab.loaded is not None
    every = tab.loaded.checkpoint.table.name.tolist()
    wanted = {name for name in every if "odd" in name or name in ("model/layers.2.bias", "model/layers.9.bias")}
    table.model.selection.flags[[every.index(name) for name in wanted]] = True
    assert len(wanted) == 3
    assert names(told(copied())) == wanted


def test_of_a_filter_the_statistics_of_what_it_finds(
    tab: DocumentTab, copied: Callable[[], str], told: Run, qtbot: QtBot
) -> None:
    for typed, count in (("*.bias", 60), ("layers.1", 22), ("bias -layers.1*", 49)):
        tab.browser.filter.set_text(typed)
        qtbot.waitUntil(lambda: tab.is_settled)
        tab.tree.select_node(0)
        found = tab.browser.filter.found
        assert found is not None
        assert tab.loaded is not None
        wanted = {tab.loaded.checkpoint.table.name[row] for row in found.matches.rows.tolist()}
        assert len(wanted) == count
        assert names(told(copied())) == wanted


def test_what_is_too_scattered_is_told(
    tab: DocumentTab, window: MainWindow, settle: Settle, copied: Callable[[], str]
) -> None:
    tab.browser.show_view(ALL_TENSORS)
    settle(window)
    table = tab.browser.table
    assert table is not None
    table.model.selection.flags[:120] = True
    table.model.selection.flags[50] = False
    assert copied() == ""
    assert "too scattered" in window.statusBar().currentMessage()


def test_of_an_export_the_export(
    tab: DocumentTab, copied: Callable[[], str], told: Run, tmp_path: Path, qtbot: QtBot
) -> None:
    tab.faces.export_soon((AddPrefix("net."),))
    assert tab.faces.export is not None
    pane = ready(tab.faces.export, qtbot)
    # What lies beside the model would be lost.
    type_target(pane, tmp_path / "out.safetensors")
    ready(pane, qtbot)
    assert copied() == ""
    type_target(pane, tmp_path / "out.pt")
    ready(pane, qtbot)
    command = copied()
    assert command.startswith("sdviewer export ")
    keys = told(f"{command} --dry-run")["plan"]["keys"]
    assert "net.layers.0.weight" in [row["new"] for row in keys]


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    torch.manual_seed(0)
    a = {"stem.w": torch.randn(3, 4), "body.w": torch.randn(5, 5), "head.b": torch.randn(2)}
    b = {"stem.w": a["stem.w"] + 1, "trunk.kernel": torch.randn(5, 5), "head.b": a["head.b"]}
    for name, state in (("a", a), ("b", b)):
        torch.save({"model": state, "ema": {key: value * 2 for key, value in state.items()}}, tmp_path / f"{name}.pt")
    return str(tmp_path / "a.pt"), str(tmp_path / "b.pt")


def compared(window: MainWindow, qtbot: QtBot) -> ComparisonTab:
    page = window.current_page
    assert isinstance(page, ComparisonTab)
    qtbot.waitUntil(lambda: page.is_settled, timeout=30_000)
    return page


def pairs(document: Any) -> set[tuple[str, str, str]]:
    return {(pair["a"], pair["b"], pair["match"]["by"]) for pair in document["pairs"]}


def test_of_a_comparison_the_diff(
    window: MainWindow, copied: Callable[[], str], told: Run, two: tuple[str, str], qtbot: QtBot
) -> None:
    window.compare_files(*two)
    page = compared(window, qtbot)
    command = copied()
    assert command == shlex.join(["sdviewer", "diff", *two])
    page.choose_sections("ema", "ema")
    compared(window, qtbot)
    page.comparing.set_tolerance(0.1, 1e-9)
    compared(window, qtbot)
    command = copied()
    assert shlex.split(command)[4:] == ["--section-a=ema", "--section-b=ema", "--rtol=0.1", "--atol=1e-09"]
    assert len(pairs(told(command))) >= 2


def test_pairs_made_by_hand_are_told_by_maps(
    window: MainWindow, copied: Callable[[], str], told: Run, two: tuple[str, str], qtbot: QtBot
) -> None:
    window.compare_files(*two)
    page = compared(window, qtbot)
    page.comparing.again(page.comparing.ask.with_pair("body.w", "trunk.kernel"))
    compared(window, qtbot)
    assert ("body.w", "trunk.kernel", "map") in pairs(told(copied()))
    page.comparing.again(page.comparing.ask.without("stem.w", "stem.w"))
    compared(window, qtbot)
    assert copied() == ""
    assert "undone by hand" in window.statusBar().currentMessage()


def test_of_two_tensors_the_diff_of_these_alone(
    window: MainWindow, copied: Callable[[], str], told: Run, two: tuple[str, str], qtbot: QtBot
) -> None:
    window.tabs.setCurrentWidget(window.compare_behind(*two, ("model/body.w", "ema/trunk.kernel")))
    compared(window, qtbot)
    document = told(copied())
    assert pairs(document) == {("body.w", "trunk.kernel", "map")}
    assert not document["only_a"]
    assert not document["only_b"]
