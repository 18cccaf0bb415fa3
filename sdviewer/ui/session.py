"""SessionKeeper: the tabs of the window that was closed last, opened again by the next start.

After a program that did not end by itself they are not: what it showed may be why. The menu opens them all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from sdviewer.errors import AmbiguousName, NameNotFound
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.document.browser import ALL_TENSORS, MODULES
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.file_tabs import is_comparison
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.settings import Settings
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.comparison.tab import ComparisonTab
    from sdviewer.ui.file_tabs import Page

_MS_BEFORE_SAVING = 1000
_MS_BEFORE_MARK = 300
_MS_TO_READ = 20_000
_MOST_TABS = 1000
_NOT_CLOSED = "The last session was not closed as usual. File › Reopen the Last Session brings its files back."


@dataclass(frozen=True, slots=True)
class SavedTab:
    """One file, or the two that were compared.

    Attributes:
        paths: one or two absolute paths.
        selected: the name of what was selected, "" for the root.
        view: of a file, which of its views was in sight.
        picked: the names of the two tensors that were all that was compared, or none.
        sections: by names, where others than the usual ones were compared.

    """

    paths: tuple[str, ...]
    selected: str = ""
    view: int = 0
    picked: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """Tabs from the left, and which was in front."""

    tabs: tuple[SavedTab, ...] = ()
    current: int = 0

    @property
    def text(self) -> str:
        """In one line, of ASCII: names need not be Unicode."""
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> Session:
        """What `text` made; of anything else no session."""
        try:
            value = json.loads(text)
            tabs = tuple(map(_tab_in, value["tabs"][:_MOST_TABS]))
            return Session(tabs, min(max(int(value["current"]), 0), max(len(tabs) - 1, 0)))
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return Session()


class SessionKeeper(QObject):
    """Saves what is open as it changes; one that does not lead only opens again what another one has saved."""

    def __init__(self, window: MainWindow, settings: Settings, *, leads: bool) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self.last = Session.parse(settings.session)
        self._was_closed = not settings.is_running
        # Whether the last session is still what the next start shall find.
        self._leaves_it = False
        self._waiting: deque[tuple[int, SavedTab]] = deque()
        self._first = 0
        # What is to be selected in files that are still being read, by their tabs.
        self._wanted: dict[int, SavedTab] = {}
        self._next = QTimer(self)
        self._next.setInterval(0)
        self._next.timeout.connect(self._open_next)
        self._save_soon = QTimer(self)
        self._save_soon.setSingleShot(True)
        self._save_soon.setInterval(_MS_BEFORE_SAVING)
        self._save_soon.timeout.connect(self._save)
        window.reopen_wanted.connect(self.reopen)
        window.closed.connect(self._next.stop)
        # Writing that down takes some milliseconds, for which no first tree shall wait.
        self._mark_soon = QTimer(self)
        self._mark_soon.setSingleShot(True)
        self._mark_soon.setInterval(_MS_BEFORE_MARK)
        self._mark_soon.timeout.connect(self._mark)
        if leads:
            self._mark_soon.start()
            window.tabs.currentChanged.connect(self._changed)
            window.tabs.tabBar().tabMoved.connect(self._changed)
            window.closed.connect(self._end)

    @property
    def is_opening(self) -> bool:
        """Whether tabs are still to be opened."""
        return bool(self._waiting)

    def begin(self) -> None:
        """A start without files: open the last session, or say why it is not."""
        if self._was_closed:
            if self.last.tabs:
                self._mark()
            self._open_all()
        elif self.last.tabs:
            self._leaves_it = True
            self._window.tell(_NOT_CLOSED, _MS_TO_READ)

    def reopen(self) -> None:
        """Open the tabs of the last session beside those that are there."""
        if not self.last.tabs:
            self._window.tell(tr("There is no session to reopen."))
        self._open_all()

    def _open_all(self) -> None:
        """The one that was in front first: it is what is waited for."""
        numbered = list(enumerate(self.last.tabs))
        current = self.last.current
        self._first = self._window.tabs.count()
        self._waiting = deque(numbered[current : current + 1] + numbered[:current] + numbered[current + 1 :])
        if self._waiting:
            self._open_next(in_front=True)
            self._next.start()

    def _open_next(self, *, in_front: bool = False) -> None:
        if not self._waiting:
            self._next.stop()
            return
        number, saved = self._waiting.popleft()
        tabs = self._window.tabs
        before = tabs.count()
        page = self._page_of(saved)
        if tabs.count() > before:
            self._select_once_read(page, saved)
            tabs.tabBar().moveTab(before, min(self._first + number, before))
        if in_front:
            tabs.setCurrentWidget(page)

    def _page_of(self, saved: SavedTab) -> Page:
        if len(saved.paths) == 1:
            return self._window.open_behind(saved.paths[0])
        a, b = saved.paths
        return self._window.compare_behind(a, b, _pair(saved.picked), _pair(saved.sections))

    def _select_once_read(self, page: Page, saved: SavedTab) -> None:
        number = id(page)
        self._wanted[number] = saved

        def select() -> None:
            if self._wanted.pop(number, None) is None:
                return
            with contextlib.suppress(NameNotFound, AmbiguousName):
                if is_comparison(page):
                    page.select_name(saved.selected)
                elif isinstance(page, DocumentTab):
                    page.browser.views.setCurrentIndex(saved.view)
                    if saved.selected:
                        page.go_to_name(saved.selected)

        (page.comparing.paired if is_comparison(page) else page.opened).connect(select)
        page.destroyed.connect(lambda: self._wanted.pop(number, None))

    def _mark(self) -> None:
        self._mark_soon.stop()
        self._settings.is_running = True

    def _changed(self) -> None:
        self._leaves_it = False
        self._save_soon.start()

    def _save(self) -> None:
        # What is still to be opened is a part of it.
        if self._waiting:
            self._save_soon.start()
            return
        pages = self._window.tabs.pages()[:_MOST_TABS]
        session = Session(tuple(map(self._saved, pages)), max(0, self._window.tabs.currentIndex()))
        self._settings.session = session.text

    def _saved(self, page: Page) -> SavedTab:
        if id(page) in self._wanted:
            return self._wanted[id(page)]
        if is_comparison(page):
            return _saved_comparison(page)
        assert isinstance(page, DocumentTab)  # noqa: S101  # a page is one or the other
        node = page.tree.current_node()
        name = name_of(page.loaded.checkpoint, node) if page.loaded is not None and node > 0 else ""
        return SavedTab((_absolute(page.path),), name, page.browser.views.currentIndex())

    def _end(self) -> None:
        self._save_soon.stop()
        self._mark_soon.stop()
        if self._leaves_it:
            return
        if not self._waiting:
            self._save()
        self._settings.is_running = False


def _saved_comparison(tab: ComparisonTab) -> SavedTab:
    node, standing, ask = tab.view.current_node(), tab.standing, tab.comparing.ask
    name = standing.name_at(node) if standing is not None and node > 0 else ""
    sections = (ask.section_a or "", ask.section_b or "")
    return SavedTab(tuple(map(_absolute, tab.paths)), name, 0, tab.picked or (), sections if any(sections) else ())


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  # resolves no links


def _pair(names: tuple[str, ...]) -> tuple[str, str] | None:
    return (names[0], names[1]) if names else None


def _tab_in(value: Any) -> SavedTab:
    paths, picked, sections = (_texts(value[key]) for key in ("paths", "picked", "sections"))
    if len(paths) not in (1, 2) or len(picked) not in (0, 2) or len(sections) not in (0, 2):
        raise ValueError(value)
    view = ALL_TENSORS if value["view"] == ALL_TENSORS else MODULES
    return SavedTab(paths, _texts([value["selected"]])[0], view, picked, sections)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(value)
    return tuple(value)
