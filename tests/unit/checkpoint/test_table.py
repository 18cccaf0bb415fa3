"""The table of tensors keeps what a reader adds, in the order in which it is listed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.dtypes import BY_NAME, OTHER
from sdviewer.checkpoint.table import (
    Encoding,
    Flag,
    TableBuilder,
    contiguous_stride,
    is_contiguous,
    reach,
)

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def test_rows_come_in_the_order_of_their_names() -> None:
    builder = TableBuilder()
    storage = builder.add_storage("key", source=2, offset=64, nbytes=100, location="cuda:1")
    first = builder.add_tensor("float32", (2, 3), storage=storage)
    second = builder.add_tensor("int8", (4,), (2,), storage=storage, offset=8, flags=Flag.PARAMETER)
    table = builder.finish(["b", "a", "b again"], [second, first, second])

    assert (len(table), table.listed) == (3, 3)
    assert table.name.tolist() == ["b", "a", "b again"]
    assert [table.dtype_name(row) for row in range(3)] == ["int8", "float32", "int8"]
    assert [table.shape_of(row) for row in range(3)] == [(4,), (2, 3), (4,)]
    assert [table.stride_of(row) for row in range(3)] == [(2,), (3, 1), (2,)]
    assert table.offset.tolist() == [8, 0, 8]
    assert table.flags.tolist() == [Flag.PARAMETER, 0, Flag.PARAMETER]
    assert table.numel.tolist() == [4, 6, 4]
    assert table.nbytes.tolist() == [4, 24, 4]
    assert table.dtype_of(0) is BY_NAME["int8"]
    storages = table.storages
    assert len(storages) == 1
    assert storages.key[0] == "key"
    assert (storages.source[0], storages.offset[0], storages.nbytes[0], storages.stored[0]) == (2, 64, 100, 100)
    assert storages.locations[storages.location[0]] == "cuda:1"
    assert table.extra_of(1) == {}


def test_components_follow_the_listed_rows_and_are_named_after_their_owner() -> None:
    builder = TableBuilder()
    values = builder.add_tensor("float32", (3,), storage=builder.add_storage("0", source=0, offset=0, nbytes=12))
    indices = builder.add_tensor("int64", (1, 3), storage=builder.add_storage("1", source=0, offset=12, nbytes=24))
    facts = {"layout": "sparse_coo", "components": {"indices": indices, "values": values}}
    sparse = builder.add_tensor("float32", (9,), flags=Flag.SPARSE, extra=facts)
    table = builder.finish(["s", "plain", "s2"], [sparse, values, sparse])

    assert table.listed == 3
    assert table.name.tolist() == ["s", "plain", "s2", "s/indices", "s/values"]
    assert dict(table.components(0)) == dict(table.components(2)) == {"indices": 3, "values": 4}
    assert (table.flags[3:] & Flag.COMPONENT).all()
    assert not (table.flags[:3] & Flag.COMPONENT).any()
    assert table.nbytes.tolist() == [36, 12, 36, 24, 12]
    assert facts["components"] == {"indices": indices, "values": values}


def test_components_may_have_components() -> None:
    builder = TableBuilder()
    inner = builder.add_tensor("uint8", (4,), storage=builder.add_storage("0", source=0, offset=0, nbytes=4))
    middle = builder.add_tensor("float32", (4,), flags=Flag.SUBCLASS, extra={"components": {"data": inner}})
    outer = builder.add_tensor("float32", (4,), flags=Flag.SUBCLASS, extra={"components": {"w": middle}})
    table = builder.finish(["o"], [outer])
    assert table.name.tolist() == ["o", "o/w", "o/w/data"]


def test_a_meta_tensor_has_no_bytes_and_an_unknown_dtype_those_of_its_elements() -> None:
    builder = TableBuilder()
    meta = builder.add_tensor("float32", (5,), flags=Flag.META)
    odd = builder.add_tensor(OTHER, (5,), extra={"dtype": "datetime64[D]", "itemsize": 8})
    table = builder.finish(["meta", "odd"], [meta, odd])
    assert table.nbytes.tolist() == [0, 40]
    assert table.dtype_name(1) == "datetime64[D]"


def test_sizes_that_no_file_has_do_not_wrap_round() -> None:
    builder = TableBuilder()
    row = builder.add_tensor("complex128", (2**62,), (0,))
    assert builder.finish(["huge"], [row]).nbytes.tolist() == [2**63 - 1]


def test_packed_elements_are_rounded_up_to_bytes() -> None:
    builder = TableBuilder()
    rows = [builder.add_tensor(name, (5,)) for name in ("quint4x2", "quint2x4", "float6_e2m3fn")]
    assert builder.finish(["a", "b", "c"], rows).nbytes.tolist() == [3, 2, 4]


def test_an_empty_table_has_empty_columns() -> None:
    table = TableBuilder().finish([], [])
    assert len(table) == table.listed == len(table.storages) == 0
    assert table.nbytes.tolist() == table.numel.tolist() == []


def test_a_storage_may_be_placed_after_its_tensors() -> None:
    builder = TableBuilder()
    storage = builder.add_storage("0", source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location="mps")
    builder.set_storage_place(storage, source=1, offset=40, nbytes=8)
    assert builder.storage_nbytes(storage) == 8
    storages = builder.finish([], []).storages
    assert (storages.source[0], storages.offset[0], storages.encoding[0]) == (1, 40, Encoding.RAW)
    assert storages.locations[storages.location[0]] == "mps"


def test_forms_are_shared_by_rows_of_one_shape_and_stride() -> None:
    builder = TableBuilder()
    rows = [builder.add_tensor("float32", (2, 3)) for _ in range(1000)] + [
        builder.add_tensor("float32", (2, 3), (1, 2))
    ]
    table = builder.finish([str(row) for row in rows], rows)
    assert len(table.forms) == 2
    assert table.forms.contiguous.tolist() == [True, False]
    assert builder.form_of(rows[-1]) == ((2, 3), (1, 2))
    assert builder.shape_of(0) == (2, 3)


@given(shapes)
def test_the_stride_of_a_new_tensor_is_that_of_torch(shape: tuple[int, ...]) -> None:
    assert contiguous_stride(shape) == torch.empty(shape).stride()


@given(shapes, st.data())
def test_a_view_is_contiguous_exactly_where_torch_says_so(shape: tuple[int, ...], data: st.DataObject) -> None:
    stride = tuple(data.draw(st.lists(st.integers(0, 6), min_size=len(shape), max_size=len(shape))))
    tensor = torch.empty(10_000).as_strided(shape, stride)
    assert is_contiguous(shape, stride) is tensor.is_contiguous()


@given(shapes, st.data())
def test_the_reach_of_a_view_is_behind_its_last_element(shape: tuple[int, ...], data: st.DataObject) -> None:
    stride = tuple(data.draw(st.lists(st.integers(0, 6), min_size=len(shape), max_size=len(shape))))
    places = torch.arange(10_000).as_strided(shape, stride)
    assert reach(shape, stride) == (int(places.max()) + 1 if places.numel() else 0)


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_any_number_of_rows_keeps_its_columns_in_step(count: int) -> None:
    builder = TableBuilder()
    for row in range(count):
        builder.add_tensor("int16", (row % 7,), storage=builder.add_storage(str(row), source=0, offset=row, nbytes=2))
    table = builder.finish([str(row) for row in range(count)], range(count))
    assert np.array_equal(table.numel, np.arange(count) % 7)
    assert np.array_equal(table.storages.offset, np.arange(count))
    assert math.prod(table.flags.shape) == count
