"""What is told of a crash: where it happened, with which versions, and no path or name of the user's unasked.

While a window runs a file of its own lies in the user's cache, empty and locked. A crash writes the stacks of all
threads into it. A clean end takes it away; so one that nobody locks any more, and that is not empty, is a crash that
nobody was told of.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import getpass
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

_MOST_BYTES = 1 << 18
_SUFFIX = ".crash"
_SHORTEST_NAME = 3
# In quotes a path may hold anything; elsewhere it ends where a word does.
_QUOTED = r"""(["'])((?:~|[A-Za-z]:)?[/\\](?:(?!\1)[^\n])+)\1"""
_BARE = r"""(?<![\w/\\.>~:])(?:~|[A-Za-z]:)?(?:/|\\{1,2})(?=[\w.])[^\s"'()\[\]{},;:<>|]+"""
_CODE = r"(?:^|[/\\])((?:site-packages|dist-packages|sdviewer|python3\.\d+)[/\\][^\n]*\.pyc?)$"
_PATH, _USER, _HOST = "<path>", "<user>", "<computer>"

Tell = Callable[[type[BaseException], BaseException, TracebackType | None], None]


@dataclass(frozen=True, slots=True)
class Crash:
    """A window that crashed: when, and the stacks of its threads, which name nothing but code."""

    when: float
    stacks: str


def folder() -> Path:
    """Where the files of running windows lie; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("sdviewer", appauthor=False)) / "crashes"


def keep_watch() -> None:
    """From now on a crash of this program leaves its stacks; whatever cannot be written is done without."""
    try:
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / f"{os.getpid()}-{time.time_ns():x}{_SUFFIX}"
        stream = path.open("xb", buffering=0)
    except OSError:
        return
    if not _lock(stream):
        stream.close()
        path.unlink(missing_ok=True)
        return
    faulthandler.enable(stream, all_threads=True)
    atexit.register(_end_watch, path, stream)


def _end_watch(path: Path, stream: IO[bytes]) -> None:
    faulthandler.disable()
    stream.close()
    with contextlib.suppress(OSError):
        path.unlink()


def take_crashes() -> list[Crash]:
    """Those that nobody was told of yet, the last one first; from now on they are told."""
    crashes: list[Crash] = []
    with contextlib.suppress(OSError):
        for path in folder().glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                crash = _taken(path)
                if crash is not None:
                    crashes.append(crash)
    return sorted(crashes, key=lambda crash: crash.when, reverse=True)


def _taken(path: Path) -> Crash | None:
    """None of a window that runs, and of one that was ended from outside."""
    with path.open("r+b") as stream:
        if not _lock(stream):
            return None
        stacks = stream.read(_MOST_BYTES).decode("utf-8", "replace").strip()
        when = os.fstat(stream.fileno()).st_mtime
        if os.name == "posix":
            path.unlink()
    # Elsewhere no file is removed that anybody has open.
    path.unlink(missing_ok=True)
    return Crash(when, stacks) if stacks else None


def _lock(stream: IO[bytes]) -> bool:
    """Lock a file as long as it is open in this process; whether nobody else had."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Far behind its end: what is locked there cannot be read by others.
            stream.seek(1 << 30)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            stream.seek(0)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def be_told_of_failures(tell: Tell) -> Callable[[], None]:
    """Have `tell(kind, error, trace)` called for what fails in any thread; returns what undoes it.

    It is called on the thread that fails. What cannot be raised any more, in a finalizer, is not told but printed, as
    always.
    """
    hooks = sys.excepthook, threading.excepthook

    def told_of_thread(failure: threading.ExceptHookArgs) -> None:
        # The end of a thread by SystemExit is no failure.
        if failure.exc_value is not None and failure.exc_type is not SystemExit:
            tell(failure.exc_type, failure.exc_value, failure.exc_traceback)

    def undo() -> None:
        sys.excepthook, threading.excepthook = hooks

    sys.excepthook, threading.excepthook = tell, told_of_thread
    return undo


def end_on_any_failure() -> None:
    """For a helper process: a crash prints its stacks, and a thread that fails ends it, so that its parent hears."""
    with contextlib.suppress(ValueError, OSError, RuntimeError):
        faulthandler.enable(all_threads=True)

    def end(failure: threading.ExceptHookArgs) -> None:
        sys.__excepthook__(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(1)

    threading.excepthook = end


def paths_named_by(error: BaseException | None) -> set[str]:
    """Every file that an error and its causes say to be about."""
    paths: set[str] = set()
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        named = (getattr(error, name, None) for name in ("file", "filename", "filename2"))
        paths.update(os.fspath(path) for path in named if isinstance(path, str | os.PathLike) and path)
        waiting += [error.__cause__, error.__context__]
    return paths


def without_paths(text: str, known: Iterable[str] = ()) -> str:
    """`text` without paths, names of the files that are `known`, and the names of user and computer.

    Of a path to code what lies in a package is kept: `sdviewer/ui/app.py`.
    """
    names = {name for path in known for name in (path, os.path.basename(path.rstrip("/\\")))}  # noqa: PTH119  # a text
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= _SHORTEST_NAME:
            text = text.replace(name, _PATH)
    text = re.sub(_QUOTED, lambda found: f"{found[1]}{_code_in(found[2])}{found[1]}", text)
    text = re.sub(_BARE, lambda found: _code_in(found[0]), text)
    for name, instead in _own_names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text)
    return text


def _code_in(path: str) -> str:
    found = re.search(_CODE, path)
    return found[1].replace("\\", "/") if found else _PATH


def _own_names() -> list[tuple[str, str]]:
    import platform

    users = {Path.home().name if _has_home() else ""}
    with contextlib.suppress(OSError, KeyError, ImportError):
        users.add(getpass.getuser())
    named = [(name, _USER) for name in users] + [(platform.node(), _HOST)]
    # "root" and a name of one letter give nobody away, but are words of other things.
    return [(name, instead) for name, instead in named if len(name) >= _SHORTEST_NAME and name != "root"]


def _has_home() -> bool:
    try:
        return bool(Path.home().name)
    except RuntimeError:
        return False


def report_text(what: str, versions: Sequence[tuple[str, str]], trace: str) -> str:
    """A report in plain text: what happened, the versions, and the trace."""
    import platform

    lines = [what, "", *(f"{name} {number}" for name, number in versions)]
    lines += [f"System {platform.platform()}, {platform.machine()}, {os.cpu_count()} cores", "", trace.strip(), ""]
    return "\n".join(lines)
