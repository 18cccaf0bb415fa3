"""Tooltips that say just what they are given: Qt would take a name with angle brackets for HTML."""

from __future__ import annotations

import html
import textwrap

from PySide6.QtGui import Qt

_WIDTH = 100


def tooltip(text: str) -> str:
    """The text as Qt shows it unchanged, long lines broken; markup only where Qt would see some in the text itself.

    Screen readers read a tooltip as it is, with all of its tags.
    """
    lines = "\n".join(
        "\n".join(textwrap.wrap(line, _WIDTH, replace_whitespace=False, break_on_hyphens=False)) if line else ""
        for line in text.split("\n")
    )
    return f"<qt>{html.escape(lines).replace(chr(10), '<br>')}</qt>" if Qt.mightBeRichText(lines) else lines
