"""Arranging: which rows of a comparison are in sight and in which order, as the user asks for it above them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from sdviewer.comparison.standing import Standing
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.head import DiffHead
from sdviewer.ui.comparison.rows import Arranged, Wish, arranged
from sdviewer.ui.comparison.view import DiffView
from sdviewer.ui.translating import tr

_MS_BEFORE_FILTER = 60
_ASCENDING = frozenset(("name", "cosine", "score"))
_NO_DIFFERENCE = frozenset(("identical", "renamed", "waiting"))


class Arranging(QObject):
    """Filters and sorts in a job, for a hundred thousand rows take a while."""

    failed = Signal(object)
    """The error that ended it."""

    message = Signal(str)

    def __init__(self, bridge: Bridge, slot: Hashable, head: DiffHead, view: DiffView, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge, self._slot, self._head, self._view = bridge, slot, head, view
        self._standing: Standing | None = None
        self._wish = Wish()
        # Whether the user has said whether all is to be seen.
        self._touched = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_FILTER)
        self._timer.timeout.connect(self.arrange)
        head.wish_changed.connect(self._wish_changed)
        head.sort_wanted.connect(self.sort)
        head.tree_button.clicked.connect(self.show_tree)
        view.sort_wanted.connect(self.sort)

    @property
    def is_settled(self) -> bool:
        """Whether the rows are those that were asked for."""
        return not self._timer.isActive() and self._slot not in self._bridge.running

    def show_standing(self, standing: Standing) -> None:
        """Other pairs: they are arranged as those before."""
        self._standing = standing
        if self._wish != Wish():
            self.arrange()

    def all_is_compared(self) -> None:
        """What was sorted or filtered while values came is so by now of all; of mostly equal ones what differs."""
        standing = self._standing
        if standing is None:
            return
        if not self._touched:
            differing, leaves = int(standing.differs().sum()), int(standing.is_leaf.sum())
            if 0 < differing < leaves / 2:
                self._head.chips.only_different.setChecked(True)
                self._wish = self._wish_now()
        if self._wish != Wish():
            self.arrange()

    def show_all(self) -> None:
        """Filter nothing away, at once."""
        chips = self._head.chips
        self._head.line.clear()
        chips.clear()
        chips.only_different.setChecked(False)
        self._touched = True
        self.close_jobs()
        self._wish = Wish()
        self._arranged(Arranged(self._wish, None, None))

    def show_marks(self, marks: frozenset[str]) -> None:
        """Show the tensors with these marks."""
        chips = self._head.chips
        for mark, chip in chips.marks.items():
            chip.setChecked(mark in marks)
        if chips.only_different.isChecked() and not marks.isdisjoint(_NO_DIFFERENCE):
            chips.only_different.setChecked(False)
            self._touched = True
        self._wish = self._wish_now()
        self.arrange()

    def sort(self, by: str) -> None:
        """List the tensors by a measure; by the same one again, the other way round."""
        descending = not self._wish.descending if by == self._wish.sort else by not in _ASCENDING
        self._wish = replace(self._wish, sort=by, descending=descending)
        self.arrange()

    def show_tree(self) -> None:
        """The tree again."""
        self._wish = replace(self._wish, sort="")
        self.arrange()

    def arrange(self) -> None:
        """Do what is asked for."""
        self._timer.stop()
        standing, wish = self._standing, self._wish
        if standing is None:
            return
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: arranged(standing, wish, control),
            on_value=self._arranged,
            on_error=self.failed.emit,
        )

    def close_jobs(self) -> None:
        """Stop; nothing more will be shown."""
        self._timer.stop()
        self._bridge.drop(self._slot)

    def _wish_now(self) -> Wish:
        chips = self._head.chips
        return replace(
            self._wish,
            text=self._head.line.text(),
            marks=chips.chosen,
            only_different=chips.only_different.isChecked(),
        )

    def _wish_changed(self) -> None:
        wish = self._wish_now()
        self._touched |= wish.only_different is not self._wish.only_different
        self._wish = wish
        self._timer.start()

    def _arranged(self, found: Arranged) -> None:
        model, view = self._view.diff_model, self._view
        if model is None or (found.leaves is not None and len(found.leaves) != len(model.standing.tree)):
            return
        node = view.current_node()
        model.arrange(found)
        self._head.tree_button.setVisible(bool(found.wish.sort))
        row = model.rows.row_of(node) if node >= 0 else -1
        if row < 0 and len(model.rows):
            row = 0
        if row >= 0:
            view.selection.only(row)
        view.horizontalHeader().viewport().update()
        if found.leaves is not None and not np.any(found.leaves):
            self.message.emit(tr("No tensor fits this filter."))
