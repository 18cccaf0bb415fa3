"""Transport: frozen records of columns as one small JSON header and a list of raw buffers.

Arrays and blocks of text travel as they lie in memory and are looked at in place on the other
side (`np.frombuffer`, read-only); only what is small goes through JSON. Nothing is pickled: the
bytes may come from a process that a hostile file has taken over, and here they can only become
the records named below.

In the header a value is a JSON scalar, or a list that begins with a tag:

    ["array", dtype, shape, buffer]        ["record", class, [field, …]]
    ["bytes", buffer]                      ["records", class, rows, [column, …]]
    ["strings", StringColumn]              ["tuple", [value, …]]
    ["facts", StringColumn of JSON]        ["mapping", [key, …], [value, …]]
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import (
    Checkpoint,
    Description,
    Duplicate,
    GlobalUse,
    ModuleClass,
    ModuleVersion,
    Problem,
    Shard,
    TextEntry,
)
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.structure import Structure
from sdviewer.checkpoint.table import Forms, StorageTable, TensorTable
from sdviewer.formats.files import LocalSources
from sdviewer.processes.frames import Buffer

_RECORDS: tuple[type[Any], ...] = (
    Description,
    Duplicate,
    Forms,
    GlobalUse,
    ModuleClass,
    ModuleTree,
    ModuleVersion,
    Problem,
    Section,
    Shard,
    SourceSpec,
    StorageTable,
    StringColumn,
    Structure,
    TensorTable,
    TextEntry,
)
_RECORD_NAMED = {record.__name__: record for record in _RECORDS}
_FIELDS = {record: tuple(field.name for field in dataclasses.fields(record)) for record in _RECORDS}
_MAX_INT64 = 2**63


def pack(value: Any) -> tuple[Any, list[Buffer]]:
    """The JSON-ready header of `value`, and the buffers that it refers to by index.

    Raises:
        TypeError: something in it has no form here.

    """
    buffers: list[Buffer] = []
    return _pack(value, buffers), buffers


def _pack(value: Any, buffers: list[Buffer]) -> Any:
    match value:
        case np.ndarray():
            flat = np.ascontiguousarray(value)
            return ["array", flat.dtype.str, list(flat.shape), _add(flat.reshape(-1).view(np.uint8).data, buffers)]
        case np.integer() | np.bool_():
            return value.item()
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case bytes():
            return ["bytes", _add(value, buffers)]
        case tuple():
            return _pack_tuple(value, buffers)
        case Mapping():
            return ["mapping", list(value), [_pack(item, buffers) for item in value.values()]]
    if type(value) not in _FIELDS:
        raise TypeError(f"a {type(value).__name__} does not travel between processes")
    return ["record", type(value).__name__, [_pack(getattr(value, name), buffers) for name in _FIELDS[type(value)]]]


def _add(buffer: Buffer, buffers: list[Buffer]) -> int:
    if isinstance(buffer, bytes):
        # Names of tensors, of their storages and of nodes are often the same block of text.
        for index, other in enumerate(buffers):
            if isinstance(other, bytes) and len(other) == len(buffer) and other == buffer:
                return index
    buffers.append(buffer)
    return len(buffers) - 1


def _pack_tuple(items: tuple[Any, ...], buffers: list[Buffer]) -> Any:
    """Many items of one kind as columns, so that the other side parses nothing large in one call."""
    if items and all(type(item) is str for item in items):
        return ["strings", _pack(StringColumn.of(items), buffers)]
    if items and all(isinstance(item, Mapping) for item in items):
        texts = StringColumn.of([json.dumps(dict(item)) for item in items])
        return ["facts", _pack(texts, buffers)]
    kind = type(items[0]) if items else None
    if kind in _FIELDS and all(type(item) is kind for item in items):
        columns = [_pack_column([getattr(item, name) for item in items], buffers) for name in _FIELDS[kind]]
        return ["records", kind.__name__, len(items), columns]
    return ["tuple", [_pack(item, buffers) for item in items]]


def _pack_column(values: list[Any], buffers: list[Buffer]) -> Any:
    if all(type(value) is int and -_MAX_INT64 <= value < _MAX_INT64 for value in values):
        return _pack(np.array(values, np.int64), buffers)
    return _pack(tuple(values), buffers)


def unpack(header: Any, buffers: Sequence[Buffer]) -> Any:
    """The value that `pack` took apart; its arrays look at `buffers` in place and are read-only.

    Raises:
        ValueError, TypeError, KeyError, IndexError: `pack` did not make this.

    """
    if not isinstance(header, list):
        return header
    tag, *rest = header
    return _UNPACK[tag](buffers, *rest)


def _array(buffers: Sequence[Buffer], dtype: str, shape: list[int], index: int) -> np.ndarray[Any, Any]:
    return np.frombuffer(buffers[index], np.dtype(dtype)).reshape(shape)


def _record(buffers: Sequence[Buffer], name: str, fields: list[Any]) -> Any:
    return _RECORD_NAMED[name](*[unpack(field, buffers) for field in fields])


def _records(buffers: Sequence[Buffer], name: str, rows: int, columns: list[Any]) -> tuple[Any, ...]:
    unpacked = [unpack(column, buffers) for column in columns]
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in unpacked]
    if any(len(column) != rows for column in values):
        raise ValueError(f"columns of {name} differ in length")
    return tuple(map(_RECORD_NAMED[name], *values))


def _mapping(buffers: Sequence[Buffer], keys: list[str], values: list[Any]) -> dict[str, Any]:
    return dict(zip(keys, [unpack(value, buffers) for value in values], strict=True))


_UNPACK: Mapping[str, Callable[..., Any]] = {
    "array": _array,
    "bytes": lambda buffers, index: buffers[index],
    "facts": lambda buffers, texts: tuple(map(json.loads, unpack(texts, buffers).tolist())),
    "mapping": _mapping,
    "record": _record,
    "records": _records,
    "strings": lambda buffers, texts: tuple(unpack(texts, buffers).tolist()),
    "tuple": lambda buffers, items: tuple(unpack(item, buffers) for item in items),
}


def pack_checkpoint(checkpoint: Checkpoint) -> tuple[Any, list[Buffer]]:
    """A whole checkpoint but its path and its open files, as `pack` does it."""
    return pack(
        (
            checkpoint.file_bytes,
            checkpoint.description,
            dict(checkpoint.sections),
            checkpoint.tree,
            tuple(checkpoint.sources.specs),
        )
    )


def unpack_checkpoint(path: str, header: Any, buffers: Sequence[Buffer]) -> Checkpoint:
    """The checkpoint of `pack_checkpoint`, with sources that open their files when first read."""
    file_bytes, description, sections, tree, specs = unpack(header, buffers)
    return Checkpoint(path, file_bytes, description, sections, tree, LocalSources(specs, description.inline))
