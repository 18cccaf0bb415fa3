"""Rows are tied exactly where their elements are the very same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.checkpoint.ties import find_ties
from tests.helpers.arrays import checkpoint_of_arrays
from tests.helpers.saved import opened


def tied_names(folder: Path, tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """What each tied name of a real file is tied to."""
    checkpoint = opened(folder, tensors)
    tie = find_ties(checkpoint.table)
    names = checkpoint.table.name
    assert np.array_equal(tie, checkpoint.tree.tie)
    return {names[row]: names[first] for row, first in enumerate(tie.tolist()) if first >= 0}


def test_one_tensor_under_three_names_is_tied_to_the_first(tmp_path: Path) -> None:
    weight = torch.zeros(2, 3)
    tied = tied_names(tmp_path, {"a": torch.zeros(1), "embed": weight, "b": torch.ones(1), "head": weight, "x": weight})
    assert tied == {"embed": "embed", "head": "embed", "x": "embed"}


def test_an_equal_view_is_tied(tmp_path: Path) -> None:
    weight = torch.zeros(2, 3)
    assert set(tied_names(tmp_path, {"a": weight, "b": weight.view(2, 3)})) == {"a", "b"}


def test_views_with_other_elements_are_not_tied(tmp_path: Path) -> None:
    base = torch.zeros(4, 4)
    views = {
        "all": base,
        "transposed": base.T,
        "flat": base.view(16),
        "top": base[:2],
        "bottom": base[2:],
        "other dtype": base.view(torch.int32),
    }
    with torch.no_grad():
        assert tied_names(tmp_path, {name: view for name, view in views.items() if name != "other dtype"}) == {}


def test_empty_tensors_are_not_tied(tmp_path: Path) -> None:
    empty = torch.zeros(0, 3)
    assert tied_names(tmp_path, {"a": empty, "b": empty}) == {}


def test_meta_tensors_are_not_tied(tmp_path: Path) -> None:
    meta = torch.zeros(2, device="meta")
    table = checkpoint_of_arrays(tmp_path / "meta", {"a": meta, "b": meta}).table
    assert find_ties(table).tolist() == [-1, -1]


def test_a_conjugated_view_is_not_tied_to_what_it_conjugates(tmp_path: Path) -> None:
    base = torch.zeros(3, dtype=torch.complex64)
    assert tied_names(tmp_path, {"a": base, "conj": base.conj(), "b": base}) == {"a": "a", "b": "a"}


def test_a_sparse_tensor_under_two_names_is_tied_and_its_components_are_not(tmp_path: Path) -> None:
    sparse = torch.eye(3).to_sparse()
    other = torch.eye(3).to_sparse()
    assert tied_names(tmp_path, {"a": sparse, "b": sparse, "c": other}) == {"a": "a", "b": "a"}


def test_quantised_tensors_over_one_storage_are_tied_if_their_quantiser_is_the_same() -> None:
    builder = TableBuilder()
    storage = builder.add_storage("0", source=0, offset=0, nbytes=4)
    facts = [{"quantiser": {"scale": scale, "zero_point": 0}} for scale in (0.5, 0.25)]
    rows = [
        builder.add_tensor("qint8", (4,), storage=storage, flags=Flag.QUANTISED, extra=facts[0]),
        builder.add_tensor("qint8", (4,), storage=storage, flags=Flag.QUANTISED, extra=facts[1]),
    ]
    table = builder.finish(["a", "b", "a again"], [rows[0], rows[1], rows[0]])
    assert find_ties(table).tolist() == [0, -1, 0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 2), st.booleans()), max_size=12))
def test_ties_are_the_classes_of_equal_place_dtype_and_form(rows: list[tuple[int, int, int, bool]]) -> None:
    builder = TableBuilder()
    for key in range(3):
        builder.add_storage(str(key), source=0, offset=64 * key, nbytes=64)
    made = [
        builder.add_tensor("float32" if real else "int32", (size,), storage=storage, offset=offset)
        for storage, offset, size, real in rows
    ]
    table = builder.finish([str(row) for row in range(len(rows))], made)
    oracle = []
    for row in rows:
        same = [index for index, other in enumerate(rows) if other == row]
        oracle.append(same[0] if len(same) > 1 and row[2] else -1)
    assert find_ties(table).tolist() == oracle
