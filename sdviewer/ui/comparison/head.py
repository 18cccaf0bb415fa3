"""DiffHead: which files and sections are compared, how far that is, and what can be done with it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.ui.comparison.chips import MarkChips
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.filter.line import FilterLine
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_SORTS = {
    "relative": tr("By ‖Δ‖ / ‖A‖"),
    "max_abs": tr("By max |Δ|"),
    "changed": tr("By the share changed"),
    "cosine": tr("By cosine"),
    "score": tr("By how sure the pair is"),
    "mark": tr("By mark"),
    "name": tr("By name"),
}


class SectionChoice(QComboBox):
    """The sections of a file that hold tensors; hidden where there is only one."""

    chosen = Signal(str)

    def __init__(self, side: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Section of {side}", side=side))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(lambda index: self.chosen.emit(self.itemData(index)))
        self.hide()

    def show_sections(self, checkpoint: Checkpoint, current: str | None) -> None:
        """List them; None is a tensor that was picked, for which there is nothing to choose."""
        self.clear()
        for section in checkpoint.sections.values():
            if len(section.rows):
                self.addItem(f"{shown(section.name, 60)} ({plural(len(section.rows), 'tensor')})", section.name)
        self.setCurrentIndex(self.findData(current))
        self.setVisible(self.count() > 1 and current is not None)


class DiffHead(QWidget):
    """The rows above the tree."""

    swap_wanted = Signal()
    wish_changed = Signal()
    """The filter is another one."""

    rows_wanted = Signal()
    """The keys go to the rows."""

    go_on_wanted = Signal()

    sort_wanted = Signal(str)
    """A list by a measure of `MEASURES`, "name" or "mark"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: dict[str, ElidedLabel] = {}
        self.sections = {side: SectionChoice(side) for side in ("A", "B")}
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(5)
        self.swap_button = QToolButton()
        self.swap_button.setText(tr("⇄ Swap"))
        self.swap_button.setAccessibleName(tr("Swap both sides"))
        self.swap_button.setToolTip(tr("Swap both sides"))
        self.swap_button.clicked.connect(self.swap_wanted)
        self.report_button = MenuButton(tr("Report"), tr("Save or copy a report"))
        self.report_menu = QMenu(self)
        self.report_button.setMenu(self.report_menu)
        for side in ("A", "B"):
            line = QHBoxLayout()
            line.setSpacing(8)
            name = ElidedLabel()
            name.setFont(number_font())
            name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            letter = plain_label(side, muted=True)
            line.addWidget(letter)
            line.addWidget(name, 1)
            line.addWidget(self.sections[side])
            line.addWidget(self.swap_button if side == "A" else self.report_button)
            self.names[side] = name
            column.addLayout(line)
        self.line = FilterLine()
        self.line.setPlaceholderText(tr("Filter: parts of names …"))
        self.line.setAccessibleDescription(tr("Words that all have to be in a tensor's name"))
        self.line.textChanged.connect(self.wish_changed)
        self.line.results_wanted.connect(self.rows_wanted)
        self.line.left.connect(self.rows_wanted)
        self.sort_button = MenuButton(tr("Sort"), tr("Sort the tensors in a list"))
        self.sort_button.setToolTip(tr("Sort the tensors in a list, as a click on a column's title does"))
        self.sort_menu = QMenu(self)
        for by, title in _SORTS.items():
            self.sort_menu.addAction(title, partial(self.sort_wanted.emit, by))
        self.sort_button.setMenu(self.sort_menu)
        self.tree_button = QToolButton()
        self.tree_button.setText(tr("Tree"))
        self.tree_button.setAccessibleName(tr("Show the tree again"))
        self.tree_button.setToolTip(tr("Show the tree of modules again, instead of the sorted list"))
        self.tree_button.hide()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.line, 1)
        line.addWidget(self.sort_button)
        line.addWidget(self.tree_button)
        column.addLayout(line)
        self.chips = MarkChips()
        self.chips.changed.connect(self.wish_changed)
        column.addWidget(self.chips)
        self.partial = QWidget()
        row = QHBoxLayout(self.partial)
        row.setContentsMargins(0, 0, 0, 0)
        self.partial_text = plain_label()
        self.partial_text.setWordWrap(True)
        self.partial_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.go_on_button = QPushButton(tr("Go on"))
        self.go_on_button.setAutoDefault(False)
        self.go_on_button.clicked.connect(self.go_on_wanted)
        row.addWidget(self.partial_text, 1)
        row.addWidget(self.go_on_button)
        self.partial.hide()
        column.addWidget(self.partial)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_sources(self, a: str, b: str) -> None:
        """What is compared: texts that can be shown."""
        for side, text in (("A", a), ("B", b)):
            self.names[side].setText(text)
            self.names[side].setAccessibleName(f"{side}: {text}")
            self.names[side].setToolTip(tooltip(text))

    def say_partial(self, text: str, *, can_go_on: bool) -> None:
        """Say that this is not the whole comparison; "" if it is."""
        self.partial_text.setText(text)
        self.partial.setVisible(bool(text))
        self.go_on_button.setVisible(can_go_on)
