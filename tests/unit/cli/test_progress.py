"""Progress is drawn on a terminal only, on one line that is gone at the end."""

from __future__ import annotations

import io
import sys

import pytest

from sdviewer.cli import progress


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, quiet: bool = False) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    control = progress.control_for(quiet=quiet)
    control.report(1, 4, "reading \x1b[31m")
    control.report(4, 4, "done")
    progress.clear()
    return stream.getvalue()


def test_a_terminal_shows_per_cent_and_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, Terminal())
    assert " 25 %" in text
    assert "\x1b[31m" not in text
    assert text.endswith("\r\x1b[K")


def test_elsewhere_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO()) == ""
    assert "%" not in drawn(monkeypatch, Terminal(), quiet=True)
