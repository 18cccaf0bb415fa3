"""Tooltips that say just what they are given: Qt would take a name with angle brackets for HTML."""

from __future__ import annotations

import html


def tooltip(text: str) -> str:
    """Plain text, line breaks kept, as the rich text that Qt shows unchanged."""
    return f"<qt>{html.escape(text).replace(chr(10), '<br>')}</qt>" if text else ""
