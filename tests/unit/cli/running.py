"""Runs the command line in this process and keeps what it printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sdviewer.cli.main import run


def no_window(files: Sequence[str], new: bool, diff: bool) -> int:
    """Stands in where no window may open."""
    raise AssertionError(f"a {'new ' if new else ''}{'diff ' if diff else ''}window was opened on {files}")


@dataclass(frozen=True)
class Told:
    """Exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one document on standard output, which has nothing that JSON does not have."""

        def refuse(constant: str) -> Any:
            raise AssertionError(f"{constant} is no JSON")

        return dict(json.loads(self.out, parse_constant=refuse))


class CommandLine:
    """Call it with arguments."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Told:
        """Run `sdviewer` with these arguments."""
        code = run([str(argument) for argument in arguments], no_window)
        out, err = self._capsys.readouterr()
        return Told(code, out, err)
