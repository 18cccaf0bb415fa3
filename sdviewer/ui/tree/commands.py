"""The commands of the tree's context menu that are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.tree.view import TreeView


class TreeCommands:
    """Actions of the view, which a context menu of actions shows; `refresh` before it does."""

    def __init__(self, view: TreeView) -> None:
        self._view = view
        self.copy_names = _action("Copy &Name", view)
        self.copy_rows = _action("Copy &Row as TSV", view)
        self.copy_expressions = _action("Copy &Access Expression", view)
        separator = _action("", view)
        separator.setSeparator(True)
        self.fold = _action("&Fold Alike Blocks Here\tCtrl+Left", view)
        self.unfold = _action("&Unfold Alike Blocks Here\tCtrl+Right", view)
        end = _action("", view)
        end.setSeparator(True)
        for action, act in (
            (self.copy_names, view.copy_names),
            (self.copy_rows, view.copy_rows),
            (self.copy_expressions, view.copy_expressions),
            (self.fold, view.fold.fold_around),
            (self.unfold, view.fold.unfold_current),
        ):
            action.triggered.connect(act)

    def refresh(self) -> None:
        """What can be done with what is selected and current."""
        view = self._view
        model, items, current = view.tree_model, view.selected_items(), view.current_item()
        self.copy_names.setText(tr("Copy &Names") if len(items) > 1 else tr("Copy &Name"))
        self.copy_rows.setText(tr("Copy &Rows as TSV") if len(items) > 1 else tr("Copy &Row as TSV"))
        for action in (self.copy_names, self.copy_rows, self.copy_expressions):
            action.setEnabled(len(items) > 0)
        around = -1
        if model is not None and current >= 0 and model.rows.remains is None:
            around = model.rows.alike_around(current)
        self.fold.setVisible(around >= 0)
        self.unfold.setVisible(model is not None and current >= 0 and model.rows.is_folded_run(current))


def _action(text: str, view: QWidget) -> QAction:
    action = QAction(text, view)
    view.addAction(action)
    return action
