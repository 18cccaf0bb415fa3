"""The flat table sorts, picks and sums as plain Python does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.listing import Column, Listing, Sorting, Totals
from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.listed import checkpoint_of
from tests.helpers.many_tensors import many_tensors, name_of
from tests.unit.checkpoint.test_natural_order import natural_key

FLOAT_NAN = float("nan")


def mixed() -> Checkpoint:
    """Tensors that differ in everything the table shows."""
    table = TableBuilder()
    first = table.add_storage("0", source=0, offset=64, nbytes=4000)
    second = table.add_storage("1", source=0, offset=5000, nbytes=400)
    packed = table.add_storage("2", source=0, offset=9000, nbytes=100, stored=50, encoding=Encoding.DEFLATED)
    gone = table.add_storage("3", source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING)
    grad = Flag.GRAD_KNOWN | Flag.REQUIRES_GRAD | Flag.PARAMETER
    weight = table.add_tensor("float32", (10, 4), storage=first, flags=grad)
    table.add_tensor("float32", (4, 10), (1, 4), storage=first, flags=Flag.GRAD_KNOWN)
    table.add_tensor("bfloat16", (4,), storage=first, offset=100)
    table.add_tensor("int64", (), storage=second, offset=3, flags=Flag.BUFFER)
    table.add_tensor("uint8", (100,), storage=packed)
    table.add_tensor("float16", (3, 0, 2), storage=gone)
    table.add_tensor("float32", (7,), flags=Flag.META)
    table.add_tensor("other", (5,), storage=second, offset=1, extra={"dtype": "datetime64[D]", "itemsize": 8})
    table.add_tensor("float32", (1000,), storage=second, flags=Flag.OUT_OF_BOUNDS)
    names = ["net.10.weight", "net.2.weight", "net.2.bias", "count", "packed", "none", "meta", "day", "long", "tied"]
    problems = (Problem("irregular", "info", "stands alone", "count"), Problem("partial", "warning", "half", "none"))
    return checkpoint_of(table, names, [*range(9), weight], problems=problems)


def listing_of(checkpoint: Checkpoint) -> Listing:
    return Listing(checkpoint, TENSOR_COLUMNS)


def values(listing: Listing, column: str) -> list[Any]:
    found = listing.column(column)
    assert found is not None
    return found.values(listing.facts, np.arange(len(listing)))


def texts(listing: Listing, column: str) -> list[str]:
    found = listing.column(column)
    assert found is not None
    return [found.text(listing.facts, row) for row in range(len(listing))]


def test_the_columns_have_the_exact_values() -> None:
    listing = listing_of(mixed())
    table = listing.checkpoint.table
    assert values(listing, "name") == table.name.tolist()
    assert values(listing, "dtype") == [
        *("float32", "float32", "bfloat16", "int64", "uint8", "float16", "float32", "datetime64[D]"),
        *("float32", "float32"),
    ]
    assert values(listing, "shape") == [[10, 4], [4, 10], [4], [], [100], [3, 0, 2], [7], [5], [1000], [10, 4]]
    assert values(listing, "dimensions") == [2, 2, 1, 0, 1, 3, 1, 1, 1, 2]
    assert values(listing, "numel") == [40, 40, 4, 1, 100, 0, 7, 5, 1000, 40]
    assert values(listing, "nbytes") == [160, 160, 8, 8, 100, 0, 0, 40, 4000, 160]
    parameter, buffer = "parameter", "buffer"
    assert values(listing, "role") == [*[parameter] * 3, *[buffer] * 2, *["unknown"] * 4, parameter]
    assert values(listing, "section") == ["model"] * 10
    assert values(listing, "requires_grad") == [True, False, *[None] * 7, True]
    assert values(listing, "contiguous") == [True, False, True, True, True, True, None, True, True, True]
    assert values(listing, "storage_id") == [0, 0, 0, 1, 2, 3, None, 1, 1, 0]
    assert values(listing, "file_offset") == [64, 64, 264, 5024, None, None, None, 5008, 5000, 64]
    file = "/nowhere/made.pt"
    assert values(listing, "file") == [file, file, file, file, file, None, None, file, file, file]
    assert values(listing, "shared") == [3, 3, 3, 2, 0, 0, 0, 2, 2, 3]
    assert values(listing, "tied") == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert values(listing, "problem") == [
        *(None, None, None, "stands alone", None, "half", None, None),
        *("reaches past the bytes that the file holds for it", None),
    ]
    assert values(listing, "kind")[1:3] == ["Linear", "Linear"]


def test_the_columns_have_texts_for_people() -> None:
    listing = listing_of(mixed())
    assert texts(listing, "shape")[:4] == ["10 × 4", "4 × 10", "4", "scalar"]
    assert texts(listing, "nbytes")[8] == "3.91 KiB"
    assert texts(listing, "numel")[8] == "1,000"
    assert texts(listing, "role")[2:6] == ["parameter", "buffer", "buffer", ""]
    assert texts(listing, "requires_grad")[:3] == ["yes", "no", ""]
    assert texts(listing, "file")[4:6] == ["made.pt", ""]
    assert texts(listing, "tied")[:2] == ["1", ""]
    assert texts(listing, "problem")[3:6] == ["ℹ stands alone", "", "⚠ half"]


def test_a_tooltip_adds_the_exact_figures_and_the_names_of_others() -> None:
    listing = listing_of(mixed())

    def exact(column: str, row: int) -> str:
        found = listing.column(column)
        assert found is not None
        return found.exact(listing.facts, row)

    assert exact("nbytes", 8) == "4,000 bytes"
    assert exact("file_offset", 3) == hex(5024)
    assert exact("file", 0) == "/nowhere/made.pt"
    assert exact("tied", 9) == "net.10.weight"
    assert exact("shared", 0) == "net.2.weight\nnet.2.bias\ntied"
    assert exact("tied", 1) == exact("file_offset", 4) == exact("numel", 0) == ""


def sort_key(column: Column, value: Any) -> Any:
    if column.id == "problem":
        worst = {"half": 1, "stands alone": 2}
        return (worst.get(value, 0), natural_key(value))
    return natural_key(value) if isinstance(value, str) else value


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", TENSOR_COLUMNS, ids=lambda column: column.id)
def test_every_column_sorts_as_python_sorts_its_values(column: Column, descending: bool) -> None:
    listing = listing_of(mixed())
    found = [None if value == "unknown" else value for value in column.values(listing.facts, np.arange(10))]
    known = [row for row in range(10) if found[row] is not None]
    # sorted() keeps equal ones in their order, also with reverse.
    expected = sorted(known, key=lambda row: sort_key(column, found[row]), reverse=descending)
    expected += [row for row in range(10) if found[row] is None]
    order = listing.order(Sorting(column.id, descending), Control())
    assert order.tolist() == expected
    assert listing.order(Sorting(column.id, descending), Control()) is order


@given(st.lists(st.integers(0, 9), unique=True).map(sorted), st.booleans())
def test_some_rows_are_arranged_as_all_are(rows: list[int], descending: bool) -> None:
    listing = listing_of(mixed())
    sorting = Sorting("numel", descending)
    order = [row for row in listing.order(sorting, Control()).tolist() if row in rows]
    assert listing.arranged(np.array(rows, np.int64), sorting, Control()).tolist() == order
    assert listing.arranged(np.array(rows, np.int64), None, Control()).tolist() == rows
    assert listing.arranged(None, sorting, Control()).tolist() == listing.order(sorting, Control()).tolist()
    assert listing.arranged(None, None, Control()).tolist() == list(range(10))


def test_totals_count_tied_tensors_once() -> None:
    listing = listing_of(mixed())
    assert listing.totals(np.array([9, 0, 2])) == Totals(tensors=3, elements=44, nbytes=168, repeated=1)
    assert listing.totals(np.array([9, 2])) == Totals(tensors=2, elements=44, nbytes=168, repeated=0)
    assert listing.totals(np.zeros(0, np.int64)) == Totals(0, 0, 0, 0)


def test_totals_of_sizes_that_no_file_has_do_not_wrap_round() -> None:
    table = TableBuilder()
    for index in range(3):
        storage = table.add_storage(str(index), source=0, offset=0, nbytes=8)
        table.add_tensor("float64", (2**60,), (0,), storage=storage)
    totals = listing_of(checkpoint_of(table, ["a", "b", "c"])).totals(np.arange(3))
    assert (totals.elements, totals.nbytes) == (3 * 2**60, 2**63 - 1)


def test_an_empty_checkpoint_has_an_empty_table() -> None:
    listing = listing_of(checkpoint_of(TableBuilder(), []))
    listing.prepare(Control())
    for column in TENSOR_COLUMNS:
        assert listing.order(Sorting(column.id), Control()).tolist() == []
        assert column.values(listing.facts, np.zeros(0, np.int64)) == []


def test_components_of_other_tensors_are_not_listed() -> None:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=36)
    parts = {
        "indices": table.add_tensor("int64", (1, 3), storage=storage),
        "values": table.add_tensor("float32", (3,), storage=storage, offset=6),
    }
    sparse = table.add_tensor("float32", (9,), flags=Flag.SPARSE, extra={"layout": "sparse_coo", "components": parts})
    listing = listing_of(checkpoint_of(table, ["s"], [sparse]))
    assert len(listing) == 1
    for column in TENSOR_COLUMNS:
        assert listing.order(Sorting(column.id), Control()).tolist() == [0]
    assert values(listing, "nbytes") == [36]
    assert values(listing, "storage_id") == [None]


def a_column(**changes: Any) -> Column:
    def key(facts: TensorFacts, _: Control) -> np.ndarray[Any, Any]:
        return np.array([0.5, FLOAT_NAN, -1.5, 0.5][: facts.checkpoint.table.listed])

    column = Column("mean", "Mean", "number", lambda _, row: f"{row}", lambda _, rows: rows.tolist(), key)
    return dataclasses.replace(column, **changes)


def test_a_column_of_somebody_else_sorts_by_floats_too() -> None:
    table = TableBuilder()
    for _ in range(4):
        table.add_tensor("float32", (1,))
    listing = Listing(checkpoint_of(table, ["a", "b", "c", "d"]), (*TENSOR_COLUMNS, a_column()))
    assert listing.order(Sorting("mean"), Control()).tolist() == [2, 0, 3, 1]
    assert listing.order(Sorting("mean", descending=True), Control()).tolist() == [0, 3, 2, 1]


def test_preparing_looks_up_what_every_column_shows() -> None:
    looked: list[int] = []

    def text(_: TensorFacts, row: int) -> str:
        looked.append(row)
        return ""

    table = TableBuilder()
    table.add_tensor("float32", (1,))
    Listing(checkpoint_of(table, ["a"]), (a_column(text=text),)).prepare(Control())
    assert looked == [0]


@pytest.mark.parametrize(
    "work",
    [
        lambda listing, control: listing.prepare(control),
        lambda listing, control: listing.order(Sorting("name"), control),
        lambda listing, control: listing.arranged(None, Sorting("numel"), control),
    ],
)
def test_work_stops_on_request(work: Callable[[Listing, Control], object]) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        work(listing_of(mixed()), control)


@pytest.fixture(scope="module")
def million() -> Listing:
    return listing_of(many_tensors(1_000_000))


def test_a_million_names_are_sorted_naturally(million: Listing) -> None:
    order = million.order(Sorting("name"), Control())
    rows = np.arange(1_000_000)
    # By construction: layer, expert and name in this order; names sort as Python's plain sorted has them.
    leaves = sorted(range(10), key=lambda leaf: natural_key(name_of(leaf)))
    place = np.empty(10, np.int64)
    place[leaves] = np.arange(10)
    assert np.array_equal(order, np.lexsort((place[rows % 10], rows // 10 % 100, rows // 1000)))


def test_a_million_rows_are_sorted_by_every_column(million: Listing) -> None:
    for column in TENSOR_COLUMNS:
        order = million.order(Sorting(column.id, descending=True), Control())
        assert np.array_equal(np.bincount(order, minlength=1_000_000), np.ones(1_000_000))
    numel = million.checkpoint.table.numel[million.order(Sorting("numel", descending=True), Control())]
    assert (numel[1:] <= numel[:-1]).all()


def test_a_million_rows_are_summed(million: Listing) -> None:
    totals = million.totals(np.arange(1_000_000))
    once = np.arange(1_000_000)[np.arange(1_000_000) % 10 != 9]
    assert totals.repeated == 100_000
    assert totals.elements == int((8 * (once % 12 + 1)).sum())
