"""Faces: a file as it is, or its export in its place; both belong to one tab."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.bridge import Bridge

if TYPE_CHECKING:
    from sdviewer.edit.rules import Rule
    from sdviewer.ui.export.pane import ExportPane
    from sdviewer.ui.scan.findings import Findings

    FindingsOf = Callable[[Checkpoint], Findings | None]


class Faces(QStackedWidget):
    """Shows the file; its export is made when it is first wanted, and stays as it is while the file is looked at."""

    message = Signal(str)
    file_wanted = Signal(str)
    compare_wanted = Signal(str, str)
    """The user wants to compare the first file with the second one."""

    def __init__(
        self, file: QWidget, bridge: Bridge, slot: Hashable, found_in: FindingsOf, parent: QWidget | None = None
    ) -> None:
        """`found_in` gives what a scan has found in a checkpoint."""
        super().__init__(parent)
        self._file, self._bridge, self._slot, self._found_in = file, bridge, slot, found_in
        self._checkpoint: Checkpoint | None = None
        self._title = ""
        self._home: QWidget | None = None
        # Rules that wait until the file is read.
        self._rules: tuple[Rule, ...] = ()
        self.export: ExportPane | None = None
        self.addWidget(file)

    @property
    def shows_export(self) -> bool:
        """Whether the export is in front."""
        return self.export is not None and self.currentWidget() is self.export

    @property
    def is_settled(self) -> bool:
        """Whether nothing of the export is on its way."""
        return self.export is None or self.export.is_settled

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of the jobs that run for the export."""
        return self.export.running_slots() if self.export is not None else ()

    def close_jobs(self) -> None:
        """Stop everything."""
        if self.export is not None:
            self.export.close_jobs()

    def show_checkpoint(self, checkpoint: Checkpoint | None, title: str) -> None:
        """Another checkpoint, or the same file read again."""
        self._checkpoint, self._title = checkpoint, title
        if self.export is not None:
            self.export.show_checkpoint(checkpoint, title)
        if self._rules:
            self.export_soon(self._rules)

    def export_soon(self, rules: Sequence[Rule]) -> None:
        """Bring the export to the front with further rules, as soon as the file is read."""
        self._rules = tuple(rules)
        if self.show_export(rules=self._rules) is not None:
            self._rules = ()

    def show_file(self) -> None:
        """Bring the file to the front."""
        if self.shows_export:
            self.setCurrentWidget(self._file)
            if self._home is not None:
                self._home.setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle_export(self) -> None:
        """Bring the export to the front, or the file if the export is there."""
        if self.shows_export:
            self.show_file()
        else:
            self.show_export()

    def load_recipe(self, path: str) -> None:
        """Bring the export to the front with the rules and options of a recipe."""
        export = self.show_export()
        if export is not None:
            export.recipes.load(path)

    def export_section(self, name: str) -> None:
        """Bring the export to the front, of one part of the checkpoint alone."""
        export = self.show_export()
        if export is not None:
            export.show_section(name)

    def show_export(self, rows: Sequence[int] = (), rules: Sequence[Rule] = ()) -> ExportPane | None:
        """Bring the export to the front: of these tensors of the checkpoint if any are given, with further rules."""
        if self._checkpoint is None:
            return None
        if self.export is None:
            from sdviewer.ui.export.pane import ExportPane

            self.export = ExportPane(self._bridge, self._slot, self._found_in)
            self.export.left.connect(self.show_file)
            self.export.message.connect(self.message)
            self.export.file_wanted.connect(self.file_wanted)
            self.export.compare_wanted.connect(self.compare_wanted)
            self.addWidget(self.export)
            self.export.show_checkpoint(self._checkpoint, self._title)
        if not self.shows_export:
            self._home = self._file.focusWidget()
            self.setCurrentWidget(self.export)
            self.export.focus_first()
        if rows:
            self.export.show_selected(rows)
        if rules:
            self.export.apply_rules(rules)
        return self.export
