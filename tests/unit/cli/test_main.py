"""Exit codes and errors: what scripts rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer import __main__ as programs
from sdviewer.cli import main
from tests.unit.cli.running import CommandLine, no_window


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save({"a.weight": torch.arange(6.0).reshape(2, 3)}, tmp_path / "some.pt")
    return tmp_path / "some.pt"


@pytest.mark.parametrize("command", [("info",), ("values", "a.weight"), ("screenshot", "out.png")])
def test_a_missing_file_is_one_line_and_exit_code_2(sdviewer_command: CommandLine, command: tuple[str, ...]) -> None:
    if command[0] == "screenshot":
        pytest.importorskip("PySide6.QtWidgets")
    told = sdviewer_command(command[0], "nowhere.pt", *command[1:])
    assert (told.code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    assert told.err.startswith("sdviewer: nowhere.pt: no such file")


def test_with_json_the_error_is_a_document_too(sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("info", "--json", "nowhere.pt")
    assert told.code == 2
    assert told.json["schema"] == 1
    error = told.json["error"]
    assert (error["kind"], error["message"], error["file"]) == ("file_missing", "no such file", "nowhere.pt")
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["info", "a.pt", "b.pt"],
        ["info", "--nonsense", "a.pt"],
        ["values", "a.pt"],
        ["values", "a.pt", "name", "--slice", "1;2"],
        ["screenshot", "a.pt", "out.png", "--size", "12"],
        ["screenshot", "a.pt", "out.png", "--theme", "pink"],
    ],
)
def test_wrong_usage_is_64_in_one_line(sdviewer_command: CommandLine, arguments: list[str]) -> None:
    told = sdviewer_command(*arguments)
    assert (told.code, told.out) == (64, "")
    assert told.err.count("\n") == 1
    assert f"sdviewer {arguments[0]} --help" in told.err


def test_a_wrong_option_of_the_window_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--nonsense"], no_window) == 64
    assert "sdviewer --help" in capsys.readouterr().err


def test_files_without_a_command_open_the_window() -> None:
    opened: list[list[str | bool]] = []

    def window(files: Sequence[str], new: bool, diff: bool) -> int:
        assert not diff
        opened.append([*files, new])
        return 0

    assert main.run(["a.pt", "./info", "b c.pt"], window) == 0
    assert main.run(["--new-window"], window) == 0
    # The program that has only a window takes every word for a file.
    assert main.run_window_command(["info"], window) == 0
    assert opened == [["a.pt", "./info", "b c.pt", False], [True], ["info", False]]


def test_two_files_are_compared_in_the_window(capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[list[str | bool]] = []

    def window(files: Sequence[str], new: bool, diff: bool) -> int:
        opened.append([*files, new, diff])
        return 0

    assert main.run(["a.pt", "b.pt", "--diff"], window) == 0
    assert opened == [["a.pt", "b.pt", False, True]]
    assert main.run(["a.pt", "--diff"], window) == 64
    assert "--diff compares two files" in capsys.readouterr().err


def test_the_programs_hand_over_their_arguments(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[Sequence[str]] = []

    def window(files: Sequence[str], new: bool, diff: bool) -> int:
        assert not new
        assert not diff
        opened.append(files)
        return 0

    monkeypatch.setattr(programs, "_open_window", window)
    monkeypatch.setattr(sys, "argv", ["sdviewer", "info", str(file)])
    assert programs.main() == 0
    assert "a.weight" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["sdviewer-window", "info"])
    assert programs.window() == 0
    assert opened == [["info"]]


def test_without_qt_the_window_says_what_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sdviewer.ui.app", None)
    monkeypatch.setattr(sys, "argv", ["sdviewer", "a.pt"])
    assert programs.main() == 2
    assert "`sdviewer info FILE` works without it" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), sdviewer.Cancelled("stopped")])
def test_an_interruption_is_130(
    sdviewer_command: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(sdviewer, "open", interrupted)
    told = sdviewer_command("info", file, "--json")
    assert told.code == 130
    assert told.json["error"]["kind"] == "cancelled"


def test_a_fault_of_our_own_is_no_finding(
    sdviewer_command: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sdviewer, "open", broken)
    told = sdviewer_command("info", file)
    assert told.code == 2
    assert told.err.splitlines()[-1] == "sdviewer: sdviewer failed: ZeroDivisionError"


def test_a_name_that_a_terminal_cannot_show_is_escaped(file: Path) -> None:
    torch.save({"näme \u202e\ud800": torch.ones(1)}, file)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "sdviewer", "info", str(file)]
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    assert rb"n\xe4me \u202e\ud800" in done.stdout


def test_a_reader_that_goes_early_is_no_error(file: Path) -> None:
    torch.save({f"tensor.{i}": torch.ones(1) for i in range(5_000)}, file)
    command = f"'{sys.executable}' -m sdviewer info '{file}' | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told(file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "sdviewer", "info", str(file)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr == "sdviewer: standard output: cannot be written: No space left on device\n"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run(["--version"], no_window)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sdviewer {sdviewer.__version__}\n"


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.run(["--help"], no_window)
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"sdviewer {name} {given}" in told for name, given in main.COMMANDS.items())
    assert "load-check" in main.COMMANDS
