"""Numbered siblings are alike where walking down both finds the same."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.alike_blocks import alike_runs, numbers
from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, ModuleClass
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.listed import checkpoint_of
from tests.helpers.many_tensors import many_tensors

Facts = tuple[str, tuple[int, ...]]


def made(tensors: Mapping[str, Facts]) -> Checkpoint:
    """A bare state_dict of tensors with these dtypes and shapes."""
    table = TableBuilder()
    for dtype, shape in tensors.values():
        table.add_tensor(dtype, shape, storage=table.add_storage("0", source=0, offset=0, nbytes=1 << 20))
    return checkpoint_of(table, list(tensors))


def runs(checkpoint: Checkpoint) -> list[tuple[str, str, int]]:
    """Name of the module around, number of the first block, how many."""
    found, tree = alike_runs(checkpoint, Control()), checkpoint.tree
    return [
        (tree.label[int(tree.parent[first])], tree.label[first], count)
        for first, count in zip(found.first.tolist(), found.count.tolist(), strict=True)
    ]


def by_hand(checkpoint: Checkpoint) -> list[tuple[str, str, int]]:
    """The same by walking down both of each pair of neighbours."""
    tree, table = checkpoint.tree, checkpoint.table

    def content(node: int) -> tuple[object, ...]:
        facts: object = tree.kinds[int(tree.kind[node])]
        if tree.what[node] == TreeNode.TENSOR:
            row = int(tree.ref[node])
            facts = (table.dtype_name(row), table.shape_of(row))
        return (facts, *((tree.label[child], content(child)) for child in tree.children(node)))

    found = []
    for parent in range(len(tree)):
        run: list[int] = []
        for child in [*tree.children(parent), -1]:
            goes_on = (
                child >= 0
                and run
                and tree.label[child].isdecimal()
                and tree.label[run[-1]].isdecimal()
                and int(tree.label[child]) == int(tree.label[run[-1]]) + 1
                and content(child) == content(run[-1])
            )
            if not goes_on:
                if len(run) > 1:
                    found.append((run[0], tree.label[parent], tree.label[run[0]], len(run)))
                run = []
            if child >= 0 and tree.end[child] > child + 1:
                run.append(child)
    return [(label, first, count) for _, label, first, count in sorted(found)]


def layers(count: int, inner: int = 4) -> dict[str, Facts]:
    """The tensors of so many layers with an attention and a norm."""
    return {
        f"layers.{layer}.{name}": ("float32", shape)
        for layer in range(count)
        for name, shape in (("attn.qkv.weight", (3 * inner, inner)), ("attn.qkv.bias", (inner,)), ("norm.weight", (1,)))
    }


def test_the_layers_of_a_transformer_are_one_run() -> None:
    assert runs(made({"embed.weight": ("float32", (9, 4)), **layers(32), "head.weight": ("float32", (9, 4))})) == [
        ("layers", "0", 32)
    ]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("layers.4.norm.weight", ("float32", (2,))),
        ("layers.4.norm.weight", ("bfloat16", (1,))),
        ("layers.4.norm.scale", ("float32", (1,))),
        ("layers.4.norm.weighs", ("float32", (1,))),
        ("layers.4.extra", ("float32", (1,))),
    ],
)
def test_a_block_that_differs_ends_the_run(name: str, facts: Facts) -> None:
    tensors = layers(9)
    if name.endswith(("scale", "weighs")):
        del tensors["layers.4.norm.weight"]
    assert runs(made(tensors | {name: facts})) == [("layers", "0", 4), ("layers", "5", 4)]


def test_runs_that_differ_follow_each_other() -> None:
    tensors = layers(4) | {f"layers.{n + 4}.w": ("float32", (3,)) for n in range(28)}
    assert runs(made(tensors)) == [("layers", "0", 4), ("layers", "4", 28)]


@pytest.mark.parametrize("length", [7, 8, 9, 16, 30])
def test_labels_are_compared_to_their_ends(length: int) -> None:
    names = ["a" * length, "a" * length, "a" * (length - 1) + "b"]
    assert runs(made({f"m.{n}.{name}": ("int8", (1,)) for n, name in enumerate(names)})) == [("m", "0", 2)]


def test_labels_of_one_text_that_is_divided_elsewhere_differ() -> None:
    parts = [("a", "bc"), ("ab", "c"), ("ab", "c")]
    assert runs(made({f"m.{n}.{name}": ("int8", (1,)) for n, both in enumerate(parts) for name in both})) == [
        ("m", "1", 2)
    ]


def test_blocks_of_other_classes_differ() -> None:
    table = TableBuilder()
    for _ in range(3):
        table.add_tensor("int8", (1,), storage=-1)
    classes = tuple(ModuleClass(0, f"m.{n}", f"net.{name}") for n, name in enumerate(("Odd", "Even", "Even")))
    assert runs(checkpoint_of(table, [f"m.{n}.w" for n in range(3)], module_classes=classes)) == [("m", "1", 2)]


def test_a_gap_between_the_numbers_ends_the_run() -> None:
    assert runs(made({f"m.{number}.w": ("int8", (1,)) for number in (0, 1, 3, 4, 6)})) == [("m", "0", 2), ("m", "3", 2)]


def test_a_run_lies_within_each_block_of_another() -> None:
    tensors = {f"layers.{a}.experts.{b}.w": ("int8", (1,)) for a in range(3) for b in range(4)}
    assert runs(made(tensors)) == [("layers", "0", 3), *[("experts", "0", 4)] * 3]


def test_tensors_with_numbers_for_names_are_no_blocks() -> None:
    assert runs(made({f"list.{number}": ("int8", (1,)) for number in range(5)})) == []


def test_unknown_dtypes_differ_by_their_names() -> None:
    table = TableBuilder()
    for row in range(4):
        table.add_tensor("other", (1,), storage=-1, extra={"dtype": f"float{row // 2}"})
    assert runs(checkpoint_of(table, [f"m.{row}.w" for row in range(4)])) == [("m", "0", 2), ("m", "2", 2)]


_PIECES = st.sampled_from(["0", "1", "2", "3", "w", "weight_of_a_long_name", "λ", "00"])
_NAMES = st.lists(_PIECES, min_size=2, max_size=5).map(".".join)


@given(st.dictionaries(_NAMES, st.tuples(st.sampled_from(["int8", "float32"]), st.sampled_from([(1,), (2,)]))))
def test_runs_are_those_that_walking_down_finds(tensors: dict[str, Facts]) -> None:
    checkpoint = made(tensors)
    assert runs(checkpoint) == by_hand(checkpoint)


@given(
    st.dictionaries(_NAMES, st.tuples(st.just("int8"), st.sampled_from([(1,), (2,)])), min_size=1, max_size=5),
    st.integers(2, 6),
    st.sets(st.integers(0, 5)),
)
def test_repeated_parts_are_found_but_for_those_that_were_changed(
    part: dict[str, Facts], count: int, changed: set[int]
) -> None:
    tensors = {}
    for number in range(count):
        for name, (dtype, shape) in part.items():
            tensors[f"h.{number}.{name}"] = (dtype, (9, *shape) if number in changed else shape)
    checkpoint = made(tensors)
    assert runs(checkpoint) == by_hand(checkpoint)


@given(st.lists(st.one_of(st.integers(0, 10**10).map(str), st.text("0129[]x", max_size=12))))
def test_a_label_is_a_number_by_itself_or_in_brackets(labels: list[str]) -> None:
    def number(label: str) -> int:
        inner = label[1:-1] if len(label) > 2 and label[0] == "[" and label[-1] == "]" else label
        return int(inner) if inner.isdecimal() and len(inner) <= 9 else -1

    found = numbers(StringColumn.of(labels), np.arange(len(labels)))
    assert found.tolist() == [number(label) for label in labels]


def test_the_search_can_be_stopped() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        alike_runs(made(layers(3)), control)


def test_a_hundred_thousand_tensors_are_compared_as_columns() -> None:
    checkpoint = many_tensors(100_000)
    began = time.thread_time()
    # Shapes go round by twelve and experts by ten tensors: no two neighbours are alike.
    assert len(alike_runs(checkpoint, Control()).count) == 0
    # Node by node it is seconds.
    assert time.thread_time() - began < 0.5
