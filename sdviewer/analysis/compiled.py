"""Compiled: the one place that says whether a loop runs compiled or in plain numpy.

Both forms of a module have the same functions. Without numba, and in a window until the loops were
compiled by another process, it is numpy.
"""

from __future__ import annotations

import importlib
from typing import Any

_found: dict[str, Any] = {}


def compiled_or(name: str, plain: Any) -> Any:
    """The module `kernels.<name>` if it can be had at once, else the plain one."""
    found = _found.get(name)
    if found is None:
        try:
            from sdviewer.analysis.kernels import warming

            if not warming.available(names=(name,)):
                return plain
            found = _found[name] = importlib.import_module(f"sdviewer.analysis.kernels.{name}")
        except ImportError:  # no numba for this Python or machine
            return plain
    return found
