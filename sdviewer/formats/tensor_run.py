"""The fast path through the opcodes that `torch.save` writes for every tensor of a state_dict.

Protocol 2 rebuilds each tensor by the same forty opcodes, so one regular expression reads them in one step,
and the key of the next tensor with them. Whatever differs in a single byte goes the slow way, opcode by
opcode. The memo entries between are not kept, only those that a regular pickle refers to again (the
storage's key and the tensor); should a pickle ask for another one, it is read again without this path.
Where one tensor follows the other, many are read at once: see `tensor_scan`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.table import Flag, reach
from sdviewer.formats.byte_words import leading
from sdviewer.formats.inert_pickle import Machine
from sdviewer.formats.pickle_values import Global, TensorNode
from sdviewer.formats.tensor_scan import Scanned, scan
from sdviewer.formats.torch_objects import TorchObjects, checked_shape, storage_dtype

T = TypeVar("T")

_GET = rb"(?:h.|j....)"
_PUT = rb"(?:q.|r....)"
_INT = rb"(?:K.|M..|J...[\x00-\x7f])"
_TUPLE = rb"(\)|(?:%b){1,3}[\x85-\x87]|\((?:%b){4,16}t)((?:%b)?)" % (_INT, _INT, _PUT)

# Behind the GET of `torch._utils._rebuild_tensor_v2`:
# ((storage class key location numel) BINPERSID offset size stride requires_grad OrderedDict()) REDUCE;
# a legacy file has a None behind numel.
_TENSOR = re.compile(
    rb"\(\((%(get)b%(get)b)X([\x01-\x14])\0\0\0([0-9]{1,20})(%(put)b)(%(get)b)(%(int)b)N?t(%(put)b)Q"
    rb"(%(int)b)%(tuple)b%(tuple)b([\x88\x89])(%(get)b)\)R(%(put)b)t(%(put)b)R(%(put)b)"
    % {b"get": _GET, b"put": _PUT, b"int": _INT, b"tuple": _TUPLE},
    re.DOTALL,
).match
_KEY_HEAD = re.compile(rb"X(..)\0\0", re.DOTALL).match
_AFTER_KEY = re.compile(rb"(%b)(%b)" % (_PUT, _GET), re.DOTALL).match
# The memo writes of one tensor as `torch.save` numbers them: LONG_BINPUT n, n + 1, …; the few short ones go slowly.
_PUTS = [struct.Struct("<" + "BI" * count).pack for count in range(7)]
# Plain integers: an enum's operators would take as long as all the rest.
_FLAGS = {b"\x88": int(Flag.GRAD_KNOWN | Flag.REQUIRES_GRAD), b"\x89": int(Flag.GRAD_KNOWN)}
_OUT_OF_BOUNDS = int(Flag.OUT_OF_BOUNDS)
# Tensors that are read one by one before many are tried, and the bytes that are then looked at: more as long as
# all of them are regular, so that at worst a few times as much is looked at as is read.
_ONE_BY_ONE = 16
_FIRST_LOOK, _LARGEST_LOOK = 1 << 14, 1 << 20
# Elements that can be counted in bits by an int64.
_COUNTABLE = 1 << 54


def _puts_after(first: int, last: int) -> list[int]:
    flat = [0x72] * (2 * (last - first))
    flat[1::2] = range(first + 1, last + 1)
    return flat


def _number(raw: bytes) -> int:
    """The operand of K, M, J, h, j, q or r: little-endian and not negative."""
    return int.from_bytes(raw[1:], "little")


class TensorRun:
    """Reads runs of tensors for one machine; call it with the position behind the GET of the rebuild function."""

    def __init__(self, objects: TorchObjects) -> None:
        self._objects = objects
        self._builder = objects.builder
        self._heads: dict[tuple[bytes, bytes, bytes], tuple[Dtype, str] | None] = {}
        self._forms: dict[tuple[bytes, bytes], tuple[int, int] | None] = {}

    def __call__(self, machine: Machine, position: int) -> int:
        """Push the tensor that begins here, and each further key and tensor; returns where the slow way goes on."""
        data, memo, stack = machine.data, machine.memo, machine.stack
        builder, objects = self._builder, self._objects
        dtypes, forms, storages = builder.dtype, builder.form, builder.storage
        offsets, all_flags = builder.offset, builder.flags
        heads, seen_forms, hot = self._heads, self._forms, machine.hot
        count, many = 0, _ONE_BY_ONE
        while (found := _TENSOR(data, position)) is not None:
            (head, key_size, key, put_key, location, numel, put_id, offset, size, put_size, stride, put_stride,
             grad, ordered, put_hooks, put_args, put_tensor) = found.groups()  # fmt: skip
            identity = (head, location, ordered)
            known = heads[identity] if identity in heads else self._check_head(machine, *identity)
            form = seen_forms[size, stride] if (size, stride) in seen_forms else self._form(size, stride)
            if not known or not form or len(key) != key_size[0]:
                break
            # Each PUT must open a new memo entry: none that was checked before may change behind our back.
            first = _number(put_key)
            puts = put_id + put_size + put_stride + put_hooks + put_args + put_tensor
            last = first + len(puts) // 5
            if first <= machine.highest_memo or puts != _PUTS[last - first](*_puts_after(first, last)):
                break
            dtype, place = known
            text = key.decode("ascii")
            row = objects.storages_seen.get(text)
            if row is None:
                row = objects.find_row(text, dtype, _number(numel), place)
            start = 0 if offset == b"K\0" else _number(offset)
            flags = _FLAGS[grad]
            if form[1] and (start + form[1]) * dtype.bits > builder.storage_nbytes(row) * 8:
                flags |= _OUT_OF_BOUNDS
            memo[first] = text
            tensor = memo[last] = TensorNode(len(dtypes))
            machine.highest_memo = last
            dtypes.append(dtype.code)
            forms.append(form[0])
            storages.append(row)
            offsets.append(start)
            all_flags.append(flags)
            stack[-1] = tensor
            position = found.end()
            count += 1
            # The next key, and the GET of the same function behind it.
            key_head = _KEY_HEAD(data, position)
            if key_head is None:
                break
            key_end = position + 5 + int.from_bytes(key_head[1], "little")
            after = _AFTER_KEY(data, key_end)
            if after is None or memo.get(_number(after[2])) is not hot:
                break
            index = _number(after[1])
            if index <= machine.highest_memo:
                break
            try:
                name = data[position + 5 : key_end].decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                break
            memo[index] = name
            machine.highest_memo = index
            stack.append(name)
            stack.append(hot)
            position = after.end()
            if count >= many:
                taken, position = self._many(machine, position, after[2])
                count += taken
                many = count + _ONE_BY_ONE
        if count:
            machine.skipped_memo = True
            objects.credit(count)
        return position

    def _many(self, machine: Machine, position: int, get: bytes) -> tuple[int, int]:
        """Read as many tensors as stand one behind the other; returns how many, and where the last key and GET end."""
        count, size = 0, _FIRST_LOOK
        while (found := scan(machine.data[position : position + size], get)) is not None:
            taken = self._take(machine, found)
            count += taken
            position += int(found.begin[taken])
            if found.begin[taken] < size // 2:
                break
            size = min(4 * size, _LARGEST_LOOK)
        return count, position

    def _take(self, machine: Machine, found: Scanned) -> int:
        """Push tensors and keys that were found, up to one that is not as it should be; returns how many."""
        if found.key_entry[0] <= machine.highest_memo:
            return 0
        builder, memo = self._builder, machine.memo
        heads = _up_to_none(self._head_meant(machine, *entries) for entries in found.heads)
        forms = _up_to_none(self._form_of(*form, _COUNTABLE) for form in found.forms)
        # A batch ends in what lies below its MARK.
        batches = bool(machine.marks) and machine.marks[-1] > 0
        count = leading((found.head < len(heads)) & (found.form < len(forms)) & (batches | ~found.ends_batch))
        if not count:
            return 0
        head, form = found.head[:count], found.form[:count]
        each = [heads[index] for index in head.tolist()]
        keys, numels = found.keys[:count], found.numel[:count].tolist()
        rows = self._objects.find_rows(keys, [dtype for dtype, _ in each], numels, [place for _, place in each])
        offset, reached = found.offset[:count], np.array([reached for _, reached in forms])[form]
        needed = ((offset + reached) * np.array([dtype.bits for dtype, _ in heads])[head] + 7) // 8
        outside = (reached > 0) & (needed > builder.storages_nbytes(rows))
        grad = np.array([_FLAGS[b"\x89"], _FLAGS[b"\x88"]])[found.requires_grad[:count].astype(np.int64)]
        first = builder.add_tensors(
            dtype=np.array([dtype.code for dtype, _ in heads])[head],
            form=np.array([index for index, _ in forms])[form],
            storage=rows,
            offset=offset,
            flags=grad | outside * _OUT_OF_BOUNDS,
        )
        tensors = list(map(TensorNode, range(first, first + count)))
        names, entries = found.names[:count], found.entry[:count]
        memo.update(zip(found.key_entry[:count].tolist(), keys, strict=True))
        memo.update(zip(entries.tolist(), tensors, strict=True))
        memo.update(zip((entries + 1).tolist(), names, strict=True))
        machine.highest_memo = int(entries[-1]) + 1
        machine.stack[-1] = tensors[0]
        # Key, tensor, key, tensor … and behind the last key the function that makes the next tensor.
        following: list[str | TensorNode | Global | None] = [None] * (2 * count)
        following[::2] = names
        following[1::2] = [*tensors[1:], machine.hot]
        pushed = 0
        for row in np.flatnonzero(found.ends_batch[:count]).tolist():
            machine.stack += following[pushed : 2 * row]
            machine.end_batch()
            pushed = 2 * row
        machine.stack += following[pushed:]
        return count

    def _check_head(self, machine: Machine, head: bytes, location: bytes, ordered: bytes) -> tuple[Dtype, str] | None:
        """The dtype and location that these GETs stand for, if they are what torch writes."""
        split = 2 if head[:1] == b"h" else 5
        numbers = (_number(head[:split]), _number(head[split:]), _number(location), _number(ordered))
        result = self._heads[head, location, ordered] = self._head_meant(machine, *numbers)
        return result

    def _head_meant(
        self, machine: Machine, word: int, cls: int, location: int, ordered: int
    ) -> tuple[Dtype, str] | None:
        """The dtype and location that these memo entries stand for, if they are what torch writes."""
        memo = machine.memo
        place, hooks = memo.get(location), memo.get(ordered)
        if (
            memo.get(word) == "storage"
            and isinstance(place, str)
            and isinstance(hooks, Global)
            and hooks.full == "collections.OrderedDict"
        ):
            try:
                dtype = storage_dtype(memo.get(cls))
            except (ValueError, KeyError):
                return None
            return None if dtype is None else (dtype, place)
        return None

    def _form(self, size: bytes, stride: bytes) -> tuple[int, int] | None:
        """Form and reach of raw size and stride tuples."""
        try:
            result = self._form_of(_tuple(size), _tuple(stride))
        except ValueError:
            result = None
        self._forms[size, stride] = result
        return result

    def _form_of(
        self, size: tuple[int, ...], stride: tuple[int, ...], limit: int | None = None
    ) -> tuple[int, int] | None:
        """Form and reach of a size and a stride, None for impossible ones and those of `limit` elements or more."""
        try:
            shape = checked_shape(size)
        except ValueError:
            return None
        if len(shape) != len(stride):
            return None
        reached = reach(shape, stride)
        return (self._builder.add_form(shape, stride), reached) if limit is None or reached < limit else None


def _up_to_none(values: Iterable[T | None]) -> list[T]:
    """The values before the first None."""
    known = []
    for value in values:
        if value is None:
            break
        known.append(value)
    return known


def _tuple(raw: bytes) -> tuple[int, ...]:
    if raw == b")":
        return ()
    raw = raw[1:] if raw[:1] == b"(" else raw
    values: list[int] = []
    position = 0
    width = {0x4B: 2, 0x4D: 3, 0x4A: 5}
    while raw[position] in width:
        end = position + width[raw[position]]
        values.append(_number(raw[position:end]))
        position = end
    marker = raw[position]
    if marker in (0x85, 0x86, 0x87) and marker - 0x84 != len(values):
        raise ValueError("a tuple of more than is on the stack")
    return tuple(values)
