"""A tree laid out from parents obeys the rules of a preorder."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.preorder import Layout, common_ancestors, lay_out


def laid_out(parents: list[int], ranks: list[int]) -> Layout:
    """The layout of a tree given by the parent of each node but the root, siblings by rank."""
    parent = np.array([0, *parents], np.int64)
    leaf = ~np.isin(np.arange(len(parent)), parent)
    if len(parent) > 1:
        leaf[0] = False
    return lay_out(parent, leaf, (np.array([0, *ranks], np.int64),))


def walked(parents: list[int], ranks: list[int]) -> list[tuple[int, int, int, int]]:
    """The oracle: (node, parent's position, depth, end) by recursion, in preorder."""
    children: dict[int, list[int]] = defaultdict(list)
    for node, parent in enumerate(parents, start=1):
        children[parent].append(node)
    rows: list[tuple[int, int, int, int]] = []

    def visit(node: int, parent: int, depth: int) -> None:
        at = len(rows)
        rows.append((node, parent, depth, 0))
        for child in sorted(children[node], key=lambda child: (ranks[child - 1], child)):
            visit(child, at, depth + 1)
        rows[at] = (node, parent, depth, len(rows))

    visit(0, -1, 0)
    return rows


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    parents = [draw(st.integers(0, node)) for node in range(draw(st.integers(0, 24)))]
    return parents, draw(st.lists(st.integers(0, 3), min_size=len(parents), max_size=len(parents)))


@given(trees())
def test_the_layout_is_that_of_a_walk_from_the_root(tree: tuple[list[int], list[int]]) -> None:
    layout = laid_out(*tree)
    columns = zip(
        layout.nodes.tolist(), layout.parent.tolist(), layout.depth.tolist(), layout.end.tolist(), strict=True
    )
    assert list(columns) == walked(*tree)
    assert layout.position[layout.nodes].tolist() == list(range(len(layout.nodes)))


@given(trees())
def test_the_common_ancestor_is_the_lowest_node_at_or_above_both(tree: tuple[list[int], list[int]]) -> None:
    layout = laid_out(*tree)
    parent = layout.parent.tolist()

    def line_up_from(node: int) -> list[int]:
        chain = [node]
        while (node := parent[node]) >= 0:
            chain.append(node)
        return chain

    count = len(parent)
    pairs = [(left, right) for left in range(1, count) for right in range(left + 1, count)]
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    oracle = [next(node for node in line_up_from(a) if node in line_up_from(b)) for a, b in pairs]
    assert common_ancestors(layout, left, right).tolist() == oracle


@pytest.mark.parametrize("depth", [1, 2, 3, 63, 64, 65, 50_000])
def test_a_chain_of_any_depth_is_laid_out_without_recursion(depth: int) -> None:
    layout = laid_out(list(range(depth)), [0] * depth)
    assert layout.depth.tolist() == list(range(depth + 1))
    assert (layout.end == depth + 1).all()
    assert layout.parent.tolist() == list(range(-1, depth))


def test_many_siblings_are_sorted_by_the_last_key_first() -> None:
    parent = np.zeros(100_001, np.int64)
    leaf = np.ones(100_001, np.bool_)
    leaf[0] = False
    rng = np.random.default_rng(0)
    minor, major = rng.permutation(100_001), rng.integers(0, 3, 100_001)
    layout = lay_out(parent, leaf, (minor, major))
    found = list(zip(major[layout.nodes[1:]].tolist(), minor[layout.nodes[1:]].tolist(), strict=True))
    assert found == sorted(zip(major[1:].tolist(), minor[1:].tolist(), strict=True))
