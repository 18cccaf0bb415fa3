"""Metadata below: what of a checkpoint's metadata belongs to a node of its tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.metadata import metadata_of, metadata_values, told_nodes
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.control import Control

_MOST_VALUES = 1_000
_VALUES = (TreeNode.SCALAR, TreeNode.CONTAINER, TreeNode.OBJECT, TreeNode.ALIAS)


def has_metadata(checkpoint: Checkpoint, node: int) -> bool:
    """Whether a node of the tree is a value or has values below it; a few operations on columns."""
    tree = checkpoint.tree
    what = tree.what[node : int(tree.end[node])]
    if ((what == TreeNode.SCALAR) | (what == TreeNode.ALIAS)).any():
        return True
    # Of containers without tensors the innermost are empty.
    containers = np.flatnonzero((what == TreeNode.CONTAINER) | (what == TreeNode.OBJECT)) + node
    return bool((tree.end[containers] == containers + 1).any())


def metadata_below(checkpoint: Checkpoint, node: int, control: Control | None = None) -> Any:
    """The values below a node of the tree as JSON-ready values, see metadata.py; of a value itself just it.

    A section that is a container of its own is told as one. Of other sections and of modules an object by name:
    what lies in them and in no section of its own.

    Raises:
        Cancelled: `control` was cancelled.
    """
    tree, description = checkpoint.tree, checkpoint.description
    match TreeNode(int(tree.what[node])):
        case TreeNode.ROOT:
            return metadata_of(description, control)
        case TreeNode.TENSOR:
            return {}
        case TreeNode.SECTION if _is_whole(checkpoint, node):
            return metadata_values(description, {"": int(tree.node[node])}, control)[""]
        case TreeNode.SECTION | TreeNode.MODULE:
            return _within(checkpoint, node, control)
        case _:
            return metadata_values(description, {"": int(tree.node[node])}, control)[""]


def _is_whole(checkpoint: Checkpoint, node: int) -> bool:
    """Whether a section is all that lies in its container."""
    tree, structure = checkpoint.tree, checkpoint.description.structure
    place = int(tree.node[node])
    others = np.array([section.node for section in checkpoint.sections.values()])
    return int(np.count_nonzero((others >= place) & (others < int(structure.end[place])))) == 1


def _within(checkpoint: Checkpoint, node: int, control: Control | None) -> dict[str, Any]:
    tree, structure = checkpoint.tree, checkpoint.description.structure
    inside = np.arange(node + 1, int(tree.end[node]))
    inside = inside[np.isin(tree.what[inside], _VALUES)]
    tops = inside[~np.isin(tree.what[tree.parent[inside]], _VALUES)]
    places = tree.node[tops]
    places = places[told_nodes(structure)[places]]
    base = _place_of(checkpoint, node)
    named = {_name_below(checkpoint, place, base): place for place in places[:_MOST_VALUES].tolist()}
    values = metadata_values(checkpoint.description, named, control)
    if len(places) > _MOST_VALUES:
        values["$more"] = len(places) - _MOST_VALUES
    return values


def _place_of(checkpoint: Checkpoint, node: int) -> int:
    """The structure node of a section or module; of a module made from dots that of the container of its keys."""
    tree = checkpoint.tree
    while node > 0 and tree.node[node] < 0:
        node = int(tree.parent[node])
    return int(tree.node[node])


def _name_below(checkpoint: Checkpoint, place: int, base: int) -> str:
    structure = checkpoint.description.structure
    parts = []
    while place > 0 and place != base:
        parts.append(structure.part[place])
        place = int(structure.parent[place])
    return "/".join(reversed(parts))
