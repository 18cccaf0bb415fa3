"""ValuesTable: the cells in sight, drawn in one go, with keys that lead beyond the window of a giant axis."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QRect, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.value_frame import Page
from sdviewer.checkpoint.value_text import Mark
from sdviewer.ui.models.values_model import NOT_READ, Index, ValuesModel
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr
from sdviewer.ui.values.headers import IndexHeader
from sdviewer.ui.values.keys import VALUES_KEYS

_PADDING = 8
_WIDEST = 32
_FLAGS = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ValuesTable(QTableView):
    """Shows a `ValuesModel`. One rectangle is selected at a time."""

    wanted = Signal()
    """Cells were painted whose pages are not there: see `pages_in_sight`."""

    go_wanted = Signal(object, object)
    """The user wants to go to this row and column of the frame, perhaps outside the window."""

    copy_wanted = Signal()
    menu_wanted = Signal(object)
    """At this place of the screen."""

    cell_changed = Signal()
    """The current cell or the selection is another one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Values"))
        self.setFont(number_font())
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self._across = IndexHeader(Qt.Orientation.Horizontal, self)
        self._down = IndexHeader(Qt.Orientation.Vertical, self)
        self.setHorizontalHeader(self._across)
        self.setVerticalHeader(self._down)
        self._characters = 0
        self._advance = QFontMetrics(self.font()).horizontalAdvance("0")
        self.values_model = ValuesModel(self)
        self.setModel(self.values_model)
        self.values_model.modelReset.connect(self._fit_header)
        self._set_row_height()

    def fit(self, dtype: Dtype) -> None:
        """Columns as wide as values of this dtype usually are; see `widen`."""
        match dtype.kind:
            case "float" | "quantised":
                self._characters = 12
            case "complex":
                self._characters = 24
            case "bits":
                self._characters = 2 + dtype.bits // 4
            case _:
                self._characters = 5
        self._set_column_width()

    def widen(self, characters: int) -> None:
        """Make room for texts of this length, within reason."""
        if min(characters, _WIDEST) > self._characters:
            self._characters = min(characters, _WIDEST)
            self._set_column_width()

    def selected(self) -> tuple[range, range]:
        """Rows and columns of the window that are selected."""
        ranges = self.selectionModel().selection()
        if ranges.isEmpty():
            return range(0), range(0)
        first = ranges.first()
        return range(first.top(), first.bottom() + 1), range(first.left(), first.right() + 1)

    def pages_in_sight(self) -> list[Page]:
        """The pages that are to be painted and not there, from the top left."""
        pages, window = self.values_model.pages, self.values_model.window
        if pages is None or not window.rows or not window.columns:
            return []
        rows, columns = self._in_sight(self.viewport().rect())
        first = pages.paging.page_at(window.first_row + rows.start, window.first_column + columns.start)
        last = pages.paging.page_at(window.first_row + rows[-1], window.first_column + columns[-1])
        inside = [(down, across) for down in range(first[0], last[0] + 1) for across in range(first[1], last[1] + 1)]
        return [page for page in inside if pages.block(page) is None]

    def selectAll(self) -> None:  # noqa: N802  # Qt
        """The whole window as one rectangle."""
        model = self.values_model
        if model.rowCount() and model.columnCount():
            last = model.index(model.rowCount() - 1, model.columnCount() - 1)
            select = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.selectionModel().select(QItemSelection(model.index(0, 0), last), select)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: N802  # Qt
        """The headers follow."""
        super().selectionChanged(selected, deselected)
        self._mark_headers()

    def currentChanged(self, current: Index, previous: Index) -> None:  # noqa: N802  # Qt
        """The headers follow."""
        super().currentChanged(current, previous)
        self._mark_headers()
        for index in (current, previous):
            self.update(index)

    def event(self, event: QEvent) -> bool:
        """Ctrl+C is the table's while it has the focus, whatever the window has under that key."""
        is_asked = event.type() is QEvent.Type.ShortcutOverride
        if is_asked and isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ends of the axes lie where the frame ends, not the window; arrows and pages go on beyond it."""
        target = self._target(event)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif target is not None:
            self.go_wanted.emit(*target)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """Below the current cell if a key asked for it."""
        place = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).bottomLeft())
        self.menu_wanted.emit(place)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """More may be in sight."""
        super().resizeEvent(event)
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new font is taken over."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and hasattr(self, "_characters"):
            self._advance = QFontMetrics(self.font()).horizontalAdvance("0")
            self._set_row_height()
            self._set_column_width()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Draw the cells in sight; Qt would ask the model eight times a cell."""
        model = self.values_model
        if not model.rowCount() or not model.columnCount():
            super().paintEvent(event)
            return
        rows, columns = self._in_sight(event.rect())
        selected_rows, selected_columns = self.selected()
        current, c = self.currentIndex(), colors()
        active = self.hasFocus() and self.isActiveWindow()
        ground = QColor(c.highlight if active else c.inactive_highlight)
        on_ground = QColor(c.highlighted_text if active else c.text)
        pens = {Mark.NONE: QColor(c.text), Mark.NAN: QColor(c.error), Mark.INFINITE: QColor(c.warning)}
        muted = pens[Mark.MISSING] = QColor(c.muted)
        height, width = self.rowHeight(0), self.columnWidth(0)
        metrics, room = self.fontMetrics(), width - 2 * _PADDING
        fits = room // max(self._advance, 1)
        missing = False
        painter = QPainter(self.viewport())
        for row in rows:
            top = self.rowViewportPosition(row)
            for column in columns:
                cell = QRect(self.columnViewportPosition(column), top, width, height)
                chosen = row in selected_rows and column in selected_columns
                if chosen:
                    painter.fillRect(cell, ground)
                place = model.window.first_row + row, model.window.first_column + column
                block = model.block_at(*place)
                if block is None:
                    missing = True
                    text, pen = NOT_READ, muted
                else:
                    text, pen = block.text(*place), pens[Mark(block.mark(*place))]
                    if len(text) > fits:
                        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
                painter.setPen(on_ground if chosen else pen)
                painter.drawText(cell.adjusted(_PADDING, 0, -_PADDING, 0), _FLAGS, text)
                if active and row == current.row() and column == current.column():
                    painter.setPen(QPen(QColor(c.text), 1))
                    painter.drawRect(cell.adjusted(0, 0, -1, -1))
        painter.end()
        if missing:
            self.wanted.emit()

    def _in_sight(self, rect: QRect) -> tuple[range, range]:
        top, bottom = self.rowAt(rect.top()), self.rowAt(rect.bottom())
        left, right = self.columnAt(rect.left()), self.columnAt(rect.right())
        rows = range(max(top, 0), (bottom if bottom >= 0 else self.values_model.rowCount() - 1) + 1)
        return rows, range(max(left, 0), (right if right >= 0 else self.values_model.columnCount() - 1) + 1)

    def _target(self, event: QKeyEvent) -> tuple[int, int] | None:
        """Where a key leads that Qt would not lead there."""
        model, current = self.values_model, self.currentIndex()
        if model.pages is None or not current.isValid():
            return None
        frame, window = model.pages.frame, model.window
        row, column = model.place(current)
        match VALUES_KEYS.find(event):
            case "start":
                return 0, 0
            case "row_start":
                return row, 0
            case "row_end":
                return row, frame.columns - 1
            case "end":
                return frame.rows - 1, frame.columns - 1
            case "step":
                target = self._step(Qt.Key(event.key()), row, column, frame.rows)
            case _:
                return None
        inside = 0 <= target[0] < frame.rows and 0 <= target[1] < frame.columns
        return target if inside and not window.holds(*target) else None

    def _step(self, key: Qt.Key, row: int, column: int, rows: int) -> tuple[int, int]:
        page = self._rows_a_page()
        match key:
            case Qt.Key.Key_Up:
                return row - 1, column
            case Qt.Key.Key_Down:
                return row + 1, column
            case Qt.Key.Key_Left:
                return row, column - 1
            case Qt.Key.Key_Right:
                return row, column + 1
            case Qt.Key.Key_PageUp:
                return max(row - page, 0), column
        return min(row + page, rows - 1), column

    def _rows_a_page(self) -> int:
        return max(1, self.viewport().height() // max(1, self.rowHeight(0)) - 1)

    def _mark_headers(self) -> None:
        rows, columns = self.selected()
        self._down.mark(rows, self.currentIndex().row())
        self._across.mark(columns, self.currentIndex().column())
        self.cell_changed.emit()

    def _set_row_height(self) -> None:
        height = self.fontMetrics().height() + 4
        self._down.setMinimumSectionSize(height)
        self._down.setDefaultSectionSize(height)
        self._fit_header()

    def _fit_header(self) -> None:
        self._down.fit()
        self.updateGeometries()

    def _set_column_width(self) -> None:
        self._across.setDefaultSectionSize(self._characters * self._advance + 2 * _PADDING)
