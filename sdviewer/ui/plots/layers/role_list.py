"""RoleList: the roles that can be drawn, with a box to draw each, and a filter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.ui.clear_button import add_clear_button
from sdviewer.ui.plots.series import SERIES, series_color, series_pen
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_ICON = (22, 12)
_LONGEST = 200


class RoleList(QWidget):
    """A role that is drawn has a series, the lowest that is free; there are `SERIES` of them."""

    changed = Signal()
    """Other roles shall be drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: dict[int, int] = {}
        self._is_filling = False
        self.filter = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.filter.setAcceptDrops(False)
        self.filter.setPlaceholderText(tr("Filter roles"))
        add_clear_button(self.filter)
        self.filter.setAccessibleName(tr("Filter the roles"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Roles that are drawn"))
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setFont(number_font())
        self.list.setMinimumWidth(60)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.filter)
        column.addWidget(self.list, 1)
        self.filter.textChanged.connect(self._filter)
        self.list.itemChanged.connect(self._item_changed)

    @property
    def series(self) -> dict[int, int]:
        """Role → series, of those that are drawn, in the order of the roles."""
        return dict(sorted(self._series.items()))

    def show_roles(self, names: Sequence[str], nbytes: Sequence[int]) -> None:
        """Other roles, those with most bytes first; the first ones are drawn."""
        self._is_filling = True
        self.filter.clear()
        self.list.clear()
        self._series = {role: role for role in range(min(len(names), SERIES))}
        for role, (name, size) in enumerate(zip(names, nbytes, strict=True)):
            item = QListWidgetItem(shown(name, _LONGEST))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if role in self._series else Qt.CheckState.Unchecked)
            item.setToolTip(tooltip(f"{shown(name, _LONGEST)}, {bytes_for_people(size)}"))
            self.list.addItem(item)
        self._is_filling = False
        self.recolor()

    def recolor(self) -> None:
        """The lines of the series beside the names, in the colours of the theme."""
        self._is_filling = True
        nothing = _no_icon()
        for role in range(self.list.count()):
            series = self._series.get(role)
            self.list.item(role).setIcon(_line_icon(series) if series is not None else nothing)
        self._is_filling = False

    def _filter(self, text: str) -> None:
        wanted = text.strip().casefold()
        for role in range(self.list.count()):
            item = self.list.item(role)
            item.setHidden(wanted not in item.text().casefold())

    def _item_changed(self, item: QListWidgetItem) -> None:
        if self._is_filling:
            return
        role = self.list.row(item)
        if item.checkState() is Qt.CheckState.Checked and role not in self._series:
            free = sorted(set(range(SERIES)) - set(self._series.values()))
            if not free:
                # The smallest of those that are drawn makes room.
                last = max(self._series)
                free = [self._series.pop(last)]
                self._is_filling = True
                self.list.item(last).setCheckState(Qt.CheckState.Unchecked)
                self._is_filling = False
            self._series[role] = free[0]
        elif item.checkState() is Qt.CheckState.Unchecked:
            self._series.pop(role, None)
        self.recolor()
        self.changed.emit()


def _line_icon(series: int) -> QIcon:
    pixmap = QPixmap(*_ICON)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(QPen(series_color(series), 2, series_pen(series)))
    painter.drawLine(0, _ICON[1] // 2, _ICON[0], _ICON[1] // 2)
    painter.end()
    return QIcon(pixmap)


def _no_icon() -> QIcon:
    pixmap = QPixmap(*_ICON)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)
