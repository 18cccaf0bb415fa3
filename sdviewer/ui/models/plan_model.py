"""PlanModel: what becomes of every key of an export."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from sdviewer.checkpoint.wording import bytes_for_people, shape_text, shown
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.edit.planned_keys import PlannedKey
    from sdviewer.ui.export.casting import Effects
    from sdviewer.ui.export.planning import PlanFacts, Planned

Index = QModelIndex | QPersistentModelIndex

_LONGEST_NAME = 1000


class Column(IntEnum):
    """The columns, from the left."""

    OLD = 0
    NEW = 1
    DTYPE = 2
    SHAPE = 3
    SIZE = 4
    NOTE = 5


_TITLES = (tr("In the file"), tr("Becomes"), tr("Dtype"), tr("Shape"), tr("Size"), tr("Note"))


class PlanModel(QAbstractTableModel):
    """Shows the rows of a `Planned`, which is made elsewhere and put in whole."""

    rename_wanted = Signal(str, str)
    """The user writes another new name: the one that it would have, and the one that it shall have."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.facts: PlanFacts | None = None
        self.rows: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._effects: Effects = {}

    def install(self, planned: Planned | None) -> None:
        """Show this plan, or nothing."""
        self.beginResetModel()
        self.facts = planned.facts if planned is not None else None
        self.rows = planned.rows if planned is not None else np.zeros(0, np.int32)
        self.endResetModel()

    def show_effects(self, effects: Effects) -> None:
        """What casts do to tensors, by their places in the source and the dtype that they are cast to."""
        self._effects = effects
        if len(self.rows):
            self.dataChanged.emit(self.index(0, Column.NOTE), self.index(len(self.rows) - 1, Column.NOTE))

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Keys that are shown; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Columns; cells have none."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A new name can be written by hand."""
        flags = super().flags(index)
        if index.isValid() and index.column() == Column.NEW and self.key(index.row()) is not None:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, tooltip, and the name to be edited."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(self.text(row, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == Qt.ItemDataRole.EditRole and column == Column.NEW:
            key = self.key(row)
            return key.new if key is not None else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{_TITLES[column]}: {self.text(row, column) or 'nothing'}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802  # Qt
        """Another new name is a wish, which becomes a rule; the next plan shows it."""
        key = self.key(index.row()) if index.isValid() and index.column() == Column.NEW else None
        if key is None or role != Qt.ItemDataRole.EditRole or not value or value == key.new:
            return False
        self.rename_wanted.emit(key.new, str(value))
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' titles, aligned as their cells are."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(_TITLES):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def key(self, row: int) -> PlannedKey | None:
        """The key in a row, None if it is dropped."""
        if self.facts is None or not 0 <= row < len(self.rows):
            return None
        number = int(self.rows[row])
        return self.facts.plan.keys[number] if number < len(self.facts.plan.keys) else None

    def old_name(self, row: int) -> str:
        """The name in the file."""
        key = self.key(row)
        if key is not None:
            return key.old
        plan = self.facts.plan if self.facts is not None else None
        return plan.dropped[int(self.rows[row]) - len(plan.keys)].old if plan is not None else ""

    def is_conflict(self, row: int) -> bool:
        """Whether it is one of the reasons why nothing can be written."""
        return self.facts is not None and int(self.rows[row]) in self.facts.conflicts

    def is_dropped(self, row: int) -> bool:
        """Whether it will not be written."""
        return self.key(row) is None

    def text(self, row: int, column: int) -> str:
        """What stands in a cell."""
        if self.facts is None:
            return ""
        plan, number = self.facts.plan, int(self.rows[row])
        if number >= len(plan.keys):
            dropped = plan.dropped[number - len(plan.keys)]
            return {Column.OLD: shown(dropped.old, _LONGEST_NAME), Column.NOTE: f"dropped by: {shown(dropped.by)}"}.get(
                Column(column), ""
            )
        key = plan.keys[number]
        match column:
            case Column.OLD:
                return shown(key.old, _LONGEST_NAME)
            case Column.NEW:
                return shown(key.new, _LONGEST_NAME) if key.new else '""'
            case Column.DTYPE:
                changed = key.dtype_before != key.dtype_after
                return f"{key.dtype_before} → {key.dtype_after}" if changed else shown(key.dtype_after, 40)
            case Column.SHAPE:
                return shape_text(key.shape)
            case Column.SIZE:
                return bytes_for_people(key.nbytes)
            case _:
                if number in self.facts.conflicts:
                    return f"✖ {shown(self.facts.conflicts[number], _LONGEST_NAME)}"
                effect = (
                    self._effects.get((key.place, key.dtype_after)) if key.dtype_before != key.dtype_after else None
                )
                return effect.words if effect is not None else ""

    @staticmethod
    def _alignment(column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column == Column.SIZE else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
