"""Reading: a source text as it may be shown, in lines short enough to be laid out, and what colours them."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from sdviewer.checkpoint.document import Checkpoint, TextEntry
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.wording import bytes_for_people, shown_lines
from sdviewer.control import Control
from sdviewer.ui.sources.syntax import State, language_of, tokens

_MOST_BYTES = 1 << 20
# Qt lays a line out as a whole: a page of lines of a thousand characters takes a fifth of a second to paint.
LONGEST_LINE = 240
_LINES_BETWEEN_LOOKS = 500


@dataclass(frozen=True, eq=False, slots=True)
class SourceText:
    """A text, and the lines in which it is shown.

    Attributes:
        text: as it may be shown; unseen characters are escapes.
        language: see `language_of`.
        lines: its lines, long ones broken.
        numbers: for each of them its number, from 1, or 0 for what continues the line before.
        states: for each of them a `State`, what it begins inside of.
        breaks: where in `text` lines were broken.
        note: what a reader should know: how much is left out, what was done to it.

    """

    text: str
    language: str
    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    states: bytes
    breaks: tuple[int, ...]
    note: str

    def shown_place(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of `text` as a stretch of the lines joined by line breaks."""
        return start + bisect_right(self.breaks, start), end + bisect_left(self.breaks, end)


def read_source(checkpoint: Checkpoint, entry: TextEntry, control: Control) -> SourceText:
    """The first MiB of a text, ready to be shown.

    Raises:
        CannotRead: its bytes are not to be had.
        Cancelled: `control` was cancelled.
    """
    if entry.deflated:
        source, offset = checkpoint.sources.inflated(entry.source, entry.offset, entry.stored, entry.nbytes), 0
    else:
        source, offset = checkpoint.sources.get(entry.source), entry.offset
    text = read_bytes(source, offset, min(entry.nbytes, _MOST_BYTES)).decode("utf-8", "replace")
    notes = []
    if entry.nbytes > _MOST_BYTES:
        notes.append(f"The first {bytes_for_people(_MOST_BYTES)}; {entry.nbytes - _MOST_BYTES:,} more bytes not shown")
    language = language_of(entry.name)
    if language == "json" and not notes and (broken := _with_line_breaks(text)):
        text = broken
        notes.append("Shown with line breaks and indents; in the file it stands on one line")
    return laid_out(shown_lines(text, 4 * _MOST_BYTES), language, ". ".join(notes), control)


def laid_out(text: str, language: str, note: str, control: Control) -> SourceText:
    """A text in lines, each with its number and what it begins inside of."""
    lines: list[str] = []
    numbers: list[int] = []
    breaks: list[int] = []
    place = 0
    for number, line in enumerate(text.split("\n"), 1):
        for start in range(0, max(len(line), 1), LONGEST_LINE):
            lines.append(line[start : start + LONGEST_LINE])
            numbers.append(0 if start else number)
            if start:
                breaks.append(place + start)
        place += len(line) + 1
    states = bytes(_states(lines, numbers, language, control))
    return SourceText(text, language, tuple(lines), tuple(numbers), states, tuple(breaks), note)


def _states(lines: list[str], numbers: list[int], language: str, control: Control) -> Iterator[int]:
    """What each line begins inside of; a string in single quotes ends with its line."""
    state = State.PLAIN
    for index, (line, number) in enumerate(zip(lines, numbers, strict=True)):
        if index % _LINES_BETWEEN_LOOKS == 0:
            control.report(index, len(lines))
        if number and state in (State.SINGLE_LINE, State.DOUBLE_LINE):
            state = State.PLAIN
        yield int(state)
        _, state = tokens(line, language, state)


def _with_line_breaks(text: str) -> str:
    """JSON that stands on one long line, taken apart; "" for any other text."""
    if len(text) <= LONGEST_LINE or "\n" in text.strip():
        return ""
    try:
        broken = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
    return broken if len(broken) <= 3 * _MOST_BYTES else ""
