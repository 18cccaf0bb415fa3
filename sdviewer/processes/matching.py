"""Matching regexes in processes of their own, which are ended when one takes too long or is not wanted any more.

They are started with the first regex and kept for the next. Names are sent some thousands at a time
and kept there, so that a letter more costs only the matching; those that lack a literal of the regex
are not looked at. Ending the processes loses nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

import numpy as np

from sdviewer.control import Control
from sdviewer.errors import HelperDied
from sdviewer.processes.frames import BrokenFrame, read_frame, write_frame
from sdviewer.processes.starting import helper_command
from sdviewer.search.literals import narrowed
from sdviewer.search.patterns import Mask, TooSlow
from sdviewer.search.query import Regex
from sdviewer.search.texts import Texts

# Texts in a question at most; and so few that they are not worth a second process.
_SLICE = 1 << 16
_FEW = 1 << 13
_MOST_PROCESSES = 2
# Some 30 MB of strings.
_MOST_KEPT = 300_000
# What one regex may take for all names, and how long the process goes on after a cancel.
SECONDS_ALLOWED = 2.0
_SECONDS_AFTER_CANCEL = 0.1
_SECONDS_BETWEEN_LOOKS = 0.02


class RegexProcess:
    """The processes, started when they are needed; one regex at a time, of which each looks at its share of the texts.

    `processes` is how many there are at most.
    """

    def __init__(self, seconds: float = SECONDS_ALLOWED, processes: int | None = None) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._most = processes or min(_MOST_PROCESSES, os.cpu_count() or 1)
        self._helpers: list[_Helper] = []
        # Under which number the processes keep the first of the texts that they are asked about again and again.
        self._numbers: weakref.WeakKeyDictionary[Texts, int] = weakref.WeakKeyDictionary()
        self._next_number = 0

    def match(self, regex: Regex, texts: Texts, control: Control, among: Mask | None = None) -> Mask:
        """Which texts, or of them those that `among` marks, the regex is found in; shape `(len(texts),)`.

        Raises:
            TooSlow: it took longer than is allowed.
            Cancelled: `control` was cancelled.
            HelperDied: a process could not be started, or ended by itself.

        """
        result, possible = narrowed(regex, texts, control, among)
        while not self._turn.acquire(timeout=_SECONDS_BETWEEN_LOOKS):
            control.check()
        try:
            helpers = self._running(1 if len(texts) <= _FEW else self._most)
            if not possible.any():
                # The processes stand ready by now: few regexes stay as plain as this one while they are typed.
                return result
            with _watched([helper.process for helper in helpers], control, self._seconds) as watch:
                try:
                    return self._converse(helpers, regex, texts, possible, result, control)
                except (BrokenFrame, OSError, ValueError) as error:
                    self._end()
                    control.check()
                    if watch.gave_up:
                        raise TooSlow from error
                    raise HelperDied("the process that matches regexes ended", hint="try it again") from error
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the processes; the next regex starts others."""
        with self._turn:
            self._end()

    def _running(self, count: int) -> list[_Helper]:
        if any(helper.process.poll() is not None for helper in self._helpers):
            self._end()
        while len(self._helpers) < count:
            self._helpers.append(_Helper())
        return self._helpers[:count]

    def _end(self) -> None:
        helpers, self._helpers = self._helpers, []
        self._numbers.clear()
        self._next_number = 0
        for helper in helpers:
            helper.process.kill()
        for helper in helpers:
            # What was not sent yet goes nowhere.
            with contextlib.suppress(OSError, ValueError):
                helper.process.communicate()

    def _converse(
        self,
        helpers: Sequence[_Helper],
        regex: Regex,
        texts: Texts,
        possible: Mask,
        result: Mask,
        control: Control,
    ) -> Mask:
        if len(texts) > _MOST_KEPT and 2 * np.count_nonzero(possible) < len(texts):
            rows = np.flatnonzero(possible)
            texts, possible, found = texts.gathered(rows), np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
            result[rows] = self._ask(helpers, regex, texts, possible, found, None, control)
            return result
        return self._ask(helpers, regex, texts, possible, result, self._number_of(texts), control)

    def _ask(
        self,
        helpers: Sequence[_Helper],
        regex: Regex,
        texts: Texts,
        possible: Mask,
        result: Mask,
        number: int | None,
        control: Control,
    ) -> Mask:
        # A slice is always the same process's, which may have kept it; each question costs a change of processes.
        size = min(-(-len(texts) // len(helpers)), _SLICE)
        slices = [slice(first, first + size) for first in range(0, len(texts), size)]
        shares = [
            [some for some in slices[start :: len(helpers)] if possible[some].any()] for start in range(len(helpers))
        ]
        for turn in itertools.zip_longest(*shares):
            control.check()
            asked = [(helper, some) for helper, some in zip(helpers, turn, strict=True) if some is not None]
            # One question at a time: who is asked again before he was heard waits to answer, and we wait to ask.
            for helper, some in asked:
                helper.ask(regex, texts, some, possible[some], None if number is None else number + some.start)
            for helper, some in asked:
                rows = np.flatnonzero(possible[some]) + some.start
                result[rows] = helper.answer(len(rows))
        return result

    def _number_of(self, texts: Texts) -> int | None:
        """Under which number the first of these texts is kept; None if there are too many of them."""
        if len(texts) > _MOST_KEPT:
            return None
        number = self._numbers.get(texts)
        if number is None:
            if self._next_number + len(texts) > _MOST_KEPT:
                self._numbers.clear()
                self._next_number = 0
                for helper in self._helpers:
                    helper.forget()
            number = self._numbers[texts] = self._next_number
            self._next_number += len(texts)
        return number


class _Helper:
    """One process, and what it has kept.

    Raises:
        HelperDied: it could not be started.

    """

    def __init__(self) -> None:
        self._kept: set[int] = set()
        self._forgets = False
        try:
            self.process = subprocess.Popen(  # noqa: S603  # our own module
                helper_command("sdviewer.processes.regex_child"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=1 << 16,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            raise HelperDied(f"the process that matches regexes could not be started: {error}") from error

    def forget(self) -> None:
        """Let it let go of all that it keeps, with the next question."""
        self._kept.clear()
        self._forgets = True

    def ask(self, regex: Regex, texts: Texts, some: slice, among: Mask, number: int | None) -> None:
        """Send a question about a slice of texts, which is kept under a number; the texts only if it lacks them."""
        message = {
            "pattern": regex.pattern,
            "ignore_case": not regex.case,
            "keep": number,
            "forget": self._forgets,
            "among": not among.all(),
        }
        buffers: list[bytes] = []
        if number is None or number not in self._kept:
            data, offsets = texts.joined(some)
            buffers = [data, offsets.tobytes()]
        if message["among"]:
            buffers.append(among.tobytes())
        write_frame(cast("BinaryIO", self.process.stdin), message, buffers)
        self._forgets = False
        if number is not None:
            self._kept.add(number)

    def answer(self, count: int) -> Mask:
        """What it answers, for so many texts.

        Raises:
            BrokenFrame: it has ended.

        """
        answer = read_frame(cast("BinaryIO", self.process.stdout))
        if answer is None or not answer[1] or len(answer[1][0]) != count:
            raise BrokenFrame
        return np.frombuffer(answer[1][0], np.bool_)


class _Watch:
    """Ends processes that take too long, or go on although nobody wants their answers."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], control: Control, until: float) -> None:
        self.gave_up = False
        self.done = threading.Event()
        self._processes, self._control, self._until = processes, control, until

    def run(self) -> None:
        while not self.done.wait(_SECONDS_BETWEEN_LOOKS):
            if self._control.cancelled:
                # Usually the slice that it looks at is done in a moment, and the process can be kept.
                if not self.done.wait(_SECONDS_AFTER_CANCEL):
                    self._kill()
                return
            if time.monotonic() >= self._until:
                self.gave_up = True
                self._kill()
                return

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()


@contextlib.contextmanager
def _watched(processes: Sequence[subprocess.Popen[bytes]], control: Control, seconds: float) -> Iterator[_Watch]:
    watch = _Watch(processes, control, time.monotonic() + seconds)
    thread = threading.Thread(target=watch.run, name="regex process watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.done.set()
        thread.join()


_shared = RegexProcess()
atexit.register(_shared.close)


def match_in_process(regex: Regex, texts: Texts, control: Control, among: Mask | None = None) -> Mask:
    """`RegexProcess.match` of the processes that this program has for it."""
    return _shared.match(regex, texts, control, among)
