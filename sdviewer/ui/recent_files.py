"""RecentFiles: what was opened last, across starts."""

from __future__ import annotations

import os
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.settings import Settings

MOST_RECENT = 12
_SLOT = ("window", "recent files")


def missing_of(paths: Sequence[str], control: Control) -> frozenset[str]:
    """Those that are not on the disk."""
    missing = []
    for path in paths:
        control.check()
        if not os.path.exists(path):  # noqa: PTH110  # Path.exists raises for some paths
            missing.append(path)
    return frozenset(missing)


def name_and_folder(path: str) -> tuple[str, str]:
    """A path in two parts to be shown; the home folder as "~"."""
    folder, name = os.path.split(path)
    home = os.path.expanduser("~")  # noqa: PTH111  # a text in, a text out
    if folder == home or folder.startswith(home + os.sep):
        folder = "~" + folder[len(home) :]
    return shown(name or path), shown(folder)


class RecentFiles(QObject):
    """Absolute paths, the last one first; kept in the settings if there are any."""

    changed = Signal()
    """Other files, or others of them are missing."""

    def __init__(self, settings: Settings | None, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._bridge = settings, bridge
        self._paths: tuple[str, ...] = settings.recent if settings is not None else ()
        self.missing: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[str, ...]:
        """At most twelve."""
        return self._paths[:MOST_RECENT]

    def remember(self, path: str) -> None:
        """Put a path first."""
        path = os.path.abspath(path)  # noqa: PTH100  # resolves no links
        self._store((path, *(other for other in self._as_stored() if other != path))[:MOST_RECENT])

    def clear(self) -> None:
        """Forget all."""
        self._store(())

    def look(self) -> None:
        """Ask the disk in a job which of them are missing, and take over what other windows have opened."""
        stored = self._as_stored()
        if stored != self._paths:
            self._paths = stored
            self.changed.emit()
        if not self._paths or _SLOT in self._bridge.running:
            return
        paths = self._paths
        self._bridge.start(
            Lane.READING,
            _SLOT,
            lambda control: missing_of(paths, control),
            on_value=self._looked,
            on_error=self._not_looked,
        )

    def _as_stored(self) -> tuple[str, ...]:
        return self._settings.recent if self._settings is not None else self._paths

    def _store(self, paths: tuple[str, ...]) -> None:
        if self._settings is not None:
            self._settings.recent = paths
        if paths != self._paths:
            self._paths = paths
            self.changed.emit()

    def _looked(self, missing: frozenset[str]) -> None:
        if missing != self.missing:
            self.missing = missing
            self.changed.emit()

    def _not_looked(self, error: BaseException) -> None:
        """Then all can be chosen, and opening tells what is wrong."""
