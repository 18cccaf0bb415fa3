"""Compiling: the one place that imports numba, and where compiled code is kept between starts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and contracted; NaN and infinities keep their meaning.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


def _writable_cache_folder() -> Path | None:
    """The user's own folder for compiled code; None where there is none to write into."""
    folder = Path(platformdirs.user_cache_dir("sdviewer", appauthor=False)) / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


# Before numba is imported, which reads it once. Whoever set it knows better.
_folder = os.environ.get("NUMBA_CACHE_DIR") or _writable_cache_folder()
if _folder is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(_folder)

import numba  # noqa: E402  # its folder is chosen above


def kernel(*signatures: str) -> Callable[[F], F]:
    """Compile a loop for these signatures as its module is imported, or take it from disk.

    Without the interpreter's lock, and kept on disk where that is possible. A loop without signatures
    is compiled into those that call it.
    """

    def compiled(function: F) -> F:
        try:
            return cast("F", _compiled(function, signatures, keep=_folder is not None))
        except RuntimeError:  # no place for compiled code, after all
            return cast("F", _compiled(function, signatures, keep=False))

    return compiled


def _compiled(function: Callable[..., Any], signatures: tuple[str, ...], *, keep: bool) -> Any:
    compiler = numba.njit(list(signatures) or None, cache=keep, nogil=True, fastmath=_FAST, error_model="numpy")
    return compiler(function)
