"""Figures of a tensor as lines to show and texts to copy: what each is called, its value, and how exact it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdviewer.analysis.statistics import CASTS
from sdviewer.analysis.statistics_columns import STATISTICS, Exact, Statistic, bounds_rows, exact_rows
from sdviewer.analysis.statistics_json import statistics_fields
from sdviewer.analysis.statistics_table import CAST_PARTS, COLUMNS, PLACE, QUANTILE_COLUMNS, Figures, FiguresBlock
from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.listing_text import plain
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import count_for_people, number, share
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.translating import tr

_GROUPS = (
    ("Values", ("min", "max", "absmax", "mean", "std", "rms", "l1", "l2", "crest", "skewness", "kurtosis")),
    (
        "Counts",
        (
            "count", "finite", "nan", "posinf", "neginf", "zeros", "negative_zeros", "near_zero", "subnormals",
            "saturated", "beyond_6_sigma",
        ),
    ),
    ("Quantiles", QUANTILE_COLUMNS),
    ("Patterns", ("distinct", "most_frequent", "most_frequent_count", "exponent_min", "exponent_max", "narrower")),
)  # fmt: skip
_ALARMING = frozenset(("nan", "posinf", "neginf"))


@dataclass(frozen=True, slots=True)
class Line:
    """One figure.

    Attributes:
        id: its column in files.
        title: what it is called.
        value: it, for people; "≈" or "≥" stands before it if it is not exact.
        note: its share of all values, or how far it may be off.
        tip: its definition, and all of its digits.
        is_exact: whether it is the number itself.

    """

    id: str
    title: str
    value: str
    note: str
    tip: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are read together."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False, slots=True)
class ShownFigures:
    """All figures of a tensor, `values` in the order of `COLUMNS`, limits of those that are not exact by name."""

    values: list[Exact]
    bounds: dict[str, tuple[float, float]]

    @property
    def is_exact(self) -> bool:
        """Whether every figure is the number itself."""
        return not self.bounds

    def groups(self) -> tuple[Group, ...]:
        """The figures but for casts; what belongs to no group comes last."""
        grouped = {name for _, names in _GROUPS for name in names}
        rest = tuple(name for name in COLUMNS if name not in grouped and not _is_cast(name))
        named = (*_GROUPS, ("More", rest)) if rest else _GROUPS
        return tuple(Group(title, tuple(self._line(name) for name in names)) for title, names in named)

    def casts(self) -> Grid:
        """What conversions would do, a row each."""
        rows, tips = [], []
        for cast in CASTS:
            parts = [self._line(f"{cast}_{part}") for part in CAST_PARTS]
            cells = [line.value for line in parts]
            cells[-1] += " dB" if parts[-1].value not in {"–", "∞"} else ""
            rows.append((cast, *cells))
            tips.append("\n".join(f"{STATISTICS[line.id].title}: {line.tip}" for line in parts))
        titles = ("Cast to", "Overflow", "Underflow", "Subnormal", "Signal to noise")
        return Grid(tr("Casts"), titles, tuple(rows), frozenset(range(1, 5)), tips=tuple(tips))

    def as_text(self) -> str:
        """For a message: a figure a line, aligned."""
        lines = [line for group in self.groups() for line in group.lines]
        lines += [self._line(name) for name in COLUMNS if _is_cast(name)]
        titles = max(len(line.title) for line in lines)
        values = max(len(line.value) for line in lines)
        told = [f"{line.title:<{titles}}  {line.value:>{values}}  {line.note}".rstrip() for line in lines]
        return "\n".join(told) + "\n"

    def as_tsv(self) -> str:
        """For a spreadsheet: the figure, its value with all digits, and the limits of one that is not exact."""
        lines = ["statistic\tvalue\tlow\thigh"]
        for name, value in zip(COLUMNS, self.values, strict=True):
            low, high = map(plain, self.bounds.get(name, (None, None)))
            lines.append(f"{name}\t{plain(value)}\t{low}\t{high}")
        return "\n".join(lines) + "\n"

    def as_json(self, ref: TensorRef) -> str:
        """As the command line has it."""
        about = {"name": ref.name, "dtype": ref.dtype, "shape": list(ref.shape)}
        return to_json(about | statistics_fields(self.values, self.bounds)) + "\n"

    def _line(self, name: str) -> Line:
        about, value, bounds = STATISTICS[name], self.values[PLACE[name]], self.bounds.get(name)
        note = ""
        if bounds is not None:
            note = _uncertainty(about, value, bounds)
        elif about.form == "count" and name not in {"count", "distinct"} and isinstance(value, int) and value:
            note = share(value, int(self.values[PLACE["count"]] or 0))
        text = _told(about, value)
        if name in _ALARMING and value:
            text = f"⚠ {text}"
        is_exact = bounds is None
        if bounds is not None:
            text = f"≥ {text}" if bounds[0] == value else f"≈ {text}"
        return Line(name, about.title, text, note, _tip(about, value, bounds), is_exact)


def shown_figures(figures: Figures) -> ShownFigures:
    """Figures in the form in which they are shown."""
    bounded = figures.bounds is not None
    block = FiguresBlock(
        np.zeros(1, np.int64),
        figures.values[None],
        np.array([bounded]),
        figures.bounds[None] if figures.bounds is not None else np.empty((0, 0, 2)),
        {} if figures.integers is None else {0: figures.integers},
    )
    (values,), (bounds,) = exact_rows(block), bounds_rows(block)
    return ShownFigures(values, bounds)


def _is_cast(name: str) -> bool:
    return name.startswith(tuple(f"{cast}_" for cast in CASTS))


def _told(about: Statistic, value: Exact) -> str:
    if isinstance(value, str):
        return value or "–"
    if about.form == "count" and isinstance(value, int):
        return count_for_people(value)
    return number(value)


def _uncertainty(about: Statistic, value: Exact, bounds: tuple[float, float]) -> str:
    low, high = bounds
    if low == value or not isinstance(value, int | float):
        return f"at most {_told(about, high)}" if math.isfinite(high) else ""
    off = max(high - value, value - low)
    return f"± {_told(about, off)}" if about.form == "count" else f"± {off:.2g}".replace("e-", "e−").replace("e+", "e")


def _tip(about: Statistic, value: Exact, bounds: tuple[float, float] | None) -> str:
    """The definition, then all digits, then the limits."""
    lines = [about.about[:1].upper() + about.about[1:]]
    if isinstance(value, int):
        lines.append(f"{value:,}")
    elif value not in {None, ""}:
        lines.append(plain(value))
    if bounds is not None:
        lines.append(f"between {plain(bounds[0])} and {plain(bounds[1])}")
    return "\n".join(lines)
