"""What takes long in an export, and how it ended: writing the file, and checking what casts do."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from sdviewer.checkpoint.wording import bytes_for_people, plural, shown
from sdviewer.edit.plan import ExportPlan
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.export.casting import Effects, find_effects, summed_up
from sdviewer.ui.export.outcome_strip import OutcomeStrip
from sdviewer.ui.export.writing import Done, Question, Replaces, carry_out
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.scan.findings import Findings


class Writing(QObject):
    """Writes one plan at a time; what it asks and how it ended is told in two strips of the pane."""

    changed = Signal()
    """It began or ended."""

    message = Signal(str)
    name_wanted = Signal()
    """The user wants to choose another file."""

    file_wanted = Signal(str)
    compare_wanted = Signal(str, str)

    def __init__(
        self, bridge: Bridge, slot: Hashable, outcome: OutcomeStrip, error: ErrorStrip, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self.slot, self._outcome, self._error = bridge, slot, outcome, error
        self.name = ""

    @property
    def is_running(self) -> bool:
        """Whether a file is being written."""
        return bool(self.name)

    def close_jobs(self) -> None:
        """Stop it; the target holds what it held before."""
        self._bridge.drop(self.slot)
        self._end()

    def start(self, plan: ExportPlan, target: str, allowed: Replaces = Replaces.NOTHING) -> None:
        """Carry a plan out, or ask about what it would replace."""
        if self.is_running:
            return

        def again() -> None:
            self.start(plan, target, allowed)

        def failed(error: BaseException) -> None:
            self._end()
            self._error.show_error(error, tr("Nothing was written."), again)

        def stopped() -> None:
            self._end()
            self._error.show_stopped(tr("The export was stopped; nothing was written."), again)

        self._error.clear()
        self._outcome.clear()
        self.name = shown(Path(target).name, 80)
        self._bridge.start(
            Lane.COMPUTING,
            self.slot,
            lambda control: carry_out(plan, target, allowed, control),
            on_value=lambda outcome: self._ended(plan, target, outcome),
            on_error=failed,
            on_stopped=stopped,
            title=tr("Exporting {name}", name=self.name),
            background=True,
            bytes_a_step=1.0,
        )
        self.changed.emit()

    def _end(self) -> None:
        self.name = ""
        self.changed.emit()

    def _ended(self, plan: ExportPlan, target: str, outcome: Done | Question) -> None:
        self._end()
        if isinstance(outcome, Question):
            replaces = outcome.replaces
            yes = "Replace the checkpoint" if replaces is Replaces.SOURCE else "Replace it"
            self._outcome.ask(
                outcome.words,
                (
                    (yes, lambda: self.start(plan, target, replaces)),
                    ("Choose another name…", self.name_wanted.emit),
                    ("Cancel", _nothing),
                ),
            )
            return
        nbytes = sum(file.nbytes for file in outcome.written.files)
        source = plan.source.checkpoint.path
        count = len(plan.keys) + sum(len(section.rows) for section in plan.kept_sections)
        self._outcome.tell(
            tr(
                "Verified against the source: {tensors}, {nbytes}, written as {target}.",
                tensors=plural(count, "tensor"),
                nbytes=bytes_for_people(nbytes),
                target=shown(target),
            ),
            (
                (tr("Open the result"), lambda: self.file_wanted.emit(target)),
                (tr("Compare with the source"), lambda: self.compare_wanted.emit(source, target)),
                (tr("Copy its path"), lambda: QGuiApplication.clipboard().setText(target)),
                (tr("Close"), self._outcome.clear),
            ),
        )
        self.message.emit(tr("Exported {name}: verified ✓", name=shown(Path(target).name, 80)))


class CastCheck(QObject):
    """Counts what casts overflow and flush; what was counted is kept as long as the source is the same."""

    changed = Signal()

    def __init__(self, bridge: Bridge, slot: Hashable, error: ErrorStrip, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self.slot, self._error = bridge, slot, error
        self.effects: Effects = {}
        self.is_running = False
        self._told: tuple[ExportPlan | None, int, str] = (None, 0, "")

    def close_jobs(self) -> None:
        """Stop counting."""
        self._bridge.drop(self.slot)
        self.is_running = False

    def forget(self) -> None:
        """Another source: nothing is known of it."""
        self.close_jobs()
        self.effects = {}
        self.changed.emit()

    def start(self, plan: ExportPlan, findings: Findings | None) -> None:
        """Count what is not known of the casts of a plan."""
        known = self.effects

        def ended(_: Effects) -> None:
            self.is_running = False
            self.changed.emit()

        def failed(error: BaseException) -> None:
            ended(known)
            self._error.show_error(error, tr("The casts were not checked."), lambda: self.start(plan, findings))

        self.is_running = True
        self._bridge.start(
            Lane.COMPUTING,
            self.slot,
            lambda control: find_effects(plan, known, findings, control),
            on_value=ended,
            on_error=failed,
            on_stopped=lambda: ended(known),
            title=tr("Checking the casts"),
            background=True,
            bytes_a_step=1.0,
        )

    def sentence(self, plan: ExportPlan) -> str:
        """What is known of all casts of a plan."""
        if self._told[:2] != (plan, len(self.effects)):
            self._told = plan, len(self.effects), summed_up(plan, self.effects) if self.effects else ""
        return self._told[2]


def _nothing() -> None:
    """Things stay as they are."""
