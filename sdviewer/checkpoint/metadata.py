"""Metadata: what a checkpoint holds beside its tensors, as JSON-ready values.

Scalars keep their JSON, containers become objects and arrays, objects of unknown classes
`{"$opaque": class, "args": […], "state": {…}}`, a container that stands elsewhere as well
`{"$ref": its name}`. Keys are parts of canonical names. Tensors are left out, except that a list
which holds something else too keeps their places with `{"$tensor": name}`. What is long is cut and
says so: `"$more": N`. JSON has one kind of array and of object; for whoever shows them, they carry the
file's name for theirs (`NamedList`, `NamedDict`).
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.control import Control

# For each container; a million entries of metadata are read by nobody.
_MOST_CHILDREN = 1_000
_MOST_NODES = 100_000
# json and its readers recurse: Python's own stops at about a thousand.
_DEEPEST = 100

# As plain numbers: a hundred thousand look-ups in an enum take a tenth of a second.
_SEQUENCE, _OBJECT, _TENSOR = int(Node.SEQUENCE), int(Node.OBJECT), int(Node.TENSOR)
_SCALAR, _ALIAS = int(Node.SCALAR), int(Node.ALIAS)

# Children of an object that are no attributes of it.
_BESIDE_STATE = ("$args", "$items")

_Target = dict[str, Any] | list[Any]


class NamedList(list[Any]):
    """A list that knows what it is in the file, "tuple" or "set"; in JSON it is an array as any other."""

    __slots__ = ("type_name",)

    def __init__(self, items: Iterable[Any], type_name: str) -> None:
        super().__init__(items)
        self.type_name = type_name


class NamedDict(dict[str, Any]):
    """An object that knows what it is in the file, "dict" or "OrderedDict"; in JSON it is an object as any other."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str) -> None:
        super().__init__()
        self.type_name = type_name


def metadata_of(description: Description, control: Control | None = None) -> dict[str, Any]:
    """All that is not a tensor, by name; a container with nothing but tensors in it is left out.

    A root that is a list or an object gives its parts by their names (`[0]`, `$args`), a lone
    scalar gives `{"": value}`.

    Raises:
        Cancelled: `control` was cancelled.
    """
    structure = description.structure
    if len(structure) == 0 or description.root == "tensor":
        return {}
    if structure.kind[0] == Node.SCALAR:
        return {"": _scalar(structure, 0)}
    return _Walk(structure, description, control).run()


def metadata_values(
    description: Description, nodes: Mapping[str, int], control: Control | None = None
) -> dict[str, Any]:
    """The values of some nodes of the structure, each as `metadata_of` tells it, under the keys given.

    Raises:
        Cancelled: `control` was cancelled.
    """
    return _Walk(description.structure, description, control).values(nodes)


def told_nodes(structure: Structure) -> npt.NDArray[np.bool_]:
    """Which nodes are metadata: scalars, aliases, containers without tensors, and what leads there."""
    kind = structure.kind
    ends = structure.end.astype(np.int64)
    following = np.arange(1, len(kind) + 1)
    tensors = _below(kind == Node.TENSOR, following, ends)
    container = kind <= Node.OBJECT
    told = (kind == Node.SCALAR) | (kind == Node.ALIAS) | (container & (tensors == 0))
    result: npt.NDArray[np.bool_] = told | (container & (_below(told, following, ends) > 0))
    return result


def _below(marked: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Any:
    """How many descendants of each node are marked."""
    sums = np.concatenate(([0], np.cumsum(marked)))
    return sums[ends] - sums[starts]


# NaN and infinities are strings in JSON, see contracts. One decoder: `json.loads` would make one for each value.
_decode = json.JSONDecoder(parse_constant=str).decode


def _scalar(structure: Structure, node: int) -> Any:
    value = _decode(structure.values[int(structure.ref[node])])
    if isinstance(value, list) and (type_name := structure.type_name(node)):
        return NamedList(value, type_name)
    return value


def _container(structure: Structure, node: int, kind: int) -> _Target:
    """An empty one; an object tells its class itself."""
    type_name = structure.type_name(node) if kind != _OBJECT else ""
    if kind == _SEQUENCE:
        return NamedList((), type_name) if type_name else []
    return NamedDict(type_name) if type_name else {}


class _Walk:
    """One pass over the nodes that are told, without recursion."""

    def __init__(self, structure: Structure, description: Description, control: Control | None = None) -> None:
        self.structure = structure
        self.control = control or Control()
        self.names = description.tensors.name
        self.told = told_nodes(structure)
        # Lists and bytes: their items are read one by one, which numpy does ten times more slowly.
        order = np.flatnonzero(self.told)
        self.order: list[int] = order.tolist()
        # Of each told node where the first one behind its descendants is in `order`.
        self.following: list[int] = np.searchsorted(order, structure.end[order]).tolist()
        self.kind = structure.kind.tobytes()
        self.left = _MOST_NODES
        # Containers still to be filled: node, where its children go, how deep it lies.
        self.waiting: list[tuple[int, _Target, int]] = []

    def run(self) -> dict[str, Any]:
        top: dict[str, Any] = {}
        self._begin(0, top, 0)
        self._finish()
        return top

    def values(self, nodes: Mapping[str, int]) -> dict[str, Any]:
        top = {key: self._value(node, 0) for key, node in nodes.items()}
        self._finish()
        return top

    def _finish(self) -> None:
        while self.waiting:
            self.control.check()
            self._fill(*self.waiting.pop())

    def _begin(self, node: int, target: _Target, depth: int) -> None:
        """Have `target` filled; an object gets its arguments and items beside its state."""
        if self.kind[node] != _OBJECT or isinstance(target, list):
            self.waiting.append((node, target, depth))
            return
        target.update({"$opaque": self.structure.type_name(node), "args": [], "state": {}})
        self.waiting.append((node, target["state"], depth + 1))
        for child in itertools.islice(self._told_children(node), _MOST_CHILDREN):
            if (part := self.structure.part[child]) in _BESIDE_STATE:
                target[part.removeprefix("$")] = self._value(child, depth + 1)

    def _fill(self, node: int, target: _Target, depth: int) -> None:
        structure = self.structure
        in_list = isinstance(target, list)
        beside = _BESIDE_STATE if self.kind[node] == _OBJECT else ()
        children = structure.children(node) if in_list else self._told_children(node)
        for given, child in enumerate(children):
            if given >= _MOST_CHILDREN or self.left <= 0 or depth >= _DEEPEST:
                rest = structure.parent[child : int(structure.end[node])] == node
                more = int(np.count_nonzero(rest if in_list else rest & self.told[child : int(structure.end[node])]))
                if isinstance(target, list):
                    target.append({"$more": more})
                else:
                    target["$more"] = more
                return
            self.left -= 1
            if isinstance(target, list):
                target.append(self._value(child, depth))
            elif (part := structure.part[child]) not in beside:
                target[part] = self._value(child, depth)

    def _told_children(self, node: int) -> Iterator[int]:
        """The direct children that are told; a million tensors between them cost nothing."""
        order, end = self.order, int(self.structure.end[node])
        at = bisect_left(order, node + 1)
        while at < len(order) and order[at] < end:
            yield order[at]
            at = self.following[at]

    def _value(self, node: int, depth: int) -> Any:
        structure, kind = self.structure, self.kind[node]
        if kind == _SCALAR:
            return _scalar(structure, node)
        if kind == _TENSOR:
            return {"$tensor": self.names[int(structure.ref[node])]}
        if kind == _ALIAS:
            return {"$ref": self._name_of(int(structure.ref[node]))}
        value = _container(structure, node, kind)
        if self.told[node]:
            self._begin(node, value, depth + 1)
        return value

    def _name_of(self, node: int) -> str:
        parts = []
        while node > 0:
            parts.append(self.structure.part[node])
            node = int(self.structure.parent[node])
        return "/".join(reversed(parts))
