"""The application's icon."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QIcon

from sdviewer.resource_files import resource_path


@cache
def app_icon() -> QIcon:
    """The icon of windows and task bars; an empty one where the resources are missing."""
    try:
        return QIcon(str(resource_path("icons/sdviewer.svg")))
    except FileNotFoundError:
        return QIcon()
