"""What the pickle machine makes, turned into what Python's own would have made of the same bytes."""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.control import Control
from sdviewer.formats.files import LocalSources
from sdviewer.formats.inert_pickle import Machine
from sdviewer.formats.pickle_objects import PickleObjects
from sdviewer.formats.pickle_values import ByteRange, Global, Group, Interpreter, Mapping, Opaque

_COMPLEX: dict[str, Interpreter] = {
    "builtins.complex": lambda args: complex(*args),
    "collections.OrderedDict": lambda _: Mapping("OrderedDict"),
}


def machine_over(
    path: Path,
    *,
    position: int = 0,
    plain: bool = False,
    interpreters: dict[str, Interpreter] | None = None,
    persistent_load: Callable[[Any], Any] | None = None,
    control: Control | None = None,
) -> Machine:
    """A machine over a file; `plain` gives it the interpreters of Python's containers."""
    sources = LocalSources()
    index = sources.add_file(path)
    table = dict(PickleObjects(TableBuilder(), index, sources).interpreters()) if plain else _COMPLEX
    return Machine(
        sources.get(index),
        position,
        interpreters=table if interpreters is None else interpreters,
        persistent_load=persistent_load,
        control=control,
    )


def value_of(found: Any, machine: Machine | None = None) -> Any:
    """Python's value; a global is its name, an object that is only a name its class and arguments."""
    match found:
        case Mapping():
            keys = [value_of(key, machine) for key in found.items[::2]]
            values = [value_of(value, machine) for value in found.items[1::2]]
            pairs = dict(zip(keys, values, strict=True))
            return collections.OrderedDict(pairs) if found.type == "OrderedDict" else pairs
        case Group():
            items = [value_of(item, machine) for item in found.items]
            return set(items) if found.type == "set" else frozenset(items)
        case list():
            return [value_of(item, machine) for item in found]
        case tuple():
            return tuple(value_of(item, machine) for item in found)
        case Global():
            return found.full
        case Opaque():
            return value_of(found.args, machine) if found.args else found.class_name
        case ByteRange() if machine is not None:
            raw = read_bytes(machine.source, found.offset, found.size)
            return raw.decode("utf-8", "surrogatepass") if found.text else raw
    return found
