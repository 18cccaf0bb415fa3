"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.unit.cli.running import CommandLine


@pytest.fixture
def sdviewer_command(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line."""
    return CommandLine(capsys)
