"""RulesModel: the rules of an export in their order, each with a switch and how many keys it touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from sdviewer.checkpoint.wording import plural, shown
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.edit.rules import Rule

Index = QModelIndex | QPersistentModelIndex

MIME = "application/x-sdviewer-rule"
_LONGEST = 300


class RulesModel(QAbstractListModel):
    """Shows rules that belong to someone else: what the user wants done to them leaves it as signals."""

    switched = Signal(int, bool)
    """The rule in a row shall be on or off."""

    moved = Signal(int, int)
    """The rule in a row shall stand in another one, counted without it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Rules of another list are none of this one.
        self._own = f"{id(self)}:"
        self._rules: tuple[Rule, ...] = ()
        self._complete: tuple[bool, ...] = ()
        self._touched: tuple[int, ...] = ()
        self._words: tuple[str, ...] = ()

    def show_rules(self, rules: Sequence[Rule], complete: Sequence[bool]) -> None:
        """Show these; `complete` says which of them say enough to be carried out."""
        from sdviewer.edit.rules import told

        self._complete = tuple(complete)
        words = tuple(told(rule) for rule in rules)
        if len(rules) == len(self._rules):
            # As many as before: whoever edits one keeps it in front of him.
            self._rules, self._words = tuple(rules), words
            if rules:
                self.dataChanged.emit(self.index(0), self.index(len(rules) - 1))
            return
        self.beginResetModel()
        self._rules, self._words, self._touched = tuple(rules), words, ()
        self.endResetModel()

    def show_touched(self, touched: Sequence[int]) -> None:
        """How many keys each rule changes."""
        self._touched = tuple(touched)
        if self._rules:
            self.dataChanged.emit(self.index(0), self.index(len(self._rules) - 1))

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Rules; a rule has none below it."""
        return 0 if parent is not None and parent.isValid() else len(self._rules)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """A rule has a switch and can be dragged; it is dropped between others."""
        flags = super().flags(index)
        if index.isValid():
            return flags | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemIsDropEnabled

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What the rule says, its switch, and what a screen reader says."""
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        row = index.row()
        rule = self._rules[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown(self._words[row], _LONGEST)
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if rule.enabled else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(f"{shown(self._words[row], _LONGEST)}\n{self.aside(row)}")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{shown(self._words[row], _LONGEST)}, {'on' if rule.enabled else 'off'}, {self.aside(row)}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802  # Qt
        """The switch was clicked."""
        if not index.isValid() or role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.switched.emit(index.row(), Qt.CheckState(value) is Qt.CheckState.Checked)
        return True

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802  # Qt
        """A rule that is dragged is moved."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: N802  # Qt
        """A kind of our own: files are for the window."""
        return [MIME]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:  # noqa: N802  # Qt
        """The row that is dragged."""
        data = QMimeData()
        data.setData(MIME, f"{self._own}{indexes[0].row()}".encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, _: int, parent: Index) -> bool:  # noqa: N802  # Qt
        """A rule is dropped before a row, or behind the last one."""
        if action is not Qt.DropAction.MoveAction or not data.hasFormat(MIME):
            return False
        text = bytes(data.data(MIME).data()).removeprefix(self._own.encode())
        before = row if row >= 0 else parent.row() if parent.isValid() else len(self._rules)
        return text.isdigit() and self._move(int(text), before)

    def moveRows(self, parent: Index, row: int, count: int, other: Index, before: int) -> bool:  # noqa: N802  # Qt
        """As the view moves rows that are dragged within it."""
        if parent.isValid() or other.isValid() or count != 1:
            return False
        return self._move(row, before)

    def aside(self, row: int) -> str:
        """What stands at the right of a rule."""
        rule = self._rules[row]
        if not rule.enabled:
            return "off"
        if not self._complete[row]:
            return "not filled in"
        if row >= len(self._touched):
            return ""
        return plural(self._touched[row], "key") if self._touched[row] else "changes nothing"

    def is_idle(self, row: int) -> bool:
        """Whether a rule that is on does nothing."""
        return self.aside(row) in {"changes nothing", "not filled in"}

    def _move(self, row: int, before: int) -> bool:
        to = before - (before > row)
        if not 0 <= row < len(self._rules) or to == row:
            return False
        self.moved.emit(row, to)
        return True
