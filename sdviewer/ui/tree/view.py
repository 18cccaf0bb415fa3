"""TreeView: a table view that looks and behaves as a tree, at any size."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QToolTip, QWidget

from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.tree.row_painter import RowPainter, RowState, spans_row
from sdviewer.ui.tree.visible_rows import Remains

_SAMPLE = 80
_WIDEST = {Column.KIND: 170, Column.DTYPE: 130, Column.SHAPE: 190, Column.SIZE: 110}
_GIVING_WAY = (Column.KIND, Column.DTYPE)
_NAME_NEEDED = 160
_NARROWEST = {Column.KIND: 60, Column.DTYPE: 60, Column.SHAPE: 80, Column.SIZE: 84}


class TreeView(QTableView):
    """Shows a `TreeModel`; emits the node that becomes current."""

    node_selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Tree of sections, modules and tensors")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setHorizontalHeader(PlainHeader(8, self))
        self.horizontalHeader().setMinimumSectionSize(40)
        self._painter = RowPainter(self.font(), self.palette())
        self._hovered = -1
        self._typed = ""
        self._typed_at = 0.0
        # The current node while a filter hides it, and whether it is just being put back.
        self._hidden_current = -1
        self._keeps_current = False
        self._wanted: dict[Column, int] = {}
        self._set_row_height()

    @property
    def tree_model(self) -> TreeModel | None:
        """The model, if one is set."""
        model = self.model()
        return model if isinstance(model, TreeModel) else None

    def show_tree(self, model: TreeModel) -> None:
        """Show a model, with columns as wide as a sample of it asks for, and select its root."""
        self._hovered = self._hidden_current = -1
        old = self.selectionModel()
        self.setModel(model)
        if old is not None:
            old.deleteLater()
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        header = self.horizontalHeader()
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        # What is in sight, and of what is still closed some from everywhere.
        nodes = len(model.checkpoint.tree)
        sample = [model.cells(row) for row in range(min(model.rowCount(), _SAMPLE))]
        sample += [model.cells_of(node) for node in range(0, nodes, max(1, nodes // _SAMPLE))]
        for column, widest in _WIDEST.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            wanted = max((self._painter.cell_width(cells, column) for cells in sample), default=0)
            self._wanted[column] = min(max(wanted, _NARROWEST[column]), widest)
            header.resizeSection(column, self._wanted[column])
        self._give_way()
        self.select_node(0)

    def select_node(self, node: int) -> None:
        """Make a node current and visible, opening the way to it."""
        model = self.tree_model
        if model is not None:
            self.setCurrentIndex(model.index(model.reveal(node), 0))

    def show_only(self, remains: Remains | None) -> None:
        """Show what a filter leaves, or with None all again; what is current stays so, if only out of sight."""
        model = self.tree_model
        if model is None:
            return
        self._hovered = -1
        current = max(self.current_node(), self._hidden_current)
        model.show_only(remains)
        if current >= 0 and remains is None:
            row = model.reveal(current)
        else:
            row = model.rows.row_of(current) if current >= 0 else -1
        self._hidden_current = current if row < 0 else -1
        if row >= 0:
            self._keeps_current = True
            self.setCurrentIndex(model.index(row, 0))
            self._keeps_current = False

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
        """The current row's node, -1 for none."""
        model, index = self.tree_model, self.currentIndex()
        return model.rows.node(index.row()) if model is not None and index.isValid() else -1

    def expand(self, node: int, *, deep: bool = False) -> None:
        """Open a node."""
        if self.tree_model is not None:
            self.tree_model.expand(node, deep=deep)

    def collapse(self, node: int) -> None:
        """Close a node; if the current one lies below it, it becomes current."""
        model = self.tree_model
        if model is None or node <= 0 or not model.rows.has_children[node]:
            return
        if node < self.current_node() < int(model.checkpoint.tree.end[node]):
            self.select_node(node)
        model.collapse(node)

    def collapse_around(self) -> None:
        """Close the current node, or if it is closed, the one around it."""
        model, node = self.tree_model, self.current_node()
        if model is not None and node > 0:
            self.collapse(node if model.rows.expanded[node] else int(model.checkpoint.tree.parent[node]))

    def selectAll(self) -> None:  # noqa: N802  # Qt
        """Nothing: one row is selected at a time, and Qt's own takes 30 s for a million rows."""

    def keyboardSearch(self, search: str) -> None:  # noqa: N802  # Qt
        """Type-ahead over the visible rows, as arrays: Qt would ask the model row by row."""
        model = self.tree_model
        if model is None:
            return
        now = time.monotonic()
        continued = now - self._typed_at < QApplication.keyboardInputInterval() / 1000
        self._typed_at = now
        self._typed = self._typed + search if continued else search
        current = self.currentIndex().row()
        # One letter again and again walks through the names that begin with it.
        same = len(set(self._typed.lower())) == 1
        row = model.rows.find_prefix(self._typed, current + (not continued or same))
        if row < 0 and same:
            row = model.rows.find_prefix(search, current + 1)
        if row >= 0:
            self.setCurrentIndex(model.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """A tree's keys; the others are the table's."""
        model, node = self.tree_model, self.current_node()
        if model is None or node < 0 or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        expanded = bool(model.rows.expanded[node])
        match event.key():
            case Qt.Key.Key_Right:
                self._go_in(model, node)
            case Qt.Key.Key_Left if expanded and node != 0:
                self.collapse(node)
            case Qt.Key.Key_Left if node != 0:
                self.select_node(int(model.checkpoint.tree.parent[node]))
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._toggle(node)
            case Qt.Key.Key_Asterisk:
                self.expand(node, deep=True)
            case Qt.Key.Key_Plus:
                self.expand(node)
            case Qt.Key.Key_Minus:
                self.collapse(node)
            case Qt.Key.Key_Home:
                self.setCurrentIndex(model.index(0, 0))
            case Qt.Key.Key_End:
                self.setCurrentIndex(model.index(model.rowCount() - 1, 0))
            case _:
                super().keyPressEvent(event)
                return
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A click on a branch opens or closes it and selects nothing."""
        row = self.rowAt(event.position().toPoint().y())
        model = self.tree_model
        if model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            cells = model.cells(row)
            branch = self._painter.branch_rect(cells, self._cell_rect(row, Column.NAME))
            if cells.has_children and branch.contains(event.position().toPoint()):
                self._toggle(cells.node)
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A double click on a parent opens or closes it."""
        row = self.rowAt(event.position().toPoint().y())
        if self.tree_model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self._toggle(self.tree_model.rows.node(row))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The row under the pointer is tinted."""
        self._hover(self.rowAt(event.position().toPoint().y()))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """No row is under the pointer any more."""
        self._hover(-1)
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """A narrow tree keeps names, shapes and sizes."""
        super().resizeEvent(event)
        self._give_way()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new font or palette is taken over."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and hasattr(
            self, "_painter"
        ):
            self._painter.refresh(self.font(), self.palette())
            self._set_row_height()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  # Qt
        """A tooltip where the text was cut, or where it has exact figures to add."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._show_tip(event)
            return True
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
        selected, current = self.currentIndex().row(), self.currentIndex().row()
        if not self.selectionModel().hasSelection():
            selected = -1
        active = self.isActiveWindow() and self.hasFocus()
        painter = QPainter(self.viewport())
        for row in range(first, last + 1):
            rects = [self._cell_rect(row, column) for column in Column]
            cells = model.cells(row)
            expanded = bool(model.rows.expanded[cells.node])
            state = RowState(expanded, row == selected, row == self._hovered, row == current and active, active)
            self._painter.paint(painter, cells, rects, state)
        painter.end()

    def _go_in(self, model: TreeModel, node: int) -> None:
        if model.rows.has_children[node]:
            if model.rows.expanded[node]:
                self.select_node(node + 1)
            else:
                model.expand(node)

    def _toggle(self, node: int) -> None:
        model = self.tree_model
        if model is None or node == 0:
            return
        if model.rows.expanded[node]:
            self.collapse(node)
        else:
            model.expand(node)

    def _cell_rect(self, row: int, column: int) -> QRect:
        return QRect(
            self.columnViewportPosition(column),
            self.rowViewportPosition(row),
            self.columnWidth(column),
            self._painter.row_height,
        )

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            for changed in (row, self._hovered):
                if changed >= 0:
                    rect = self._cell_rect(changed, 0)
                    self.viewport().update(0, rect.top(), self.viewport().width(), rect.height())
            self._hovered = row

    def _show_tip(self, event: QHelpEvent) -> None:
        model, row, column = self.tree_model, self.rowAt(event.pos().y()), self.columnAt(event.pos().x())
        if model is None or row < 0 or column < 0:
            QToolTip.hideText()
            return
        cells = model.cells(row)
        tip = model.tip(row, column)
        width = self.columnWidth(column)
        room = self.viewport().width() if spans_row(cells) else width
        cut = self._painter.cell_width(cells, column, width) > room
        shown = tip if cut or tip != cells.text(column) else ""
        rect = self._cell_rect(row, column)
        QToolTip.showText(event.globalPos(), tooltip(shown), self.viewport(), rect)

    def _give_way(self) -> None:
        """Hide the columns that leave the names too little room, the least needed first."""
        room = self.viewport().width() - sum(self._wanted.values())
        for column in _GIVING_WAY:
            if column in self._wanted:
                hidden = room < _NAME_NEEDED
                if self.isColumnHidden(column) is not hidden:
                    self.setColumnHidden(column, hidden)
                room += self._wanted[column] if hidden else 0

    def _set_row_height(self) -> None:
        self.verticalHeader().setMinimumSectionSize(self._painter.row_height)
        self.verticalHeader().setDefaultSectionSize(self._painter.row_height)

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid() and self.tree_model is not None and not self._keeps_current:
            self._hidden_current = -1
            self.node_selected.emit(self.tree_model.rows.node(current.row()))
