"""Matching a regex against texts: what a matcher is, and the plain one.

Python's `re` cannot be stopped while it looks at one text, and holds the interpreter's lock
meanwhile. A window therefore takes `processes.matching`, where that happens in another process.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.search.query import Regex, compile_regex
from sdviewer.search.texts import Texts

_SLICE = 2048


class TooSlow(Exception):
    """A regex was given up: it takes more time than a filter has."""


# Which texts a regex is found in, shape `(len(texts),)`; may raise `TooSlow` and whatever `Control.check` raises.
MatchRegex = Callable[[Regex, Texts, Control], npt.NDArray[np.bool_]]


def match_here(regex: Regex, texts: Texts, control: Control) -> npt.NDArray[np.bool_]:
    """Match in this thread, without a limit of time: for programs whose author is the one who waits."""
    search = compile_regex(regex).search
    result = np.zeros(len(texts), np.bool_)
    for first in range(0, len(texts), _SLICE):
        control.check()
        last = min(first + _SLICE, len(texts))
        result[first:last] = [search(texts[row]) is not None for row in range(first, last)]
    return result
