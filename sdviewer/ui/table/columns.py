"""Which columns of the table are shown, in which order and how wide; and the menu that chooses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QMenu, QWidget

from sdviewer.checkpoint.listing import Column
from sdviewer.ui.models.table_model import TableModel
from sdviewer.ui.table.header import ARROW
from sdviewer.ui.table.row_painter import MARGIN, TableRowPainter
from sdviewer.ui.table.view import TableView
from sdviewer.ui.translating import tr

_SAMPLE, _SAMPLE_GROWING = 200, 40
_LONGEST_NUMBER, _LONGEST_WORDS = "−0.0123456", "⚠ Unlike the other layers"
_NARROWEST, _WIDEST = 48, 260
_NAME_NARROWEST, _NAME_WIDEST = 180, 560
_WIDEST_EVER = 4_000


class TableColumns:
    """The header of a view. The name is always shown, and first unless it was moved.

    Columns that grow are shown as the user wants them once there is something in them, see `show_growing`.
    """

    def __init__(self, view: TableView, columns: Sequence[Column]) -> None:
        self._view = view
        self._columns = tuple(columns)
        # Of hidden columns as well.
        self._widths: dict[int, int] = {}
        self._is_fitted = False
        self._growing = frozenset(index for index, column in enumerate(columns) if column.grows)
        # Of those that grow the ones to show when there is something in them.
        self._wanted: set[int] = set()
        self._has_grown = False
        header = view.horizontalHeader()
        header.setMinimumSectionSize(_NARROWEST)
        header.sectionResized.connect(self._resized)
        self._show_usual()

    def shown(self) -> list[Column]:
        """The columns that are shown, from the left."""
        header = self._view.horizontalHeader()
        order = (header.logicalIndex(place) for place in range(header.count()))
        return [self._columns[index] for index in order if not header.isSectionHidden(index)]

    def show(self, index: int, *, wanted: bool) -> None:
        """Show or hide a column; the name stays."""
        if index <= 0:
            return
        if index in self._growing:
            (self._wanted.add if wanted else self._wanted.discard)(index)
            wanted = wanted and self._has_grown
        # Asked first: to show a column tells of its width as if the user had changed it.
        is_new = self._is_fitted and index not in self._widths
        self._view.setColumnHidden(index, not wanted)
        if wanted and is_new:
            self._set_width(index, self._fitting_width(index))

    def show_growing(self, *, has_values: bool) -> None:
        """There is something in the columns that grow, or no longer."""
        if has_values is not self._has_grown:
            self._has_grown = has_values
            for index in sorted(self._wanted):
                self.show(index, wanted=True)

    def _is_wanted(self, index: int) -> bool:
        return index in self._wanted if index in self._growing else not self._view.isColumnHidden(index)

    def menu(self, parent: QWidget) -> QMenu:
        """A tick for each column, and the way back to the usual ones."""
        menu = QMenu(parent)
        groups: dict[str, QMenu] = {"": menu}
        for index, column in enumerate(self._columns):
            if column.group not in groups:
                groups[column.group] = menu.addMenu(column.group)
            action = groups[column.group].addAction(column.title)
            action.setCheckable(True)
            action.setChecked(self._is_wanted(index))
            action.setEnabled(index > 0)
            action.toggled.connect(lambda wanted, index=index: self.show(index, wanted=wanted))
        menu.addSeparator()
        menu.addAction(tr("All columns")).triggered.connect(self._show_all)
        menu.addAction(tr("The usual columns")).triggered.connect(self._reset)
        return menu

    def fit(self, *, again: bool = False) -> None:
        """Make each column as wide as a sample of its texts, once; later widths are the user's."""
        model: TableModel = self._view.table_model
        count = model.rowCount()
        if (self._is_fitted and not again) or not count:
            return
        self._is_fitted = True
        header = self._view.horizontalHeader()
        # One that grows is measured when there is something in it.
        indices = [
            index
            for index in range(len(self._columns))
            if index not in self._growing or not self._view.isColumnHidden(index)
        ]
        widths = {index: self._fitting_width(index) for index in indices}
        # Names take what the others leave, but never so much that these are out of sight.
        others = sum(width for index, width in widths.items() if index and not header.isSectionHidden(index))
        room = max(self._view.viewport().width() - others, _NAME_NARROWEST)
        widths[0] = min(max(widths[0], _NAME_NARROWEST), max(room, min(widths[0], _NAME_WIDEST)))
        for index, width in widths.items():
            self._set_width(index, width)

    def _fitting_width(self, index: int) -> int:
        """Pixels that a sample of a column's texts needs, and its title."""
        model: TableModel = self._view.table_model
        painter: TableRowPainter = self._view.row_painter
        column, count = self._columns[index], model.rowCount()
        most = _SAMPLE_GROWING if column.grows else _SAMPLE
        texts = (model.text(place, index) for place in range(0, count, max(1, count // most)))
        longest = max(texts, key=len, default="")
        # What is still to come may be longer than what is there.
        if column.grows:
            longest = max(longest, _LONGEST_NUMBER if column.kind == "number" else _LONGEST_WORDS, key=len)
        metrics = self._view.horizontalHeader().fontMetrics()
        title = metrics.horizontalAdvance(column.title) + 2 * MARGIN + ARROW
        width = max(painter.width(longest, is_number=column.kind == "number") + 4, title, _NARROWEST)
        return min(width, _WIDEST) if index else width

    def state(self) -> dict[str, Any]:
        """What `restore` takes: ids from the left, those that are wanted, and widths."""
        header = self._view.horizontalHeader()
        order = [header.logicalIndex(place) for place in range(header.count())]
        return {
            "order": [self._columns[index].id for index in order],
            "shown": [column.id for index, column in enumerate(self._columns) if self._is_wanted(index)],
            "widths": {self._columns[i].id: width for i, width in self._widths.items()} if self._is_fitted else {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave; whatever is not as it should be is passed over."""
        index_of = {column.id: index for index, column in enumerate(self._columns)}
        header = self._view.horizontalHeader()
        shown, order, widths = state.get("shown"), state.get("order"), state.get("widths")
        if isinstance(order, list):
            known = [index_of[name] for name in dict.fromkeys(filter(_is_text, order)) if name in index_of]
            for place, index in enumerate(known):
                header.moveSection(header.visualIndex(index), place)
        if isinstance(shown, list):
            for index, column in enumerate(self._columns):
                # A column that this version has added is shown as if nothing had been chosen.
                known_then = isinstance(order, list) and column.id in order
                self.show(index, wanted=column.id in shown if known_then else column.at_first)
        if isinstance(widths, dict):
            for name, width in widths.items():
                if name in index_of and isinstance(width, int) and not isinstance(width, bool):
                    self._is_fitted = True
                    self._set_width(index_of[name], min(max(width, _NARROWEST), _WIDEST_EVER))

    def _resized(self, index: int, _: int, width: int) -> None:
        if width > 0:  # a hidden one has none
            self._widths[index] = width

    def _set_width(self, index: int, width: int) -> None:
        self._widths[index] = width
        self._view.horizontalHeader().resizeSection(index, width)

    def _show_usual(self) -> None:
        for index, column in enumerate(self._columns):
            self.show(index, wanted=column.at_first)

    def _show_all(self) -> None:
        for index in range(len(self._columns)):
            self.show(index, wanted=True)

    def _reset(self) -> None:
        header = self._view.horizontalHeader()
        for index in range(len(self._columns)):
            header.moveSection(header.visualIndex(index), index)
        self._show_usual()
        self.fit(again=True)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
