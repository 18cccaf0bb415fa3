"""The program of a bundle: the window and the command line, or one of their helper processes."""

from __future__ import annotations

import os
import sys

from sdviewer.processes.starting import be_helper

# What starts the program points the loader at the bundle's libraries, which are loaded from their places by now; what
# the window starts in turn, a browser for instance, must get its own.
_LIBRARIES = "LD_LIBRARY_PATH"


def _restore_libraries() -> None:
    before = os.environ.pop(f"{_LIBRARIES}_ORIG", None)
    if before is not None:
        os.environ[_LIBRARIES] = before
    elif getattr(sys, "frozen", False):
        os.environ.pop(_LIBRARIES, None)


if __name__ == "__main__":
    _restore_libraries()
    if not be_helper():
        from sdviewer.__main__ import main, window

        # The program that opens no terminal on Windows takes files alone.
        sys.exit(window() if "-window" in os.path.basename(sys.executable) else main())  # noqa: PTH119  # a plain name
