"""What a tab of a comparison's detail is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sdviewer.comparison.standing import Standing
from sdviewer.ui.focus_frame import ScrollArea


class DiffPane(QWidget):
    """One view of the selected node. It is asked to show one only while it is in sight."""

    message = Signal(str)
    """What was done, or why not: one sentence for the status bar."""

    node_wanted = Signal(int)
    """This node of the merged tree shall be selected."""

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the node is in sight."""
        return True

    def show_node(self, standing: Standing, node: int) -> None:
        """Show a node; what takes long comes from a job."""
        raise NotImplementedError

    def refresh(self) -> None:
        """More values are compared."""

    def close_jobs(self) -> None:
        """Stop what is on its way."""


def scrolled(column: QVBoxLayout, name: str) -> ScrollArea:
    """A page that scrolls, on the ground of a text."""
    content = QWidget()
    content.setLayout(column)
    content.setBackgroundRole(QPalette.ColorRole.Base)
    content.setAutoFillBackground(True)
    content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    area = ScrollArea(name)
    area.setBackgroundRole(QPalette.ColorRole.Base)
    area.setWidget(content)
    return area
