"""The application's icon, found in a checkout as well as in an installed package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtGui import QIcon

import sdviewer

# A wheel carries the folder inside the package, a checkout has it beside it.
_PACKAGE = Path(sdviewer.__file__).parent
_FOLDERS = (_PACKAGE / "resources", _PACKAGE.parent / "resources")


@cache
def app_icon() -> QIcon:
    """The icon of windows and task bars; an empty one where the resources are missing."""
    for folder in _FOLDERS:
        file = folder / "icons" / "sdviewer.svg"
        if file.is_file():
            return QIcon(str(file))
    return QIcon()
