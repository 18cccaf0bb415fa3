"""NodeNames: the names of many nodes, made in the job that writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.detail.describe import name_of


class NodeNames(Sequence[str]):
    """The canonical name of each node; "" for a number below 0 and for the root."""

    def __init__(self, checkpoint: Checkpoint, nodes: npt.NDArray[np.int64]) -> None:
        self._checkpoint, self._nodes = checkpoint, nodes

    def __len__(self) -> int:
        return len(self._nodes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """One name, or a list of several."""
        if isinstance(index, int):
            return self._name(int(self._nodes[index]))
        return [self._name(node) for node in self._nodes[index].tolist()]

    def _name(self, node: int) -> str:
        return name_of(self._checkpoint, node) if node >= 0 else ""


def label_below(checkpoint: Checkpoint, node: int, above: int) -> str:
    """What a node is called below another one: "self_attn.q_proj.weight"; parts of a file's own keys end in "/"."""
    tree = checkpoint.tree
    parts: list[str] = []
    while node > above:
        if tree.what[node] == TreeNode.SECTION and len(checkpoint.sections) == 1:
            # The only one tells nothing.
            break
        up = int(tree.parent[node])
        parts.append(tree.label[node])
        parts.append("." if tree.what[up] == TreeNode.MODULE else "/")
        node = up
    return "".join(reversed(parts[:-1]))
