"""The header of a safetensors file: JSON that says name, dtype, shape and place of every tensor.

Half a million entries are parsed in a second, because entries as the libraries write them are found by
one pattern, a stretch of text at a time. Any other entry is parsed as JSON by itself, so that a damaged
one costs no more than itself, and a header that breaks off gives the entries before.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control

METADATA = "__metadata__"
# Places are kept as int64, relative to the data and with room for the header before it.
_LARGEST_PLACE = 2**62
_PIECE = 1 << 20
_BLOCK = 1 << 16
# What is wrong is told for each entry up to this many, the others are counted.
_MOST_TOLD = 100
# json gives the position of an error: this near to the end, what follows may mend it.
_MARGIN = 16
_SPACE = re.compile(r"[ \t\n\r]*")
_FIELDS = ("dtype", "shape", "data_offsets")
# Numbers that fit in int64; longer ones go the slow way.
_NUMBER = "(?:0|[1-9][0-9]{0,17}+)"


class Twice(dict[str, Any]):
    """A JSON object in which a key stands more than once; the last one counts."""


@dataclass
class Header:
    """What a header lists, one item an entry, in the order of its text; a name may stand more than once.

    Attributes:
        names: the tensors' names.
        dtypes: for each, the number of its dtype in `dtype_names`.
        shapes: for each, the number of its shape in `shape_texts` ("2,3").
        places: for each, its data_offsets as text: "0,24".
        unplaced: items without usable data_offsets; their `places` say "0,0".
        metadata: the values of `__metadata__`: none, one, or several where it stands more than once. They should be
            objects of strings.
        irregular: entries that break the rules and how, the first of them.
        irregular_count: how many there are.
        fault: why the text cannot be read any further, "" if it was read to its end.
        loose_end: whether something other than blanks follows the end.

    """

    names: list[str] = field(default_factory=list)
    dtypes: list[int] = field(default_factory=list)
    shapes: list[int] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    dtype_names: defaultdict[str, int] = field(default_factory=lambda: defaultdict(count().__next__))
    shape_texts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(count().__next__))
    unplaced: list[int] = field(default_factory=list)
    metadata: list[Any] = field(default_factory=list)
    irregular: list[tuple[str, str]] = field(default_factory=list)
    irregular_count: int = 0
    fault: str = ""
    loose_end: bool = False

    def add(self, name: str, dtype: str, shape: str, place: str) -> None:
        """One entry more."""
        self.names.append(name)
        self.dtypes.append(self.dtype_names[dtype])
        self.shapes.append(self.shape_texts[shape])
        self.places.append(place)

    def unplace(self, item: int) -> None:
        """Say that an entry has no usable data_offsets."""
        self.unplaced.append(item)
        self.note_irregular(self.names[item], "has no possible data_offsets: its values cannot be found")

    def note_irregular(self, name: str, why: str) -> None:
        """Say what is wrong with an entry."""
        self.irregular_count += 1
        if len(self.irregular) < _MOST_TOLD:
            self.irregular.append((name, why))


def read_header(source: ByteSource, end: int, control: Control) -> Header:
    """Parse the header that lies between byte 8 and `end` of the source.

    It never fails for what the text says: see `Header.fault`.

    Raises:
        CannotRead: the file changed meanwhile.
        Cancelled: `control` was cancelled.
    """
    header = Header()
    try:
        _Parser(_Window(source, end, control), header).run()
    except _BrokenOff as broken:
        header.fault = str(broken)
    return header


class _BrokenOff(Exception):
    """The text cannot be read any further."""


class _Window:
    """The part of the text that is looked at: pieces are read as the parser goes on, what it has passed is dropped."""

    def __init__(self, source: ByteSource, end: int, control: Control) -> None:
        self.text = ""
        self.position = 0
        self._source = source
        self._control = control
        self._next = 8
        self._end = end
        # Bytes that are no UTF-8 become lone surrogates: a name with one can still be listed.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def extend(self) -> bool:
        """Read on, as much as is left to parse but a megabyte at least; False at the end of the header."""
        if self._next >= self._end:
            return False
        self._control.report(self._next, self._end, "header")
        left = self.text[self.position :]
        size = min(max(_PIECE, len(left)), self._end - self._next)
        raw = read_bytes(self._source, self._next, size)
        self._next += size
        self.text = left + self._decoder.decode(raw, self._next >= self._end)
        self.position = 0
        return True

    def skip_space(self) -> str:
        """Move to the next character that is no blank and return it, "" at the end."""
        while True:
            found = _SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.extend():
                return ""

    def broken(self, why: str) -> _BrokenOff:
        """The error that says so, with about where in the file it is."""
        rest = self.text[self.position :].encode("utf-8", "surrogateescape")
        return _BrokenOff(f"{why} at byte {self._next - len(rest):,}")


class _Parser:
    def __init__(self, window: _Window, header: Header) -> None:
        self.window = window
        self.header = header
        self._fields = _FIELDS
        # Without blanks between its signs, as the library writes it, an entry is found faster.
        self._gaps: tuple[str, ...] = ("", " ?+")
        self._decode = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole_number).raw_decode

    def run(self) -> None:
        window = self.window
        if window.skip_space() != "{":
            raise window.broken("is no JSON object")
        window.position += 1
        if window.skip_space() == "}":
            window.position += 1
        else:
            self._read_entries()
        self.header.loose_end = window.skip_space() != ""

    def _read_entries(self) -> None:
        # Where entries are of another kind, the pattern is tried for every 64th only: it costs more than json then.
        pause = left = 0
        while True:
            if left:
                left -= 1
            elif self._read_regular():
                pause = 0
                continue
            else:
                pause = left = min(2 * pause + 1, 64)
            if not self._read_any():
                return

    def _read_regular(self) -> bool:
        """Entries as libraries write them, up to a block of text; False if the next one is not of that kind."""
        window, header = self.window, self.header
        if len(window.text) - window.position < _BLOCK:
            window.extend()
        end = min(window.position + _BLOCK, len(window.text))
        for gap in self._gaps:
            found = _regular(self._fields, gap).findall(window.text, window.position, end)
            # Where no entry matches, the pattern takes all the rest: so nothing between two entries is passed over.
            rest = found.pop()[4] if found and found[-1][4] else ""
            window.position = end - len(rest)
            if found:
                self._gaps = (gap,) if gap else self._gaps
                break
        else:
            return False
        names, *columns, _ = zip(*found, strict=True)
        values = dict(zip(self._fields, columns, strict=True))
        header.names += names
        header.places += values["data_offsets"]
        header.dtypes += map(header.dtype_names.__getitem__, values["dtype"])
        header.shapes += map(header.shape_texts.__getitem__, values["shape"])
        return True

    def _read_any(self) -> bool:
        """One entry, whatever it is; False if it was the last one."""
        window = self.window
        if window.skip_space() != '"':
            raise window.broken("breaks off" if self._at_end() else "has no name where an entry should begin")
        name = self._value()
        if window.skip_space() != ":":
            raise window.broken("breaks off" if self._at_end() else "has no value behind a name")
        window.position += 1
        window.skip_space()
        self._take(name, self._value())
        after = window.skip_space()
        if after not in (",", "}"):
            raise window.broken("breaks off" if self._at_end() else "has something else than a comma behind an entry")
        window.position += 1
        if after == ",":
            window.skip_space()
        return after == ","

    def _at_end(self) -> bool:
        return self.window.position >= len(self.window.text)

    def _value(self) -> Any:
        """The JSON value that begins here."""
        window = self.window
        while True:
            try:
                value, end = self._decode(window.text, window.position)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated") or error.pos >= len(window.text) - _MARGIN
                if unfinished and window.extend():
                    continue
                window.position = len(window.text) if unfinished else error.pos
                raise window.broken("breaks off" if unfinished else f"is no JSON ({error.msg})") from error
            except RecursionError as error:
                raise window.broken("is nested too deeply") from error
            # A number might go on in the next piece.
            if end < len(window.text) or not window.extend():
                window.position = end
                return value

    def _take(self, name: str, value: Any) -> None:
        header = self.header
        if name == METADATA:
            header.metadata.append(value)
            return
        if not isinstance(value, dict):
            header.note_irregular(name, "is described by no JSON object")
            return
        dtype, shape, place = (value.get(key) for key in _FIELDS)
        if not isinstance(dtype, str):
            header.note_irregular(name, "has no dtype")
            return
        if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < _LARGEST_PLACE for size in shape):
            header.note_irregular(name, "has no possible shape")
            return
        if type(value) is Twice:
            header.note_irregular(name, "says something twice; the last one counts")
        text = _place(place)
        header.add(name, dtype, ",".join(map(str, shape)), text or "0,0")
        if not text:
            header.unplace(len(header.names) - 1)
        order = tuple(value)
        if order != self._fields and sorted(order) == sorted(_FIELDS):
            self._fields = order


@cache
def _regular(fields: tuple[str, ...], gap: str) -> re.Pattern[str]:
    """An entry with a comma behind it, as one library or another writes it; else all the text that is left.

    Its groups: the name, the values of `fields` in that order, the rest. `gap` may stand between its signs.
    """
    comma, colon = f"{gap},{gap}", f"{gap}:{gap}"
    values = {
        "dtype": r'"([^"\\\x00-\x1f]*+)"',
        "shape": rf"\[((?:{_NUMBER}(?:{comma}{_NUMBER})*+)?+)\]",
        "data_offsets": rf"\[({_NUMBER}{comma}{_NUMBER})\]",
    }
    entry = comma.join([f'"{name}"{colon}{values[name]}' for name in fields])
    # No backslashes: what has an escape in it is left to json.
    name = rf'"(?!{METADATA}")([^"\\\x00-\x1f]*+)"'
    return re.compile(rf"[ \t\n\r]*+{name}{colon}\{{{gap}{entry}{gap}\}}{gap},|([\s\S]++)")


def _place(value: Any) -> str:
    """The two numbers of data_offsets as they stand in a header, "" if they are not that."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(offset) is int for offset in value):
        return ""
    start, end = value
    return f"{start},{end}" if 0 <= start <= end < _LARGEST_PLACE else ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else Twice(value)


def _whole_number(text: str) -> int | float:
    # Python takes quadratic time for long ones, and refuses those of more than 4,300 digits.
    return int(text) if len(text) <= 40 else float("inf")
