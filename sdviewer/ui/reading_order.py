"""Reading order: names with letters that are written from right to left keep the order of their parts.

Qt lays out "a.א.1.2" as the desktop does, with the numbers before the letter; of a path this is another path. Marks
that are not seen say that the parts follow one another from left to right. Within a part its own script decides.
"""

from __future__ import annotations

import re

MARK = "\u200e"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_BETWEEN_PARTS = re.compile(r"[./\\:=,@·›→↔()\[\]]+ *")


def in_order(text: str) -> str:
    """The text for the eye alone, with such marks where they matter: they are no part of what is copied."""
    if text.isascii() or text.startswith(MARK) or not _RIGHT_TO_LEFT.search(text):
        return text
    return MARK + _BETWEEN_PARTS.sub(rf"{MARK}\g<0>{MARK}", text)


def without_marks(text: str) -> str:
    """What `in_order` was given: a mark in a name is shown as an escape, so that each one is its own."""
    return text.replace(MARK, "")
