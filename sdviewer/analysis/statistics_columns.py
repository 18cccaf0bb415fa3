"""The columns of tables of statistics: what each is called and means, and the exact values of a row.

Made from the fields of `TensorStatistics`: a further field is a further column everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from sdviewer.analysis.statistics import CASTS, QUANTILES, TensorStatistics
from sdviewer.analysis.statistics_table import (
    BOUNDED,
    COLUMNS,
    INTEGERS,
    NARROWER,
    PLACE,
    QUANTILE_COLUMNS,
    FiguresBlock,
)

Exact = float | int | str | None


@dataclass(frozen=True, slots=True)
class Statistic:
    """A column: `id` in files, `title` and `about` for people, `form` (count, number, share, text)."""

    id: str
    title: str
    form: str
    about: str


def _statistics() -> dict[str, Statistic]:
    found = {}
    for field in fields(TensorStatistics):
        facts = field.metadata
        found[field.name] = Statistic(field.name, facts["title"], facts["form"], facts["about"])
    quantiles = found["quantiles"]
    for share, name in zip(QUANTILES, QUANTILE_COLUMNS, strict=True):
        about = f"{share:.1%} of the values are below; {quantiles.about}"
        found[name] = Statistic(name, f"{100 * share:g} %", quantiles.form, about)
    for cast in CASTS:
        for part, (title, form, about) in _PARTS.items():
            name = f"{cast}_{part}"
            found[name] = Statistic(name, f"{cast} {title}", form, f"as {cast}: {about}")
    return {name: found[name] for name in COLUMNS}


_PARTS = {
    "overflow": ("overflow", "count", "finite values that become infinite, NaN or the largest number"),
    "underflow": ("underflow", "count", "values that are not 0 and become 0"),
    "subnormal": ("subnormal", "count", "values that become subnormal"),
    "snr": ("SNR", "number", "signal to noise in dB, of values that do not overflow"),
}

STATISTICS = _statistics()
"""All columns by id, in the order of `COLUMNS`."""

_IS_COUNT = tuple(
    statistic.form == "count" or statistic.id.startswith("exponent_") for statistic in STATISTICS.values()
)
_NARROWER_PLACE = PLACE["narrower"]


def exact_rows(block: FiguresBlock) -> list[list[Exact]]:
    """The values of each row in the order of `COLUMNS`: counts as integers, None where there is nothing."""
    rows = []
    for row, values in zip(block.rows.tolist(), block.values.tolist(), strict=True):
        exact: list[Exact] = [
            None if value != value else int(value) if is_count else value  # noqa: PLR0124  # NaN
            for value, is_count in zip(values, _IS_COUNT, strict=True)
        ]
        exact[_NARROWER_PLACE] = NARROWER[int(values[_NARROWER_PLACE])]
        for name, integer in zip(INTEGERS, block.integers.get(row, ()), strict=False):
            if exact[PLACE[name]] is not None:
                exact[PLACE[name]] = integer
        rows.append(exact)
    return rows


def bounds_rows(block: FiguresBlock) -> list[dict[str, tuple[float, float]]]:
    """For each row the columns that are not exact, with the limits between which the value lies."""
    rows: list[dict[str, tuple[float, float]]] = [{} for _ in block.rows]
    bounded = [found for found, is_bounded in zip(rows, block.bounded.tolist(), strict=True) if is_bounded]
    for found, limits in zip(bounded, block.bounds.tolist(), strict=True):
        found.update(
            {
                name: (_plain(name, low), _plain(name, high))
                for name, (low, high) in zip(BOUNDED, limits, strict=True)
                if low < high
            }
        )
    return rows


def _plain(name: str, limit: float) -> float:
    """Limits of counts as integers."""
    return int(limit) if STATISTICS[name].form == "count" and math.isfinite(limit) else limit
