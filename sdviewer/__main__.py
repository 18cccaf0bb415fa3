"""`python -m sdviewer`, and the two programs that are installed: `sdviewer` and `sdviewer-window`."""

from __future__ import annotations

import sys


def main() -> int:
    """The command line; without a command it opens the window."""
    from sdviewer.cli.main import run

    return run(sys.argv[1:])


def window() -> int:
    """The window alone: every argument is a file or an option of the window."""
    from sdviewer.cli.main import run_window_command

    return run_window_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
