"""RecentMenu: fills File ▸ Open Recent."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.ui.recent_files import RecentFiles, name_and_folder
from sdviewer.ui.tooltips import tooltip

_LONGEST_NAME = _LONGEST_FOLDER = 48
_NUMBERED = 9


class RecentMenu(QObject):
    """Keeps the entries of a menu in step with the files; what stands in it already stays below them."""

    file_wanted = Signal(str)

    def __init__(self, menu: QMenu, recent: RecentFiles) -> None:
        super().__init__(menu)
        self._menu, self._recent = menu, recent
        self._entries: list[QAction] = []
        self._below = menu.insertSeparator(menu.actions()[0])
        menu.setToolTipsVisible(True)
        menu.triggered.connect(self._chosen)
        menu.aboutToShow.connect(recent.look)
        recent.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        paths = self._recent.paths
        if [entry.data() for entry in self._entries] != list(paths):
            for entry in self._entries:
                self._menu.removeAction(entry)
                entry.deleteLater()
            self._entries = [self._entry(number, path) for number, path in enumerate(paths, 1)]
            self._menu.insertActions(self._below, self._entries)
        for entry in self._entries:
            entry.setEnabled(entry.data() not in self._recent.missing)
        self._menu.menuAction().setEnabled(bool(paths))

    def _entry(self, number: int, path: str) -> QAction:
        name, folder = name_and_folder(path)
        name, folder = cut_in_middle(name, _LONGEST_NAME), cut_in_middle(folder, _LONGEST_FOLDER)
        mnemonic = f"&{number}  " if number <= _NUMBERED else ""
        # Menus set what follows a tab apart, at the right.
        entry = QAction(f"{mnemonic}{name.replace('&', '&&')}\t{folder}", self)
        entry.setData(path)
        entry.setToolTip(tooltip(shown(path)))
        return entry

    def _chosen(self, action: QAction) -> None:
        if action in self._entries:
            self.file_wanted.emit(action.data())
