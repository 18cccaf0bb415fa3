"""Group places: where the parameters of an optimizer's groups stand in the merged tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.sides import Side
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.training.named_state import named_state
from sdviewer.training.resuming import OptimizerPair

_AT_ONCE = 4096


def group_places(standing: Standing, pair: OptimizerPair, control: Control) -> Mapping[int, int]:
    """Index of a group → node of its first parameter that is compared, as A names it, else as B does.

    Groups whose parameters are not known, or not in what is compared, are left out.

    Raises:
        Cancelled: `control` was cancelled.

    """
    matching = standing.matching
    sides = ((matching.a, pair.a, Leaf.ONLY_A), (matching.b, pair.b, Leaf.ONLY_B))
    found: dict[int, int] = {}
    for side, section, leaf in sides:
        state, naming = named_state(side.checkpoint, section, control)
        nodes = _nodes(standing, side, leaf, control)
        place_of_row = np.full(len(side.checkpoint.table), -1, np.int64)
        place_of_row[side.rows] = np.arange(len(side))
        known = np.flatnonzero((naming.row >= 0) & (state.group >= 0))
        place = place_of_row[naming.row[known]]
        node = np.where(place >= 0, nodes[place], -1)
        groups, first = np.unique(state.group[known[node >= 0]], return_index=True)
        for group, at in zip(groups.tolist(), node[node >= 0][first].tolist(), strict=True):
            found.setdefault(group, at)
    return found


def _nodes(standing: Standing, side: Side, leaf: Leaf, control: Control) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The node of each key of a side, -1 for none."""
    tree, matching = standing.tree, standing.matching
    nodes = np.full(len(side), -1, np.int64)
    alone = np.flatnonzero(tree.what == leaf)
    nodes[tree.place[alone]] = alone
    is_a = leaf is Leaf.ONLY_A
    places: Iterable[int] = (pair.a if is_a else pair.b for pair in matching.pairs)
    for index, place in enumerate(places):
        if index % _AT_ONCE == 0:
            control.check()
        if nodes[place] < 0:
            nodes[place] = tree.node_of_pair[index]
    return nodes
