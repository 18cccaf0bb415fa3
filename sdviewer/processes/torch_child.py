"""The torch process: what needs torch is computed here, request after request, until nobody asks for a while.

It speaks frames. It says {"ready": torch's version} or {"error": …} first. A request is {"work", …}, any
number of {"values"} with one buffer each, and {"done"} or {"dropped"}; its answer any number of {"progress": [done,
total, note]}, then {"answer": …} with buffers, or {"error": …}. Only the values of tensors come here, and
no file but those that we wrote ourselves. It ends with its parent, and when it was idle for as many seconds
as its argument says.

The works are "spectrum", see torch_spectrum.py, and "load", see torch_loading.py.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from sdviewer.crash_report import end_on_any_failure
from sdviewer.processes.frames import BrokenFrame, Buffer, read_frame, write_frame
from sdviewer.processes.starting import is_bundled

Message = tuple[dict[str, Any], list[Buffer]]

_NICE = 5
_MOST_THREADS = 4
_FRAMES_AHEAD = 3

Report = Callable[[int, int, str], None]
Work = Callable[[dict[str, Any], Iterator[Buffer], Report], tuple[dict[str, Any], list[bytes]]]


class _Dropped(Exception):
    """The parent could not read all of the values."""


def main() -> None:
    """Answer what comes on standard input."""
    end_on_any_failure()
    # Ctrl-C goes to the whole group of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    if hasattr(os, "nice"):
        os.nice(_NICE)
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    # Whatever prints must not end up between the frames.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    idle = float(sys.argv.pop())
    frames: queue.Queue[Message] = queue.Queue(_FRAMES_AHEAD)
    threading.Thread(target=_read, args=(sys.stdin.buffer, frames), daemon=True).start()
    try:
        import torch
    except Exception as error:  # noqa: BLE001  # a broken library fails in any way
        write_frame(answers, {"error": _not_there(error)})
        os._exit(0)
    torch.set_num_threads(min(_MOST_THREADS, os.cpu_count() or 1))
    try:
        write_frame(answers, {"ready": torch.__version__})
        while True:
            serve(frames.get(timeout=idle)[0], frames.get, answers)
    except (queue.Empty, BrokenPipeError):
        os._exit(0)


def _read(requests: BinaryIO, frames: queue.Queue[Message]) -> None:
    """Bring frames in, and end with the parent, whatever is being computed."""
    try:
        while (frame := read_frame(requests)) is not None:
            frames.put(frame)
    except BrokenFrame:
        pass
    finally:
        os._exit(0)


def _not_there(error: Exception) -> dict[str, str]:
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        # What is installed beside a bundle is not within its reach.
        hint = "install the edition of sdviewer with PyTorch" if is_bundled() else "install it: pip install torch"
        return {"message": "PyTorch is not installed, and this needs it", "hint": hint}
    return {
        "message": f"PyTorch could not be imported: {type(error).__name__}: {error}",
        "hint": 'repair it until `python -c "import torch"` succeeds',
    }


def serve(request: dict[str, Any], next_frame: Callable[[], Message], answers: BinaryIO) -> None:
    """Answer one request, whose other frames `next_frame` gives."""

    def values() -> Iterator[Buffer]:
        while "done" not in (frame := next_frame())[0]:
            if "dropped" in frame[0]:
                raise _Dropped
            yield frame[1][0]

    def report(*step: int | str) -> None:
        write_frame(answers, {"progress": step})

    coming = values()
    try:
        message, buffers = _works()[request["work"]](request, coming, report)
    except Exception as error:  # noqa: BLE001  # told, not lost with the process
        # The parent sends all that it has before it listens.
        for _ in coming:
            pass
        write_frame(answers, {"error": _told(error)})
    else:
        write_frame(answers, {"answer": message}, buffers)


def _told(error: Exception) -> dict[str, Any]:
    # Of torch's own errors that one is known by its text alone.
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "alloc" in str(error)):
        return {"message": "there is not enough memory for it", "hint": "close other programs and try again"}
    return {"message": f"{type(error).__name__}: {error}", "hint": ""}


def _works() -> dict[str, Work]:
    from sdviewer.processes import torch_loading, torch_spectrum

    return {"spectrum": torch_spectrum.spectrum, "load": torch_loading.load}


if __name__ == "__main__":
    main()
