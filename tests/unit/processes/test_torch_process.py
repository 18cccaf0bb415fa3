"""What needs torch runs in a process that can be ended at any time, dies alone, and says why."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sdviewer.control import Control
from sdviewer.errors import Cancelled, HelperDied, MissingBytes
from sdviewer.processes import starting
from sdviewer.processes.frames import read_frame, write_frame
from sdviewer.processes.torch_process import TorchProcess

SIDE = 40


@pytest.fixture(scope="module")
def process() -> Iterator[TorchProcess]:
    """One for all tests: starting it takes seconds. Each leaves it fit for the next."""
    process = TorchProcess()
    yield process
    process.close()


@pytest.fixture
def new() -> Iterator[TorchProcess]:
    process = TorchProcess()
    yield process
    process.close()


def request_for(side: int, method: str = "svd") -> dict[str, object]:
    return {
        "work": "spectrum",
        "shape": [side, side],
        "axis": 0,
        "dtype": "float64",
        "method": method,
        "memory": 1 << 30,
    }


def identity(side: int) -> Iterator[memoryview]:
    yield np.eye(side).reshape(-1).view(np.uint8).data


def ask(process: TorchProcess, control: Control | None = None, side: int = SIDE, seconds: float = 60) -> list[float]:
    _, buffers = process.ask(request_for(side), lambda: identity(side), control or Control(), seconds=seconds)
    return list(map(float, np.frombuffer(buffers[0], np.float64)))


def pid(process: TorchProcess) -> int:
    assert process._process is not None
    return process._process.pid


def test_one_process_answers_many(process: TorchProcess) -> None:
    assert ask(process) == pytest.approx([1.0] * SIDE)
    first = pid(process)
    assert process.is_running
    assert ask(process) == pytest.approx([1.0] * SIDE)
    assert pid(process) == first


def test_cancelling_ends_it_and_the_next_one_is_answered(process: TorchProcess) -> None:
    ask(process)
    first = process._process
    assert first is not None
    control = Control()
    timer = threading.Timer(0.5, control.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        # Some ten seconds.
        ask(process, control, side=3000)
    timer.join()
    assert first.poll() is not None
    assert ask(process) == pytest.approx([1.0] * SIDE)


def test_a_late_cancel_leaves_the_process_to_the_next_request(process: TorchProcess) -> None:
    """A job is cancelled whenever its pane lets go of it, also when it is done."""
    control = Control()
    ask(process, control)
    first = pid(process)
    control.cancel()
    assert ask(process) == pytest.approx([1.0] * SIDE)
    assert pid(process) == first


def test_one_that_died_is_replaced_by_the_next_request(process: TorchProcess) -> None:
    ask(process)
    first = process._process
    assert first is not None
    first.kill()
    first.wait()
    assert ask(process) == pytest.approx([1.0] * SIDE)
    assert process._process is not first


def test_one_that_dies_at_work_says_so(process: TorchProcess) -> None:
    ask(process)
    first = process._process
    assert first is not None
    timer = threading.Timer(0.3, first.kill)
    timer.start()
    with pytest.raises(HelperDied, match="SIGKILL.*try it again" if os.name == "posix" else "ended"):
        ask(process, side=3000)
    timer.join()
    assert not process.is_running
    assert ask(process) == pytest.approx([1.0] * SIDE)


def test_one_that_takes_too_long_is_given_up(process: TorchProcess) -> None:
    ask(process)
    with pytest.raises(HelperDied, match="given up"):
        ask(process, side=3000, seconds=0.4)
    assert not process.is_running


def test_an_idle_one_ends_by_itself_and_nobody_notices() -> None:
    process = TorchProcess(seconds_idle=0.2)
    try:
        ask(process)
        first = process._process
        assert first is not None
        assert first.wait(10) == 0
        assert not process.is_running
        assert ask(process) == pytest.approx([1.0] * SIDE)
    finally:
        process.close()


def test_values_that_cannot_be_read_leave_it_alive(process: TorchProcess) -> None:
    ask(process)
    first = pid(process)

    def values() -> Iterator[memoryview]:
        yield np.zeros(SIDE).view(np.uint8).data
        raise MissingBytes("the rest is not there")

    with pytest.raises(MissingBytes):
        process.ask(request_for(SIDE), values, Control(), seconds=60)
    assert ask(process) == pytest.approx([1.0] * SIDE)
    assert pid(process) == first


def test_what_it_cannot_do_it_says(process: TorchProcess) -> None:
    with pytest.raises(HelperDied, match="KeyError"):
        process.ask({"work": "unknown"}, lambda: identity(SIDE), Control(), seconds=60)
    assert ask(process) == pytest.approx([1.0] * SIDE)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no limit of memory here")
def test_memory_is_limited_and_the_process_survives(process: TorchProcess) -> None:
    ask(process)
    first = pid(process)
    # It asks for 80 GB, whatever the request says.
    request = {**request_for(100_000), "memory": 1 << 20}
    with pytest.raises(HelperDied, match="memory"):
        process.ask(request, lambda: identity(SIDE), Control(), seconds=60)
    assert ask(process) == pytest.approx([1.0] * SIDE)
    assert pid(process) == first


def test_progress_comes_home(new: TorchProcess) -> None:
    notes: list[str] = []
    assert not new.is_running
    ask(new, Control(lambda *step: notes.append(step[2])))
    assert notes[0] == "starting PyTorch"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')", "not installed.*pip install torch"),
        ("raise OSError('libtorch.so: no such file')", "could not be imported.*libtorch.so"),
    ],
)
def test_without_torch_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: TorchProcess, content: str, message: str
) -> None:
    (tmp_path / "torch.py").write_text(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(HelperDied, match=message):
        ask(new)
    # Installed meanwhile.
    monkeypatch.delenv("PYTHONPATH")
    assert ask(new) == pytest.approx([1.0] * SIDE)


def test_one_that_ends_with_words_hands_them_on(monkeypatch: pytest.MonkeyPatch, new: TorchProcess) -> None:
    monkeypatch.setattr(starting, "START", "raise SystemExit('out of luck')")
    with pytest.raises(HelperDied, match="code 1: out of luck"):
        ask(new)


def test_it_ends_with_its_parent() -> None:
    process = TorchProcess()
    ask(process)
    child = process._process
    assert child is not None
    assert child.stdin is not None
    # Even in the middle of its work.
    write_frame(child.stdin, request_for(2000))  # type: ignore[arg-type]  # a pipe
    for block in identity(2000):
        write_frame(child.stdin, {"values": True}, [block])  # type: ignore[arg-type]  # a pipe
    write_frame(child.stdin, {"done": True})  # type: ignore[arg-type]  # a pipe
    child.stdin.close()
    child.stdin = io.BytesIO()
    began = time.monotonic()
    assert child.wait(10) == 0
    assert time.monotonic() - began < 1
    assert read_frame(io.BytesIO()) is None
    process.close()
