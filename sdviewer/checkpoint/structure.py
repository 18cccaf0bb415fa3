"""Structure: the containers of a checkpoint and what they hold, as preorder columns.

Tensors, scalars, opaque objects and references to something already shown are its leaves.
Readers build it with `StructureBuilder`; module hierarchies are made from it in modules.py.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn


class Node(IntEnum):
    """What a node of the structure is."""

    MAPPING = 0  # children are entries
    SEQUENCE = 1  # list, tuple, set: children are [0], [1] …
    OBJECT = 2  # an object of a class that is only a name here; children: attributes, $args, $items
    TENSOR = 3  # ref = row of the tensor table
    SCALAR = 4  # value = JSON: None, bool, number, string, {"$bytes": n}, {"$global": "a.b"}, {"$complex": [re, im]}
    ALIAS = 5  # ref = the node that shows this container


@dataclass(frozen=True, eq=False)
class Structure:
    """Columns of one length, preorder; node 0 is the root, children of `i` lie in `i + 1 … end[i] - 1`.

    Attributes:
        part: the last part of each node's path, as in a canonical name ("" for the root).
        kind: a `Node`.
        parent: index of the parent, -1 for the root.
        end: index behind the last descendant.
        ref: tensor row, alias target or index into `values` (SCALAR); -1 else.
        type: index into `types`: "dict", "OrderedDict", "list", "tuple", "set", "torch.nn.modules.linear.Linear" …
        values: JSON texts of scalars.
        plain_keys: whether the file is one bare state_dict, so that parts are plain keys without escapes.

    """

    part: StringColumn
    kind: npt.NDArray[np.uint8]
    parent: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    ref: npt.NDArray[np.int64]
    type: npt.NDArray[np.int32]
    types: tuple[str, ...]
    values: StringColumn
    plain_keys: bool

    def __len__(self) -> int:
        return len(self.kind)

    def children(self, node: int) -> Iterator[int]:
        """The direct children of a node, in file order."""
        child, end = node + 1, int(self.end[node])
        while child < end:
            yield child
            child = int(self.end[child])

    def type_name(self, node: int) -> str:
        """The class or container name of a node, "" for leaves."""
        index = int(self.type[node])
        return self.types[index] if index >= 0 else ""


class StructureBuilder:
    """Adds nodes in preorder: `open` a container, add its children, `close` it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.kinds = array("B")
        self.parents = array("i")
        self.ends = array("i")
        self.refs = array("q")
        self.type_of = array("i")
        self.values: list[str] = []
        self._types: dict[str, int] = {}

    def open(self, part: str, kind: Node, parent: int, type_name: str = "") -> int:
        """A container; its children follow until `close`."""
        node = len(self.kinds)
        self.parts.append(part)
        self.kinds.append(kind)
        self.parents.append(parent)
        self.ends.append(node + 1)
        self.refs.append(-1)
        self.type_of.append(self._types.setdefault(type_name, len(self._types)) if type_name else -1)
        return node

    def close(self, node: int) -> None:
        """No more children for this container."""
        self.ends[node] = len(self.kinds)

    def tensor(self, part: str, parent: int, row: int) -> int:
        """A leaf that is row `row` of the final tensor table."""
        node = self.open(part, Node.TENSOR, parent)
        self.refs[node] = row
        return node

    def tensors(self, parts: Sequence[str], parent: int, row: int) -> None:
        """As many leaves side by side that are row `row` of the final tensor table and the following ones."""
        first, count = len(self.kinds), len(parts)
        self.parts += parts
        self.kinds.extend(array("B", [Node.TENSOR]) * count)
        self.parents.extend(array("i", [parent]) * count)
        self.ends.extend(array("i", range(first + 1, first + 1 + count)))
        self.refs.extend(array("q", range(row, row + count)))
        self.type_of.extend(array("i", [-1]) * count)

    def scalar(self, part: str, parent: int, json_text: str, type_name: str = "") -> int:
        """A leaf with a value, given as JSON text."""
        node = self.open(part, Node.SCALAR, parent, type_name)
        self.refs[node] = len(self.values)
        self.values.append(json_text)
        return node

    def alias(self, part: str, parent: int, target: int) -> int:
        """A leaf that stands for a container shown elsewhere (or around it: a cycle)."""
        node = self.open(part, Node.ALIAS, parent)
        self.refs[node] = target
        return node

    def finish(self, *, plain_keys: bool) -> Structure:
        """The columns."""
        return Structure(
            part=StringColumn.of(self.parts),
            kind=np.array(self.kinds, np.uint8),
            parent=np.array(self.parents, np.int32),
            end=np.array(self.ends, np.int32),
            ref=np.array(self.refs, np.int64),
            type=np.array(self.type_of, np.int32),
            types=tuple(self._types),
            values=StringColumn.of(self.values),
            plain_keys=plain_keys,
        )
