"""Reading: what the pane of an optimizer shows, put together in a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics_table import StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.checkpoint.wording import number, plural, shape_text, shown
from sdviewer.control import Control
from sdviewer.training.findings import Finding, find_findings, moment_rows
from sdviewer.training.groups import optimizers_of
from sdviewer.training.named_state import named_state
from sdviewer.training.naming import LIKE_THE_PARAMETER, Confidence, Naming, Source
from sdviewer.training.state import OptimizerState, Standing
from sdviewer.training.steps import Floats, read_steps, step_field
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.optimizer.linking import node_of_place, node_of_row, parameter_around
from sdviewer.ui.scalars import words
from sdviewer.ui.translating import tr

_GROUPS_LISTED = 1000
_LONGEST_VALUE = 60
_MOST_NORMS = 4

_STANDING = {
    Standing.NEVER_STEPPED: "never stepped, or frozen",
    Standing.NO_STATE: "nothing is kept",
    Standing.WITH_FIRST: "kept with the first",
    Standing.IN_NO_GROUP: "in no group",
}
_LEFT_OUT = "in no group: frozen, or left out"
_TOLD = {
    Confidence.UNKNOWN: tr("not known"),
    Confidence.POSSIBLE: tr("? order"),
    Confidence.LIKELY: tr("order and shape"),
    Confidence.CERTAIN: tr("the file"),
}


@dataclass(frozen=True, eq=False)
class Known:
    """An optimizer as it is shown: rows are its parameters, then those of the model that are in no group.

    `elsewhere` says of each of the latter which other optimizer of the file has it, "" for none.
    """

    checkpoint: Checkpoint
    section: Section
    state: OptimizerState
    naming: Naming
    steps: Floats
    findings: tuple[Finding, ...]
    figures: StatisticsTable | None
    left_out: Sequence[str]
    elsewhere: Sequence[str]

    def __len__(self) -> int:
        return len(self.state) + len(self.left_out)

    @cached_property
    def norms(self) -> tuple[str, ...]:
        """The fields whose norms are shown."""
        return tuple(field for field in self.state.fields if field in LIKE_THE_PARAMETER)[:_MOST_NORMS]

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The titles of the columns."""
        norms = self.norms if self.figures is not None else ()
        return ("Parameter", "Told by", "State", "Group", "Steps", *(f"L2 of {field}" for field in norms))

    @cached_property
    def is_told_alike(self) -> bool:
        """Whether all names are told by the same, which the line above the table says."""
        confidence, source = self.naming.confidence, self.naming.source
        return len(np.unique(confidence)) == 1 and len(np.unique(source)) == 1 and not self.naming.conflicts

    @cached_property
    def _norm_columns(self) -> dict[str, npt.NDArray[np.int64]]:
        return {field: self.state.column(field) for field in self.norms}

    @cached_property
    def _l2(self) -> Floats | None:
        return None if self.figures is None else self.figures.column("l2")

    @cached_property
    def headline(self) -> str:
        """The optimizer in a line."""
        return _headline(self)

    @cached_property
    def groups_grid(self) -> tuple[Grid, str]:
        """The groups as a table, and in a line what is the same everywhere and says little."""
        return _groups_grid(self)

    @cached_property
    def needs_figures(self) -> bool:
        """Whether moments are there whose values nobody has looked at."""
        rows = moment_rows(self.state)
        return bool(len(rows)) and (self.figures is None or not self.figures.filled[rows].all())

    def prepare(self, control: Control) -> None:
        """Work out what is shown of it, while nobody waits for painting."""
        for name in ("headline", "groups_grid", "needs_figures", "is_told_alike", "_norm_columns", "_l2"):
            control.check()
            getattr(self, name)
        # What is clicked at is looked up in tables that are made on their first use.
        self.naming.index_of_row(0)
        self.state.index_of_node(0)

    def name(self, row: int) -> str:
        """What a parameter is called, its id where that is not known."""
        if row >= len(self.state):
            return shown(self.left_out[row - len(self.state)], 300)
        name = self.naming.name[row]
        return shown(name, 300) if name else f"parameter {shown(repr(self.state.ids[row]), 60)}"

    def cell(self, row: int, column: int) -> str:
        """The text of a cell."""
        if column == 0:
            return self.name(row)
        if row >= len(self.state):
            return self._where(row) if column == 2 else "–"
        match column:
            case 1:
                return self.told(row)
            case 2:
                return self._kept(row)
            case 3:
                return str(int(self.state.group[row])) if self.state.group[row] >= 0 else "–"
            case 4:
                return "–" if np.isnan(self.steps[row]) else f"{self.steps[row]:,.0f}"
        tensor = int(self._norm_columns[self.norms[column - 5]][row])
        if tensor < 0 or self._l2 is None or np.isnan(self._l2[tensor]):
            return "–"
        return number(float(self._l2[tensor]))

    def told(self, row: int) -> str:
        """What tells the name."""
        confidence = Confidence(int(self.naming.confidence[row]))
        by_file = self.naming.source[row] in (Source.PARAM_NAMES, Source.KEYS)
        return "the file, in conflict" if by_file and confidence is Confidence.POSSIBLE else _TOLD[confidence]

    def tip(self, row: int) -> str:
        """All that is kept of a parameter, in lines."""
        if row >= len(self.state):
            return self._where(row)
        lines = []
        table, structure = self.checkpoint.table, self.checkpoint.description.structure
        for column, field in enumerate(self.state.fields):
            node, tensor = int(self.state.nodes[row, column]), int(self.state.rows[row, column])
            if tensor >= 0:
                lines.append(f"{shown(field, 60)}: {table.dtype_name(tensor)} {shape_text(table.shape_of(tensor))}")
            elif node >= 0:
                below = int(structure.end[node]) - node - 1
                value = self.state.value(row, field)
                text = plural(below, "entry", "entries") if below else shown(words(value), 60)
                lines.append(f"{shown(field, 60)}: {text}")
        lines += [conflict.text for conflict in self.naming.conflicts if conflict.index == row]
        return "\n".join(lines)

    def _where(self, row: int) -> str:
        other = self.elsewhere[row - len(self.state)]
        return f"in {shown(other, 60)}" if other else _LEFT_OUT

    def _kept(self, row: int) -> str:
        standing = Standing(int(self.state.standing[row]))
        if standing is not Standing.STATE:
            return _STANDING[standing]
        for field in self.norms:
            tensor = int(self._norm_columns[field][row])
            if tensor >= 0:
                return shape_text(self.checkpoint.table.shape_of(tensor))
        count = int((self.state.nodes[row] >= 0).sum())
        return plural(count, "entry", "entries")

    def parameter_node(self, row: int) -> int:
        """The tree node of the parameter in the model, -1 where it is not known."""
        at = row - len(self.state)
        tensor = int(self.naming.row[row]) if at < 0 else int(self.naming.left_out[at])
        return node_of_row(self.checkpoint, tensor) if tensor >= 0 else -1

    def state_node(self, row: int) -> int:
        """The tree node of the state of a parameter, -1 for none."""
        place = int(self.state.entry[row]) if row < len(self.state) else -1
        return node_of_place(self.checkpoint, place) if place >= 0 else -1

    def row_of_node(self, node: int) -> int:
        """The parameter whose state a tree node lies in, or which it is itself; -1 for none."""
        tree = self.checkpoint.tree
        if tree.what[node] == TreeNode.TENSOR:
            index = self.naming.index_of_row(int(tree.ref[node]))
            if index >= 0:
                return index
        return parameter_around(self.checkpoint, self.state, node)


def read_optimizer(
    checkpoint: Checkpoint, section: Section, figures: StatisticsTable | None, control: Control
) -> Known:
    """All that the pane shows of an optimizer; `figures` is what a scan has found so far.

    Raises:
        Cancelled: `control` was cancelled.

    """
    state, naming = named_state(checkpoint, section, control)
    steps = read_steps(checkpoint, state, control) if step_field(state) else np.full(len(state), np.nan)
    left_out: Sequence[str] = ()
    if naming.model is not None and len(naming.left_out):
        keys = dict(zip(naming.model.rows.tolist(), section_keys(checkpoint.description, naming.model), strict=True))
        left_out = [keys[row] for row in naming.left_out.tolist()]
    elsewhere = _elsewhere(checkpoint, section, naming, control)
    findings = find_findings(state, naming, steps, figures)
    known = Known(checkpoint, section, state, naming, steps, findings, figures, left_out, elsewhere)
    known.prepare(control)
    return known


def _elsewhere(checkpoint: Checkpoint, section: Section, naming: Naming, control: Control) -> Sequence[str]:
    """Which other optimizer has each parameter that this one leaves out, "" for none."""
    found = [""] * len(naming.left_out)
    if not found:
        return found
    for other in optimizers_of(checkpoint):
        control.check()
        if other.name == section.name:
            continue
        has = np.isin(naming.left_out, named_state(checkpoint, other, control).naming.row)
        for index in np.flatnonzero(has).tolist():
            found[index] = found[index] or other.name
    return found


def with_figures(known: Known, figures: StatisticsTable, control: Control) -> Known:
    """The same optimizer with what is known of its values by now.

    Raises:
        Cancelled: `control` was cancelled.

    """
    findings = find_findings(known.state, known.naming, known.steps, figures)
    again = replace(known, findings=findings, figures=figures)
    again.prepare(control)
    return again


def _headline(known: Known) -> str:
    state = known.state
    groups = state.groups
    parts = [
        groups.optimizer or "An optimizer that is not known",
        plural(len(groups.groups), "group"),
        plural(groups.parameters, "parameter"),
    ]
    without = int(np.isin(state.standing, (Standing.NEVER_STEPPED, Standing.NO_STATE)).sum())
    if without:
        parts.append(f"{without:,} without state")
    known_steps = known.steps[~np.isnan(known.steps)]
    if len(known_steps):
        least, most = float(known_steps.min()), float(known_steps.max())
        parts.append(f"{most:,.0f} steps" if least == most else f"{least:,.0f} to {most:,.0f} steps")
    return " · ".join(parts)


def _groups_grid(known: Known) -> tuple[Grid, str]:
    groups = known.state.groups
    differing = set(groups.differing)
    quiet = []
    columns = []
    for name in groups.option_names:
        value = groups.groups[0].options.get(name)
        if name in differing or (not isinstance(value, bool) and value is not None):
            columns.append(name)
        else:
            quiet.append(name)
    rows = tuple(
        (
            str(index),
            f"{len(group.params):,}",
            *(_option(group.options[name]) if name in group.options else "–" for name in columns),
        )
        for index, group in enumerate(groups.groups[:_GROUPS_LISTED])
    )
    more = len(groups.groups) - len(rows)
    title = f"Groups (the first {len(rows):,}; {more:,} more not shown)" if more else "Groups"
    header = ("Group", "Parameters", *(shown(name, 40) for name in columns))
    line = ", ".join(f"{shown(name, 40)} {_option(groups.groups[0].options[name])}" for name in quiet)
    right = frozenset(range(1, len(header)))
    return Grid(title, header, rows, right), f"In all groups: {line}." if line else ""


def _option(value: object) -> str:
    if isinstance(value, dict) and isinstance(value.get("$tensor"), str):
        return "a tensor"
    if isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
        return ", ".join(f"{item:g}" for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return shown(words(value), _LONGEST_VALUE)
