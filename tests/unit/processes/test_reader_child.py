"""The reader process: limited, lean, and gone when nobody listens."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sdviewer.control import Control
from sdviewer.errors import AmbiguousName
from sdviewer.processes.frames import read_frame, write_frame
from sdviewer.processes.reader_child import answer, describe_error


def answer_to(opener: Any) -> dict[str, Any]:
    stream = io.BytesIO()
    answer("some.pt", stream, opener)
    stream.seek(0)
    frame = read_frame(stream)
    assert frame is not None
    return frame[0]


def raising(error: Exception) -> Any:
    def opener(_path: str, _control: Control) -> Any:
        raise error

    return opener


@pytest.mark.parametrize(("error", "words"), [(MemoryError(), "memory"), (RecursionError(), "deeply")])
def test_running_out_of_memory_or_stack_is_a_limit_of_the_file(error: Exception, words: str) -> None:
    told = answer_to(raising(error))["error"]
    assert told["class"] == "LimitExceeded"
    assert told["file"] == "some.pt"
    assert words in told["message"]


def test_a_fault_of_our_own_is_told_by_name() -> None:
    assert answer_to(raising(ZeroDivisionError("oh")))["error"]["message"] == "ZeroDivisionError: oh"


def test_an_error_keeps_its_class_message_file_and_hint() -> None:
    error = AmbiguousName("which one", ["a", "b"], file="f.pt", hint="say more")
    assert describe_error(error) == {
        "class": "AmbiguousName",
        "message": "which one",
        "file": "f.pt",
        "hint": "say more",
    }


def test_progress_is_sent_as_it_is_reported() -> None:
    def opener(path: str, control: Control) -> Any:
        control.report(5, 5, f"reading {path}")
        raise ZeroDivisionError

    assert answer_to(opener) == {"progress": [5, 5, "reading some.pt"]}


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sdviewer.processes.reader_child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_it_ends_when_its_parent_does_before_a_request() -> None:
    with start() as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def test_it_ends_when_its_parent_does_while_it_works(tmp_path: Path) -> None:
    torch.save({f"layer.{i}": torch.zeros(1) for i in range(20_000)}, tmp_path / "file.pt")
    with start() as process:
        assert process.stdin is not None
        write_frame(process.stdin, {"path": str(tmp_path / "file.pt"), "memory": 1 << 30})  # type: ignore[arg-type]  # IO is BinaryIO here
        process.stdin.close()
        # Nobody reads its answer, which is larger than the pipe: only the end of its input can end it.
        assert process.wait(60) == 0


def test_it_imports_neither_torch_nor_qt_nor_numba() -> None:
    program = "import sys, sdviewer.processes.reader_child; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in result.stdout.split()}
    assert not roots & {"torch", "PySide6", "pyqtgraph", "numba"}
    assert "numpy" in roots
