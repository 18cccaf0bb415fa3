"""Health marks of the tree: what stands in its narrow last column, and who tells it."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class Mark(Enum):
    """What was found in a tensor, or the worst of what lies below a parent; its value is said by a screen reader."""

    UNKNOWN = ""
    GOOD = "healthy"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Health(Protocol):
    """What a scan has found, by nodes of the tree."""

    def worst(self, first: int, end: int) -> Mark:
        """The worst in the nodes [first, end); `GOOD` only if all of them were looked at."""

    def count(self, first: int, end: int, mark: Mark) -> int:
        """How many tensors of the nodes [first, end) have this as their worst."""

    def left(self, first: int, end: int) -> int:
        """How many tensors of the nodes [first, end) were not looked at."""

    def words(self, node: int) -> list[str]:
        """What was found in a node itself, a line each."""

    def next_to(self, node: int, step: int) -> int:
        """The node with an error or a warning that follows in the direction of `step`, going round; -1 for none."""
