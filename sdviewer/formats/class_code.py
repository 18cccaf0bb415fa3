"""The source code of classes that torch before 1.6 saved with a module: text to show, never to run."""

from __future__ import annotations

from typing import Any

from sdviewer.checkpoint.document import TextEntry
from sdviewer.formats.pickle_values import ByteRange
from sdviewer.formats.reading import Reading


def class_code(reading: Reading, source: int, name: str, code: Any) -> TextEntry | None:
    """The code of class `name` as the pickle in source `source` holds it; None if there is none."""
    if isinstance(code, ByteRange):
        return TextEntry(f"{name}.py", source, code.offset, code.size, code.size)
    if not isinstance(code, str) or not code:
        return None
    raw = code.encode("utf-8", "surrogatepass")
    inline = reading.sources.inline
    entry = TextEntry(f"{name}.py", reading.sources.inline_index(), len(inline), len(raw), len(raw))
    inline += raw
    return entry
