"""Figures along layers in words."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import cut_in_middle, number, plural, shown
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.plots.layers.gathering import Gathered
from sdviewer.ui.plots.layers.measures import Int64, Measure

_LONGEST = 60


def short(value: float, digits: int = 4) -> str:
    """A figure with few digits."""
    return number(float(f"{value:.{digits}g}"))


def told(measure: Measure, value: float) -> str:
    """A figure as this measure is told."""
    return f"{short(100 * value)} %" if measure is Measure.ZEROS else short(value)


def summary(checkpoint: Checkpoint, gathered: Gathered, measure: Measure, drawn: Int64, roles: int) -> str:
    """What is drawn: `drawn` are places among the tensors of the layers, of so many roles."""
    layers, values = gathered.layers, gathered.figures[measure][drawn]
    text = f"{measure.title} of {plural(len(drawn), 'tensor')} in {plural(len(layers.layers), 'layer')}, "
    parts = [f"{text}{roles} of {plural(len(layers.roles), 'role')}"]
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite):
        low, high = int(finite[np.argmin(values[finite])]), int(finite[np.argmax(values[finite])])
        names = [
            cut_in_middle(shown(name_of(checkpoint, int(layers.nodes[drawn[at]]))), _LONGEST) for at in (low, high)
        ]
        parts.append(
            f"from {told(measure, values[low])} ({names[0]}) to a peak of {told(measure, values[high])} ({names[1]})"
        )
    if gathered.failed:
        parts.append(f"{plural(gathered.failed, 'tensor')} could not be read")
    if gathered.waiting:
        parts.append(f"{plural(gathered.waiting, 'tensor')} not read")
    if layers.left_out:
        parts.append(f"{plural(layers.left_out, 'tensor')} in no layer")
    return "; ".join(parts)


def tensor_words(checkpoint: Checkpoint, gathered: Gathered, at: int) -> str:
    """A sentence on one tensor."""
    figures = []
    for measure, values in gathered.figures.items():
        if np.isfinite(values[at]):
            name = measure.title if measure is Measure.RMS else measure.title.lower()
            figures.append(f"{name} {told(measure, float(values[at]))}")
    name = cut_in_middle(shown(name_of(checkpoint, int(gathered.layers.nodes[at]))), 80)
    return f"{name}: {', '.join(figures)}" if figures else f"{name}: not read"
