"""Warming: the compiled loops are made ready once, and never where it would be felt.

numba compiles for seconds and holds the interpreter's lock all the while, so a window leaves that to
a process of low priority and takes the result from disk; until then it does without. Other programs
compile where they are. Whoever needs the loops asks `available()`; no numba is imported before that.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

from sdviewer.analysis.kernels import cache_folder
from sdviewer.control import Control
from sdviewer.crash_report import end_on_any_failure
from sdviewer.errors import Cancelled, HelperDied

# Every module with compiled loops, those that are needed first at the front.
MODULES: tuple[str, ...] = ("counting", "deriving", "binning", "raster", "channels", "comparing", "encoding")

_NOTE = "compiling once"
_LOW_PRIORITY = 10

_loading = threading.Lock()
_loaded: set[str] = set()
_broken = threading.Event()
_elsewhere = threading.Event()


def compile_elsewhere() -> None:
    """From now on this program never compiles by itself: it has a window, which would stand still."""
    _elsewhere.set()


def compiles_elsewhere() -> bool:
    """Whether this program has a window."""
    return _elsewhere.is_set()


def is_ready() -> bool:
    """Whether all loops were compiled by this version, for this machine, and can be loaded at once."""
    return _loaded.issuperset(MODULES) or cache_folder.is_complete(MODULES)


def available(control: Control | None = None, names: Sequence[str] | None = None) -> bool:
    """Load these modules (all if none are named), unless it would be felt: then False, and plain numpy has to do.

    Loading takes some 0.2 s the first time, on the calling thread, and nothing after that. A program
    without a window compiles them here if need be, for some seconds, and `control` hears of it. Where
    numba is missing or fails they are never available.

    Raises:
        Cancelled: `control` was cancelled.

    """
    names = MODULES if names is None else names
    if _loaded.issuperset(names):
        return True
    if _broken.is_set() or (_elsewhere.is_set() and not cache_folder.is_complete(names)):
        return False
    try:
        load(control, names)
    except Cancelled:
        raise
    except Exception:  # noqa: BLE001  # a numba that does not fit this Python or machine fails in any way
        _broken.set()
        return False
    return True


def load(control: Control | None = None, names: Sequence[str] | None = None) -> None:
    """Import these modules (all if none are named), and compile what is not on disk."""
    control = control or Control()
    names = MODULES if names is None else names
    with _loading:
        missing = [name for name in names if name not in _loaded]
        note = "" if cache_folder.is_complete(missing) else _NOTE
        # Garbage collection over the many objects of an import stalls a window for 50 ms and more.
        enabled = gc.isenabled()
        gc.disable()
        try:
            for index, name in enumerate(missing):
                if note:
                    control.report(index, len(missing), note)
                importlib.import_module(f"sdviewer.analysis.kernels.{name}")
                _loaded.add(name)
                if note:
                    _mark(name)
        finally:
            if enabled:
                gc.enable()
        if note:
            control.report(len(missing), len(missing), note)


def _mark(name: str) -> None:
    from sdviewer.analysis.kernels.compiling import all_is_kept

    if all_is_kept():
        cache_folder.mark_complete((name,))


def warm(control: Control) -> bool:
    """Have the loops compiled by another process if they are not, wait for it, and load them.

    False where they cannot be kept: there is no folder to write into.

    Raises:
        Cancelled: `control` was cancelled; the process is gone.
        HelperDied: it could not be started, or failed.

    """
    if not is_ready():
        if cache_folder.writable_cache_folder() is None:
            return False
        _compile_in_process(control)
    if not is_ready():
        return False
    load(control)
    return True


def _compile_in_process(control: Control) -> None:
    import subprocess

    from sdviewer.processes.deaths import told_death
    from sdviewer.processes.starting import helper_command

    control.check()
    try:
        process = subprocess.Popen(  # noqa: S603  # our own module
            helper_command(__name__),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
            | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
    except (OSError, ValueError) as error:
        raise HelperDied(f"the process that compiles could not be started: {error}") from error
    control.when_cancelled(process.kill)
    with process:
        assert process.stderr is not None  # noqa: S101  # it is a pipe
        complaints = process.stderr.read().decode("utf-8", "replace").strip()
    control.check()
    if process.returncode:
        raise told_death(process.returncode, complaints, "the process that compiles", hint="it is tried again later")


def main() -> None:
    """The process: compile everything, and end; or end when nobody waits any more."""
    end_on_any_failure()
    # Ctrl-C goes to the whole group of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_LOW_PRIORITY)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        load()
    except Exception:  # noqa: BLE001  # told to the parent; the ordinary way out would wait for the thread
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _end_with_parent() -> None:
    sys.stdin.buffer.read(1)
    os._exit(1)
