"""The rows of a comparison keep Qt's rules while they are opened, filtered and sorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.modeltest import ModelTester

from sdviewer.comparison.comparing import compare_matching
from sdviewer.comparison.differences import common_values
from sdviewer.comparison.matching import match
from sdviewer.comparison.sides import Side
from sdviewer.comparison.standing import Standing
from sdviewer.ui.comparison.rows import DiffRows, Wish, arranged
from sdviewer.ui.comparison.values_pane import ValueRows, page_of
from sdviewer.ui.models.diff_cells import DiffColumn
from sdviewer.ui.models.diff_model import DiffModel
from tests.helpers.saved import in_one_folder, opened


def standing_of(folder: Path, a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> Standing:
    sides = []
    for name, tensors in (("a", a), ("b", b)):
        (folder / name).mkdir(exist_ok=True)
        checkpoint = opened(folder / name, tensors)
        sides.append(Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors))))
    return Standing(match(*sides))


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    a = {f"layers.{i}.{part}.weight": torch.full((2, 3), i + 1.0) for i in range(6) for part in ("up", "down")}
    b = {name: value + (1.0 if ".4." in name else 0.0) for name, value in a.items()}
    del b["layers.0.up.weight"]
    b["layers.5.extra.weight"] = torch.zeros(7)
    found = standing_of(tmp_path, a, b)
    compare_matching(found.matching, on_compared=found.settle)
    return found


def names(model: DiffModel) -> list[str]:
    return [model.cells(row).name for row in range(model.rowCount())]


def test_the_model_keeps_the_rules_of_qt(standing: Standing, qtmodeltester: ModelTester) -> None:
    model = DiffModel(standing, "a ↔ b")
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    for node in range(len(standing.tree)):
        model.expand(node)
    model.collapse(1)
    model.expand(0, deep=True)
    for wish in (Wish(only_different=True), Wish(text="down", sort="max_abs"), Wish()):
        model.arrange(arranged(standing, wish))
        model.refresh()
    assert model.rowCount() == len(standing.tree)


def test_the_values_keep_the_rules_of_qt(standing: Standing, qtmodeltester: ModelTester) -> None:
    common = common_values(standing.matching, standing.matching.pairs[0])
    assert common is not None
    model = ValueRows(common)
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    assert model.index(4, 1).data() == "…"
    model.take(0, page_of(common, 0))
    assert [model.index(4, column).data() for column in range(4)] == ["[1, 1]", "1", "1", "0"]


def test_only_what_differs_keeps_the_way_to_it(standing: Standing) -> None:
    model = DiffModel(standing, "a ↔ b")
    model.arrange(arranged(standing, Wish(only_different=True)))
    model.expand(0, deep=True)
    told = [(model.cells(row).name, model.cells(row).told) for row in range(model.rowCount())]
    assert [name for name, _ in told] == [
        *("a ↔ b", "layers", "0", "up", "weight"),
        *("4", "down", "weight", "up", "weight"),
        *("5", "extra", "weight"),
    ]
    assert dict(told)["4"] == "2 changed"
    assert told[1] == ("layers", "2 changed, 1 only in A …")


def test_a_filter_by_text_and_marks_opens_what_it_leaves(standing: Standing) -> None:
    model = DiffModel(standing, "a ↔ b")
    before = names(model)
    model.arrange(arranged(standing, Wish(text="DOWN 4")))
    assert names(model) == ["a ↔ b", "layers", "4", "down", "weight"]
    model.arrange(arranged(standing, Wish(marks=frozenset(("only_b",)))))
    assert names(model)[-1] == "weight"
    assert model.cells(model.rowCount() - 1).told == "only in B"
    model.arrange(arranged(standing, Wish()))
    assert names(model) == before


def test_a_sorted_list_has_full_names_and_the_largest_first(standing: Standing) -> None:
    model = DiffModel(standing, "a ↔ b")
    model.arrange(arranged(standing, Wish(sort="max_abs")))
    assert set(names(model)[:2]) == {"layers.4.up.weight", "layers.4.down.weight"}
    assert model.rowCount() == int(standing.is_leaf.sum())
    assert [model.index(0, column).data() for column in (DiffColumn.MAX_ABS, DiffColumn.CHANGED)] == ["1", "100 %"]


def test_the_next_difference_goes_round(standing: Standing) -> None:
    rows = DiffRows(standing.tree)
    differs = standing.differs()
    nodes = np.flatnonzero(differs).tolist()
    at, visited = 0, []
    for _ in range(len(nodes) + 1):
        at = rows.next_among(differs, at, 1)
        visited.append(at)
    assert visited == [*nodes, nodes[0]]
    assert rows.next_among(differs, nodes[0], -1) == nodes[-1]
    assert rows.next_among(np.zeros(len(standing.tree), np.bool_), 0, 1) == -1


@in_one_folder(25)
@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=12))
def test_rows_are_those_that_walking_down_finds(tmp_path: Path, steps: list[tuple[int, bool]]) -> None:
    tensors = {f"{a}.{b}.{c}": torch.zeros(1) for a in "xy" for b in "012" for c in "pq"}
    standing = standing_of(tmp_path, tensors, tensors)
    model, tree = DiffModel(standing, "t"), standing.tree
    for number, opens in steps:
        node = number % len(tree)
        if model.rows.row_of(node) < 0:
            continue
        if opens:
            model.expand(node)
        else:
            model.collapse(node)

    def walk(node: int) -> list[int]:
        found = [node]
        child = node + 1
        while model.rows.expanded[node] and child < tree.end[node]:
            found += walk(child)
            child = int(tree.end[child])
        return found

    assert model.rows.nodes.tolist() == walk(0)
