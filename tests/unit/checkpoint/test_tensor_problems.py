"""Each tensor has the worst of its problems."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, Problem, Severity
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.checkpoint.tensor_problems import problems_of_tensors, rows_named
from tests.helpers.listed import checkpoint_of


def texts(checkpoint: Checkpoint) -> list[tuple[Severity, str] | None]:
    found = problems_of_tensors(checkpoint)
    return [(found.severities[i], found.messages[i]) if i >= 0 else None for i in found.index.tolist()]


def test_a_sound_checkpoint_has_none() -> None:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=8)
    table.add_tensor("float32", (2,), storage=storage)
    assert texts(checkpoint_of(table, ["a"])) == [None]


def test_columns_tell_of_missing_bytes() -> None:
    table = TableBuilder()
    whole = table.add_storage("0", source=0, offset=0, nbytes=8)
    nowhere = table.add_storage("1", source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
    table.add_tensor("float32", (2,), storage=whole)
    table.add_tensor("float32", (9,), storage=whole, flags=Flag.OUT_OF_BOUNDS)
    table.add_tensor("float32", (2,), storage=nowhere)
    table.add_tensor("float32", (0,), storage=nowhere)
    table.add_tensor("float32", (2,), flags=Flag.META)
    assert texts(checkpoint_of(table, ["whole", "long", "gone", "empty", "meta"])) == [
        None,
        ("error", "reaches past the bytes that the file holds for it"),
        ("error", "its bytes are not in the file"),
        None,
        None,
    ]


def test_the_worst_problem_that_names_a_tensor_counts_and_of_equal_ones_the_first() -> None:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=8)
    for _ in range(3):
        table.add_tensor("float32", (2,), storage=storage)
    table.add_tensor("float32", (9,), storage=storage, flags=Flag.OUT_OF_BOUNDS)
    problems = (
        Problem("irregular", "info", "odd", "a"),
        Problem("partial", "warning", "half", "a"),
        Problem("partial", "warning", "again", "a"),
        Problem("partial", "error", "of the file", ""),
        Problem("irregular", "warning", "a warning is milder", "long"),
        Problem("missing", "error", "no such tensor", "nobody"),
        Problem("partial", "error", "late", "c"),
    )
    assert texts(checkpoint_of(table, ["a", "b", "c", "long"], problems=problems)) == [
        ("warning", "half"),
        None,
        ("error", "late"),
        ("error", "reaches past the bytes that the file holds for it"),
    ]


# Longer than the stretches that are compared at a time, and often alike in one of them.
words = st.one_of(
    st.text(st.sampled_from("ab.é\0"), max_size=15),
    st.tuples(*[st.sampled_from(["", "layers.1", "layers.2", "weights.", "ab"]) for _ in range(4)]).map("".join),
)


@given(st.lists(words, max_size=12), st.lists(words, max_size=6), st.integers(0, 12))
def test_rows_are_found_by_their_names(names: list[str], wanted: list[str], listed: int) -> None:
    listed = min(listed, len(names))
    found = rows_named(StringColumn.of(names), listed, wanted)
    assert found == {text: names.index(text) for text in wanted if text in names[:listed]}
