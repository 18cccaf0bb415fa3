"""Recipes: what an export does, saved and loaded, and copied as a script or a command."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.comparison.sides import section_around
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.recipe import Recipe, read_recipe, to_toml
from sdviewer.edit.rules import BadRule, RenameKeys
from sdviewer.errors import CannotRead
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.export.command import command_of
from sdviewer.ui.export.rule_form import pairs_of
from sdviewer.ui.export.sources import CannotSay, as_rules
from sdviewer.ui.export.wishes import Chosen, Wish
from sdviewer.ui.pane_tasks import PaneTasks
from sdviewer.ui.translating import tr
from sdviewer.whole_file import write_whole

_RECIPES = "Recipes (*.toml)"
_TABLES = "Tables (*.csv *.tsv *.txt);;All files (*)"
_LARGEST_TABLE = 200_000_000


class RecipeMenu(QMenu):
    """Its tasks are jobs; how they end is told by `tasks`."""

    loaded = Signal(object)
    """The `Wish` of a recipe."""

    table_loaded = Signal(object)
    """A `RenameKeys` of a table."""

    def __init__(
        self,
        bridge: Bridge,
        slot: Hashable,
        checkpoint: Callable[[], Checkpoint | None],
        wish: Callable[[], Wish],
        plan: Callable[[], tuple[ExportPlan, str] | None],
        parent: QWidget,
    ) -> None:
        """`checkpoint` gives what is exported, `wish` what is wished, `plan` its plan and the target, or None."""
        super().__init__(parent)
        self._checkpoint, self._wish, self._plan = checkpoint, wish, plan
        self.tasks = PaneTasks(bridge, slot, Lane.READING, self)
        self.addAction(tr("&Save Recipe…"), self.ask_where_to_save)
        self.addAction(tr("&Load Recipe…"), self.ask_what_to_load)
        self.addSeparator()
        self.copy_python = self.addAction(tr("Copy as &Python"), self.copy_script)
        self.copy_shell = self.addAction(tr("Copy the &Command"), self.copy_command)
        self.aboutToShow.connect(self._refresh)

    def ask_where_to_save(self) -> None:
        """Ask for a name and save what is wished."""
        path, _ = QFileDialog.getSaveFileName(self.parentWidget(), tr("Save Recipe"), "recipe.toml", _RECIPES)
        if path:
            self.save(path if Path(path).suffix else path + ".toml")

    def ask_what_to_load(self) -> None:
        """Ask for a recipe and load it."""
        path, _ = QFileDialog.getOpenFileName(self.parentWidget(), tr("Load Recipe"), "", _RECIPES)
        if path:
            self.load(path)

    def ask_for_table(self) -> None:
        """Ask for a table of names and load it."""
        path, _ = QFileDialog.getOpenFileName(self.parentWidget(), tr("Load a Table of Names"), "", _TABLES)
        if path:
            self.load_table(path)

    def save(self, path: str) -> None:
        """Save what is wished."""
        wish, checkpoint = self._wish(), self._checkpoint()
        if checkpoint is None:
            return

        def write(_: Control) -> int:
            section, first = as_rules(checkpoint, wish.chosen)
            data = to_toml((*first, *wish.rules), wish.options, section).encode("utf-8")
            return write_whole(path, checkpoint.path, lambda file: file.write(data))

        name = shown(Path(path).name, 80)
        self.tasks.start_save(f"Saving {name}", write, lambda _: self.tasks.done.emit(tr("Saved {name}.", name=name)))

    def load(self, path: str) -> None:
        """Load a recipe."""

        def taken(recipe: Recipe) -> None:
            self.loaded.emit(Wish(recipe.rules, recipe.options, Chosen(recipe.section)))
            self.tasks.done.emit(tr("Loaded {name}: {rules}.", name=name, rules=plural(len(recipe.rules), "rule")))

        name = shown(Path(path).name, 80)
        self.tasks.start_copy(f"Loading {name}", lambda _: read_recipe(path), taken)

    def load_table(self, path: str) -> None:
        """Load a table of old and new names."""

        def taken(rule: RenameKeys) -> None:
            self.table_loaded.emit(rule)
            self.tasks.done.emit(tr("Loaded {name}: {names}.", name=name, names=plural(len(rule.keys), "name")))

        name = shown(Path(path).name, 80)
        self.tasks.start_copy(f"Loading {name}", lambda _: read_table(path), taken)

    def copy_script(self) -> None:
        """Put a Python script that does the same on the clipboard."""
        if (planned := self._plan()) is not None:
            from sdviewer.edit.code import script_of

            plan, target = planned

            def script(_: Control) -> str:
                if section_around(plan.source.side) is None:
                    raise CannotSay(
                        "the selection lies in several parts of the file", hint=tr("export them one by one")
                    )
                return script_of(plan, target)

            self.tasks.start_copy("Copying as Python", script, self._put("Python script"))

    def copy_command(self) -> None:
        """Put a command that does the same on the clipboard."""
        if (planned := self._plan()) is not None:
            plan, target = planned
            self.tasks.start_copy("Copying the command", lambda _: command_of(plan, target), self._put("command"))
        else:
            self.tasks.done.emit(tr("No command was copied: this export cannot be carried out as it is."))

    def _put(self, what: str) -> Callable[[str], None]:
        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.tasks.done.emit(
                tr("Copied the {what} ({characters}).", what=what, characters=plural(len(text), "character"))
            )

        return put

    def _refresh(self) -> None:
        for action in (self.copy_python, self.copy_shell):
            action.setEnabled(self._plan() is not None)


def read_table(path: str) -> RenameKeys:
    """A table of old,new names as a rule.

    Raises:
        CannotRead: the file cannot be read, or is no such table; says which line is wrong.

    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST_TABLE + 1)
    except OSError as error:
        raise CannotRead(f"cannot be read: {error.strerror}", file=path) from error
    if len(data) > _LARGEST_TABLE:
        raise CannotRead("is too large for a table of names", file=path)
    try:
        text = data.decode("utf-8-sig")
        return RenameKeys(pairs_of(text.replace("\t", ",") if path.lower().endswith(".tsv") else text))
    except (BadRule, UnicodeDecodeError) as error:
        raise CannotRead(f"is no table of old,new names: {error}", file=path) from error
