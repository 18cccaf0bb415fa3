"""The torch process from outside: started when something needs torch, kept for the next, ended on cancel.

torch takes 1.4 s to import, a peak or crash in it would be one of the window, and a decomposition
cannot be stopped: so all of it happens in a process of its own, and ending that loses nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, BinaryIO, cast

from sdviewer.control import Control
from sdviewer.errors import Cancelled, HelperDied, SdviewerError
from sdviewer.processes.deaths import death_of
from sdviewer.processes.frames import BrokenFrame, Buffer, read_frame, write_frame
from sdviewer.processes.starting import helper_command

_PIPE_BYTES = 1 << 20
# Threads that wait for each other in a loop take the processor from the one that they wait for: beside other busy
# programs a decomposition took ten times as long.
_PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
_SECONDS_BETWEEN_LOOKS = 0.02
# After so long without a request it ends by itself, and gives its 250 MB back.
SECONDS_IDLE = 120.0

Answer = tuple[dict[str, Any], list[Buffer]]
Values = Callable[[], Iterable[memoryview]]


class _Idled(Exception):
    """It had ended by itself before the request came."""


class TorchProcess:
    """The process; one request at a time."""

    def __init__(self, seconds_idle: float = SECONDS_IDLE) -> None:
        self._idle = seconds_idle
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether torch is imported already, or about to be."""
        process = self._process
        return process is not None and process.poll() is None

    def ask(self, request: Mapping[str, Any], values: Values, control: Control, *, seconds: float) -> Answer:
        """Send a request and the buffers of `values()`, and wait for the answer, at most `seconds`.

        What `values` raises comes out again, and the process stays.

        Raises:
            HelperDied: torch is not there, the process ended by itself, or it cannot do what it was asked for.
            Cancelled: `control` was cancelled; the process is gone.

        """
        while not self._turn.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
            control.check()
        try:
            try:
                return self._ask(request, values, control, seconds)
            except _Idled:
                return self._ask(request, values, control, seconds)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process; the next request starts another."""
        with self._turn:
            self._end()

    def _ask(self, request: Mapping[str, Any], values: Values, control: Control, seconds: float) -> Answer:
        control.check()
        was_running = self.is_running
        if not was_running:
            self._start()
        process = cast("subprocess.Popen[bytes]", self._process)
        watch = _Watch(process)
        try:
            with watch.until(control, seconds):
                message, buffers = _converse(process, request, values, control, greet=not was_running)
        except (BrokenFrame, BrokenPipeError) as error:
            death = death_of(process, self._complaints, "the torch process", hint="try it again")
            self._end()
            control.check()
            if watch.gave_up:
                raise HelperDied(f"this took more than {seconds / 60:.0f} minutes and was given up") from error
            if was_running and process.returncode == 0:
                raise _Idled from error
            raise death from error
        except SdviewerError as error:
            # The values could not be had, and the process has forgotten about them; unless it was told to end.
            if watch.killed or isinstance(error, Cancelled):
                self._end()
            raise
        except BaseException:
            # In the middle of a conversation: what it says next would be taken for another answer.
            self._end()
            raise
        if watch.killed:
            self._end()
        control.check()
        if "error" in message:
            raise HelperDied(message["error"]["message"], hint=message["error"]["hint"])
        return message["answer"], buffers

    def _start(self) -> None:
        self._end()
        # Its last words, shown where it dies; a pipe would have to be emptied beside the other one.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                helper_command("sdviewer.processes.torch_child", str(self._idle)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                bufsize=_PIPE_BYTES,
                env={**_PATIENT_THREADS, **os.environ},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                pipesize=_PIPE_BYTES if sys.platform == "linux" else -1,
            )
        except (OSError, ValueError) as error:
            raise HelperDied(f"the torch process could not be started: {error}") from error

    def _end(self) -> None:
        process, self._process = self._process, None
        complaints, self._complaints = self._complaints, None
        if process is not None:
            process.kill()
            # What was not sent yet goes nowhere.
            with contextlib.suppress(OSError, ValueError):
                process.communicate()
        if complaints is not None:
            complaints.close()


class _Watch:
    """Ends the process when its answer is not wanted any more, or takes too long; but not once it has come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.killed = self.gave_up = False
        self._process = process
        self._lock = threading.Lock()
        self._waiting = True

    @contextlib.contextmanager
    def until(self, control: Control, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._give_up)
        timer.name, timer.daemon = "torch process watch", True
        timer.start()
        control.when_cancelled(self._kill)
        try:
            yield
        finally:
            with self._lock:
                self._waiting = False
            timer.cancel()
            timer.join()

    def _give_up(self) -> None:
        self.gave_up = True
        self._kill()

    def _kill(self) -> None:
        with self._lock:
            if self._waiting:
                self.killed = True
                self._process.kill()


def _converse(
    process: subprocess.Popen[bytes], request: Mapping[str, Any], values: Values, control: Control, *, greet: bool
) -> Answer:
    """The last frame of the answer: {"answer"} or {"error"}."""
    requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
    if greet:
        control.report(0, 1, "starting PyTorch")
        greeting, _ = _next(answers)
        if "error" in greeting:
            return greeting, []
    write_frame(requests, request)
    failure: SdviewerError | None = None
    try:
        for buffer in values():
            write_frame(requests, {"values": True}, [buffer])
    except SdviewerError as error:
        failure = error
    write_frame(requests, {"dropped": True} if failure else {"done": True})
    while True:
        message, buffers = _next(answers)
        if "progress" in message and failure is None:
            control.report(*message["progress"])
        elif "answer" in message or "error" in message:
            if failure is not None:
                raise failure
            return message, buffers


def _next(answers: BinaryIO) -> Answer:
    frame = read_frame(answers)
    if frame is None:
        raise BrokenFrame
    return frame


_shared = TorchProcess()
atexit.register(_shared.close)


def torch_process() -> TorchProcess:
    """The one that this program has."""
    return _shared
