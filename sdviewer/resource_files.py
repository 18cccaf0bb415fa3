"""Where the files of `resources/` lie: in a checkout, an editable install, a wheel and a bundle."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
# A wheel and a bundle carry the folder inside the package; in a checkout, which an editable install is too, it
# stands beside the package.
_FOLDERS = (_PACKAGE / "resources", _PACKAGE.parent / "resources")


def resource_path(name: str) -> Path:
    """The file `name`, such as "icons/sdviewer.svg".

    Raises:
        FileNotFoundError: it is in none of the places.

    """
    for folder in _FOLDERS:
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"sdviewer was installed without resources/{name}")


def guide_path() -> Path:
    """The README, which lies beside the folder everywhere and names its pictures from there.

    Raises:
        FileNotFoundError: it is not there.

    """
    path = resource_path("pictures").parents[1] / "README.md"
    if not path.is_file():
        raise FileNotFoundError("sdviewer was installed without README.md")
    return path
