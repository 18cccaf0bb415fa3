r"""Query: the language of the filter, and its parser.

A query is a list of terms between blanks; a tensor fits if every term does:

    query   =  { [ "-" ] term }
    term    =  field ":" value { "," value }
            |  "/" regex "/" [ "i" ]
            |  '"' text '"'
            |  glob                 (has a `*`, `?` or `[`)
            |  word

- A leading `-` turns a term round: what does not fit it.
- A **word** or a text in quotes fits where it is a part of the canonical name or of the state_dict key.
- A **glob** fits the whole name or the whole key; `*` is any text, dots and slashes too, `?` one
  character, `[abc]`, `[0-9]`, `[!x]` one of (none of) these.
- Words, quoted texts and globs ignore case unless they have an upper-case letter.
- A **regex** is Python's; it fits where it is found anywhere in the name or key. It ends at the first
  `/` with a blank or the end behind it; `i` ignores case. `\/` is a slash wherever it stands.
- A **field** (the table in fields.py) is a word and a colon; several values between commas are
  alternatives. A value may stand in quotes; brackets keep their blanks and commas together.
- At the end of the line the closing quote or slash may still be missing.

`parse` never raises: what it does not understand it returns as a `Mistake` that says where, what and
what to write instead.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from sdviewer.search.conditions import Condition, Unfit, is_glob, nearest
from sdviewer.search.fields import BY_WORD, FIELDS

LONGEST = 4000
_LONGEST_REGEX = 1000
_FIELD = re.compile(r"([A-Za-z_]+):")
_REGEX_END = re.compile(r"/([A-Za-z]*)(?=\s|\Z)")
_BRACKETS = {"[": "]", "(": ")"}


@dataclass(frozen=True, slots=True)
class Word:
    """A part of the name; folded unless `case` counts."""

    text: str
    case: bool


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern for the whole name."""

    text: str
    case: bool


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression to be found in the name."""

    pattern: str
    case: bool


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A field of fields.py by its name, and conditions of which one must hold."""

    field: str
    conditions: tuple[Condition, ...]


Test = Word | Glob | Regex | FieldTest


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its test, whether it is turned round, and `text` as it stands at `start` of the line."""

    test: Test
    negated: bool
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was understood; without terms everything fits."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was not understood: `length` characters at `start`, a sentence, and perhaps what to write instead.

    The `suggestion` takes the place of the characters from `term[0]` to before `term[1]`.
    """

    start: int
    length: int
    message: str
    suggestion: str = ""
    term: tuple[int, int] = (0, 0)

    def mended(self, text: str) -> str:
        """The line with the suggestion in it."""
        return text[: self.term[0]] + self.suggestion + text[self.term[1] :] if self.suggestion else text


def parse(text: str) -> Query | Mistake:
    """The query that a line says, or what is wrong with it."""
    if len(text) > LONGEST:
        return Mistake(LONGEST, len(text) - LONGEST, f"A filter has at most {LONGEST:,} characters")
    try:
        return Query(tuple(_terms(text)))
    except _Stop as stop:
        return stop.mistake


class _Stop(Exception):
    def __init__(
        self, start: int, length: int, message: str, suggestion: str = "", term: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__(message)
        self.mistake = Mistake(start, max(length, 1), message[:1].upper() + message[1:], suggestion, term)


def _terms(text: str) -> Iterator[Term]:
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return
        start = place
        negated = text[place] == "-"
        place += negated
        if negated and (place == len(text) or text[place].isspace()):
            raise _Stop(start, 1, "behind the minus something is missing that shall not fit", "-bias", (start, place))
        test, place = _test(text, place)
        yield Term(test, negated, text[start:place], start)


def _test(text: str, start: int) -> tuple[Test, int]:
    if text[start] == "/":
        return _regex(text, start)
    if text[start] == '"':
        inner, end = _quoted(text, start)
        if not inner:
            raise _Stop(start, end - start, "nothing stands between the quotes")
        if end < len(text) and not text[end].isspace():
            raise _Stop(end, 1, "behind the closing quote a blank is missing")
        return _word(inner), end
    head = _FIELD.match(text, start)
    if head is not None:
        return _field(text, start, head)
    end = start
    while end < len(text) and not text[end].isspace():
        end += 1
    bare = text[start:end]
    return (Glob(*_smart(bare)) if is_glob(bare) else _word(bare)), end


def _word(text: str) -> Word:
    return Word(*_smart(text))


def _smart(text: str) -> tuple[str, bool]:
    """The text, folded if it has no upper-case letter, and whether case counts."""
    case = any(char.isupper() for char in text)
    return (text if case else text.casefold()), case


def _quoted(text: str, start: int) -> tuple[str, int]:
    close = text.find('"', start + 1)
    return (text[start + 1 :], len(text)) if close < 0 else (text[start + 1 : close], close + 1)


def _regex(text: str, start: int) -> tuple[Regex, int]:
    place = start + 1
    while (found := _REGEX_END.search(text, place)) is not None and _is_escaped(text, found.start()):
        place = found.start() + 1
    stop, end = (found.start(), found.end()) if found is not None else (len(text), len(text))
    flags = found[1] if found is not None else ""
    pattern = text[start + 1 : stop]
    if not pattern:
        raise _Stop(start, end - start, "between the slashes a regex is missing", r"/\.\d+\.weight$/", (start, end))
    if flags not in ("", "i"):
        raise _Stop(
            stop + 1, len(flags), "behind a regex only i may stand, to ignore case", f"/{pattern}/i", (start, end)
        )
    if len(pattern) > _LONGEST_REGEX:
        raise _Stop(start, end - start, f"a regex has at most {_LONGEST_REGEX:,} characters")
    pattern = pattern.replace("\\/", "/")
    regex = Regex(pattern, case=not flags)
    try:
        compile_regex(regex)
    except re.error as error:
        at = min(start + 1 + (error.pos or 0), end - 1)
        hint = "a sign that means itself takes a backslash before it"
        raise _Stop(at, 1, f"this regex cannot be read: {error.msg} ({hint})") from error
    except (RecursionError, OverflowError, MemoryError) as error:
        raise _Stop(start, end - start, "this regex is too large") from error
    return regex, end


def _is_escaped(text: str, place: int) -> bool:
    """Whether an odd number of backslashes stands before a place."""
    before = text[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def compile_regex(regex: Regex) -> re.Pattern[str]:
    """Python's pattern; raises `re.error` where it has none."""
    with warnings.catch_warnings():
        # "Possible nested set": it is what the user typed, not a fault of this program.
        warnings.simplefilter("ignore")
        return re.compile(regex.pattern, 0 if regex.case else re.IGNORECASE)


def _field(text: str, start: int, head: re.Match[str]) -> tuple[FieldTest, int]:
    word = head[1]
    field = BY_WORD.get(word.lower())
    values = tuple(_values(text, head.end()))
    end = values[-1].end
    term = (start, end)
    if field is None:
        meant = nearest(word.lower(), BY_WORD)
        if meant:
            raise _Stop(
                start, len(word), f"there is no field “{word}”", meant + text[start + len(word) : end], (start, end)
            )
        message = f"there is no field “{word}”; fields are {', '.join(row.name for row in FIELDS)}"
        whole = text[start:end].replace('"', "")
        raise _Stop(start, len(word), f"{message}. In quotes it is a part of a name", f'"{whole}"', term)
    conditions = []
    for value in values:
        if not value.text:
            message = (
                f"behind {word}: a value is missing" if len(values) == 1 else "between the commas a value is missing"
            )
            raise _Stop(value.start, 1, message, field.examples[0], term)
        read = field.read_quoted if value.quoted and field.read_quoted is not None else field.read
        try:
            conditions.append(read(value.text))
        except Unfit as unfit:
            whole = text[start : value.start] + unfit.suggestion + text[value.end : end] if unfit.suggestion else ""
            raise _Stop(
                value.start, value.end - value.start, unfit.message, whole or field.examples[0], (start, end)
            ) from unfit
    return FieldTest(field.name, tuple(conditions)), end


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    start: int
    end: int
    quoted: bool


def _values(text: str, start: int) -> Iterator[_Value]:
    """The values between commas from here to the next blank."""
    place = start
    while True:
        if text[place : place + 1] == '"':
            inner, end = _quoted(text, place)
            value = _Value(inner, place, end, quoted=True)
            if end < len(text) and text[end] != "," and not text[end].isspace():
                raise _Stop(end, 1, "behind the closing quote a blank or a comma is missing")
        else:
            end = place
            while end < len(text) and text[end] != "," and not text[end].isspace():
                close = text.find(_BRACKETS[text[end]], end) if text[end] in _BRACKETS else -1
                end = close + 1 if close >= 0 else end + 1
            value = _Value(text[place:end], place, end, quoted=False)
        yield value
        if text[end : end + 1] != ",":
            return
        place = end + 1
