"""Many tensors of a pickle that `torch.save` wrote, taken apart side by side.

Behind the first memo entries all tensors of a state_dict have the same opcodes; numbers of one to four bytes
and names make them differ in length. Each begins behind the GET of the rebuild function, so all beginnings are
found first, and then one step reads one field of all of them. What differs from the pattern in a single byte
ends the run, and is left to whoever reads opcode by opcode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.formats.byte_words import Int64, as_texts, leading, places_of, words_at_any_place

Bool = npt.NDArray[np.bool_]

# Bytes of an opcode with its operand, by its first byte: GETs, and integers that are not negative.
_GET = np.zeros(256, np.int64)
_GET[ord("h")], _GET[ord("j")] = 2, 5
_INTEGER = np.zeros(256, np.int64)
_INTEGER[ord("K")], _INTEGER[ord("M")], _INTEGER[ord("J")] = 2, 3, 5
# What is left of a word of which one byte was the opcode, by the length of both.
_OPERAND = np.array([0, 0, 0xFF, 0xFFFF, 0, 0xFFFFFFFF], np.int64)
_MOST_DIMENSIONS = 16
_LONGEST_STORAGE_KEY = 20
# A beginning, and all that any tensor has behind it.
_SHORTEST = 64
# A longer key would be no string here.
_LONGEST_KEY = 1023
# More than all fields of a tensor can take.
_LONGEST = 2048


@dataclass(frozen=True, eq=False)
class Scanned:
    """Tensors that stand one behind the other, and the key behind each of them.

    Attributes:
        heads: memo entries of "storage", the storage class, the location and the class of hooks, without repetition.
        head: of each tensor, the index of its own in `heads`.
        forms: size and stride, without repetition.
        form: of each tensor, the index in `forms`.
        keys: storage keys.
        numel: elements of the storage.
        offset: first element in the storage.
        requires_grad: whether it does.
        key_entry: memo entry of the storage key.
        entry: memo entry of the tensor.
        ends_batch: whether SETITEMS and a MARK stand behind it: torch writes a thousand entries at a time.
        names: the key behind each tensor, whose memo entry is `entry + 1`.
        begin: where each tensor begins, and one more: where the data goes on behind the last key and its GET.

    """

    heads: list[tuple[int, ...]]
    head: Int64
    forms: list[tuple[tuple[int, ...], tuple[int, ...]]]
    form: Int64
    keys: list[str]
    numel: Int64
    offset: Int64
    requires_grad: Bool
    key_entry: Int64
    entry: Int64
    ends_batch: Bool
    names: list[str]
    begin: Int64

    def __len__(self) -> int:
        return len(self.keys)


class _Fields:
    """Reads a field of many records at once, from `at` on; `good` tells which have been regular so far."""

    def __init__(self, data: bytes, at: Int64) -> None:
        self.at = at
        self.good = np.ones(len(at), np.bool_)
        # An irregular record is read on to wherever its bytes lead.
        self._words = words_at_any_place(data + bytes(_LONGEST))

    def word(self) -> Int64:
        """The next eight bytes."""
        return self._words[self.at]

    def expect(self, opcodes: bytes) -> None:
        """These opcodes, of seven bytes at most."""
        self.good &= self.optional(opcodes)

    def skip(self, length: Int64 | int) -> Int64:
        """Where a text begins that is so long, which is passed over."""
        begin = self.at
        self.at = begin + length
        return begin

    def opcode(self) -> Int64:
        """The next byte."""
        opcode = self.word() & 0xFF
        self.at = self.at + 1
        return opcode

    def optional(self, opcodes: bytes) -> Bool:
        """Opcodes of seven bytes at most, or something else: which records have them."""
        found: Bool = (self.word() & ((1 << 8 * len(opcodes)) - 1)) == int.from_bytes(opcodes, "little")
        self.at = self.at + np.where(found, len(opcodes), 0)
        return found

    def number(self, lengths: Int64, *, required: bool = True) -> tuple[Int64, Bool]:
        """The operand of an opcode that has such a length there, and which records have one."""
        word = self.word()
        length = lengths[word & 0xFF]
        number = word >> 8 & _OPERAND[length]
        found = (length > 0) & (number < 1 << 31)
        if required:
            self.good &= found
        self.at = self.at + np.where(found, length, 0)
        return number, found

    def puts(self, entry: Int64, opcodes: bytes = b"") -> Int64:
        """A LONG_BINPUT of the memo entry behind `entry`, and the opcodes behind it; returns the entry."""
        self.expect(b"r")
        self.good &= (self.word() & 0xFFFFFFFF) == entry + 1
        self.at = self.at + 4
        if opcodes:
            self.expect(opcodes)
        return entry + 1

    def dimensions(self, entry: Int64) -> tuple[list[Int64], Int64]:
        """A tuple of integers, with -1 where it has ended, and its PUT; an empty one has none."""
        opened = (self.word() & 0xFF) == ord("(")
        self.at = self.at + opened
        numbers: list[Int64] = []
        count = np.zeros(len(self.at), np.int64)
        while len(numbers) < _MOST_DIMENSIONS:
            number, found = self.number(_INTEGER, required=False)
            numbers.append(np.where(found, number, -1))
            count += found
            if not found.any():
                break
        end = self.opcode()
        by_count = np.where(count == 0, ord(")"), np.where(count <= 3, 0x84 + count, -1))
        self.good &= end == np.where(opened, np.where(count > 3, ord("t"), -1), by_count)
        has_put = count > 0
        word = self.word()
        self.good &= ~has_put | ((word & 0xFF) == ord("r")) & ((word >> 8 & 0xFFFFFFFF) == entry + 1)
        self.at = self.at + np.where(has_put, 5, 0)
        return numbers, entry + has_put


def scan(data: bytes, get: bytes) -> Scanned | None:
    """The regular tensors that `data` begins with, each behind the opcode `get`; None if there are not two.

    The last tensor of the data is never among them.
    """
    mark = get + b"(("
    begin = np.concatenate(([0], places_of(data, mark) + len(get)))[: len(data) // _SHORTEST + 2]
    fields = _Fields(data, begin)
    fields.expect(b"((")
    word, _ = fields.number(_GET)
    cls, _ = fields.number(_GET)
    header = fields.word()
    key_length = header >> 8 & 0xFFFFFFFF
    fields.good &= (header & 0xFF == ord("X")) & (key_length > 0) & (key_length <= _LONGEST_STORAGE_KEY)
    fields.skip(5)
    key = fields.skip(np.where(fields.good, key_length, 0))
    key_end = fields.at
    fields.expect(b"r")
    key_entry = fields.word() & 0xFFFFFFFF
    fields.skip(4)
    location, _ = fields.number(_GET)
    numel, _ = fields.number(_INTEGER)
    fields.optional(b"N")
    fields.expect(b"t")
    entry = fields.puts(key_entry, b"Q")
    offset, _ = fields.number(_INTEGER)
    size, entry = fields.dimensions(entry)
    stride, entry = fields.dimensions(entry)
    grad = fields.opcode()
    fields.good &= (grad == 0x88) | (grad == 0x89)
    hooks, _ = fields.number(_GET)
    fields.expect(b")R")
    entry = fields.puts(entry, b"t")
    entry = fields.puts(entry, b"R")
    entry = fields.puts(entry)
    ends_batch = fields.optional(b"u(")
    header = fields.word()
    name_length = header >> 8 & 0xFFFFFFFF
    fields.good &= (header & 0xFF == ord("X")) & (name_length <= _LONGEST_KEY)
    fields.skip(5)
    name = fields.skip(np.where(fields.good, name_length, 0))
    name_end = fields.at
    fields.puts(entry)
    fields.expect(get)
    regular = fields.good[:-1] & (fields.at[:-1] == begin[1:]) & (key_entry[1:] == entry[:-1] + 2)
    count = leading(regular)
    if not count:
        return None
    keys = as_texts(data, key[:count], key_end[:count])
    names = as_texts(data, name[:count], name_end[:count]) or _decoded(data, name[:count], name_end[:count])
    if keys is None or names is None or not "".join(keys).isdecimal():
        return None
    head, heads = _numbered([word[:count], cls[:count], location[:count], hooks[:count]])
    form, forms = _numbered([column[:count] for column in (*size, *stride)])
    return Scanned(
        heads=heads,
        head=head,
        forms=[(_ended(form[: len(size)]), _ended(form[len(size) :])) for form in forms],
        form=form,
        keys=keys,
        numel=numel[:count],
        offset=offset[:count],
        requires_grad=grad[:count] == 0x88,
        key_entry=key_entry[:count],
        entry=entry[:count],
        ends_batch=ends_batch[:count],
        names=names,
        begin=begin[: count + 1],
    )


def _decoded(data: bytes, begin: Int64, end: Int64) -> list[str] | None:
    try:
        pieces = zip(begin.tolist(), end.tolist(), strict=True)
        return [data[a:b].decode("utf-8", "surrogatepass") for a, b in pieces]
    except UnicodeDecodeError:
        return None


def _numbered(columns: list[Int64]) -> tuple[Int64, list[tuple[int, ...]]]:
    """The different rows of some columns in the order in which they come, and which of them each row is."""
    changes = np.ones(len(columns[0]), np.bool_)
    changes[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    at = np.flatnonzero(changes)
    known: dict[tuple[int, ...], int] = {}
    rows = zip(*(column[at].tolist() for column in columns), strict=True)
    numbers = np.array([known.setdefault(row, len(known)) for row in rows], np.int64)
    return np.repeat(numbers, np.diff(np.append(at, len(changes)))), list(known)


def _ended(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """A tuple without the filling behind its end."""
    return tuple([number for number in numbers if number >= 0])
