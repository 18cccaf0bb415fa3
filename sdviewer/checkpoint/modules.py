"""ModuleTree: sections, then modules made from dotted keys, then tensors, as preorder columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn


class TreeNode(IntEnum):
    """What a node of the tree is."""

    ROOT = 0
    SECTION = 1  # ref = index of the section
    MODULE = 2  # made from dotted keys, or from `_metadata`
    TENSOR = 3  # ref = row of the tensor table
    CONTAINER = 4  # a dict, list or tuple of the file
    OBJECT = 5  # an object whose class is only a name
    SCALAR = 6  # node = its structure node, whose value is JSON
    ALIAS = 7  # a container shown elsewhere: ref = the tree node, -1 if none


class Role(IntEnum):
    """What a tensor is to its module."""

    UNKNOWN = 0
    PARAMETER = 1
    BUFFER = 2


@dataclass(frozen=True, eq=False)
class ModuleTree:
    """Columns of one length, preorder; node 0 is the root, children in natural order (2 before 10).

    Attributes:
        label: what to show: "layers", "0", "weight", "epoch".
        what: a `TreeNode`.
        depth: 0 for the root.
        parent: -1 for the root.
        end: index behind the last descendant.
        ref: see `TreeNode`; -1 for none.
        node: the structure node it comes from, -1 for a module made from dots.
        tensors: tensors at or below it.
        parameters: their elements, buffers left out, tied tensors once.
        nbytes: their bytes, tied tensors once.
        kind: index into `kinds`: "Linear", "Conv2d", "" …; for objects the class name.
        version: a module's version in `_metadata`, -1 for none.
        role: one a row of the tensor table (not a node), a `Role`.
        tie: one a row of the tensor table: the first row with the very same elements, or -1 if it is alone.

    """

    label: StringColumn
    what: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    ref: npt.NDArray[np.int64]
    node: npt.NDArray[np.int32]
    tensors: npt.NDArray[np.int64]
    parameters: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int32]
    kinds: tuple[str, ...]
    version: npt.NDArray[np.int32]
    role: npt.NDArray[np.uint8]
    tie: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.what)

    def children(self, node: int) -> Iterator[int]:
        """The direct children of a node."""
        child, end = node + 1, int(self.end[node])
        while child < end:
            yield child
            child = int(self.end[child])
