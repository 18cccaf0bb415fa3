"""The licences of all that a bundle holds: `python notices.py BUNDLE OUT`, with the environment that it was made from.

Every distribution of the environment that is in the bundle, Python itself, the program that starts it, and every
library of the system: each with its own text. What has none ends this with an error: a bundle without it must not be
given away.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# They make the bundle and are not in it. PyInstaller's own program is.
_TOOLS = {"altgraph", "hatchling", "pip", "setuptools", "wheel"}
_TEXTS = re.compile(r"(?i)(^|/)(licen[cs]es?|copying|notice|authors)([-._][^/]*)?$|(^|/)licen[cs]es/")
# Their wheels have no text; they are used under the LGPL.
_OF_QT = {"pyside6-essentials", "shiboken6"}
_COMMON = Path("/usr/share/common-licenses")
_REFERRED = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])")
_RULE = "=" * 100

_HEAD = """\
sdviewer is under the Apache License 2.0. This program also holds the work of others, under the licences that follow.

Qt and PySide6 (PySide6-Essentials, shiboken6) are used under the GNU Lesser General Public License, version 3. They
are libraries of their own in the folder of the program, PySide6 and shiboken6, unchanged, and the program loads them
from there: put your own builds of the same version in their place to use those instead. Nothing forbids you to change
them, or to take the program apart to find faults in your changes. Their source code is what the Qt project publishes
as Qt {qt} and PySide6 {qt}. What Qt itself is made of is listed in its documentation, "Licenses Used in Qt".

Libraries of the system are those that Debian builds from its source packages, in the versions listed.
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """A part of the bundle, and its licences."""

    title: str
    licence: str
    texts: tuple[str, ...]


class NoText(Exception):
    """A part of the bundle comes without the text of its licence."""


def notices(bundle: Path) -> list[Notice]:
    """Of everything in a bundle.

    Raises:
        NoText: something has no text.

    """
    found = [*_of_distributions(), _of_python(), *_of_system(bundle)]
    bare = [notice.title for notice in found if not any(text.strip() for text in notice.texts)]
    if bare:
        raise NoText(f"no text of a licence was found for {', '.join(bare)}")
    return found


def as_text(found: list[Notice]) -> str:
    """One text of all, of which the same licence is printed once."""
    pieces = [_HEAD.format(qt=importlib.metadata.version("PySide6-Essentials")), "In this bundle:\n"]
    pieces += [f"  {notice.title}" + (f" ({notice.licence})" if notice.licence else "") for notice in found]
    printed: dict[str, str] = {}
    for notice in found:
        pieces += ["", _RULE, notice.title, _RULE, ""]
        for text in notice.texts:
            if text in printed:
                pieces.append(f"The same text as under {printed[text]}.\n")
            else:
                printed[text] = notice.title
                pieces.append(text.strip() + "\n")
    for name in sorted({name for notice in found for text in notice.texts for name in _REFERRED.findall(text)}):
        if (_COMMON / name).is_file() and (text := (_COMMON / name).read_text()) not in printed:
            pieces += ["", _RULE, f"{name}, which the texts above refer to", _RULE, "", text.strip() + "\n"]
    return "\n".join(pieces)


def _of_distributions() -> Iterator[Notice]:
    distributions = {
        dist.metadata["Name"].lower().replace("_", "-"): dist for dist in importlib.metadata.distributions()
    }
    for name, dist in sorted(distributions.items()):
        if name in _TOOLS:
            continue
        told = [dist.metadata[field] for field in ("License-Expression", "License") if field in dist.metadata]
        licence = told[0].strip() if told else ""
        if name in _OF_QT:
            texts = [(_COMMON / "LGPL-3").read_text(), (_COMMON / "GPL-3").read_text()]
        else:
            files = [
                file for file in dist.files or () if _TEXTS.search(str(file)) and file.suffix not in {".py", ".pyc"}
            ]
            paths = [Path(str(file.locate())) for file in files]
            texts = [path.read_text("utf-8", "replace") for path in paths if path.is_file()]
        yield Notice(
            f"{dist.metadata['Name']} {dist.version}", licence.splitlines()[0] if licence else "", tuple(texts)
        )


def _of_python() -> Notice:
    version = ".".join(map(str, sys.version_info[:3]))
    debian = Path(f"/usr/share/doc/python{sys.version_info[0]}.{sys.version_info[1]}/copyright")
    text = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    place = text if text.is_file() else debian
    return Notice(f"Python {version}", "PSF-2.0", (place.read_text("utf-8", "replace") if place.is_file() else "",))


def _of_system(bundle: Path) -> Iterator[Notice]:
    """Libraries at the top of the bundle come from the system; what distributions brought lies below."""
    libraries = [file for file in bundle.glob("_internal/*.so*") if not file.is_symlink()]
    packages = {_package_of(file.name) for file in libraries if not file.name.startswith("libpython")}
    for package in sorted(packages):
        name = package.partition(":")[0]
        place = Path("/usr/share/doc") / name / "copyright"
        version = _told("dpkg-query", "--show", "--showformat=${Version}", package)
        yield Notice(f"{name} {version}", "", (place.read_text("utf-8", "replace") if place.is_file() else "",))


def _package_of(library: str) -> str:
    """The package of Debian that a library is from."""
    told = _told("dpkg-query", "--search", f"*/{library}")
    packages = [line.partition(": ")[0] for line in told.splitlines() if line.endswith(f"-linux-gnu/{library}")]
    if not packages:
        raise NoText(f"no package of this system has {library}")
    return packages[0].split(", ")[0]


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout  # noqa: S603  # of dpkg


if __name__ == "__main__":
    try:
        made = notices(Path(sys.argv[1]))
    except NoText as error:
        sys.exit(f"notices: {error}")
    Path(sys.argv[2]).write_text(as_text(made), encoding="utf-8")
    print(f"{sys.argv[2]}: {len(made)} parts")
