"""MetadataTree: a tree view of entries that paints each row in one call."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QTreeView,
    QWidget,
)

from sdviewer.ui.metadata.entries import Entries, key_label, type_of
from sdviewer.ui.metadata.row_painter import RowPainter, RowState
from sdviewer.ui.models.metadata_model import Column, MetadataModel
from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

Index = QModelIndex | QPersistentModelIndex

# Qt lays an opened branch out in Python calls: 2,000 rows take 30 ms.
MOST_OPENED = 2_000
_ROWS_AT_FIRST = 40
_SAMPLE = 100
_NARROWEST = {Column.KEY: 90, Column.VALUE: 80, Column.TYPE: 60}
_WIDEST = {Column.KEY: 320, Column.TYPE: 220}


class _RowHeight(QStyledItemDelegate):
    """Says how high a row is: all are alike."""

    def __init__(self, painter: RowPainter, parent: QWidget) -> None:
        super().__init__(parent)
        self._painter = painter

    def sizeHint(self, _: QStyleOptionViewItem, __: Index) -> QSize:  # noqa: N802  # Qt
        """A line with some air."""
        return QSize(10, self._painter.row_height)


class MetadataTree(QTreeView):
    """Shows a `MetadataModel`; emits the entry that becomes current."""

    entry_selected = Signal(int)

    followed = Signal(int)
    """The user pressed Enter or clicked twice on an entry that has no children."""

    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Metadata"))
        self._row_painter = RowPainter(self.font(), self.palette())
        self._hovered = -1
        self._find = ""
        self.setItemDelegate(_RowHeight(self._row_painter, self))
        self.setUniformRowHeights(True)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setAllColumnsShowFocus(True)
        self.setExpandsOnDoubleClick(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIndentation(16)
        self.setHeader(PlainHeader(6, self))
        self.header().setMinimumSectionSize(40)
        self._wanted: dict[Column, int] = {}
        self.activated.connect(self._follow)

    @property
    def metadata(self) -> MetadataModel | None:
        """The model, if one is set."""
        model = self.model()
        return model if isinstance(model, MetadataModel) else None

    def show_entries(self, model: MetadataModel) -> None:
        """Show a model: its first levels, as long as the rows stay few."""
        old, selection = self.model(), self.selectionModel()
        self.setModel(model)
        if selection is not None:
            selection.deleteLater()
        if old is not None:
            old.deleteLater()
        self._hovered, self._find = -1, ""
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.header().setStretchLastSection(False)
        for column in (Column.KEY, Column.TYPE):
            self.header().setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        self._measure(model.entries)
        self.header().setSectionResizeMode(Column.VALUE, QHeaderView.ResizeMode.Stretch)
        self._fit()
        self.open_levels(0, _ROWS_AT_FIRST)

    def _measure(self, entries: Entries) -> None:
        """How wide keys and types are, by a sample from everywhere."""
        key, kind = _NARROWEST[Column.KEY], _NARROWEST[Column.TYPE]
        for entry in range(1, len(entries), max(1, len(entries) // _SAMPLE)):
            indent = self.indentation() * (entries.depth(entry) + 1)
            key = max(key, indent + self._row_painter.width(key_label(entries.keys[entry]), Column.KEY))
            kind = max(kind, self._row_painter.width(f"{type_of(entries.values[entry])} · 999", Column.TYPE))
        self._wanted = {Column.KEY: min(key, _WIDEST[Column.KEY]), Column.TYPE: min(kind, _WIDEST[Column.TYPE])}

    def open_levels(self, entry: int, most: int) -> bool:
        """Open whole levels below an entry, as long as at most `most` rows come; whether that were all."""
        model = self.metadata
        if model is None:
            return True
        children = model.entries.children
        level, shown = [entry], 0
        while level:
            inner = [child for parent in level for child in children[parent]]
            if shown + len(inner) > most and (entry or level != [0]):
                return False
            for parent in level:
                if parent and children[parent]:
                    self.expand(model.index_of(parent))
            shown += len(inner)
            level = [child for child in inner if children[child]]
        return True

    def go_to(self, entry: int) -> None:
        """Make an entry current, opening the way to it."""
        model = self.metadata
        if model is not None and entry > 0:
            index = model.index_of(entry)
            self.setCurrentIndex(index)
            self.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)

    def current_entry(self) -> int:
        """The current entry, 0 for none."""
        model = self.metadata
        return model.entry(self.currentIndex()) if model is not None else 0

    def mark(self, find: str) -> None:
        """Mark this, case folded, where it stands in a row."""
        self._find = find
        self.viewport().update()

    def event(self, event: QEvent) -> bool:
        """Ctrl+C is for the current value before it is for the window."""
        if (
            event.type() is QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """A tree's keys; Qt would open everything with an asterisk, however much it is."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif event.key() == Qt.Key.Key_Asterisk:
            self.open_levels(self.current_entry(), MOST_OPENED)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._has_children(self.currentIndex()):
            self.setExpanded(self._first(self.currentIndex()), not self.isExpanded(self._first(self.currentIndex())))
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def keyboardSearch(self, search: str) -> None:  # noqa: N802  # Qt
        """Nothing: the line above finds keys and values, and Qt would ask the model row by row."""

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """A click on a sign opens or closes, where the sign is painted: Qt looks for deep ones further right."""
        place = event.position().toPoint()
        model, index = self.metadata, self._first(self.indexAt(place))
        if model is not None and index.isValid() and event.button() is Qt.MouseButton.LeftButton:
            branch = self._branch_rect(model, model.entry(index), self.visualRect(index))
            if self._has_children(index) and branch.contains(place):
                self.setExpanded(index, not self.isExpanded(index))
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """The row under the pointer is tinted."""
        self._hover(self.indexAt(event.position().toPoint()))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """No row is under the pointer any more."""
        self._hover(QModelIndex())
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """The columns share the width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new font or palette is taken over."""
        super().changeEvent(event)
        kinds = (QEvent.Type.FontChange, QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
        if event.type() in kinds and hasattr(self, "_row_painter"):
            self._row_painter.refresh(self.font(), self.palette())
            self.scheduleDelayedItemsLayout()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  # Qt
        """A tooltip where a text was cut."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            model, index = self.metadata, self.indexAt(event.pos())
            text = ""
            if model is not None and index.isValid():
                cells = model.cells(model.entry(index))
                if self._row_painter.width(cells.text(index.column()), index.column()) > self.visualRect(index).width():
                    text = cells.text(index.column())
            QToolTip.showText(event.globalPos(), tooltip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    def drawRow(self, painter: QPainter, options: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802  # Qt
        """Draw a row in one call: Qt's own way asks the model eight times a cell."""
        model = self.metadata
        if model is None:
            return
        entry = model.entry(index)
        rects = {column: self._cell_rect(options.rect, column) for column in Column}
        branch = self._branch_rect(model, entry, options.rect)
        rects[Column.KEY].setLeft(branch.right() - 3)
        current = model.entry(self.currentIndex())
        self._row_painter.paint(
            painter,
            model.cells(entry),
            rects,
            branch,
            RowState(
                self.isExpanded(index),
                entry == current,
                entry == self._hovered,
                self.hasFocus() and self.isActiveWindow(),
                self._find,
            ),
        )

    def _branch_rect(self, model: MetadataModel, entry: int, row: QRect) -> QRect:
        """Where the sign of a row stands; one so deep that it would be out of sight stands where it still is seen."""
        key, step = self._cell_rect(row, Column.KEY), self.indentation()
        left = min(step * model.entries.depth(entry), max(key.width() - _NARROWEST[Column.KEY], 0))
        return QRect(key.left() + left, row.top(), step, row.height())

    def _cell_rect(self, row: QRect, column: Column) -> QRect:
        return QRect(self.columnViewportPosition(column), row.top(), self.columnWidth(column), row.height())

    def _fit(self) -> None:
        """Key and type as wide as their texts, and the rest for the value; where that is little, they give way."""
        if not self._wanted:
            return
        room = self.viewport().width() - _NARROWEST[Column.VALUE]
        kind = min(self._wanted[Column.TYPE], max(room // 3, _NARROWEST[Column.TYPE]))
        # The value gets at least a third.
        key = min(self._wanted[Column.KEY], max(self.viewport().width() * 2 // 3 - kind, _NARROWEST[Column.KEY]))
        self.header().resizeSection(Column.TYPE, kind)
        self.header().resizeSection(Column.KEY, key)

    def _hover(self, index: QModelIndex) -> None:
        model = self.metadata
        entry = model.entry(index) if model is not None and index.isValid() else -1
        if entry != self._hovered:
            self._hovered = entry
            self.viewport().update()

    def _has_children(self, index: QModelIndex) -> bool:
        model = self.metadata
        return model is not None and index.isValid() and bool(model.entries.children[model.entry(index)])

    def _first(self, index: QModelIndex) -> QModelIndex:
        return index.siblingAtColumn(Column.KEY)

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if self.metadata is not None:
            self.entry_selected.emit(self.metadata.entry(current))

    def _follow(self, index: QModelIndex) -> None:
        if self.metadata is not None and not self._has_children(index):
            self.followed.emit(self.metadata.entry(index))
