"""ExportPane: rules on the left, what they make of every key on the right, and below what is written and where."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import shown
from sdviewer.edit.plan import ExportPlan, Options
from sdviewer.edit.rules import BadRule, Exclude, RenameKeys, Rule
from sdviewer.errors import NameNotFound, SdviewerError
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import heading
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.export.carrying import CastCheck, Writing
from sdviewer.ui.export.keys import EXPORT_KEYS
from sdviewer.ui.export.outcome_strip import OutcomeStrip
from sdviewer.ui.export.planning import Planned, Planning, Shown
from sdviewer.ui.export.preview import Preview
from sdviewer.ui.export.recipes import RecipeMenu
from sdviewer.ui.export.rule_list import RuleList
from sdviewer.ui.export.source_box import SourceBox
from sdviewer.ui.export.sources import in_another, is_in, parts_beside, source_for, usual_target
from sdviewer.ui.export.summary import Summary, Verdict, verdict_of
from sdviewer.ui.export.target_bar import TargetBar
from sdviewer.ui.export.wishes import Chosen, History, Wish, exactly
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.scan.findings import Findings

_RULES_WIDTH = 330


def _nothing_found(_: Checkpoint) -> None:
    """Without a scan nobody knows what it would find."""


class ExportPane(QWidget):
    """Exports one checkpoint at a time. Everything it works out is a job; nothing it asks is modal."""

    left = Signal()
    """The user goes back to the file."""

    message = Signal(str)
    file_wanted = Signal(str)
    """The user wants to open this file."""

    compare_wanted = Signal(str, str)
    """The user wants to compare the first file with the second one."""

    def __init__(
        self,
        bridge: Bridge,
        slot: Hashable,
        found_in: Callable[[Checkpoint], Findings | None] = _nothing_found,
        parent: QWidget | None = None,
    ) -> None:
        """`found_in` gives what a scan has found in a checkpoint."""
        super().__init__(parent)
        self._bridge, self._found_in = bridge, found_in
        self.plan_slot: Hashable = (slot, "plan")
        self._checkpoint: Checkpoint | None = None
        self._selected: tuple[int, ...] = ()
        self._planning: Planning | None = None
        # Whose plans these are.
        self._planned_for: tuple[Checkpoint, Chosen] | None = None
        self._history = History(Wish())
        self._verdict: Verdict | None = None
        self._not_understood = ""
        self._waiting = False
        self.planned: Planned | None = None

        self.title = heading(tr("Export"))
        self.title.setContentsMargins(0, 0, 0, 0)
        self.source = SourceBox()
        self.recipe_button = MenuButton(tr("Recipe"), tr("Recipe: save, load, copy as code"))
        self.back_button = QPushButton(tr("Back to the file"))
        self.back_button.setAutoDefault(False)
        self.back_button.setToolTip(tr("Esc, Ctrl+E"))
        self.rules = RuleList()
        self.preview = Preview()
        self.target = TargetBar()
        self.summary = Summary()
        self.export_button = QPushButton(tr("Export"))
        self.export_button.setAutoDefault(False)
        self.progress = ElidedLabel(muted=True)
        self.error = ErrorStrip(self.export_button)
        self.outcome = OutcomeStrip(self.export_button)
        self.writing = Writing(bridge, (slot, "write"), self.outcome, self.error, self)
        self.casts = CastCheck(bridge, (slot, "casts"), self.error, self)
        self.recipes = RecipeMenu(
            bridge, (slot, "recipe"), lambda: self._checkpoint, lambda: self.wish, self._ready, self
        )
        self.recipe_button.setMenu(self.recipes)
        self._lay_out()
        self._connect()
        self._show_wish()

    @property
    def is_settled(self) -> bool:
        """Whether what is shown belongs to what is wished, and nothing is being written."""
        busy = self._waiting or self.writing.is_running or self.casts.is_running or bool(self.recipes.tasks.slots)
        return not busy and self.preview.is_settled

    @property
    def wish(self) -> Wish:
        """The rules and options in force."""
        return self._history.current

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of the jobs that run for this pane."""
        return (self.plan_slot, self.writing.slot, self.casts.slot, *self.recipes.tasks.slots)

    def close_jobs(self) -> None:
        """Stop everything; a file that was being written is gone."""
        self._waiting = False
        self._bridge.drop(self.plan_slot)
        for part in (self.recipes.tasks, self.writing, self.casts):
            part.close_jobs()

    def show_checkpoint(self, checkpoint: Checkpoint | None, title: str) -> None:
        """Export this one from now on; rules and options stay, and the part if it has one of that name."""
        if checkpoint is self._checkpoint:
            return
        is_first = self._checkpoint is None and not self._history.can_undo
        self.close_jobs()
        self._checkpoint, self._selected = checkpoint, ()
        self._planning = self._planned_for = None
        self.title.setText(tr("Export {title}", title=title))
        self.outcome.clear()
        self.error.clear()
        self._show_planned(None, None)
        if checkpoint is None:
            return
        if is_first:
            # The same kind of file, as far as it can be written.
            self._history = History(replace(self.wish, options=Options(target=usual_target(checkpoint.format))))
        # Rows are those of the other one.
        self._history.change_all(lambda wish: replace(wish, chosen=in_another(checkpoint, wish.chosen)))
        self._show_wish()

    def show_selected(self, rows: Sequence[int]) -> None:
        """Export these tensors of the checkpoint, as rows of its table."""
        self._selected = tuple(rows)
        self._choose(Chosen(rows=self._selected))

    def show_section(self, name: str) -> None:
        """Export one part of the checkpoint alone."""
        if self._checkpoint is not None and is_in(self._checkpoint, name):
            self._choose(Chosen(name))

    def apply_rules(self, rules: Sequence[Rule]) -> None:
        """Put rules behind those that there are: renames that a diff has found."""
        self._wish(self.wish.with_rules((*self.wish.rules, *rules)), "")
        self.rules.go_to(len(self.wish.rules) - 1)

    def take_wish(self, wish: Wish) -> None:
        """Put another wish in place of all; undo brings the old one back."""
        self._wish(wish, "")

    def take_recipe(self, wish: Wish) -> None:
        """Do what a recipe says, which may name a part that this file does not have."""
        section, checkpoint = wish.chosen.section, self._checkpoint
        if checkpoint is None or is_in(checkpoint, section):
            self.take_wish(wish)
            return
        self.take_wish(replace(wish, chosen=Chosen()))
        missing = NameNotFound(
            f"has no part {shown(section or '', 80)!r}, which the recipe exports",
            file=checkpoint.path,
            hint=tr("what is exported is now the whole file; choose above"),
        )
        self.error.show_error(missing, about="recipe")

    def undo(self) -> None:
        """Take the last change back."""
        self._history.undo()
        self._show_wish()

    def redo(self) -> None:
        """Take back what was undone."""
        self._history.redo()
        self._show_wish()

    def export(self) -> None:
        """Write what is shown, unless something stands against it."""
        if self.planned is not None and self.export_button.isEnabled():
            self.writing.start(self.planned.facts.plan, self.target.target)

    def check_casts(self) -> None:
        """Count what the casts do to the values, of those that are not known yet."""
        if self.planned is not None and self._checkpoint is not None:
            self.casts.start(self.planned.facts.plan, self._found_in(self._checkpoint))

    def focus_first(self) -> None:
        """Give the keys to the rules, or to what adds one."""
        widget = self.rules.view if self.wish.rules else self.rules.add_button
        widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def event(self, event: QEvent) -> bool:
        """Undo and redo, but not in a field that has its own."""
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            match EXPORT_KEYS.find(event):
                case "undo":
                    self.undo()
                case "redo":
                    self.redo()
                case "back":
                    self.left.emit()
                case _:
                    return super().event(event)
            event.accept()
            return True
        return super().event(event)

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setContentsMargins(12, 6, 8, 6)
        above.setSpacing(8)
        above.addWidget(self.title)
        above.addWidget(self.source)
        above.addStretch(1)
        above.addWidget(self.recipe_button)
        above.addWidget(self.back_button)
        splitter = LineSplitter(Qt.Orientation.Horizontal)
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.rules)
        splitter.addWidget(self.preview)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([_RULES_WIDTH, 10_000])
        self.rules.setMinimumWidth(240)
        self.preview.setMinimumWidth(320)
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.progress, 1)
        last.addWidget(self.export_button)
        below = QVBoxLayout()
        below.setContentsMargins(12, 8, 12, 8)
        below.setSpacing(6)
        below.addWidget(self.target)
        below.addWidget(self.summary)
        below.addLayout(last)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(above)
        column.addWidget(splitter, 1)
        column.addWidget(self.error)
        column.addWidget(self.outcome)
        column.addLayout(below)

    def _connect(self) -> None:
        # Going through the choices by keys is one step.
        self.source.wished.connect(lambda chosen: self._choose(chosen, "source"))
        self.back_button.clicked.connect(self.left)
        self.rules.wished.connect(self._wish)
        self.rules.undo_wanted.connect(self.undo)
        self.rules.redo_wanted.connect(self.redo)
        self.rules.file_wanted.connect(self.recipes.ask_for_table)
        self.recipes.loaded.connect(self.take_recipe)
        self.recipes.table_loaded.connect(self._take_table)
        self.recipes.tasks.done.connect(self.message)
        self.recipes.tasks.failed.connect(lambda error, again: self.error.show_error(error, again=again))
        self.rules.form.mistake_changed.connect(self._show_verdict)
        self.preview.choice_changed.connect(self._plan)
        self.writing.changed.connect(self._show_verdict)
        self.writing.message.connect(self.message)
        self.writing.name_wanted.connect(self.target.ask_for_target)
        self.writing.file_wanted.connect(self.file_wanted)
        self.writing.compare_wanted.connect(self.compare_wanted)
        self.casts.changed.connect(self._show_effects)
        self.preview.check_wanted.connect(self.check_casts)
        self.preview.model.rename_wanted.connect(self._rename)
        self.preview.table.exclusion_wanted.connect(self._exclude)
        self.target.changed.connect(self._options_changed)
        self.target.target_changed.connect(self._plan)
        self.target.mistake_changed.connect(self._show_verdict)
        self.summary.conflicts_wanted.connect(lambda: self.preview.choose(Shown.CONFLICTS))
        self.export_button.clicked.connect(self.export)

    def _choose(self, chosen: Chosen, topic: str = "") -> None:
        self._wish(replace(self.wish, chosen=chosen), topic)

    def _show_chosen(self) -> None:
        """What may be exported, what is, and plans of that."""
        checkpoint, chosen = self._checkpoint, self.wish.chosen
        if checkpoint is None or self._planned_for == (checkpoint, chosen):
            return
        if not self.source.show_chosen(checkpoint, chosen, self._selected):
            self.error.show_error(SdviewerError(tr("holds no tensors to export")))
            return
        self._planned_for = checkpoint, chosen
        self._planning = Planning(lambda: source_for(checkpoint, chosen))
        self.casts.forget()
        self.target.show_source(checkpoint.path, parts_beside(checkpoint, chosen))

    def _wish(self, wish: Wish, topic: str) -> None:
        self._history.wish(wish, topic)
        self._show_wish()

    def _options_changed(self, options: Options, topic: str) -> None:
        self._wish(replace(self.wish, options=options), topic)

    def _rename(self, name: str, new: str) -> None:
        """A name that is written by hand is the last rule, or a further line of it."""
        rules, last = self.wish.rules, self.wish.rules[-1] if self.wish.rules else None
        if isinstance(last, RenameKeys) and last.enabled:
            before = next((old for old, so_far in last.keys if so_far == name), name)
            keys = (*(pair for pair in last.keys if pair[0] != before), (before, new))
            self._wish(self.wish.with_rules((*rules[:-1], replace(last, keys=keys))), "")
        else:
            self._wish(self.wish.with_rules((*rules, RenameKeys(((name, new),)))), "")

    def _take_table(self, table: RenameKeys) -> None:
        """A table of names fills the current rule, if that is one of names."""
        at = self.rules.current
        rule = self.wish.rules[at] if 0 <= at < len(self.wish.rules) else None
        if isinstance(rule, RenameKeys):
            self._wish(self.wish.with_rule(at, replace(rule, keys=table.keys)), "")
        else:
            self.apply_rules((table,))

    def _ready(self) -> tuple[ExportPlan, str] | None:
        """The plan, if it is one that can be carried out, and the file to write."""
        is_current = self.planned is not None and self.planned.wish == self.wish
        if not is_current or self.planned is None or self.planned.facts.plan.refusals or not self.target.target:
            return None
        return self.planned.facts.plan, self.target.target

    def _exclude(self, name: str) -> None:
        self._wish(self.wish.with_rules((*self.wish.rules, Exclude(exactly(name)))), "")

    def _show_wish(self) -> None:
        history = self._history
        self._show_chosen()
        self.rules.show_wish(history.current, can_undo=history.can_undo, can_redo=history.can_redo)
        self.target.show_options(history.current.options)
        self._plan()

    def _plan(self) -> None:
        planning = self._planning
        if planning is None:
            return
        wish, chosen, text, target = self.wish, self.preview.chosen, self.preview.text, self.target.target
        self._waiting = True
        self._bridge.start(
            Lane.COMPUTING,
            self.plan_slot,
            lambda control: told(planning.plan(wish, chosen, text, target, control)),
            on_value=lambda found: self._show_planned(*found),
            on_error=self._not_planned,
            on_stopped=self._plan_stopped,
        )
        self._show_verdict()

    def _show_planned(self, planned: Planned | None, verdict: Verdict | None) -> None:
        self._waiting = False
        self._not_understood = ""
        self.planned = planned
        self.preview.show_planned(planned)
        self._verdict = verdict
        if planned is not None:
            self.error.clear("plan")
            self.rules.show_plan(planned.facts.plan.touched, planned.facts.wrappers)
        self._show_verdict()

    def _not_planned(self, error: BaseException) -> None:
        self._waiting = False
        if isinstance(error, BadRule):
            self._not_understood = shown(str(error), 1000)
        else:
            self._not_understood = "The plan could not be made"
            self.error.show_error(error, tr("The plan could not be made."), self._plan, about="plan")
        self._show_verdict()

    def _plan_stopped(self) -> None:
        self._waiting = False
        self._not_understood = "Planning was stopped"
        self.error.show_stopped(tr("Planning was stopped."), self._plan, about="plan")
        self._show_verdict()

    def _show_effects(self) -> None:
        self.preview.model.show_effects(self.casts.effects)
        self._show_verdict()

    def _show_verdict(self) -> None:
        """The summary, and whether there is anything against writing."""
        mistakes = tuple(filter(None, (self.rules.form.mistake, self._not_understood, self.target.mistake)))
        found = self.casts.sentence(self.planned.facts.plan) if self.planned is not None else ""
        self.summary.show_verdict(self._verdict, mistakes, (found,) if found else ())
        against = mistakes or self._verdict is None or bool(self._verdict.against)
        is_current = self.planned is not None and self.planned.wish == self.wish and not self._waiting
        self.export_button.setEnabled(not against and is_current and not self.writing.is_running)
        writes = f"Writing {self.writing.name} … the status bar shows how far it is, and stops it"
        self.progress.setText(writes if self.writing.is_running else "")


def told(planned: Planned) -> tuple[Planned, Verdict]:
    """A plan, and what is said of it."""
    return planned, verdict_of(planned)
