"""From the start of an installed program to its painted tree, seen from outside, beside an import of torch.

usage: python start_time.py PROGRAM FILE [PYTHON_WITH_TORCH], with numpy, where Xvfb is installed.
The picture of the virtual screen lies in memory that this reads: the tree is there when the part of the screen where
it stands looks as it did at the end of a run before.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

_WIDTH, _HEIGHT = 1400, 900
_RUNS = 5
_REST = 3.0
_PATIENCE = 60.0
Look = Callable[[], "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"]


def _once(program: str, file: str, environment: dict[str, str], look: Look, goal: bytes | None) -> tuple[float, bytes]:
    """Seconds until the tree is `goal`, or the tree as it is after a rest."""
    began = time.monotonic()
    process = subprocess.Popen([program, "--new-window", file], env=environment)  # noqa: S603  # ours
    try:
        while time.monotonic() - began < _PATIENCE:
            time.sleep(0.002 if goal else _REST)
            tree = look().tobytes()
            if goal is None or tree == goal:
                return time.monotonic() - began, tree
        sys.exit("the tree was never painted as before")
    finally:
        process.kill()
        process.wait()
        time.sleep(0.3)


def measure(program: str, file: str) -> float:
    """The best of several runs, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{_WIDTH}x{_HEIGHT}x24", "-fbdir", folder]
        server = subprocess.Popen(  # noqa: S603  # a screen
            [*command, "-nolisten", "tcp"], pass_fds=(write,), stderr=subprocess.DEVNULL
        )
        os.close(write)
        try:
            with os.fdopen(read, encoding="ascii") as told:
                display = told.readline().strip()
            environment = {**os.environ, "DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"}
            with (Path(folder) / "Xvfb_screen0").open("rb") as held:
                memory = mmap.mmap(held.fileno(), 0, access=mmap.ACCESS_READ)
            pixels = np.frombuffer(memory, np.uint8)[-_WIDTH * _HEIGHT * 4 :].reshape(_HEIGHT, _WIDTH, 4)
            # The names of the first rows, which a scan does not touch; no cursor blinks there.
            part = pixels[180:500, 10:190]
            _, goal = _once(program, file, environment, lambda: part, None)
            if len(set(goal)) < 20:  # a tree has many shades
                sys.exit("there is no tree where it should be")
            return min(_once(program, file, environment, lambda: part, goal)[0] for _ in range(_RUNS))
        finally:
            server.terminate()
            server.wait()


def _import_of_torch(python: str) -> float:
    best = _PATIENCE
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([python, "-c", "import torch"], check=True)  # noqa: S603  # as it was named
        best = min(best, time.monotonic() - began)
    return best


if __name__ == "__main__":
    seconds = measure(sys.argv[1], sys.argv[2])
    print(f"start of the bundle → painted tree: {1000 * seconds:.0f} ms")
    if len(sys.argv) > 3:
        torch_seconds = _import_of_torch(sys.argv[3])
        print(f"import torch: {1000 * torch_seconds:.0f} ms; {seconds / torch_seconds:.2f} × (mark 0.5)")
