"""Gathering: the statistics of the tensors of a module: what is known, and what has to be read for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.layers import Layers, layers_below
from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Flag
from sdviewer.control import Control
from sdviewer.ui.plots.layers.measures import Floats, Measure

if TYPE_CHECKING:
    from sdviewer.ui.scan.findings import Findings

MOST_TENSORS = 2000
"""So many tensors are read at a time; a scan reads all."""

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Missing:
    """What has no statistics yet.

    Attributes:
        rows: of the tensor table, those that are read next.
        nbytes: how many bytes these have.
        later: how many more there are.

    """

    rows: Int64
    nbytes: int
    later: int


@dataclass(frozen=True, eq=False, slots=True)
class Gathered:
    """The layers of a node with what is known of them, and what has to be read before all of them can be drawn.

    Attributes:
        figures: of each measure one a tensor of the layers, NaN where there is none.
        failed: how many tensors could not be read.
        waiting: how many were not.

    """

    layers: Layers
    missing: Missing
    figures: Mapping[Measure, Floats]
    failed: int
    waiting: int


def gather(
    checkpoint: Checkpoint, node: int, table: StatisticsTable, findings: Findings | None, control: Control
) -> Gathered:
    """Find the layers below a node, and take what is known of their tensors into the table.

    Raises:
        Cancelled: `control` was cancelled.

    """
    layers = layers_below(checkpoint, node, control)
    take_known(table, layers.rows, findings)
    return look(checkpoint, layers, table)


def take_known(table: StatisticsTable, rows: Int64, findings: Findings | None) -> None:
    """Take what a scan has found of these rows."""
    if findings is not None:
        table.fill_block(findings.table.block(np.unique(rows)))


def missing_of(checkpoint: Checkpoint, table: StatisticsTable, rows: Int64) -> Missing:
    """What of these rows has values, and no statistics yet."""
    no_values = np.uint16(Flag.NOT_DENSE)
    found = np.unique(rows)
    found = found[(table.filled[found] == Filled.NOTHING) & ((checkpoint.table.flags[found] & no_values) == 0)]
    # In file order, as far as rows tell.
    chosen = found[:MOST_TENSORS]
    return Missing(chosen, sum(checkpoint.table.nbytes[chosen].tolist()), len(found) - len(chosen))


def read_missing(checkpoint: Checkpoint, table: StatisticsTable, missing: Missing, control: Control) -> None:
    """Read these tensors, which fills the table as it goes. Progress is in bytes.

    Raises:
        Cancelled: `control` was cancelled; what was read until then stays.

    """
    from sdviewer.analysis.scan import Scan

    Scan(checkpoint, missing.rows, table).run(control)


def look(checkpoint: Checkpoint, layers: Layers, table: StatisticsTable) -> Gathered:
    """What is known of these layers by now."""
    figures = {measure: measure.of(table, layers.rows) for measure in Measure}
    filled = table.filled[np.unique(layers.rows)]
    failed, waiting = (int(np.count_nonzero(filled == state)) for state in (Filled.FAILED, Filled.NOTHING))
    return Gathered(layers, missing_of(checkpoint, table, layers.rows), figures, failed, waiting)
