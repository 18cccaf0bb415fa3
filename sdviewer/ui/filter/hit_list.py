"""HitList: what a panel has found, each with the letters that were typed set off from the rest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from sdviewer.ui.filter.tasks import HitRow
from sdviewer.ui.reading_order import in_order
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip

Index = QModelIndex | QPersistentModelIndex

_MARGIN = 10
_GAP = 24


class HitModel(QAbstractListModel):
    """The hits, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[HitRow, ...] = ()

    def show_rows(self, rows: tuple[HitRow, ...]) -> None:
        """Show these and no others."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802  # Qt
        """Hits; they have no children."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The name; what a screen reader says; the whole in a tooltip."""
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (row.name, row.aside, "not available now" if row.rests else "") if part)
        return tooltip(row.tip or f"{row.name}\n{row.aside}") if role == Qt.ItemDataRole.ToolTipRole else None


class HitDelegate(QStyledItemDelegate):
    """Draws a hit: typed letters bold and underlined, what stands aside quiet at the right; what rests is pale."""

    def __init__(self, model: HitModel, font: Callable[[], QFont], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model, self._font = model, font

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802  # Qt
        """One line, as wide as the list."""
        del option, index
        return QSize(0, QFontMetrics(self._font()).height() + 9)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a hit."""
        row = self._model.rows[index.row()]
        c = colors()
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(rect, QColor(c.inactive_highlight if row.rests else c.highlight))
        plain, quiet, marked = (c.text, c.muted, c.accent)
        if row.rests:
            plain = marked = quiet
        elif selected:
            plain = quiet = marked = c.highlighted_text
        font = self._font()
        bold = QFont(font)
        bold.setWeight(QFont.Weight.Bold)
        bold.setUnderline(True)
        metrics, bold_metrics = QFontMetrics(font), QFontMetrics(bold)
        room = rect.adjusted(_MARGIN, 0, -_MARGIN, 0)
        baseline = room.center().y() + (metrics.ascent() - metrics.descent()) // 2
        aside_width = metrics.horizontalAdvance(row.aside)
        if aside_width + _GAP < room.width() // 2:
            painter.setFont(font)
            painter.setPen(QColor(quiet))
            painter.drawText(room.right() + 1 - aside_width, baseline, in_order(row.aside))
            room.setRight(room.right() - aside_width - _GAP)
        painter.setClipRect(room)
        x = room.left()
        for is_marked, piece in _pieces(row, metrics, room.width()):
            text = in_order(piece)
            painter.setFont(bold if is_marked else font)
            painter.setPen(QColor(marked if is_marked else plain))
            painter.drawText(x, baseline, text)
            x += (bold_metrics if is_marked else metrics).horizontalAdvance(text)
        painter.restore()


def _pieces(row: HitRow, metrics: QFontMetrics, room: int) -> list[tuple[bool, str]]:
    """Stretches of a name that are typed or not; a name too long loses its beginning: names differ at their ends."""
    name, first = row.name, 0
    if metrics.horizontalAdvance(name) > room:
        width = max(metrics.averageCharWidth(), 1)
        first = max(len(name) - max(room // width - 2, 1), 0)
    marks = ((at in row.places, name[at]) for at in range(first, len(name)))
    pieces = [
        (is_marked, "".join(char for _, char in group)) for is_marked, group in groupby(marks, lambda mark: mark[0])
    ]
    return [(False, "…"), *pieces] if first else pieces


class HitView(QListView):
    """The list; its keys come from the line above it."""

    def __init__(self, model: HitModel, name: str, font: Callable[[], QFont], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setModel(model)
        self._delegate = HitDelegate(model, font, self)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
