"""The statistics of a tensor as the fields of a JSON object: the one place where they become JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdviewer.analysis.statistics import CASTS, QUANTILES
from sdviewer.analysis.statistics_columns import Exact
from sdviewer.analysis.statistics_table import CAST_PARTS, COLUMNS, PLACE, QUANTILE_COLUMNS

Bounds = Mapping[str, tuple[float, float]]

ALONE = tuple(
    name
    for name in COLUMNS
    if name not in QUANTILE_COLUMNS and not name.startswith(tuple(f"{cast}_" for cast in CASTS))
)
"""The columns that are fields of their own."""


def statistics_fields(values: Sequence[Exact], bounds: Bounds) -> dict[str, Any]:
    """The fields of a tensor: `values` in the order of `COLUMNS`, limits of those that are not exact by name."""
    fields: dict[str, Any] = {name: _finite(values[PLACE[name]]) for name in ALONE}
    fields["quantiles"] = {
        f"{p:g}": {
            "value": _finite(values[PLACE[name]]),
            "exact": name not in bounds,
            **_low_high(bounds.get(name)),
        }
        for p, name in zip(QUANTILES, QUANTILE_COLUMNS, strict=True)
        if values[PLACE[name]] is not None
    }
    fields["casts"] = {cast: _cast(cast, values, bounds) for cast in CASTS}
    fields["bounds"] = {name: _limits(bounds[name]) for name in ALONE if name in bounds}
    return fields


def _low_high(bounds: tuple[float, float] | None) -> dict[str, Any]:
    return {} if bounds is None else dict(zip(("low", "high"), _limits(bounds), strict=True))


def _cast(cast: str, values: Sequence[Exact], bounds: Bounds) -> dict[str, Any]:
    names = {part: f"{cast}_{part}" for part in CAST_PARTS}
    fields: dict[str, Any] = {part: _finite(values[PLACE[name]]) for part, name in names.items()}
    limits = {part: _limits(bounds[name]) for part, name in names.items() if name in bounds}
    return fields | ({"bounds": limits} if limits else {})


def _limits(bounds: tuple[float, float]) -> list[Any]:
    return list(map(_finite, bounds))


def _finite(value: Exact) -> Exact:
    """Infinities as JSON has them, so that a document is written without a second look."""
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    return value
