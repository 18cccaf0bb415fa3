"""Exit codes, and the error for a command line that cannot be understood."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process returns; scripts rely on it."""

    FINE = 0
    FINDING = 1  # a finding, a difference, a refusal by the plan
    CANNOT = 2  # cannot read or write
    USAGE = 64
    INTERRUPTED = 130


class WrongUsage(Exception):
    """The arguments make no sense, whatever the file holds; the message says why, `command` where."""

    kind = "usage"

    def __init__(self, message: str, command: str = "sdviewer") -> None:
        super().__init__(message)
        self.message = message
        self.command = command

    def __str__(self) -> str:
        return f"{self.message} (`{self.command} --help` shows how)"
