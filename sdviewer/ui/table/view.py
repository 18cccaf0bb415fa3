"""TableView: rows of the table, a selection of many of them, and the keys for both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

from sdviewer.ui.focus_frame import paint_focus_frame
from sdviewer.ui.models.table_model import Index, TableModel
from sdviewer.ui.row_table import RowTable
from sdviewer.ui.table.header import SortHeader
from sdviewer.ui.table.keys import TABLE_KEYS
from sdviewer.ui.table.row_painter import MARGIN, Cell, State, TableRowPainter
from sdviewer.ui.translating import tr

# Milliseconds between two steps while the pointer drags beyond an edge.
_SCROLL_STEP_MS = 40
_QUIET = frozenset(("section", "kind", "role"))
_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class TableView(RowTable):
    """Shows a `TableModel`. The selection is the model's own; Qt keeps the current row alone."""

    current_changed = Signal(int)
    """Another tensor is the current one: its row in the tensor table, -1 for none."""

    selection_changed = Signal()
    """Other tensors are selected."""

    copy_wanted = Signal()
    menu_wanted = Signal(QPoint)
    """A context menu at this place of the screen."""

    def __init__(self, model: TableModel, parent: QWidget | None = None) -> None:
        painter = TableRowPainter(QApplication.font(), QApplication.palette())
        super().__init__(tr("Table of all tensors"), SortHeader(MARGIN), painter, parent)
        self.row_painter = painter
        self.empty_text = ""
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table_model = model
        self._current = -1
        self._pointer = QPoint()
        self._is_dragging = False
        self._scrolling = QTimer(self)
        self._scrolling.setInterval(_SCROLL_STEP_MS)
        self._scrolling.timeout.connect(self._drag_on)
        self.setModel(model)
        self.selectionModel().currentRowChanged.connect(self._row_changed)

    @property
    def current_tensor(self) -> int:
        """The current tensor's row in the tensor table, -1 for none."""
        return self._current

    def go_to(self, tensor: int, *, select: bool = True) -> bool:
        """Make a tensor current and visible, with `select` the only selected one; whether it is shown at all."""
        place = self.table_model.place_of(tensor)
        if place < 0:
            return False
        self._go(place, Qt.KeyboardModifier.NoModifier if select else _CONTROL)
        return True

    def restore_current(self, tensor: int) -> bool:
        """After rows were put in: this tensor is the current one, if it is shown; whether it is."""
        place = self.table_model.place_of(tensor) if tensor >= 0 else -1
        if place < 0:
            self._set_current(-1)
            return False
        self.setCurrentIndex(self.table_model.index(place, 0))
        return True

    def selectAll(self) -> None:  # noqa: N802  # Qt
        """All rows that are shown; Qt's own way takes 30 s for a million."""
        if self.table_model.rowCount():
            self.table_model.selection.cover(self.table_model.rows, beside=True)
            self._selected()

    def scrollTo(  # noqa: N802  # Qt
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Up and down only: rows are selected, and columns stay where the user put them."""
        left = self.horizontalScrollBar().value()
        super().scrollTo(index, hint)
        self.horizontalScrollBar().setValue(left)

    def moveCursor(self, *_: object) -> QModelIndex:  # noqa: N802  # Qt
        """Nowhere: keys are handled here, and Qt would go to the first row as soon as the table has the focus."""
        return QModelIndex()

    def row_starting_with(self, text: str, first: int) -> int:
        """The next row whose name begins so."""
        return self.table_model.find_name(text, first)

    def go_to_row(self, row: int) -> None:
        """Make a row current, and it alone selected."""
        self._go(row, Qt.KeyboardModifier.NoModifier)

    def tip_at(self, row: int, column: int) -> str:
        """The exact figures, or a text that was cut."""
        model = self.table_model
        tip, text = model.tip(row, column), model.text(row, column)
        cut = self.row_painter.width(text, is_number=model.columns[column].kind == "number") > self.columnWidth(column)
        return tip if cut or tip != text else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Keys that move, select and copy; letters are for `keyboardSearch`."""
        count, place = self.table_model.rowCount(), self.currentIndex().row()
        modifiers = event.modifiers() & (_SHIFT | _CONTROL)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
            event.accept()
            return
        match TABLE_KEYS.find(event):
            case "all":
                self.selectAll()
            case "move":
                if count:
                    self._go(self._moved(Qt.Key(event.key()), place, count), modifiers)
            case "scroll":
                bar = self.horizontalScrollBar()
                step = 4 * bar.singleStep()
                bar.setValue(bar.value() + (step if event.key() == Qt.Key.Key_Right else -step))
            case "toggle" if place >= 0:
                self.table_model.selection.toggle(self.table_model.tensor(place))
                self._selected()
            case "select" if place >= 0 and not self.typing.is_going_on:
                self._go(place, modifiers)
            case _:
                super().keyPressEvent(event)
                return
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """Click, Ctrl+click and Shift+click; the right button selects what it points at, if that is not selected."""
        place = self.rowAt(event.position().toPoint().y())
        if place >= 0:
            is_left = event.button() is Qt.MouseButton.LeftButton
            if is_left and not event.modifiers() and self.table_model.tensor(place) in self.table_model.selection:
                self.drag_start.press(event, place)
            elif is_left:
                # With Ctrl single rows are picked; a hand that shakes must not select those between.
                self._is_dragging = not event.modifiers() & _CONTROL
                self._go(place, event.modifiers() & (_SHIFT | _CONTROL), clicked=True)
            elif event.button() is Qt.MouseButton.RightButton:
                chosen = self.table_model.tensor(place) in self.table_model.selection
                self._go(place, _CONTROL if chosen else Qt.KeyboardModifier.NoModifier)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """With the button down the selection follows the pointer; else the row below it is tinted."""
        self._pointer = event.position().toPoint()
        if self.drag_start.move(event):
            pass
        elif self._is_dragging:
            self._drag_on()
        else:
            self.hover(self.rowAt(self._pointer.y()))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The end of dragging."""
        self._is_dragging = False
        self._scrolling.stop()
        super().mouseReleaseEvent(event)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A second click is a click."""
        self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """At the pointer, or for the key below the current row."""
        place = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            rect = self._row_rect(max(self.currentIndex().row(), 0))
            corner = QPoint(rect.left() + 24, min(max(rect.bottom(), 0), self.viewport().height()))
            place = self.viewport().mapToGlobal(corner)
        self.menu_wanted.emit(place)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the rows in sight, one call each."""
        model, painter = self.table_model, QPainter(self.viewport())
        if not model.rowCount():
            painter.setPen(self.row_painter.muted)
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self.empty_text)
            painter.end()
            return
        first = max(self.rowAt(event.rect().top()), 0)
        last = self.rowAt(event.rect().bottom())
        last = model.rowCount() - 1 if last < 0 else last
        columns = self._columns_within(event.rect())
        current = self.currentIndex().row()
        active = self.isActiveWindow() and self.hasFocus()
        for place in range(first, last + 1):
            whole = self._row_rect(place)
            cells = [
                Cell(
                    model.text(place, column),
                    QRect(left, whole.top(), width, whole.height()),
                    model.columns[column].kind == "number",
                    name=column == 0,
                    quiet=model.columns[column].id in _QUIET,
                )
                for column, left, width in columns
            ]
            selected = model.tensor(place) in model.selection
            state = State(selected, place == self.hovered, place == current and active, active)
            self.row_painter.paint(painter, whole, cells, state)
        painter.end()
        if active and current < 0:
            paint_focus_frame(self.viewport())

    def _go(self, place: int, modifiers: Qt.KeyboardModifier, *, clicked: bool = False) -> None:
        """Make a row current and select as the modifiers say: alone, up to it, or, for a click with Ctrl, beside."""
        model, selection = self.table_model, self.table_model.selection
        tensor = model.tensor(place)
        if modifiers & _SHIFT:
            begin = model.place_of(selection.anchor) if selection.anchor >= 0 else self.currentIndex().row()
            begin = place if begin < 0 else begin
            if selection.anchor < 0:
                selection.anchor = model.tensor(begin)
            rows = model.rows[min(begin, place) : max(begin, place) + 1]
            selection.cover(rows, beside=bool(modifiers & _CONTROL))
        elif not modifiers & _CONTROL:
            selection.only(tensor)
        elif clicked:
            selection.toggle(tensor)
        self.setCurrentIndex(model.index(place, 0))
        if modifiers & _SHIFT or not modifiers & _CONTROL or clicked:
            self._selected()

    def _moved(self, key: Qt.Key, place: int, count: int) -> int:
        page = max(1, self.viewport().height() // self.row_painter.row_height - 1)
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        if key in steps and place >= 0:
            return min(max(place + steps[key], 0), count - 1)
        return count - 1 if key == Qt.Key.Key_End else 0

    def _drag_on(self) -> None:
        """Select up to the row below the pointer; beyond an edge a few rows further."""
        if not self.table_model.rowCount():
            return
        y, height = self._pointer.y(), self.viewport().height()
        inside = min(max(y, 0), height - 1)
        place = self.rowAt(inside)
        place = self.table_model.rowCount() - 1 if place < 0 else place
        if y != inside:
            # The further out the pointer is, the faster.
            beyond = y - inside
            place += max(1, beyond // 12) if beyond > 0 else -max(1, -beyond // 12)
            place = min(max(place, 0), self.table_model.rowCount() - 1)
            if not self._scrolling.isActive():
                self._scrolling.start()
        else:
            self._scrolling.stop()
        if place != self.currentIndex().row():
            self._go(place, _SHIFT)

    def _columns_within(self, rect: QRect) -> list[tuple[int, int, int]]:
        """Column, left edge and width of those that touch a rectangle."""
        found = []
        for column in range(len(self.table_model.columns)):
            left, width = self.columnViewportPosition(column), self.columnWidth(column)
            if not self.isColumnHidden(column) and left <= rect.right() and left + width >= rect.left():
                found.append((column, left, width))
        return found

    def _row_rect(self, place: int) -> QRect:
        width = max(self.viewport().width(), self.horizontalHeader().length())
        return QRect(0, self.rowViewportPosition(place), width, self.row_painter.row_height)

    def _selected(self) -> None:
        self.viewport().update()
        self.selection_changed.emit()

    def _row_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        self.viewport().update()
        if current.isValid():
            self._set_current(self.table_model.tensor(current.row()))

    def _set_current(self, tensor: int) -> None:
        if tensor != self._current:
            self._current = tensor
            self.current_changed.emit(tensor)


def rows_selected(model: TableModel) -> npt.NDArray[np.integer]:
    """The selected tensors among those that are shown, as they stand."""
    return model.selection.of(model.rows)
