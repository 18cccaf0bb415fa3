"""The values of a pair side by side, with their differences."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import number
from sdviewer.comparison.differences import Common, common_values, values_of
from sdviewer.comparison.standing import Standing
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.comparison.placing import placed
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.focus_frame import paint_focus_frame
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

Index = QModelIndex | QPersistentModelIndex

_PAGE = 512
_PAGES_KEPT = 64
# What a table of Qt can count.
_MOST_ROWS = 1 << 30
_HEADERS = (tr("Index"), "A", "B", "Δ = A − B")


@dataclass(frozen=True, eq=False, slots=True)
class ValuePage:
    """The texts of some rows: of A, B and Δ."""

    rows: tuple[tuple[str, str, str], ...]


def page_of(common: Common, page: int) -> ValuePage:
    """Read a page.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """
    first = page * _PAGE
    columns = values_of(common, first, min(_PAGE, common.count - first))
    texts = [[_text(value) for value in column.reshape(-1).tolist()] for column in columns]
    return ValuePage(tuple(zip(*texts, strict=True)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    return number(value) if isinstance(value, int) else f"{value:.9g}".replace("-", "−")


class ValueRows(QAbstractTableModel):
    """One row a value, in row-major order; pages are asked for when they come into sight."""

    page_wanted = Signal(int)

    def __init__(self, common: Common, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.common, self._shape = common, common.places.shape
        self._pages: OrderedDict[int, ValuePage] = OrderedDict()

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """One a value."""
        return 0 if parent is not None and parent.isValid() else min(self.common.count, _MOST_ROWS)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Index, both values, difference."""
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Ready texts; "…" until they are read."""
        if not self.checkIndex(index, QAbstractTableModel.CheckIndexOption.IndexIsValid):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        row, column = index.row(), index.column()
        if column == 0:
            text = self.index_text(row)
        else:
            page = self._pages.get(row // _PAGE)
            if page is None:
                self.page_wanted.emit(row // _PAGE)
            text = "…" if page is None else page.rows[row % _PAGE][column - 1]
        return text if role == Qt.ItemDataRole.DisplayRole else f"{_HEADERS[column]}: {text}"

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802  # Qt
        """The columns' names."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def index_text(self, row: int) -> str:
        """The index of a row, in A as far as it is compared."""
        if not self._shape:
            return "[]"
        return f"[{', '.join(str(int(i)) for i in np.unravel_index(row, self._shape))}]"

    def has(self, page: int) -> bool:
        """Whether a page is there."""
        return page in self._pages

    def take(self, page: int, found: ValuePage) -> None:
        """A page was read."""
        self._pages[page] = found
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        last = min((page + 1) * _PAGE, self.rowCount()) - 1
        self.dataChanged.emit(self.index(page * _PAGE, 0), self.index(last, len(_HEADERS) - 1))


class ValueTable(QTableView):
    """Copies whole rows."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The rows, and a frame around them while they have the keys."""
        super().paintEvent(event)
        if self.hasFocus():
            paint_focus_frame(self.viewport())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ctrl+C copies the selected rows, cells parted by tabs."""
        model = self.model()
        if event.matches(QKeySequence.StandardKey.Copy) and model is not None:
            rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
            text = "\n".join("\t".join(str(model.index(row, c).data()) for c in range(4)) for row in rows[:100_000])
            QGuiApplication.clipboard().setText(text)
            event.accept()
        else:
            super().keyPressEvent(event)


class DiffValues(DiffPane):
    """A table of all values, and a way to the largest difference."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "page")
        self._standing: Standing | None = None
        self._node = -1
        self._wanted: list[int] = []
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.error = ErrorStrip(self)
        self.largest_button = QPushButton(tr("Go to the largest difference"))
        self.largest_button.setAutoDefault(False)
        self.largest_button.clicked.connect(self.go_to_largest)
        self.table = ValueTable()
        self.table.setAccessibleName(tr("Values of both sides"))
        self.table.setFont(number_font())
        self.table.setShowGrid(False)
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        self.table.setWordWrap(False)
        self.table.setCornerButtonEnabled(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalHeader(PlainHeader(3, self.table))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.verticalHeader().setDefaultSectionSize(QFontMetrics(self.table.font()).height() + 6)
        line = QHBoxLayout()
        line.addWidget(self.largest_button)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addLayout(line)
        column.addWidget(self.table, 1)
        column.addStretch(0)

    @property
    def is_settled(self) -> bool:
        """Whether the rows in sight are read."""
        return self._slot not in self._bridge.running

    @property
    def rows(self) -> ValueRows | None:
        """The model, None before the first pair."""
        model = self.table.model()
        return model if isinstance(model, ValueRows) else None

    def show_node(self, standing: Standing, node: int) -> None:
        """Show a pair."""
        self._standing, self._node = standing, node
        self.close_jobs()
        self.error.clear()
        pair = standing.results[int(standing.tree.place[node])].pair
        common = common_values(standing.matching, pair)
        before = self.rows
        if common is None:
            told = "The shapes do not say which value of A is which of B: there is no common table."
        else:
            told = placed(common)
            model = ValueRows(common, self.table)
            model.page_wanted.connect(self._want, Qt.ConnectionType.QueuedConnection)
            old = self.table.selectionModel()
            self.table.setModel(model)
            if old is not None:
                old.deleteLater()
            if before is not None:
                before.deleteLater()
        self.notice.setText(told)
        self.notice.setVisible(bool(told))
        self.table.setVisible(common is not None)
        self.refresh()

    def refresh(self) -> None:
        """The largest difference may be known by now."""
        self.largest_button.setVisible(self._largest() >= 0 and not self.table.isHidden())

    def close_jobs(self) -> None:
        """Stop reading."""
        self._wanted.clear()
        self._bridge.drop(self._slot)

    def go_to_largest(self) -> None:
        """Bring the largest difference into sight."""
        place, model = self._largest(), self.rows
        if model is not None and 0 <= place < model.rowCount():
            self.table.selectRow(place)
            self.table.scrollTo(model.index(place, 0), QAbstractItemView.ScrollHint.PositionAtCenter)
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _largest(self) -> int:
        standing = self._standing
        if standing is None:
            return -1
        measures = standing.results[int(standing.tree.place[self._node])].measures
        if measures is None or not measures.max_abs or measures.max_abs_place is None:
            return -1
        return measures.max_abs_place

    def _want(self, page: int) -> None:
        model = self.rows
        if model is None or self.sender() is not model or model.has(page) or page in self._wanted:
            return
        self._wanted.append(page)
        self._read_next()

    def _read_next(self) -> None:
        model = self.rows
        if model is None or not self._wanted or self._slot in self._bridge.running:
            return
        # What was asked for last is in sight.
        page, common = self._wanted[-1], model.common
        self._wanted = self._wanted[-3:-1]

        def take(found: ValuePage) -> None:
            if self.rows is model:
                model.take(page, found)
                self._read_next()

        self._bridge.start(
            Lane.READING,
            self._slot,
            lambda _: page_of(common, page),
            on_value=take,
            on_error=self._failed,
        )

    def _failed(self, error: BaseException) -> None:
        self._wanted.clear()
        self.error.show_error(error, tr("The values cannot be read."), self._again)

    def _again(self) -> None:
        if self._standing is not None:
            self.show_node(self._standing, self._node)
