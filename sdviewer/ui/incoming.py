"""Incoming: the paths in what other programs hand over, dropped or on the clipboard."""

from __future__ import annotations

import os

from PySide6.QtCore import QMimeData, QUrl

# What is longer was not copied to be opened.
_LONGEST_TEXT = 64 << 10
# What file managers of GNOME put before the addresses of copied files.
_MARKS = frozenset(("x-special/nautilus-clipboard", "copy", "cut"))


def local_paths(data: QMimeData) -> list[str]:
    """The files and folders of this computer."""
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path]


def pasted_paths(data: QMimeData) -> list[str]:
    """Copied files, or a text of which every line is the full path or the address of a local file; else nothing.

    Whether they exist is not asked: the disk may be slow.
    """
    paths = local_paths(data)
    if paths or not data.hasText():
        return paths
    text = data.text()
    if len(text) > _LONGEST_TEXT:
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0] in _MARKS:
        lines = [line for line in lines if line not in _MARKS]
    paths = [_path_in(line) for line in lines]
    return paths if all(paths) else []


def _path_in(line: str) -> str:
    """The path that a line of text is, "" if it is none."""
    if len(line) > 1 and line[0] == line[-1] and line[0] in "\"'":
        line = line[1:-1]
    if line[:5].lower() == "file:":
        url = QUrl(line)
        return url.toLocalFile() if url.isLocalFile() else ""
    if line.startswith(("~/", "~\\")):
        line = os.path.expanduser(line)  # noqa: PTH111  # a text in, a text out
    return line if os.path.isabs(line) and "\0" not in line else ""  # noqa: PTH117  # as above
