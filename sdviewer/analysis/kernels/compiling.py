"""Compiling: the one place that turns loops into machine code, which numba keeps between starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from sdviewer.analysis.kernels.cache_folder import writable_cache_folder

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and contracted; NaN and infinities keep their meaning.
_FAST = {"reassoc", "contract", "nsz", "arcp"}

_folder = writable_cache_folder()
_one_at_a_time = threading.RLock()
_not_kept: list[str] = []


def all_is_kept() -> bool:
    """Whether all that was compiled so far lies on disk."""
    return not _not_kept


def kernel(*signatures: str, exact: bool = False) -> Callable[[F], F]:
    """Compile a loop for these signatures as its module is imported, or take it from disk.

    Without the interpreter's lock, and kept on disk where that is possible. A loop without signatures
    is compiled into those that call it. An exact one is computed as it is written, step by step.
    """

    def compiled(function: F) -> F:
        if _folder is not None:
            try:
                with _kept_in(_folder):
                    return cast("F", _compiled(function, signatures, keep=True, exact=exact))
            except RuntimeError:  # no place for compiled code, after all
                pass
        _not_kept.append(function.__qualname__)
        return cast("F", _compiled(function, signatures, keep=False, exact=exact))

    return compiled


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """The setting of numba, for our loops alone: a program that uses us may have set it for its own."""
    with _one_at_a_time:
        settings: Any = numba.config
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
        try:
            yield
        finally:
            settings.CACHE_DIR = before


def _compiled(function: Callable[..., Any], signatures: tuple[str, ...], *, keep: bool, exact: bool) -> Any:
    liberties = False if exact else _FAST
    # What only other loops call needs no way in from Python, and no place of its own on disk: that takes a third.
    compiler: Any = cast("Any", numba.njit)(
        list(signatures) or None,
        cache=keep and bool(signatures),
        nogil=True,
        fastmath=liberties,
        error_model="numpy",
        no_cpython_wrapper=not signatures,
        no_cfunc_wrapper=True,
    )
    return compiler(function)
