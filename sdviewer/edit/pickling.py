"""Pickling: containers, plain values and tensors as the pickle that `torch.load(weights_only=True)` reads.

Opcodes are written one by one, protocol 2, and only for what is listed here: nothing is looked up in a
module and no object can say how it wants to be pickled.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdviewer.checkpoint.dtypes import Dtype

_PROTO = b"\x80\x02"
_STOP = b"."
_MARK = b"("
_SETITEMS = b"u"
_APPENDS = b"e"
_TUPLE = b"t"
_EMPTY_TUPLE = b")"
_EMPTY_DICT = b"}"
_EMPTY_LIST = b"]"
_REDUCE = b"R"
_BUILD = b"b"
_BINPERSID = b"Q"
# As Python's own pickler, so that readers need no more memory than they are used to.
_BATCH = 1000
_ORDERED_DICT = b"ccollections\nOrderedDict\n" + _EMPTY_TUPLE + _REDUCE


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as the pickle refers to it; sizes and strides in elements.

    Attributes:
        storage: key of its record, `data/<key>` in the archive.
        storage_elements: elements of the whole storage.
        is_parameter: whether it is wrapped in `torch.nn.Parameter`.

    """

    dtype: Dtype
    storage: str
    storage_elements: int
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool = False
    is_parameter: bool = False


class WithMetadata(OrderedDict[str, Any]):
    """A state_dict with the versions of its modules: dotted name → version, as torch keeps them beside the keys."""

    versions: Mapping[str, int | None]


def pickled(value: Any) -> bytes:
    """The pickle of a value made of dicts, lists, tuples, sets, plain values and `StoredTensor`.

    Raises:
        TypeError: something in it is none of these.

    """
    pieces: list[bytes] = [_PROTO]
    _write(value, pieces)
    pieces.append(_STOP)
    return b"".join(pieces)


def _write(value: Any, out: list[bytes]) -> None:
    match value:
        case None:
            out.append(b"N")
        case bool():
            out.append(b"\x88" if value else b"\x89")
        case int():
            out.append(_integer(value))
        case float():
            out.append(b"G" + struct.pack(">d", value))
        case str():
            data = value.encode("utf-8", "surrogatepass")
            out.append(b"X" + struct.pack("<I", len(data)) + data)
        case StoredTensor():
            _write_tensor(value, out)
        case OrderedDict():
            out.append(_ORDERED_DICT)
            _write_items(value.items(), out)
            if isinstance(value, WithMetadata):
                _write_versions(value.versions, out)
        case dict():
            out.append(_EMPTY_DICT)
            _write_items(value.items(), out)
        case list():
            out.append(_EMPTY_LIST)
            for first in range(0, len(value), _BATCH):
                out.append(_MARK)
                for item in value[first : first + _BATCH]:
                    _write(item, out)
                out.append(_APPENDS)
        case tuple():
            _write_tuple(value, out)
        case complex():
            out.append(b"c__builtin__\ncomplex\n" + _MARK)
            _write(value.real, out)
            _write(value.imag, out)
            out.append(_TUPLE + _REDUCE)
        case set():
            out.append(b"c__builtin__\nset\n" + _MARK)
            _write(list(value), out)
            out.append(_TUPLE + _REDUCE)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written into a checkpoint")


def _write_items(items: Iterable[tuple[Any, Any]], out: list[bytes]) -> None:
    waiting = 0
    for key, item in items:
        if waiting == 0:
            out.append(_MARK)
        _write(key, out)
        _write(item, out)
        waiting += 1
        if waiting == _BATCH:
            out.append(_SETITEMS)
            waiting = 0
    if waiting:
        out.append(_SETITEMS)


def _write_versions(versions: Mapping[str, int | None], out: list[bytes]) -> None:
    """The attribute `_metadata` of an OrderedDict, set by BUILD."""
    entries = OrderedDict((name, {} if version is None else {"version": version}) for name, version in versions.items())
    out.append(_EMPTY_DICT)
    _write_items([("_metadata", entries)], out)
    out.append(_BUILD)


def _write_tuple(value: tuple[Any, ...], out: list[bytes]) -> None:
    if not value:
        out.append(_EMPTY_TUPLE)
        return
    out.append(_MARK)
    for item in value:
        _write(item, out)
    out.append(_TUPLE)


def _write_tensor(tensor: StoredTensor, out: list[bytes]) -> None:
    if tensor.is_parameter:
        out.append(b"ctorch._utils\n_rebuild_parameter\n" + _MARK)
    dtype = tensor.dtype
    # The second form takes the dtype from the class of the storage; dtypes without one need the third.
    by_class = bool(dtype.storage)
    rebuild = b"_rebuild_tensor_v2" if by_class else b"_rebuild_tensor_v3"
    out.append(b"ctorch._utils\n" + rebuild + b"\n" + _MARK)
    out.append(_MARK)
    _write("storage", out)
    if by_class:
        out.append(f"ctorch\n{dtype.storage}\n".encode("ascii"))
        elements = tensor.storage_elements
    else:
        out.append(b"ctorch.storage\nUntypedStorage\n")
        elements = dtype.nbytes(tensor.storage_elements)
    for item in (tensor.storage, "cpu", elements):
        _write(item, out)
    out.append(_TUPLE + _BINPERSID)
    for part in (tensor.offset, tensor.shape, tensor.stride, tensor.requires_grad and not tensor.is_parameter):
        _write(part, out)
    out.append(_ORDERED_DICT)
    if not by_class:
        out.append(f"ctorch\n{dtype.name}\n".encode("ascii"))
    out.append(_TUPLE + _REDUCE)
    if tensor.is_parameter:
        _write(tensor.requires_grad, out)
        out.append(_ORDERED_DICT + _TUPLE + _REDUCE)


def _integer(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return b"K" + struct.pack("<B", value)
    if 0 <= value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if len(data) < 256:
        return b"\x8a" + struct.pack("<B", len(data)) + data
    return b"\x8b" + struct.pack("<i", len(data)) + data
