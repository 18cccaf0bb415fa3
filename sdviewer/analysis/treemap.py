"""Treemap: where the bytes of a module go, as tiles within tiles, no smaller than what can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.squarified import Rect, squarified
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HEADER = 18.0
"""Height of the strip above the parts of a tile, where its name stands."""

# A child that has nearly all bytes of its parent does not count as a level of its own.
_NEARLY_ALL = 0.8
_PADDING = 2.0
_SMALLEST_SPLIT = (40.0, HEADER + 24.0)
# What is smaller is put together with its neighbours, to groups of about this area.
_SMALLEST_AREA = 36.0
_GROUP_AREA = 900.0
_MOST_GROUPS = 64
_MOST_TILES = 6000
_DEEPEST = 24
_MOST_BYTES = 1 << 62

NO_KIND = "no known kind"
NO_SECTION = "no section"


@dataclass(frozen=True, eq=False, slots=True)
class Colored:
    """What tiles are coloured by: each has the value that most of its bytes have.

    Attributes:
        names: the values, those with most bytes first.
        nbytes: how many bytes have each value.
        of_tile: the index of a tile's value, -1 for a tile without tensors.

    """

    names: tuple[str, ...]
    nbytes: Int64
    of_tile: Int64


@dataclass(frozen=True, eq=False, slots=True)
class Treemap:
    """Tiles, each behind the one that holds it; tile 0 is the whole. All columns are of one length.

    Attributes:
        root: the node that is shown.
        first, last: the nodes that a tile stands for; equal but for groups of small siblings.
        count: how many siblings it stands for.
        parent: the tile that holds it, -1 for the whole.
        rects: float64, shape `(tiles, 4)`: left, top, width, height.
        nbytes: bytes; tied tensors count in each of their places.
        is_split: whether its parts are drawn.
        colored: by "section", "dtype" and "kind".

    """

    root: int
    first: Int64
    last: Int64
    count: Int64
    parent: Int64
    rects: Floats
    nbytes: Int64
    is_split: npt.NDArray[np.bool_]
    colored: Mapping[str, Colored]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(slots=True)
class _Tile:
    first: int
    last: int
    count: int
    parent: int
    rect: Rect
    nbytes: int
    level: int
    depth: int
    is_split: bool = False


def treemap(
    checkpoint: Checkpoint, node: int, size: tuple[float, float], *, levels: int = 2, control: Control | None = None
) -> Treemap:
    """The tiles of a node in a picture of this width and height.

    Tiles are split `levels` deep where there is room; a child with nearly all bytes of its parent is no
    level of its own. Siblings too small to be seen stand together in groups, in the order of the tree.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    tree = checkpoint.tree
    labels = _Labels(checkpoint, node)
    tiles = [_Tile(node, node, 1, -1, (0.0, 0.0, float(size[0]), float(size[1])), int(tree.nbytes[node]), 0, 0)]
    values = [np.where([len(names) for names in labels.names.values()], 0, -1)[None]]
    at = 0
    while at < len(tiles):
        control.check()
        tile = tiles[at]
        if _may_split(tree, tile, levels) and len(tiles) < _MOST_TILES:
            _split(tree, tiles, at, labels, values)
        at += 1
    value = np.concatenate(values)
    colored = {
        by: Colored(names, labels.nbytes[by], value[:, index]) for index, (by, names) in enumerate(labels.names.items())
    }
    return Treemap(
        node,
        np.array([tile.first for tile in tiles], np.int64),
        np.array([tile.last for tile in tiles], np.int64),
        np.array([tile.count for tile in tiles], np.int64),
        np.array([tile.parent for tile in tiles], np.int64),
        np.array([tile.rect for tile in tiles], np.float64).reshape(-1, 4),
        np.array([tile.nbytes for tile in tiles], np.int64),
        np.array([tile.is_split for tile in tiles], np.bool_),
        colored,
    )


def _may_split(tree: ModuleTree, tile: _Tile, levels: int) -> bool:
    _, _, width, height = tile.rect
    return (
        tile.count == 1
        and tile.level < levels
        and tile.depth < _DEEPEST
        and width >= _SMALLEST_SPLIT[0]
        and height >= _SMALLEST_SPLIT[1]
        # A module with one tensor is that tensor.
        and int(tree.tensors[tile.first]) > 1
    )


def _split(tree: ModuleTree, tiles: list[_Tile], at: int, labels: _Labels, values: list[Int64]) -> None:
    """Put the children of a tile behind it."""
    tile = tiles[at]
    node = tile.first
    children = node + 1 + np.flatnonzero(tree.parent[node + 1 : int(tree.end[node])] == node)
    children = children[tree.nbytes[children] > 0]
    if not len(children):
        return
    weights = tree.nbytes[children].astype(np.float64)
    total = float(weights.sum())
    x, y, width, height = tile.rect
    inner = (x + _PADDING, y + HEADER, width - 2 * _PADDING, height - HEADER - _PADDING)
    group, count = _groups(weights, inner[2] * inner[3] / total)
    # Groups lie in the order of the tree, but may surround larger siblings: their sums are over their own.
    sums = np.bincount(group, weights, count)
    sizes = np.bincount(group, minlength=count)
    nbytes = _whole(sums)
    first, last = np.full(count, len(tree), np.int64), np.zeros(count, np.int64)
    np.minimum.at(first, group, children)
    np.maximum.at(last, group, children)
    order = np.argsort(-sums, kind="stable")
    rects = squarified(sums[order].tolist(), inner)
    for place, rect in zip(order.tolist(), rects, strict=True):
        level = tile.level + (0 if sums[place] >= _NEARLY_ALL * total and sizes[place] == 1 else 1)
        held = int(first[place]), int(last[place]), int(sizes[place])
        tiles.append(_Tile(*held, at, rect, int(nbytes[place]), level, tile.depth + 1))
    values.append(labels.most(children, group, count)[order])
    tile.is_split = True


def _groups(weights: Floats, area: float) -> tuple[Int64, int]:
    """The group of each child, all of one child but those of small ones, and how many groups there are.

    `area` is how many square pixels a byte has.
    """
    small = weights * area < _SMALLEST_AREA
    large = np.flatnonzero(~small)
    if len(large) > _MOST_TILES:
        by_size = large[np.argsort(-weights[large], kind="stable")]
        small[by_size[_MOST_TILES // 2 :]] = True
        large = np.flatnonzero(~small)
    group = np.zeros(len(weights), np.int64)
    group[large] = np.arange(len(large))
    count = len(large)
    if small.any():
        sums = np.cumsum(weights[small])
        pieces = int(np.clip(sums[-1] * area / _GROUP_AREA, 1, _MOST_GROUPS))
        piece = np.minimum(((sums - weights[small] / 2) / sums[-1] * pieces).astype(np.int64), pieces - 1)
        _, piece = np.unique(piece, return_inverse=True)
        group[small] = count + piece
        count += int(piece.max()) + 1
    return group, count


class _Labels:
    """The section, dtype and kind of each tensor below a node, and how to find what most bytes of a tile have."""

    def __init__(self, checkpoint: Checkpoint, node: int) -> None:
        tree, table = checkpoint.tree, checkpoint.table
        end = int(tree.end[node])
        self._tree = tree
        self._tensors = node + np.flatnonzero(tree.what[node:end] == TreeNode.TENSOR)
        rows = tree.ref[self._tensors]
        self._weights = table.nbytes[rows].astype(np.float64)
        given = {
            "section": ((*checkpoint.sections, NO_SECTION), _section_of(tree, self._tensors, len(checkpoint.sections))),
            "dtype": (tuple(dtype.name for dtype in DTYPES), table.dtype[rows].astype(np.int64)),
            "kind": (
                tuple(name or NO_KIND for name in tree.kinds) or (NO_KIND,),
                tree.kind[np.maximum(tree.parent[self._tensors], 0)].astype(np.int64),
            ),
        }
        self.names: dict[str, tuple[str, ...]] = {}
        self.nbytes: dict[str, Int64] = {}
        self._of_tensor: list[Int64] = []
        for by, (names, index) in given.items():
            sums = np.bincount(index, self._weights, len(names))
            order = np.argsort(-sums, kind="stable")
            order = order[np.bincount(index, minlength=len(names))[order] > 0]
            place = np.zeros(len(names), np.int64)
            place[order] = np.arange(len(order))
            self.names[by] = tuple(names[each] for each in order.tolist())
            self.nbytes[by] = _whole(sums[order])
            self._of_tensor.append(place[index])

    def most(self, children: Int64, group: Int64, count: int) -> Int64:
        """Of each group of siblings, ascending, what most of its bytes have: shape `(count, 3)`, -1 for no tensors."""
        ends = self._tree.end[children]
        first, last = np.searchsorted(self._tensors, (children[0], ends[-1]))
        tensors, weights = self._tensors[first:last], self._weights[first:last]
        child = np.searchsorted(children, tensors, "right") - 1
        inside = tensors < ends[child]
        found = np.full((count, len(self._of_tensor)), -1, np.int64)
        for place, (of_tensor, names) in enumerate(zip(self._of_tensor, self.names.values(), strict=True)):
            pair = group[child[inside]] * len(names) + of_tensor[first:last][inside]
            pairs, index = np.unique(pair, return_inverse=True)
            # In the order of groups, then bytes: the last of a group stays.
            order = np.lexsort((np.bincount(index, weights[inside], len(pairs)), pairs // max(len(names), 1)))
            found[pairs[order] // max(len(names), 1), place] = pairs[order] % max(len(names), 1)
        return found


def _section_of(tree: ModuleTree, tensors: Int64, count: int) -> Int64:
    """The index of each tensor's section, `count` for none."""
    sections = np.flatnonzero(tree.what == TreeNode.SECTION)
    sections = sections[tree.parent[sections] == 0]
    if not len(sections):
        return np.full(len(tensors), count, np.int64)
    place = np.searchsorted(sections, tensors, "right") - 1
    inside = (place >= 0) & (tensors < tree.end[sections[np.maximum(place, 0)]])
    return np.where(inside, tree.ref[sections[np.maximum(place, 0)]], count)


def _whole(sums: npt.NDArray[Any]) -> Int64:
    """Sums of bytes as integers; what hostile sizes add up to stays in their range."""
    whole: Int64 = np.minimum(sums, float(_MOST_BYTES)).astype(np.int64)
    return whole
