"""Alignment: which parameters of a model those of an optimizer are, told by order and shape alone.

torch numbers parameters group after group, each group usually in the model's own order. So the parameters of
a group are a subsequence of the model's. Where only one place in the model leaves room for all others, a
parameter is told; where several do, none is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

UNKNOWN_SHAPE = -1


class Told(IntEnum):
    """How well order and shape tell a parameter."""

    NOT = 0
    ONE_OF_SEVERAL = 1  # it fits, and another one would, too
    ONLY_ONE = 2  # no other one fits, as long as each group is in the model's order


@dataclass(frozen=True, eq=False, slots=True)
class Alignment:
    """Of each parameter which of the candidates it is, -1 for none, and how well that is told.

    `reason` says in a sentence how it was found, or why not.
    """

    candidate: Int64
    told: npt.NDArray[np.uint8]
    reason: str


def align(shape: Int64, group: Int64, candidates: Int64) -> Alignment:
    """Find the parameters of an optimizer among those of a model.

    Shapes are numbers, equal for equal shapes; `UNKNOWN_SHAPE` for a parameter without state. `candidates` are
    the shapes of the model's parameters, in its order.
    """
    count, most = len(shape), len(candidates)
    if count > most:
        return _nothing(count, f"The optimizer has {count:,} parameters, the model only {most:,}.")
    groups = len(np.unique(group))
    known = shape != UNKNOWN_SHAPE
    if groups > 1 and not known.any():
        return _nothing(
            count, "There are several groups and no state: neither order nor shape tells what is in which group."
        )
    fits = count == most and bool((~known | (shape == candidates)).all())
    if groups == 1:
        if fits:
            level = Told.ONLY_ONE if known.any() else Told.ONE_OF_SEVERAL
            how = (
                f"All {_shapes(int(known.sum()))} agree, in the model's order."
                if known.any()
                else "There are as many as the model has, but no state whose shapes could be compared."
            )
            return Alignment(np.arange(count), np.full(count, level, np.uint8), how)
        return _subsequence(shape, candidates)
    exclusive = _exclusive(shape, group) & known
    if fits:
        told = np.where(exclusive, Told.ONLY_ONE, Told.ONE_OF_SEVERAL).astype(np.uint8)
        how = f"All {_shapes(int(known.sum()))} agree, in the model's order, group after group."
        if not exclusive.all():
            how += " Where parameters of one shape are in several groups, another order would fit as well."
        return Alignment(np.arange(count), told, how)
    return _group_by_group(shape, group, candidates, exclusive)


def align_without_order(shape: Int64, candidates: Int64) -> Alignment:
    """As `align`, of a model whose order is not known: a shape tells a parameter that alone has it on both sides."""
    count, most = len(shape), len(candidates)
    if count > most:
        return _nothing(count, f"The optimizer has {count:,} parameters, the model only {most:,}.")
    values, first, often = np.unique(candidates, return_index=True, return_counts=True)
    own, times = np.unique(shape, return_counts=True)
    alone = np.isin(shape, values[often == 1]) & np.isin(shape, own[times == 1]) & (shape != UNKNOWN_SHAPE)
    found = np.full(count, -1)
    found[alone] = first[np.searchsorted(values, shape[alone])]
    told = np.where(alone, Told.ONLY_ONE, Told.NOT).astype(np.uint8)
    how = f"{int(alone.sum()):,} of {count:,} parameters have a shape of their own, the others could be several."
    if not np.isin(shape[shape != UNKNOWN_SHAPE], values).all():
        how = "The optimizer keeps shapes that the model has not: it is of another model, or of parts of it."
        return _nothing(count, how)
    return Alignment(found, told, how)


def _nothing(count: int, reason: str) -> Alignment:
    return Alignment(np.full(count, -1), np.zeros(count, np.uint8), reason)


def _shapes(count: int) -> str:
    return f"{count:,} shapes" if count > 1 else "shapes (1)"


def _exclusive(shape: Int64, group: Int64) -> npt.NDArray[np.bool_]:
    """Whether no other group has a parameter of the same shape."""
    pairs = np.unique(np.stack((shape, group)), axis=1)
    values, often = np.unique(pairs[0], return_counts=True)
    return np.isin(shape, values[often == 1])


def _subsequence(shape: Int64, candidates: Int64) -> Alignment:
    """Of one group, that leaves out some of the model's parameters or does not fit."""
    count = len(shape)
    earliest, latest = _embedded(shape, candidates)
    if earliest is None or latest is None:
        return _nothing(count, "The shapes do not agree with the model's parameters in their order.")
    sure = earliest == latest
    left = len(candidates) - count
    how = f"{left:,} of the model's {len(candidates):,} parameters are not in the optimizer. "
    if sure.all():
        how += "Order and shape leave one place for each."
    else:
        how += f"Order and shape leave one place for {int(sure.sum()):,} of {count:,}, and several for the others."
    return Alignment(np.where(sure, earliest, -1), np.where(sure, Told.ONLY_ONE, Told.NOT).astype(np.uint8), how)


def _group_by_group(shape: Int64, group: Int64, candidates: Int64, exclusive: npt.NDArray[np.bool_]) -> Alignment:
    """Of several groups that are not one after the other in the model: by the shapes that one group alone has."""
    found = np.full(len(shape), -1)
    misfits = 0
    for number in np.unique(group[exclusive]).tolist():
        own = np.flatnonzero(exclusive & (group == number))
        places = np.flatnonzero(np.isin(candidates, shape[own]))
        earliest, latest = _embedded(shape[own], candidates[places])
        if earliest is None or latest is None:
            misfits += 1
            continue
        sure = earliest == latest
        found[own[sure]] = places[earliest[sure]]
    told = np.where(found >= 0, Told.ONLY_ONE, Told.NOT).astype(np.uint8)
    count = int((found >= 0).sum())
    if misfits:
        how = "The shapes do not agree with the model's parameters in their order."
    elif count == len(shape):
        how = "The shapes tell the groups apart, and within each group the order is the model's."
    else:
        how = (
            f"Shape and order within the groups tell {count:,} of {len(shape):,} parameters; "
            "the others have shapes that fit in several places."
        )
    return Alignment(found, told, how)


def _embedded(shape: Int64, candidates: Int64) -> tuple[Int64, Int64] | tuple[None, None]:
    """The first and the last place at which each parameter can be so that all others have one in order, too."""
    earliest = _first_places(shape.tolist(), candidates.tolist())
    latest = _first_places(shape[::-1].tolist(), candidates[::-1].tolist())
    if earliest is None or latest is None:
        return None, None
    return earliest, len(candidates) - 1 - latest[::-1]


def _first_places(shape: list[int], candidates: list[int]) -> Int64 | None:
    places = []
    place, most = 0, len(candidates)
    for wanted in shape:
        while place < most and wanted not in (UNKNOWN_SHAPE, candidates[place]):
            place += 1
        if place == most:
            return None
        places.append(place)
        place += 1
    return np.array(places, np.int64)
