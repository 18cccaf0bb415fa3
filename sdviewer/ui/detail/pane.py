"""DetailPane: what is selected, at once; its numbers as soon as a job has read them."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import (
    CopyButton,
    FactGrid,
    GridView,
    NoteStrip,
    PartStrip,
    TextView,
    clear,
    heading,
    plain_label,
)
from sdviewer.ui.detail.code_view import CodeView
from sdviewer.ui.detail.describe import basis_of, can_be_read, describe
from sdviewer.ui.detail.numbers import NumbersView
from sdviewer.ui.detail.parts import Description, Grid, Text
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip


class DetailPane(QScrollArea):
    """The right half of a tab."""

    node_wanted = Signal(int)
    """A row of a table leads to this node."""

    file_wanted = Signal(str)
    """The user asks for the checkpoint of which this file is a part."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, slot
        self.description: Description | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setAccessibleName("Details of the selected entry")
        self.setBackgroundRole(QPalette.ColorRole.Base)

        self.name = QLineEdit()
        self.name.setReadOnly(True)
        self.name.setFrame(False)
        self.name.setAcceptDrops(False)
        self.name.setAccessibleName("Name")
        # Text in a line edit stands two pixels off its edge; the facts below do not.
        self.name.setTextMargins(-2, 0, 0, 0)
        font = QFont(number_font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setWeight(QFont.Weight.DemiBold)
        self.name.setFont(font)
        self.copy_button = CopyButton("the name")
        self.copy_button.clicked.connect(self.copy_name)
        self.subtitle = plain_label(muted=True, selectable=True)
        self.subtitle.setWordWrap(True)
        self.facts = FactGrid()
        self.numbers = NumbersView(bridge, library, slot)

        self._notes, self._blocks = QVBoxLayout(), QVBoxLayout()
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.copy_button)
        column = QVBoxLayout()
        column.setContentsMargins(20, 14, 20, 20)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.subtitle)
        column.addLayout(self._notes)
        column.addSpacing(6)
        column.addWidget(self.facts)
        column.addWidget(self.numbers)
        column.addLayout(self._blocks)
        column.addStretch(1)
        content = QWidget()
        content.setLayout(column)
        content.setBackgroundRole(QPalette.ColorRole.Base)
        content.setAutoFillBackground(True)
        content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setWidget(content)
        self.numbers.clear()

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the selection is in sight."""
        return self.numbers.is_settled

    def show_node(self, checkpoint: Checkpoint, node: int, title: str) -> None:
        """Describe a node at once; for a tensor, read its numbers in a job."""
        self._show_description(describe(checkpoint, node, title))
        if node == 0 and checkpoint.description.texts:
            self._blocks.addWidget(heading("Text that the file carries"))
            self._blocks.addWidget(CodeView(checkpoint, self._bridge, self._slot))
        if int(checkpoint.tree.what[node]) != TreeNode.TENSOR:
            self.numbers.clear()
        else:
            row = int(checkpoint.tree.ref[node])
            reason = can_be_read(checkpoint, row)
            if reason:
                self.numbers.refuse(reason)
            else:
                self.numbers.measure(TensorRef(checkpoint, row), basis_of(checkpoint, row))
        self.verticalScrollBar().setValue(0)

    def copy_name(self) -> None:
        """Put the name of what is shown on the clipboard, as the file has it."""
        if self.description is not None:
            QGuiApplication.clipboard().setText(self.description.copy_name)

    def _show_description(self, description: Description) -> None:
        self.description = description
        self.name.setText(description.name)
        self.name.setCursorPosition(0)
        self.name.setToolTip(tooltip(description.name))
        self.subtitle.setText(description.subtitle)
        self.facts.show_facts(description.facts)
        clear(self._notes)
        clear(self._blocks)
        if description.whole:
            strip = PartStrip(description.part, description.whole)
            strip.whole_wanted.connect(self.file_wanted)
            self._notes.addWidget(strip)
        for note in description.notes:
            self._notes.addWidget(NoteStrip(note))
        for block in description.blocks:
            if isinstance(block, Grid):
                self._blocks.addWidget(heading(block.title))
                grid = GridView(block, self.widget())
                grid.node_wanted.connect(self.node_wanted)
                self._blocks.addWidget(grid)
            else:
                self._blocks.addWidget(_text_heading(block))
                self._blocks.addWidget(TextView(block))


def _text_heading(block: Text) -> QWidget:
    """The title of a text, with a button that copies it."""
    line = QWidget()
    button = CopyButton(block.title[:1].lower() + block.title[1:], block.raw)
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(heading(block.title), 1)
    row.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
    return line
