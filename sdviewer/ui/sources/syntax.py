"""Syntax: which parts of a line of Python or JSON are words of the language, texts, numbers or remarks.

Own and small: it colours what a reader shows, line by line, whatever the text holds, and runs nothing.
A line is looked at once from left to right, so the time is linear in its length.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import PurePosixPath

_SUFFIXES = {".py": "python", ".pyi": "python", ".json": "json"}


class Token(IntEnum):
    """What is coloured."""

    WORD = 0  # of the language
    STRING = 1
    NUMBER = 2
    REMARK = 3
    NAME = 4  # of what is defined, and of decorators; a key in JSON


class State(IntEnum):
    """What a line begins inside of."""

    PLAIN = 0
    SINGLE = 1  # three single quotes
    DOUBLE = 2  # three double quotes
    SINGLE_LINE = 3  # '…, where a long line was broken
    DOUBLE_LINE = 4  # "…


_CLOSING = {State.SINGLE: "'''", State.DOUBLE: '"""', State.SINGLE_LINE: "'", State.DOUBLE_LINE: '"'}
_OPENED = {quotes: state for state, quotes in _CLOSING.items()}

_PYTHON = re.compile(
    r"""
      (?P<remark>\#.*)
    | (?P<string>(?<!\w)[A-Za-z]{0,2}(?P<quotes>'''|\"\"\"|'|"))
    | (?P<number>(?<![\w.])(?:0[xXbBoO][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)[jJ]?)
    | (?P<decorator>(?<!\S)@[\w.]+)
    | (?P<defined>(?<!\w)(?:def|class)[ \t]+(?P<name>\w+))
    | (?P<word>(?<![\w.])[A-Za-z_]\w*)
    """,
    re.VERBOSE,
)
_JSON = re.compile(
    r"""
      (?P<string>(?P<quotes>"))
    | (?P<number>-?(?<![\w.])\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<word>(?<!\w)(?:true|false|null|NaN|Infinity)(?!\w))
    """,
    re.VERBOSE,
)
_WORDS = frozenset((*keyword.kwlist, *keyword.softkwlist)) - {"_"}

Span = tuple[int, int, Token]


def language_of(name: str) -> str:
    """By how a file is called its language: "python", "json", or "" for a text without colours."""
    return _SUFFIXES.get(PurePosixPath(name.lower()).suffix, "")


def tokens(line: str, language: str, state: int = State.PLAIN) -> tuple[list[Span], State]:
    """Start, end and kind of what is coloured in a line, and what the next one begins inside of."""
    found: list[Span] = []
    last = State(state)
    if not language:
        return found, State.PLAIN
    for start, end, kind, after in _spans(line, _JSON if language == "json" else _PYTHON, last):
        last = after
        if kind is not None:
            found.append((start, end, kind))
    return found, last


def _spans(line: str, pattern: re.Pattern[str], state: State) -> Iterator[tuple[int, int, Token | None, State]]:
    place = 0
    if state is not State.PLAIN:
        place, state = _end_of_string(line, 0, state)
        yield 0, place, Token.STRING, state
    while (match := pattern.search(line, place)) is not None:
        start, place = match.span()
        match match.lastgroup:
            case "quotes" | "string":
                place, after = _end_of_string(line, place, _OPENED[match["quotes"]])
                is_key = pattern is _JSON and line[place : place + 12].lstrip().startswith(":")
                yield start, place, Token.NAME if is_key else Token.STRING, after
                state = after
            case "remark":
                yield start, place, Token.REMARK, state
            case "number":
                yield start, place, Token.NUMBER, state
            case "decorator":
                yield start, place, Token.NAME, state
            case "defined" | "name":
                yield start, match.start("name"), Token.WORD, state
                yield match.start("name"), place, Token.NAME, state
            case _:
                if pattern is _JSON or match.group() in _WORDS:
                    yield start, place, Token.WORD, state
    yield len(line), len(line), None, state


def _end_of_string(line: str, place: int, state: State) -> tuple[int, State]:
    """Where a string that is open at `place` ends, and whether it is still open at the end of the line."""
    closing = _CLOSING[state]
    while True:
        end = line.find(closing, place)
        slash = line.find("\\", place, end if end >= 0 else len(line))
        if slash >= 0:
            # Whatever stands behind a backslash closes nothing.
            place = slash + 2
            if place > len(line):
                return len(line), state
        elif end >= 0:
            return end + len(closing), State.PLAIN
        else:
            return len(line), state
