"""StateLink: from a parameter to what an optimizer of the same file keeps of it, and back."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.roles import Role
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

_TO_STATE = "Optimizer state"
_TO_PARAMETER = "Parameter of this state"


class StateLink(QWidget):
    """A button for tensors in a file with an optimizer; where it leads is found in a job when it is clicked."""

    node_wanted = Signal(int)
    message = Signal(str)

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "state link")
        self._checkpoint: Checkpoint | None = None
        self._node = -1
        self.button = QPushButton(_TO_STATE)
        self.button.setAutoDefault(False)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.button)
        line.addStretch(1)
        self.button.clicked.connect(self.follow)
        self.hide()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is looked for."""
        return self._slot not in self._bridge.running

    def show_node(self, checkpoint: Checkpoint, node: int) -> None:
        """Offer what a node has; a few looks at columns."""
        self._checkpoint, self._node = checkpoint, node
        tree = checkpoint.tree
        title = ""
        if tree.what[node] == TreeNode.TENSOR and any(s.kind == "optimizer" for s in checkpoint.sections.values()):
            kind = _section_kind(checkpoint, node)
            if kind == "optimizer":
                title = _TO_PARAMETER
            elif kind in ("model", "ema") and tree.role[tree.ref[node]] != Role.BUFFER:
                title = _TO_STATE
        self.button.setText(title)
        if self.isHidden() == bool(title):
            self.setVisible(bool(title))

    def follow(self) -> None:
        """Find the other side, and go there."""
        checkpoint, node = self._checkpoint, self._node
        if checkpoint is None:
            return
        to_parameter = self.button.text() == _TO_PARAMETER

        def work(control: Control) -> int:
            from sdviewer.ui.optimizer.linking import parameter_of_state, state_of_parameter

            find = parameter_of_state if to_parameter else state_of_parameter
            return find(checkpoint, node, control)

        def found(target: int) -> None:
            if target >= 0:
                self.node_wanted.emit(target)
            elif to_parameter:
                self.message.emit(tr("It is not known which parameter this state is of: see Optimizer."))
            else:
                self.message.emit(tr("No optimizer in this file is known to keep a state of this parameter."))

        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            work,
            on_value=found,
            on_error=lambda error: self.message.emit(tr("The optimizer cannot be read: {error}", error=error)),
            title=tr("Looking for the state of a parameter"),
        )

    def close_jobs(self) -> None:
        """Look no further."""
        self._bridge.drop(self._slot)


def _section_kind(checkpoint: Checkpoint, node: int) -> str:
    tree = checkpoint.tree
    while node > 0 and tree.what[node] != TreeNode.SECTION:
        node = int(tree.parent[node])
    if node <= 0 or tree.ref[node] < 0:
        return ""
    return list(checkpoint.sections.values())[int(tree.ref[node])].kind
