"""Standing: how far a comparison is: what every tensor and every module differs by, as columns that fill.

Working threads settle one pair after the other; whoever shows it reads columns that are whole at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.roles import Role
from sdviewer.comparison.comparing import Compared, Comparison, structural
from sdviewer.comparison.matching import By, Matching
from sdviewer.comparison.merged_tree import ROLLED, Leaf, MergedTree, Rollups, merged_tree
from sdviewer.control import Control

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_AT_ONCE = 4096

BY_WEIGHT = (
    "failed",
    "changed",
    "shape",
    "only_a",
    "only_b",
    "close",
    "equal_after_cast",
    "dtype",
    "equal",
    "renamed",
    "identical",
    "waiting",
)
"""What is counted, that first which is to be told first."""

SAME = frozenset(("identical", "renamed", "waiting"))
"""Marks of what does not differ, or is not known to."""

_PLACE = {name: ROLLED.index(name) for name in BY_WEIGHT}
_DIFFERENT = [place for name, place in _PLACE.items() if name not in SAME]
_WAITING = _PLACE["waiting"]


class Standing:
    """A matching, its merged tree and what is known of it so far.

    Attributes:
        results: one for each pair, in their order; replaced as values are compared.
        rollups: counts and sums of squares of every node.
        max_abs, cosine, score: float64, one a node, NaN where there is none; of a module the largest max_abs below.
        differing, count: values that are not equal and values that were compared, at or below each node.
        guesses: how many pairs were made by anything but a name, a rule of the user's or his hand.
        first_mark: of each pair the place in `BY_WEIGHT` of what is told first of it, behind the last for nothing.
        pair_rows: the row of each pair's left tensor in the table of its checkpoint.
        source_changed: whether a file was another one while its values were read.

    """

    def __init__(self, matching: Matching, control: Control | None = None) -> None:
        control = control or Control()
        self.matching = matching
        self.tree: MergedTree = merged_tree(matching, control)
        self.results: list[Compared] = []
        for place, pair in enumerate(matching.pairs):
            if place % _AT_ONCE == 0:
                control.check()
            self.results.append(structural(matching, pair))
        control.check()
        self.rollups = Rollups(self.tree, self.results)
        nodes = len(self.tree)
        self.max_abs, self.cosine, self.score = (np.full(nodes, np.nan) for _ in range(3))
        self.score[self.tree.node_of_pair] = [pair.score for pair in matching.pairs]
        self.differing, self.count = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
        self.is_leaf: Mask = self.tree.what != Leaf.MODULE
        self.source_changed = False
        self.guesses = sum(pair.by not in (By.NAME, By.MAP, By.HAND) for pair in matching.pairs)
        self.pair_rows = matching.a.rows[[pair.a for pair in matching.pairs]]
        self.first_mark = np.array([_first(result.marks, is_waiting=True) for result in self.results], np.int64)
        self._roles: tuple[Int64, Int64] | None = None
        self._lock = threading.Lock()

    @property
    def is_picked(self) -> bool:
        """Whether these are two tensors that were picked by hand, and no state_dicts."""
        return self.matching.a.section is None and self.matching.b.section is None

    @property
    def waiting(self) -> int:
        """Pairs whose values are still to be compared."""
        return int(self.rollups.counts[0, _WAITING])

    def settle(self, place: int, result: Compared) -> None:
        """The values of a pair were compared; may be called on any thread."""
        tree, measures = self.tree, result.measures
        node = int(tree.node_of_pair[place])
        with self._lock:
            before, self.results[place] = self.results[place], result
            self.first_mark[place] = _first(result.marks, is_waiting=False)
            self.rollups.settle(place, before, result)
            differing = measures.differing if measures is not None else 0
            count = measures.count if measures is not None else 0
            more, further = differing - int(self.differing[node]), count - int(self.count[node])
            largest = measures.max_abs if measures is not None else None
            self.max_abs[node] = np.nan if largest is None else largest
            cosine = measures.cosine if measures is not None else None
            self.cosine[node] = np.nan if cosine is None else cosine
            while node >= 0:
                self.differing[node] += more
                self.count[node] += further
                if largest is not None and not self.max_abs[node] >= largest:
                    self.max_abs[node] = largest
                node = int(tree.parent[node])

    def unsettle(self, places: Iterable[int]) -> None:
        """These pairs are to be compared once more: their values count as not known."""
        above: set[int] = set()
        with self._lock:
            for place in places:
                before, after = self.results[place], structural(self.matching, self.matching.pairs[place])
                self.results[place] = after
                self.first_mark[place] = _first(after.marks, is_waiting=True)
                self.rollups.settle(place, before, after)
                node = int(self.tree.node_of_pair[place])
                self.max_abs[node] = self.cosine[node] = np.nan
                more, further = int(self.differing[node]), int(self.count[node])
                while node >= 0:
                    self.differing[node] -= more
                    self.count[node] -= further
                    self.rollups.counts[node, _WAITING] += 1
                    node = int(self.tree.parent[node])
                    above.add(node)
            for node in above - {-1}:
                below = slice(node, int(self.tree.end[node]))
                found = self.max_abs[below][self.is_leaf[below]]
                found = found[~np.isnan(found)]
                self.max_abs[node] = found.max() if len(found) else np.nan

    def places_waiting(self) -> Int64:
        """Places of the pairs that are still to be compared, ascending."""
        return np.flatnonzero(self.rollups.counts[self.tree.node_of_pair, _WAITING] > 0)

    def places_marked(self, *marks: str) -> list[int]:
        """Places of the pairs with one of these marks."""
        return [place for place, result in enumerate(self.results) if not set(marks).isdisjoint(result.marks)]

    def comparison(self) -> Comparison:
        """What is known by now, as a comparison of its own."""
        with self._lock:
            return Comparison(self.matching, tuple(self.results), partial=self.source_changed or self.waiting > 0)

    # -- nodes -------------------------------------------------------------------------------

    def counts_at(self, node: int) -> dict[str, int]:
        """How many tensors at or below a node have each mark, those that are to be told first before others."""
        counts = self.rollups.counts[node]
        return {name: int(counts[place]) for name, place in _PLACE.items() if counts[place]}

    def differs(self) -> Mask:
        """For every node whether it is a tensor that differs by more than its name."""
        counts = self.rollups.counts
        different: Mask = (counts[:, _DIFFERENT] > 0).any(axis=1) & self.is_leaf
        return different

    def marked(self, marks: Iterable[str]) -> Mask:
        """For every node whether it is a tensor with one of these marks."""
        counts = self.rollups.counts
        found: Mask = (counts[:, [_PLACE[mark] for mark in marks]] > 0).any(axis=1) & self.is_leaf
        return found

    def relative(self) -> Floats:
        """‖Δ‖ / ‖a‖ of every node, NaN where there is nothing to divide by."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.sqrt(np.maximum(self.rollups.delta2, 0) / self.rollups.a2)
        return np.where(self.rollups.a2 > 0, found, np.nan)

    def changed_share(self) -> Floats:
        """Values that are not equal as a share of those that were compared, of every node; NaN for none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.count > 0, self.differing / self.count, np.nan)

    def places_at(self, node: int) -> Int64:
        """Places of the pairs at or below a node."""
        below = slice(node, int(self.tree.end[node]))
        found: Int64 = self.tree.place[below][self.tree.what[below] == Leaf.PAIR]
        return found

    def keys_at(self, node: int) -> tuple[str, str]:
        """The keys of a tensor on both sides, "" where it has none."""
        tree, matching = self.tree, self.matching
        place = int(tree.place[node])
        if tree.what[node] == Leaf.PAIR:
            pair = matching.pairs[place]
            return matching.a.keys[pair.a], matching.b.keys[pair.b]
        if tree.what[node] == Leaf.ONLY_A:
            return matching.a.keys[place], ""
        return ("", matching.b.keys[place]) if tree.what[node] == Leaf.ONLY_B else ("", "")

    def name_at(self, node: int) -> str:
        """The name of a module as the tree has it, of a tensor its key; "" for the root."""
        if self.tree.what[node] != Leaf.MODULE:
            a, b = self.keys_at(node)
            return a or b
        parts: list[str] = []
        while node > 0:
            parts.append(self.tree.label[node])
            node = int(self.tree.parent[node])
        return ".".join(reversed(parts))

    def marks_by_role(self) -> dict[int, dict[str, int]]:
        """For each role how many of its pairs have which mark, of each the one that is told first."""
        if self._roles is None:
            roles, rows = self.matching.a.checkpoint.tree.role, self.pair_rows
            # Components of sparse tensors stand behind those that the tree lists.
            known = rows < len(roles)
            found = np.full(len(rows), int(Role.UNKNOWN), np.int64)
            found[known] = roles[rows[known]]
            self._roles = np.unique(found, return_inverse=True)
        groups, place = self._roles
        size = len(BY_WEIGHT) + 1
        counted = np.bincount(place * size + self.first_mark, minlength=len(groups) * size).reshape(len(groups), size)
        return {
            int(group): {name: int(count) for name, count in zip(BY_WEIGHT, counts[:-1].tolist(), strict=True) if count}
            for group, counts in zip(groups.tolist(), counted, strict=True)
        }

    def is_guess(self, node: int) -> bool:
        """Whether a pair was made by anything but a name, a rule of the user's or his hand."""
        if self.tree.what[node] != Leaf.PAIR:
            return False
        return self.matching.pairs[int(self.tree.place[node])].by not in (By.NAME, By.MAP, By.HAND)

    def ambiguous_at(self, node: int) -> tuple[str, ...]:
        """Keys of the other side that a tensor without a partner could belong to."""
        tree, matching = self.tree, self.matching
        place = int(tree.place[node])
        if tree.what[node] == Leaf.ONLY_A:
            return tuple(matching.b.keys[other] for other in matching.ambiguous_a.get(place, ()))
        if tree.what[node] == Leaf.ONLY_B:
            return tuple(matching.a.keys[other] for other in matching.ambiguous_b.get(place, ()))
        return ()


def _first(marks: Iterable[str], *, is_waiting: bool) -> int:
    found = set(marks) | ({"waiting"} if is_waiting else set())
    return next((place for place, name in enumerate(BY_WEIGHT) if name in found), len(BY_WEIGHT))


MEASURES: dict[str, Callable[[Standing], Floats]] = {
    "max_abs": lambda standing: standing.max_abs,
    "relative": Standing.relative,
    "cosine": lambda standing: standing.cosine,
    "changed": Standing.changed_share,
    "score": lambda standing: standing.score,
}
"""What tensors can be sorted by: one number for every node."""


def sorted_nodes(standing: Standing, nodes: Int64, by: str, *, descending: bool) -> Int64:
    """Nodes by a measure of `MEASURES`, or by "name" or "mark"; those that have none come last, ties as they stood."""
    if by == "name":
        keys = [standing.name_at(node) for node in nodes.tolist()]
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=descending)
        return nodes[order]
    if by == "mark":
        counts = standing.rollups.counts[nodes][:, [_PLACE[name] for name in BY_WEIGHT]] > 0
        values = -counts.argmax(axis=1).astype(np.float64)
    else:
        values = MEASURES[by](standing)[nodes]
    found: Int64 = nodes[np.argsort(-values if descending else values, kind="stable")]
    return found
