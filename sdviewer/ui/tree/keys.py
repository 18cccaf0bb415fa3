"""The keys of the tree: a table would go from column to column with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView

if TYPE_CHECKING:
    from sdviewer.ui.models.tree_model import TreeModel
    from sdviewer.ui.tree.view import TreeView

_Key, _Move = Qt.Key, QAbstractItemView.CursorAction
_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
# On some keyboards typed with Shift.
_SHIFTED = (_Key.Key_Plus, _Key.Key_Asterisk)
_MOVES = {
    _Key.Key_Up: _Move.MoveUp,
    _Key.Key_Down: _Move.MoveDown,
    _Key.Key_PageUp: _Move.MovePageUp,
    _Key.Key_PageDown: _Move.MovePageDown,
    _Key.Key_Home: _Move.MoveHome,
    _Key.Key_End: _Move.MoveEnd,
}


def act_on_key(view: TreeView, event: QKeyEvent) -> bool:
    """Do what a key asks of the tree; whether it is one of the tree's own."""
    model, item = view.tree_model, view.current_item()
    if model is None or item < 0:
        return False
    if event.matches(QKeySequence.StandardKey.Copy):
        view.copy_names()
        return True
    key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers & _SHIFT and key in _MOVES:
        view.extend_to(_MOVES[key], beside=bool(modifiers & _CONTROL))
    elif modifiers == _CONTROL and key == _Key.Key_Left:
        view.fold.fold_around()
    elif modifiers == _CONTROL and key == _Key.Key_Right:
        view.fold.unfold_current()
    elif not modifiers or (modifiers == _SHIFT and key in _SHIFTED):
        return _act_on_plain_key(view, model, item, key)
    else:
        return False
    return True


def _act_on_plain_key(view: TreeView, model: TreeModel, item: int, key: Qt.Key) -> bool:
    match key:
        case _Key.Key_Right if model.rows.expanded[item]:
            view.select_row(model.rows.row_of(item) + 1)
        case _Key.Key_Right | _Key.Key_Plus:
            view.expand(item)
        case _Key.Key_Left if model.rows.expanded[item] and item != 0:
            view.collapse(item)
        case _Key.Key_Left | _Key.Key_Backspace:
            view.select_node(max(model.rows.parent(item), 0))
        case _Key.Key_Return | _Key.Key_Enter:
            view.toggle(item)
        case _Key.Key_Asterisk:
            view.expand(item, deep=True)
        case _Key.Key_Minus:
            view.collapse(item)
        case _:
            return False
    return True
