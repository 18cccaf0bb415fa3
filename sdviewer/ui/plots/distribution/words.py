"""The distribution in words: for those who do not see it, below it for everyone, and for the bin under the pointer."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.bin_axis import BinAxis, Scale
from sdviewer.checkpoint.wording import count_for_people, number, plural, share
from sdviewer.ui.plots.distribution.samples import Binned

_MOST_NAMED = 3


def summary(drawn: list[Binned], axis: BinAxis, *, is_reading: bool) -> str:
    """What is in sight: how much of it, the smallest and largest value, and the fullest bin."""
    parts = [_of_one(binned, axis, named=len(drawn) > 1) for binned in drawn[:_MOST_NAMED]]
    if len(drawn) > _MOST_NAMED:
        parts.append(f"and {len(drawn) - _MOST_NAMED} more")
    text = "; ".join(parts)
    if any(binned.is_approximate for binned in drawn):
        text += "; ≈ bins narrower than what was counted" + (", being read exactly …" if is_reading else "")
    return text


def _of_one(binned: Binned, axis: BinAxis, *, named: bool) -> str:
    histogram, sample = binned.histogram, binned.sample
    edges, counts = histogram.edges, histogram.counts
    total = int(counts.sum())
    before = f"{sample.name}: " if named else ""
    beside = [f"{count_for_people(count)} {name}" for name, count in sample.beside.items() if count]
    if axis.scale is Scale.EXPONENT and histogram.below and edges[0] > 0 and not _below_first(binned, axis):
        beside.append(plural(histogram.below, "zero"))
    after = f"; beside it {', '.join(beside)}" if beside else ""
    if not total:
        return f"{before}no values in sight{after}"
    fullest = int(np.argmax(counts))
    of_all = "" if total == sample.finite else f" ({share(total, sample.finite)} of all)"
    lowest, highest, _ = sample.masses.within(float(edges[0]), float(edges[-1])) or (edges[0], edges[-1], 0)
    about = "" if histogram.is_exact else "≈ "
    values = f"{about}{plural(total, 'value')}{of_all} from {number(float(lowest))} to {number(float(highest))}"
    peak = f"peak {about}{count_for_people(int(counts[fullest]))} {_range(binned, axis, fullest)}"
    return f"{before}{values} in {plural(len(counts), 'bin')}; {peak}{after}"


def pointed(drawn: list[Binned], axis: BinAxis, position: float) -> str:
    """What is under the pointer, "" beside all bins."""
    parts = []
    where = ""
    for binned in drawn:
        if not binned.positions[0] <= position <= binned.positions[-1]:
            return ""
        index = min(int(np.searchsorted(binned.positions, position, "right")) - 1, len(binned.histogram.counts) - 1)
        where = _range(binned, axis, index)
        count, finite = int(binned.histogram.counts[index]), binned.sample.finite
        below = binned.histogram.below + int(binned.histogram.counts[:index].sum())
        about = "≈ " if binned.histogram.approximate[index] else ""
        text = f"{about}{count:,} ({share(count, finite)})"
        if len(drawn) == 1:
            noun = "value" if count == 1 else "values"
            return f"{about}{count:,} {noun} ({share(count, finite)}) {where}; {share(below, finite)} below"
        parts.append(f"{binned.sample.name}: {text}")
    return f"{where}: {'; '.join(parts)}"


def _below_first(binned: Binned, axis: BinAxis) -> bool:
    """Whether the view begins after the first bin of the axis: what is below may then be anything."""
    return bool(binned.positions[0] > axis.start)


def _range(binned: Binned, axis: BinAxis, index: int) -> str:
    low, high = (float(edge) for edge in binned.histogram.edges[index : index + 2])
    if axis.scale is Scale.EXPONENT:
        exponent = round((binned.positions[index] + binned.positions[index + 1]) / 2)
        return f"with 2^{exponent} ≤ |x| < 2^{exponent + 1}".replace("-", "−")
    if axis.is_whole and high - low == 1:
        return f"at {number(round(low + 0.5))}"
    if axis.is_whole:
        return f"from {number(round(low + 0.5))} to {number(round(high - 0.5))}"
    return f"from {number(low)} to {number(high)}"
