"""Alike blocks: numbered siblings in a row that hold the same, as the layers of a transformer do.

In preorder a block of `size` nodes and the next one lie `size` apart, so that two blocks are compared
column by column. Only pairs of one size and one length of text are, and those of one level do not
overlap: the work is the number of nodes times the levels at which siblings are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import OTHER
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.table import TensorTable
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]

_MOST_DIGITS = 9
_COMPARED_AT_ONCE = 1 << 18
_LONGEST = (1 << 16) - 1
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


@dataclass(frozen=True, eq=False)
class AlikeRuns:
    """Runs of two blocks and more, in the order of their first nodes.

    Attributes:
        first: the first block's node.
        size: nodes of each block.
        count: blocks.

    """

    first: Int64
    size: Int64
    count: Int64


def alike_runs(checkpoint: Checkpoint, control: Control) -> AlikeRuns:
    """Neighbours with numbers one apart for names, and the same labels, kinds, dtypes and shapes below them.

    Raises:
        Cancelled: `control` was cancelled.

    """
    tree = checkpoint.tree
    first = _pairs(tree)
    if len(first):
        control.check()
        first = first[_are_alike(tree, first, _codes(checkpoint, first), control)]
    # The blocks of a run are each a first of a pair, but for the last; within one parent runs follow each other.
    second = tree.end[first].astype(np.int64)
    starts, lasts = np.setdiff1d(first, second), np.setdiff1d(second, first)
    starts = starts[np.lexsort((starts, tree.parent[starts]))]
    lasts = lasts[np.lexsort((lasts, tree.parent[lasts]))]
    size = tree.end[starts] - starts
    order = np.argsort(starts)
    return AlikeRuns(starts[order], size[order], ((lasts - starts) // size + 1)[order])


def numbers(labels: StringColumn, rows: Int64) -> Int64:
    """The number that each label is, "7" and "[7]", -1 for any other."""
    start, end = labels.offsets[rows], labels.offsets[rows + 1]
    data = labels.bytes_array
    inner = np.flatnonzero(end - start > 2)
    inner = inner[(data[start[inner]] == ord("[")) & (data[end[inner] - 1] == ord("]"))]
    start[inner] += 1
    end[inner] -= 1
    length = end - start
    number = np.where((length > 0) & (length <= _MOST_DIGITS), 0, -1)
    for place in range(_MOST_DIGITS):
        left = np.flatnonzero((number >= 0) & (length > place))
        digit = data[start[left] + place].astype(np.int64) - ord("0")
        number[left] = np.where((digit >= 0) & (digit <= 9), number[left] * 10 + digit, -1)
    return number


def _pairs(tree: ModuleTree) -> Int64:
    """The first of each pair of neighbours that may be alike."""
    first = np.flatnonzero(tree.end > np.arange(1, len(tree) + 1))
    first = first[tree.end[first] < len(tree)]
    second = tree.end[first].astype(np.int64)
    fits = (tree.parent[second] == tree.parent[first]) & (tree.end[second] - second == second - first)
    first, second = first[fits], second[fits]
    ends = tree.label.offsets
    text = ends[second] - ends[first + 1]
    fits = (text == ends[tree.end[second]] - ends[second + 1]) & (tree.what[first] == tree.what[second])
    fits &= tree.kind[first] == tree.kind[second]
    first, second = first[fits], second[fits]
    number = numbers(tree.label, first)
    kept: Int64 = first[(number >= 0) & (numbers(tree.label, second) == number + 1)]
    return kept


def _codes(checkpoint: Checkpoint, first: Int64) -> Int64:
    """For every node below these and their neighbours a number: what it is, its facts, and how long its label is."""
    tree, table = checkpoint.tree, checkpoint.table
    cover = np.zeros(len(tree) + 1, np.int32)
    cover[first] += 1
    np.subtract.at(cover, tree.end[tree.end[first]], 1)
    nodes = np.flatnonzero(np.cumsum(cover[:-1], dtype=np.int32))
    what = tree.what[nodes]
    facts = tree.kind[nodes].astype(np.int64) + 1
    at = np.flatnonzero(what == TreeNode.TENSOR)
    rows = tree.ref[nodes[at]]
    dtype = table.dtype[rows].astype(np.int64)
    names: dict[str, int] = {}
    for index in np.flatnonzero(dtype == OTHER.code).tolist():
        dtype[index] = 256 + names.setdefault(table.dtype_name(int(rows[index])), len(names))
    facts[at] = (dtype << 31) + _shapes(table, table.form[rows])
    length = np.diff(tree.label.offsets)[nodes]
    codes = np.zeros(len(tree), np.int64)
    codes[nodes] = (np.minimum(length, _LONGEST) << 47) + (facts << 3) + what
    return codes


def _shapes(table: TensorTable, form: npt.NDArray[np.int32]) -> Int64:
    """A number for the shape of each of these forms: of several with one shape, and other strides, the same."""
    used = np.zeros(len(table.forms), np.bool_)
    used[form] = True
    shapes: dict[tuple[int, ...], int] = {}
    number = np.zeros(len(used), np.int64)
    for index in np.flatnonzero(used).tolist():
        number[index] = shapes.setdefault(table.forms.shape_of(index), len(shapes))
    return number[form]


def _are_alike(tree: ModuleTree, first: Int64, codes: Int64, control: Control) -> npt.NDArray[np.bool_]:
    """Whether all below a node is as below its neighbour, for each of `first`."""
    second = tree.end[first].astype(np.int64)
    size = second - first
    alike = np.zeros(len(first), np.bool_)
    for pairs, pair, step, starts in _stretches(size - 1, control):
        node = first[pair] + 1 + step
        alike[pairs] = np.logical_and.reduceat(codes[node] == codes[node + size[pair]], starts)
    first, second = first[alike], second[alike]
    # Where each label is as long as the one beside it, all of them together are two texts to compare.
    ends, data = tree.label.offsets, tree.label.data
    begin, other = ends[first + 1], ends[second + 1]
    length = ends[second] - begin
    words: npt.NDArray[np.uint64] = np.ndarray((len(data) + 1,), "<u8", data + bytes(8), 0, (1,))
    same = length == 0
    texts = np.flatnonzero(~same)
    for pairs, pair, step, starts in _stretches((length[texts] + 7) // 8, control):
        text = texts[pair]
        differ = words[begin[text] + 8 * step] ^ words[other[text] + 8 * step]
        differ &= _MASKS[np.minimum(length[text] - 8 * step, 8)]
        same[texts[pairs]] = np.logical_and.reduceat(differ == 0, starts)
    alike[alike] = same
    return alike


def _stretches(lengths: Int64, control: Control) -> Iterator[tuple[slice, Int64, Int64, Int64]]:
    """Some of these at a time: which, and for each of all their elements of which it is and the how manieth.

    At last where the elements of each begin.
    """
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    low = 0
    while low < len(lengths):
        control.check()
        high = max(int(np.searchsorted(bounds, bounds[low] + _COMPARED_AT_ONCE)) - 1, low + 1)
        which = np.repeat(np.arange(low, high), lengths[low:high])
        yield (
            slice(low, high),
            which,
            np.arange(bounds[low], bounds[high]) - bounds[which],
            bounds[low:high] - bounds[low],
        )
        low = high
