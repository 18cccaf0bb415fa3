"""The keys of the tree: a table would go from column to column with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView

from sdviewer.ui.keys import MOVES, KeySpec, KeyTable, with_modifier
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.tree.view import TreeView

_Move = QAbstractItemView.CursorAction
_MOVES = {
    Qt.Key.Key_Up: _Move.MoveUp,
    Qt.Key.Key_Down: _Move.MoveDown,
    Qt.Key.Key_PageUp: _Move.MovePageUp,
    Qt.Key.Key_PageDown: _Move.MovePageDown,
    Qt.Key.Key_Home: _Move.MoveHome,
    Qt.Key.Key_End: _Move.MoveEnd,
}

TREE_KEYS = KeyTable(
    tr("Tree of modules"),
    (
        KeySpec("right", ("Right",), tr("Open the entry, or go to its first child")),
        KeySpec("left", ("Left",), tr("Close the entry, or go to its parent")),
        KeySpec("toggle", ("Return", "Enter"), tr("Open or close the entry")),
        KeySpec("open", ("+",), tr("Open the entry")),
        KeySpec("close", ("-",), tr("Close the entry")),
        KeySpec("open_all", ("*",), tr("Open everything below the entry")),
        KeySpec("parent", ("Backspace",), tr("Go to the parent")),
        KeySpec("fold", ("Ctrl+Left",), tr("Fold the alike blocks around the entry")),
        KeySpec("unfold", ("Ctrl+Right",), tr("Unfold the alike blocks")),
        KeySpec("", ("Home", "End"), tr("Go to the first or the last row")),
        KeySpec("extend", with_modifier("Shift", MOVES), tr("Select all rows up to another one")),
        KeySpec("extend_beside", with_modifier("Ctrl+Shift", MOVES), tr("Select them beside those that are selected")),
        KeySpec("", ("Ctrl+A",), tr("Select all rows")),
        KeySpec("", (), tr("Go to the next entry whose name begins so"), told=tr("A letter …")),
    ),
)


def act_on_key(view: TreeView, event: QKeyEvent) -> bool:
    """Do what a key asks of the tree; whether it is one of the tree's own."""
    model, item = view.tree_model, view.current_item()
    if model is None or item < 0:
        return False
    if event.matches(QKeySequence.StandardKey.Copy):
        view.copy_names()
        return True
    expanded = bool(model.rows.expanded[item])
    match TREE_KEYS.find(event):
        case "right" if expanded:
            view.select_row(model.rows.row_of(item) + 1)
        case "right" | "open":
            view.expand(item)
        case "left" if expanded and item != 0:
            view.collapse(item)
        case "left" | "parent":
            view.select_node(max(model.rows.parent(item), 0))
        case "toggle":
            view.toggle(item)
        case "open_all":
            view.expand(item, deep=True)
        case "close":
            view.collapse(item)
        case "fold":
            view.fold.fold_around()
        case "unfold":
            view.fold.unfold_current()
        case "extend" | "extend_beside" as how:
            view.extend_to(_MOVES[Qt.Key(event.key())], beside=how == "extend_beside")
        case _:
            return False
    return True
