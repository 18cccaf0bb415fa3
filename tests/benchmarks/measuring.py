"""Measuring: programs run in processes of their own, both sides in turn, the best of several runs counted."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS_BETWEEN_LOOKS = 0.004
_TIME_OUT = 600


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: what, our figure, the other side's, their ratio, and the mark."""

    work: str
    ours: str
    against: str
    ratio: str
    mark: str
    kept: bool


def ratio_row(work: str, ours: float, against: float, name: str, mark: float) -> Row:
    """A row of two times in seconds: ours may take `mark` times the other's."""
    ratio = ours / against
    return Row(work, seconds(ours), f"{seconds(against)} {name}", f"{ratio:.2f} ×", f"≤ {mark} ×", ratio <= mark)


def limit_row(work: str, figure: float, limit: float, unit: str) -> Row:
    """A row of one figure and its limit, in the same unit."""
    return Row(work, f"{figure:,.1f} {unit}", "", "", f"≤ {limit:g} {unit}", figure <= limit)


def seconds(value: float) -> str:
    """A time for people."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


# Removed when this process ends.
_compiled: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _environment() -> dict[str, str]:
    """Where programs run: what they import is compiled once, by the warm-up, as it is where they are installed."""
    environment = dict(os.environ)
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        _compiled.append(tempfile.TemporaryDirectory(prefix="sdviewer-compiled-"))
        environment["PYTHONPYCACHEPREFIX"] = _compiled[-1].name
    return environment


def run(program: str, *arguments: str | Path) -> dict[str, Any]:
    """What `program`, Python source, prints as JSON on its last line."""
    command = [sys.executable, "-c", program, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=_TIME_OUT, text=True, env=_environment())
    return dict(json.loads(done.stdout.splitlines()[-1]))


def best_side_by_side(ours: Sequence[str | Path], theirs: Sequence[str | Path], runs: int) -> tuple[float, float]:
    """The least "seconds" that two programs with their arguments print, run in turn after one warm-up each."""
    figures: tuple[list[float], list[float]] = ([], [])
    for turn in range(runs + 1):
        for side, command in enumerate((ours, theirs)):
            figure = float(run(str(command[0]), *command[1:])["seconds"])
            if turn:
                figures[side].append(figure)
    return min(figures[0]), min(figures[1])


def best_wall_side_by_side(ours: Sequence[str], theirs: Sequence[str], runs: int) -> tuple[float, float]:
    """The least wall time of two whole commands, run in turn after one warm-up each; both must succeed."""
    figures: tuple[list[float], list[float]] = ([], [])
    for turn in range(runs + 1):
        for side, command in enumerate((ours, theirs)):
            start = time.perf_counter()
            silent = subprocess.DEVNULL
            subprocess.run(command, stdout=silent, stderr=silent, check=True, timeout=_TIME_OUT, env=_environment())
            if turn:
                figures[side].append(time.perf_counter() - start)
    return min(figures[0]), min(figures[1])


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command and all the processes below it took: wall time, and the sum of their largest resident sizes."""

    seconds: float
    megabytes: float
    code: int


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end while looking at the memory of its processes (Linux; else 0 MB)."""
    peaks: dict[int, int] = {}
    start = time.perf_counter()
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=silent, stderr=silent, env=_environment())
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
    watcher.start()
    try:
        code = process.wait(_TIME_OUT)
    finally:
        wall = time.perf_counter() - start
        ended.set()
        watcher.join()
    return Cost(wall, sum(peaks.values()) / 1e6, code)


def _watch(root: int, peaks: dict[int, int], ended: threading.Event) -> None:
    while not ended.wait(_SECONDS_BETWEEN_LOOKS):
        for pid in _tree(root):
            with contextlib.suppress(OSError, ValueError, IndexError):
                status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
                peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
                peaks[pid] = max(peaks.get(pid, 0), peak)


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        with contextlib.suppress(OSError, ValueError):
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())
    return found
