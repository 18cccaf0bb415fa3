"""MetadataModel: the entries of metadata as a tree of key, value and type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.ui.metadata.entries import Entries, is_container, key_label, line_of, size_of, type_of
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

Index = QModelIndex | QPersistentModelIndex

_CELLS_KEPT = 4096


class Column(IntEnum):
    """The columns, in the order in which they stand."""

    KEY = 0
    VALUE = 1
    TYPE = 2


_HEADERS = (tr("Key"), tr("Value"), tr("Type"))


@dataclass(frozen=True, slots=True)
class Cells:
    """One row, ready to be painted; `count` is the number of its children, a note says how much is left out."""

    key: str
    value: str
    type: str
    count: int
    is_note: bool

    def text(self, column: int) -> str:
        """The text of one column."""
        return (self.key, self.value, self.type)[column]


class MetadataModel(QAbstractItemModel):
    """Reads entries that are ready. An index carries the number of its entry."""

    def __init__(self, entries: Entries, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries = entries
        self._cells: dict[int, Cells] = {}

    def entry(self, index: Index) -> int:
        """The entry of an index; the root for an invalid one."""
        return int(index.internalId()) if index.isValid() else 0

    def index_of(self, entry: int, column: int = 0) -> QModelIndex:
        """The index of an entry; an invalid one for the root."""
        return self.createIndex(self.entries.places[entry], column, entry) if entry > 0 else QModelIndex()

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        """A child of an entry; an invalid index where there is none."""
        if parent is not None and parent.isValid() and parent.column() != 0:
            return QModelIndex()
        children = self.entries.children[self.entry(parent) if parent is not None else 0]
        if not (0 <= row < len(children) and 0 <= column < len(Column)):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]  # QObject.parent() has the same name
        """The entry around this one."""
        return self.index_of(self.entries.parents[self.entry(index)]) if index.isValid() else QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Children, which the first column has."""
        if parent is None or not parent.isValid():
            return len(self.entries.children[0])
        return len(self.entries.children[self.entry(parent)]) if parent.column() == 0 else 0

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Three everywhere."""
        return 0 if parent is not None and parent.isValid() and parent.column() != 0 else len(Column)

    def hasChildren(self, parent: Index | None = None) -> bool:  # noqa: N802  # Qt
        """Whether there are any, without making an index."""
        return self.rowCount(parent) > 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip, and what a screen reader says."""
        if not self.checkIndex(index, QAbstractItemModel.CheckIndexOption.IndexIsValid):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cells(self.entry(index)).text(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self.cells(self.entry(index)).text(index.column()))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            cells = self.cells(self.entry(index))
            if index.column() == Column.KEY:
                return f"{cells.key}: {cells.value}, {cells.type}"
            return f"{_HEADERS[index.column()]}: {cells.text(index.column())}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        return _HEADERS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def cells(self, entry: int) -> Cells:
        """What stands in the row of an entry, made once while it is on screen."""
        found = self._cells.get(entry)
        if found is None:
            if len(self._cells) >= _CELLS_KEPT:
                self._cells.clear()
            found = self._cells[entry] = self._make(entry)
        return found

    def _make(self, entry: int) -> Cells:
        entries = self.entries
        key, value, count = entries.keys[entry], entries.values[entry], len(entries.children[entry])
        kind = type_of(value)
        if kind == "more":
            return Cells("…", line_of(value), "", 0, is_note=True)
        counted = f"{kind} · {size_of(value):,}" if is_container(value) else kind
        return Cells(key_label(key), line_of(value), counted, count, is_note=False)
