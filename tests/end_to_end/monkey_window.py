"""The window of a monkey run: the program itself, used by `Hands`, watched, and measured at its end.

`python -m tests.end_to_end.monkey_window FOLDER LOG SEED SECONDS`; `monkey` starts it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import logging
import os
import pkgutil
import random
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QEvent, QMessageLogContext, QObject, Qt, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices, QDrag
from PySide6.QtWidgets import QApplication, QFileDialog

import sdviewer
from sdviewer.analysis.kernels import warming
from sdviewer.processes import matching
from sdviewer.processes.torch_process import torch_process
from sdviewer.ui import failures
from sdviewer.ui.app import run_window
from sdviewer.ui.main_window import MainWindow
from tests.end_to_end.monkey_hands import Hands

_WARM_UP = 0.4
"""The part of the run after which memory is measured first: most panes have been there by then."""

_MOST_MEGABYTES = 50.0
# On average; they have 16 to 512.
_BYTES_OF_A_BLOCK = 96
_BEAT_MS = 5
_MS_TO_ACT = 1500
_SECONDS_BETWEEN_LOOKS, _SECONDS_THAT_ARE_LONG, _PLACES = 0.04, 0.25, 5
_SECONDS_TO_HANG = 60.0
_SECONDS_TO_SETTLE = 60.0
_GAPS_TO_PRINT = 5
# The platforms of tests cannot do that, and say so.
_OF_THE_PLATFORM = ("This plugin does not support", "propagateSizeHints", "Could not detect", "XSetWMProtocols")


class Watch(threading.Thread):
    """Looks where the window's thread is when it has not beaten for a while."""

    def __init__(self) -> None:
        super().__init__(name="watch", daemon=True)
        self.beaten = time.monotonic()
        self.ended = threading.Event()
        self._window_thread = threading.get_ident()
        self._seen: Counter[str] = Counter()

    def run(self) -> None:
        """Until it is ended."""
        while not self.ended.wait(_SECONDS_BETWEEN_LOOKS):
            if time.monotonic() - self.beaten > _SECONDS_THAT_ARE_LONG:
                frame = sys._current_frames().get(self._window_thread)
                places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_stack(frame)]
                self._seen[" → ".join(places[-_PLACES:])] += 1

    def beat(self) -> str:
        """Where the window was most often since the last time, if it was anywhere for long."""
        seen, self._seen, self.beaten = self._seen, Counter(), time.monotonic()
        return "".join(f"\n      {count} × {place}" for place, count in seen.most_common(2))


class Monkey(QObject):
    """Drives one window from its first showing to its end."""

    def __init__(self, window: MainWindow, folder: Path, log: Path, seed: int, seconds: float) -> None:
        super().__init__(window)
        self.window, self.seed = window, seed
        paths = [Path(os.fsdecode(path)) for path in (folder / "paths").read_bytes().split(b"\0")]
        self.hands = Hands(window, paths, folder)
        self._answer_dialogs()
        # The menu and the list of all commands have it; the run ends by itself.
        window.actions_by_name["quit"].setEnabled(False)
        self._log = log.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        self.began = time.monotonic()
        self._ends, self._warm = self.began + seconds, self.began + _WARM_UP * seconds
        self.steps = 0
        self._is_acting = False
        self.counts: Counter[str] = Counter()
        self.gaps: list[tuple[float, int, str]] = []
        self.memory: list[float] = []
        self.resident: list[float] = []
        self.objects: list[Counter[str]] = []
        self._last: list[str] = []
        self._beaten = time.monotonic()
        self.watch = Watch()
        self.watch.start()
        self._beat = QTimer(self)
        self._beat.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._beats)
        self._beat.start(_BEAT_MS)
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._step)
        self._next.start(500)

    def _answer_dialogs(self) -> None:
        """Those that would wait for their user."""
        hands = self.hands

        def several(*_: Any) -> tuple[list[str], str]:
            return [hands.some_path() for _ in range(hands.rng.choice((0, 1, 1, 1, 2, 3)))], ""

        def one(*_: Any) -> tuple[str, str]:
            return hands.some_path() if hands.rng.random() < 0.9 else "", ""

        def new(_: Any, __: str = "", suggested: str = "", *___: Any) -> tuple[str, str]:
            return hands.new_path(Path(suggested).suffix) if hands.rng.random() < 0.9 else "", ""

        QFileDialog.getOpenFileNames = several  # type: ignore[method-assign,assignment]
        QFileDialog.getOpenFileName = one  # type: ignore[method-assign,assignment]
        QFileDialog.getSaveFileName = new  # type: ignore[method-assign,assignment]
        QFileDialog.getExistingDirectory = lambda *_: one()[0]  # type: ignore[method-assign]
        QDesktopServices.openUrl = lambda *_: True  # type: ignore[method-assign]
        QDrag.exec = lambda *_: Qt.DropAction.IgnoreAction  # type: ignore[method-assign]

    def _beats(self) -> None:
        now = time.monotonic()
        gap = now - self._beaten - self.hands.seconds_thought
        self._beaten, self.hands.seconds_thought = now, 0.0
        self.gaps.append((gap, self.steps, " ← ".join(reversed(self._last)) + self.watch.beat()))
        if len(self.gaps) > 2000:
            self.gaps = sorted(self.gaps, reverse=True)[:_GAPS_TO_PRINT]

    def _step(self) -> None:
        if self._is_acting:
            # The menu of a button has a loop of its own, and the press of the button ends with the menu.
            if QApplication.activePopupWidget() is not None:
                self._act()
            else:
                self._next.start(_MS_TO_ACT)
            return
        now = time.monotonic()
        if now >= self._ends:
            self._end()
            return
        if now >= self._warm and not self.memory:
            _load_all()
            self._measure()
        self._is_acting = True
        try:
            self._act()
        finally:
            self._is_acting = False

    def _act(self) -> None:
        faulthandler.dump_traceback_later(_SECONDS_TO_HANG, exit=True)
        self.steps += 1
        step, now = self.steps, time.monotonic()
        rng = random.Random(f"{self.seed} {step}")  # noqa: S311  # chance that can be repeated
        self._next.start(_MS_TO_ACT)
        try:
            kind, what = self.hands.act(rng)
        except RuntimeError as error:
            # A widget that went away between press and release.
            if "already deleted" not in str(error):
                raise
            kind, what = "gone", str(error)
        self._log.write(f"{step} {now - self.began:.2f} {kind}: {what}\n")
        self.counts[kind] += 1
        self._last = [*self._last[-2:], f"{kind} {what}".strip()]
        self._next.start(rng.choice((0, 0, 10, 30, 80, 200, 500)))

    def _measure(self) -> None:
        """Close every tab, wait until nothing runs, and note what is allocated then."""
        self._next.stop()
        for top in QApplication.topLevelWidgets():
            if top is not self.window and top.isVisible():
                top.close()
        while self.window.tabs.count():
            self.window.close_tab(0)
        until = time.monotonic() + _SECONDS_TO_SETTLE
        while time.monotonic() < until and (self.window.bridge.running or time.monotonic() < until - 59):
            QApplication.processEvents()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            time.sleep(0.01)
        if self.window.bridge.running:
            told.append(f"what runs without any tab: {list(self.window.bridge.running)}")
        gc.unfreeze()
        gc.collect()
        self.objects.append(Counter(type(thing).__name__ for thing in gc.get_objects()))
        gc.freeze()
        _give_back()
        self.memory.append(_used_megabytes())
        self.resident.append(_resident_megabytes())
        self._beaten = self.watch.beaten = time.monotonic()

    def _end(self) -> None:
        self._beat.stop()
        self.watch.ended.set()
        self.watch.join()
        self._measure()
        self._log.close()
        self.window.close()


told: list[str] = []
"""Everything that went wrong."""


def main(arguments: Sequence[str]) -> int:
    """Run the program; 1 if something went wrong that it survived."""
    folder, log, seed, seconds = Path(arguments[0]), Path(arguments[1]), int(arguments[2]), float(arguments[3])
    faulthandler.enable()
    _listen()
    monkeys: list[Monkey] = []
    show = MainWindow.showEvent

    def shown(self: MainWindow, event: Any) -> None:
        show(self, event)
        if not monkeys:
            monkeys.append(Monkey(self, folder, log, seed, seconds))

    MainWindow.showEvent = shown  # type: ignore[method-assign]
    code = run_window([], new_window=True)
    faulthandler.cancel_dump_traceback_later()
    _report(monkeys[0])
    told.extend(_left())
    for fault in told:
        print(f"FAULT: {fault}", flush=True)
    return 1 if told or code else 0


def _listen() -> None:
    """To all that complains."""

    def tell(_: object, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        told.append("".join(traceback.format_exception(kind, error, trace)))
        print(told[-1], file=sys.stderr, flush=True)

    def unraisable(failure: Any) -> None:
        told.append(f"unraisable: {failure.err_msg} {failure.object!r}: {failure.exc_value!r}")

    def qt_says(kind: QtMsgType, _: QMessageLogContext, message: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and not any(words in message for words in _OF_THE_PLATFORM):
            told.append(f"Qt: {message}\n{''.join(traceback.format_stack(limit=8))}")

    def warned(message: Warning | str, kind: type[Warning], file: str, line: int, *_: Any) -> None:
        told.append(f"{file}:{line}: {kind.__name__}: {message}")

    class Records(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(f"log: {record.getMessage()}")

    failures.Failures.tell = tell  # type: ignore[method-assign,assignment]
    sys.unraisablehook = unraisable
    qInstallMessageHandler(qt_says)
    warnings.simplefilter("always")
    warnings.showwarning = warned  # type: ignore[assignment]
    logging.getLogger().addHandler(Records(logging.WARNING))


def _report(monkey: Monkey) -> None:
    seconds = time.monotonic() - monkey.began
    print(f"{monkey.steps} actions in {seconds:.0f} s:")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in sorted(monkey.counts.items())))
    print("largest gaps of the event loop:")
    for gap, step, what in sorted(monkey.gaps, reverse=True)[:_GAPS_TO_PRINT]:
        print(f"  {1000 * gap:.0f} ms at step {step}: {what}")
    for what, megabytes in (("in use", monkey.memory), ("resident", monkey.resident)):
        print(f"memory {what} without tabs: {megabytes[0]:.0f} MB after warming up, {megabytes[-1]:.0f} MB at the end")
    if monkey.memory[-1] - monkey.memory[0] > _MOST_MEGABYTES:
        more = (monkey.objects[-1] - monkey.objects[0]).most_common(12)
        told.append(
            f"{monkey.memory[-1] - monkey.memory[0]:.0f} MB of memory did not come back; more objects than before: "
            + ", ".join(f"{count:,} {name}" for name, count in more)
        )
    sys.stdout.flush()


def _load_all() -> None:
    """What a first use loads, and keeps: all parts of the program, and its compiled loops if there are any."""
    for part in pkgutil.walk_packages(sdviewer.__path__, "sdviewer."):
        # Those that are other programs, or import torch.
        if not any(words in part.name for words in ("__main__", "_child", ".torch_", "as_torch", ".kernels")):
            importlib.import_module(part.name)
    warming.available()


def _left() -> list[str]:
    """Threads and processes that are there although the window is closed; the helpers that are kept are ended first."""
    torch_process().close()
    matching._shared.close()
    until = time.monotonic() + 5
    while (threads := threading.enumerate()[1:]) and time.monotonic() < until:
        time.sleep(0.02)
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    processes = children.read_text("ascii").split() if children.exists() else []
    return [f"a thread is left: {thread}" for thread in threads] + [f"a process is left: {pid}" for pid in processes]


def _give_back() -> None:
    """What is free already, but kept by the allocator of Linux for later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


class _Malloc(ctypes.Structure):
    """What the allocator of Linux tells of itself, see mallinfo2(3)."""

    _fields_ = [(f"field_{index}", ctypes.c_size_t) for index in range(10)]


def _used_megabytes() -> float:
    """What is allocated: by malloc, and in blocks of Python's own.

    What is resident is more: a block of Python's that is used keeps a page of others that are not, so what small
    objects took once comes back in part only.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return _resident_megabytes()
    library.mallinfo2.restype = _Malloc
    heap = library.mallinfo2()
    return float(heap.field_4 + heap.field_7 + _BYTES_OF_A_BLOCK * sys.getallocatedblocks()) / (1 << 20)


def _resident_megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    (line,) = [line for line in status.read_text("ascii").splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
