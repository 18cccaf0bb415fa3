"""Text whose lines may be of any length, in an editor that wraps them."""

from __future__ import annotations

from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit

# Qt looks back to the last space for every row of a line: without any, 200,000 characters took 7 s, 10,000 take 30 ms.
_LONGEST_BY_WORDS = 10_000


def fill(editor: QPlainTextEdit, text: str) -> None:
    """Show `text`, wrapped between words unless one of its lines is so long that this would take its time."""
    is_long = len(text) > _LONGEST_BY_WORDS and max(map(len, text.split("\n"))) > _LONGEST_BY_WORDS
    modes = QTextOption.WrapMode
    # First, else the text before it would be laid out anew.
    editor.clear()
    editor.setWordWrapMode(modes.WrapAnywhere if is_long else modes.WrapAtWordBoundaryOrAnywhere)
    editor.setPlainText(text)
