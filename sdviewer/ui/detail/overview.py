"""OverviewPane: facts at once; of a tensor its numbers as soon as a job has read them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensors import TensorRef
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
from sdviewer.ui.detail.bytes_view import BytesView
from sdviewer.ui.detail.describe import basis_of, can_be_read
from sdviewer.ui.detail.health_view import HealthView
from sdviewer.ui.detail.numbers import NumbersView
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.detail.parts import Description, Grid, Text
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.optimizer.state_link import StateLink
from sdviewer.ui.translating import tr


class OverviewPane(Pane):
    """What is known of a node, one part below the other."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lead = plain_label(selectable=True)
        self.lead.setWordWrap(True)
        self.lead.setContentsMargins(0, 0, 0, 6)
        self.facts = FactGrid()
        self.numbers = NumbersView(context)
        self.health = HealthView(context.scanning)
        self.state_link = StateLink(context.bridge, context.slot)
        self.bytes = BytesView()
        self._notes, self._blocks = QVBoxLayout(), QVBoxLayout()
        column = QVBoxLayout()
        column.setContentsMargins(20, 12, 20, 20)
        column.setSpacing(6)
        column.addWidget(self.lead)
        column.addLayout(self._notes)
        column.addWidget(self.health.notes)
        column.addWidget(self.facts)
        column.addWidget(self.state_link)
        column.addWidget(self.bytes)
        column.addWidget(self.health)
        column.addWidget(self.numbers)
        column.addLayout(self._blocks)
        column.addStretch(1)
        content = QWidget()
        content.setLayout(column)
        content.setBackgroundRole(QPalette.ColorRole.Base)
        content.setAutoFillBackground(True)
        content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.area = ScrollArea(tr("Overview of the selected entry"))
        self.area.setBackgroundRole(QPalette.ColorRole.Base)
        self.area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        self.numbers.message.connect(self.message)
        self.state_link.node_wanted.connect(self.node_wanted)
        self.state_link.message.connect(self.message)
        self.bytes.export_wanted.connect(self.export_wanted)
        self.bytes.sections_wanted.connect(self.sections_wanted)
        self.health.node_wanted.connect(self.node_wanted)
        self.health.filter_wanted.connect(self.filter_wanted)
        self.numbers.clear()

    @property
    def is_settled(self) -> bool:
        """Whether the numbers are in sight, if there are any."""
        return self.numbers.is_settled and self.state_link.is_settled

    def show_selection(self, selection: Selection) -> None:
        """Describe a node at once; for a tensor, read its numbers in a job."""
        checkpoint, node = selection.checkpoint, selection.node
        self._show_description(selection.description)
        self.health.show_node(checkpoint, node)
        self.state_link.show_node(checkpoint, node)
        self.bytes.show_node(checkpoint, node)
        if int(checkpoint.tree.what[node]) != TreeNode.TENSOR:
            self.numbers.clear()
        else:
            row = int(checkpoint.tree.ref[node])
            reason = can_be_read(checkpoint, row)
            if reason:
                self.numbers.refuse(reason)
            else:
                self.numbers.measure(TensorRef(checkpoint, row), basis_of(checkpoint, row))
        self.area.verticalScrollBar().setValue(0)

    def close_jobs(self) -> None:
        """Stop reading numbers, and saving their picture."""
        self.numbers.close_jobs()
        self.state_link.close_jobs()

    def _show_description(self, description: Description) -> None:
        self.lead.setText(description.lead)
        self.lead.setVisible(bool(description.lead))
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
                grid = GridView(block, self.area.widget())
                grid.node_wanted.connect(self.node_wanted)
                grid.filter_wanted.connect(self.filter_wanted)
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
