"""Preorder: from "who is whose parent" to a tree laid out as columns, without recursion.

A hostile file nests a million levels deep, so nothing here costs more for depth than a logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

# A level of nodes costs some calls whatever it holds: beyond this many they are gone through one by one.
_LEVELS = 200


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each node lies.

    Attributes:
        position: of each node, by its number before.
        nodes: the number before, by position.
        parent: by position, -1 for the root.
        depth: by position, 0 for the root.
        end: by position, behind the last descendant.

    """

    position: Int64
    nodes: Int64
    parent: Int64
    depth: Int64
    end: Int64


def lay_out(parent: Int64, leaf: npt.NDArray[np.bool_], keys: tuple[Int64, ...]) -> Layout:
    """Number a tree in preorder, siblings sorted by `keys` (the last one first, as `np.lexsort`).

    Node 0 is the root, its own parent here. A node that is no leaf has a larger number than its parent.
    """
    count = len(parent)
    depth = np.ones(count, np.int64)
    depth[0] = 0
    # Pointer jumping: each round adds what the ancestor reached so far has gathered.
    jumps = [parent]
    while jumps[-1].any():
        depth = depth + depth[jumps[-1]]
        jumps.append(jumps[-1][jumps[-1]])
    size = _sizes(parent, leaf, depth)
    order = np.lexsort((*keys, parent))
    order = order[order != 0]
    ordered_size = size[order]
    before = np.cumsum(ordered_size) - ordered_size
    of = parent[order]
    first = np.flatnonzero(np.concatenate(([True], of[1:] != of[:-1])))[: len(of)]
    before -= np.repeat(before[first], np.diff(np.concatenate((first, [len(of)]))))
    position = np.zeros(count, np.int64)
    position[order] = before + 1
    for ancestor in jumps[:-1]:
        position = position + position[ancestor]
    nodes = np.empty(count, np.int64)
    nodes[position] = np.arange(count)
    parents = position[parent[nodes]]
    parents[0] = -1
    return Layout(position, nodes, parents, depth[nodes], np.arange(count) + size[nodes])


def _sizes(parent: Int64, leaf: npt.NDArray[np.bool_], depth: Int64) -> Int64:
    """Nodes at or below each node."""
    size = 1 + np.bincount(parent[leaf], minlength=len(parent))
    if leaf[0]:
        return np.ones(len(parent), np.int64)
    inner = np.flatnonzero(~leaf)
    deepest = int(depth[inner].max())
    if deepest <= _LEVELS:
        # Level by level from below; all of one level add to their parents at once.
        by_level = inner[np.argsort(depth[inner].astype(np.uint8), kind="stable")]
        bounds = np.searchsorted(depth[by_level], np.arange(1, deepest + 2))
        for low, high in zip(bounds[-2::-1].tolist(), bounds[:0:-1].tolist(), strict=True):
            np.add.at(size, parent[by_level[low:high]], size[by_level[low:high]])
        return size.astype(np.int64)
    index = np.zeros(len(parent), np.int64)
    index[inner] = np.arange(len(inner))
    sizes: list[int] = size[inner].tolist()
    parents: list[int] = index[parent[inner]].tolist()
    for node in range(len(sizes) - 1, 0, -1):
        sizes[parents[node]] += sizes[node]
    size[inner] = sizes
    return size.astype(np.int64)


def common_ancestors(layout: Layout, left: Int64, right: Int64) -> Int64:
    """The lowest node at or above both, for each pair of positions with `left < right`.

    It is the parent of the shallowest node in (left, right]; the shallowest is looked up in tables of
    minima over ranges of 2^k, made one after the other.
    """
    count = len(layout.depth)
    answer = np.zeros(len(left), np.int64)
    minima = layout.depth * count + np.arange(count)
    lengths = right - left
    level = np.frexp(lengths.astype(np.float64))[1] - 1
    for k in range(int(level.max(initial=-1)) + 1):
        pairs = np.flatnonzero(level == k)
        if len(pairs):
            best = np.minimum(minima[left[pairs] + 1], minima[right[pairs] - (1 << k) + 1])
            answer[pairs] = layout.parent[best % count]
        if len(minima) > 1 << k:
            minima = np.minimum(minima[: -(1 << k)], minima[1 << k :])
    return answer
