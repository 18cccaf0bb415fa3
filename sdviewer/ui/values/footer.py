"""Footer: the current cell in full, how much is selected, and the way through an axis too long for one table."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.value_frame import Frame, Window
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr


class Stretch(QWidget):
    """Which part of a giant axis the table holds, and buttons to the others."""

    first_wanted = Signal(object)
    """The user wants the part around this place."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = what
        self._size = self._first = self._count = 0
        self.text = plain_label(muted=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        self.buttons: list[QToolButton] = []
        for sign, name, action in (
            ("«", f"First {what}", self._go_first),
            ("‹", f"{what} before these", self._go_back),
            ("›", f"{what} after these", self._go_on),
            ("»", f"Last {what}", self._go_last),
        ):
            button = QToolButton()
            button.setText(sign)
            button.setToolTip(name[:1].upper() + name[1:])
            button.setAccessibleName(name[:1].upper() + name[1:])
            button.clicked.connect(action)
            self.buttons.append(button)
            row.addWidget(button)
        row.addSpacing(4)
        row.addWidget(self.text, 1)
        self.hide()

    def show_stretch(self, size: int, first: int, count: int) -> None:
        """The table holds `count` of `size` places, from `first` on; if these are all, there is nothing to say."""
        self._size, self._first, self._count = size, first, count
        self.setVisible(count < size)
        if count < size:
            self.text.setText(
                tr(
                    "{capitalize} {first:,} – {value:,} of {size:,}",
                    capitalize=self._what.capitalize(),
                    first=first,
                    value=first + count - 1,
                    size=size,
                )
            )
            self.text.setToolTip(self.text.text())
            for button in self.buttons[:2]:
                button.setEnabled(first > 0)
            for button in self.buttons[2:]:
                button.setEnabled(first + count < size)

    def _go_first(self) -> None:
        self.first_wanted.emit(0)

    def _go_back(self) -> None:
        self.first_wanted.emit(max(0, self._first - 1))

    def _go_on(self) -> None:
        self.first_wanted.emit(min(self._first + self._count, self._size - 1))

    def _go_last(self) -> None:
        self.first_wanted.emit(self._size - 1)


class Footer(QWidget):
    """Below the table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows, self.columns = Stretch("rows"), Stretch("columns")
        self.cell = plain_label(selectable=True)
        self.cell.setFont(number_font())
        self.cell.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.selection = plain_label(muted=True)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.cell, 1)
        line.addWidget(self.selection, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.rows)
        column.addWidget(self.columns)
        column.addLayout(line)

    def show_window(self, frame: Frame, window: Window) -> None:
        """Which part of the frame the table holds."""
        self.rows.show_stretch(frame.rows, window.first_row, window.rows)
        self.columns.show_stretch(frame.columns, window.first_column, window.columns)

    def show_cell(self, lines: tuple[str, ...], rows: int, columns: int) -> None:
        """The current cell in full; how much is selected if it is more than that."""
        self.cell.setText("   ".join(lines))
        self.cell.setAccessibleName(tr("Current value: {join}", join=" ".join(lines)))
        count = rows * columns
        self.selection.setText(
            tr("{rows:,} × {columns:,} = {count:,} values selected", rows=rows, columns=columns, count=count)
            if count > 1
            else ""
        )
