"""`python -m sdviewer`, and the two programs that are installed: `sdviewer` and `sdviewer-window`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main() -> int:
    """The command line; without a command it opens the window."""
    from sdviewer.cli.main import run

    return run(sys.argv[1:], _open_window)


def window() -> int:
    """The window alone: every argument is a file or an option of the window."""
    from sdviewer.cli.main import run_window_command

    return run_window_command(sys.argv[1:], _open_window)


def _open_window(files: Sequence[str], new_window: bool, diff: bool) -> int:
    try:
        from sdviewer.ui.app import run_window
    except ImportError as error:
        from sdviewer.errors import SdviewerError

        raise SdviewerError(
            f"the window cannot be opened: {error}", hint="`sdviewer info FILE` works without it"
        ) from error
    from sdviewer.crash_report import keep_watch

    keep_watch()
    return run_window(files, new_window=new_window, diff=diff)


if __name__ == "__main__":
    sys.exit(main())
