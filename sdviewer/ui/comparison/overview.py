"""The overview of a comparison's node: what is known of it in words and numbers, and how it is compared."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from sdviewer.comparison.matching import Replacement
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.rename_rules import RenameRule, rename_rules
from sdviewer.comparison.standing import Standing
from sdviewer.control import WAY
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.describe import describe_node
from sdviewer.ui.comparison.panes import DiffPane, scrolled
from sdviewer.ui.comparison.work import Ask, Comparing
from sdviewer.ui.detail.blocks import FactGrid, GridView, NoteStrip, clear, heading, plain_label
from sdviewer.ui.detail.parts import Description, Grid
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_MS_BETWEEN_TABLES = 400


def rules_of_names(standing: Standing) -> tuple[RenameRule, ...]:
    """The renames that the pairs have in common."""
    matching = standing.matching
    return rename_rules(
        (matching.a.keys[pair.a], matching.b.keys[pair.b]) for pair in matching.pairs if pair.part is None
    )


class HowCompared(QWidget):
    """Tolerances and replacements, for the whole comparison."""

    ask_wanted = Signal(object)
    """The replacements are others: an `Ask`."""

    def __init__(self, comparing: Comparing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparing = comparing
        self.rtol, self.atol = QLineEdit(), QLineEdit()
        for line, name in ((self.rtol, tr("Relative tolerance")), (self.atol, tr("Absolute tolerance"))):
            line.setAccessibleName(name)
            line.setPlaceholderText(tr("as torch.testing for the dtypes"))
            line.setFont(number_font())
            line.setAcceptDrops(False)
            line.setMaximumWidth(260)
            line.returnPressed.connect(self.apply)
        self.maps = QPlainTextEdit()
        self.maps.setAccessibleName(tr("Replacements in the names of A"))
        self.maps.setPlaceholderText(tr(r"^encoder\.=>model.encoder.   (one REGEX=>REPLACEMENT a line)"))
        self.maps.setTabChangesFocus(True)
        self.maps.setAcceptDrops(False)
        self.maps.setFont(number_font())
        self.maps.setFixedHeight(self.maps.fontMetrics().lineSpacing() * 3 + 16)
        self.maps_label = plain_label(tr("Names of A"), muted=True)
        self.maps_label.setToolTip(tr("Replaced before pairing"))
        self.button = QPushButton(tr("Apply"))
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.apply)
        self.wrong = plain_label()
        self.wrong.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(heading(tr("How they are compared")), 0, 0, 1, 2)
        for row, (text, line) in enumerate((("rtol", self.rtol), ("atol", self.atol)), start=1):
            label = plain_label(text, muted=True)
            label.setToolTip(tr("Values are close if |a − b| ≤ atol + rtol·|b|"))
            grid.addWidget(label, row, 0)
            grid.addWidget(line, row, 1)
        grid.addWidget(self.maps_label, 3, 0)
        grid.addWidget(self.maps, 3, 1)
        below = QHBoxLayout()
        below.addWidget(self.button)
        below.addWidget(self.wrong, 1)
        grid.addLayout(below, 4, 1)

    def show_ask(self, ask: Ask) -> None:
        """Show how they are compared now."""
        for line, value in ((self.rtol, ask.rtol), (self.atol, ask.atol)):
            if not line.hasFocus():
                line.setText("" if value is None else repr(value))
        for part in (self.maps, self.maps_label):
            part.setVisible(ask.picked is None)
        if not self.maps.hasFocus():
            self.maps.setPlainText("\n".join(ask.maps))

    def apply(self) -> None:
        """Compare so from now on."""
        ask, maps = self._comparing.ask, tuple(filter(None, map(str.strip, self.maps.toPlainText().splitlines())))
        try:
            rtol, atol = (_tolerance(line.text()) for line in (self.rtol, self.atol))
            for text in maps:
                Replacement.parse(text)
        except ValueError as error:
            self.wrong.setText(str(error))
            return
        self.wrong.clear()
        if maps != ask.maps:
            self.ask_wanted.emit(replace(ask, maps=maps, rtol=rtol, atol=atol))
        elif (rtol, atol) != (ask.rtol, ask.atol):
            self._comparing.set_tolerance(rtol, atol)


def _tolerance(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()} is no number") from None
    if not 0 <= value < float("inf"):
        raise ValueError("a tolerance is a number from 0 on")
    return value


class DiffOverview(DiffPane):
    """One part below the other."""

    marks_wanted = Signal(object)
    """The tensors with these marks shall be shown."""

    undo_wanted = Signal(int)
    """The pair of this node shall be none."""

    def __init__(self, comparing: Comparing, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparing, self._bridge, self._slot = comparing, bridge, (slot, "rules")
        self._standing: Standing | None = None
        self._node = -1
        self._rules: tuple[RenameRule, ...] = ()
        self._shown: tuple[object, ...] = ()
        self.facts = FactGrid()
        self.how = HowCompared(comparing)
        self.undo_button = QPushButton(tr("Undo this pair"))
        self.undo_button.setAutoDefault(False)
        self.undo_button.clicked.connect(lambda: self.undo_wanted.emit(self._node))
        self.notes, self.blocks = QVBoxLayout(), QVBoxLayout()
        column = QVBoxLayout()
        column.setContentsMargins(20, 12, 20, 20)
        column.setSpacing(6)
        column.addLayout(self.notes)
        line = QHBoxLayout()
        line.addWidget(self.undo_button)
        line.addStretch(1)
        column.addLayout(line)
        column.addWidget(self.facts)
        column.addLayout(self.blocks)
        column.addWidget(self.how)
        column.addStretch(1)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_MS_BETWEEN_TABLES)
        self._soon.timeout.connect(self._describe_again)
        self.area = scrolled(column, tr("Overview of the selected row"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)

    @property
    def is_settled(self) -> bool:
        """Whether the rename rules are there."""
        return self._slot not in self._bridge.running and not self._soon.isActive()

    def show_node(self, standing: Standing, node: int) -> None:
        """Describe a node; renames are found in a job."""
        if standing is not self._standing:
            self._rules = ()
            self._bridge.start(
                Lane.COMPUTING,
                self._slot,
                lambda _: rules_of_names(standing),
                on_value=self._found,
                on_error=lambda _: None,
            )
        self._standing, self._node = standing, node
        self._soon.stop()
        self._shown = ()
        self._show(describe_node(standing, node, self.title, self._rules))
        self.area.verticalScrollBar().setValue(0)

    title = ""

    def refresh(self) -> None:
        """The same with what is known by now, soon: tables take a while to make."""
        if not self._soon.isActive():
            self._soon.start()

    def _describe_again(self) -> None:
        if self._standing is not None:
            WAY.keep_clear()
            self._show(describe_node(self._standing, self._node, self.title, self._rules))

    def close_jobs(self) -> None:
        """Stop looking for rules."""
        self._bridge.drop(self._slot)
        self._soon.stop()

    def _found(self, rules: tuple[RenameRule, ...]) -> None:
        self._rules = rules
        if rules and self._node == 0:
            self.refresh()

    def _show(self, told: Description) -> None:
        standing = self._standing
        assert standing is not None  # noqa: S101  # said before
        self.facts.show_facts(told.facts)
        is_pair = bool(standing.tree.what[self._node] == Leaf.PAIR)
        by_hand = standing.keys_at(self._node) in self._comparing.ask.by_hand
        self.undo_button.setVisible(is_pair and (standing.is_guess(self._node) or by_hand))
        self.how.setVisible(self._node == 0 or standing.is_picked)
        self.how.show_ask(self._comparing.ask)
        # Made anew only where they are others: a table that is being read stays where it is.
        if (told.notes, told.blocks) == self._shown:
            return
        self._shown = (told.notes, told.blocks)
        clear(self.notes)
        clear(self.blocks)
        for note in told.notes:
            self.notes.addWidget(NoteStrip(note))
        for block in told.blocks:
            if isinstance(block, Grid):
                self.blocks.addWidget(heading(block.title))
                grid = GridView(block, self.area.widget())
                grid.node_wanted.connect(self.node_wanted)
                grid.filter_wanted.connect(lambda mark: self.marks_wanted.emit(frozenset((mark,))))
                self.blocks.addWidget(grid)
