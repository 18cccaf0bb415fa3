"""Opening with a guard: small descriptions here, large ones in the reader process.

A large description would hold the interpreter's lock for seconds, and a hostile one might eat the
memory or the process. The reader process takes both, is limited, and is ended on cancel.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from sdviewer import errors
from sdviewer.control import Control
from sdviewer.errors import HelperDied, LimitExceeded, SdviewerError
from sdviewer.formats.weighing import description_bytes
from sdviewer.processes import limits
from sdviewer.processes.deaths import death_of
from sdviewer.processes.frames import BrokenFrame, read_frame, write_frame
from sdviewer.processes.starting import helper_command

if TYPE_CHECKING:
    from sdviewer.checkpoint.document import Checkpoint

# A linear algebra library would start a thread a core, and reserve memory for each.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# The memory allocator of Linux asks for large pages: a sixth of the time went into filling small ones.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
_PIPE_BYTES = 1 << 20


def open_checkpoint(path: str | os.PathLike[str], control: Control | None = None) -> Checkpoint:
    """Open a checkpoint: what it holds, without reading a tensor's bytes or executing anything.

    `path` is a file, an index file of shards, or a folder. `control` cancels (within 0.2 s) and
    hears of progress. A file that can be read in part is returned with `Checkpoint.problems`.

    Raises:
        CannotOpen: nothing in it could be read; a subclass says why.
        HelperDied: the process that read it ended before it answered.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    control.check()
    text = os.fspath(path)
    weight = description_bytes(text)
    if weight <= limits.LARGE_DESCRIPTION:
        from sdviewer.formats import opening

        try:
            return opening.open_checkpoint(text, control)
        except (MemoryError, RecursionError) as error:
            raise LimitExceeded("needs more memory than there is to be described", file=text) from error
    return open_in_child(text, limits.memory_allowance(weight), control)


def open_in_child(path: str, memory: int, control: Control) -> Checkpoint:
    """Open `path` in a process of its own that may take `memory` bytes beside the interpreter."""
    with contextlib.ExitStack() as stack:
        try:
            # Its last words, shown where it dies; a pipe would have to be emptied beside the other one.
            complaints = stack.enter_context(tempfile.TemporaryFile())
            process = _start(complaints)
        except (OSError, ValueError) as error:
            raise HelperDied(f"the process that reads it could not be started: {error}", file=path) from error
        stack.callback(process.communicate)
        stack.callback(process.kill)
        control.when_cancelled(process.kill)
        watch = stack.enter_context(_watched(process))
        try:
            return _converse(process, path, memory, control, watch)
        except (BrokenFrame, BrokenPipeError) as error:
            control.check()
            if watch.gave_up:
                raise LimitExceeded(
                    f"has been read for {limits.PATIENCE:.0f} s without any progress", file=path, hint="given up"
                ) from error
            death = death_of(process, complaints, "the process that reads it", hint="open it again")
            death.file = path
            raise death from error


def _start(complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own module
        helper_command("sdviewer.processes.reader_child"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        bufsize=_PIPE_BYTES,
        env={**_LARGE_PAGES, **os.environ, **_ONE_THREAD},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        pipesize=_PIPE_BYTES if sys.platform == "linux" else -1,
    )


class _Watch:
    """Ends a process that has said nothing for too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.heard = time.monotonic()
        self.gave_up = False
        self._process = process
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(max(0.0, self.heard + limits.PATIENCE - time.monotonic())):
            if time.monotonic() - self.heard >= limits.PATIENCE:
                self.gave_up = True
                self._process.kill()
                return


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[_Watch]:
    watch = _Watch(process)
    thread = threading.Thread(target=watch.run, name="reader process watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.done.set()
        thread.join()


def _converse(process: subprocess.Popen[bytes], path: str, memory: int, control: Control, watch: _Watch) -> Checkpoint:
    requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    write_frame(requests, {"path": path, "memory": memory})
    # While the child starts up, and numpy with it; the readers are imported there alone.
    from sdviewer.processes.transport import unpack_checkpoint

    while (frame := read_frame(answers)) is not None:
        watch.heard = time.monotonic()
        message, buffers = frame
        if "progress" in message:
            control.report(*message["progress"])
        elif "error" in message:
            raise _same_error(message["error"], path)
        else:
            control.check()
            try:
                return unpack_checkpoint(path, message["checkpoint"], buffers)
            except (ValueError, TypeError, LookupError) as error:
                raise BrokenFrame from error
    raise BrokenFrame


def _same_error(told: dict[str, Any], path: str) -> SdviewerError:
    kind = getattr(errors, told["class"], None) if told["class"] else None
    if isinstance(kind, type) and issubclass(kind, SdviewerError):
        return kind(told["message"], file=told["file"], hint=told["hint"])
    return HelperDied(f"the process that reads it failed: {told['message']}", file=path)
