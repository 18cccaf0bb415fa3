"""Layers: the tensors of numbered modules in a row, each with its layer and what it does there.

A layer is a module with a number for a name, "layers.7"; those of one parent are a stack. What a tensor is
called from its layer on is its role, numbers left out: "self_attn.q_proj.weight", "experts.*.w1.weight".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.natural_order import byte_ranks
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_ROLES = 2000

# Where one numbered module has nearly all bytes of its stack, the layers are inside it.
_NEARLY_ALL = 0.8
_DEEPEST_STACK = 12
# Tensors of one role in one layer stand side by side within so much of its width.
_SPREAD = 0.8
_LOOKED_AT = 4096
_LONGEST_NUMBER = 20


@dataclass(frozen=True, eq=False, slots=True)
class Layers:
    """Tensors in the order of their layers, then of the tree.

    Attributes:
        layers: the node of each layer, ascending.
        stack_of: the number of each layer's stack.
        stacks: the node above each stack's layers.
        nodes: the node of each tensor; all that follow have its shape.
        rows: its row in the tensor table.
        layer: the number of its layer.
        x: where it stands: the number of its layer, or around it where the layer has several of its role.
        role: the number of its role.
        roles: names of the roles, those with most bytes first.
        role_bytes: bytes of each role.
        left_out: tensors below the node that are in no layer, or of roles beyond `MOST_ROLES`.

    """

    layers: Int64
    stack_of: Int64
    stacks: Int64
    nodes: Int64
    rows: Int64
    layer: Int64
    x: Floats
    role: Int64
    roles: tuple[str, ...]
    role_bytes: Int64
    left_out: int

    def of_role(self, role: int) -> Int64:
        """The places of the tensors of a role."""
        return np.flatnonzero(self.role == role)


def may_have_layers(tree: ModuleTree, node: int) -> bool:
    """Whether layers are likely below a node: at a glance, for the GUI thread."""
    end = min(int(tree.end[node]), node + 1 + _LOOKED_AT)
    if tree.tensors[node] < 2 or end <= node + 2:
        return False
    return int(np.count_nonzero(_numbered(tree, node + 1, end))) > 1


def layers_below(checkpoint: Checkpoint, node: int, control: Control | None = None) -> Layers:
    """The layers below a node; none of them where no modules have numbers.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    tree = checkpoint.tree
    end = int(tree.end[node])
    layers = _outermost_stacks(tree, node, end, control)
    control.check()
    tensors = node + np.flatnonzero(tree.what[node:end] == TreeNode.TENSOR)
    place = np.searchsorted(layers, tensors, "right") - 1
    inside = place >= 0
    if len(layers):
        inside &= tensors < tree.end[layers[np.maximum(place, 0)]]
    nodes, layer = tensors[inside], place[inside]
    rows = tree.ref[nodes]
    role, examples = _roles(tree, nodes, layers[layer] if len(layers) else layer, control)
    sums = np.bincount(role, checkpoint.table.nbytes[rows].astype(np.float64), len(examples))
    order = np.argsort(-sums, kind="stable")[:MOST_ROLES]
    number = np.full(len(examples), -1, np.int64)
    number[order] = np.arange(len(order))
    kept = number[role] >= 0
    nodes, layer, role, rows = nodes[kept], layer[kept], number[role][kept], rows[kept]
    owners = layers[np.searchsorted(layers, examples[order], "right") - 1] if len(order) else order
    stacks, stack_of = np.unique(tree.parent[layers].astype(np.int64), return_inverse=True)
    return Layers(
        layers,
        stack_of.astype(np.int64),
        stacks,
        nodes,
        rows,
        layer,
        _places(layer, role),
        role,
        tuple(map(_role_name, [tree] * len(order), examples[order].tolist(), owners.tolist())),
        np.minimum(sums[order], 2.0**62).astype(np.int64),
        len(tensors) - len(nodes),
    )


def _numbered(tree: ModuleTree, first: int, end: int) -> Mask:
    """Which of the nodes [first, end) are modules that hold tensors and are called by a number."""
    found = _numbers(tree, first, end)
    found &= (tree.what[first:end] != TreeNode.TENSOR) & (tree.tensors[first:end] > 0)
    return found


def _numbers(tree: ModuleTree, first: int, end: int) -> Mask:
    """Which of the nodes [first, end) are called by a number, "7" or "[7]"."""
    offsets = tree.label.offsets[first : end + 1]
    data = tree.label.bytes_array
    lengths = np.diff(offsets)
    found = (lengths > 0) & (lengths <= _LONGEST_NUMBER)
    candidates = np.flatnonzero(found)
    starts, sizes = offsets[:-1][candidates], lengths[candidates]
    is_list = (data[starts] == ord("[")) & (sizes > 2)
    starts, sizes = starts + is_list, sizes - 2 * is_list
    is_number = np.ones(len(candidates), np.bool_)
    for place in range(int(sizes.max(initial=0))):
        byte = data[np.minimum(starts + place, len(data) - 1)]
        is_number &= (place >= sizes) | ((byte >= ord("0")) & (byte <= ord("9")))
    found[candidates[~is_number]] = False
    return found


def _outermost_stacks(tree: ModuleTree, node: int, end: int, control: Control) -> Int64:
    """The layers: outermost numbered nodes, those left out that alone are a stack or have nearly all of it."""
    numbered = node + 1 + np.flatnonzero(_numbered(tree, node + 1, end))
    for _ in range(_DEEPEST_STACK):
        control.check()
        ends = np.maximum.accumulate(tree.end[numbered].astype(np.int64)) if len(numbered) else numbered
        outer = np.ones(len(numbered), np.bool_)
        outer[1:] = numbered[1:] >= ends[:-1]
        layers = numbered[outer]
        if not len(layers):
            return layers
        _, stack = np.unique(tree.parent[layers], return_inverse=True)
        weights = tree.nbytes[layers].astype(np.float64)
        sums, sizes = np.bincount(stack, weights), np.bincount(stack)
        alone = (sizes[stack] < 2) | (weights > _NEARLY_ALL * sums[stack])
        # Only if there are layers inside.
        held = np.searchsorted(numbered, tree.end[layers]) - np.searchsorted(numbered, layers) - 1
        opened = np.zeros(len(sizes), np.bool_)
        opened[stack[alone & (held > 1)]] = True
        if not opened.any():
            return layers[sizes[stack] > 1]
        numbered = np.setdiff1d(numbered, layers[opened[stack]], assume_unique=True)
    return layers[sizes[stack] > 1]


def _roles(tree: ModuleTree, nodes: Int64, layers: Int64, control: Control) -> tuple[Int64, Int64]:
    """The role of each tensor as a number, and a tensor of each role."""
    if not len(nodes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first, end = int(layers[0]), int(tree.end[layers].max())
    part = _parts(tree, first, end, control)
    parent = tree.parent[first:end].astype(np.int64) - first
    depth = tree.depth[first:end]
    found = np.full(end - first, -1, np.int64)
    found[np.unique(layers) - first] = 0
    by_depth = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[by_depth], np.arange(int(depth.min()), int(depth.max()) + 2))
    count = 1
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        control.check()
        here = by_depth[start:stop]
        here = here[(parent[here] >= 0) & (found[here] < 0)]
        here = here[found[parent[here]] >= 0]
        pairs, number = np.unique(found[parent[here]] * (len(part) + 1) + part[here], return_inverse=True)
        found[here] = count + number
        count += len(pairs)
    _, example, role = np.unique(found[nodes - first], return_index=True, return_inverse=True)
    return role.astype(np.int64), nodes[example]


def _parts(tree: ModuleTree, first: int, end: int, control: Control) -> Int64:
    """A number for the label of each of the nodes [first, end): equal for equal ones, and for all numbers."""
    offsets = tree.label.offsets[first : end + 1]
    data = tree.label.bytes_array[offsets[0] : offsets[-1]]
    part = byte_ranks(data, offsets - offsets[0], control).astype(np.int64)
    part[_numbers(tree, first, end)] = end - first
    return part


def _role_name(tree: ModuleTree, node: int, layer: int) -> str:
    """A tensor's name from its layer on, "*" for each number."""
    labels: list[str] = []
    while node != layer:
        label = tree.label[node]
        labels.append("*" if label.strip("[]").isdecimal() else label)
        node = int(tree.parent[node])
    return ".".join(reversed(labels))


def _places(layer: Int64, role: Int64) -> Floats:
    """Where each tensor stands: at its layer, or spread around it beside others of its role, in their order."""
    order = np.lexsort((layer, role))
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (layer[order][1:] != layer[order][:-1]) | (role[order][1:] != role[order][:-1])
    begins = np.flatnonzero(starts)
    sizes = np.diff(np.append(begins, len(order)))
    place = np.arange(len(order)) - np.repeat(begins, sizes)
    size = np.repeat(sizes, sizes)
    x = np.empty(len(order), np.float64)
    x[order] = layer[order] + ((place + 0.5) / size - 0.5) * _SPREAD
    return x
