"""FileTabs: the open files, one tab each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeGuard

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.ui.close_button import CloseButton
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.comparison.tab import ComparisonTab

    Page = DocumentTab | ComparisonTab


def is_comparison(widget: object) -> TypeGuard[ComparisonTab]:
    """Whether a widget is the tab of a comparison; what comparisons need is imported with the first of them."""
    # While another thread imports the module it is there without its class.
    kind = getattr(sys.modules.get("sdviewer.ui.comparison.tab"), "ComparisonTab", None)
    return kind is not None and isinstance(widget, kind)


_SIDE = QTabBar.ButtonPosition.RightSide


class FileTabs(QTabWidget):
    """Knows which file is in which tab."""

    close_wanted = Signal(int)

    menu_wanted = Signal(int, QPoint)
    """The context menu of a tab, at this place of the screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDocumentMode(True)
        self.setMovable(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        bar = self.tabBar()
        bar.setAccessibleName(tr("Open files"))
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        bar.customContextMenuRequested.connect(self._menu_asked)

    @property
    def current(self) -> DocumentTab | None:
        """The one in front, if it is a file's own."""
        widget = self.currentWidget()
        return widget if isinstance(widget, DocumentTab) else None

    @property
    def page(self) -> Page | None:
        """What is in front: a file, or a comparison of two."""
        widget = self.currentWidget()
        return widget if isinstance(widget, DocumentTab) or is_comparison(widget) else None

    def pages(self) -> list[Page]:
        """All tabs, from the left."""
        widgets = [self.widget(index) for index in range(self.count())]
        return [widget for widget in widgets if isinstance(widget, DocumentTab) or is_comparison(widget)]

    def documents(self) -> list[DocumentTab]:
        """The files' own, from the left."""
        return [page for page in self.pages() if isinstance(page, DocumentTab)]

    def with_pair(self, a: str, b: str, picked: tuple[str, str] | None = None) -> ComparisonTab | None:
        """The comparison of these two, in this order; with `picked` of these two tensors of them."""
        wanted = [_normal(a), _normal(b)]
        comparisons = [page for page in self.pages() if is_comparison(page) and page.picked == picked]
        return next((tab for tab in comparisons if [_normal(path) for path in tab.paths] == wanted), None)

    def with_path(self, path: str) -> DocumentTab | None:
        """The tab of this file, as it is named: whether two names mean one file, a slow disk would have to say."""
        wanted = _normal(path)
        return next((tab for tab in self.documents() if _normal(tab.path) == wanted), None)

    def add(self, tab: Page) -> None:
        """A further one, at the right."""
        index = self.addTab(tab, tab.title.replace("&", "&&"))
        button = CloseButton(tab.title)
        button.clicked.connect(self._close_clicked)
        self.tabBar().setTabButton(index, _SIDE, button)
        self.setTabToolTip(index, tooltip(shown(tab.path) if isinstance(tab, DocumentTab) else tab.tip))

    def rename(self, tab: Page) -> None:
        """It is called otherwise."""
        self.setTabText(self.indexOf(tab), tab.title.replace("&", "&&"))

    def go(self, step: int) -> None:
        """Bring another one to the front, round and round."""
        if self.count():
            self.setCurrentIndex((self.currentIndex() + step) % self.count())

    def _menu_asked(self, place: QPoint) -> None:
        index = self.tabBar().tabAt(place)
        if index >= 0:
            self.menu_wanted.emit(index, self.tabBar().mapToGlobal(place))

    def _close_clicked(self) -> None:
        bar, button = self.tabBar(), self.sender()
        for index in range(self.count()):
            if bar.tabButton(index, _SIDE) is button:
                self.close_wanted.emit(index)
                return


def _normal(path: str) -> str:
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100  # resolves no links
