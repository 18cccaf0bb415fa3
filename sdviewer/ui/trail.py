"""Trail: what was looked at one after the other, in all tabs, and the way back and forward along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from sdviewer.errors import AmbiguousName, NameNotFound
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.document.tab import DocumentTab, State, node_named
from sdviewer.ui.file_tabs import FileTabs, is_comparison

if TYPE_CHECKING:
    from sdviewer.ui.comparison.tab import ComparisonTab
    from sdviewer.ui.file_tabs import Page

MOST_VISITS = 200
_STEPS = {Qt.MouseButton.BackButton: -1, Qt.MouseButton.ForwardButton: 1}


@dataclass(frozen=True, eq=False, slots=True)
class Visit:
    """A page with the name of what was selected in it, "" for its root: a file that is read anew has other nodes."""

    page: Page
    name: str

    def is_like(self, other: Visit) -> bool:
        """Whether both are the same place."""
        return self.page is other.page and self.name == other.name


class Trail(QObject):
    """Follows the tabs; who goes back and then elsewhere leaves what lay ahead.

    What a key that is held down passes is no place of its own. Pages that are closed are not gone back to.
    """

    changed = Signal()
    """There is another way back or forward."""

    def __init__(self, tabs: FileTabs) -> None:
        super().__init__(tabs)
        self._tabs = tabs
        self._visits: list[Visit] = []
        self._here = -1
        self._is_going = False
        self._is_passing = False
        tabs.currentChanged.connect(self._note)

    def follow(self, page: Page) -> None:
        """Notice what is selected in a new page."""
        if is_comparison(page):
            page.view.node_selected.connect(self._note)
        elif isinstance(page, DocumentTab):
            page.browser.node_selected.connect(self._note)
            page.opened.connect(self._note)

    def forget(self, page: Page) -> None:
        """A page is closed."""
        ahead = self._visits[self._here + 1 :]
        self._visits = _without(self._visits[: self._here + 1], page)
        self._here = len(self._visits) - 1
        self._visits = _without([*self._visits, *ahead], page)
        self.changed.emit()

    def back(self) -> None:
        """Go back."""
        self.go(-1)

    def forward(self) -> None:
        """Go forward again."""
        self.go(1)

    def can_go(self, step: int) -> bool:
        """Whether there is a place before (-1) or behind (1) this one."""
        return 0 <= self._here + step < len(self._visits)

    def go(self, step: int) -> None:
        """Go back (-1) or forward (1); what is there no more is left out."""
        while self.can_go(step):
            visit = self._visits[self._here + step]
            if self._show(visit):
                self._here += step
                break
            del self._visits[self._here + step]
            self._here -= step < 0
        self.changed.emit()

    def press(self, event: QMouseEvent) -> bool:
        """Go where the button of a mouse leads that has one for it; whether it was such a button."""
        step = _STEPS.get(event.button(), 0)
        if step and event.type() is not QEvent.Type.MouseButtonRelease:
            self.go(step)
        return bool(step)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The events of the window, before any widget has them: some take every button for a click."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            self._is_passing = event.isAutoRepeat()
        elif isinstance(event, QMouseEvent) and event.type() in (
            QEvent.Type.MouseButtonPress,
            QEvent.Type.MouseButtonDblClick,
            QEvent.Type.MouseButtonRelease,
        ):
            self._is_passing = False
            if self.press(event):
                return True
        return super().eventFilter(watched, event)

    def _note(self) -> None:
        page = self._tabs.page
        if page is None or self._is_going:
            return
        visit = _visit_of(page)
        if visit is None or (self._here >= 0 and visit.is_like(self._visits[self._here])):
            return
        passed = self._is_passing and self._here > 0 and self._visits[self._here].page is page
        self._visits = [*self._visits[: self._here + (not passed)], visit][-MOST_VISITS:]
        self._here = len(self._visits) - 1
        self.changed.emit()

    def _show(self, visit: Visit) -> bool:
        """Whether what was selected is still there."""
        self._is_going = True
        try:
            self._tabs.setCurrentWidget(visit.page)
            return _select(visit)
        finally:
            self._is_going = False


def _visit_of(page: Page) -> Visit | None:
    """What is looked at; None while a page puts back itself what was selected before."""
    if is_comparison(page):
        return _visit_of_comparison(page)
    assert isinstance(page, DocumentTab)  # noqa: S101  # a page is one or the other
    if page.state is State.LOADING and page.loaded is not None:
        return None
    node = page.tree.current_node()
    return Visit(page, name_of(page.loaded.checkpoint, node) if page.loaded is not None and node > 0 else "")


def _visit_of_comparison(page: ComparisonTab) -> Visit | None:
    from sdviewer.ui.comparison.work import Progress

    if page.comparing.progress is Progress.PAIRING:
        return None
    node, standing = page.view.current_node(), page.standing
    return Visit(page, standing.name_at(node) if standing is not None and node > 0 else "")


def _select(visit: Visit) -> bool:
    page = visit.page
    if is_comparison(page):
        node = page.node_named(visit.name)
        page.go_to_node(node)
        page.focus_rows()
        return not visit.name or node > 0
    if isinstance(page, DocumentTab) and page.loaded is not None:
        try:
            page.go_to_node(node_named(page.loaded.checkpoint, visit.name) if visit.name else 0)
        except (NameNotFound, AmbiguousName):
            return False
    return True


def _without(visits: list[Visit], page: Page) -> list[Visit]:
    """Without those of a page, and without the repetitions that this leaves."""
    kept: list[Visit] = []
    for visit in visits:
        if visit.page is not page and not (kept and visit.is_like(kept[-1])):
            kept.append(visit)
    return kept
