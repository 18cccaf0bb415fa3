"""A problem stands at its tensor, and is known in all that is above it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import sdviewer
from sdviewer.checkpoint.document import Checkpoint, Problem, Severity
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.checkpoint.tree_problems import NO_PROBLEMS, nodes_of_sections, problems_of_tree
from tests.helpers.listed import checkpoint_of
from tests.helpers.trained_folders import llama_config, write_trained

NAMES = ["a.x.w", "a.y.w", "b.w", "c"]


def made(*problems: Problem, broken: frozenset[int] = frozenset()) -> Checkpoint:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=8)
    for row in range(len(NAMES)):
        table.add_tensor("float32", (2,), storage=storage, flags=Flag.OUT_OF_BOUNDS if row in broken else Flag(0))
    return checkpoint_of(table, NAMES, problems=problems)


def worst(checkpoint: Checkpoint) -> dict[str, Severity]:
    """The nodes with a problem at or below them, by their labels."""
    found, tree = problems_of_tree(checkpoint), checkpoint.tree
    seen = {tree.label[node]: found.within(node, int(tree.end[node])) for node in range(len(tree))}
    return {label: severity for label, severity in seen.items() if severity is not None}


def test_a_sound_file_has_none() -> None:
    assert worst(made()) == {}
    assert problems_of_tree(made()).next_to(0, 1) == -1
    assert NO_PROBLEMS.next_to(0, 1) == -1
    assert NO_PROBLEMS.within(0, 9) is None


def test_a_problem_rises_to_all_above_it() -> None:
    checkpoint = made(Problem("partial", "warning", "half of it", "b.w"), broken=frozenset({1}))
    # "w" is the label of two: the later counts here.
    assert worst(checkpoint) == {
        "": "error",
        "model": "error",
        "a": "error",
        "y": "error",
        "w": "warning",
        "b": "warning",
    }
    found, tree = problems_of_tree(checkpoint), checkpoint.tree
    nodes = [node for node in range(len(tree)) if tree.what[node] == TreeNode.TENSOR]
    assert [found.message(node) for node in nodes] == [
        "",
        "reaches past the bytes that the file holds for it",
        "half of it",
        "",
    ]
    assert [found.count(node, int(tree.end[node])) for node in (0, nodes[0], nodes[1])] == [2, 0, 1]


def test_what_concerns_no_tensor_stands_at_the_root() -> None:
    checkpoint = made(
        Problem("dangerous_global", "error", "os.system"), Problem("extra", "warning", "a file too many", "extra.bin")
    )
    found = problems_of_tree(checkpoint)
    assert found.message(0) == "os.system\na file too many"
    assert worst(checkpoint) == {"": "error"}
    assert [found.next_to(node, 1) for node in (0, 3)] == [0, 0]


def test_what_is_only_worth_knowing_is_no_problem() -> None:
    checkpoint = made(Problem("part", "info", "a shard"), Problem("irregular", "info", "odd", "b.w"))
    assert worst(checkpoint) == {}
    assert problems_of_tree(checkpoint).message(0) == ""


@given(st.sets(st.integers(0, 3)), st.booleans(), st.integers(0, 8), st.sampled_from([1, -1]))
def test_going_on_from_a_node_finds_the_next_problem_and_goes_round(
    broken: set[int], whole: bool, node: int, step: int
) -> None:
    problems = (Problem("x", "warning", "all"),) if whole else ()
    checkpoint = made(*problems, broken=frozenset(broken))
    tree = checkpoint.tree
    bad = {node for node in range(len(tree)) if tree.what[node] == TreeNode.TENSOR and int(tree.ref[node]) in broken}
    bad |= {0} if whole else set()
    expected, count = -1, len(tree)
    for distance in range(1, count + 1):
        place = (node % count + step * distance) % count
        if place in bad:
            expected = place
            break
    assert problems_of_tree(checkpoint).next_to(node % count, step) == expected


def test_a_problem_of_a_part_stands_at_the_part(tmp_path: Path) -> None:
    write_trained(tmp_path, config=llama_config(num_hidden_layers=14))
    (tmp_path / "scaler.pt").write_bytes(b"no pickle")
    checkpoint = sdviewer.open(tmp_path)
    found, tree = problems_of_tree(checkpoint), checkpoint.tree
    config = nodes_of_sections(checkpoint)["config.json"]
    assert tree.label[config] == "config.json"
    assert "num_hidden_layers = 14" in found.message(config)
    assert found.within(config, config + 1) == "error"
    # What is not in the tree is told at the root.
    assert "scaler.pt cannot be read" in found.message(0)
    assert "num_hidden_layers" not in found.message(0)
    assert found.next_to(0, 1) == config
