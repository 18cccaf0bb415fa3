"""Pace: how quickly a job gets on, smoothed, so that a number in a status bar can be read."""

from __future__ import annotations

import math

# Nobody reads a number that changes more often; and what a moment brings says little.
_SECONDS_BETWEEN_LOOKS = 0.25
_SECONDS_REMEMBERED = 2.0


class Pace:
    """Steps a second, 0 as long as too little is known. What is older than some seconds hardly counts."""

    __slots__ = ("_at", "_done", "per_second")

    def __init__(self) -> None:
        self.per_second = 0.0
        self._done = 0
        self._at = math.inf

    def moved(self, done: int, now: float) -> None:
        """The job has done so many steps at this time in seconds."""
        if done < self._done or self._at == math.inf:
            # It has just begun, or counts anew.
            self._done, self._at, self.per_second = done, now, 0.0
            return
        elapsed = now - self._at
        if elapsed < _SECONDS_BETWEEN_LOOKS:
            return
        lately = (done - self._done) / elapsed
        weight = 1 - math.exp(-elapsed / _SECONDS_REMEMBERED) if self.per_second else 1.0
        self.per_second += weight * (lately - self.per_second)
        self._done, self._at = done, now
