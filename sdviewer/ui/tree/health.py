"""Health marks of the tree: what stands in its narrow last column."""

from __future__ import annotations

from enum import Enum


class Mark(Enum):
    """What was found in a tensor, or the worst of what lies below a parent; its value is said by a screen reader."""

    UNKNOWN = ""
    GOOD = "healthy"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
