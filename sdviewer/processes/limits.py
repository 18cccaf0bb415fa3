"""What a helper process may use, and when one is needed at all.

The marks: a hostile file costs at most 500 MB in all processes, and an honest one opens however
large it is. A hostile file is small, its damage is out of proportion; so memory is allowed in
proportion to the description (pickle, header, directory), with a floor that every small file fits in.
"""

from __future__ import annotations

import os
from pathlib import Path

# From here on the interpreter's lock is held so long that a window would stutter.
LARGE_DESCRIPTION = 1 << 20
# The floor: what a description of some megabytes may need beside the bare process of 40 MB.
_FLOOR = 256 << 20
# A pickle of 130 bytes a tensor becomes rows, names, nodes and their columns: up to 3 KB while it is
# read and sent. Twice the largest factor seen with honest files.
_FACTOR = 24
_SHARE_OF_MACHINE = 0.75

# Seconds without any progress after which the reader is given up.
PATIENCE = 600.0


def memory_allowance(description_bytes: int) -> int:
    """Bytes that the reader process may add to what a bare one takes."""
    return max(_FLOOR, min(_FACTOR * description_bytes, int(_SHARE_OF_MACHINE * physical_memory())))


def physical_memory() -> int:
    """Bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows: no such call, and no limit is set there either.
        return 16 << 30


def limit_memory(allowance: int) -> None:
    """Let this process take `allowance` bytes of address space more than it has now.

    Where the system has no such limit (Windows, macOS) nothing happens: the readers' own limits hold.
    """
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = now + allowance if hard == resource.RLIM_INFINITY else min(now + allowance, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ImportError, OSError, ValueError):
        return
