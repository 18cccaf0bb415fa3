"""Findings: what is wrong with the state of an optimizer, or worth a look, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.scan import Scan
from sdviewer.analysis.scan_order import rows_once
from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint, Severity
from sdviewer.checkpoint.wording import number, plural, share, shown
from sdviewer.control import Control
from sdviewer.training.naming import LIKE_THE_PARAMETER, Naming
from sdviewer.training.state import OptimizerState, Standing
from sdviewer.training.steps import Floats

Int64 = npt.NDArray[np.int64]

# Sums and means of squares, under the names that torch gives them.
SECOND_MOMENTS = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "acc_delta", "sum")
_MOST = 1000
_STEPS_LISTED = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """`index` is the parameter, -1 for the optimizer as a whole; `row` the tensor concerned, -1 for none."""

    severity: Severity
    kind: str
    text: str
    index: int = -1
    row: int = -1


def moment_rows(state: OptimizerState) -> Int64:
    """The rows of all tensors that are kept of parameters, those of one value left out."""
    rows = state.rows[state.rows >= 0]
    numel = state.description.tensors.numel
    like = [state.column(field) for field in LIKE_THE_PARAMETER if field in state.fields]
    chosen = np.concatenate([rows[numel[rows] > 1], *[column[column >= 0] for column in like]])
    return rows_once(chosen, len(numel))


def look_at_moments(
    checkpoint: Checkpoint,
    state: OptimizerState,
    control: Control | None = None,
    known: StatisticsTable | None = None,
) -> StatisticsTable:
    """The figures of all moments, for `find_findings`; each byte is read once. Progress is in bytes.

    What another scan has `known` by now is not read again.

    Raises:
        Cancelled: `control` was cancelled.

    """
    rows = moment_rows(state)
    table = StatisticsTable(len(checkpoint.table))
    if known is not None:
        table.fill_block(known.block(rows))
    Scan(checkpoint, rows, table).run(control)
    return table


def find_findings(
    state: OptimizerState, naming: Naming, steps: Floats | None = None, figures: StatisticsTable | None = None
) -> tuple[Finding, ...]:
    """What is to be said of an optimizer; of its values as far as `steps` and `figures` are there."""
    found = [Finding("warning", "groups", text) for text in state.groups.problems]
    found += _orphans(state)
    found += [Finding("warning", "conflict", conflict.text, conflict.index) for conflict in naming.conflicts]
    if figures is not None:
        found += _values(state, naming, figures)
    if steps is not None:
        found += _steps(state, naming, steps)
    return tuple(found)


def _orphans(state: OptimizerState) -> list[Finding]:
    orphans = np.flatnonzero(state.standing == Standing.IN_NO_GROUP)
    if not len(orphans):
        return []
    ids = ", ".join(shown(repr(state.ids[index]), 60) for index in orphans[:5].tolist())
    more = " …" if len(orphans) > 5 else ""
    what = "parameter that is in no group" if len(orphans) == 1 else "parameters that are in no group"
    text = f"There is state of {len(orphans):,} {what}: {ids}{more}."
    return [Finding("warning", "in no group", text, int(orphans[0]))]


def _values(state: OptimizerState, naming: Naming, figures: StatisticsTable) -> list[Finding]:
    table = state.description.tensors
    found = []
    known = np.isin(figures.filled, (Filled.EXACT, Filled.BOUNDED))
    broken = np.nan_to_num(figures.column("nan")) + np.nan_to_num(figures.column("posinf"))
    broken += np.nan_to_num(figures.column("neginf"))
    least = np.where(known, figures.column("min"), np.nan)
    is_second = np.isin(state.fields, SECOND_MOMENTS)
    of = np.maximum(state.rows, 0)
    is_odd = (state.rows >= 0) & known[of] & ((broken[of] > 0) | (is_second & (least[of] < 0)))
    for index, column in zip(*np.nonzero(is_odd), strict=True):
        row = int(state.rows[index, column])
        field = state.fields[column]
        what = f"{field} of {_called(state, naming, int(index))}"
        count = int(table.numel[row])
        if broken[row]:
            bad = int(broken[row])
            text = f"{what}: {plural(bad, 'value')} of {count:,} ({share(bad, count)}) not finite."
            found.append(Finding("error", "not finite", text, int(index), row))
        if field in SECOND_MOMENTS and least[row] < 0:
            text = f"{what}: the least value is {number(float(least[row]))}; a mean of squares is never below 0."
            found.append(Finding("error", "negative second moment", text, int(index), row))
        if len(found) >= _MOST:
            break
    return found


def _steps(state: OptimizerState, naming: Naming, steps: Floats) -> list[Finding]:
    found = []
    known = np.flatnonzero(~np.isnan(steps))
    odd = known[(steps[known] < 0) | (np.mod(steps[known], 1) != 0) | np.isinf(steps[known])]
    for index in odd[:_MOST].tolist():
        text = f"The step of {_called(state, naming, index)} is {steps[index]:g}."
        found.append(Finding("error", "step", text, index))
    values, often = np.unique(steps[known], return_counts=True)
    if len(values) < 2:
        return found
    order = np.argsort(-often, kind="stable")
    listed = "; ".join(
        f"{plural(int(often[at]), 'parameter')} at {values[at]:,.0f}" for at in order[:_STEPS_LISTED].tolist()
    )
    more = f"; {plural(len(values) - _STEPS_LISTED, 'further step')}" if len(values) > _STEPS_LISTED else ""
    last = float(values[-1])
    behind = known[steps[known] < last]
    text = (
        f"Not all parameters were stepped equally often: {listed}{more}. Those behind joined later or had no "
        "gradient in some steps; their moments are as old as that."
    )
    found.append(Finding("info", "steps differ", text, int(behind[0])))
    for index in behind[:_MOST].tolist():
        text = f"{_called(state, naming, index)}: stepped {steps[index]:,.0f} times, others {last:,.0f} times."
        found.append(Finding("info", "stale", text, index))
    return found


def _called(state: OptimizerState, naming: Naming, index: int) -> str:
    return shown(naming.name[index], 200) or f"parameter {shown(repr(state.ids[index]), 60)}"
