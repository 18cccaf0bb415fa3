"""CommandPalette: every command of the window by a few letters of its name, with its key."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QWidget

from sdviewer.search.alignment import align, fold
from sdviewer.ui.actions import ACTIONS, ActionSpec
from sdviewer.ui.filter.pick_panel import PickPanel
from sdviewer.ui.filter.tasks import HitRow
from sdviewer.ui.translating import tr

_BETWEEN = " › "
# Who types wants to run something: what rests comes behind what fits nearly as well.
_RESTING = 12


class CommandPalette(PickPanel):
    """Lists what the menus hold, as it is called now; what rests is pale and is not run."""

    def __init__(self, actions: Mapping[str, QAction], window: QWidget) -> None:
        super().__init__(
            window,
            name="All commands",
            placeholder=tr("A few letters of a command, as in exp sel"),
            line_name="Letters of the command's name",
            list_name="Commands that fit, best first",
            font=QGuiApplication.font,
        )
        self._actions = actions
        self._specs = tuple(spec for spec in ACTIONS if spec.name != "palette")

    def open_again(self) -> None:
        """Ask for a command."""
        self.line.clear()
        self.open_line()

    def typed(self) -> None:
        """List what fits, best first; without letters all, as in the menus."""
        letters = fold("".join(self.line.text().split()))
        found: list[tuple[int, HitRow]] = []
        for number, spec in enumerate(self._specs):
            name = self._name_of(spec)
            aligned = align(letters, name) if letters else None
            if aligned is not None or not letters:
                score, places = (aligned.score, aligned.places) if aligned is not None else (0, ())
                row = self._row(number, spec, name, frozenset(places))
                found.append((score - _RESTING * (row.rests and bool(letters)), row))
        found.sort(key=lambda scored: -scored[0])
        self.model.show_rows(tuple(row for _, row in found))
        self.select(0)
        count = len(found)
        self.footer.setText(
            tr("{count} command{value}", count=count, value="s" if count > 1 else "")
            if found
            else tr("No command has these letters in this order")
        )

    def choose(self, row: int) -> None:
        """Run it, with the keys where they were before; what rests stays undone."""
        hit = self.model.rows[row]
        action = self._actions[self._specs[hit.node].name]
        if not action.isEnabled():
            self.footer.setText(tr("{rpartition} cannot be done now", rpartition=hit.name.rpartition(_BETWEEN)[2]))
            return
        self.close_overlay()
        action.trigger()

    def _row(self, number: int, spec: ActionSpec, name: str, places: frozenset[int]) -> HitRow:
        action = self._actions[spec.name]
        keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
        state = "✓" if action.isCheckable() and action.isChecked() else ""
        aside = "   ".join(part for part in (state, keys[0] if keys else "") if part)
        return HitRow(number, name, places, aside, f"{spec.tip}\n{', '.join(keys)}".strip(), not action.isEnabled())

    def _name_of(self, spec: ActionSpec) -> str:
        """With the menus that hold it."""
        return _BETWEEN.join(map(_plain, (*spec.menu.split("/"), self._actions[spec.name].text())))


def _plain(text: str) -> str:
    """Without the mark of the mnemonic."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")
