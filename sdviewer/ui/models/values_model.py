"""ValuesModel: a window of a tensor's frame as a table; cells whose page was not read yet show an ellipsis."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from sdviewer.checkpoint.value_frame import Page, Window
from sdviewer.checkpoint.value_pages import Block, PagedValues
from sdviewer.ui.tooltips import tooltip

Index = QModelIndex | QPersistentModelIndex

NOT_READ = "…"
_NOTHING = Window(0, 0, 0, 0)


class ValuesModel(QAbstractTableModel):
    """Shows the pages that were read; reads none."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pages: PagedValues | None = None
        self.window = _NOTHING

    def show_pages(self, pages: PagedValues | None, window: Window = _NOTHING) -> None:
        """Show another frame, or another window of it; only a table of another size is a reset."""
        if window == self.window and pages is not None:
            self.pages = pages
            self.dataChanged.emit(self.index(0, 0), self.index(window.rows - 1, window.columns - 1))
            return
        self.beginResetModel()
        self.pages, self.window = pages, window
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Rows of the window; cells have none."""
        return 0 if parent is not None and parent.isValid() else self.window.rows

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Columns of the window; cells have none."""
        return 0 if parent is not None and parent.isValid() else self.window.columns

    def place(self, index: Index) -> tuple[int, int]:
        """The row and the column of the frame."""
        return self.window.first_row + index.row(), self.window.first_column + index.column()

    def block_at(self, row: int, column: int) -> Block | None:
        """The block of a cell of the frame, None if it was not read yet."""
        return self.pages.at(row, column) if self.pages is not None else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment; index, exact value and code as tooltip; index and value for a screen reader."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DisplayRole:
            place = self.place(index)
            block = self.block_at(*place)
            return NOT_READ if block is None else block.text(*place)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip("\n".join(self.exact_lines(index)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ": ".join(self.exact_lines(index)[:2])
        return None

    def exact_lines(self, index: Index) -> tuple[str, ...]:
        """The index of a cell in the tensor, its exact value, and its code."""
        if self.pages is None:
            return ()
        place = self.place(index)
        where = f"[{', '.join(map(str, self.pages.frame.index(*place)))}]"
        block = self.block_at(*place)
        if block is None:
            return where, NOT_READ
        value, code = block.exact(*place, self.pages.dtype)
        return (where, value, f"code {code}") if code else (where, value)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The place on the axis that runs there, counted in the whole frame."""
        across = orientation is Qt.Orientation.Horizontal
        if self.pages is None or not 0 <= section < (self.window.columns if across else self.window.rows):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        frame = self.pages.frame
        if (frame.column_axis if across else frame.row_axis) < 0:
            return "value" if across or frame.column_axis >= 0 else ""
        return str(section + (self.window.first_column if across else self.window.first_row))

    def page_arrived(self, page: Page) -> None:
        """Tell the view which cells have their values now."""
        if self.pages is None:
            return
        rows, columns = self.pages.paging.places(self.pages.frame, page)
        window = self.window
        top, left = max(rows.start - window.first_row, 0), max(columns.start - window.first_column, 0)
        bottom = min(rows.stop - window.first_row, window.rows) - 1
        right = min(columns.stop - window.first_column, window.columns) - 1
        if top <= bottom and left <= right:
            self.dataChanged.emit(self.index(top, left), self.index(bottom, right))
