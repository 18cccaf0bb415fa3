"""Described values: what a description holds, by keys: containers, plain values, rows of tensors."""

from __future__ import annotations

import json
from typing import Any

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node
from sdviewer.formats.pickle_values import Mapping

# Looked up once: members of an enumeration are slow to reach.
_MAPPING, _SEQUENCE, _TENSOR, _SCALAR, _ALIAS = map(
    int, (Node.MAPPING, Node.SEQUENCE, Node.TENSOR, Node.SCALAR, Node.ALIAS)
)
# Values nested deeper than any options are.
_DEEPEST = 16


class Described:
    """A description, asked by structure nodes; -1 stands for what is not there."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self._structure = description.structure
        self._kind: list[int] = description.structure.kind.tolist()
        self._inside: dict[int, dict[int | str, int]] = {}

    def entries(self, node: int) -> dict[int | str, int]:
        """Key → node of what a mapping or list holds, in file order; of equal keys the first."""
        node = self._shown(node)
        if node < 0 or self._kind[node] not in (_MAPPING, _SEQUENCE):
            return {}
        if node not in self._inside:
            found: dict[int | str, int] = {}
            part, plain = self._structure.part, self._structure.plain_keys
            for child in self._structure.children(node):
                found.setdefault(part[child] if plain else decode_part(part[child]), child)
            self._inside[node] = found
        return self._inside[node]

    def child(self, node: int, key: int | str) -> int:
        """The node under a key."""
        return self.entries(node).get(key, -1)

    def row(self, node: int) -> int:
        """The row of a tensor, -1 for anything else."""
        node = self._shown(node)
        return int(self._structure.ref[node]) if node >= 0 and self._kind[node] == _TENSOR else -1

    def plain(self, node: int) -> Any:
        """A plain value: number, text, list of such; None for anything else."""
        node = self._shown(node)
        if node < 0 or self._kind[node] != _SCALAR:
            return None
        return json.loads(self._structure.values[int(self._structure.ref[node])])

    def is_list(self, node: int) -> bool:
        """Whether a node is a list."""
        node = self._shown(node)
        return node >= 0 and self._kind[node] == _SEQUENCE

    def shape(self, node: int) -> tuple[int, ...] | None:
        """A shape, None for what is none."""
        found = self.plain(node)
        if type(found) is not list or not all(type(size) is int and 0 <= size < 2**62 for size in found):
            return None
        return tuple(found)

    def value(self, node: int, depth: int = 0) -> Any:
        """A value as the walk takes it: containers, numbers and texts; of all else what it is, in words."""
        node = self._shown(node)
        kind = self._kind[node] if node >= 0 else None
        if kind == _SCALAR:
            return _told(self.plain(node))
        if kind == _SEQUENCE and depth < _DEEPEST:
            return [self.value(child, depth + 1) for child in self._structure.children(node)]
        if kind == _MAPPING and depth < _DEEPEST:
            items = [item for key, child in self.entries(node).items() for item in (key, self.value(child, depth + 1))]
            return Mapping("dict", items)
        return "a tensor" if kind == _TENSOR else self._structure.type_name(node) if node >= 0 else None

    def _shown(self, node: int) -> int:
        """Where what an alias stands for is shown."""
        if node >= 0 and self._kind[node] == _ALIAS:
            return int(self._structure.ref[node])
        return node


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return [_told(item) for item in value] if isinstance(value, list) else value
