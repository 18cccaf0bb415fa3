"""Listing: all tensors as a flat table, whose columns are data: how to show, to sort and to export each.

A table of a million rows is sorted by a key for each column, which is worked out once, off the
window's thread, in numpy calls that let other threads run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.sections import exact_total, first_of_ties
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
K = TypeVar("K")
V = TypeVar("V")

# In an integer key: the tensor has no such fact. In a float key NaN says so.
MISSING = -(2**63)
# Keys and sorted rows that are kept, the latest: eight and four megabytes each for a million.
_KEYS_KEPT = 3
_ORDERS_KEPT = 8


def _no_more(_: TensorFacts, __: int) -> str:
    return ""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One column of the table.

    Attributes:
        id: its name in files and settings.
        title: its name for people.
        kind: whether it is aligned as numbers are.
        text: what is shown of a row, "" for nothing.
        values: the exact values of some rows, ready for JSON; None where there is nothing.
        key: what all listed rows sort by, shape `(listed,)`: int64 with `MISSING`, or float64 with NaN.
        exact: what a tooltip adds to the text of a row, "" for nothing.
        at_first: whether it is shown before anybody chooses.
        group: the menu that it stands in, "" for none of its own.
        grows: whether its values come while the table is shown; until the first it is not shown.

    """

    id: str
    title: str
    kind: Literal["text", "number"]
    text: Callable[[TensorFacts, int], str]
    values: Callable[[TensorFacts, Int64], list[Any]]
    key: Callable[[TensorFacts, Control], npt.NDArray[Any]]
    exact: Callable[[TensorFacts, int], str] = _no_more
    at_first: bool = True
    group: str = ""
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Sorting:
    """Which column rows are sorted by, and whether the largest comes first."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Some tensors together; elements and bytes count tied tensors once.

    `repeated` are those of them that are tied to an earlier one.
    """

    tensors: int
    elements: int
    nbytes: int
    repeated: int


class Listing:
    """The table of all listed tensors of a checkpoint. Its methods may be called from any thread."""

    def __init__(self, checkpoint: Checkpoint, columns: Sequence[Column]) -> None:
        self.checkpoint = checkpoint
        self.columns = tuple(columns)
        self.facts = TensorFacts(checkpoint)
        self._by_id = {column.id: column for column in columns}
        self._keys: dict[str, npt.NDArray[Any]] = {}
        self._orders: dict[Sorting, Int32] = {}

    def __len__(self) -> int:
        return self.checkpoint.table.listed

    def column(self, column_id: str) -> Column | None:
        """The column with this id, None if there is none."""
        return self._by_id.get(column_id)

    def prepare(self, control: Control) -> None:
        """Work out all that showing, searching and adding up rows look up, so that it takes no time then."""
        for column in self.columns if len(self) else ():
            control.check()
            column.text(self.facts, 0)
        _ = self.checkpoint.table.numel, self.checkpoint.table.nbytes, self.facts.first_letters

    def order(self, sorting: Sorting, control: Control) -> Int32:
        """All listed rows, sorted: equal ones in file order, those without the fact at the end either way.

        Raises:
            KeyError: there is no such column.
            Cancelled: `control` was cancelled.

        """
        known = self._orders.get(sorting)
        if known is not None:
            return known
        column = self._by_id[sorting.column]
        key = self._keys.get(sorting.column)
        if key is None:
            key = column.key(self.facts, control)
            if not column.grows:
                _keep(self._keys, sorting.column, key, _KEYS_KEPT)
        control.check()
        missing = np.isnan(key) if key.dtype.kind == "f" else key == MISSING
        rows = np.flatnonzero(~missing)
        key = key[rows]
        rows = rows[np.argsort(-key if sorting.descending else key, kind="stable")]
        order = np.concatenate((rows, np.flatnonzero(missing))).astype(np.int32)
        if not column.grows:
            _keep(self._orders, sorting, order, _ORDERS_KEPT)
        return order

    def arranged(self, rows: Int64 | None, sorting: Sorting | None, control: Control) -> npt.NDArray[np.integer]:
        """Some listed rows (None for all), given in file order, as a sorting (None for file order) puts them."""
        if sorting is None:
            return np.arange(len(self), dtype=np.int32) if rows is None else rows
        order = self.order(sorting, control)
        if rows is None:
            return order
        chosen = np.zeros(len(self), np.bool_)
        chosen[rows] = True
        return order[chosen[order]]

    def totals(self, rows: npt.NDArray[np.integer]) -> Totals:
        """The sums over some listed rows."""
        table = self.checkpoint.table
        once = first_of_ties(rows.astype(np.int64, copy=False), self.checkpoint.tree.tie)
        return Totals(len(rows), exact_total(table.numel[once]), exact_total(table.nbytes[once]), len(rows) - len(once))


def _keep(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Put a value among the latest `most`; another thread may do the same."""
    while len(kept) >= most:
        kept.pop(next(iter(tuple(kept))), None)
    kept[key] = value
