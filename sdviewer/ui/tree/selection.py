"""RowSelection: which rows of the tree are selected, as stretches, and where the next one begins.

Qt's own choice of rows looks at the keys held down whenever a row is made current, also by a command with
Shift in its shortcut, and it forgets where a stretch begins when a row is made current without the mouse.
"""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPersistentModelIndex
from PySide6.QtWidgets import QTableView

_Flag = QItemSelectionModel.SelectionFlag


class RowSelection:
    """The selection of a table view; `anchor` is the row from which Shift selects."""

    def __init__(self, view: QTableView) -> None:
        self._view = view
        self._anchor = QPersistentModelIndex()
        self._extends = False

    def set_anchor(self) -> None:
        """The current row is where a stretch begins, unless it is current because a stretch ends there."""
        if not self._extends:
            self._anchor = QPersistentModelIndex(self._view.currentIndex())

    def only(self, row: int) -> None:
        """Make a row current and select nothing else."""
        self._view.selectionModel().setCurrentIndex(self._view.model().index(row, 0), _Flag.ClearAndSelect | _Flag.Rows)

    def extend_to(self, row: int, *, beside: bool = False) -> None:
        """Select from the anchor to a row, with `beside` in addition to what is selected."""
        start = self._anchor.row() if self._anchor.isValid() else row
        self._extends = True
        self._view.selectionModel().setCurrentIndex(self._view.model().index(row, 0), _Flag.NoUpdate)
        self._extends = False
        self._select(min(start, row), max(start, row), beside=beside)

    def every(self) -> None:
        """Select all rows as one stretch: Qt asks the model about each."""
        if self._view.model().rowCount():
            self._select(0, self._view.model().rowCount() - 1, beside=False)

    def stretches(self) -> list[range]:
        """The selected rows, from top to bottom."""
        selection = self._view.selectionModel()
        if selection is None:
            return []
        # A stretch that has lost its rows is still there, upside down.
        found = {(part.top(), part.bottom()) for part in selection.selection().toList()}
        return [range(top, bottom + 1) for top, bottom in sorted(found) if 0 <= top <= bottom]

    def _select(self, first: int, last: int, *, beside: bool) -> None:
        model = self._view.model()
        rows = QItemSelection(model.index(first, 0), model.index(last, model.columnCount() - 1))
        self._view.selectionModel().select(rows, _Flag.Select if beside else _Flag.ClearAndSelect)
