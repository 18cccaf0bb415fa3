"""AxesBar: which axes run down and across, where the frame stands on the others, and where to go."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QToolButton, QWidget

from sdviewer.checkpoint.value_frame import Frame
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr
from sdviewer.ui.values.index_box import IndexBox

# Tensors have few axes; a file that claims hundreds must not fill the window with boxes.
_MOST_BOXES = 32


class AxesBar(QWidget):
    """Shows a frame; asks for others. Goes on in a next line where there is no room; `further` stand behind it all."""

    frame_wanted = Signal(object)
    """The user chose another frame."""

    index_wanted = Signal(str)
    """The user typed where to go."""

    def __init__(self, *further: QWidget) -> None:
        super().__init__()
        self._frame: Frame | None = None
        self._shape: tuple[int, ...] | None = None
        self.rows = self._axis_box("Axis that runs down")
        self.columns = self._axis_box("Axis that runs across")
        self.rows_label, self.columns_label = (
            plain_label(tr("Rows"), muted=True),
            plain_label(tr("Columns"), muted=True),
        )
        self.rows.activated.connect(self._rows_chosen)
        self.columns.activated.connect(self._columns_chosen)
        self.transpose = QToolButton()
        self.transpose.setText(tr("⇄ Transpose"))
        self.transpose.setToolTip(tr("Show rows as columns"))
        self.transpose.setAccessibleName(tr("Transpose: show rows as columns"))
        self.transpose.clicked.connect(self._transpose)
        self.line = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.line.setAcceptDrops(False)
        self.line.setFont(number_font())
        self.line.setAccessibleName(tr("Go to index"))
        self.line.setToolTip(tr("An index such as 12, 34, or #1234 for the element of that number (Ctrl+G)"))
        self.line.setMaxLength(2000)
        self.line.setFixedWidth(140)
        self.line.returnPressed.connect(self._go)
        go_label = plain_label(tr("Go to"), muted=True)
        go_label.setBuddy(self.line)

        self._boxes: dict[int, IndexBox] = {}
        self._rows_group = _group(self.rows_label, self.rows)
        self._columns_group = _group(self.columns_label, self.columns)
        self._transpose_group = _group(self.transpose)
        self._kept = (self._rows_group, self._columns_group, self._transpose_group)
        self._last = (_group(go_label, self.line), *further)
        self._flow = FlowLayout(self)
        for widget in (*self._kept, *self._last):
            self._flow.addWidget(widget)

    def box(self, axis: int) -> IndexBox:
        """The box of an axis that does not run."""
        return self._boxes[axis]

    def show_frame(self, frame: Frame) -> None:
        """Show a frame; nothing is emitted."""
        before, self._frame = self._frame, frame
        axes = len(frame.shape)
        if self._shape != frame.shape:
            self._shape = frame.shape
            texts = [f"axis {axis}  ({size:,})" for axis, size in enumerate(frame.shape)]
            for box in (self.rows, self.columns):
                blocker = QSignalBlocker(box)
                box.clear()
                box.addItems(texts)
                blocker.unblock()
            self.line.setPlaceholderText(", ".join(["0"] * axes) if 0 < axes <= 6 else "#0")
            before = None
        self.rows.setCurrentIndex(frame.row_axis)
        self.columns.setCurrentIndex(frame.column_axis)
        for widget, needed in zip(self._kept, (axes >= 2, axes >= 2, axes >= 1), strict=True):
            widget.setVisible(needed)
        if before is None or before.others != frame.others:
            self._make_boxes(frame)
        else:
            for axis, spin in self._boxes.items():
                spin.show_index(frame.at[axis])

    def _make_boxes(self, frame: Frame) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            old = item.widget()
            if old is not None and old not in (*self._kept, *self._last):
                old.hide()
                old.deleteLater()
        for widget in self._kept:
            if not widget.isHidden():
                self._flow.addWidget(widget)
        self._boxes = {}
        before: QWidget = self.transpose
        for axis in frame.others[:_MOST_BOXES]:
            size = frame.shape[axis]
            box = self._boxes[axis] = IndexBox(size, frame.at[axis], f"Index on axis {axis}")
            box.index_changed.connect(partial(self._index_chosen, axis))
            label = plain_label(tr("axis {axis}", axis=axis), muted=True)
            label.setBuddy(box)
            self._flow.addWidget(_group(label, box, plain_label(tr("of {size:,}", size=size), muted=True)))
            QWidget.setTabOrder(before, box)
            before = box
        if (more := len(frame.others) - _MOST_BOXES) > 0:
            self._flow.addWidget(
                _group(plain_label(tr("{more:,} more axes: go to an index to change them", more=more), muted=True))
            )
        for widget in self._last:
            self._flow.addWidget(widget)
        QWidget.setTabOrder(before, self.line)

    def _axis_box(self, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        return box

    def _rows_chosen(self, axis: int) -> None:
        if self._frame is not None:
            self.frame_wanted.emit(self._frame.with_rows(axis))

    def _columns_chosen(self, axis: int) -> None:
        if self._frame is not None:
            self.frame_wanted.emit(self._frame.with_columns(axis))

    def _transpose(self) -> None:
        if self._frame is not None:
            self.frame_wanted.emit(self._frame.transposed())

    def _index_chosen(self, axis: int, index: int) -> None:
        if self._frame is not None:
            self.frame_wanted.emit(self._frame.with_at(axis, index))

    def _go(self) -> None:
        self.index_wanted.emit(self.line.text())


def _group(*widgets: QWidget) -> QWidget:
    """Widgets that stay beside each other."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 8, 0)
    row.setSpacing(5)
    for widget in widgets:
        row.addWidget(widget)
    return group
