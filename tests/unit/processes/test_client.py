"""Large descriptions are opened in a process that may fail, hang or be ended, and say so."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.errors import Cancelled, Damaged, FileMissing, HelperDied, LimitExceeded, NotACheckpoint
from sdviewer.processes import client, limits, starting
from tests.unit.processes.test_transport import assert_same

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs signals")

# Programs that stand in for the reader process: each reads its request first.
_PRELUDE = "import sys, json, os, signal, time, struct; n, = struct.unpack('<Q', sys.stdin.buffer.read(8)); "
_REQUEST = "request = json.loads(sys.stdin.buffer.read(n)); "
_SEND = (
    "\ndef send(message):\n"
    "    text = json.dumps(message).encode()\n"
    "    sys.stdout.buffer.write(struct.pack('<Q', len(text)) + text)\n"
    "    sys.stdout.buffer.flush()\n"
)


def child_that(does: str) -> str:
    return _PRELUDE + _REQUEST + _SEND + does


@pytest.fixture
def always_in_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that were started, all of which must have ended in the end."""
    processes: list[subprocess.Popen[bytes]] = []
    start = client._start

    def start_and_note(*args: Any) -> subprocess.Popen[bytes]:
        processes.append(start(*args))
        return processes[-1]

    monkeypatch.setattr(client, "_start", start_and_note)
    yield processes
    assert all(process.returncode is not None for process in processes)


@pytest.fixture
def file(tmp_path: Path) -> str:
    torch.save({"a.weight": torch.arange(6.0).reshape(2, 3), "epoch": 3, "b": torch.ones(2)}, tmp_path / "file.pt")
    return str(tmp_path / "file.pt")


def opened_by(program: str, file: str, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setattr(starting, "START", program)
    return client.open_checkpoint(file)


def test_a_small_description_starts_no_process(file: str, started: list[subprocess.Popen[bytes]]) -> None:
    assert list(client.open_checkpoint(file).tensors) == ["a.weight", "b"]
    assert started == []


def test_a_large_description_starts_one(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    torch.save({f"some.long.name.of.a.layer.{i}": torch.zeros(1) for i in range(9_000)}, tmp_path / "large.pt")
    assert len(client.open_checkpoint(tmp_path / "large.pt").tensors) == 9_000
    assert len(started) == 1


@pytest.mark.usefixtures("always_in_child")
def test_the_process_gives_what_opening_here_gives(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = client.open_checkpoint(file)
    monkeypatch.undo()
    here = client.open_checkpoint(file)
    for name in ("path", "file_bytes", "description", "tree"):
        assert_same(getattr(there, name), getattr(here, name), name)
    assert list(there.sections) == list(here.sections)
    assert there.tensors["a.weight"].numpy().tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.usefixtures("always_in_child", "started")
@pytest.mark.parametrize(
    ("content", "error"), [(b"not a checkpoint at all", NotACheckpoint), (b"", sdviewer.CannotOpen)]
)
def test_the_error_of_the_reader_is_raised_here(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    (tmp_path / "odd.pt").write_bytes(content)
    with pytest.raises(error, match=r"odd\.pt") as raised:
        client.open_checkpoint(tmp_path / "odd.pt")
    assert isinstance(raised.value, sdviewer.SdviewerError)
    assert raised.value.file == str(tmp_path / "odd.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="nowhere"):
        client.open_checkpoint(tmp_path / "nowhere.pt")


@pytest.mark.usefixtures("always_in_child", "started")
def test_message_and_hint_of_an_error_arrive(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"class": "Damaged", "message": "ends early", "file": "x.pt", "hint": "download it again"}
    with pytest.raises(Damaged) as raised:
        opened_by(child_that(f"send({{'error': {told!r}}})"), file, monkeypatch)
    assert str(raised.value) == "x.pt: ends early (download it again)"


@pytest.mark.usefixtures("always_in_child", "started")
@pytest.mark.parametrize("name", ["", "SystemExit", "annotations", "Nothing"])
def test_an_error_that_is_none_of_ours_says_that_the_process_failed(
    file: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    told = {"class": name, "message": "ZeroDivisionError: division by zero", "file": "", "hint": ""}
    with pytest.raises(HelperDied, match="failed: ZeroDivisionError") as raised:
        opened_by(child_that(f"send({{'error': {told!r}}})"), file, monkeypatch)
    assert raised.value.file == file


@posix_only
@pytest.mark.usefixtures("always_in_child", "started")
def test_a_process_that_is_killed_is_told_with_its_signal_and_the_next_opening_works(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = starting.START
    with pytest.raises(HelperDied, match="SIGKILL") as raised:
        opened_by(child_that("os.kill(os.getpid(), signal.SIGKILL)"), file, monkeypatch)
    assert raised.value.file == file
    assert len(opened_by(start, file, monkeypatch).tensors) == 2


@pytest.mark.usefixtures("always_in_child", "started")
def test_a_process_that_ends_early_is_told_with_its_last_words(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HelperDied, match="code 7: out of ideas"):
        opened_by(child_that("print('out of ideas', file=sys.stderr); sys.exit(7)"), file, monkeypatch)


@pytest.mark.usefixtures("always_in_child", "started")
@pytest.mark.parametrize(
    "answer",
    [
        "sys.stdout.buffer.write(b'\\xff' * 100)",
        "send({'checkpoint': ['array', 'O', [1], 0], 'buffers': []})",
        "send({'checkpoint': ['record', 'Popen', []]})",
        "send({'checkpoint': 5})",
        "send({})",
    ],
)
def test_a_process_that_sends_nonsense_is_not_believed(file: str, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    with pytest.raises(HelperDied):
        opened_by(child_that(answer + "; sys.stdout.flush()"), file, monkeypatch)


@pytest.mark.usefixtures("always_in_child", "started")
def test_a_process_that_says_nothing_is_given_up(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.2)
    with pytest.raises(LimitExceeded, match="without any progress"):
        opened_by(child_that("time.sleep(600)"), file, monkeypatch)


@pytest.mark.usefixtures("always_in_child", "started")
def test_cancel_ends_the_process(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "START", child_that("send({'progress': [1, 2, 'busy']}); time.sleep(600)"))
    control = sdviewer.Control(lambda *_: threading.Timer(0.01, control.cancel).start())
    with pytest.raises(Cancelled):
        client.open_checkpoint(file, control)


@pytest.mark.usefixtures("always_in_child", "started")
def test_progress_arrives_in_order(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[int, int, str]] = []
    monkeypatch.setattr(
        starting, "START", child_that("send({'progress': [2, 2, 'a']}); send({'progress': [3, 3, 'b']})")
    )
    with pytest.raises(HelperDied):
        client.open_checkpoint(file, sdviewer.Control(lambda *step: heard.append(step)))
    assert heard == [(2, 2, "a"), (3, 3, "b")]


def test_a_cancelled_control_opens_nothing(file: str) -> None:
    control = sdviewer.Control()
    control.cancel()
    with pytest.raises(Cancelled):
        client.open_checkpoint(file, control)


@pytest.mark.usefixtures("always_in_child", "started")
def test_a_python_that_cannot_be_started_is_told(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(HelperDied, match="could not be started"):
        client.open_checkpoint(file)


@pytest.mark.usefixtures("always_in_child")
def test_modules_in_the_current_folder_are_not_imported(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "struct", "sdviewer", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert len(client.open_checkpoint(file).tensors) == 2
    assert not (tmp_path / "executed").exists()
