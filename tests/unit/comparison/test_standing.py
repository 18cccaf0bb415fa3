"""What is known of a comparison fills as pairs are settled, from any thread and in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.comparison.comparing import compare_matching
from sdviewer.comparison.matching import match
from sdviewer.comparison.sides import Side
from sdviewer.comparison.standing import Standing, sorted_nodes
from tests.helpers.saved import opened

A = {
    "block.0.w": torch.tensor([3.0, 4.0]),
    "block.1.w": torch.tensor([1.0, 2.0]),
    "block.1.b": torch.tensor([5.0]),
    "gone": torch.ones(3),
}
B = {
    "block.0.w": torch.tensor([3.0, 4.0]),
    "block.1.w": torch.tensor([1.0, 4.0]),
    "block.1.b": torch.tensor([5.5]),
    "new": torch.ones(4),
}


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    sides = []
    for name, tensors in (("a", A), ("b", B)):
        (tmp_path / name).mkdir()
        checkpoint = opened(tmp_path / name, tensors)
        sides.append(Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors))))
    return Standing(match(*sides))


def node_of(standing: Standing, name: str) -> int:
    return next(node for node in range(len(standing.tree)) if standing.name_at(node) == name)


def settle_all(standing: Standing) -> None:
    compare_matching(standing.matching, on_compared=standing.settle)


def test_before_values_are_read_pairs_wait_and_single_tensors_are_known(standing: Standing) -> None:
    assert standing.counts_at(0) == {"only_a": 1, "only_b": 1, "waiting": 3}
    assert standing.waiting == 3
    assert standing.comparison().partial
    assert np.isnan(standing.relative()).all()


def test_marks_rise_to_the_parents(standing: Standing) -> None:
    settle_all(standing)
    assert standing.counts_at(0) == {"changed": 2, "only_a": 1, "only_b": 1, "identical": 1}
    assert standing.counts_at(node_of(standing, "block.1")) == {"changed": 2}
    assert standing.counts_at(node_of(standing, "block.0")) == {"identical": 1}
    assert not standing.comparison().partial


def test_measures_of_modules_are_those_of_all_values_below(standing: Standing) -> None:
    settle_all(standing)
    node = node_of(standing, "block")
    a = np.concatenate([A[f"block.{name}"].numpy() for name in ("0.w", "1.w", "1.b")])
    b = np.concatenate([B[f"block.{name}"].numpy() for name in ("0.w", "1.w", "1.b")])
    assert standing.relative()[node] == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(a))
    assert standing.max_abs[node] == np.abs(a - b).max()
    assert standing.changed_share()[node] == np.mean(a != b)


def test_what_differs_leaves_out_what_is_only_renamed_or_waits(standing: Standing) -> None:
    assert {standing.name_at(node) for node in np.flatnonzero(standing.differs()).tolist()} == {"gone", "new"}
    settle_all(standing)
    found = {standing.name_at(node) for node in np.flatnonzero(standing.differs()).tolist()}
    assert found == {"block.1.w", "block.1.b", "gone", "new"}


def test_pairs_that_are_unsettled_wait_again_and_add_up_once(standing: Standing) -> None:
    settle_all(standing)
    before = standing.counts_at(0), standing.relative()[0], standing.count.copy()
    standing.unsettle(standing.places_marked("changed"))
    assert standing.counts_at(0) == {"only_a": 1, "only_b": 1, "identical": 1, "waiting": 2}
    assert len(standing.places_waiting()) == 2
    assert np.isnan(standing.max_abs[node_of(standing, "block.1")])
    assert standing.max_abs[0] == 0
    settle_all(standing)
    assert (standing.counts_at(0), standing.relative()[0]) == before[:2]
    assert np.array_equal(standing.count, before[2])


def test_tensors_are_sorted_by_a_measure_and_those_without_one_come_last(standing: Standing) -> None:
    settle_all(standing)
    leaves = np.flatnonzero(standing.is_leaf)
    names = [standing.name_at(node) for node in sorted_nodes(standing, leaves, "max_abs", descending=True)]
    assert names[:3] == ["block.1.w", "block.1.b", "block.0.w"]
    names = [standing.name_at(node) for node in sorted_nodes(standing, leaves, "name", descending=False)]
    assert names == sorted(names)


def test_pairs_are_counted_by_role(standing: Standing) -> None:
    settle_all(standing)
    counted = standing.marks_by_role()
    assert sum(sum(marks.values()) for marks in counted.values()) == 3
    total = {"changed": 0, "identical": 0}
    for marks in counted.values():
        for mark, count in marks.items():
            total[mark] += count
    assert total == {"changed": 2, "identical": 1}
