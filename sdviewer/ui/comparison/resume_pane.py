"""ResumePane: the optimizers of both sides, group by group, and what resuming one with the other's state would say."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import plural, shown
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.training.compare_groups import GroupComparison
from sdviewer.training.resume_report import called, side_by_side
from sdviewer.training.resuming import OptimizerPair, Resuming, compare_optimizers
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.group_places import group_places
from sdviewer.ui.comparison.panes import DiffPane, scrolled
from sdviewer.ui.detail.blocks import GridView, NoteStrip, clear, heading, plain_label
from sdviewer.ui.detail.parts import Grid, Note
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.translating import tr

_MOST_ROWS = 200


class ResumePane(DiffPane):
    """Found by a job when it is first looked at."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "optimizers")
        self._standing: Standing | None = None
        self.notice = plain_label(tr("Comparing the optimizers …"), muted=True)
        self.error = ErrorStrip(self)
        self.parts = QVBoxLayout()
        self.parts.setSpacing(6)
        column = QVBoxLayout()
        column.setContentsMargins(20, 12, 20, 20)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addLayout(self.parts)
        column.addStretch(1)
        self.area = scrolled(column, tr("Optimizers"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)

    @property
    def is_settled(self) -> bool:
        """Whether all optimizers are compared."""
        return self._slot not in self._bridge.running

    def show_node(self, standing: Standing, node: int) -> None:  # noqa: ARG002  # one for all
        """Compare the optimizers of both sides, once."""
        if standing is not self._standing:
            self._standing = standing
            self._begin()

    def close_jobs(self) -> None:
        """Stop comparing."""
        self._bridge.drop(self._slot)
        self._standing = None

    def _begin(self) -> None:
        if self._standing is None:
            return
        clear(self.parts)
        self.error.clear()
        self.notice.show()
        standing = self._standing
        a, b = (side.checkpoint for side in (standing.matching.a, standing.matching.b))

        def work(control: Control) -> tuple[Resuming, list[tuple[str, list[Note], Grid, int]]]:
            found = compare_optimizers(a, b, control)
            return found, [_told(pair, standing, group_places(standing, pair, control)) for pair in found.pairs]

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=self._found,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Comparing the optimizers"),
        )

    def _found(self, value: tuple[Resuming, list[tuple[str, list[Note], Grid, int]]]) -> None:
        found, told = value
        self.notice.hide()
        for title, notes, grid, more in told:
            self.parts.addWidget(heading(title))
            for note in notes:
                self.parts.addWidget(NoteStrip(note))
            view = GridView(grid)
            view.node_wanted.connect(self.node_wanted)
            self.parts.addWidget(view)
            if more:
                self.parts.addWidget(plain_label(tr("{more:,} more not shown", more=more), muted=True))
        for side, sections in (("A", found.only_a), ("B", found.only_b)):
            for section in sections:
                note = Note("info", tr("Optimizer {name} is in {side} alone.", name=shown(section.name, 80), side=side))
                self.parts.addWidget(NoteStrip(note))
        if not self.parts.count():
            self.parts.addWidget(plain_label(tr("Their groups cannot be read."), muted=True))

    def _failed(self, error: BaseException) -> None:
        self.notice.hide()
        self.error.show_error(error, tr("The optimizers could not be compared."), self._begin)

    def _stopped(self) -> None:
        self.notice.hide()
        self.error.show_stopped(tr("The comparison of the optimizers was stopped."), self._begin)


def _told(pair: OptimizerPair, standing: Standing, places: Mapping[int, int]) -> tuple[str, list[Note], Grid, int]:
    """Its title, notes, what both have, those that differ first, and how many rows are left out.

    A row leads to the first parameter of its group.
    """
    rows = list(side_by_side(pair))
    rows.sort(key=lambda row: not row[4])
    notes = [*_verdict(pair.into_b, "A", "B"), *_verdict(pair.into_a, "B", "A")]
    count = sum(row[4] for row in rows)
    same = "Groups and hyper-parameters are the same."
    notes.append(Note("info", f"{plural(count, 'entry differs', 'entries differ')}." if count else same))
    grid = Grid(
        tr("Groups side by side"),
        (tr("Group"), "", tr("Option"), "A", "B"),
        tuple((str(group), "≠" if differs else "", name, a, b) for group, name, a, b, differs in rows[:_MOST_ROWS]),
        nodes=tuple(places.get(group, -1) for group, *_ in rows[:_MOST_ROWS]),
        tips=tuple(_tip(standing, group, places) for group, *_ in rows[:_MOST_ROWS]),
    )
    return called(pair), notes, grid, max(0, len(rows) - _MOST_ROWS)


def _tip(standing: Standing, group: int, places: Mapping[int, int]) -> str:
    node = places.get(group, -1)
    if node < 0:
        return f"Which parameters group {group} has is not known, or they are not compared."
    return f"Enter or a double click goes to the first parameter of group {group}: {standing.name_at(node)}"


def _verdict(found: GroupComparison, source: str, target: str) -> Iterator[Note]:
    into = f"State of {source} into the optimizer of {target}"
    if found.succeeds:
        yield Note("info", tr("{into}: {call} succeeds.", into=into, call=found.call))
    else:
        yield Note(
            "error", tr("{into}: {call} fails: {error}", into=into, call=found.call, error=shown(found.error, 1000))
        )
    for text in found.silent:
        yield Note("warning", f"{into}: {shown(text, len(text) + 8)}")
