"""What the README shows of a terminal and of Python is what they say."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme.document import blocks, needs_readme, samples_in

pytestmark = needs_readme


def conversation(block: str) -> list[tuple[str, str]]:
    """Each command with what is told to come of it."""
    parts = re.split(r"^\$ (.+)\n", block, flags=re.MULTILINE)
    assert parts[0] == ""
    return list(zip(parts[1::2], parts[2::2], strict=True))


def pattern(told: str) -> str:
    """The regex of an output: a line `…` stands for any lines, `[…]` for anything within a line."""

    def of(line: str) -> str:
        return "(?:.*\n)*?" if line == "…" else re.escape(line).replace(r"\[…\]", ".*") + "\n"

    return "".join(map(of, told.split("\n"))).removesuffix("\n")


def outputs(commands: list[str], folder: Path) -> list[str]:
    """What a shell in this folder says to each."""
    program = folder.parent / "bin" / "sdviewer"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sdviewer "$@"\n', "utf-8")
    program.chmod(0o755)
    # Each sees the exit code of the one before.
    script = "r=0\n" + "".join(f"(exit $r)\n{command}\nr=$?\nprintf '\\0'\n" for command in commands)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    return done.stdout.split("\0")[:-1]


@pytest.mark.skipif(os.name != "posix", reason="the commands are those of a shell")
@pytest.mark.parametrize("number", range(len(blocks("console"))))
def test_the_commands_of_a_block_say_what_the_readme_shows(number: int, tmp_path: Path) -> None:
    spoken = conversation(blocks("console")[number])
    said = outputs([command for command, _ in spoken], samples_in(tmp_path))
    for (command, told), output in zip(spoken, said, strict=True):
        assert re.fullmatch(pattern(told), output), f"$ {command}\n{output}"


def test_a_line_may_stand_for_many_and_a_word_for_the_rest_of_its_line() -> None:
    assert re.fullmatch(pattern("a\n…\nz [1], […]\n"), "a\nb\nc\nz [1], 2, 3\n")
    assert re.fullmatch(pattern("a\n…\nz\n"), "a\nz\n")
    assert not re.fullmatch(pattern("a\n…\nz\n"), "a\nb\n")
    assert not re.fullmatch(pattern("a\nz\n"), "a\nb\nz\n")


def test_every_command_is_shown_with_what_it_says_but_for_the_window_s() -> None:
    from sdviewer.cli.main import COMMANDS

    shown = {command.split()[1] for block in blocks("console") for command, _ in conversation(block) if " " in command}
    assert shown | {"screenshot"} >= set(COMMANDS)


def test_python_says_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(samples_in(tmp_path))
    test = doctest.DocTestParser().get_doctest("".join(blocks("python")), {}, "README", None, None)
    assert len(test.examples) > 10
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert runner.run(test, out=said.append).failed == 0, "".join(said)
