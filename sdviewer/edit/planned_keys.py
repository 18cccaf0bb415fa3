"""Planned keys: what becomes of every tensor, as columns; one of them is an object when it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import DTYPES, OTHER
from sdviewer.comparison.sides import Side

Int64 = npt.NDArray[np.int64]

_NAMES = tuple(dtype.name for dtype in DTYPES)
_ITEMSIZES = np.array([dtype.itemsize for dtype in DTYPES])


class PlannedKey(NamedTuple):
    """A tensor that will be written; `place` among the keys of the side."""

    place: int
    old: str
    new: str
    dtype_before: str
    dtype_after: str
    shape: tuple[int, ...]
    nbytes: int


class Dropped(NamedTuple):
    """A tensor that will not be written, and why, in words."""

    old: str
    by: str


class PlannedKeys(Sequence[PlannedKey]):
    """Every tensor that will be written, in the order of writing.

    Attributes:
        places: among the keys of the side, shape `(n,)`.
        new: the new names.
        before, after: codes of dtypes, shape `(n,)`; equal for what is not cast.
        nbytes: shape `(n,)`.

    """

    def __init__(self, side: Side, places: Int64, new: Sequence[str], casts: npt.NDArray[np.int16]) -> None:
        """`casts` has for each key of the side the code of the dtype that it is cast to, -1 for none."""
        self._side, self.places, self.new = side, places, new
        table = side.checkpoint.table
        rows = side.rows[places]
        self.before = table.dtype[rows]
        cast = casts[places]
        is_cast = cast >= 0
        self.after = np.where(is_cast, cast, self.before)
        self.nbytes: Int64 = table.nbytes[rows]
        if is_cast.any():
            self.nbytes = np.where(is_cast, table.numel[rows] * _ITEMSIZES[self.after], self.nbytes)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> PlannedKey: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PlannedKey]: ...
    def __getitem__(self, index: int | slice) -> PlannedKey | Sequence[PlannedKey]:
        chosen = range(len(self))[index]
        return self._made(chosen) if isinstance(chosen, range) else self._one(chosen)

    def __iter__(self) -> Iterator[PlannedKey]:
        return iter(self._made(range(len(self))))

    @cached_property
    def old(self) -> Sequence[str]:
        """The names in the file."""
        return taken(self._side.keys, self.places)

    @property
    def is_cast(self) -> npt.NDArray[np.bool_]:
        """Whether each is converted, shape `(n,)`."""
        return np.asarray(self.before != self.after)

    def old_where(self, mask: npt.NDArray[np.bool_]) -> tuple[str, ...]:
        """The names in the file of those chosen."""
        return tuple(taken(self._side.keys, self.places[mask]))

    def dtypes_after(self) -> set[str]:
        """What will be written, by name."""
        return {name for code in np.flatnonzero(np.bincount(self.after)).tolist() for name in self._named(code)}

    def with_dtype_after(self, names: set[str]) -> tuple[str, ...]:
        """The old names of what will be written in these dtypes."""
        codes = np.unique(self.after)
        wanted = [code for code in codes.tolist() if names & self._named(code)]
        mask = np.isin(self.after, wanted)
        if OTHER.code in wanted:
            others = np.flatnonzero(self.after == OTHER.code)
            mask[others] = [self._name_of_other(position) in names for position in others.tolist()]
        return self.old_where(mask)

    def _named(self, code: int) -> set[str]:
        if code != OTHER.code:
            return {_NAMES[code]}
        return {self._name_of_other(position) for position in np.flatnonzero(self.after == code).tolist()}

    def _name_of_other(self, position: int) -> str:
        return self._side.checkpoint.table.dtype_name(int(self._side.rows[self.places[position]]))

    def _one(self, position: int) -> PlannedKey:
        place = int(self.places[position])
        shape_of, shapes = self._side.shapes
        before, after = (
            _NAMES[column[position]] if column[position] != OTHER.code else self._name_of_other(position)
            for column in (self.before, self.after)
        )
        shape, nbytes = shapes[shape_of[place]], int(self.nbytes[position])
        return PlannedKey(place, self._side.keys[place], self.new[position], before, after, shape, nbytes)

    def _made(self, chosen: range) -> list[PlannedKey]:
        part = slice(chosen.start, chosen.stop, chosen.step) if len(chosen) else slice(0, 0)
        if chosen.step < 0:
            return self._made(chosen[::-1])[::-1]
        places = self.places[part]
        before, after = ([*map(_NAMES.__getitem__, column[part].tolist())] for column in (self.before, self.after))
        for position in np.flatnonzero(self.before[part] == OTHER.code).tolist():
            before[position] = after[position] = self._name_of_other(chosen[position])
        shape_of, shapes = self._side.shapes
        columns: tuple[Sequence[Any], ...] = (
            places.tolist(),
            taken(self._side.keys, places),
            self.new[part],
            before,
            after,
            [*map(shapes.__getitem__, shape_of[places].tolist())],
            self.nbytes[part].tolist(),
        )
        return [*map(PlannedKey._make, zip(*columns, strict=True))]


class DroppedKeys(Sequence[Dropped]):
    """Every tensor that will not be written: those that rules dropped in the order of the file, then other parts."""

    def __init__(
        self, side: Side, dropped_by: npt.NDArray[np.int32], rules: Sequence[str], others: Sequence[tuple[str, Int64]]
    ) -> None:
        """Rules and other parts, with the rows of the table, in words."""
        self._side, self._rules, self._others = side, rules, others
        self._places = np.flatnonzero(dropped_by >= 0)
        self._by = dropped_by[self._places]

    def __len__(self) -> int:
        return len(self._places) + sum(len(rows) for _, rows in self._others)

    @overload
    def __getitem__(self, index: int) -> Dropped: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Dropped]: ...
    def __getitem__(self, index: int | slice) -> Dropped | Sequence[Dropped]:
        if isinstance(index, int) and 0 <= index < len(self._places):
            return Dropped(self._side.keys[self._places[index]], self._rules[self._by[index]])
        return self._all[index]

    def __iter__(self) -> Iterator[Dropped]:
        return iter(self._all)

    @cached_property
    def _all(self) -> list[Dropped]:
        names = self._side.checkpoint.table.name
        found = map(Dropped, taken(self._side.keys, self._places), taken(self._rules, self._by))
        return [*found, *(Dropped(name, by) for by, rows in self._others for name in names.take(rows).tolist())]


def taken(items: Sequence[str], places: npt.NDArray[np.integer[Any]]) -> Sequence[str]:
    """The items at these places."""
    if len(places) == len(items) and bool((places == np.arange(len(places))).all()):
        return items
    if len(places) < 2:  # `itemgetter` gives no tuple
        return tuple(items[place] for place in places.tolist())
    return itemgetter(*places.tolist())(items)  # type: ignore[no-any-return]  # a tuple of them


def kept(items: Sequence[str], mask: npt.NDArray[np.bool_]) -> list[str]:
    """The items for which the mask is set."""
    return [*compress(items, mask.tolist())]
