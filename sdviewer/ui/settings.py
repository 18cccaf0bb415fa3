"""Settings: what the window remembers between starts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QSettings

from sdviewer.ui.theme import Theme


class Settings:
    """Typed access to the user's settings file; a value of the wrong kind counts as absent."""

    def __init__(self) -> None:
        self._store = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "sdviewer", "sdviewer")

    @property
    def geometry(self) -> QByteArray:
        """Place and size of the window, empty at first."""
        return self._bytes("window/geometry")

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("window/geometry", value)

    @property
    def splitter(self) -> QByteArray:
        """Where the line between tree and detail stands, empty at first."""
        return self._bytes("window/splitter")

    @splitter.setter
    def splitter(self, value: QByteArray) -> None:
        self._store.setValue("window/splitter", value)

    @property
    def table(self) -> str:
        """The columns of the table of all tensors, "" at first."""
        value = self._store.value("window/table", "")
        return value if isinstance(value, str) else ""

    @table.setter
    def table(self, value: str) -> None:
        self._store.setValue("window/table", value)

    @property
    def folding(self) -> bool:
        """Whether alike blocks are shown as one row."""
        return self._store.value("window/folding", "false") == "true"

    @folding.setter
    def folding(self, value: bool) -> None:
        self._store.setValue("window/folding", "true" if value else "false")

    @property
    def scan_on_opening(self) -> bool:
        """Whether small files are scanned when they are opened."""
        return self._store.value("scan/on_opening", "true") != "false"

    @scan_on_opening.setter
    def scan_on_opening(self, value: bool) -> None:
        self._store.setValue("scan/on_opening", "true" if value else "false")

    @property
    def notices(self) -> bool:
        """Whether the end of long work is told to who works elsewhere."""
        return self._store.value("window/notices", "true") != "false"

    @notices.setter
    def notices(self, value: bool) -> None:
        self._store.setValue("window/notices", "true" if value else "false")

    @property
    def hint_is_read(self) -> bool:
        """Whether the hint of the first start was closed."""
        return self._store.value("window/hint_is_read", "false") == "true"

    @hint_is_read.setter
    def hint_is_read(self, value: bool) -> None:
        self._store.setValue("window/hint_is_read", "true" if value else "false")

    @property
    def theme(self) -> Theme:
        """Light, dark or as the system."""
        try:
            return Theme(self._store.value("window/theme", Theme.SYSTEM.value))
        except ValueError:
            return Theme.SYSTEM

    @theme.setter
    def theme(self, value: Theme) -> None:
        self._store.setValue("window/theme", value.value)

    @property
    def folder(self) -> str:
        """Where the last file was opened, "" at first."""
        value = self._store.value("open/folder", "")
        return value if isinstance(value, str) else ""

    @folder.setter
    def folder(self, value: str) -> None:
        self._store.setValue("open/folder", value)

    @property
    def recent(self) -> tuple[str, ...]:
        """The files that were opened last, as absolute paths, the last one first; also by other windows."""
        self._store.sync()
        try:
            paths = json.loads(str(self._store.value("open/recent", "[]")))
        except (ValueError, RecursionError):
            return ()
        return tuple(path for path in paths if isinstance(path, str)) if isinstance(paths, list) else ()

    @recent.setter
    def recent(self, value: Sequence[str]) -> None:
        # As one text: a list of one is stored as its only item, and names need not be Unicode.
        self._store.setValue("open/recent", json.dumps(list(value)))
        self._store.sync()

    @property
    def recent_pairs(self) -> tuple[tuple[str, str], ...]:
        """The files that were compared last, as absolute paths, the last ones first."""
        self._store.sync()
        try:
            pairs = json.loads(str(self._store.value("compare/recent", "[]")))
        except (ValueError, RecursionError):
            return ()
        if not isinstance(pairs, list):
            return ()
        return tuple((pair[0], pair[1]) for pair in pairs if _is_pair(pair))

    @recent_pairs.setter
    def recent_pairs(self, value: Sequence[tuple[str, str]]) -> None:
        self._store.setValue("compare/recent", json.dumps([list(pair) for pair in value]))
        self._store.sync()

    @property
    def session(self) -> str:
        """The tabs of the window that was closed last, as `Session.text`, "" at first."""
        value = self._store.value("session/tabs", "")
        return value if isinstance(value, str) else ""

    @session.setter
    def session(self, value: str) -> None:
        self._store.setValue("session/tabs", value)

    @property
    def is_running(self) -> bool:
        """Whether a window is open, or was when the program ended otherwise than by itself."""
        return self._store.value("session/running", "false") == "true"

    @is_running.setter
    def is_running(self, value: bool) -> None:
        self._store.setValue("session/running", "true" if value else "false")
        # What ends the program now or never must find it on the disk.
        self._store.sync()

    def _bytes(self, key: str) -> QByteArray:
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == len(("a", "b")) and all(isinstance(path, str) for path in value)
