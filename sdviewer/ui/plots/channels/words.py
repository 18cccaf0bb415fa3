"""Channels in words."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.wording import number, plural
from sdviewer.ui.plots.channels.measures import Int64, Measure, Prepared

_NAMED = 5
_DIGITS = 4


def summary(prepared: Prepared, measure: Measure, shown: Int64) -> str:
    """The channels in sight (numbers) and their figures: smallest, largest, median; then what stands out."""
    channels = prepared.channels
    count = len(channels)
    values = measure.of(channels)
    found = values[shown]
    finite = np.isfinite(found)
    name = measure.title.lower()
    where = plural(count, "channel") if len(shown) == count else f"{len(shown):,} of {plural(count, 'channel')}"
    parts = [f"{where} along axis {channels.axis}, {plural(channels.per_channel, 'value')} each"]
    if finite.any():
        places = shown[finite]
        low, high = int(places[np.argmin(found[finite])]), int(places[np.argmax(found[finite])])
        median = float(np.median(found[finite]))
        text = f"{name} from {_short(values[low])} (channel {low:,}) to a peak of {_short(values[high])}"
        text += f" (channel {high:,}), median {_short(median)}"
        if measure is not Measure.MEAN and median > 0:
            text += f", the largest {_short(values[high] / median)} × the median"
        parts.append(text)
    else:
        parts.append(f"no {name} to draw")
    if dead := _named(prepared.dead, "dead channel"):
        parts.append(f"{dead} (all zero, or norm below 1/1000 of the median)")
    if bad := _named(prepared.bad, "channel"):
        parts.append(f"{bad} with NaN or infinities, which are left out")
    return "; ".join(parts)


def channel_words(prepared: Prepared, channel: int) -> str:
    """A sentence on one channel."""
    channels = prepared.channels
    figures = ", ".join(f"{measure.title.lower()} {_short(measure.of(channels)[channel])}" for measure in Measure)
    text = f"Channel {channel:,}: {figures}"
    if _is_in(prepared.dead, channel):
        text += "; dead"
    bad = int(channels.nonfinite[channel])
    if bad:
        text += f"; {plural(bad, 'value')} NaN or infinite"
    return text


def _is_in(ascending: Int64, channel: int) -> bool:
    place = int(np.searchsorted(ascending, channel))
    return place < len(ascending) and int(ascending[place]) == channel


def _named(found: Int64, noun: str) -> str:
    if not len(found):
        return ""
    names = ", ".join(f"{channel:,}" for channel in found[:_NAMED].tolist())
    return f"{plural(len(found), noun)} ({names}{' …' if len(found) > _NAMED else ''})"


def _short(value: float) -> str:
    return number(float(f"{value:.{_DIGITS}g}"))
