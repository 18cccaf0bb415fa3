"""Browser: the left half of a tab: the filter, and below it the tree or the table of all tensors.

The tree's current node is what the tab shows; the table follows it and leads it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.view_tabs import ViewBar
from sdviewer.ui.drag_out import DragOut
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.filter.bar import FilterBar
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.scan.scanning import Scanning
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.view import TreeView

if TYPE_CHECKING:
    from sdviewer.ui.table.pane import TablePane

MODULES, ALL_TENSORS = 0, 1
# Of the rows that are selected in the tree so many are looked at for tensors.
_LOOKED_AT = 1000


class Browser(QWidget):
    """Shows one checkpoint in two ways, filtered in one."""

    node_selected = Signal(int)
    """The tree node that became current, by whichever of the two."""

    rows_selected = Signal()
    """Other rows are selected, in whichever of the two is in sight."""

    export_wanted = Signal(object)
    """The user wants these tensors exported: their rows in the tensor table."""

    def __init__(self, bridge: Bridge, scanning: Scanning, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._scanning = bridge, scanning
        self._checkpoint: Checkpoint | None = None
        self._table_state = ""
        self._leading = False
        self.filter = FilterBar(bridge, scanning.found_in)
        self.tree = TreeView(bridge)
        self.table: TablePane | None = None
        self.dragging = DragOut(bridge, (id(self), "drag"), self)
        self.tree.drag_start.wanted.connect(self._drag)
        self.tree.drag_start.given_up.connect(self.dragging.give_up)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.tree)
        self.views = ViewBar(below=True)
        self.views.setAccessibleName(tr("Ways to see the tensors"))
        for title in ("Modules", "All tensors"):
            self.views.addTab(title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.error = ErrorStrip(self.tree)
        column.addWidget(self.filter)
        column.addWidget(self.error)
        column.addWidget(self._pages, 1)
        column.addWidget(self.views)

        self.views.currentChanged.connect(self._show_view)
        self.tree.node_selected.connect(self._tree_selected)
        self.tree.rows_selected.connect(self.rows_selected)
        self.tree.copying.done.connect(lambda _: self.error.clear())
        self.tree.copying.failed.connect(self._copy_failed)
        self.filter.filtered.connect(self._filtered)
        self.filter.results_wanted.connect(self.focus_view)
        self.filter.left.connect(self.focus_view)
        scanning.values_came.connect(self._values_came)
        scanning.judged.connect(self._judged)

    @property
    def is_settled(self) -> bool:
        """Whether nothing that is shown here is still on its way."""
        return self.filter.is_settled and (self.table is None or self.table.is_settled)

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of the jobs that run for this half."""
        return (
            self.filter.slot,
            self.tree.copying.slot,
            self.dragging.slot,
            *(self.table.running_slots() if self.table is not None else ()),
        )

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be shown."""
        self.filter.close_jobs()
        self._bridge.drop(self.tree.copying.slot)
        self.dragging.give_up()
        if self.table is not None:
            self.table.close_jobs()

    def show_checkpoint(self, checkpoint: Checkpoint, model: TreeModel) -> None:
        """Show another checkpoint, or the same file read again; what is typed into the filter is asked of it."""
        self._checkpoint = checkpoint
        self.error.clear()
        self.tree.show_tree(model)
        self.filter.show_checkpoint(checkpoint)
        if self.table is not None:
            self.table.show_rows(checkpoint, None)

    def show_view(self, view: int) -> None:
        """Show the tree (`MODULES`) or the table (`ALL_TENSORS`)."""
        self.views.setCurrentIndex(view)
        self.focus_view()

    def focus_view(self) -> None:
        """Give the keys to the tree or the table."""
        view = self.table if self.table is not None and self.views.currentIndex() == ALL_TENSORS else self.tree
        view.setFocus(Qt.FocusReason.OtherFocusReason)

    def selected_tensors(self, most: int) -> tuple[int, ...]:
        """The rows of the first selected tensors, in the order in which they stand in the view that is in sight."""
        if self._checkpoint is None:
            return ()
        if self.table is not None and self.views.currentIndex() == ALL_TENSORS:
            return tuple(self.table.selected_tensors()[:most].tolist())
        tree = self._checkpoint.tree
        nodes = self.tree.first_nodes(_LOOKED_AT)
        return tuple(tree.ref[nodes[tree.what[nodes] == TreeNode.TENSOR]][:most].tolist())

    def all_selected(self) -> npt.NDArray[np.integer]:
        """The rows of the tensors that are selected in the view that is in sight, with all that lie below."""
        if self.table is not None and self.views.currentIndex() == ALL_TENSORS:
            return self.table.selected_tensors()
        return self.tree.selected_tensors()

    def export_selected(self) -> None:
        """Ask for an export of all that is selected in the view that is in sight, with all that lies below it."""
        self.export_wanted.emit(self.all_selected().tolist())

    def table_state(self) -> str:
        """The table's columns, for the settings."""
        return self.table.state() if self.table is not None else self._table_state

    def restore_table(self, state: str) -> None:
        """Columns as they were in an earlier window."""
        self._table_state = state

    def _drag(self) -> None:
        if self._checkpoint is not None:
            self.dragging.begin(self._checkpoint, self.all_selected())

    def _copy_failed(self, error: BaseException, again: Callable[[], None]) -> None:
        self.error.show_error(error, tr("Nothing was copied."), again)

    def _show_view(self, view: int) -> None:
        if view == ALL_TENSORS:
            table = self._ready_table()
            self._pages.setCurrentWidget(table)
            self._lead_table()
        else:
            self._pages.setCurrentWidget(self.tree)

    def _ready_table(self) -> TablePane:
        if self.table is None:
            from sdviewer.ui.scan.columns import scan_columns
            from sdviewer.ui.table.pane import TablePane

            self.table = TablePane(self._bridge, (*TENSOR_COLUMNS, *scan_columns(self._scanning.found_in)))
            if self._table_state:
                self.table.restore_state(self._table_state)
            self.table.tensor_selected.connect(self._table_selected)
            self.table.selection_changed.connect(self.rows_selected)
            self.table.export_wanted.connect(self.export_selected)
            self.table.view.drag_start.wanted.connect(self._drag)
            self.table.view.drag_start.given_up.connect(self.dragging.give_up)
            # What the window has for tensors, for the menu of its rows.
            self.table.addActions(self.actions())
            self._pages.addWidget(self.table)
            if self._checkpoint is not None:
                found = self.filter.found
                self.table.show_rows(self._checkpoint, None if found is None else found.matches.rows)
            self._values_came()
        return self.table

    def _values_came(self) -> None:
        """A scan has counted more, or what it had counted is of no use any more."""
        if self.table is not None:
            self.table.values_came(any_values=self._scanning.findings is not None)
        self.filter.results_came()

    def _judged(self) -> None:
        """Health says something else."""
        findings = self._scanning.findings
        judged = findings.judged if findings is not None else None
        self.tree.show_health(judged.marks if judged is not None else None)
        if self.table is not None:
            self.table.values_came(any_values=findings is not None)
        self.filter.results_came()

    def _filtered(self, remains: object) -> None:
        del remains  # the rows that the table needs are kept with it
        found = self.filter.found
        self.tree.show_only(None if found is None else found.remains)
        if self.table is not None and self._checkpoint is not None:
            self.table.show_rows(self._checkpoint, None if found is None else found.matches.rows)

    def _tree_selected(self, node: int) -> None:
        if not self._leading:
            self._lead_table()
        self.node_selected.emit(node)

    def _lead_table(self) -> None:
        """Go to the tree's tensor in the table, if that is in sight."""
        node = self.tree.current_node()
        if self._checkpoint is None or self.table is None or node < 0 or self.views.currentIndex() != ALL_TENSORS:
            return
        tree = self._checkpoint.tree
        if tree.what[node] == TreeNode.TENSOR:
            self.table.select_tensor(int(tree.ref[node]))

    def _table_selected(self, row: int) -> None:
        if self._checkpoint is None:
            return
        tree = self._checkpoint.tree
        nodes = np.flatnonzero((tree.what == TreeNode.TENSOR) & (tree.ref == row))
        if len(nodes) and int(nodes[0]) != self.tree.current_node():
            self._leading = True
            try:
                self.tree.select_node(int(nodes[0]))
            finally:
                self._leading = False
