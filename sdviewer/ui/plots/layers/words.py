"""Figures along layers in words."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import cut_in_middle, number, plural, shown
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.plots.layers.gathering import Gathered
from sdviewer.ui.plots.layers.measures import Floats, Int64, Measure

_LONGEST = 60


def short(value: float, digits: int = 4) -> str:
    """A figure with few digits."""
    return number(float(f"{value:.{digits}g}"))


def told(measure: Measure, value: float) -> str:
    """A figure as this measure is told."""
    return f"{short(100 * value)} %" if measure is Measure.ZEROS else short(value)


def summary(
    checkpoint: Checkpoint, gathered: Gathered, table: StatisticsTable, measure: Measure, drawn: Int64, values: Floats
) -> str:
    """What is drawn: `drawn` are places among the tensors of the layers, `values` their figures."""
    layers = gathered.layers
    roles = len(np.unique(layers.role[drawn]))
    text = f"{measure.title} of {plural(len(drawn), 'tensor')} in {plural(len(layers.layers), 'layer')}, "
    text += f"{roles} of {plural(len(layers.roles), 'role')}"
    finite = np.flatnonzero(np.isfinite(values))
    parts = [text]
    if len(finite):
        low, high = int(finite[np.argmin(values[finite])]), int(finite[np.argmax(values[finite])])
        names = [
            cut_in_middle(shown(name_of(checkpoint, int(layers.nodes[drawn[at]]))), _LONGEST) for at in (low, high)
        ]
        parts.append(
            f"from {told(measure, values[low])} ({names[0]}) to a peak of {told(measure, values[high])} ({names[1]})"
        )
    rows = np.unique(layers.rows)
    failed = int(np.count_nonzero(table.filled[rows] == Filled.FAILED))
    if failed:
        parts.append(f"{plural(failed, 'tensor')} could not be read")
    waiting = int(np.count_nonzero(table.filled[rows] == Filled.NOTHING))
    if waiting:
        parts.append(f"{plural(waiting, 'tensor')} not read")
    if layers.left_out:
        parts.append(f"{plural(layers.left_out, 'tensor')} in no layer")
    return "; ".join(parts)


def tensor_words(checkpoint: Checkpoint, gathered: Gathered, table: StatisticsTable, at: int) -> str:
    """A sentence on one tensor."""
    layers = gathered.layers
    rows = layers.rows[at : at + 1]
    figures = []
    for measure in Measure:
        value = float(measure.of(table, rows)[0])
        if np.isfinite(value):
            figures.append(f"{measure.title.lower() if measure is not Measure.RMS else 'RMS'} {told(measure, value)}")
    name = cut_in_middle(shown(name_of(checkpoint, int(layers.nodes[at]))), 80)
    return f"{name}: {', '.join(figures)}" if figures else f"{name}: not read"
