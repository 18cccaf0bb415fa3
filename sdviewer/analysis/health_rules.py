"""Health rules: a table of what to look for, why it matters, and from where on it does.

What honest checkpoints hold must not alarm: a bias of zeros, a mask of -inf, an unused token. Such
things are a note or nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.channel_table import ChannelTable
from sdviewer.analysis.health_facts import HealthFacts
from sdviewer.analysis.layer_roles import role_text
from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.wording import number, plural, share, shown

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Said = tuple[str, tuple[int, ...]]

SUBNORMAL_SHARE = 0.01
SATURATED_SHARE_FLOAT8 = 0.05
DEAD_SHARE_OF_CHANNELS = 0.25
OUTLIER_MADS = 6.0
FEWEST_LAYERS = 8
# Below these a matrix of equal values is a filter or a toy.
_FEWEST_CONSTANT = 64
# Layers whose magnitudes hardly differ have a median deviation of nothing; and a factor below this is none.
_LEAST_FACTOR = 2.0
_SICK_FACTOR = 8.0
_LONGEST_NAME = 200


class Severity(IntEnum):
    """How bad a finding is; a note is information and leaves a checkpoint healthy."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, eq=False)
class Symptoms:
    """All that the rules look at."""

    facts: HealthFacts
    table: StatisticsTable
    channels: ChannelTable | None
    equal: Mapping[int, int]
    equal_channels: Mapping[int, Sequence[tuple[int, ...]]]
    first_bad: Mapping[int, tuple[int, ...]]
    _columns: dict[str, Floats] = field(default_factory=dict, repr=False)

    def column(self, name: str) -> Floats:
        """A figure of all rows, NaN where it is not known."""
        if name not in self._columns:
            self._columns[name] = self.table.column(name)
        return self._columns[name]

    def figure(self, row: int, name: str) -> float:
        """One figure."""
        return float(self.column(name)[row])

    def count(self, row: int, name: str) -> int:
        """One figure that counts."""
        return int(self.column(name)[row])

    @functools.cached_property
    def nonfinite(self) -> Floats:
        """NaN and infinities."""
        return self.column("nan") + self.column("posinf") + self.column("neginf")


@dataclass(frozen=True, eq=False, slots=True)
class Hits:
    """What a rule has found: rows, the value that was compared, and how bad it is; arrays of one length."""

    rows: Int64
    values: Floats
    severity: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for.

    Attributes:
        id: for scripts, stable.
        title: for people.
        reason: why it matters.
        threshold: what the value is compared with, in words: `limit`.
        limit: the comparison.
        find: the rows that have it.
        say: what the figures of a row show, and the channels that are meant.

    """

    id: str
    title: str
    reason: str
    threshold: float
    limit: str
    find: Callable[[Symptoms], Hits]
    say: Callable[[Symptoms, int, float], Said]


def _hits(found: Bools, values: Floats, severity: npt.NDArray[np.integer] | int) -> Hits:
    rows = np.flatnonzero(found)
    levels = np.broadcast_to(np.asarray(severity, np.uint8), found.shape)
    return Hits(rows, np.asarray(values, np.float64)[rows], levels[rows])


def _either(bad: Bools, worse: Severity, better: Severity = Severity.NOTE) -> npt.NDArray[np.uint8]:
    return np.where(bad, worse, better).astype(np.uint8)


# -- what cannot be read, and what is no number ------------------------------------------------


def _find_unreadable(s: Symptoms) -> Hits:
    failed = (s.table.filled == Filled.FAILED) & s.facts.dense
    return _hits(failed, np.ones(len(failed)), _either(~s.facts.unknown, Severity.ERROR))


def _say_unreadable(s: Symptoms, row: int, _: float) -> Said:
    return f"its values cannot be read: {shown(s.table.errors.get(row, ''))}", ()


def _find_nonfinite(s: Symptoms) -> Hits:
    f = s.facts
    only_infinite = ~(s.column("nan") > 0)
    # A mask is made of -inf and 0, whatever it is called; what looks for extremes begins at infinity.
    is_mask = only_infinite & ~(s.column("posinf") > 0) & (f.mask | ((s.column("min") == 0) & (s.column("max") == 0)))
    begins = only_infinite & (f.limit | ((f.numel == 1) & ~f.learned))
    return _hits(s.nonfinite > 0, s.nonfinite, _either(~(is_mask | begins), Severity.ERROR))


def _say_nonfinite(s: Symptoms, row: int, _: float) -> Said:
    kinds = (("nan", "NaN"), ("posinf", "+∞"), ("neginf", "−∞"))
    parts = [
        f"{s.count(row, name):,} {'is' if s.count(row, name) == 1 else 'are'} {sign}"
        for name, sign in kinds
        if s.count(row, name)
    ]
    told = s.channels.told.get(row) if s.channels is not None else None
    place = f", the first at {list(s.first_bad[row])}" if row in s.first_bad else ""
    return f"of {plural(s.count(row, 'count'), 'value')} {' and '.join(parts)}{place}", told.nonfinite if told else ()


def _find_running_var(s: Symptoms) -> Hits:
    least = s.column("min")
    return _hits(s.facts.running_var & (least <= 0), least, _either(least < 0, Severity.ERROR, Severity.WARNING))


def _say_running_var(s: Symptoms, row: int, least: float) -> Said:
    if least < 0:
        return f"its smallest variance is {number(least)}", ()
    zeros, count = s.count(row, "zeros"), s.count(row, "count")
    return f"{zeros:,} of {plural(count, 'channel')} {'has' if zeros == 1 else 'have'} a variance of 0", ()


# -- values that are all the same --------------------------------------------------------------


def _find_all_zero(s: Symptoms) -> Hits:
    f, count = s.facts, s.column("count")
    found = (s.column("zeros") == count) & (count > 1) & f.learned
    bad = (f.axes >= 2) & ~f.bias & ~f.begins_at_zero
    return _hits(found, count, _either(bad, Severity.WARNING))


def _say_all_zero(s: Symptoms, row: int, _: float) -> Said:
    return f"all {plural(s.count(row, 'count'), 'value')} are 0", ()


def _find_constant(s: Symptoms) -> Hits:
    f, count, low = s.facts, s.column("count"), s.column("min")
    found = (low == s.column("max")) & (low != 0) & (s.column("finite") == count) & (count > 1) & f.learned
    bad = (f.axes >= 2) & (count >= _FEWEST_CONSTANT) & ~f.bias & ~f.mask
    return _hits(found, low, _either(bad, Severity.WARNING))


def _say_constant(s: Symptoms, row: int, value: float) -> Said:
    return f"all {plural(s.count(row, 'count'), 'value')} are {number(value)}", ()


# -- channels ----------------------------------------------------------------------------------


def _find_dead(s: Symptoms) -> Hits:
    if s.channels is None:
        return _hits(np.zeros(len(s.table), np.bool_), np.zeros(len(s.table)), 0)
    size, dead = s.channels.size, s.channels.dead
    part = dead / np.maximum(size, 1)
    found = (dead > 0) & (dead < size) & s.facts.learned
    bad = (part >= DEAD_SHARE_OF_CHANNELS) & ~s.facts.embedding
    return _hits(found, part, _either(bad, Severity.WARNING))


def _say_dead(s: Symptoms, row: int, _: float) -> Said:
    channels = s.channels
    if channels is None:
        return "", ()
    dead, size = int(channels.dead[row]), int(channels.size[row])
    what = "row" if s.facts.embedding[row] else "channel"
    have = "has" if dead == 1 else "have"
    text = f"{dead:,} of {size:,} {what}s ({share(dead, size)}) {have} a norm of 0 or below 1/1000 of the median norm"
    return text, channels.told[row].dead


def _find_equal_rows(s: Symptoms) -> Hits:
    rows = np.array(sorted(row for row, groups in s.equal_channels.items() if groups), np.int64)
    counts = [float(sum(map(len, s.equal_channels[row]))) for row in rows.tolist()]
    return Hits(rows, np.array(counts, np.float64), np.full(len(rows), Severity.NOTE, np.uint8))


def _say_equal_rows(s: Symptoms, row: int, value: float) -> Said:
    groups = s.equal_channels[row]
    first = groups[0]
    others = f", {plural(len(groups) - 1, 'more group')}" if len(groups) > 1 else ""
    names = " and ".join(f"{channel:,}" for channel in first[:2])
    more = f" and {len(first) - 2:,} more" if len(first) > 2 else ""
    return f"{int(value):,} rows occur more than once: {names}{more} are the same bytes{others}", tuple(first[:16])


# -- numbers at the ends of their dtype --------------------------------------------------------


def _find_saturated(s: Symptoms) -> Hits:
    f, saturated = s.facts, s.column("saturated")
    part = saturated / np.maximum(s.column("count"), 1)
    found = (f.wide & (saturated > 0)) | (f.float8 & (part > SATURATED_SHARE_FLOAT8))
    return _hits(found, part, _either(~f.mask & ~f.limit, Severity.WARNING))


def _say_saturated(s: Symptoms, row: int, _: float) -> Said:
    saturated, count = s.count(row, "saturated"), s.count(row, "count")
    dtype = s.facts.checkpoint.table.dtype_name(row)
    at = number(s.figure(row, "absmax"))
    verb = "is" if saturated == 1 else "are"
    return f"{saturated:,} of {count:,} values ({share(saturated, count)}) {verb} ±{at}, the largest of {dtype}", ()


def _find_subnormal(s: Symptoms) -> Hits:
    f = s.facts
    part = s.column("subnormals") / np.maximum(s.column("count"), 1)
    found = (f.wide | f.float8) & (part > SUBNORMAL_SHARE)
    return _hits(found, part, _either(f.deep & f.learned, Severity.WARNING))


def _say_subnormal(s: Symptoms, row: int, _: float) -> Said:
    subnormal, count = s.count(row, "subnormals"), s.count(row, "count")
    dtype = s.facts.checkpoint.table.dtype_name(row)
    what = f"below the normal range of {dtype}"
    return f"{subnormal:,} of {count:,} values ({share(subnormal, count)}) are {what}", ()


# -- tensors beside others ---------------------------------------------------------------------


def _layers(s: Symptoms) -> tuple[Int64, Floats, Floats, Floats]:
    """Rows that have enough others of their role; log RMS, its distance from the median, and the median distance."""
    rms = s.column("rms")
    rows = np.flatnonzero(s.facts.learned & (rms > 0) & np.isfinite(rms) & (s.facts.group >= 0))
    group = s.facts.group[rows]
    rows = rows[np.bincount(group)[group] >= FEWEST_LAYERS] if len(rows) else rows
    values = np.log(rms[rows])
    group = s.facts.group[rows]
    distance = np.abs(values - _medians(group, values))
    return rows, values, distance, _medians(group, distance)


def _medians(group: Int64, values: Floats) -> Floats:
    """For each entry the median of its group, in float32: one sort of integers, group before value."""
    if not len(group):
        return values
    bits = values.astype(np.float32).view(np.int32)
    # Ordered as the numbers are: of negative ones the other bits are turned round.
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) + (1 << 31)
    keys = np.sort(group << 32 | ordered)
    starts = np.flatnonzero(np.diff(keys >> 32, prepend=-1))
    sizes = np.diff(np.append(starts, len(keys)))
    back = ((keys & 0xFFFFFFFF) - (1 << 31)).astype(np.int32)
    numbers = (back ^ ((back >> 31) & 0x7FFFFFFF)).view(np.float32).astype(np.float64)
    middle = np.empty(int(group.max()) + 1)
    middle[keys[starts] >> 32] = (numbers[starts + (sizes - 1) // 2] + numbers[starts + sizes // 2]) / 2
    return middle[group]


def _find_outlier(s: Symptoms) -> Hits:
    rows, _, distance, spread = _layers(s)
    found = (distance > OUTLIER_MADS * spread) & (distance > math.log(_LEAST_FACTOR))
    sick = (distance > math.log(_SICK_FACTOR)) & (s.facts.axes[rows] >= 2) & ~s.facts.bias[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        mads = distance / spread
    return Hits(rows[found], mads[found], _either(sick, Severity.WARNING)[found])


def _say_outlier(s: Symptoms, row: int, mads: float) -> Said:
    rms = s.column("rms")
    same = s.facts.group == s.facts.group[row]
    others = rms[same & (rms > 0) & np.isfinite(rms)]
    middle = float(np.exp(np.median(np.log(others))))
    factor = s.figure(row, "rms") / middle
    compared = f"{number(factor)} ×" if factor >= 1 else f"1 / {number(1 / factor)} of"
    role = shown(role_text(s.facts.checkpoint.table.name[row]), _LONGEST_NAME)
    far = f"{number(mads)} median deviations away" if math.isfinite(mads) else "while the others hardly differ"
    return (
        f"its RMS of {number(s.figure(row, 'rms'))} is {compared} the median of {len(others):,} tensors {role}, {far}",
        (),
    )


def _find_equal(s: Symptoms) -> Hits:
    rows = np.array(sorted(s.equal), np.int64)
    first = np.array([s.equal[row] for row in rows.tolist()], np.int64)
    f = s.facts
    kept = f.learned[rows] & f.learned[first]
    rows, first = rows[kept], first[kept]
    copied = (f.group[rows] == f.group[first]) & (f.group[rows] >= 0) & (f.axes[rows] >= 2)
    return Hits(rows, f.numel[rows].astype(np.float64), _either(copied, Severity.WARNING))


def _say_equal(s: Symptoms, row: int, _: float) -> Said:
    other = shown(s.facts.checkpoint.table.name[s.equal[row]], _LONGEST_NAME)
    return f"holds the same bytes as {other}, stored twice", ()


RULES: tuple[Rule, ...] = (
    Rule(
        "unreadable",
        "Cannot be read",
        "Nothing can be said of values that cannot be read, and no program will load them.",
        0,
        "any",
        _find_unreadable,
        _say_unreadable,
    ),
    Rule(
        "nonfinite",
        "NaN or infinity",
        "One such weight makes everything that is computed from it NaN; training that met one does not recover. "
        "Masks of −∞ are a note.",
        0,
        "more than 0 values",
        _find_nonfinite,
        _say_nonfinite,
    ),
    Rule(
        "running_var",
        "Running variance not above 0",
        "A BatchNorm divides by the root of the variance plus eps: below 0 that may be NaN; 0 says that the "
        "channel never varied, and amplifies whatever it will do.",
        0,
        "≤ 0",
        _find_running_var,
        _say_running_var,
    ),
    Rule(
        "all_zero",
        "All zero",
        "A matrix of zeros passes nothing on. Biases and weights that are set to zero before training are a note.",
        0,
        "every value",
        _find_all_zero,
        _say_all_zero,
    ),
    Rule(
        "constant",
        "Constant",
        "A matrix of one value has rank 1: it was not trained, or overwritten. Norms that are all 1 are a note.",
        0,
        "every value the same",
        _find_constant,
        _say_constant,
    ),
    Rule(
        "dead_channels",
        "Dead channels",
        "An output that is zero, or below 1/1000 of the median norm, takes part in nothing: width that is paid "
        "for and not used. Trained networks have some: below a quarter of the channels, and in an embedding, it is a "
        "note.",
        DEAD_SHARE_OF_CHANNELS,
        "a quarter of the channels",
        _find_dead,
        _say_dead,
    ),
    Rule(
        "equal_rows",
        "Equal rows of an embedding",
        "Tokens with the same bytes cannot be told apart by the model; mostly they were never trained.",
        1,
        "2 rows and more",
        _find_equal_rows,
        _say_equal_rows,
    ),
    Rule(
        "saturated",
        "Saturated",
        "Values at the largest number of their dtype were probably larger before they were converted. For float8 "
        "from 5 % on, as scaling puts some there.",
        0,
        "more than 0 values, float8 5 %",
        _find_saturated,
        _say_saturated,
    ),
    Rule(
        "subnormal",
        "Subnormal",
        "Such numbers have few digits, are slow on some processors and zero on others. In float16 and float8, "
        "where small weights get there, it is a note.",
        SUBNORMAL_SHARE,
        "more than 1 % of the values",
        _find_subnormal,
        _say_subnormal,
    ),
    Rule(
        "layer_outlier",
        "Unlike the other layers",
        "Weights that do the same in other layers have similar magnitudes; one that is far off was damaged, scaled "
        "or trained apart. Below a factor of 8, and for vectors, it is a note.",
        OUTLIER_MADS,
        "more than 6 median deviations of log RMS, and a factor of 2, among 8 and more",
        _find_outlier,
        _say_outlier,
    ),
    Rule(
        "byte_equal",
        "Equal to another",
        "The same bytes are stored twice. Between layers that says that one was copied, or that they were not "
        "trained; elsewhere, such as tied weights that were stored apart, it is a note.",
        0,
        "every byte",
        _find_equal,
        _say_equal,
    ),
)
"""All rules, in the order in which findings are told."""
