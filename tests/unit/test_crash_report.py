"""A crash leaves its stacks for the next start; a report names neither the user nor what is his."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

import pytest

from sdviewer import crash_report
from sdviewer.crash_report import Crash, paths_named_by, report_text, take_crashes, without_paths
from sdviewer.errors import SourceChanged

_START = (
    "import sys, os, time\nfrom sdviewer.crash_report import keep_watch\nkeep_watch()\nprint('ready', flush=True)\n"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of crashes lie, empty."""
    folder = tmp_path / "crashes"
    monkeypatch.setattr(crash_report, "folder", lambda: folder)
    return folder


def run(place: Path, then: str) -> subprocess.Popen[str]:
    """A process that keeps watch in that folder, and then does something."""
    setup = f"import pathlib, sdviewer.crash_report as c\nc.folder = lambda: pathlib.Path({str(place)!r})\n"
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", setup + _START + then], stdin=pipe, stdout=pipe, text=True)


def ended(place: Path, then: str) -> int:
    with run(place, then) as process:
        return process.wait(60)


def test_a_clean_end_leaves_nothing(place: Path) -> None:
    assert ended(place, "") == 0
    assert list(place.iterdir()) == []
    assert take_crashes() == []


def test_a_crash_leaves_the_stacks_of_all_threads_and_is_told_once(place: Path) -> None:
    then = (
        "import faulthandler, threading\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "def the_function_that_crashes():\n    faulthandler._sigsegv()\n"
        "the_function_that_crashes()\n"
    )
    assert ended(place, then) != 0
    (crash,) = take_crashes()
    assert "in the_function_that_crashes" in crash.stacks
    assert crash.stacks.count("Thread 0x") >= 2 - ("Current thread" in crash.stacks)
    assert list(place.iterdir()) == []
    assert take_crashes() == []


def test_an_abort_of_a_library_is_a_crash(place: Path) -> None:
    assert ended(place, "os.abort()") != 0
    assert "Abort" in take_crashes()[0].stacks


def test_what_was_ended_from_outside_is_no_crash(place: Path) -> None:
    with run(place, "time.sleep(60)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert len(list(place.iterdir())) == 1
    assert take_crashes() == []
    assert list(place.iterdir()) == []


def test_a_window_that_runs_is_left_alone(place: Path) -> None:
    with run(place, "sys.stdin.read()") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert take_crashes() == []
        (file,) = place.iterdir()
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0
    assert not file.exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions bind no administrator")
def test_a_folder_that_cannot_be_written_is_done_without(place: Path) -> None:
    place.mkdir(mode=0o500)
    assert ended(place, "") == 0


def test_a_file_in_the_way_of_the_folder_is_done_without(place: Path) -> None:
    place.write_bytes(b"")
    assert ended(place, "") == 0
    assert take_crashes() == []


def test_the_last_of_several_crashes_comes_first(place: Path) -> None:
    place.mkdir()
    for number in (2, 1):
        (place / f"{number}.crash").write_text(f"Fatal Python error {number}")
        os.utime(place / f"{number}.crash", (number, number))
    assert take_crashes() == [Crash(2, "Fatal Python error 2"), Crash(1, "Fatal Python error 1")]


def test_failures_of_every_thread_are_told() -> None:
    told: list[tuple[BaseException, str]] = []

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        assert kind is type(error)
        assert trace is not None
        told.append((error, threading.current_thread().name))

    def fail(error: BaseException) -> None:
        raise error

    hooks = sys.excepthook, threading.excepthook
    tell_no_more = crash_report.be_told_of_failures(tell)
    try:
        faults = (ValueError("a fault"), SystemExit())
        for fault in faults:
            thread = threading.Thread(target=fail, args=(fault,), name="worker")
            thread.start()
            thread.join()
        assert sys.excepthook is tell
    finally:
        tell_no_more()
    assert told == [(faults[0], "worker")]
    assert (sys.excepthook, threading.excepthook) == hooks


def test_a_helper_process_whose_thread_fails_ends_with_its_trace() -> None:
    text = (
        "import threading, time\nfrom sdviewer.crash_report import end_on_any_failure\nend_on_any_failure()\n"
        "threading.Thread(target=lambda: 1 / 0).start()\ntime.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_a_helper_process_that_crashes_prints_its_stacks() -> None:
    text = "import faulthandler, sdviewer.crash_report as c\nc.end_on_any_failure()\nfaulthandler._sigsegv()\n"
    done = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True, text=True, timeout=50)
    assert "Segmentation fault" in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('  File "/home/zoe/env/lib/python3.11/site-packages/sdviewer/ui/app.py", line 3', "sdviewer/ui/app.py"),
        ('  File "/opt/python3.11/threading.py", line 3', "python3.11/threading.py"),
        ('  File "/home/zoe/my work/sdviewer/ui/app.py", line 3', "sdviewer/ui/app.py"),
        ('  File "C:\\Users\\Zoe B\\sdviewer\\ui\\app.py", line 3', "sdviewer/ui/app.py"),
        ("cannot read '/home/zoe/secret project/net.pt'", "<path>"),
        ("OSError: /data/secret/net.pt: is gone", "<path>"),
        ("path=/data/secret/net.pt", "<path>"),
        ("open(~/secret/net.pt)", "<path>"),
        ("C:\\Users\\secret\\net.pt is gone", "<path>"),
        ("\\\\server\\secret\\net.pt is gone", "<path>"),
    ],
)
def test_paths_are_left_out_but_those_of_code(text: str, expected: str) -> None:
    left = without_paths(text)
    assert expected in left
    for word in ("zoe", "Zoe", "secret", "my work", "net.pt", "Users"):
        assert word not in left


@pytest.mark.parametrize("text", ["model/layers/0 has 3/4", "a ratio of 1 / 2", "x // y", "see https://example.org/a"])
def test_what_only_looks_like_a_path_stays(text: str) -> None:
    assert without_paths(text) == text


def test_known_files_are_left_out_wherever_they_are_named() -> None:
    text = "net one.pt: is empty; of /data/my models/net one.pt and net one.pt.bak"
    assert without_paths(text, ["/data/my models/net one.pt"]) == "<path>: is empty; of <path> and <path>.bak"


def test_the_names_of_user_and_computer_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "annabel")
    monkeypatch.setattr("platform.node", lambda: "annabels-mac")
    assert without_paths("annabel on annabels-mac, annabelle") == "<user> on <computer>, annabelle"


def test_the_files_of_an_error_and_of_its_causes_are_known() -> None:
    error = SourceChanged("changed", file="/a/b.pt")
    error.__cause__ = FileNotFoundError(2, "No such file", "/c/d.pt")
    error.__cause__.__context__ = error
    assert paths_named_by(error) == {"/a/b.pt", "/c/d.pt"}


def test_a_report_has_versions_and_system_before_the_trace() -> None:
    lines = report_text("it failed", [("Qt", "6.11")], "Traceback\n").splitlines()
    assert lines[0] == "it failed"
    assert "Qt 6.11" in lines
    assert lines[-1] == "Traceback"
    assert any(line.startswith("System ") for line in lines)
