"""Squarified treemaps: a rectangle cut into parts that are as large as they weigh, and near to squares.

Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence

Rect = tuple[float, float, float, float]
"""Left, top, width, height."""


def squarified(weights: Sequence[float], rect: Rect) -> list[Rect]:
    """One rectangle a weight, in this order: they cover `rect`, do not overlap, and have areas as the weights.

    Args:
        weights: positive and finite, in descending order.
        rect: what is cut; without an area all parts are without one.

    """
    x, y, width, height = rect
    if not weights or width <= 0 or height <= 0:
        return [(x, y, 0.0, 0.0) for _ in weights]
    # Halved sums of huge weights stay finite.
    scale = width * (height / sum(weight * 2.0**-64 for weight in weights))
    areas = [weight * 2.0**-64 * scale for weight in weights]
    parts: list[Rect] = []
    first, count = 0, len(areas)
    while first < count:
        short = min(width, height)
        last, total = first + 1, areas[first]
        while last < count and _worst(areas[first], areas[last], total + areas[last], short) <= _worst(
            areas[first], areas[last - 1], total, short
        ):
            total += areas[last]
            last += 1
        is_last = last == count
        if width >= height:
            # A column at the left.
            across = width if is_last else min(total / height, width)
            parts += [(x, top, across, size) for top, size in _row(areas[first:last], total, y, height)]
            x, width = x + across, width - across
        else:
            down = height if is_last else min(total / width, height)
            parts += [(left, y, size, down) for left, size in _row(areas[first:last], total, x, width)]
            y, height = y + down, height - down
        first = last
    return parts


def _worst(largest: float, smallest: float, total: float, short: float) -> float:
    """The worst ratio of sides in a row of parts with these areas along a side."""
    if total <= 0 or smallest <= 0:
        return float("inf")
    side = short / total * short
    return max(side * (largest / total), (total / smallest) / side)


def _row(areas: Sequence[float], total: float, start: float, length: float) -> list[tuple[float, float]]:
    """Where each part of a row begins and how long it is; the last one takes what rounding left."""
    found = []
    place, end = start, start + length
    for index, area in enumerate(areas):
        stop = end if index == len(areas) - 1 else min(place + (area / total * length if total > 0 else 0.0), end)
        found.append((place, stop - place))
        place = stop
    return found
