"""The widths of the tree's columns: as a sample of the rows asks for, and the names keep their room."""

from __future__ import annotations

from PySide6.QtWidgets import QHeaderView, QTableView

from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.tree.row_painter import RowPainter

_WIDEST = {Column.KIND: 170, Column.DTYPE: 130, Column.SHAPE: 190, Column.SIZE: 110}
_NARROWEST = {Column.KIND: 60, Column.DTYPE: 60, Column.SHAPE: 80, Column.SIZE: 84}
# In this order, where the names have less room than this: a shape is told beside the tree as well.
_GIVING_WAY = {Column.KIND: 160, Column.DTYPE: 160, Column.SHAPE: 110}
_SAMPLE = 80
_HEALTH = 34


class TreeColumns:
    """Remembers how wide each column wants to be."""

    def __init__(self, view: QTableView) -> None:
        self._view = view
        self._wanted: dict[Column, int] = {}
        self._waiting: TreeModel | None = None
        self._has_health = False

    def show_health(self, *, shown: bool) -> None:
        """Show the marks of a scan, or take their column away."""
        if shown is not self._has_health:
            self._has_health = shown
            self._view.setColumnHidden(Column.HEALTH, not shown)
            self.give_way()

    def begin(self, model: TreeModel, painter: RowPainter) -> None:
        """Serve another model; in a view that nobody sees it waits for `fit`."""
        self._waiting = model
        self._view.setColumnHidden(Column.HEALTH, not self._has_health)
        if self._view.isVisible():
            self.fit(painter)

    def fit(self, painter: RowPainter) -> None:
        """Give the columns the widths that a sample of a new model's rows needs."""
        model, self._waiting = self._waiting, None
        if model is None:
            return
        # What is in sight, and of what is still closed some from everywhere.
        nodes = len(model.checkpoint.tree)
        cells = [model.cells(row) for row in range(min(model.rowCount(), _SAMPLE))]
        cells += [model.cells_of(node) for node in range(0, nodes, max(1, nodes // _SAMPLE))]
        header = self._view.horizontalHeader()
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(Column.HEALTH, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(Column.HEALTH, _HEALTH)
        for column, widest in _WIDEST.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            wanted = max((painter.cell_width(row, column) for row in cells), default=0)
            self._wanted[column] = min(max(wanted, _NARROWEST[column]), widest)
            header.resizeSection(column, self._wanted[column])
        self.give_way()

    def give_way(self) -> None:
        """Hide the columns that leave the names too little room, the least needed first."""
        room = self._view.viewport().width() - sum(self._wanted.values()) - _HEALTH * self._has_health
        for column, needed in _GIVING_WAY.items():
            if column in self._wanted:
                hidden = room < needed
                if self._view.isColumnHidden(column) is not hidden:
                    self._view.setColumnHidden(column, hidden)
                room += self._wanted[column] if hidden else 0
