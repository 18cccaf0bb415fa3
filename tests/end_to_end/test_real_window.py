"""The real window stands on a real screen."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.end_to_end.real_window import has_xvfb, take


@pytest.mark.skipif(not has_xvfb(), reason="Xvfb is not installed")
def test_the_program_shows_its_window_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    colours, code = take(tmp_path / "screen.png")
    assert colours > 40
    assert code == -signal.SIGINT
