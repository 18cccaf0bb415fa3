"""Relations: what one shape has to do with another, as far as shapes alone tell."""

from __future__ import annotations

import math
from enum import IntEnum

Shape = tuple[int, ...]


class Relation(IntEnum):
    """How the shape of a tensor stands to that of its partner."""

    SAME = 0
    TRANSPOSED = 1  # two dimensions, exchanged
    SQUEEZED = 2  # dimensions of size 1 added or dropped
    PERMUTED = 3  # the same sizes in another order
    RESHAPED = 4  # the same number of elements
    ROWS = 5  # the same but for the first dimension: a vocabulary that grew
    PART = 6  # one of several that are rows of a fused one: q, k and v
    OTHER = 7


WORDS = {
    Relation.SAME: "same shape",
    Relation.TRANSPOSED: "transposed",
    Relation.SQUEEZED: "squeezed",
    Relation.PERMUTED: "dimensions in another order",
    Relation.RESHAPED: "reshaped",
    Relation.ROWS: "other number of rows",
    Relation.PART: "part of a fused tensor",
    Relation.OTHER: "another shape",
}


def relation_of(a: Shape, b: Shape) -> Relation:
    """The closest relation that holds between two shapes."""
    if a == b:
        return Relation.SAME
    if tuple(n for n in a if n != 1) == tuple(n for n in b if n != 1):
        return Relation.SQUEEZED
    if len(a) == len(b) == 2 and a == b[::-1]:
        return Relation.TRANSPOSED
    if sorted(a) == sorted(b):
        return Relation.PERMUTED
    numel_a, numel_b = _numel(a), _numel(b)
    if numel_a == numel_b and numel_a:
        return Relation.RESHAPED
    if a and b and len(a) == len(b) and a[1:] == b[1:]:
        return Relation.ROWS
    return Relation.OTHER


def _numel(shape: Shape) -> int:
    return math.prod(shape)
