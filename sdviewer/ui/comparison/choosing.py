"""Choosing: which two files are compared: with an open one, with one that was opened, those of the last time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.ui.comparison.side import title_of
from sdviewer.ui.recent_files import name_and_folder
from sdviewer.ui.settings import Settings
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

MOST_PAIRS = 8
_LONGEST_NAME = 48


class Choosing(QObject):
    """Asks by menus and file dialogs, of which none holds the window up."""

    chosen = Signal(str, str)
    """Two files shall be compared."""

    def __init__(
        self,
        window: QWidget,
        settings: Settings | None,
        menu: QMenu,
        others: Callable[[], Sequence[str]],
        recent: Callable[[], Sequence[str]],
        filters: str,
    ) -> None:
        super().__init__(window)
        self._window, self._settings, self._menu = window, settings, menu
        self._others, self._recent, self._filters = others, recent, filters
        self._pairs: tuple[tuple[str, str], ...] = settings.recent_pairs if settings is not None else ()
        self._entries: list[QAction] = []
        self._below = menu.insertSeparator(menu.actions()[0])
        menu.setToolTipsVisible(True)
        self._fill()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What was compared last, the last ones first."""
        return self._pairs

    def remember(self, a: str, b: str) -> None:
        """These two were compared."""
        pair = (os.path.abspath(a), os.path.abspath(b))  # noqa: PTH100  # resolves no links
        self._store((pair, *(other for other in self._pairs if other != pair))[:MOST_PAIRS])

    def clear(self) -> None:
        """Forget all."""
        self._store(())

    def menu_for(self, path: str) -> QMenu:
        """What a file can be compared with; without one, of which two files."""
        menu = QMenu(tr("Compare with"), self._window)
        menu.setToolTipsVisible(True)
        listed: list[str] = []
        if path:
            open_files = [other for other in self._others() if other != path]
            recent = [other for other in self._recent() if os.path.abspath(path) != other]  # noqa: PTH100  # as above
            for title, others in ((tr("Open files"), open_files), (tr("Opened before"), recent)):
                fresh = [other for other in others if os.path.abspath(other) not in listed]  # noqa: PTH100  # as above
                if fresh:
                    menu.addSection(title)
                for other in fresh:
                    listed.append(os.path.abspath(other))  # noqa: PTH100  # as above
                    name, folder = name_and_folder(other)
                    text = cut_in_middle(name, _LONGEST_NAME).replace("&", "&&")
                    action = menu.addAction(f"{text}\t{cut_in_middle(folder, _LONGEST_NAME)}")
                    action.setToolTip(tooltip(shown(other)))
                    action.triggered.connect(partial(self.chosen.emit, path, other))
            menu.addSeparator()
            menu.addAction(tr("Another &File…"), partial(self.ask_second, path))
            menu.addAction(tr("A F&older of Shards…"), partial(self.ask_folder, path))
        else:
            menu.addAction(tr("Choose Two &Files…"), self.ask_both)
        return menu

    def pop_up(self, path: str, place: QPoint) -> None:
        """Ask what this file is to be compared with."""
        menu = self.menu_for(path)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)
        first = next((action for action in menu.actions() if not action.isSeparator()), None)
        if first is not None:
            menu.setActiveAction(first)

    def ask_second(self, path: str) -> None:
        """Ask for the file that this one is compared with."""
        dialog = self._dialog(tr("Compare {title_of} with", title_of=title_of(path)), path)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(partial(self.chosen.emit, path))
        dialog.open()

    def ask_folder(self, path: str) -> None:
        """Ask for the folder that this file is compared with."""
        dialog = self._dialog(tr("Compare {title_of} with", title_of=title_of(path)), path)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(partial(self.chosen.emit, path))
        dialog.open()

    def ask_both(self) -> None:
        """Ask for two files; of one, its partner is asked for next."""
        dialog = self._dialog(tr("Compare Two Files"), "")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self._both_chosen)
        dialog.open()

    def _dialog(self, title: str, path: str) -> QFileDialog:
        folder = os.path.dirname(os.path.abspath(path)) if path else ""  # noqa: PTH100, PTH120  # as above
        if not folder and self._settings is not None:
            folder = self._settings.folder
        dialog = QFileDialog(self._window, title, folder, self._filters)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    def _both_chosen(self, paths: Sequence[str]) -> None:
        if len(paths) == len(("a", "b")):
            self.chosen.emit(*paths)
        elif len(paths) == 1:
            self.ask_second(paths[0])

    def _store(self, pairs: tuple[tuple[str, str], ...]) -> None:
        if self._settings is not None:
            self._settings.recent_pairs = pairs
        self._pairs = pairs
        self._fill()

    def _fill(self) -> None:
        for entry in self._entries:
            self._menu.removeAction(entry)
            entry.deleteLater()
        self._entries = []
        for a, b in self._pairs:
            text = f"{title_of(a)} ↔ {title_of(b)}".replace("&", "&&")
            entry = QAction(text, self)
            entry.setToolTip(tooltip(f"{shown(a)}\n{shown(b)}"))
            entry.triggered.connect(partial(self._again, a, b))
            self._entries.append(entry)
        self._menu.insertActions(self._below, self._entries)
        self._menu.menuAction().setEnabled(bool(self._pairs))

    def _again(self, a: str, b: str) -> None:
        self.chosen.emit(a, b)
