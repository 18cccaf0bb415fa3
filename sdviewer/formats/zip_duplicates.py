"""Which of several zip entries with one name torch reads.

Torch's archive library (miniz) sorts the directory with a heap sort and searches it by halving, without
regard to case, so which of two equal names it meets depends on all the others. The same two steps here
give the same answer; they run only where a name stands twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

# Names up to this many are sorted as torch does; with more the first of each counts.
_MOST_SORTED = 100_000


def repeated_names(names: list[str]) -> list[str]:
    """The names that stand more than once for torch, to whom "a" and "A" are one, in the order of the directory."""
    lowered = [name.lower() for name in names]
    if len(set(lowered)) == len(names):
        return []
    counts = Counter(lowered)
    return list(dict.fromkeys(name for name, low in zip(names, lowered, strict=True) if counts[low] > 1))


def torch_winners(names: list[str], wanted: Iterable[str]) -> dict[str, int]:
    """Wanted name → index into `names` of the entry that torch takes for it, -1 if none."""
    if len(names) > _MOST_SORTED:
        first = {name: position for position, name in reversed(list(enumerate(names)))}
        return {name: first.get(name, -1) for name in wanted}
    keys = [_key(name) for name in names]
    order = _heap_sorted(keys)
    return {name: _search(keys, order, _key(name)) for name in wanted}


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape").lower()


def _search(keys: list[bytes], order: list[int], target: bytes) -> int:
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
