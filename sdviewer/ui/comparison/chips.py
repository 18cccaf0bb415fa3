"""MarkChips: how many tensors have each mark, and a filter by these at a click."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sdviewer.comparison.standing import BY_WEIGHT
from sdviewer.ui.comparison.words import MARK_TIPS, MARK_WORDS
from sdviewer.ui.filter.chips import Chip
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr


class MarkChips(QWidget):
    """A chip for what differs, one for each mark that occurs, and one for the list."""

    changed = Signal()
    """The user switched one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = FlowLayout(self)
        self.only_different = Chip(tr("only what differs"))
        self.only_different.setToolTip(tooltip(tr("Leave out tensors that differ by nothing but their names")))
        self.only_different.setAccessibleName(tr("Show only what differs"))
        self.only_different.clicked.connect(self.changed)
        layout.addWidget(self.only_different)
        self.marks: dict[str, Chip] = {}
        for mark in BY_WEIGHT:
            chip = self.marks[mark] = Chip(MARK_WORDS[mark])
            chip.setToolTip(tooltip(MARK_TIPS[mark]))
            chip.clicked.connect(self.changed)
            chip.hide()
            layout.addWidget(chip)
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def chosen(self) -> frozenset[str]:
        """The marks that are switched on."""
        return frozenset(mark for mark, chip in self.marks.items() if chip.isChecked() and not chip.isHidden())

    def show_counts(self, counts: dict[str, int]) -> None:
        """How many tensors of each mark there are; a chip without any goes, unless it is on."""
        for mark, chip in self.marks.items():
            count = counts.get(mark, 0)
            text = f"{MARK_WORDS[mark]} {count:,}"
            if chip.text() != text:
                chip.setText(text)
                chip.setAccessibleName(f"{text}: {MARK_TIPS[mark]}")
                chip.updateGeometry()
            if chip.isHidden() == bool(count or chip.isChecked()):
                chip.setVisible(bool(count or chip.isChecked()))

    def clear(self) -> None:
        """Switch all marks off."""
        for chip in self.marks.values():
            chip.setChecked(False)
