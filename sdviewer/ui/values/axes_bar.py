"""AxesBar: which axes run down and across, where the frame stands on the others, and where to go."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QScrollArea, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.value_frame import Frame
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import number_font
from sdviewer.ui.values.index_box import IndexBox

# Tensors have few axes; a file that claims hundreds must not fill the window with boxes.
_MOST_BOXES = 32


class AxesBar(QWidget):
    """Shows a frame; asks for others."""

    frame_wanted = Signal(object)
    """The user chose another frame."""

    index_wanted = Signal(str)
    """The user typed where to go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: Frame | None = None
        self._shape: tuple[int, ...] | None = None
        self.rows = self._axis_box("Axis that runs down")
        self.columns = self._axis_box("Axis that runs across")
        self.rows_label, self.columns_label = plain_label("Rows", muted=True), plain_label("Columns", muted=True)
        self.rows.activated.connect(self._rows_chosen)
        self.columns.activated.connect(self._columns_chosen)
        self.transpose = QToolButton()
        self.transpose.setText("⇄ Transpose")
        self.transpose.setToolTip("Show rows as columns")
        self.transpose.setAccessibleName("Transpose: show rows as columns")
        self.transpose.clicked.connect(self._transpose)
        self.line = QLineEdit()
        self.line.setFont(number_font())
        self.line.setAccessibleName("Go to index")
        self.line.setToolTip("An index such as 12, 34, or #1234 for the element of that number (Ctrl+G)")
        self.line.setMaxLength(2000)
        self.line.setMinimumWidth(90)
        self.line.setMaximumWidth(220)
        self.line.returnPressed.connect(self._go)
        go_label = plain_label("Go to", muted=True)
        go_label.setBuddy(self.line)

        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.rows_label, self.rows, self.columns_label, self.columns, self.transpose):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(go_label)
        top.addWidget(self.line, 1)
        self._boxes: dict[int, IndexBox] = {}
        self.others = QScrollArea()
        self.others.setFrameShape(QFrame.Shape.NoFrame)
        self.others.setWidgetResizable(True)
        self.others.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.others.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.others)
        self.others.hide()

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
        for widget in (self.rows_label, self.rows, self.columns_label, self.columns):
            widget.setVisible(axes >= 2)
        self.transpose.setVisible(axes >= 1)
        if before is None or before.others != frame.others:
            self._make_boxes(frame)
        else:
            for axis, spin in self._boxes.items():
                spin.show_index(frame.at[axis])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """Boxes that do not fit beside each other get a scroll bar."""
        super().resizeEvent(event)
        self._fit_others()

    def _fit_others(self) -> None:
        content = self.others.widget()
        if content is not None:
            size = content.sizeHint()
            bar = self.others.horizontalScrollBar().sizeHint().height() if size.width() > self.width() else 0
            self.others.setFixedHeight(size.height() + bar)

    def _make_boxes(self, frame: Frame) -> None:
        self._boxes = {}
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        last: QWidget = self.transpose
        for axis in frame.others[:_MOST_BOXES]:
            size = frame.shape[axis]
            box = self._boxes[axis] = IndexBox(size, frame.at[axis], f"Index on axis {axis}")
            box.index_changed.connect(partial(self._index_chosen, axis))
            label = plain_label(f"axis {axis}", muted=True)
            label.setBuddy(box)
            row.addWidget(label)
            row.addWidget(box)
            row.addWidget(plain_label(f"of {size:,}", muted=True))
            row.addSpacing(8)
            last = box
        if (more := len(frame.others) - _MOST_BOXES) > 0:
            row.addWidget(plain_label(f"{more:,} more axes: go to an index to change them", muted=True))
        row.addStretch(1)
        old = self.others.takeWidget()
        if old is not None:
            old.deleteLater()
        self.others.setWidget(content)
        self.others.setVisible(bool(self._boxes))
        self._fit_others()
        before: QWidget = self.transpose
        for box in self._boxes.values():
            QWidget.setTabOrder(before, box)
            before = box
        QWidget.setTabOrder(last, self.line)

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
