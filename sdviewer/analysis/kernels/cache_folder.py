"""Where compiled code is kept between starts: a folder for each version of what it was compiled from, and by.

numba looks at the file of a loop alone, not at those of the loops that it calls, and not at all at
what lies beside its own cache. A folder whose name is made of everything that matters is right or
new, and a file in it can say that all of it is there. A window imports this before its first paint,
so nothing slow is imported here.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import sdviewer

_MARK = ".complete"
_SECONDS_TO_KEEP_OTHERS = 30 * 86_400.0
# The first processor is told of in the first lines.
_CPUINFO_BYTES = 8192


def cache_folder() -> Path:
    """The folder for what is compiled by this program on this machine; it need not exist."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(chosen) if chosen else _of_user()) / _fingerprint()


def _of_user() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("sdviewer", appauthor=False)) / "compiled"


def writable_cache_folder() -> Path | None:
    """The same, made if need be; None where nothing can be written."""
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def is_complete(names: Sequence[str]) -> bool:
    """Whether these modules were compiled before, and numba will take them from there: a matter of microseconds."""
    folder = cache_folder()
    # numba refuses to read where it cannot write.
    return all((folder / f"{name}{_MARK}").exists() for name in names) and os.access(folder, os.W_OK)


def mark_complete(names: Sequence[str]) -> None:
    """Say that these modules are compiled, and let go of what other versions left a month ago."""
    folder = writable_cache_folder()
    if folder is None:
        return
    for name in names:
        (folder / f"{name}{_MARK}").touch()
    long_ago = time.time() - _SECONDS_TO_KEEP_OTHERS
    for other in folder.parent.iterdir():
        marks = list(other.glob(f"*{_MARK}")) if other != folder and other.is_dir() else []
        if marks and all(mark.stat().st_mtime < long_ago for mark in marks):
            shutil.rmtree(other, ignore_errors=True)


@functools.cache
def _fingerprint() -> str:
    """Of our version and loops, of numba, Python and the processor. numba itself goes by times and sizes of files.

    In a bundle numba goes by its program alone.
    """
    import hashlib

    here = Path(__file__).parent
    told = [sdviewer.__version__, sys.version, sys.platform, str(here), *_processor()]
    for file in sorted(here.glob("*.py")):
        facts = file.stat()
        told += [file.name, str(facts.st_mtime_ns), str(facts.st_size), hashlib.sha256(file.read_bytes()).hexdigest()]
    if getattr(sys, "frozen", False):
        told.append(str(Path(sys.executable).stat().st_mtime_ns))
    for library in ("numba", "llvmlite"):
        # Found, not imported.
        spec = importlib.util.find_spec(library)
        origin = Path(spec.origin) if spec is not None and spec.origin else None
        if origin is not None and origin.exists():
            told += [str(origin), str(origin.stat().st_mtime_ns)]
    return hashlib.sha256("\0".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _processor() -> list[str]:
    """Compiled code is for one kind of processor; home folders are shared between many."""
    told = [platform.machine(), os.environ.get("PROCESSOR_IDENTIFIER", "")]
    try:
        with Path("/proc/cpuinfo").open("rb") as file:
            lines = file.read(_CPUINFO_BYTES).decode("ascii", "replace").splitlines()
    except OSError:
        return told
    names = ("model name", "flags", "Features", "CPU part")
    return told + [next((line for line in lines if line.startswith(name)), "") for name in names]
