"""What the inert pickle machine makes: names, containers and places, never an object of the file's choice.

None of these classes can be changed by a pickle beyond the slots written here, and none hashes or
compares what it holds, so neither depth nor cycles can hurt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# How a known global answers REDUCE or NEWOBJ: it gets the arguments and makes a value of ours.
Interpreter = Callable[[tuple[Any, ...]], Any]


class Global:
    """A global that the pickle names; it is not imported. `call` interprets it if it is one of the known."""

    __slots__ = ("call", "module", "name")

    def __init__(self, module: str, name: str, call: Interpreter | None = None) -> None:
        self.module = module
        self.name = name
        self.call = call

    @property
    def full(self) -> str:
        """The name as Python would write it: `module.name`."""
        return f"{self.module}.{self.name}"


class Mapping:
    """A dict, OrderedDict or another mapping: `items` is key, value, key, value … in file order.

    Keys are whatever the pickle put there; nothing is hashed, so a tuple nested millions deep is harmless.
    """

    __slots__ = ("items", "state", "type")

    def __init__(self, type_name: str = "dict", items: list[Any] | None = None) -> None:
        self.type = type_name
        self.items: list[Any] = [] if items is None else items
        self.state: Any = None


class Group:
    """A set or frozenset: its members in file order, never hashed."""

    __slots__ = ("items", "type")

    def __init__(self, type_name: str, items: list[Any]) -> None:
        self.type = type_name
        self.items = items


class Opaque:
    """An object of a class that is only a name: how the pickle would have made it.

    `args` of the call, `state` of BUILD, `items` appended (a list subclass), `entries` set (a dict
    subclass: key, value, key, value …).
    """

    __slots__ = ("args", "cls", "entries", "items", "state")

    def __init__(self, cls: Any, args: Any) -> None:
        self.cls = cls
        self.args = args
        self.state: Any = None
        self.items: list[Any] | None = None
        self.entries: list[Any] | None = None

    @property
    def class_name(self) -> str:
        """The full name of the class or function, "?" where a pickle calls something else."""
        return self.cls.full if isinstance(self.cls, Global) else "?"


class ByteRange:
    """Bytes too long to keep: `size` bytes at `offset` of the pickle's source.

    `text` says that they stand there as UTF-8 text.
    """

    __slots__ = ("offset", "size", "text")

    def __init__(self, offset: int, size: int, *, text: bool = False) -> None:
        self.offset = offset
        self.size = size
        self.text = text


class EncodedBytes(ByteRange):
    """Bytes that protocol ≤ 2 wrote as text, a code point each; `size` counts the text's own bytes."""

    __slots__ = ()


class Scalar:
    """A number that numpy or torch wrapped: shown as its value, with the class it came from."""

    __slots__ = ("type", "value")

    def __init__(self, type_name: str, value: Any) -> None:
        self.type = type_name
        self.value = value


class TensorNode:
    """A tensor: its provisional row of the table builder; `state` where a subclass carries attributes."""

    __slots__ = ("row", "state")

    def __init__(self, row: int, state: Any = None) -> None:
        self.row = row
        self.state = state
