"""TreeView: a table view that looks and behaves as a tree, at any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.row_table import RowTable
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.columns import TreeColumns
from sdviewer.ui.tree.commands import TreeCommands
from sdviewer.ui.tree.copying import Texts, TreeCopying, expressions, names, tensors_below, tsv
from sdviewer.ui.tree.folding import TreeFolding
from sdviewer.ui.tree.health import Health
from sdviewer.ui.tree.keys import act_on_key
from sdviewer.ui.tree.row_painter import RowPainter, RowState, spans_row
from sdviewer.ui.tree.selection import RowSelection
from sdviewer.ui.tree.visible_rows import Remains


class TreeView(RowTable):
    """Shows a `TreeModel`; emits the node that becomes current.

    Where an item is asked for, that is a node or a group of nodes, see `Outline`. Of a group that is current the
    node is told whose children it holds. Many rows are copied by a job of the `bridge`, if there is one.
    """

    node_selected = Signal(int)

    rows_selected = Signal()
    """Other rows are selected, current or not."""

    folding_changed = Signal(bool)
    """Whether runs of alike blocks are shown as one row each."""

    def __init__(self, bridge: Bridge | None = None, parent: QWidget | None = None) -> None:
        painter = RowPainter(QApplication.font(), QApplication.palette())
        super().__init__(tr("Tree of sections, modules and tensors"), PlainHeader(8), painter, parent)
        self._painter = painter
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.horizontalHeader().setMinimumSectionSize(40)
        # The current node while a filter hides it, and whether it is just being put back.
        self._hidden_current = -1
        self._keeps_current = False
        self._columns = TreeColumns(self)
        self.selection = RowSelection(self)
        self.fold = TreeFolding(self)
        self.copying = TreeCopying(bridge, self)
        self.commands = TreeCommands(self)

    @property
    def tree_model(self) -> TreeModel | None:
        """The model, if one is set."""
        model = self.model()
        return model if isinstance(model, TreeModel) else None

    def show_tree(self, model: TreeModel) -> None:
        """Show a model, with columns as wide as a sample of it asks for, and select its root."""
        self.hovered = self._hidden_current = -1
        self.fold.begin(model)
        old = self.selectionModel()
        self.setModel(model)
        if old is not None:
            old.deleteLater()
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        self._columns.begin(model, self._painter)
        self.select_node(0)

    def select_node(self, item: int) -> None:
        """Make an item current and visible, opening the way to it."""
        model = self.tree_model
        row = model.reveal(item) if model is not None else -1
        if row >= 0:
            self.select_row(row)

    def select_row(self, row: int) -> None:
        """Make a row current, and it alone selected."""
        self.selection.only(row)

    def extend_to(self, move: QAbstractItemView.CursorAction, *, beside: bool) -> None:
        """Select up to where a move leads."""
        target = self.moveCursor(move, Qt.KeyboardModifier.NoModifier)
        if target.isValid():
            self.selection.extend_to(target.row(), beside=beside)

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves, or with None all again; what is current stays so, if only out of sight."""
        model = self.tree_model
        if model is None:
            return
        self.hovered = -1
        current = max(self.current_item(), self._hidden_current)
        model.show_only(remains)
        if current >= 0 and remains is None:
            row = model.reveal(current)
        else:
            row = model.rows.row_of(current) if current >= 0 else -1
        self._hidden_current = current if row < 0 else -1
        if row >= 0:
            with self.quietly():
                self.select_row(row)

    def show_health(self, health: Health | None) -> None:
        """Mark what a scan has found so far in a column of its own, which is there only after one."""
        model = self.tree_model
        if model is not None:
            model.show_health(health)
            self._columns.show_health(shown=health is not None)

    @property
    def folding(self) -> bool:
        """Whether runs of alike blocks are shown as one row each."""
        return self.fold.on

    def set_folding(self, folding: bool) -> None:  # the slot of a checkable action
        """Show every run of alike blocks as one row "0 … 31 × 32 alike", or each block by itself."""
        if folding is not self.fold.on:
            self.hovered = -1
            self.fold.set_all(fold=folding)
            self.folding_changed.emit(folding)

    def go_to_problem(self, step: int) -> bool:
        """Go to the next problem (`step` 1) or the one before (-1), going round; whether there is any."""
        model = self.tree_model
        if model is None:
            return False
        start = max(self.current_item(), 0)
        if model.rows.outline.is_group(start):
            start = model.rows.outline.nodes_of(start).start - (step > 0)
        node = model.rows.next_problem(start, step)
        if node >= 0:
            self.select_node(node)
        return node >= 0

    def selected_items(self) -> npt.NDArray[np.int32]:
        """The items of the selected rows, from top to bottom."""
        model = self.tree_model
        if model is None:
            return np.zeros(0, np.int32)
        pieces = [model.rows.items(rows.start, rows.stop) for rows in self.selection.stretches()]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)

    def first_nodes(self, most: int) -> npt.NDArray[np.int32]:
        """The nodes among the first so many selected rows; groups are none."""
        model = self.tree_model
        if model is None:
            return np.zeros(0, np.int32)
        items = [np.zeros(0, np.int32)]
        for rows in self.selection.stretches():
            items.append(model.rows.items(rows.start, min(rows.stop, rows.start + most)))
            most -= len(items[-1])
            if most <= 0:
                break
        found = np.concatenate(items)
        return found[found < len(model.rows.tree.what)]

    def selected_tensors(self) -> npt.NDArray[np.int64]:
        """The tensors of the selected rows and of all below them, as rows of the tensor table."""
        model, items = self.tree_model, self.selected_items()
        if model is None or not len(items):
            return np.zeros(0, np.int64)
        return tensors_below(model.rows.outline, items)

    def copy_names(self) -> None:
        """Copy the canonical names of the selected rows, one a line."""
        self._copy(names, "name")

    def copy_rows(self) -> None:
        """Copy the selected rows as TSV, with exact figures."""
        self._copy(tsv, "row")

    def copy_expressions(self) -> None:
        """Copy the Python that reaches what is selected, one expression a line."""
        self._copy(expressions, "expression")

    def select_first_match(self) -> bool:
        """Make the first row that fits the filter current, unless one is already; whether there is any."""
        model = self.tree_model
        remains = model.rows.remains if model is not None else None
        if model is None or remains is None or not remains.matched.any():
            return False
        if not model.rows.is_match(max(self.current_node(), 0)):
            self.select_node(int(remains.matched.argmax()))
        return True

    def current_node(self) -> int:
        """The current row's node, of a group the one whose children it holds; -1 for none."""
        model, item = self.tree_model, self.current_item()
        return model.rows.outline.owner(item) if model is not None and item >= 0 else -1

    def current_item(self) -> int:
        """The current row's item, -1 for none."""
        model, index = self.tree_model, self.currentIndex()
        return model.rows.item(index.row()) if model is not None and index.isValid() else -1

    def expand(self, item: int, *, deep: bool = False) -> None:
        """Open an item."""
        if self.tree_model is not None:
            self.tree_model.expand(item, deep=deep)

    def expand_below(self) -> None:
        """Open the current item and all below it."""
        if self.current_item() >= 0:
            self.expand(self.current_item(), deep=True)

    def collapse(self, item: int) -> None:
        """Close an item; if the current one lies below it, it becomes current."""
        model = self.tree_model
        if model is None or item <= 0 or not model.rows.has_children[item]:
            return
        if model.rows.row_of(item) >= 0 and self.currentIndex().row() in model.rows.rows_below(item):
            self.select_node(item)
        model.collapse(item)

    def toggle(self, item: int) -> None:
        """Open or close an item."""
        model = self.tree_model
        if model is not None and model.rows.expanded[item]:
            self.collapse(item)
        else:
            self.expand(item)

    def collapse_around(self) -> None:
        """Close the current item, or if it is closed, the one around it."""
        model, item = self.tree_model, self.current_item()
        if model is not None and item > 0:
            self.collapse(item if model.rows.expanded[item] else model.rows.parent(item))

    def selectAll(self) -> None:  # noqa: N802  # Qt
        """All rows that can be scrolled to."""
        if self.tree_model is not None:
            self.selection.every()

    def row_starting_with(self, text: str, first: int) -> int:
        """The next visible row whose name begins so."""
        return self.tree_model.rows.find_prefix(text, first) if self.tree_model is not None else -1

    def go_to_row(self, row: int) -> None:
        """Make a row current, and it alone selected."""
        self.select_row(row)

    def tip_at(self, row: int, column: int) -> str:
        """The exact figures, or a text that was cut."""
        model = self.tree_model
        if model is None:
            return ""
        cells, tip, width = model.cells(row), model.tip(row, column), self.columnWidth(column)
        room = self.viewport().width() if spans_row(cells) else width
        cut = self._painter.cell_width(cells, column, width) > room
        return tip if cut or tip != cells.text(column) else ""

    def event(self, event: QEvent) -> bool:
        """The tree's own copying goes before that of the window."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.matches(QKeySequence.StandardKey.Copy):
                event.accept()
                return True
        elif event.type() is QEvent.Type.ContextMenu:
            self.commands.refresh()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """A tree's keys; the others are the table's."""
        if act_on_key(self, event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def moveCursor(  # noqa: N802  # Qt
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Rows are what is moved between: a table would go to the first and the last column."""
        model, row = self.tree_model, self.currentIndex().row()
        if model is None or not model.rowCount():
            return QModelIndex()
        match action:
            case QAbstractItemView.CursorAction.MoveHome:
                return model.index(0, 0)
            case QAbstractItemView.CursorAction.MoveEnd:
                return model.index(model.rowCount() - 1, 0)
            case QAbstractItemView.CursorAction.MoveLeft | QAbstractItemView.CursorAction.MoveRight:
                return model.index(max(row, 0), 0)
        return super().moveCursor(action, modifiers)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A click on a branch opens or closes it and selects nothing."""
        row = self.rowAt(event.position().toPoint().y())
        model = self.tree_model
        if model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            cells = model.cells(row)
            branch = self._painter.branch_rect(cells, self.cell_rect(row, Column.NAME))
            if cells.has_children and branch.contains(event.position().toPoint()):
                self.toggle(cells.item)
                event.accept()
                return
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.selection.extend_to(row, beside=bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
                event.accept()
                return
            if not event.modifiers() and any(row in rows for rows in self.selection.stretches()):
                self.drag_start.press(event, row)
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A double click on a parent opens or closes it."""
        row = self.rowAt(event.position().toPoint().y())
        if self.tree_model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self.toggle(self.tree_model.rows.item(row))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The row under the pointer is tinted."""
        if self.drag_start.move(event):
            event.accept()
            return
        self.hover(self.rowAt(event.position().toPoint().y()))
        super().mouseMoveEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """A tree that was filled behind another tab takes its widths now."""
        super().showEvent(event)
        self._columns.fit(self._painter)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """A narrow tree keeps names, shapes and sizes."""
        super().resizeEvent(event)
        self._columns.give_way()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The commands of the context menu are those of what is selected now."""
        if event.type() is QEvent.Type.ContextMenu:
            self.commands.refresh()
        return super().viewportEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the rows in sight, one call each."""
        model = self.tree_model
        if model is None or not model.rowCount():
            super().paintEvent(event)
            return
        first = max(self.rowAt(event.rect().top()), 0)
        last = self.rowAt(event.rect().bottom())
        last = model.rowCount() - 1 if last < 0 else last
        current = self.currentIndex().row()
        stretches = self.selection.stretches()
        selected = [rows for rows in stretches if rows.start <= last and rows.stop > first]
        active = self.isActiveWindow() and self.hasFocus()
        alone = len(stretches) < 2 and sum(map(len, stretches)) < 2
        painter = QPainter(self.viewport())
        places = [(self.columnViewportPosition(column), self.columnWidth(column)) for column in Column]
        for row in range(first, last + 1):
            top, height = self.rowViewportPosition(row), self.look.row_height
            rects = [QRect(left, top, width, height) for left, width in places]
            cells = model.cells(row)
            expanded = bool(model.rows.expanded[cells.item])
            is_selected = any(row in rows for rows in selected)
            state = RowState(expanded, is_selected, row == self.hovered, row == current and active, active, alone)
            self._painter.paint(painter, cells, rects, state)
        painter.end()

    def _copy(self, texts: Texts, what: str) -> None:
        model, items = self.tree_model, self.selected_items()
        if model is not None and len(items):
            self.copying.copy(texts, model.checkpoint, model.rows.outline, items, what)

    def _selection_changed(self) -> None:
        self.rows_selected.emit()

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if self.state() is not QAbstractItemView.State.DragSelectingState:
            self.selection.set_anchor()
        if current.isValid() and not self._keeps_current:
            self._hidden_current = -1
            self.tell_current()

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """While rows come and go, what becomes current is not told: it shows what was current before."""
        self._keeps_current = True
        yield
        self._keeps_current = False

    def tell_current(self) -> None:
        """Tell which node is current."""
        node = self.current_node()
        if node >= 0:
            self.node_selected.emit(node)
