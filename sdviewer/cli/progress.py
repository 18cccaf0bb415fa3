"""Progress on a terminal: one line on standard error that is gone when the work is done."""

from __future__ import annotations

import sys

from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control

_CLEAR_LINE = "\r\x1b[K"
_LONGEST_NOTE = 60


def control_for(*, quiet: bool) -> Control:
    """A Control that draws progress if someone is there to see it."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return Control()
    return Control(_draw)


def _draw(done: int, total: int, note: str) -> None:
    if done >= total:
        sys.stderr.write(_CLEAR_LINE)
    else:
        sys.stderr.write(f"{_CLEAR_LINE}{100 * done // max(total, 1):3d} %  {shown(note, _LONGEST_NOTE)}")
    sys.stderr.flush()


def clear() -> None:
    """Remove what was drawn last, before anything else is printed."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(_CLEAR_LINE)
        sys.stderr.flush()
