"""Tables that are copied and saved are read back by others as they were."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.listing import Listing
from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
from sdviewer.checkpoint.listing_text import (
    csv_pieces,
    json_pieces,
    markdown_pieces,
    one_line,
    plain,
    save_listing,
    tsv_pieces,
)
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotWrite
from tests.helpers.listed import checkpoint_of
from tests.ui.checkpoints import checkpoint_with, small_tensors

ODD = [
    "a\tb",
    "line\nbreak\r",
    "back\\slash\\n",
    'say "hi", he',
    "pipe|tick`*_x_ <b>&[l](u)~~",
    "",
    "é𝄞\u2028\x85",
    "=1",
]


def listing_with(names: list[str]) -> Listing:
    table = TableBuilder()
    for size in range(len(names)):
        storage = table.add_storage(str(size), source=0, offset=2**40 + size, nbytes=4 * size)
        table.add_tensor("float32", (size, 1), storage=storage, flags=Flag.GRAD_KNOWN if size % 2 else 0)
    return Listing(checkpoint_of(table, names), TENSOR_COLUMNS)


def exact(listing: Listing, rows: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    columns = [column.values(listing.facts, rows) for column in TENSOR_COLUMNS]
    ids = [column.id for column in TENSOR_COLUMNS]
    return [dict(zip(ids, row, strict=True)) for row in zip(*columns, strict=True)]


def every(listing: Listing) -> np.ndarray[Any, Any]:
    return np.arange(len(listing))


names = st.lists(st.text(max_size=8), max_size=6, unique=True)


@given(names)
def test_csv_is_read_back_by_the_csv_module(texts: list[str]) -> None:
    listing = listing_with(texts)
    written = "".join(csv_pieces(listing, every(listing), TENSOR_COLUMNS, Control()))
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert rows == [{name: plain(value) for name, value in row.items()} for row in exact(listing, every(listing))]
    assert [row["name"] for row in rows] == texts


@given(names)
def test_json_is_read_back_by_the_json_module(texts: list[str]) -> None:
    listing = listing_with(texts)
    document = json.loads("".join(json_pieces(listing, every(listing), TENSOR_COLUMNS, Control())))
    assert document == {"schema": 1, "path": "/nowhere/made.pt", "tensors": exact(listing, every(listing))}


def unescaped(cell: str) -> str:
    """What a reader of Python's escapes makes of a cell."""
    return re.sub(
        r"\\(\\|t|n|r|x..|u....)",
        lambda m: "\\" if m[1] == "\\" else json.loads(f'"\\{m[1]}"') if m[1][0] != "x" else chr(int(m[1][1:], 16)),
        cell,
    )


@given(st.one_of(names, st.just(ODD)))
def test_tsv_has_a_line_for_each_row_and_a_cell_for_each_column(texts: list[str]) -> None:
    listing = listing_with(texts)
    written = "".join(tsv_pieces(listing, every(listing), TENSOR_COLUMNS, Control()))
    title, *lines = written.splitlines()
    assert title.split("\t") == [column.title for column in TENSOR_COLUMNS]
    cells = [line.split("\t") for line in lines]
    assert [unescaped(row[0]) for row in cells] == texts
    assert [row[1:] for row in cells] == [
        [one_line(plain(value)) for value in list(row.values())[1:]] for row in exact(listing, every(listing))
    ]


def test_markdown_escapes_what_would_be_markup() -> None:
    listing = listing_with(ODD)
    columns = TENSOR_COLUMNS[:3]
    head, rule, *rows = "".join(markdown_pieces(listing, every(listing), columns, Control())).splitlines()
    assert head == "| Name | Dtype | Shape |"
    assert rule == "| --- | --- | ---: |"
    assert rows == [
        r"| a\tb | float32 | [0, 1] |",
        r"| line\nbreak\r | float32 | [1, 1] |",
        r"| back\\slash\\n | float32 | [2, 1] |",
        r'| say "hi", he | float32 | [3, 1] |',
        r"| pipe\|tick\`\*\_x\_ \<b>\&\[l](u)\~\~ | float32 | [4, 1] |",
        r"|  | float32 | [5, 1] |",
        r"| é𝄞\u2028\x85 | float32 | [6, 1] |",
        r"| =1 | float32 | [7, 1] |",
    ]


def test_an_underscore_inside_a_word_is_no_markup() -> None:
    listing = listing_with(["layer_norm_weight", "_weight_"])
    rows = "".join(markdown_pieces(listing, every(listing), TENSOR_COLUMNS[:1], Control())).splitlines()[2:]
    assert rows == ["| layer_norm_weight |", r"| \_weight\_ |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (2**62, "4611686018427387904"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ([], "[]"),
        ([4096, 3], "[4096, 3]"),
        ('"quoted"', '"quoted"'),
    ],
)
def test_plain_values_have_all_their_digits(value: Any, text: str) -> None:
    assert plain(value) == text


def test_rows_and_columns_come_as_chosen() -> None:
    listing = listing_with(["a", "b", "c"])
    columns = [TENSOR_COLUMNS[2], TENSOR_COLUMNS[0]]
    written = "".join(tsv_pieces(listing, np.array([2, 0], np.int32), columns, Control()))
    assert written == "Shape\tName\n[2, 1]\tc\n[0, 1]\ta\n"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return checkpoint_with(tmp_path, small_tensors())


def test_a_table_is_saved_as_its_ending_says(checkpoint: Checkpoint, tmp_path: Path) -> None:
    listing = Listing(checkpoint, TENSOR_COLUMNS)
    rows = exact(listing, every(listing))
    for name in ("table.csv", "table.JSON"):
        target = tmp_path / name
        assert save_listing(listing, every(listing), TENSOR_COLUMNS, str(target), Control()) == target.stat().st_size
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == list(small_tensors())
    assert json.loads((tmp_path / "table.JSON").read_bytes())["tensors"] == rows


def test_a_name_with_half_a_surrogate_pair_is_saved(tmp_path: Path) -> None:
    listing = listing_with(["\ud800"])
    for name in ("table.csv", "table.json"):
        save_listing(listing, every(listing), TENSOR_COLUMNS[:1], str(tmp_path / name), Control())
    assert (tmp_path / "table.csv").read_bytes() == b"name\r\n\\ud800\r\n"
    assert json.loads((tmp_path / "table.json").read_bytes())["tensors"] == [{"name": "\ud800"}]


def test_an_unknown_ending_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"\.csv or \.json"):
        save_listing(Listing(checkpoint, TENSOR_COLUMNS), np.arange(1), TENSOR_COLUMNS, str(tmp_path / "x"), Control())


def test_no_file_of_the_checkpoint_is_overwritten(checkpoint: Checkpoint, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "payload.bin")
    before = (tmp_path / "payload.bin").read_bytes()
    with pytest.raises(CannotWrite, match="is a file of the checkpoint"):
        save_listing(Listing(checkpoint, TENSOR_COLUMNS), np.arange(1), TENSOR_COLUMNS, str(link), Control())
    assert (tmp_path / "payload.bin").read_bytes() == before


def test_a_table_that_is_stopped_leaves_no_file(checkpoint: Checkpoint, tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    before = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        save_listing(
            Listing(checkpoint, TENSOR_COLUMNS), np.arange(7), TENSOR_COLUMNS, str(tmp_path / "x.csv"), control
        )
    assert set(tmp_path.iterdir()) == before


def test_many_rows_come_in_pieces() -> None:
    table = TableBuilder()
    storage = table.add_storage("0", source=0, offset=0, nbytes=4)
    for _ in range(2_500):
        table.add_tensor("float32", (1,), storage=storage)
    listing = Listing(checkpoint_of(table, [str(row) for row in range(2_500)]), TENSOR_COLUMNS)
    for pieces in (tsv_pieces, markdown_pieces, csv_pieces, json_pieces):
        written = list(pieces(listing, np.arange(2_500), TENSOR_COLUMNS, Control()))
        assert 3 < len(written) < 10
        assert "".join(written).count("float32") == 2_500
