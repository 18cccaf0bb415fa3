"""Matching regexes in a process of their own, which is ended when one takes too long or is not wanted any more.

The process is started with the first regex and kept for the next. Names are sent some thousands at a
time; those that are asked for again it keeps, so that a letter more costs only the matching. Ending
it loses nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.errors import HelperDied
from sdviewer.processes.frames import BrokenFrame, read_frame, write_frame
from sdviewer.search.patterns import TooSlow
from sdviewer.search.query import Regex
from sdviewer.search.texts import Texts

# For the reasons see client.py: no folder of a checkpoint may lend us its modules.
_START = "import sys; sys.path.append(sys.argv.pop()); from sdviewer.processes.regex_child import main; main()"
_SLICE = 1 << 14
# Some 30 MB of strings.
_MOST_KEPT = 300_000
# What one regex may take for all names, and how long the process goes on after a cancel.
SECONDS_ALLOWED = 2.0
_SECONDS_AFTER_CANCEL = 0.1
_SECONDS_BETWEEN_LOOKS = 0.02


class RegexProcess:
    """The process, started when it is needed; one regex at a time."""

    def __init__(self, seconds: float = SECONDS_ALLOWED) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        # Texts that were matched before; those that the process has, and which slices of them.
        self._seen: weakref.WeakSet[Texts] = weakref.WeakSet()
        self._kept: weakref.ref[Texts] | None = None
        self._slices: set[int] = set()

    def match(self, regex: Regex, texts: Texts, control: Control) -> npt.NDArray[np.bool_]:
        """Which texts the regex is found in, shape `(len(texts),)`.

        Raises:
            TooSlow: it took longer than is allowed.
            Cancelled: `control` was cancelled.
            HelperDied: the process could not be started, or ended by itself.

        """
        while not self._turn.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
            control.check()
        try:
            process = self._running()
            with _watched(process, control, self._seconds) as watch:
                try:
                    return self._converse(process, regex, texts, control)
                except (BrokenFrame, OSError, ValueError) as error:
                    self._end()
                    control.check()
                    if watch.gave_up:
                        raise TooSlow from error
                    raise HelperDied("the process that matches regexes ended", hint="try it again") from error
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process; the next regex starts another."""
        with self._turn:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603  # our own interpreter with our own module
                    [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[2])],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=1 << 16,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            except (OSError, ValueError) as error:
                raise HelperDied(f"the process that matches regexes could not be started: {error}") from error
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        self._kept = None
        if process is not None:
            process.kill()
            # What was not sent yet goes nowhere.
            with contextlib.suppress(OSError, ValueError):
                process.communicate()

    def _converse(
        self, process: subprocess.Popen[bytes], regex: Regex, texts: Texts, control: Control
    ) -> npt.NDArray[np.bool_]:
        requests, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        forget = self._choose(texts)
        keep = self._kept is not None and self._kept() is texts
        result = np.zeros(len(texts), np.bool_)
        for first in range(0, len(texts), _SLICE):
            control.check()
            some = slice(first, first + _SLICE)
            message = {
                "pattern": regex.pattern,
                "ignore_case": not regex.case,
                "keep": first if keep else None,
                "forget": forget and first == 0,
            }
            if keep and first in self._slices:
                write_frame(requests, message)
            else:
                data, offsets = texts.joined(some)
                write_frame(requests, message, [data, offsets.tobytes()])
            answer = read_frame(answers)
            if answer is None or not answer[1] or len(answer[1][0]) != len(result[some]):
                raise BrokenFrame
            if keep:
                self._slices.add(first)
            result[some] = np.frombuffer(answer[1][0], np.bool_)
        return result

    def _choose(self, texts: Texts) -> bool:
        """Settle what the process shall keep; whether it has to let go of what it kept before."""
        if self._kept is not None and self._kept() is texts:
            return False
        again = texts in self._seen
        self._seen.add(texts)
        if not again or len(texts) > _MOST_KEPT:
            return False
        self._kept, self._slices = weakref.ref(texts), set()
        return True


class _Watch:
    """Ends a process that takes too long, or goes on although nobody wants its answer."""

    def __init__(self, process: subprocess.Popen[bytes], control: Control, until: float) -> None:
        self.gave_up = False
        self.done = threading.Event()
        self._process, self._control, self._until = process, control, until

    def run(self) -> None:
        while not self.done.wait(_SECONDS_BETWEEN_LOOKS):
            if self._control.cancelled:
                # Usually the slice that it looks at is done in a moment, and the process can be kept.
                if not self.done.wait(_SECONDS_AFTER_CANCEL):
                    self._process.kill()
                return
            if time.monotonic() >= self._until:
                self.gave_up = True
                self._process.kill()
                return


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes], control: Control, seconds: float) -> Iterator[_Watch]:
    watch = _Watch(process, control, time.monotonic() + seconds)
    thread = threading.Thread(target=watch.run, name="regex process watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.done.set()
        thread.join()


_shared = RegexProcess()
atexit.register(_shared.close)


def match_in_process(regex: Regex, texts: Texts, control: Control) -> npt.NDArray[np.bool_]:
    """`RegexProcess.match` of the one process that this program has for it."""
    return _shared.match(regex, texts, control)
