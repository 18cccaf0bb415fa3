"""The header of a safetensors file: JSON that says name, dtype, shape and place of every tensor.

Entries as the library writes them are found as columns, a megabyte of text at a time, because half a
million of them are to open as fast as in the library. Any other entry is parsed as JSON by itself, so that
a damaged one costs no more than itself, and a header that breaks off gives the entries before.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control
from sdviewer.formats.safetensors_scan import Scanned, begins_regular, scan

Int64 = npt.NDArray[np.int64]

METADATA = "__metadata__"
# Places are kept as int64, relative to the data and with room for the header before it.
_LARGEST_PLACE = 2**62
_PIECE = 1 << 20
# What is wrong is told for each entry up to this many, the others are counted.
_MOST_TOLD = 100
# json gives the position of an error: this near to the end, what follows may mend it.
_MARGIN = 16
# So many entries found at once are worth a look for more; else json reads some before the next look.
_WORTH_IT = 100
_LONGEST_PAUSE = 1000
_SPACE = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r'[ \t\n\r]*+"([^"\\\x00-\x1f]*+)"[ \t\n\r]*+:[ \t\n\r]*+')
_BEHIND = re.compile(r"[ \t\n\r]*+([,}])[ \t\n\r]*+")
_FIELDS = ("dtype", "shape", "data_offsets")
NO_PLACE = "has no possible data_offsets: its values cannot be found"


class Twice(dict[str, Any]):
    """A JSON object in which a key stands more than once; the last one counts."""


@dataclass(frozen=True, eq=False)
class Header:
    """What a header lists, one item an entry, in the order of its text; a name may stand more than once.

    Attributes:
        names: the tensors' names.
        dtype: of each, the index of its dtype in `dtypes`.
        shape: of each, the index of its shape in `shapes` ("2,3").
        start, end: data_offsets; both -1 where they are not usable.
        metadata: the values of `__metadata__`: none, one, or several where it stands more than once. They should be
            objects of strings.
        irregular: entries that break the rules and how, the first of them.
        irregular_count: how many there are.
        fault: why the text cannot be read any further, "" if it was read to its end.
        loose_end: whether something other than blanks follows the end.

    """

    names: StringColumn
    dtype: Int64
    dtypes: list[str]
    shape: Int64
    shapes: list[str]
    start: Int64
    end: Int64
    metadata: list[Any]
    irregular: list[tuple[str, str]]
    irregular_count: int
    fault: str
    loose_end: bool


@dataclass
class _Collector:
    """Gathers entries, one by one or many at once, in order."""

    dtypes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(count().__next__))
    shapes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(count().__next__))
    metadata: list[Any] = field(default_factory=list)
    irregular: list[tuple[str, str]] = field(default_factory=list)
    irregular_count: int = 0
    _names: list[StringColumn] = field(default_factory=list)
    # Rows of dtype, shape, start, end: arrays of shape (4, entries).
    _columns: list[Int64] = field(default_factory=list)
    _single_names: list[str] = field(default_factory=list)
    _single_rows: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, name: str, dtype: str, shape: str, place: tuple[int, int]) -> None:
        """One entry more."""
        self._single_names.append(name)
        self._single_rows.append((self.dtypes[dtype], self.shapes[shape], *place))

    def add_scanned(self, found: Scanned) -> None:
        """Many entries more."""
        self._flush()
        dtype = np.fromiter(map(self.dtypes.__getitem__, found.dtypes), np.int64, len(found.dtypes))
        shape = np.fromiter(map(self.shapes.__getitem__, found.shapes), np.int64, len(found.shapes))
        start, end = found.start, found.end
        for item in np.flatnonzero(start > end).tolist():
            self.note_irregular(found.names[item], NO_PLACE)
            start[item] = end[item] = -1
        self._names.append(found.names)
        self._columns.append(np.stack((dtype[found.dtype], shape[found.shape], start, end)))

    def note_irregular(self, name: str, why: str) -> None:
        """Say what is wrong with an entry."""
        self.irregular_count += 1
        if len(self.irregular) < _MOST_TOLD:
            self.irregular.append((name, why))

    def _flush(self) -> None:
        if self._single_names:
            self._names.append(StringColumn.of(self._single_names))
            self._columns.append(np.array(self._single_rows, np.int64).T)
            self._single_names, self._single_rows = [], []

    def finish(self, fault: str, *, loose_end: bool) -> Header:
        """All entries as columns."""
        self._flush()
        ends = np.cumsum([0, *(len(names.data) for names in self._names)])
        offsets = [names.offsets[1:] + end for names, end in zip(self._names, ends.tolist(), strict=False)]
        names = StringColumn(
            b"".join([names.data for names in self._names]), np.concatenate([np.zeros(1, np.int64), *offsets])
        )
        dtype, shape, start, end = np.concatenate([np.zeros((4, 0), np.int64), *self._columns], axis=1)
        return Header(
            names=names,
            dtype=dtype,
            dtypes=list(self.dtypes),
            shape=shape,
            shapes=list(self.shapes),
            start=start,
            end=end,
            metadata=self.metadata,
            irregular=self.irregular,
            irregular_count=self.irregular_count,
            fault=fault,
            loose_end=loose_end,
        )


def read_header(source: ByteSource, end: int, control: Control) -> Header:
    """Parse the header that lies between byte 8 and `end` of the source.

    It never fails for what the text says: see `Header.fault`.

    Raises:
        CannotRead: the file changed meanwhile.
        Cancelled: `control` was cancelled.
    """
    collector = _Collector()
    parser = _Parser(_Window(source, end, control), collector)
    fault = ""
    try:
        parser.run()
    except _BrokenOff as broken:
        fault = str(broken)
    return collector.finish(fault, loose_end=parser.loose_end)


class _BrokenOff(Exception):
    """The text cannot be read any further."""


class _Window:
    """The part of the text that is looked at: pieces are read as the parser goes on, what it has passed is dropped.

    Bytes that are no UTF-8 become lone surrogates: a name with one can still be listed.
    """

    def __init__(self, source: ByteSource, end: int, control: Control) -> None:
        self.text = ""
        self.position = 0
        self.raw = b""  # what `text` was decoded from, and perhaps the beginning of one character more
        self._source = source
        self._control = control
        self._next = 8
        self._end = end

    def extend(self) -> bool:
        """Read on, as much as is left to parse but a megabyte at least; False at the end of the header."""
        if self._next >= self._end:
            return False
        self._control.report(self._next, self._end, "header")
        left = self.raw[self.passed() :]
        size = min(max(_PIECE, len(left)), self._end - self._next)
        raw = left + read_bytes(self._source, self._next, size)
        self._next += size
        self._look_at(raw)
        return True

    def passed(self) -> int:
        """How many bytes of `raw` lie before the position."""
        passed = self.text[: self.position]
        return len(passed) if self.text.isascii() else len(passed.encode("utf-8", "surrogateescape"))

    def pass_over(self, count: int) -> None:
        """Go on behind `count` bytes more."""
        self._look_at(self.raw[self.passed() + count :])

    def _look_at(self, raw: bytes) -> None:
        self.raw = raw
        self.text, _ = codecs.utf_8_decode(raw, "surrogateescape", self._next >= self._end)
        self.position = 0

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
        at = self._next - len(self.raw) + self.passed()
        return _BrokenOff(f"{why} at byte {at:,}")


class _Parser:
    def __init__(self, window: _Window, collector: _Collector) -> None:
        self.window = window
        self.collector = collector
        self.loose_end = False
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
        self.loose_end = window.skip_space() != ""

    def _read_entries(self) -> None:
        # Where few entries are regular, looking for them costs more than reading them by json.
        pause = left = 0
        while True:
            if left:
                left -= 1
            else:
                pause = 0 if self._read_regular() >= _WORTH_IT else min(2 * pause + 1, _LONGEST_PAUSE)
                left = pause
                if not pause:
                    continue
            if not self._read_any():
                return

    def _read_regular(self) -> int:
        """Entries as the library writes them, up to a megabyte of text; how many there are."""
        window = self.window
        if len(window.text) - window.position < _PIECE // 2:
            window.extend()
        found = scan(window.raw, window.passed()) if begins_regular(window.text, window.position) else None
        if found is None:
            return 0
        self.collector.add_scanned(found)
        window.pass_over(found.behind)
        return len(found.names)

    def _read_any(self) -> bool:
        """One entry, whatever it is; False if it was the last one."""
        window = self.window
        simple = _NAME.match(window.text, window.position)
        if simple and simple.end() < len(window.text):
            name = simple[1]
            window.position = simple.end()
        else:
            name = self._name()
        self._take(name, self._value())
        behind = _BEHIND.match(window.text, window.position)
        if behind and behind.end() < len(window.text):
            window.position = behind.end()
            return behind[1] == ","
        after = window.skip_space()
        if after not in (",", "}"):
            raise window.broken("breaks off" if self._at_end() else "has something else than a comma behind an entry")
        window.position += 1
        if after == ",":
            window.skip_space()
        return after == ","

    def _name(self) -> Any:
        """The name that begins here, with escapes or at the end of what was read; the position is then its value's."""
        window = self.window
        if window.skip_space() != '"':
            raise window.broken("breaks off" if self._at_end() else "has no name where an entry should begin")
        name = self._value()
        if window.skip_space() != ":":
            raise window.broken("breaks off" if self._at_end() else "has no value behind a name")
        window.position += 1
        window.skip_space()
        return name

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
        collector = self.collector
        if name == METADATA:
            collector.metadata.append(value)
            return
        if not isinstance(value, dict):
            collector.note_irregular(name, "is described by no JSON object")
            return
        dtype, shape, place = (value.get(key) for key in _FIELDS)
        if not isinstance(dtype, str):
            collector.note_irregular(name, "has no dtype")
            return
        if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < _LARGEST_PLACE for size in shape):
            collector.note_irregular(name, "has no possible shape")
            return
        if type(value) is Twice:
            collector.note_irregular(name, "says something twice; the last one counts")
        begin, end = _place(place)
        if begin < 0:
            collector.note_irregular(name, NO_PLACE)
        collector.add(name, dtype, ",".join(map(str, shape)), (begin, end))


def _place(value: Any) -> tuple[int, int]:
    """The two numbers of data_offsets, (-1, -1) if they cannot be that."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(offset) is int for offset in value):
        return -1, -1
    begin, end = value
    return (begin, end) if 0 <= begin <= end < _LARGEST_PLACE else (-1, -1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else Twice(value)


def _whole_number(text: str) -> int | float:
    # Python takes quadratic time for long ones, and refuses those of more than 4,300 digits.
    return int(text) if len(text) <= 40 else float("inf")
