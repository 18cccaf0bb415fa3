"""Linking: which tree node the state of a parameter is, and which parameter a state is of."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.control import Control
from sdviewer.training.groups import optimizers_of
from sdviewer.training.named_state import named_state
from sdviewer.training.state import OptimizerState


def optimizer_around(checkpoint: Checkpoint, node: int) -> Section | None:
    """The section of an optimizer that a tree node is or lies in, None for none."""
    tree, sections = checkpoint.tree, list(checkpoint.sections.values())
    while node > 0:
        if tree.what[node] == TreeNode.SECTION and tree.ref[node] >= 0:
            section = sections[int(tree.ref[node])]
            return section if section.kind == "optimizer" else None
        node = int(tree.parent[node])
    return None


def node_of_row(checkpoint: Checkpoint, row: int) -> int:
    """The tree node of a tensor, -1 for none."""
    tree = checkpoint.tree
    found = np.flatnonzero((tree.ref == row) & (tree.what == TreeNode.TENSOR))
    return int(found[0]) if len(found) else -1


def node_of_place(checkpoint: Checkpoint, place: int) -> int:
    """The tree node that a node of the structure is shown as, -1 for none."""
    found = np.flatnonzero(checkpoint.tree.node == place)
    return int(found[0]) if len(found) else -1


def parameter_around(checkpoint: Checkpoint, state: OptimizerState, node: int) -> int:
    """The parameter whose state a tree node is or lies in, -1 for none."""
    parent = checkpoint.description.structure.parent
    place = int(checkpoint.tree.node[node])
    while place > 0:
        index = state.index_of_node(place)
        if index >= 0:
            return index
        place = int(parent[place])
    return -1


def state_of_parameter(checkpoint: Checkpoint, node: int, control: Control) -> int:
    """The node of the state that the first optimizer which has any keeps of a tensor, -1 for none.

    A copy of the model's tensor, as an EMA holds, has the state of the tensor of the same key.

    Raises:
        Cancelled: `control` was cancelled.

    """
    row = int(checkpoint.tree.ref[node])
    for section in optimizers_of(checkpoint):
        state, naming = named_state(checkpoint, section, control)
        index = naming.index_of_row(row)
        if index < 0 and naming.model is not None:
            index = naming.index_of_row(_same_key(checkpoint, row, naming.model))
        if index >= 0 and state.entry[index] >= 0:
            return node_of_place(checkpoint, int(state.entry[index]))
    return -1


def parameter_of_state(checkpoint: Checkpoint, node: int, control: Control) -> int:
    """The node of the parameter that a tensor of an optimizer's state belongs to, -1 where that is not known.

    Raises:
        Cancelled: `control` was cancelled.

    """
    section = optimizer_around(checkpoint, node)
    if section is None:
        return -1
    state, naming = named_state(checkpoint, section, control)
    index = parameter_around(checkpoint, state, node)
    row = int(naming.row[index]) if index >= 0 else -1
    return node_of_row(checkpoint, row) if row >= 0 else -1


def _same_key(checkpoint: Checkpoint, row: int, model: Section) -> int:
    """The row of the model's tensor with the key that another section's tensor has, -1 for none."""
    own = next((s for s in checkpoint.sections.values() if row in s.rows), None)
    if own is None:
        return -1
    key = section_keys(checkpoint.description, own)[int(np.flatnonzero(own.rows == row)[0])]
    keys = section_keys(checkpoint.description, model)
    return int(model.rows[keys.index(key)]) if key in keys else -1
