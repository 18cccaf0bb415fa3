"""ValuesPane: the values of the selected tensor, or of a tensor that it is made of."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import shown
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.translating import tr
from sdviewer.ui.values.view import ValuesView


class ValuesPane(Pane):
    """The table, and above it the way back from a component."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ref: TensorRef | None = None
        self.view = ValuesView(context.bridge, context.slot)
        self.component = plain_label(muted=True)
        self.back = QPushButton(tr("Back to the tensor"))
        self.strip = QWidget()
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.component, 1)
        row.addWidget(self.back)
        self.strip.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 8)
        column.addWidget(self.strip)
        column.addWidget(self.view, 1)
        self.view.message.connect(self.message)
        self.view.component_wanted.connect(self._show_component)
        self.back.clicked.connect(self._go_back)

    @property
    def is_settled(self) -> bool:
        """Whether the values in sight are read."""
        return self.view.is_settled

    def show_selection(self, selection: Selection) -> None:
        """Show the values of a tensor."""
        tree = selection.checkpoint.tree
        self._ref = TensorRef(selection.checkpoint, int(tree.ref[selection.node]))
        self._go_back()

    def go_to(self, index: tuple[int, ...]) -> None:
        """Make the value with this index current."""
        self._go_back()
        self.view.go_to(f"[{', '.join(map(str, index))}]")

    def close_jobs(self) -> None:
        """Stop reading, copying and saving."""
        self.view.show_tensor(None)
        self.view.close_jobs()

    def _show_component(self, row: int) -> None:
        if self._ref is None:
            return
        part = TensorRef(self._ref.checkpoint, row)
        name = next((name for name, ref in self._ref.components.items() if ref.row == row), "")
        self.component.setText(tr("Its component {name}", name=shown(name, 80)))
        self.strip.show()
        self.view.show_tensor(part)

    def _go_back(self) -> None:
        self.strip.hide()
        self.view.show_tensor(self._ref)
