"""Bytes that are stored and shown by no tensor are counted to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.table import TableBuilder
from tests.helpers.saved import opened


@pytest.mark.parametrize(
    ("tensors", "unshown"),
    [
        ({"all": torch.zeros(10)}, 0),
        ({"front": torch.zeros(10)[:4]}, 24),
        ({"back": torch.zeros(10)[8:]}, 32),
        ({"middle": torch.zeros(10)[3:5]}, 32),
        # What lies between the values of a view is inside its reach.
        ({"every second": torch.zeros(10)[::2]}, 4),
        ({"expanded": torch.zeros(10)[:1].expand(5)}, 36),
        ({"empty view": torch.zeros(10)[:0]}, 40),
        ({"scalar": torch.zeros(10)[2]}, 36),
        ({"sparse": torch.eye(4).to_sparse()}, 0),
    ],
)
def test_a_saved_slice_leaves_the_rest_of_its_storage_unshown(
    tmp_path: Path, tensors: dict[str, torch.Tensor], unshown: int
) -> None:
    assert opened(tmp_path, tensors).description.unshown_bytes == unshown


def test_two_views_of_one_storage_count_what_neither_reaches(tmp_path: Path) -> None:
    base = torch.zeros(100)
    checkpoint = opened(tmp_path, {"a": base[10:30], "b": base[20:40], "c": base[90:], "d": torch.zeros(7)})
    assert checkpoint.description.unshown_bytes == 4 * (10 + 50)


@given(st.lists(st.integers(0, 12), max_size=4), st.data())
def test_the_count_is_that_of_a_mask_over_all_bytes(sizes: list[int], data: st.DataObject) -> None:
    builder = TableBuilder()
    masks = [[False] * size for size in sizes]
    for key, size in enumerate(sizes):
        builder.add_storage(str(key), source=0, offset=0, nbytes=size)
    count = data.draw(st.integers(0, 4)) if sizes else 0
    for _ in range(count):
        storage = data.draw(st.integers(0, len(sizes) - 1))
        offset, length, step = (data.draw(st.integers(0, 6)) for _ in range(3))
        builder.add_tensor("int8", (length,), (step,), storage=storage, offset=offset)
        reach = (length - 1) * step + 1 if length else 0
        for byte in range(offset, min(offset + reach, sizes[storage])):
            masks[storage][byte] = True
    table = builder.finish([str(row) for row in range(count)], range(count))
    assert unshown_bytes(table) == sum(mask.count(False) for mask in masks)


def test_places_beyond_any_file_do_not_wrap_round() -> None:
    builder = TableBuilder()
    builder.add_storage("0", source=0, offset=0, nbytes=16)
    builder.add_tensor("float32", (2**40,), (2**40,), storage=0, offset=1)
    builder.add_tensor("float64", (1,), storage=0, offset=2**62)
    assert unshown_bytes(builder.finish(["huge", "far"], [0, 1])) == 4


def test_half_bytes_at_the_end_count_as_shown_in_part() -> None:
    builder = TableBuilder()
    builder.add_storage("0", source=0, offset=0, nbytes=8)
    builder.add_tensor("quint4x2", (6,), storage=0)
    assert unshown_bytes(builder.finish(["packed"], [0])) == 5


def test_a_table_without_tensors_shows_nothing_of_its_storages() -> None:
    builder = TableBuilder()
    builder.add_storage("0", source=0, offset=0, nbytes=9)
    assert unshown_bytes(builder.finish([], [])) == 9
    assert unshown_bytes(TableBuilder().finish([], [])) == 0
