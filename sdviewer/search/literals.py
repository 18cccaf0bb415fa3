r"""Literals: plain characters that a regex cannot do without, found by reading it, not by running it.

Names are looked through for them by the bytes, which is much quicker than the regex. What is read is
only what is plain beyond doubt: alternatives, options and groups with a question mark say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.control import Control
from sdviewer.search.query import Regex, Word
from sdviewer.search.texts import Texts

Mask = npt.NDArray[np.bool_]

_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEAT = re.compile(r"[*+?]|\{\d*,?\d*\}")
# Escapes of one character that stand for no character of the text, or for one of many.
_SIMPLE_ESCAPES = frozenset("dDsSwWbBAZ")


@dataclass(frozen=True, slots=True)
class Literal:
    """Plain ASCII that is in every text that a regex is found in; `is_whole` if nothing else is asked for."""

    text: str
    is_whole: bool


def literal_in(regex: Regex) -> Literal | None:
    """The longest literal of a regex; None if it has none that is easily seen."""
    pattern = regex.pattern
    if "|" in pattern or "(?" in pattern:
        return None
    found: list[str] = []
    plain = ""
    depth = place = 0
    is_whole = True
    while place < len(pattern):
        char, end = pattern[place], place + 1
        literal = ""
        if char == "\\":
            literal, end = pattern[place + 1 : place + 2], place + 2
            if literal.isascii() and literal.isalnum():
                if literal not in _SIMPLE_ESCAPES:
                    # A number or a code follows.
                    return None
                literal = ""
        elif char == "[":
            inner = _CLASS.match(pattern, place)
            if inner is None:
                return None
            end = inner.end()
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif (repeat := _REPEAT.match(pattern, place)) is not None:
            # What stands before it may be missing, or be there again.
            plain, end = plain[:-1], repeat.end()
        elif char not in ".^$" and char.isascii():
            literal = char
        if literal.isascii() and literal and not depth:
            plain += literal
        else:
            is_whole = False
            found.append(plain)
            plain = ""
        place = end
    longest = max([*found, plain], key=len)
    return Literal(longest, is_whole) if longest else None


def looks_back(regex: Regex) -> bool:
    """Whether it may matter what stands before the place where a regex is found, as it does to an anchor."""
    return any(sign in regex.pattern for sign in ("^", r"\A", r"\b", r"\B", "(?"))


def narrowed(regex: Regex, texts: Texts, control: Control, among: Mask | None = None) -> tuple[Mask, Mask]:
    """Which texts a regex is certainly found in, and which others it may be found in, each of shape `(len(texts),)`.

    If there is `among`, only what that marks.
    """
    literal = literal_in(regex)
    certain, possible = np.zeros(len(texts), np.bool_), np.ones(len(texts), np.bool_)
    if literal is not None:
        text = literal.text if regex.case else literal.text.lower()
        possible = texts.with_word(Word(text, regex.case), control)
        if not regex.case:
            # Other alphabets have letters that are equal to one of these when case is ignored.
            possible[texts.foreign] = True
        if literal.is_whole:
            certain = possible.copy()
            if not regex.case:
                certain[texts.foreign] = False
    if among is not None:
        certain &= among
        possible &= among
    return certain, possible & ~certain
