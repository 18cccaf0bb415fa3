"""Starts the real program under Xvfb, waits for its window and takes a picture of the screen.

`python -m tests.end_to_end.real_window OUT.png` keeps the picture; it fails if the picture is blank.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sdviewer.resource_files import resource_path

_PATIENCE = 60.0
_SCREEN = "1400x900x24"
# Prints how many different colours the picture has, or 0 while there is no window of ours.
_GRAB = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(sys.argv[:1])
image = app.primaryScreen().grabWindow(0).toImage()
image.save(sys.argv[1])
step = range(0, image.width(), 3)
print(len({image.pixel(x, y) for y in range(0, image.height(), 3) for x in step}))
"""
# A window with text and lines has hundreds of shades; an empty screen has one.
_COLOURS_OF_A_WINDOW = 40


def has_xvfb() -> bool:
    """Whether a screen can be had here."""
    return shutil.which("Xvfb") is not None


@contextlib.contextmanager
def screen() -> Iterator[dict[str, str]]:
    """An X server of its own; gives the environment for its programs."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with open(read, encoding="ascii") as told:  # noqa: PTH123  # a file descriptor
            number = told.readline().strip()
        yield {**os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        server.terminate()
        server.wait()


def colours_on_screen(environment: dict[str, str], picture: Path) -> int:
    """Take a picture of the whole screen; how many different colours it has."""
    command = [sys.executable, "-c", _GRAB, str(picture)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    return int(done.stdout)


def take(picture: Path) -> tuple[int, int]:
    """Start the program on the sample, picture it, end it as Ctrl+C does; its colours and its exit code."""
    with screen() as environment:
        empty = colours_on_screen(environment, picture)
        assert empty < _COLOURS_OF_A_WINDOW
        command = [sys.executable, "-m", "sdviewer", str(resource_path("sample/digits.pt"))]
        program = subprocess.Popen(command, env=environment)
        try:
            until = time.monotonic() + _PATIENCE
            before, colours = 0, 1
            # Until it has a window that has come to rest: its tree is there.
            while (colours < _COLOURS_OF_A_WINDOW or colours != before) and time.monotonic() < until:
                time.sleep(0.5)
                before, colours = colours, colours_on_screen(environment, picture)
                if program.poll() is not None:
                    break
            program.send_signal(signal.SIGINT)
            return colours, program.wait(_PATIENCE)
        finally:
            program.kill()
            program.wait()


if __name__ == "__main__":
    found, code = take(Path(sys.argv[1]))
    print(f"{sys.argv[1]}: {found} colours; the program ended with {code}")
    sys.exit(found < _COLOURS_OF_A_WINDOW)
