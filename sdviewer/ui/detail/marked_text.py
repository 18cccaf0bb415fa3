"""Marked text: where something stands in a text, and marks on these places in an editor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextEdit

from sdviewer.ui.theme import colors

MOST_PLACES = 10_000
# More marks than these, before and behind the one in sight, make an editor slow.
_MOST_MARKED = 100


def places_of(text: str, wanted: str) -> list[tuple[int, int]]:
    """Start and end of each place of `wanted` in a text, without regard to case; at most `MOST_PLACES`."""
    folded, wanted = text.casefold(), wanted.casefold()
    if len(folded) != len(text):
        # A character has become two: looked for with regard to case, so that places are places of the text.
        folded, wanted = text, wanted if wanted in text else wanted.upper()
    places: list[tuple[int, int]] = []
    place = folded.find(wanted) if wanted else -1
    while place >= 0 and len(places) < MOST_PLACES:
        places.append((place, place + len(wanted)))
        place = folded.find(wanted, place + len(wanted))
    return places


def in_document(text: str, places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """These places as Qt counts them: a character beyond the first 65,536 takes two."""
    if text.isascii() or max(text, default="") < "\U00010000":
        yield from places
        return
    seen, units = 0, 0
    for start, end in places:
        units += _units(text[seen:start])
        width = _units(text[start:end])
        yield units, units + width
        seen, units = end, units + width


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def marks(
    document: QTextDocument, places: Sequence[tuple[int, int]], current: int = 0
) -> list[QTextEdit.ExtraSelection]:
    """Marks for places of a document, those around the `current` one of them."""
    look = QTextCharFormat()
    look.setBackground(QColor(colors().found))
    look.setForeground(QColor(colors().text))
    found = []
    for start, end in places[max(current - _MOST_MARKED, 0) : current + _MOST_MARKED]:
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cursor_at(document, start, end)
        selection.format = look
        found.append(selection)
    return found


def cursor_at(document: QTextDocument, start: int, end: int) -> QTextCursor:
    """A cursor with this selection."""
    cursor = QTextCursor(document)
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    return cursor
