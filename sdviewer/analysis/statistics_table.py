"""StatisticsTable: the statistics of many tensors as columns, a row a tensor.

A million rows are a few arrays, of which the system gives memory only to rows that were filled.
Bounds and wide integers are kept only where they say more than the value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics import CASTS, QUANTILES, Bounded, Cast, TensorStatistics

Floats = npt.NDArray[np.float64]

_BOUNDED = ("near_zero", "distinct", "most_frequent", "most_frequent_count", "beyond_6_sigma")
INTEGERS = ("min", "max", "absmax")
CAST_PARTS = ("overflow", "underflow", "subnormal", "snr")
NARROWER = ("", "bfloat16", "float16")

QUANTILE_COLUMNS = tuple(f"quantile_{p:g}" for p in QUANTILES)
_PLAIN = tuple(f.name for f in fields(TensorStatistics) if f.name not in {"quantiles", "casts"})

COLUMNS: tuple[str, ...] = (
    *_PLAIN,
    *QUANTILE_COLUMNS,
    *(f"{cast}_{part}" for cast in CASTS for part in CAST_PARTS),
)
"""The names of the columns: fields of `TensorStatistics`, quantiles, and parts of casts as `float16_overflow`."""

PLACE: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(COLUMNS)})

BOUNDED: tuple[str, ...] = tuple(
    name for name in COLUMNS if name in _BOUNDED or name in QUANTILE_COLUMNS or name.startswith(CASTS)
)
"""The columns that may be known within bounds only."""

BOUNDED_PLACE: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(BOUNDED)})


@dataclass(frozen=True, eq=False, slots=True)
class Figures:
    """One tensor's statistics as numbers in the order of `COLUMNS`; NaN where there is none.

    Attributes:
        values: float64, shape `(len(COLUMNS),)`; counts are exact below 2**53, `narrower` is 0, 1 or 2.
        bounds: float64, shape `(len(BOUNDED), 2)`, or None where every value is exact.
        integers: minimum, maximum and largest magnitude of integers, exact; None for other dtypes.

    """

    values: Floats
    bounds: Floats | None = None
    integers: tuple[int, int, int] | None = None

    def statistics(self) -> TensorStatistics:
        """The same for people who read code."""
        given: dict[str, Any] = {}
        kinds = {field.name: field.metadata["form"] for field in fields(TensorStatistics)}
        for name in _PLAIN:
            value = float(self.values[PLACE[name]])
            if name in _BOUNDED:
                given[name] = self._bounded(name)
            elif name == "narrower":
                given[name] = NARROWER[int(value)]
            elif kinds[name] == "count" or (name.startswith("exponent") and not math.isnan(value)):
                given[name] = int(value)
            else:
                given[name] = None if math.isnan(value) else value
        if self.integers is not None and given["min"] is not None:
            given |= dict(zip(INTEGERS, self.integers, strict=True))
        quantiles = tuple(self._bounded(name) for name in QUANTILE_COLUMNS)
        given["quantiles"] = tuple(q for q in quantiles if q is not None)
        given["casts"] = tuple(
            Cast(cast, *(self._bounded(f"{cast}_{part}") for part in CAST_PARTS))  # type: ignore[arg-type]  # counts are there
            for cast in CASTS
        )
        return TensorStatistics(**given)

    def _bounded(self, name: str) -> Bounded | None:
        value = float(self.values[PLACE[name]])
        if math.isnan(value):
            return None
        if self.bounds is None:
            return Bounded(value, value, value)
        low, high = self.bounds[BOUNDED_PLACE[name]]
        return Bounded(value, float(low), float(high))


@dataclass(frozen=True, eq=False, slots=True)
class FiguresBlock:
    """The figures of many rows as a few arrays: what is kept on disk.

    Attributes:
        rows: int64, shape `(n,)`.
        values: float64, shape `(n, len(COLUMNS))`.
        bounded: bool, shape `(n,)`: whose figures are known within bounds only.
        bounds: float64, shape `(bounded.sum(), len(BOUNDED), 2)`.
        integers: exact integers, by row.

    """

    rows: npt.NDArray[np.int64]
    values: Floats
    bounded: npt.NDArray[np.bool_]
    bounds: Floats
    integers: Mapping[int, tuple[int, int, int]]


class Filled(IntEnum):
    """What is known of a row."""

    NOTHING = 0
    EXACT = 1
    BOUNDED = 2
    FAILED = 3


class StatisticsTable:
    """Rows of `Figures`. One thread fills rows; any thread may read those that are filled.

    Attributes:
        filled: uint8 of `Filled`, shape `(rows,)`.
        errors: why a row failed.

    """

    def __init__(self, rows: int) -> None:
        self.filled = np.zeros(rows, np.uint8)
        self.errors: dict[int, str] = {}
        self._values = np.zeros((rows, len(COLUMNS)), np.float64)
        self._bounds = np.zeros((rows, len(BOUNDED), 2), np.float64)
        self._integers: dict[int, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self.filled)

    def fill(self, row: int, figures: Figures) -> None:
        """Take over the figures of a row."""
        self._values[row] = figures.values
        if figures.bounds is not None:
            self._bounds[row] = figures.bounds
        if figures.integers is not None:
            self._integers[row] = figures.integers
        self.errors.pop(row, None)
        self.filled[row] = Filled.EXACT if figures.bounds is None else Filled.BOUNDED

    def fail(self, row: int, reason: str) -> None:
        """Say why a row has none."""
        self.errors[row] = reason
        self.filled[row] = Filled.FAILED

    def figures(self, row: int) -> Figures | None:
        """The figures of a row, None while or where there are none."""
        state = self.filled[row]
        if state not in {Filled.EXACT, Filled.BOUNDED}:
            return None
        bounds = self._bounds[row].copy() if state == Filled.BOUNDED else None
        return Figures(self._values[row].copy(), bounds, self._integers.get(row))

    def block(self, rows: npt.NDArray[np.int64]) -> FiguresBlock:
        """Those of these rows that have figures; copies."""
        rows = rows[(self.filled[rows] == Filled.EXACT) | (self.filled[rows] == Filled.BOUNDED)]
        bounded = self.filled[rows] == Filled.BOUNDED
        integers = {row: self._integers[row] for row in rows.tolist() if row in self._integers}
        return FiguresBlock(rows, self._values[rows], bounded, self._bounds[rows[bounded]], integers)

    def fill_block(self, block: FiguresBlock) -> None:
        """Take over the figures of many rows."""
        self._values[block.rows] = block.values
        self._bounds[block.rows[block.bounded]] = block.bounds
        self._integers.update(block.integers)
        for row in self.errors.keys() & set(block.rows.tolist()) if self.errors else ():
            del self.errors[row]
        self.filled[block.rows] = np.where(block.bounded, Filled.BOUNDED, Filled.EXACT)

    def column(self, name: str) -> Floats:
        """One figure of all rows, float64, NaN where there is none; a copy."""
        values = self._values[:, PLACE[name]].copy()
        values[(self.filled == Filled.NOTHING) | (self.filled == Filled.FAILED)] = np.nan
        return values
