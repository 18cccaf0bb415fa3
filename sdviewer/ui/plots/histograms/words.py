"""Small histograms in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdviewer.analysis.sketches import Sketch
from sdviewer.checkpoint.wording import count_for_people, cut_in_middle, number, plural, shown

BINS = 48
"""Bins of a card."""

_LONGEST = 80


def short(value: float) -> str:
    """A value with few digits."""
    return number(float(f"{value:.3g}"))


def summary(labels: Sequence[str], found: Sequence[Sketch | None], total: int, failed: int) -> str:
    """How many histograms there are, the smallest and largest value of all, and where the highest peak is."""
    known = [(label, one) for label, one in zip(labels, found, strict=True) if one is not None]
    where = f"{len(labels):,} of {plural(total, 'tensor')}" if len(labels) < total else plural(total, "tensor")
    parts = [where]
    finite = [(label, one) for label, one in known if one.statistics.finite]
    if finite:
        low, high = min(finite, key=lambda each: each[1].low), max(finite, key=lambda each: each[1].high)
        text = f"values from {short(low[1].low)} ({_name(low[0])}) to {short(high[1].high)} ({_name(high[0])})"
        parts.append(text)
        peak = max(finite, key=lambda each: _peak_share(each[1]))
        parts.append(f"highest peak {100 * _peak_share(peak[1]):.3g} % of the values in one bin ({_name(peak[0])})")
    bad = sum(1 for _, one in known if one.statistics.finite < one.statistics.count)
    if bad:
        parts.append(f"{plural(bad, 'tensor')} with NaN or infinities")
    if failed:
        parts.append(f"{plural(failed, 'tensor')} could not be read")
    waiting = len(labels) - len(known) - failed
    if waiting:
        parts.append(f"{plural(waiting, 'tensor')} not read")
    return "; ".join(parts)


def card_words(name: str, what: str, found: Sketch | None, error: str) -> str:
    """A sentence on one tensor; `what` is its dtype and shape."""
    name = cut_in_middle(shown(name), _LONGEST)
    if found is None:
        return f"{name}: {what}; {error or 'not read'}"
    of = found.statistics
    if not of.finite:
        return f"{name}: {what}; no finite value"
    mean, std = of.mean or 0.0, of.std or 0.0
    text = f"{name}: {what}; from {short(found.low)} to {short(found.high)}, mean {short(mean)}, std {short(std)}"
    beside = beside_words(found)
    return f"{text}; {beside}" if beside else text


def beside_words(found: Sketch) -> str:
    """What has no place on the axis: "3 NaN, 1 Inf"; "" for nothing."""
    counts: Mapping[str, int] = {
        "NaN": found.statistics.nan,
        "Inf": found.statistics.posinf + found.statistics.neginf,
    }
    return ", ".join(f"{count_for_people(count)} {name}" for name, count in counts.items() if count)


def _peak_share(found: Sketch) -> float:
    """What part of the values the fullest bin has, on an axis of their own."""
    if not found.low < found.high:
        return 1.0
    return float(found.counts(found.low, found.high, BINS).max()) / found.statistics.finite


def _name(label: str) -> str:
    return cut_in_middle(shown(label), 48)
