"""The pickle machine that runs nothing.

It reads protocols 0 to 5. A global becomes a name; calling one makes an `Opaque` that records
the call, unless the reader gave an interpreter for that name, which is our own code. Lengths are
checked against the bytes that remain before anything is allocated; the memo is a dict; nothing
is hashed or compared. What was read before an error can be salvaged.

Source of the opcodes: CPython's Lib/pickletools.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from itertools import repeat
from typing import Any

from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control
from sdviewer.formats.pickle_values import ByteRange, Global, Group, Interpreter, Mapping, Opaque

# A window over the pickle: it is never in memory as a whole unless it is small.
_WINDOW = 4 << 20
# At least this much of the window lies ahead when an opcode starts, unless the pickle ends.
_AHEAD = 64 << 10
# Strings and bytes longer than this stay where they are, as a ByteRange.
LONG = 1024
# A line of a text protocol (protocol 0 writes arrays as one escaped string).
_LONGEST_LINE = 64 << 20
# Integers of more bytes than this are no numbers of a checkpoint; converting them takes quadratic time.
_LONGEST_INT = 1024
# Opcodes that a pickle may use beyond those of its tensors; see `Machine.credit`. Twice what the
# longest honest metadata needs, and few enough that a file of nothing else ends within two seconds.
STEPS = 4_000_000
_STEPS_BETWEEN_CHECKS = 20_000
# Different globals of one pickle; a scripted model of ten thousand modules names as many classes.
_MOST_GLOBALS = 50_000
# Different oddities that are told apart.
_MOST_ODDITIES = 50
_LONGEST_ODDITY = 200
# Items that calls may copy beside those that the pickle has built.
_FREE_COPIES = 100_000
# What an interpreter may copy.
_COPIED = frozenset([tuple, list, Mapping, Group, str, bytes])
# A tuple up to this length is looked into when a call is weighed.
_SHORT_TUPLE = 16

_UINT16 = struct.Struct("<H").unpack_from
_UINT32 = struct.Struct("<I").unpack_from
_INT32 = struct.Struct("<i").unpack_from
_UINT64 = struct.Struct("<Q").unpack_from
_DOUBLE = struct.Struct(">d").unpack_from


# Escapes of byte strings; odd are those that Python's codec for text reads otherwise, or warns of.
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{0,2}|[0-7]{1,3}|.)", re.DOTALL).sub
_ODD_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:[^\\'\"abfnrtvx0-7]|[4-7][0-7][0-7])", re.DOTALL).search
_SIMPLE_ESCAPES = {
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"a": b"\a", b"b": b"\b", b"f": b"\f",
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
}  # fmt: skip


class BrokenPickle(Exception):
    """The pickle breaks its own rules; `offset` counts from the start of its source."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class SlowPathNeeded(Exception):
    """A value that the fast path did not keep is asked for: read again without it."""


class _Stop(Exception):
    pass


class _TooMuch(Exception):
    """More work than the pickle's own steps account for."""


# Kinds of values that a pickle only refers to; no globals, because the file names none.
_PERSISTENT = Global("pickle", "persistent_id")
_BUFFER = Global("pickle", "PickleBuffer")


# A fast path: from the position behind a GET, reads as many tensors as it can and returns the new position.
Runner = Callable[["Machine", int], int]


class Machine:
    """Reads one pickle after another from a source.

    Args:
        source: where the pickle lies.
        position: its first byte.
        interpreters: full name of a global → what it makes of its arguments.
        persistent_load: what a persistent id stands for.
        control: cancel and progress.
    """

    def __init__(
        self,
        source: ByteSource,
        position: int = 0,
        *,
        interpreters: AnyMapping[str, Interpreter] | None = None,
        persistent_load: Callable[[Any], Any] | None = None,
        control: Control | None = None,
    ) -> None:
        self.source = source
        self.control = control or Control()
        self.globals: dict[tuple[str, str], Global] = {}
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        # Steps granted above STEPS: a reader adds some for each tensor that the pickle rebuilds.
        self.credit = 0
        # Steps that the last `load` took, in whole batches.
        self.steps = 0
        # Items and characters that calls have copied: a list of a million costs two bytes to name once more.
        self._copied_items = 0
        self._copied_characters = 0
        self.oddities: dict[str, int] = {}
        # The highest protocol that a pickle named: torch's weights-only loader takes up to 3.
        self.protocol = 0
        # `runner` is tried behind a GET of `hot`. It may leave memo entries out (`skipped_memo`).
        self.hot: Global | None = None
        self.runner: Runner | None = None
        self.skipped_memo = False
        self.highest_memo = -1
        self._interpreters = interpreters or {}
        self._persistent_load = persistent_load
        self._base = position
        self.data = b""
        self._soft_end = -1
        self._at = 0
        self._value: Any = None
        self._table = self._dispatch()

    # -- running ------------------------------------------------------------------

    def load(self) -> Any:
        """The value of the pickle that begins here; afterwards the machine stands behind its STOP.

        Raises:
            BrokenPickle: with the offset. `salvage()` then gives what there is.
            SlowPathNeeded: start again with `runner` unset.
        """
        self.stack, self.marks, self.memo = [], [], {}
        self.skipped_memo = False
        self.highest_memo = -1
        table = self._table
        position = self._seek(self._base + self._at)
        self.steps = 0
        try:
            while True:
                for _ in repeat(None, _STEPS_BETWEEN_CHECKS):
                    if position > self._soft_end:
                        position = self._refill(position)
                    position = table[self.data[position]](position + 1)
                self.steps += _STEPS_BETWEEN_CHECKS
                self.control.report(self._base + position, self.source.size, "reading the pickle")
                if self.steps > STEPS + self.credit:
                    raise BrokenPickle(f"takes more than {self.steps:,} steps without ending", self._base + position)
        except _Stop:
            return self._value
        except _TooMuch as error:
            raise BrokenPickle(str(error), self._base + position) from error
        except (IndexError, struct.error) as error:
            offset = min(self._base + position, self.source.size)
            if position >= len(self.data) - 9 and self._base + len(self.data) >= self.source.size:
                raise BrokenPickle("ends in the middle of a pickle", offset) from error
            raise BrokenPickle("takes something from an empty stack", offset) from error
        except KeyError as error:
            if self.skipped_memo:
                raise SlowPathNeeded from error
            raise BrokenPickle("refers to a value that it did not store", self._base + position) from error
        except (ValueError, OverflowError) as error:
            raise BrokenPickle(f"has a malformed number or text: {error}", self._base + position) from error
        finally:
            self.memo = {}

    @property
    def position(self) -> int:
        """Offset in the source of the next byte to read."""
        return self._base + self._at

    @position.setter
    def position(self, offset: int) -> None:
        self._at = self._seek(offset)

    def start_at(self, offset: int) -> None:
        """Stand at `offset` and keep nothing of what was read: the source may have grown since."""
        self._base, self.data, self._at = offset, b"", 0
        self._set_soft_end()

    def salvage(self) -> Any:
        """What a broken pickle had built: the outermost value with all that was to go into it, or None."""
        while self.marks:
            mark = self.marks.pop()
            items = self.stack[mark:]
            del self.stack[mark:]
            target = self.stack[-1] if self.stack else None
            if isinstance(target, Mapping):
                pairs = [(key, value) for key, value in zip(items[::2], items[1::2], strict=False)]
                target.items += [part for pair in pairs if not _is_unfinished(pair[1]) for part in pair]
            elif isinstance(target, list):
                target += [item for item in items if not _is_unfinished(item)]
            elif isinstance(target, Opaque) and target.state is None and target.class_name == "numpy.ndarray":
                # An array is always given its state at once; that of an array of objects holds all there is.
                target.state = tuple(item for item in items if not _is_unfinished(item))
            elif items:
                self.stack.append(items[0])
        # What was to be put in outside a MARK (by SETITEM, APPEND) hangs above its container.
        while len(self.stack) > 2:
            if isinstance(self.stack[-3], Mapping) and isinstance(self.stack[-2], str):
                value, key = self.stack.pop(), self.stack.pop()
                self.stack[-1].items += [key, value]
            elif isinstance(self.stack[-2], list):
                value = self.stack.pop()
                self.stack[-1] += [] if _is_unfinished(value) else [value]
            elif isinstance(self.stack[-2], Mapping) and isinstance(self.stack[-1], str):
                self.stack.pop()
            else:
                break
        return self.stack[0] if self.stack else None

    # -- the window ---------------------------------------------------------------

    def _seek(self, offset: int) -> int:
        """Position in the window of an offset in the source, reading it in if need be."""
        relative = offset - self._base
        if not 0 <= relative <= len(self.data):
            self._base, self.data, relative = offset, b"", 0
            self._set_soft_end()
        return relative

    def _set_soft_end(self) -> None:
        at_end = self._base + len(self.data) >= self.source.size
        self._soft_end = len(self.data) if at_end else len(self.data) - _AHEAD

    def _refill(self, position: int, ahead: int = _WINDOW) -> int:
        """Move the window so that `position` is its start and `ahead` bytes follow, if there are so many."""
        start = self._base + position
        kept = self.data[position:]
        more = min(max(ahead - len(kept), 0), self.source.size - start - len(kept))
        if more <= 0 and position == 0:
            return position
        self.data = kept + (read_bytes(self.source, start + len(kept), more) if more > 0 else b"")
        self._base = start
        self._set_soft_end()
        return 0

    def _remaining(self, position: int) -> int:
        return self.source.size - self._base - position

    def _take(self, position: int, count: int) -> tuple[bytes, int]:
        """`count` bytes from `position`; checked before anything is read."""
        if count > self._remaining(position):
            raise BrokenPickle(f"says {count:,} bytes follow, {self._remaining(position):,} do", self._base + position)
        if position + count > len(self.data):
            position = self._refill(position, count + _AHEAD)
        return self.data[position : position + count], position + count

    def _line(self, position: int) -> tuple[bytes, int]:
        ahead = _WINDOW
        while (end := self.data.find(b"\n", position)) < 0:
            if ahead > _LONGEST_LINE or self._base + len(self.data) >= self.source.size:
                raise BrokenPickle("has a line without an end", self._base + position)
            position = self._refill(position, ahead)
            ahead *= 2
        return self.data[position:end], end + 1

    # -- helpers of the opcodes ---------------------------------------------------

    def _popmark(self) -> list[Any]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def _note(self, oddity: str) -> None:
        oddity = oddity[:_LONGEST_ODDITY]
        if oddity not in self.oddities and len(self.oddities) >= _MOST_ODDITIES:
            oddity = "other oddities"
        self.oddities[oddity] = self.oddities.get(oddity, 0) + 1

    def find_global(self, module: str, name: str) -> Global:
        """The one `Global` of this name; nothing is imported."""
        key = (module, name)
        found = self.globals.get(key)
        if found is None:
            if len(self.globals) >= _MOST_GLOBALS:
                raise _TooMuch(f"names more than {_MOST_GLOBALS:,} globals")
            found = self.globals[key] = Global(module, name, self._interpreters.get(f"{module}.{name}"))
            if found.call is not None and found.full == "torch._utils._rebuild_tensor_v2":
                self.hot = found
        return found

    def _call(self, function: Any, args: Any) -> Any:
        if isinstance(function, Global) and function.call is not None and isinstance(args, tuple):
            if args:
                self._charge(args)
            try:
                return function.call(args)
            except (
                ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError
            ) as error:  # fmt: skip
                self._note(f"{function.full} with arguments that it does not take ({error})")
        return Opaque(function, args)

    def _charge(self, args: tuple[Any, ...]) -> None:
        """Count what a call may copy, before it does; the parts of short tuples (torch's arguments) as well."""
        # What a pickle built took a step an item; an honest one copies it once.
        allowed = _FREE_COPIES + 2 * self.steps + self.credit
        items, characters = self._copied_items, self._copied_characters
        pending = [args]
        while pending:
            found = pending.pop()
            items += len(found)
            for value in found:
                kind = type(value)
                if kind not in _COPIED:
                    continue
                if kind is tuple and len(value) <= _SHORT_TUPLE:
                    pending.append(value)
                elif kind is str or kind is bytes:
                    characters += len(value)
                else:
                    items += len(value.items) if kind is Mapping or kind is Group else len(value)
            if items > allowed:
                break
        self._copied_items, self._copied_characters = items, characters
        if items > allowed or characters > STEPS + 2 * self.source.size:
            raise _TooMuch("copies the same values again and again")

    # -- opcodes: each takes the position behind its byte and returns the next one ----

    def _dispatch(self) -> list[Callable[[int], int]]:
        table: list[Callable[[int], int]] = [self._unknown] * 256
        for code, method in {
            b"\x80": self._proto, b"\x95": self._frame, b".": self._stop,
            b"(": self._mark, b"0": self._pop, b"1": self._pop_mark, b"2": self._dup,
            b"N": self._none, b"\x88": self._true, b"\x89": self._false,
            b"K": self._binint1, b"M": self._binint2, b"J": self._binint, b"I": self._int, b"L": self._long,
            b"\x8a": self._long1, b"\x8b": self._long4, b"F": self._float, b"G": self._binfloat,
            b"S": self._string, b"T": self._binstring, b"U": self._short_binstring,
            b"B": self._binbytes, b"C": self._short_binbytes, b"\x8e": self._binbytes8, b"\x96": self._binbytes8,
            b"V": self._unicode, b"X": self._binunicode, b"\x8c": self._short_binunicode,
            b"\x8d": self._binunicode8, b"\x97": self._next_buffer, b"\x98": self._nothing,
            b")": self._empty_tuple, b"t": self._tuple, b"\x85": self._tuple1, b"\x86": self._tuple2,
            b"\x87": self._tuple3, b"]": self._empty_list, b"l": self._list, b"a": self._append,
            b"e": self._appends, b"}": self._empty_dict, b"d": self._dict, b"s": self._setitem,
            b"u": self._setitems, b"\x8f": self._empty_set, b"\x90": self._additems, b"\x91": self._frozenset,
            b"g": self._get, b"h": self._binget, b"j": self._long_binget,
            b"p": self._put, b"q": self._binput, b"r": self._long_binput, b"\x94": self._memoize,
            b"c": self._global, b"\x93": self._stack_global, b"i": self._inst, b"o": self._obj,
            b"R": self._reduce, b"\x81": self._newobj, b"\x92": self._newobj_ex, b"b": self._build,
            b"P": self._persid, b"Q": self._binpersid,
            b"\x82": self._ext1, b"\x83": self._ext2, b"\x84": self._ext4,
        }.items():  # fmt: skip
            table[code[0]] = method
        return table

    def _unknown(self, pos: int) -> int:
        raise BrokenPickle(f"has an unknown opcode 0x{self.data[pos - 1]:02x}", self._base + pos - 1)

    def _nothing(self, pos: int) -> int:
        return pos

    def _proto(self, pos: int) -> int:
        if self.data[pos] > 5:
            raise BrokenPickle(f"is of protocol {self.data[pos]}, which does not exist", self._base + pos)
        self.protocol = max(self.protocol, self.data[pos])
        return pos + 1

    def _frame(self, pos: int) -> int:
        if pos + 8 > len(self.data):
            raise IndexError
        return pos + 8

    def _stop(self, pos: int) -> int:
        self._at = pos
        self._value = self.stack.pop()
        raise _Stop

    def _mark(self, pos: int) -> int:
        self.marks.append(len(self.stack))
        return pos

    def _pop(self, pos: int) -> int:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()
        return pos

    def _pop_mark(self, pos: int) -> int:
        self._popmark()
        return pos

    def _dup(self, pos: int) -> int:
        self.stack.append(self.stack[-1])
        return pos

    def _none(self, pos: int) -> int:
        self.stack.append(None)
        return pos

    def _true(self, pos: int) -> int:
        self.stack.append(True)
        return pos

    def _false(self, pos: int) -> int:
        self.stack.append(False)
        return pos

    def _binint1(self, pos: int) -> int:
        self.stack.append(self.data[pos])
        return pos + 1

    def _binint2(self, pos: int) -> int:
        self.stack.append(_UINT16(self.data, pos)[0])
        return pos + 2

    def _binint(self, pos: int) -> int:
        self.stack.append(_INT32(self.data, pos)[0])
        return pos + 4

    def _int(self, pos: int) -> int:
        line, pos = self._line(pos)
        special = {b"00": False, b"01": True}
        self.stack.append(special[line] if line in special else self._number(line, pos))
        return pos

    def _long(self, pos: int) -> int:
        line, pos = self._line(pos)
        self.stack.append(self._number(line.removesuffix(b"L"), pos - line.endswith(b"L")))
        return pos

    def _number(self, line: bytes, end: int) -> int | ByteRange:
        """The integer of a line that ends before `end`; one of too many digits stays in the file as text."""
        if len(line) <= 2 * _LONGEST_INT:
            return int(line)
        if not line.lstrip(b"-").isdigit():
            raise ValueError("an integer with other characters than digits")
        return ByteRange(self._base + end - 1 - len(line), len(line), text=True)

    def _long1(self, pos: int) -> int:
        raw, pos = self._take(pos + 1, self.data[pos])
        self.stack.append(int.from_bytes(raw, "little", signed=True))
        return pos

    def _long4(self, pos: int) -> int:
        count = _UINT32(self.data, pos)[0]
        if count > _LONGEST_INT:
            return self._bytes_at(pos + 4, count)
        raw, pos = self._take(pos + 4, count)
        self.stack.append(int.from_bytes(raw, "little", signed=True))
        return pos

    def _float(self, pos: int) -> int:
        line, pos = self._line(pos)
        self.stack.append(float(line))
        return pos

    def _binfloat(self, pos: int) -> int:
        self.stack.append(_DOUBLE(self.data, pos)[0])
        return pos + 8

    def _string(self, pos: int) -> int:
        line, pos = self._line(pos)
        # A repr of a Python 2 string.
        inner = line[1:-1] if len(line) >= 2 and line[:1] == line[-1:] and line[:1] in b"'\"" else line
        self.stack.append(_text_or_bytes(_unescaped(inner) if b"\\" in inner else inner))
        return pos

    def _bytes_at(self, pos: int, count: int, *, text: bool = False) -> int:
        """Push a string or bytes of `count` bytes; long ones stay in the file."""
        if count <= LONG:
            raw, pos = self._take(pos, count)
            self.stack.append(raw.decode("utf-8", "surrogatepass") if text else raw)
            return pos
        if count > self._remaining(pos):
            raise BrokenPickle(f"says {count:,} bytes follow, {self._remaining(pos):,} do", self._base + pos)
        self.stack.append(ByteRange(self._base + pos, count, text=text))
        return pos + count if pos + count <= len(self.data) else self._seek(self._base + pos + count)

    def _binstring(self, pos: int) -> int:
        count = _INT32(self.data, pos)[0]
        if count < 0:
            raise BrokenPickle("has a string of negative length", self._base + pos)
        return self._py2_string(pos + 4, count)

    def _short_binstring(self, pos: int) -> int:
        return self._py2_string(pos + 1, self.data[pos])

    def _py2_string(self, pos: int, count: int) -> int:
        pos = self._bytes_at(pos, count)
        if isinstance(self.stack[-1], bytes):
            self.stack[-1] = _text_or_bytes(self.stack[-1])
        return pos

    def _binbytes(self, pos: int) -> int:
        return self._bytes_at(pos + 4, _UINT32(self.data, pos)[0])

    def _short_binbytes(self, pos: int) -> int:
        return self._bytes_at(pos + 1, self.data[pos])

    def _binbytes8(self, pos: int) -> int:
        return self._bytes_at(pos + 8, _UINT64(self.data, pos)[0])

    def _unicode(self, pos: int) -> int:
        line, pos = self._line(pos)
        self.stack.append(line.decode("raw_unicode_escape"))
        return pos

    def _binunicode(self, pos: int) -> int:
        return self._bytes_at(pos + 4, _UINT32(self.data, pos)[0], text=True)

    def _short_binunicode(self, pos: int) -> int:
        return self._bytes_at(pos + 1, self.data[pos], text=True)

    def _binunicode8(self, pos: int) -> int:
        return self._bytes_at(pos + 8, _UINT64(self.data, pos)[0], text=True)

    def _next_buffer(self, pos: int) -> int:
        self.stack.append(Opaque(_BUFFER, ()))
        return pos

    def _empty_tuple(self, pos: int) -> int:
        self.stack.append(())
        return pos

    def _tuple(self, pos: int) -> int:
        self.stack.append(tuple(self._popmark()))
        return pos

    def _tuple1(self, pos: int) -> int:
        self.stack[-1] = (self.stack[-1],)
        return pos

    def _tuple2(self, pos: int) -> int:
        second = self.stack.pop()
        self.stack[-1] = (self.stack[-1], second)
        return pos

    def _tuple3(self, pos: int) -> int:
        third, second = self.stack.pop(), self.stack.pop()
        self.stack[-1] = (self.stack[-1], second, third)
        return pos

    def _empty_list(self, pos: int) -> int:
        self.stack.append([])
        return pos

    def _list(self, pos: int) -> int:
        self.stack.append(self._popmark())
        return pos

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target += items
        elif isinstance(target, Opaque):
            target.items = target.items or []
            target.items += items
        elif isinstance(target, Group):
            target.items += items
        else:
            self._note("items added to something that holds none")

    def _append(self, pos: int) -> int:
        self._extend([self.stack.pop()])
        return pos

    def _appends(self, pos: int) -> int:
        self._extend(self._popmark())
        return pos

    def _empty_dict(self, pos: int) -> int:
        self.stack.append(Mapping())
        return pos

    def _dict(self, pos: int) -> int:
        self.stack.append(Mapping("dict", self._even(self._popmark())))
        return pos

    def _even(self, items: list[Any]) -> list[Any]:
        if len(items) % 2:
            self._note("a key without a value")
            items.pop()
        return items

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Mapping):
            target.items += items
        elif isinstance(target, Opaque):
            target.entries = target.entries or []
            target.entries += items
        else:
            self._note("entries set on something that has none")

    def _setitem(self, pos: int) -> int:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])
        return pos

    def _setitems(self, pos: int) -> int:
        self._update(self._even(self._popmark()))
        return pos

    def end_batch(self) -> None:
        """What SETITEMS does, and the MARK behind it."""
        self._update(self._even(self._popmark()))
        self.marks.append(len(self.stack))

    def _empty_set(self, pos: int) -> int:
        self.stack.append(Group("set", []))
        return pos

    def _additems(self, pos: int) -> int:
        self._extend(self._popmark())
        return pos

    def _frozenset(self, pos: int) -> int:
        self.stack.append(Group("frozenset", self._popmark()))
        return pos

    def _get(self, pos: int) -> int:
        line, pos = self._line(pos)
        self.stack.append(self.memo[_memo_index(line)])
        return pos

    def _binget(self, pos: int) -> int:
        value = self.memo[self.data[pos]]
        self.stack.append(value)
        if value is self.hot and self.runner is not None:
            return self.runner(self, pos + 1)
        return pos + 1

    def _long_binget(self, pos: int) -> int:
        value = self.memo[_UINT32(self.data, pos)[0]]
        self.stack.append(value)
        if value is self.hot and self.runner is not None:
            return self.runner(self, pos + 4)
        return pos + 4

    def _store(self, index: int) -> None:
        if index > self.highest_memo:
            self.highest_memo = index
        elif index in self.memo:
            # The fast path trusts that what it checked once stays; a pickle that rewrites its memo goes without.
            self.runner = None
        self.memo[index] = self.stack[-1]

    def _put(self, pos: int) -> int:
        line, pos = self._line(pos)
        self._store(_memo_index(line))
        return pos

    def _binput(self, pos: int) -> int:
        self._store(self.data[pos])
        return pos + 1

    def _long_binput(self, pos: int) -> int:
        self._store(_UINT32(self.data, pos)[0])
        return pos + 4

    def _memoize(self, pos: int) -> int:
        if self.skipped_memo:
            raise SlowPathNeeded
        self._store(len(self.memo))
        return pos

    def _global(self, pos: int) -> int:
        module, pos = self._line(pos)
        name, pos = self._line(pos)
        self.stack.append(self.find_global(module.decode("utf-8", "replace"), name.decode("utf-8", "replace")))
        return pos

    def _stack_global(self, pos: int) -> int:
        name, module = self.stack.pop(), self.stack.pop()
        if isinstance(name, str) and isinstance(module, str):
            self.stack.append(self.find_global(module, name))
        else:
            self._note("a global whose name is no text")
            self.stack.append(self.find_global("?", "?"))
        return pos

    def _inst(self, pos: int) -> int:
        pos = self._global(pos)
        cls = self.stack.pop()
        self.stack.append(self._call(cls, tuple(self._popmark())))
        return pos

    def _obj(self, pos: int) -> int:
        cls, *args = self._popmark() or [self.find_global("?", "?")]
        self.stack.append(self._call(cls, tuple(args)))
        return pos

    def _reduce(self, pos: int) -> int:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)
        return pos

    def _newobj(self, pos: int) -> int:
        return self._reduce(pos)

    def _newobj_ex(self, pos: int) -> int:
        kwargs = self.stack.pop()
        args = self.stack.pop()
        if isinstance(kwargs, Mapping) and kwargs.items:
            args = (args, kwargs)
            self.stack[-1] = Opaque(self.stack[-1], args)
        else:
            self.stack[-1] = self._call(self.stack[-1], args)
        return pos

    def _build(self, pos: int) -> int:
        state = self.stack.pop()
        target = self.stack[-1]
        # A tensor's or storage's own numbers cannot be reached from here: `state` is kept beside them, shown, not used.
        if hasattr(target, "state"):
            target.state = state if target.state is None else (target.state, state)
        else:
            self._note("a state given to something that takes none")
        return pos

    def _persistent(self, identity: Any) -> Any:
        if self._persistent_load is None:
            self._note("a persistent id, which only torch files have")
            return Opaque(_PERSISTENT, (identity,))
        try:
            return self._persistent_load(identity)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
            self._note(f"a persistent id that is none of torch's ({error})")
            return Opaque(_PERSISTENT, (identity,))

    def _persid(self, pos: int) -> int:
        line, pos = self._line(pos)
        self.stack.append(self._persistent(line.decode("utf-8", "replace")))
        return pos

    def _binpersid(self, pos: int) -> int:
        self.stack[-1] = self._persistent(self.stack[-1])
        return pos

    def _extension(self, code: int) -> None:
        self.stack.append(self.find_global("copyreg", f"extension {code}"))

    def _ext1(self, pos: int) -> int:
        self._extension(self.data[pos])
        return pos + 1

    def _ext2(self, pos: int) -> int:
        self._extension(_UINT16(self.data, pos)[0])
        return pos + 2

    def _ext4(self, pos: int) -> int:
        self._extension(_INT32(self.data, pos)[0])
        return pos + 4


def _memo_index(line: bytes) -> int:
    if len(line) > 20:
        raise ValueError("a reference of more than 20 digits")
    return int(line)


def _is_unfinished(value: Any) -> bool:
    return isinstance(value, Global) and value.call is not None


def _unescaped(raw: bytes) -> bytes:
    """The bytes that the inside of a string literal stands for, as Python 2 read it."""
    if _ODD_ESCAPE(raw) is None:
        # A hundred times quicker; what this codec knows beyond byte strings counts as odd.
        return raw.decode("unicode_escape").encode("latin-1")
    return _ESCAPE(_unescaped_one, raw)


def _unescaped_one(found: re.Match[bytes]) -> bytes:
    letter = found[1]
    if letter[:1] == b"x":
        return bytes([int(letter[1:], 16)])
    if letter.isdigit() and letter[:1] < b"8":
        return bytes([int(letter, 8) & 0xFF])
    return _SIMPLE_ESCAPES.get(letter, found[0])


def _text_or_bytes(raw: bytes) -> str | bytes:
    """A Python 2 string: text if it is ASCII, else bytes (numpy's state holds arrays so)."""
    return raw.decode("ascii") if raw.isascii() else raw
