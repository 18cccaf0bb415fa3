"""TreeFolding: runs of alike blocks as one row each, all of them or one by one, and what is current meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdviewer.checkpoint.outline import Group

if TYPE_CHECKING:
    from sdviewer.ui.models.tree_model import TreeModel
    from sdviewer.ui.tree.view import TreeView


class TreeFolding:
    """Folds and unfolds in a view; `on` is whether every run is folded that nobody has unfolded."""

    def __init__(self, view: TreeView) -> None:
        self._view = view
        self.on = False

    def begin(self, model: TreeModel) -> None:
        """Fold what is about to be shown, if that is wished and has not been done."""
        if self.on and not model.rows.has_folded:
            model.fold_all(fold=True)

    def set_all(self, *, fold: bool) -> None:
        """Fold every run, or none; what was current stays so, or what it is folded into becomes current."""
        self.on = fold
        view = self._view
        model, current = view.tree_model, view.current_item()
        if model is None or not model.rows.has_alike:
            return
        outline = model.rows.outline
        if not fold and current >= 0 and outline.is_group(current):
            group = outline.group(current)
            current = int(outline.first[group]) if outline.kind[group] == Group.ALIKE else current
        with view.quietly():
            model.fold_all(fold=fold)
            while current >= 0 and model.rows.row_of(current) < 0:
                current = model.rows.parent(current)
            if current >= 0:
                view.select_node(current)
        view.tell_current()

    def fold_around(self) -> None:
        """Fold the innermost run around the current item."""
        view = self._view
        model, current = view.tree_model, view.current_item()
        group = model.rows.alike_around(current) if model is not None and current >= 0 else -1
        if model is not None and group >= 0 and model.rows.remains is None:
            with view.quietly():
                model.fold(group)
            view.select_node(group)

    def unfold_current(self) -> None:
        """Unfold the current item, if it is a folded run."""
        view = self._view
        model, current = view.tree_model, view.current_item()
        if model is not None and current >= 0 and model.rows.is_folded_run(current):
            with view.quietly():
                model.unfold(current)
            view.select_node(int(model.rows.outline.first[model.rows.outline.group(current)]))
