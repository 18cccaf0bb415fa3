"""Access: how Python code reaches a tensor in what torch makes of the file."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node

# What an object was called with or given cannot be reached through it.
_UNREACHABLE = ("$args", "$state")
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNORDERED = ("set", "frozenset")


def access_expression(checkpoint: Checkpoint, row: int) -> str:
    """The expression for a listed tensor, where `ckpt` is the loaded file: `ckpt["model"]["encoder.0.weight"]`.

    "" where no expression leads to it: below a key whose value is not known, or among the arguments of an object.
    """
    return next(access_expressions(checkpoint, np.array([row])))


def access_expressions(checkpoint: Checkpoint, rows: npt.NDArray[np.integer]) -> Iterator[str]:
    """As `access_expression`, for many rows."""
    structure = checkpoint.description.structure
    nodes = np.flatnonzero(structure.kind == Node.TENSOR)
    # Reversed: of several places of one tensor the first one counts.
    node_of = np.full(len(checkpoint.table), -1, np.int64)
    node_of[structure.ref[nodes[::-1]]] = nodes[::-1]
    yield from node_expressions(checkpoint, node_of[rows].tolist())


def node_expressions(checkpoint: Checkpoint, nodes: Iterable[int]) -> Iterator[str]:
    """As `access_expression`, for nodes of the structure: containers and values as well as tensors."""
    modules = {found.node for found in checkpoint.description.module_classes if not found.prefix}
    for node in nodes:
        yield _expression(checkpoint, node, modules)


def _expression(checkpoint: Checkpoint, node: int, modules: set[int]) -> str:
    structure = checkpoint.description.structure
    way = []
    while node >= 0 and (parent := int(structure.parent[node])) >= 0:
        way.append((parent, node))
        node = parent
    code = "ckpt"
    for parent, child in reversed(way):
        step = _step(checkpoint, code, parent, structure.part[child], modules)
        if step is None:
            return ""
        code = step
    return code


def _step(checkpoint: Checkpoint, code: str, parent: int, text: str, modules: set[int]) -> str | None:
    """The expression for one part of what `code` stands for; None if there is none."""
    structure = checkpoint.description.structure
    kind = structure.kind[parent]
    part = text if structure.plain_keys else decode_part(text)
    if isinstance(part, str) and text.startswith("[") and not structure.plain_keys:
        return None  # a key that is no text, and that the file does not spell
    if parent in modules:
        return f"{code}.state_dict()[{literal(part)}]"
    if kind == Node.SEQUENCE and structure.type_name(parent) in _UNORDERED:
        return f"list({code})[{literal(part)}]"
    if kind != Node.OBJECT or not isinstance(part, str):
        return f"{code}[{literal(part)}]"
    if part in _UNREACHABLE:
        return None
    if part == "$items":
        return code
    if part.isidentifier() and not keyword.iskeyword(part):
        return f"{code}.{part}"
    return f"getattr({code}, {literal(part)})"


def literal(value: Any) -> str:
    """A key as Python code: texts in double quotes, everything that cannot be seen as its escape."""
    match value:
        case str():
            return '"' + "".join(map(_character, value)) + '"'
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
