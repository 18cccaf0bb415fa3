"""DiffView: the merged tree of a comparison, or a sorted list of its tensors, at any size."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu, QWidget

from sdviewer.comparison.merged_tree import Leaf
from sdviewer.ui.comparison.keys import DIFF_KEYS
from sdviewer.ui.comparison.row_painter import DiffPainter
from sdviewer.ui.models.diff_cells import DiffColumn
from sdviewer.ui.models.diff_model import ROW_FORMAT, SORTS, DiffModel
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.row_table import RowTable
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.row_painter import RowState
from sdviewer.ui.tree.selection import RowSelection

_SAMPLE = 60
_NARROWEST = {DiffColumn.MARK: 140}
_NARROW = 60
_WIDEST = {DiffColumn.MARK: 190, DiffColumn.FORM: 260, DiffColumn.WHY: 170}
_GIVING_WAY = (DiffColumn.WHY, DiffColumn.COSINE, DiffColumn.FORM, DiffColumn.CHANGED, DiffColumn.MAX_ABS)
_NAME_NEEDED = 200


class DiffView(RowTable):
    """Shows a `DiffModel`; emits the node that becomes current."""

    node_selected = Signal(int)

    sort_wanted = Signal(str)
    """A header was clicked: a measure, "name" or "mark"."""

    pair_wanted = Signal(int, int)
    """Two tensors shall be a pair: their nodes."""

    pairing_wanted = Signal(int)
    """A partner shall be chosen for this tensor."""

    undo_wanted = Signal(int)
    """The pair of this node shall be none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._painter = DiffPainter(QApplication.font(), QApplication.palette())
        super().__init__(tr("Tree of both checkpoints"), PlainHeader(8), self._painter, parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.horizontalHeader().setMinimumSectionSize(40)
        self.horizontalHeader().sectionClicked.connect(self._header_clicked)
        self.selection = RowSelection(self)
        self._wanted: dict[DiffColumn, int] = {}
        self._target = -1

    @property
    def diff_model(self) -> DiffModel | None:
        """The model, if one is set."""
        model = self.model()
        return model if isinstance(model, DiffModel) else None

    def show_diff(self, model: DiffModel) -> None:
        """Show a model and select its root."""
        self.hovered = -1
        old = self.selectionModel()
        self.setModel(model)
        if old is not None:
            old.deleteLater()
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.fit_columns()
        self.select_node(0)

    def fit_columns(self) -> None:
        """Give the columns the widths that a sample of the rows asks for."""
        model = self.diff_model
        if model is None:
            return
        size = len(model.standing.tree)
        cells = [model.cells(row) for row in range(min(model.rowCount(), _SAMPLE))]
        cells += [model.cells_of(node) for node in range(0, size, max(1, size // _SAMPLE))]
        header = self.horizontalHeader()
        header.setSectionResizeMode(DiffColumn.NAME, QHeaderView.ResizeMode.Stretch)
        metrics = header.fontMetrics()
        for column in list(DiffColumn)[1:]:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            title = metrics.horizontalAdvance(f"{model.headerData(column, Qt.Orientation.Horizontal)} ▾") + 18
            wanted = max((self._painter.cell_width(row, column) for row in cells), default=0)
            if column in (DiffColumn.MAX_ABS, DiffColumn.RELATIVE, DiffColumn.COSINE, DiffColumn.CHANGED):
                # Numbers come later than widths.
                wanted = max(wanted, self._painter.number_metrics.horizontalAdvance("1 − 8.5e−10") + 16)
            self._wanted[column] = max(min(wanted, _WIDEST.get(column, 140)), title, _NARROWEST.get(column, _NARROW))
            header.resizeSection(column, self._wanted[column])
        self._give_way()

    def select_node(self, node: int) -> None:
        """Make a node current and visible, opening the way to it."""
        model = self.diff_model
        row = model.reveal(node) if model is not None else -1
        if row >= 0:
            self.selection.only(row)

    def current_node(self) -> int:
        """The current row's node, -1 for none."""
        model, index = self.diff_model, self.currentIndex()
        return model.node(index.row()) if model is not None and index.isValid() else -1

    def row_starting_with(self, text: str, first: int) -> int:
        """The next row whose name begins so."""
        return self.diff_model.rows.find_prefix(text, first) if self.diff_model is not None else -1

    def go_to_row(self, row: int) -> None:
        """Make a row current, and it alone selected."""
        self.selection.only(row)

    def tip_at(self, row: int, column: int) -> str:
        """The exact figures, or a text that was cut."""
        model = self.diff_model
        if model is None:
            return ""
        cells, found = model.cells(row), model.tip(row, column)
        cut = self._painter.cell_width(cells, column) > self.columnWidth(column)
        return found if cut or found != cells.text(column) else ""

    def collapse_around(self) -> None:
        """Close the current module, or if it is closed, the one around it."""
        model, node = self.diff_model, self.current_node()
        if model is not None and node > 0:
            is_open = bool(model.rows.expanded[node] and model.rows.has_children[node])
            self._collapse(node if is_open else int(model.standing.tree.parent[node]))

    def expand_below(self) -> None:
        """Open the current module and all below it."""
        if self.diff_model is not None and self.current_node() >= 0:
            self.diff_model.expand(self.current_node(), deep=True)

    def copy_names(self) -> None:
        """Copy the name in the current row; of a pair of two names, both."""
        model, node = self.diff_model, self.current_node()
        if model is not None and node >= 0:
            keys = [key for key in dict.fromkeys(model.standing.keys_at(node)) if key]
            QGuiApplication.clipboard().setText("\n".join(keys) or model.standing.name_at(node))

    def event(self, event: QEvent) -> bool:
        """The view's own copying goes before that of the window."""
        is_override = event.type() is QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """A tree's keys; the others are the table's."""
        if self._acted(event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def moveCursor(  # noqa: N802  # Qt
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Rows are what is moved between."""
        model = self.diff_model
        if model is None or not model.rowCount():
            return QModelIndex()
        match action:
            case QAbstractItemView.CursorAction.MoveHome:
                return model.index(0, 0)
            case QAbstractItemView.CursorAction.MoveEnd:
                return model.index(model.rowCount() - 1, 0)
        return super().moveCursor(action, modifiers)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A click on a branch opens or closes it and selects nothing."""
        row, model = self.rowAt(event.position().toPoint().y()), self.diff_model
        if model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            cells = model.cells(row)
            branch = self._painter.branch_rect(cells, self.cell_rect(row, DiffColumn.NAME))
            if cells.has_children and branch.contains(event.position().toPoint()):
                self._toggle(cells.node)
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A double click on a module opens or closes it."""
        row = self.rowAt(event.position().toPoint().y())
        if self.diff_model is not None and row >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self._toggle(self.diff_model.node(row))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The row under the pointer is tinted."""
        self.hover(self.rowAt(event.position().toPoint().y()))
        super().mouseMoveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """What can be done with the row."""
        node = self.current_node()
        if node >= 0:
            menu = self.menu_for(node)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())
            event.accept()

    def menu_for(self, node: int) -> QMenu:
        """The context menu of a node."""
        menu = QMenu(self)
        menu.addAction(tr("&Copy Name"), self.copy_names)
        model = self.diff_model
        if model is None:
            return menu
        standing = model.standing
        if standing.tree.what[node] == Leaf.MODULE:
            menu.addAction(tr("&Expand All Below"), self.expand_below)
        elif not standing.is_picked:
            menu.addAction(tr("&Pair with…"), lambda: self.pairing_wanted.emit(node))
        if standing.tree.what[node] == Leaf.PAIR and not standing.is_picked:
            menu.addAction(tr("&Undo This Pair"), lambda: self.undo_wanted.emit(node))
        return menu

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  # Qt
        """Rows of this view; files are for the window."""
        self._judge(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802  # Qt
        """A row under the pointer that can be the partner is framed."""
        self._judge(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  # Qt
        """Two tensors become a pair."""
        dragged, target = self._dragged(event), self._node_at(event)
        self._set_target(-1)
        if dragged >= 0 and target >= 0 and dragged != target:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.pair_wanted.emit(dragged, target)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """A narrow view keeps names and marks."""
        super().resizeEvent(event)
        self._give_way()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the rows in sight, one call each."""
        model = self.diff_model
        if model is None or not model.rowCount():
            super().paintEvent(event)
            return
        first = max(self.rowAt(event.rect().top()), 0)
        last = self.rowAt(event.rect().bottom())
        last = model.rowCount() - 1 if last < 0 else last
        current, active = self.currentIndex().row(), self.isActiveWindow() and self.hasFocus()
        selected = {index.row() for index in self.selectionModel().selectedRows()}
        painter = QPainter(self.viewport())
        places = [(self.columnViewportPosition(column), self.columnWidth(column)) for column in DiffColumn]
        for row in range(first, last + 1):
            top, height = self.rowViewportPosition(row), self.look.row_height
            rects = [QRect(left, top, width, height) for left, width in places]
            cells = model.cells(row)
            state = RowState(
                bool(model.rows.expanded[cells.node]),
                row in selected,
                row == self.hovered,
                row == current and active,
                active,
            )
            self._painter.paint(painter, cells, rects, state)
            if row == self._target:
                painter.setPen(QPen(self.look.accent, 2))
                painter.drawRect(QRect(0, top, self.viewport().width(), height).adjusted(1, 1, -1, -1))
        painter.end()

    def _acted(self, event: QKeyEvent) -> bool:
        model, node = self.diff_model, self.current_node()
        if model is None or node < 0:
            return False
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_names()
            return True
        rows = model.rows
        is_open = bool(rows.expanded[node] and rows.has_children[node] and not rows.is_list)
        match DIFF_KEYS.find(event):
            case "right" if is_open and rows.row_of(node) + 1 < len(rows):
                self.selection.only(rows.row_of(node) + 1)
            case "right" | "open":
                model.expand(node)
            case "left" if is_open and node != 0:
                self._collapse(node)
            case "left" | "parent":
                self.select_node(max(int(model.standing.tree.parent[node]), 0))
            case "toggle":
                self._toggle(node)
            case "open_all":
                model.expand(node, deep=True)
            case "close":
                self._collapse(node)
            case "undo":
                self.undo_wanted.emit(node)
            case _:
                return False
        return True

    def _toggle(self, node: int) -> None:
        model = self.diff_model
        if model is not None and model.rows.expanded[node]:
            self._collapse(node)
        elif model is not None:
            model.expand(node)

    def _collapse(self, node: int) -> None:
        model = self.diff_model
        if model is None or node <= 0 or model.rows.is_list:
            return
        if self.currentIndex().row() in model.rows.below(node):
            self.select_node(node)
        model.collapse(node)

    def _give_way(self) -> None:
        """Hide the columns that leave the names too little room, the least needed first."""
        room = self.viewport().width() - sum(self._wanted.values())
        for column in _GIVING_WAY:
            if column in self._wanted:
                hidden = room < _NAME_NEEDED
                if self.isColumnHidden(column) is not hidden:
                    self.setColumnHidden(column, hidden)
                room += self._wanted[column] if hidden else 0

    def _header_clicked(self, section: int) -> None:
        if SORTS[section]:
            self.sort_wanted.emit(SORTS[section])

    def _judge(self, event: QDragMoveEvent) -> None:
        if not event.mimeData().hasFormat(ROW_FORMAT):
            event.ignore()
            return
        target = self._node_at(event)
        fits = target >= 0 and target != self._dragged(event)
        self._set_target(self.rowAt(event.position().toPoint().y()) if fits else -1)
        if fits or isinstance(event, QDragEnterEvent):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    @staticmethod
    def _dragged(event: QDropEvent) -> int:
        text = bytes(event.mimeData().data(ROW_FORMAT).data())
        return int(text) if text.isdigit() else -1

    def _node_at(self, event: QDropEvent) -> int:
        """The tensor under the pointer, -1 for none."""
        model, row = self.diff_model, self.rowAt(event.position().toPoint().y())
        if model is None or row < 0:
            return -1
        node = model.node(row)
        return node if model.standing.tree.what[node] != Leaf.MODULE else -1

    def _set_target(self, row: int) -> None:
        if row != self._target:
            self._target = row
            self.viewport().update()

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.node_selected.emit(self.current_node())
