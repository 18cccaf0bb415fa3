"""NameLine: a name that can be selected and copied, and not changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from sdviewer.ui.reading_order import in_order, without_marks
from sdviewer.ui.translating import tr


class NameLine(QLineEdit):
    """What is copied is without the marks that keep its parts in order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrame(False)
        self.setAcceptDrops(False)

    def show_name(self, name: str) -> None:
        """Show another name, from its beginning."""
        self.setText(in_order(name))
        self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Ctrl+C."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
            event.accept()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802  # Qt
        """Copy, and select all."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("&Copy"), self._copy).setEnabled(self.hasSelectedText())
        menu.addAction(tr("Select &All"), self.selectAll)
        menu.popup(event.globalPos())

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(without_marks(self.selectedText()))
