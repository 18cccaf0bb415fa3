"""Placing: how two tensors whose shapes differ are laid beside each other, in words."""

from __future__ import annotations

from collections.abc import Iterator

from sdviewer.checkpoint.wording import plural
from sdviewer.comparison.differences import Common

_LETTERS = "ijklmnop"


def placed(common: Common) -> str:
    """One sentence on which values stand beside each other; "" where both have one shape."""
    places = common.places
    if places.axes is None:
        return "Reshaped: the values of both stand beside each other in row-major order."
    if places.is_turned:
        letters = [_LETTERS[i] if i < len(_LETTERS) else f"i{i}" for i in range(len(places.shape))]
        in_b = ["0"] * len(places.shape_b)
        for axis, letter in zip(places.axes, letters, strict=True):
            if axis >= 0:
                in_b[axis] = letter
        return f"B is turned as it is compared: A[{', '.join(letters)}] stands beside B[{', '.join(in_b)}]."
    word = _word(common)
    for name, first, whole in _cut(common):
        count = places.shape[0]
        if first:
            return f"Compared are {word}s {first:,}–{first + count - 1:,} of the {whole:,} of {name}."
        more = plural(whole - count, "more is", "more are")
        return f"The first {plural(count, word)} {'is' if count == 1 else 'are'} compared; {more} in {name}."
    return ""


def titles(common: Common) -> tuple[str, str]:
    """What the pictures of A and B are called."""
    found = {"A": "A", "B": "B, turned to the axes of A" if common.places.is_turned else "B"}
    for name, first, whole in _cut(common):
        found[name] = f"{name}, {_word(common)}s {first:,}–{first + common.places.shape[0] - 1:,} of {whole:,}"
    return found["A"], found["B"]


def _word(common: Common) -> str:
    return "row" if len(common.places.shape) > 1 else "value"


def _cut(common: Common) -> Iterator[tuple[str, int, int]]:
    """Which side is longer than what is compared: its letter, where that begins on its first axis, and how long."""
    places = common.places
    if places.is_turned or places.axes is None:
        return
    for name, first, shape in (("A", places.first_a, places.shape_a), ("B", places.first_b, places.shape_b)):
        if len(shape) == len(places.shape) and shape and shape[0] != places.shape[0]:
            yield name, first, shape[0]
