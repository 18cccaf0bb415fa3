"""How our own processes are started: by the interpreter that runs us, in a bundle by the bundle's program itself.

A bundle has no interpreter that could be told what to run, so its program takes `--helper MODULE` as its first
arguments and then is that process. Only the modules of the table can be named.
"""

from __future__ import annotations

import sys
from pathlib import Path

HELPERS = (
    "sdviewer.processes.reader_child",
    "sdviewer.processes.regex_child",
    "sdviewer.processes.torch_child",
    "sdviewer.analysis.kernels.warming",
)
_HELPER = "--helper"
# Not `-m`: that puts the current folder first on the path, and the folder of an unknown checkpoint may
# hold a json.py. `-P` keeps it off, and our own folder comes last.
START = (
    "import sys; sys.path.append(sys.argv.pop(1)); import importlib; importlib.import_module(sys.argv.pop(1)).main()"
)


def is_bundled() -> bool:
    """Whether this is a bundle that brings its own Python."""
    return bool(getattr(sys, "frozen", False))


def helper_command(module: str, *arguments: str) -> list[str]:
    """The command whose process runs `main()` of a module of the table."""
    if is_bundled():
        return [sys.executable, _HELPER, module, *arguments]
    return [sys.executable, "-P", "-c", START, str(Path(__file__).parents[2]), module, *arguments]


def be_helper() -> bool:
    """Be the process that the arguments of this program ask for, if they do; a bundle's program asks this first.

    Raises:
        SystemExit: they ask for a module that is not in the table.

    """
    if sys.argv[1:2] != [_HELPER]:
        return False
    module = sys.argv[2] if len(sys.argv) > 2 else ""
    if module not in HELPERS:
        sys.exit(f"sdviewer: {_HELPER} is for its own processes")
    del sys.argv[1:3]
    import importlib

    importlib.import_module(module).main()
    return True
