"""The model of the flat table keeps Qt's rules and shows what the listing says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QAbstractItemModel, Qt
from pytestqt.modeltest import ModelTester

from sdviewer.checkpoint.listing import Listing, Sorting
from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.control import Control
from sdviewer.ui.models.table_model import TableModel
from sdviewer.ui.table.selection import RowSelection
from tests.helpers.listed import checkpoint_of
from tests.helpers.many_tensors import many_tensors, name_of
from tests.unit.checkpoint.test_listing import mixed

Role = Qt.ItemDataRole


def check(tester: ModelTester, model: QAbstractItemModel) -> None:
    """Qt's own tester watches the model from now on; each warning of it fails the test."""
    tester.check(model)  # type: ignore[no-untyped-call]


def model_of(listing: Listing, rows: list[int] | None = None) -> TableModel:
    model = TableModel(TENSOR_COLUMNS)
    shown = np.arange(len(listing)) if rows is None else np.array(rows, np.int64)
    model.install(listing, shown, RowSelection(len(listing)))
    return model


@pytest.fixture
def listing() -> Listing:
    return Listing(mixed(), TENSOR_COLUMNS)


def test_the_model_keeps_the_rules_with_and_without_rows(qtmodeltester: ModelTester, listing: Listing) -> None:
    model = TableModel(TENSOR_COLUMNS)
    check(qtmodeltester, model)
    for rows in ([3, 1, 2], [], list(range(10))):
        model.install(listing, np.array(rows, np.int64), RowSelection(10))
        assert model.rowCount() == len(rows)
    model.install(None, np.zeros(0, np.int32), RowSelection(0))
    check(qtmodeltester, model)


def test_a_cell_shows_the_text_of_its_tensor_and_column(listing: Listing) -> None:
    model = model_of(listing, [8, 0])
    titles = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]
    assert titles == [column.title for column in TENSOR_COLUMNS]
    texts = dict(zip(titles, [model.data(model.index(0, column)) for column in range(len(titles))], strict=True))
    assert (texts["Name"], texts["Elements"], texts["Size"]) == ("long", "1,000", "3.91 KiB")
    assert texts["Problem"].startswith("✖ reaches past")
    assert model.data(model.index(1, 0)) == "net.10.weight"
    assert "4,000 bytes" in model.data(model.index(0, titles.index("Size")), Role.ToolTipRole)


def test_numbers_stand_at_the_right_with_their_titles(listing: Listing) -> None:
    model = model_of(listing)
    for index, column in enumerate(TENSOR_COLUMNS):
        side = Qt.AlignmentFlag.AlignRight if column.kind == "number" else Qt.AlignmentFlag.AlignLeft
        assert model.data(model.index(0, index), Role.TextAlignmentRole) & side
        assert model.headerData(index, Qt.Orientation.Horizontal, Role.TextAlignmentRole) & side


def test_a_screen_reader_hears_what_is_selected(listing: Listing) -> None:
    model = model_of(listing)
    model.selection.only(1)
    spoken = [model.data(model.index(place, 0), Role.AccessibleTextRole) for place in (0, 1)]
    assert spoken == ["net.10.weight, float32, 10 × 4", "net.2.weight, float32, 4 × 10, selected"]
    assert model.data(model.index(0, 1), Role.AccessibleTextRole) == "Dtype: float32"


def test_a_name_with_markup_is_plain_text() -> None:
    table = TableBuilder()
    table.add_tensor("float32", (1,))
    model = model_of(Listing(checkpoint_of(table, ["<b>bold</b>\x1b"]), TENSOR_COLUMNS))
    assert model.data(model.index(0, 0)) == "<b>bold</b>\\x1b"
    assert "&lt;b&gt;bold" in model.data(model.index(0, 0), Role.ToolTipRole)


names = st.lists(st.text(st.sampled_from("abAB.é"), max_size=4), min_size=1, max_size=8)


@given(names, st.text(st.sampled_from("abAB.é"), min_size=1, max_size=3), st.integers(0, 20), st.randoms())
def test_a_name_is_found_by_its_beginning_going_round(texts: list[str], prefix: str, place: int, rng: object) -> None:
    table = TableBuilder()
    for _ in texts:
        table.add_tensor("float32", (1,))
    rows = list(range(len(texts)))
    rng.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    model = model_of(Listing(checkpoint_of(table, texts), TENSOR_COLUMNS), rows)
    begins = place % len(rows)
    order = [*range(begins, len(rows)), *range(begins)]
    lower = str.maketrans("AB", "ab")
    wanted = prefix.translate(lower)
    expected = next((at for at in order if texts[rows[at]].translate(lower).startswith(wanted)), -1)
    assert model.find_name(prefix, place) == expected


def test_many_rows_are_shown_without_asking_for_them() -> None:
    listing = Listing(many_tensors(100_000), TENSOR_COLUMNS)
    asked: list[int] = []
    columns = list(TENSOR_COLUMNS)
    order = listing.order(Sorting("numel", descending=True), Control())
    model = TableModel(columns)
    model.rowsInserted.connect(lambda *_: asked.append(1))
    model.install(listing, order, RowSelection(100_000))
    assert model.rowCount() == 100_000
    assert asked == []
    assert len(model._texts) == 0
    assert model.data(model.index(99_999, 0)) == name_of(int(order[-1]))
    assert model.place_of(int(order[77_777])) == 77_777
    assert model.find_name("model.layers.50.experts.7.", 0) >= 0
    assert model.find_name("nothing", 5) == -1
    model.selection.cover(model.rows, beside=True)
    assert len(model.selection.of(model.rows)) == 100_000
