"""The reader process: opens one checkpoint, sends it back as buffers, and ends.

It speaks frames: it is sent {"path", "memory"} and answers any number of {"progress": [done, total,
note]}, then {"checkpoint": header} with buffers, or {"error": {…}}. Whatever a file does to it, it
does here: memory is limited, and a crash ends this process alone.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from sdviewer.control import Control
from sdviewer.crash_report import end_on_any_failure
from sdviewer.errors import LimitExceeded, SdviewerError
from sdviewer.formats.opening import open_checkpoint
from sdviewer.processes.frames import read_frame, write_frame
from sdviewer.processes.limits import limit_memory
from sdviewer.processes.transport import pack_checkpoint

# After a MemoryError there must be room for the answer.
_RESERVE_BYTES = 4 << 20


def main() -> None:
    """Answer the one request on standard input."""
    # Nothing that is built here is ever garbage before the process ends.
    gc.disable()
    end_on_any_failure()
    # Ctrl-C goes to the whole group of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    # Whatever prints must not end up between the frames.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    request = read_frame(sys.stdin.buffer)
    if request is None:
        return
    message, _ = request
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer,), daemon=True).start()
    limit_memory(message["memory"])
    answer(message["path"], answers, open_checkpoint)
    # Not the ordinary way out: freeing millions of objects one by one takes longer than ending.
    os._exit(0)


def _end_with_parent(requests: BinaryIO) -> None:
    """The parent keeps the pipe open as long as it wants an answer: at its end nobody does."""
    requests.read(1)
    os._exit(0)


def answer(path: str, answers: BinaryIO, opener: Callable[[str, Control], Any]) -> None:
    """Open `path` and send what becomes of it."""
    reserve = bytearray(_RESERVE_BYTES)
    control = Control(lambda done, total, note: write_frame(answers, {"progress": [done, total, note]}))
    try:
        header, buffers = pack_checkpoint(opener(path, control))
        write_frame(answers, {"checkpoint": header}, buffers)
    except (MemoryError, RecursionError) as error:
        del reserve
        write_frame(answers, {"error": describe_error(_as_limit(path, error))})
    except Exception as error:  # noqa: BLE001  # a fault of our own is told as well, not lost with the process
        write_frame(answers, {"error": describe_error(error)})


def _as_limit(path: str, error: MemoryError | RecursionError) -> LimitExceeded:
    if isinstance(error, RecursionError):
        return LimitExceeded("is nested too deeply to be read", file=path)
    return LimitExceeded(
        "needs more memory to be described than an honest file of its size does",
        file=path,
        hint="it is damaged or made to do harm; nothing of it was kept",
    )


def describe_error(error: Exception) -> dict[str, Any]:
    """What the parent needs to raise the same error."""
    if not isinstance(error, SdviewerError):
        return {"class": "", "message": f"{type(error).__name__}: {error}"}
    return {"class": type(error).__name__, "message": error.message, "file": error.file, "hint": error.hint}


if __name__ == "__main__":
    main()
