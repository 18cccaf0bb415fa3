"""What holds for every test: no log record, no Qt warning, no thread and no window is left behind."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot

# Before anything imports Qt: tests paint into memory and remember nothing of the user's, nor for the next run.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
_HOME = tempfile.TemporaryDirectory(prefix="sdviewer-tests-")
for _variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
    os.environ[_variable] = os.path.join(_HOME.name, _variable.lower())  # noqa: PTH118  # a text in, a text out
# But for compiled loops, in a folder that is named after what they were compiled from: compiling takes seconds.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled"))

# Time never decides a test: a slow example on a busy machine is no failure.
# CI tries the same examples each time, so that it judges the change; new ones are found at every run elsewhere.
settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("default")

# What waits for a condition waits so long before it fails: a busy machine is slow, and what never comes is rare.
_MS_TO_WAIT, _PATIENCE_OF_THE_PLUGIN = 60_000, 5000
_SECONDS_FOR_THREADS_TO_END = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--mutations", type=int, default=300, help="how many damaged files to open, for a quick run; CI takes 10000"
    )


@pytest.fixture(autouse=True, scope="session")
def _waits_are_long() -> None:
    """Where a test does not say how long."""
    for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitExposed):
        defaults = getattr(wait, "__kwdefaults__")  # noqa: B009  # no attribute that types know
        assert defaults["timeout"] == _PATIENCE_OF_THE_PLUGIN
        defaults["timeout"] = _MS_TO_WAIT


@pytest.fixture(autouse=True)
def _no_log_record(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A warning in the log fails the test that caused it."""
    yield
    records = [record.getMessage() for when in ("setup", "call") for record in caplog.get_records(when)]
    assert records == []


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Every thread that a test starts has ended when it ends."""
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + _SECONDS_FOR_THREADS_TO_END
    while (left := [t for t in threading.enumerate() if t not in before]) and time.monotonic() < until:
        time.sleep(0.01)
    assert left == []


@pytest.fixture(autouse=True)
def _no_window_is_left() -> Iterator[None]:
    """Every window that a test makes is gone when it ends."""
    yield
    widgets = sys.modules.get("PySide6.QtWidgets")
    app = widgets.QApplication.instance() if widgets is not None else None
    if widgets is None or app is None:
        return
    for attempt in range(3):
        app.sendPostedEvents(None, 52)  # QEvent.DeferredDelete: deleteLater() of what the test let go
        app.processEvents()
        if not (left := widgets.QApplication.topLevelWidgets()):
            return
        if attempt == 1:
            gc.collect()
    names = [f"{type(widget).__name__} {widget.windowTitle()!r}" for widget in left]
    for widget in left:
        widget.deleteLater()
    pytest.fail(f"windows are left: {', '.join(names)}")
