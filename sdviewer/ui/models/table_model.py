"""TableModel: the flat table of all tensors, in the order and the choice in which it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.listing import Column, Listing
from sdviewer.ui.table.selection import RowSelection
from sdviewer.ui.tooltips import tooltip

Index = QModelIndex | QPersistentModelIndex

_TEXTS_KEPT = 16_384
_SPOKEN_WITH_NAME = ("dtype", "shape")
# Rows that type-ahead looks at in one step: the nearest name is mostly near.
_SEARCHED_AT_ONCE = 1 << 16


class TableModel(QAbstractTableModel):
    """Shows `rows` of a listing; both are made elsewhere and put in whole."""

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.listing: Listing | None = None
        self.rows: npt.NDArray[np.integer] = np.zeros(0, np.int32)
        self.selection = RowSelection(0)
        self._texts: dict[tuple[int, int], str] = {}
        self._growing_texts: dict[tuple[int, int], str] = {}
        self._growing = frozenset(place for place, column in enumerate(columns) if column.grows)

    def install(self, listing: Listing | None, rows: npt.NDArray[np.integer], selection: RowSelection) -> None:
        """Show these rows of a prepared listing."""
        self.beginResetModel()
        self._growing_texts.clear()
        if listing is not self.listing:
            self._texts.clear()
        self.listing, self.rows, self.selection = listing, rows, selection
        self.endResetModel()

    def values_came(self) -> None:
        """Show what columns that grow say now; rows stay as they are."""
        self._growing_texts.clear()
        if self._growing and len(self.rows):
            last = self.index(len(self.rows) - 1, max(self._growing))
            self.dataChanged.emit(self.index(0, min(self._growing)), last)

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Rows that are shown; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Columns, hidden ones as well; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, alignment and what a screen reader says."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        place, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(place, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self.tip(place, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(place, column)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' titles, aligned as their cells are."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        return self.alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        """Numbers stand at the right."""
        is_number = self.columns[column].kind == "number"
        side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def tensor(self, place: int) -> int:
        """The row of the tensor table that stands in a row of this one."""
        return int(self.rows[place])

    def place_of(self, tensor: int) -> int:
        """Where a tensor stands, -1 if it is not shown."""
        found = np.flatnonzero(self.rows == tensor)
        return int(found[0]) if len(found) else -1

    def text(self, place: int, column: int) -> str:
        """What stands in a cell, made once while it is on screen."""
        return self.text_of(self.tensor(place), column)

    def text_of(self, tensor: int, column: int) -> str:
        """What stands in a cell of a tensor, be it shown or not."""
        if self.listing is None:
            return ""
        key = (tensor, column)
        texts = self._growing_texts if column in self._growing else self._texts
        found = texts.get(key)
        if found is None:
            if len(texts) >= _TEXTS_KEPT:
                texts.clear()
            found = texts[key] = self.columns[column].text(self.listing.facts, tensor)
        return found

    def tip(self, place: int, column: int) -> str:
        """The whole text of a cell, or its exact figures."""
        if self.listing is None:
            return ""
        return self.columns[column].exact(self.listing.facts, self.tensor(place)) or self.text(place, column)

    def find_name(self, prefix: str, place: int) -> int:
        """The first row at or behind `place`, going round, whose name begins so (ASCII case ignored); -1 for none."""
        if self.listing is None or not len(self.rows) or not prefix:
            return -1
        facts = self.listing.facts
        wanted = np.frombuffer(prefix.encode("utf-8", "surrogatepass"), np.uint8)
        place %= len(self.rows)
        for first, last in ((place, len(self.rows)), (0, place)):
            for begin in range(first, last, _SEARCHED_AT_ONCE):
                found = _first_with_prefix(facts, self.rows[begin : min(begin + _SEARCHED_AT_ONCE, last)], wanted)
                if found >= 0:
                    return begin + found
        return -1

    def _spoken(self, place: int, column: int) -> str:
        if column:
            return f"{self.columns[column].title}: {self.text(place, column)}"
        beside = [i for i, other in enumerate(self.columns) if other.id in _SPOKEN_WITH_NAME]
        state = ["selected"] if self.tensor(place) in self.selection else []
        return ", ".join([self.text(place, 0), *(self.text(place, other) for other in beside), *state])


def _first_with_prefix(facts: TensorFacts, rows: npt.NDArray[np.integer], wanted: npt.NDArray[np.uint8]) -> int:
    """The first of `rows` whose name begins with these bytes, counted among them; -1 for none."""
    names = facts.listed_names
    places = np.flatnonzero(facts.first_letters[rows] == _lower(wanted[0]))
    start = names.offsets[rows[places]]
    long = names.offsets[rows[places] + 1] - start >= len(wanted)
    places, start = places[long], start[long]
    for position, byte in enumerate(wanted[1:], start=1):
        alike = _lower(names.bytes_array[start + position]) == _lower(byte)
        places, start = places[alike], start[alike]
    return int(places[0]) if len(places) else -1


def _lower(codes: npt.NDArray[np.uint8] | np.uint8) -> npt.NDArray[np.uint8]:
    return np.where((codes >= ord("A")) & (codes <= ord("Z")), codes | 32, codes).astype(np.uint8)
