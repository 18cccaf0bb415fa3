"""Matching a regex against texts: what a matcher is, and the plain one.

Python's `re` cannot be stopped while it looks at one text, and holds the interpreter's lock
meanwhile. A window therefore takes `processes.matching`, where that happens in another process.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.search.literals import narrowed
from sdviewer.search.query import Regex, compile_regex
from sdviewer.search.texts import Texts

Mask = npt.NDArray[np.bool_]

_SLICE = 2048


class TooSlow(Exception):
    """A regex was given up: it takes more time than a filter has."""


class MatchRegex(Protocol):
    """A matcher."""

    def __call__(self, regex: Regex, texts: Texts, control: Control, among: Mask | None = None, /) -> Mask:
        """Which texts, or of them those that `among` marks, the regex is found in; shape `(len(texts),)`.

        Raises:
            TooSlow: the matcher does not wait for this one.
            Cancelled: `control` was cancelled.

        """


def match_here(regex: Regex, texts: Texts, control: Control, among: Mask | None = None) -> Mask:
    """Match in this thread, without a limit of time: for programs whose author is the one who waits."""
    search = compile_regex(regex).search
    certain, possible = narrowed(regex, texts, control, among)
    rows = np.flatnonzero(possible)
    for first in range(0, len(rows), _SLICE):
        control.check()
        some = rows[first : first + _SLICE]
        certain[some] = [search(texts[row]) is not None for row in some.tolist()]
    return certain
