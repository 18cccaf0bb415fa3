"""Any part of any view is read right, and little more than that part is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint import payload as payload_module
from sdviewer.checkpoint.decoding import unpack
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.payload import Index, Payload, View, payload_of
from sdviewer.checkpoint.source import ByteSource, WritableBuffer, bytes_view
from sdviewer.checkpoint.table import Encoding, reach
from sdviewer.errors import CannotRead, MissingBytes, NotDecodable, SourceChanged
from tests.helpers.arrays import ArrayFile, checkpoint_of_arrays

TORCH = {8: torch.uint8, 16: torch.int16, 32: torch.int32, 64: torch.int64}


@dataclass(frozen=True)
class Form:
    """A view and the storage that just holds it."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @property
    def stored(self) -> int:
        return self.offset + reach(self.shape, self.stride)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    """Views with gaps, transposed, expanded, overlapping, empty and without dimensions."""
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=4)))
    stride = tuple(draw(st.integers(0, 12)) for _ in shape)
    return Form(shape, stride, draw(st.integers(0, 9)))


@st.composite
def indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Index:
    """Integers and slices with any steps, for some of the dimensions."""
    bounds = st.none() | st.integers(-7, 7)
    parts: list[slice | int] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        if size and draw(st.booleans()):
            parts.append(draw(st.integers(-size, size - 1)))
        else:
            parts.append(slice(draw(bounds), draw(bounds), draw(st.none() | st.integers(1, 4) | st.integers(-4, -1))))
    return tuple(parts)


def payload_over(raw: npt.NDArray[np.uint8], form: Form, bits: int, *, parts: tuple[int, ...] = ()) -> Payload:
    """A payload whose storage is in memory."""

    def fill(offset: int, buffer: npt.NDArray[np.uint8]) -> None:
        buffer[:] = raw[offset : offset + len(buffer)]

    view = View(form.shape, form.stride, form.offset)
    unit = np.dtype(f"uint{max(bits // (parts[0] if parts else 1), 8)}")
    return Payload("it", "file", form.shape, view, bits, unit, parts, False, len(raw), fill, lambda: None)


def random_bytes(count: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, count, np.uint8)


def assert_reads(payload: Payload, whole: npt.NDArray[Any], data: st.DataObject) -> None:
    """`whole`: all codes by the oracle, shape `shape + parts`."""
    assert np.array_equal(payload.read_all(), whole)
    assert payload.read_all().flags.c_contiguous

    index = data.draw(indices(payload.shape))
    assert np.array_equal(payload.read_slice(index), whole[index])

    count = math.prod(payload.shape)
    first = data.draw(st.integers(0, count))
    length = data.draw(st.integers(0, count - first))
    flat = whole.reshape(count, *payload.parts)
    assert np.array_equal(payload.read_block(first, length), flat[first : first + length])


@pytest.fixture(params=[False, True], ids=["at once", "in pieces"])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same again with limits so low that views are read in pieces, through gaps and around them."""
    if request.param:
        monkeypatch.setattr(payload_module, "_PIECE", 32)
        monkeypatch.setattr(payload_module, "_GAP", 8)


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("bits", TORCH)
@settings(max_examples=50)
@given(form=forms(), data=st.data())
def test_any_view_is_read_as_torch_reads_it(bits: int, form: Form, data: st.DataObject) -> None:
    raw = random_bytes(form.stored * bits // 8)
    base = torch.from_numpy(raw.view(f"int{bits}" if bits > 8 else np.uint8).copy())
    oracle = torch.as_strided(base, form.shape, form.stride, form.offset).numpy().view(f"uint{bits}")
    assert_reads(payload_over(raw, form, bits), oracle, data)


@pytest.mark.usefixtures("_pieces")
@settings(max_examples=50)
@given(form=forms(), data=st.data())
def test_complex_numbers_are_read_as_pairs(form: Form, data: st.DataObject) -> None:
    raw = random_bytes(form.stored * 8)
    base = torch.from_numpy(raw.view(np.int64).copy())
    oracle = torch.as_strided(base, form.shape, form.stride, form.offset).contiguous().numpy()
    pairs = oracle.reshape(-1).view(np.uint32).reshape(*form.shape, 2)
    assert_reads(payload_over(raw, form, 64, parts=(2,)), pairs, data)


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("bits", [2, 4, 6])
@settings(max_examples=50)
@given(form=forms(), data=st.data())
def test_values_of_less_than_a_byte_are_read_from_any_place(bits: int, form: Form, data: st.DataObject) -> None:
    raw = random_bytes(-(-form.stored * bits // 8) + 3)
    values = torch.from_numpy(unpack(raw, bits).copy())
    oracle = torch.as_strided(values, form.shape, form.stride, form.offset).numpy()
    assert_reads(payload_over(raw, form, bits), oracle, data)


@given(form=forms())
def test_merging_dimensions_changes_no_value_and_memory_order_only_their_order(form: Form) -> None:
    base = np.arange(form.stored)
    view = View(form.shape, form.stride, form.offset)

    def values(view: View) -> list[int]:
        steps = tuple(8 * step for step in view.stride)
        start = base[view.offset :] if view.numel else base[:0]
        return np.lib.stride_tricks.as_strided(start, view.shape, steps).reshape(-1).tolist() if view.numel else []

    assert values(view.merged()) == values(view)
    assert sorted(values(view.in_memory_order())) == sorted(values(view))
    dense = not any(step == 0 for step in form.stride)
    if dense and len(form.shape) == 1:
        assert values(view.in_memory_order()) == sorted(values(view))


@pytest.mark.parametrize("index", [(0, 0, 0), (2,), (-3,), (0, 5)])
def test_an_index_outside_is_refused(index: Index) -> None:
    payload = payload_over(random_bytes(10), Form((2, 5), (5, 1), 0), 8)
    with pytest.raises(IndexError):
        payload.read_slice(index)


@pytest.mark.parametrize(
    ("form", "stored"),
    [
        (Form((3,), (1,), 0), 2),
        (Form((1,), (1,), 3), 3),
        (Form((2, 2), (2**62, 2**62), 0), 100),
        (Form((2**62,), (2**62,), 0), 100),
        (Form((2,), (-1,), 1), 100),
        (Form((2,), (1,), -1), 100),
    ],
)
def test_what_is_not_stored_is_named_and_nothing_is_allocated(form: Form, stored: int) -> None:
    payload = payload_over(random_bytes(stored), form, 8)
    for read in (payload.read_all, payload.read_span):
        with pytest.raises(MissingBytes, match="'it'"):
            read()


def test_a_view_that_repeats_a_byte_more_often_than_memory_holds_is_refused() -> None:
    payload = payload_over(random_bytes(1), Form((2**20, 2**20, 2**20), (0, 0, 0), 0), 8)
    with pytest.raises(CannotRead, match="available"):
        payload.read_all()
    assert payload.read_slice((0, 0, slice(3))).tolist() == [random_bytes(1)[0]] * 3


# -- storages ---------------------------------------------------------------------------------------------


def codes_of(file: ArrayFile) -> npt.NDArray[Any]:
    return payload_of(file.finish(), 0).read_all()


@pytest.mark.parametrize("encoding", [Encoding.RAW, Encoding.DEFLATED, Encoding.LATIN1])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "complex128", "bool"])
def test_every_encoding_and_byte_order_gives_the_same_codes(
    tmp_path: Path, encoding: Encoding, swapped: bool, dtype: str
) -> None:
    array = np.random.default_rng(0).integers(0, 2, 24).astype(dtype).reshape(4, 6) * (1 if dtype == "bool" else 100)
    array = array.astype(dtype)
    raw = array.astype(array.dtype.newbyteorder(">")).tobytes() if swapped else array.tobytes()
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", dtype, (6, 3), raw, stride=(1, 12), offset=0, encoding=encoding, swapped=swapped)
    view = np.lib.stride_tricks.as_strided(array.reshape(-1), (6, 2), (array.itemsize, 12 * array.itemsize))
    checkpoint = file.finish()
    with pytest.raises(MissingBytes):
        payload_of(checkpoint, 0).read_all()
    payload = replace(payload_of(checkpoint, 0), shape=(6, 2), view=View((6, 2), (1, 12), 0))
    unit = payload.unit
    assert np.array_equal(payload.read_all(), view.copy().view(unit).reshape(6, 2, *payload.parts))
    span = payload.read_span()
    assert span.tobytes() == array.reshape(-1)[: len(span) // array.itemsize].tobytes()


def test_a_deflated_storage_that_is_shorter_than_its_directory_says_is_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "uint8", (40,), bytes(30), encoding=Encoding.DEFLATED, nbytes=40)
    with pytest.raises(MissingBytes, match="30"):
        codes_of(file)


def test_a_deflated_storage_with_damage_is_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "uint8", (4000,), random_bytes(4000).tobytes(), encoding=Encoding.DEFLATED)
    checkpoint = file.finish()
    stored = int(checkpoint.table.storages.offset[0])
    data = bytearray(file.path.read_bytes())
    data[stored] ^= 0b110  # another kind of deflate block
    file.path.write_bytes(data)
    with pytest.raises(CannotRead, match="it at"):
        payload_of(checkpoint, 0).read_all()


def test_text_that_stands_for_no_bytes_is_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    storage = file.storage("aλb".encode(), nbytes=3)
    file.list("t", file.table.add_tensor("uint8", (3,), storage=storage))
    checkpoint = file.finish()
    checkpoint.table.storages.encoding[storage] = Encoding.LATIN1
    with pytest.raises(CannotRead, match="text"):
        payload_of(checkpoint, 0)


def test_missing_bytes_are_named_and_an_empty_tensor_needs_none(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("gone", "float32", (2,), bytes(8), encoding=Encoding.MISSING)
    file.add_raw("empty", "float32", (0, 3), b"", encoding=Encoding.MISSING)
    checkpoint = file.finish()
    with pytest.raises(MissingBytes, match="'gone'"):
        payload_of(checkpoint, 0)
    assert payload_of(checkpoint, 1).read_all().shape == (0, 3)


@pytest.mark.parametrize("itemsize", [0, -1, None, "4"])
def test_elements_of_an_unknown_dtype_without_a_size_are_refused(tmp_path: Path, itemsize: object) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "other", (2,), bytes(8), extra={"dtype": "odd", "itemsize": itemsize})
    with pytest.raises(NotDecodable, match="odd"):
        payload_of(file.finish(), 0)


def test_elements_of_an_unknown_dtype_come_as_their_bytes(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "other", (2, 2), bytes(range(12)), extra={"dtype": "datetime64[D]", "itemsize": 3}, stride=(1, 2))
    assert codes_of(file).tolist() == [[[0, 1, 2], [6, 7, 8]], [[3, 4, 5], [9, 10, 11]]]


# -- how much is read ---------------------------------------------------------------------------------------


class Spy:
    """A source that counts what is read of it."""

    def __init__(self, inner: ByteSource) -> None:
        self.inner, self.read, self.calls = inner, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        self.read += bytes_view(buffer).nbytes
        self.calls += 1
        self.inner.read_into(offset, buffer)


def spied(checkpoint: Checkpoint) -> Spy:
    """A spy in the place of the checkpoint's only file."""
    spy = Spy(checkpoint.sources.get(0))
    checkpoint.sources.get = lambda _: spy  # type: ignore[method-assign, assignment]
    return spy


@pytest.fixture
def sparse_file(tmp_path: Path) -> Callable[..., tuple[Checkpoint, Spy]]:
    """Makes a file of 8 GB that takes no room, with one tensor in it, and a spy on what is read."""

    def make(dtype: str, shape: tuple[int, ...], stride: tuple[int, ...] | None = None) -> tuple[Checkpoint, Spy]:
        file = ArrayFile(tmp_path / "sparse")
        row = file.table.add_tensor(
            dtype, shape, stride, storage=file.table.add_storage("0", source=0, offset=0, nbytes=8 << 30)
        )
        file.list("t", row)
        file.data.clear()
        checkpoint = file.finish()
        with file.path.open("r+b") as opened:
            opened.truncate(8 << 30)
            opened.seek(4 << 30)
            opened.write(b"\x01\x02\x03\x04")
        sources = type(checkpoint.sources)()
        sources.add_file(file.path)  # type: ignore[attr-defined]
        checkpoint = replace(checkpoint, sources=sources, file_bytes=8 << 30)
        return checkpoint, spied(checkpoint)

    return make


def test_a_slice_of_a_huge_tensor_reads_just_the_slice(sparse_file: Callable[..., tuple[Checkpoint, Spy]]) -> None:
    checkpoint, spy = sparse_file("float32", (1 << 16, 1 << 15))
    values = checkpoint.tensors["t"].read_slice((slice(None, None, 32768), slice(0, 3)))
    assert values.shape == (2, 3)
    assert values[1, 0] == np.frombuffer(b"\x01\x02\x03\x04", np.float32)[0]
    assert spy.read == 2 * 3 * 4


def test_a_single_value_reads_a_single_value(sparse_file: Callable[..., tuple[Checkpoint, Spy]]) -> None:
    checkpoint, spy = sparse_file("uint8", (8 << 30,))
    assert checkpoint.tensors["t"].read_slice((4 << 30,)) == 1
    assert spy.read == 1


def test_a_view_with_wide_gaps_reads_around_them(sparse_file: Callable[..., tuple[Checkpoint, Spy]]) -> None:
    checkpoint, spy = sparse_file("uint8", (2, 8, 4), (4 << 30, 1 << 20, 1))
    values = checkpoint.tensors["t"].numpy()
    assert values[1, 0].tolist() == [1, 2, 3, 4]
    assert np.count_nonzero(values) == 4
    assert spy.read == 2 * 8 * 4


def test_a_view_with_narrow_gaps_reads_through_them_in_few_calls(
    sparse_file: Callable[..., tuple[Checkpoint, Spy]],
) -> None:
    checkpoint, spy = sparse_file("uint8", (1 << 16, 1), (1 << 10, 1))
    assert checkpoint.tensors["t"].numpy().shape == (1 << 16, 1)
    assert spy.read <= 64 << 20
    assert spy.calls <= 40


def test_an_expanded_tensor_reads_what_it_repeats_once(sparse_file: Callable[..., tuple[Checkpoint, Spy]]) -> None:
    checkpoint, spy = sparse_file("float32", (1000, 1000), (0, 0))
    assert checkpoint.tensors["t"].numpy().sum() == 0
    assert spy.read == 4


def test_chunks_read_every_byte_once(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
    checkpoint = checkpoint_of_arrays(tmp_path / "it", {"t": array, "other": np.zeros(10_000)})
    spy = spied(checkpoint)
    chunks = list(checkpoint.tensors["t"].chunks(max_bytes=10_000))
    assert np.array_equal(np.concatenate(chunks), array.reshape(-1))
    assert max(chunk.nbytes for chunk in chunks) <= 10_000
    assert spy.read == array.nbytes


def test_a_transposed_tensor_in_memory_order_is_read_once_in_order(tmp_path: Path) -> None:
    base = torch.arange(300 * 400, dtype=torch.float32).reshape(300, 400)
    checkpoint = checkpoint_of_arrays(tmp_path / "it", {"t": base.T})
    spy = spied(checkpoint)
    found = np.concatenate(list(checkpoint.tensors["t"].chunks(max_bytes=10_000, memory_order=True)))
    assert np.array_equal(found, base.numpy().reshape(-1))
    assert spy.read == found.nbytes


def test_the_source_is_asked_whether_it_changed(tmp_path: Path) -> None:
    checkpoint = checkpoint_of_arrays(tmp_path / "it", {"t": np.zeros(4)})
    payload = payload_of(checkpoint, 0)
    payload.check_unchanged()
    (tmp_path / "it").write_bytes(b"other")
    with pytest.raises(SourceChanged, match="it"):
        payload.check_unchanged()
