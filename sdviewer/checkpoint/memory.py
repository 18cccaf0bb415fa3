"""How much memory may be taken: a file that claims terabytes gets an answer, not a dead process."""

from __future__ import annotations

import os
from pathlib import Path

from sdviewer.errors import CannotRead

# Where the system does not tell: what an ordinary computer has.
_USUAL_MEMORY = 16 << 30


def available_memory() -> int:
    """Bytes that can be taken without swapping; the machine's whole memory where only that is known."""
    try:
        with Path("/proc/meminfo").open("rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _USUAL_MEMORY


def check_memory(nbytes: int, name: str, file: str) -> None:
    """Raise `CannotRead` if values of `nbytes` bytes would not fit into memory."""
    # Asked only where it matters: a small read must not open /proc.
    if nbytes > 1 << 26 and nbytes > (available := available_memory()):
        raise CannotRead(
            f"the values of {name!r} take {nbytes:,} bytes and {available:,} are available",
            file=file,
            hint="read a slice of it",
        )
