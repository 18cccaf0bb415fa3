"""FileTabs: the open files, one tab each."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.ui.close_button import CloseButton
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.tooltips import tooltip

_SIDE = QTabBar.ButtonPosition.RightSide


class FileTabs(QTabWidget):
    """Knows which file is in which tab."""

    close_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.setMovable(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabBar().setAccessibleName("Open files")

    @property
    def current(self) -> DocumentTab | None:
        """The one in front."""
        widget = self.currentWidget()
        return widget if isinstance(widget, DocumentTab) else None

    def documents(self) -> list[DocumentTab]:
        """All of them, from the left."""
        widgets = [self.widget(index) for index in range(self.count())]
        return [widget for widget in widgets if isinstance(widget, DocumentTab)]

    def with_path(self, path: str) -> DocumentTab | None:
        """The tab of this file, as it is named: whether two names mean one file, a slow disk would have to say."""
        wanted = _normal(path)
        return next((tab for tab in self.documents() if _normal(tab.path) == wanted), None)

    def add(self, tab: DocumentTab) -> None:
        """A further one, at the right."""
        index = self.addTab(tab, tab.title.replace("&", "&&"))
        button = CloseButton(tab.title)
        button.clicked.connect(self._close_clicked)
        self.tabBar().setTabButton(index, _SIDE, button)
        self.setTabToolTip(index, tooltip(shown(tab.path)))

    def go(self, step: int) -> None:
        """Bring another one to the front, round and round."""
        if self.count():
            self.setCurrentIndex((self.currentIndex() + step) % self.count())

    def _close_clicked(self) -> None:
        bar, button = self.tabBar(), self.sender()
        for index in range(self.count()):
            if bar.tabButton(index, _SIDE) is button:
                self.close_wanted.emit(index)
                return


def _normal(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100  # resolves no links
