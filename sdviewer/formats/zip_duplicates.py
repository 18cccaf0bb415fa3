"""Which of several zip entries with one name torch reads.

Torch's archive library (miniz) sorts the directory with a heap sort and searches it by halving, without
regard to case, so which of two equal names it meets depends on all the others. The same two steps here
give the same answer; they run only where a name stands twice.
"""

from __future__ import annotations


def torch_winner(names: list[str], wanted: str) -> int:
    """Index into `names` of the entry that torch takes for `wanted`, -1 if none."""
    keys = [name.encode("utf-8", "surrogateescape").lower() for name in names]
    order = _heap_sorted(keys)
    target = wanted.encode("utf-8", "surrogateescape").lower()
    low, high = 0, len(order) - 1
    while low <= high:
        middle = (low + high) >> 1
        key = keys[order[middle]]
        if key == target:
            return order[middle]
        if key < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1


def _heap_sorted(keys: list[bytes]) -> list[int]:
    order = list(range(len(keys)))

    def sift(root: int, end: int) -> None:
        while (child := 2 * root + 1) < end:
            if child + 1 < end and keys[order[child]] < keys[order[child + 1]]:
                child += 1
            if keys[order[root]] >= keys[order[child]]:
                return
            order[root], order[child] = order[child], order[root]
            root = child

    for start in range((len(keys) - 2) >> 1, -1, -1):
        sift(start, len(keys))
    for end in range(len(keys) - 1, 0, -1):
        order[end], order[0] = order[0], order[end]
        sift(0, end)
    return order
