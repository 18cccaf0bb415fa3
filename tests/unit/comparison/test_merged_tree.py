"""The merged tree holds every tensor of both sides once, and every node adds up what is below it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.comparison.comparing import Compared, compare_matching, structural
from sdviewer.comparison.matching import Matching, match
from sdviewer.comparison.merged_tree import ROLLED, Leaf, MergedTree, Rollups, merged_tree
from sdviewer.comparison.sides import Side
from tests.helpers.saved import in_one_folder, opened


def matching_of(folder: Path, a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> Matching:
    sides = []
    for name, tensors in (("a", a), ("b", b)):
        (folder / name).mkdir(exist_ok=True)
        checkpoint = opened(folder / name, tensors)
        sides.append(Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors))))
    return match(*sides)


def name_of(tree: MergedTree, node: int) -> str:
    parts = []
    while node > 0:
        parts.append(tree.label[node])
        node = int(tree.parent[node])
    return ".".join(reversed(parts))


def leaves(tree: MergedTree) -> dict[str, Leaf]:
    return {name_of(tree, node): Leaf(tree.what[node]) for node in range(len(tree)) if tree.what[node] != Leaf.MODULE}


def test_both_sides_stand_in_one_tree_in_natural_order(tmp_path: Path) -> None:
    one = torch.ones(2)
    tree = merged_tree(
        matching_of(
            tmp_path,
            {"h.10.w": one, "h.2.w": one, "h.2.gone": torch.ones(3), "top": one},
            {"h.2.w": one, "h.10.w": one, "h.3.new": torch.ones(4), "top": one},
        )
    )
    assert list(leaves(tree).items()) == [
        ("h.2.gone", Leaf.ONLY_A),
        ("h.2.w", Leaf.PAIR),
        ("h.3.new", Leaf.ONLY_B),
        ("h.10.w", Leaf.PAIR),
        ("top", Leaf.PAIR),
    ]
    assert [tree.label[node] for node in range(len(tree)) if tree.depth[node] == 1] == ["h", "top"]


def test_what_only_the_right_has_stands_where_its_neighbours_do(tmp_path: Path) -> None:
    a = {f"layers.{i}.w": torch.full((2,), i + 0.5) for i in range(4)}
    b = {f"module.{key}": value for key, value in a.items()} | {"module.layers.1.extra": torch.ones(5)}
    assert leaves(merged_tree(matching_of(tmp_path, a, b)))["layers.1.extra"] is Leaf.ONLY_B


def test_every_node_adds_up_marks_and_squares(tmp_path: Path) -> None:
    a = {"x.0.w": torch.tensor([3.0, 4.0]), "x.1.w": torch.ones(3), "y": torch.zeros(2), "z": torch.ones(1)}
    b = {"x.0.w": torch.tensor([3.0, 5.0]), "x.1.w": torch.ones(3), "y": torch.zeros(2), "u.v": torch.ones(9)}
    matching = matching_of(tmp_path, a, b)
    tree = merged_tree(matching)
    results: list[Compared] = [structural(matching, pair) for pair in matching.pairs]
    rollups = Rollups(tree, results)
    assert rollups.counts[0, ROLLED.index("waiting")] == 3

    def settle(place: int, after: Compared) -> None:
        rollups.settle(place, results[place], after)
        results[place] = after

    compare_matching(matching, on_compared=settle)
    told = dict(zip(ROLLED, rollups.counts[0].tolist(), strict=True))
    assert {mark: count for mark, count in told.items() if count} == {
        "identical": 2,
        "changed": 1,
        "only_a": 1,
        "only_b": 1,
    }
    x = next(node for node in range(len(tree)) if name_of(tree, node) == "x")
    assert rollups.counts[x, ROLLED.index("identical")] == 1
    assert rollups.relative(x) == np.sqrt(1 / (25 + 3))
    assert rollups.relative(0) == np.sqrt(1 / (25 + 3))
    y = next(node for node in range(len(tree)) if name_of(tree, node) == "y")
    assert rollups.relative(y) is None


KEYS = st.lists(st.sampled_from(["a", "b", "0", "10", "2", "w", ""]), min_size=1, max_size=4).map(".".join)


@in_one_folder(60)
@given(st.sets(KEYS, max_size=12), st.sets(KEYS, max_size=12))
def test_any_two_sets_of_names_make_a_tree_with_every_tensor_once(tmp_path: Path, a: set[str], b: set[str]) -> None:
    value = torch.ones(1)
    if not a or not b:
        return
    matching = matching_of(tmp_path, dict.fromkeys(sorted(a), value), dict.fromkeys(sorted(b), value))
    tree = merged_tree(matching)
    found = [(int(tree.what[node]), int(tree.place[node])) for node in range(len(tree)) if tree.what[node]]
    expected = [(Leaf.PAIR, place) for place in range(len(matching.pairs))]
    expected += [(Leaf.ONLY_A, place) for place in matching.only_a]
    expected += [(Leaf.ONLY_B, place) for place in matching.only_b]
    assert sorted(found) == sorted(expected)
    for node in range(1, len(tree)):
        above = int(tree.parent[node])
        assert above < node < tree.end[node] <= tree.end[above]
        assert tree.depth[node] == tree.depth[above] + 1
