"""Groups lie between a node and its children; every node stays where preorder has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint import outline as outline_module
from sdviewer.checkpoint.alike_blocks import AlikeRuns, alike_runs
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.outline import Group, Outline, group_totals, outline_of
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.control import Control
from tests.helpers.listed import checkpoint_of

NO_RUNS = AlikeRuns(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


@pytest.fixture
def ranges_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with more than three children has ranges."""
    monkeypatch.setattr(outline_module, "RANGE", 3)


def made(names: Mapping[str, int]) -> Checkpoint:
    """A bare state_dict of int8 tensors of these names, each the view of a storage with this number."""
    table = TableBuilder()
    storages = {
        number: table.add_storage(str(number), source=0, offset=0, nbytes=64) for number in sorted(set(names.values()))
    }
    for number in names.values():
        table.add_tensor("int8", (number % 4 + 1,), storage=storages[number])
    return checkpoint_of(table, list(names))


def flat(count: int) -> Checkpoint:
    return made({f"w{number}": number for number in range(count)})


def children(outline: Outline, item: int) -> Iterator[int]:
    """The items directly in an item, by their places."""
    place, end = int(outline.place[item]) + 1, int(outline.end[item])
    while place < end:
        child = int(outline.item[place])
        yield child
        place = int(outline.end[child])


def drawn(outline: Outline, item: int) -> str:
    """An item and what is in it as text: groups in brackets, `a…b×n`."""
    tree = outline.tree
    inner = ", ".join(drawn(outline, child) for child in children(outline, item))
    if not outline.is_group(item):
        return tree.label[item] + (f"({inner})" if inner else "")
    group = outline.group(item)
    sign = "×" if outline.kind[group] == Group.ALIKE else ":"
    ends = f"{tree.label[int(outline.first[group])]}…{tree.label[int(outline.last[group])]}"
    return f"[{ends}{sign}{outline.count[group]} {inner}]"


def model(checkpoint: Checkpoint, *, alike: bool = False) -> str:
    """The section of a bare state_dict, drawn."""
    runs = alike_runs(checkpoint, Control()) if alike else None
    return drawn(outline_of(checkpoint.tree, runs), 1)


@pytest.mark.usefixtures("ranges_of_three")
def test_few_children_have_no_ranges() -> None:
    assert model(flat(3)) == "model(w0, w1, w2)"


@pytest.mark.usefixtures("ranges_of_three")
def test_one_child_by_itself_is_no_range() -> None:
    assert model(flat(4)) == "model([w0…w2:3 w0, w1, w2], w3)"
    assert model(flat(5)) == "model([w0…w2:3 w0, w1, w2], [w3…w4:2 w3, w4])"


@pytest.mark.usefixtures("ranges_of_three")
def test_many_ranges_are_ranged_again() -> None:
    assert model(flat(10)) == ("model([w0…w8:9 [w0…w2:3 w0, w1, w2], [w3…w5:3 w3, w4, w5], [w6…w8:3 w6, w7, w8]], w9)")
    # A range of ranges that would hold one range is left out.
    assert model(flat(12)).endswith("]], [w9…w11:3 w9, w10, w11])")
    assert model(flat(13)).endswith("]], [w9…w12:4 [w9…w11:3 w9, w10, w11], w12])")


@pytest.mark.usefixtures("ranges_of_three")
def test_ranges_hold_all_that_lies_below_their_nodes() -> None:
    checkpoint = made({f"m.{number}.{name}": 0 for number in range(4) for name in "ab"})
    assert model(checkpoint) == "model(m([0…2:3 0(a, b), 1(a, b), 2(a, b)], 3(a, b)))"


def test_runs_of_alike_blocks_are_groups() -> None:
    checkpoint = made({f"m.{number}.{name}": number // 2 for number in range(4) for name in "ab"} | {"z": 0})
    assert model(checkpoint, alike=True) == "model(m([0…1×2 0(a, b), 1(a, b)], [2…3×2 2(a, b), 3(a, b)]), z)"
    assert model(checkpoint) == "model(m(0(a, b), 1(a, b), 2(a, b), 3(a, b)), z)"


@pytest.mark.usefixtures("ranges_of_three")
def test_runs_are_cut_where_ranges_begin() -> None:
    checkpoint = made({f"m.{number}.w": 1 if number == 0 else 0 for number in range(9)})
    assert model(checkpoint, alike=True) == (
        # A range that is one run stands for it.
        "model(m([0…2:3 0(w), [1…2×2 1(w), 2(w)]], [3…5:3 3(w), 4(w), 5(w)], [6…8:3 6(w), 7(w), 8(w)]))"
    )
    checkpoint = made({f"m.{number}.w": 1 if number == 0 else 0 for number in range(5)})
    assert model(checkpoint, alike=True) == "model(m([0…2:3 0(w), [1…2×2 1(w), 2(w)]], [3…4:2 3(w), 4(w)]))"


def test_without_groups_items_are_nodes() -> None:
    tree = flat(9).tree
    for outline in (outline_of(tree), outline_of(tree, NO_RUNS)):
        assert outline.item.tolist() == outline.place.tolist() == list(range(len(tree)))
        assert outline.parent is tree.parent
        assert len(outline) == len(tree)


_NAMES = st.lists(st.text("012ab", min_size=1, max_size=2), min_size=1, max_size=4).map(".".join)


@pytest.mark.usefixtures("ranges_of_three")
@given(st.dictionaries(_NAMES, st.integers(0, 3), max_size=40))
def test_every_node_is_reached_once_and_totals_are_those_of_what_is_below(names: dict[str, int]) -> None:
    checkpoint = made(names)
    tree, table = checkpoint.tree, checkpoint.table
    outline = outline_of(tree, alike_runs(checkpoint, Control()))

    def below(item: int) -> list[int]:
        """All nodes at or below an item, by walking down."""
        found = [] if outline.is_group(item) else [item]
        for child in children(outline, item):
            assert outline.parent[child] == item
            found += below(child)
        return found

    assert below(0) == list(range(len(tree)))
    for item in range(len(outline)):
        nodes = below(item)
        assert nodes == list(outline.nodes_of(item))
        assert outline.item[outline.place[item]] == item
        if not outline.is_group(item):
            assert outline.owner(item) == item
            continue
        owner, members = outline.owner(item), outline.members(item).tolist()
        assert members == [node for node in nodes if tree.parent[node] == owner]
        assert len(members) == outline.count[outline.group(item)] > 1
        assert set(members) < set(tree.children(owner)) or outline.kind[outline.group(item)] == Group.ALIKE
        tensors = [int(tree.ref[node]) for node in nodes if tree.what[node] == TreeNode.TENSOR]
        # Those of one storage and shape are tied.
        once = {(int(table.storage[row]), table.shape_of(row)): row for row in tensors}
        totals = group_totals(outline, item)
        assert totals.tensors == len(tensors)
        assert totals.nbytes == sum(int(table.nbytes[row]) for row in once.values())
    groups = outline.groups_within(0, len(outline))
    assert (groups.start, groups.stop) == (0, len(outline.kind))


def test_the_totals_of_all_children_are_those_of_the_node() -> None:
    checkpoint = flat(2_500)
    outline, tree = outline_of(checkpoint.tree), checkpoint.tree
    groups = [group_totals(outline, item) for item in children(outline, 1)]
    assert [total.tensors for total in groups] == [1000, 1000, 500]
    assert sum(total.nbytes for total in groups) == tree.nbytes[1]
    assert sum(total.parameters for total in groups) == tree.parameters[1]
