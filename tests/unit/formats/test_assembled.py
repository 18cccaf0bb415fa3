"""Tensors put together from chunks: any part of them is what numpy gives of the whole."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.source import ByteSource, SourceSpec, read_bytes
from sdviewer.errors import CannotRead, MissingBytes, SourceChanged
from sdviewer.formats.assembled import Assembly, Chunk, from_bytes, to_bytes
from sdviewer.formats.files import LocalSources

Box = tuple[tuple[int, ...], tuple[int, ...]]


def record_of(tensor: torch.Tensor) -> bytes:
    stream = io.BytesIO()
    torch.save(tensor, stream)
    return stream.getvalue()


def opened(path: Path, assembly: Assembly) -> ByteSource:
    """The assembled tensor as a checkpoint would have it; its file is source 0."""
    sources = LocalSources()
    sources.add_file(path)
    told = to_bytes(assembly)
    sources.inline += told
    spec = SourceSpec("assembled", "the tensor", assembly.nbytes, path=str(path), stored=len(told))
    return sources.get(sources.add(spec))


def assembled(
    path: Path, whole: torch.Tensor, boxes: list[Box], *, as_records: bool = True, exact: bool = True
) -> ByteSource:
    """A tensor whose boxes are written to `path`, one behind the other."""
    content, chunks = b"no record", []
    for start, size in boxes:
        part = whole[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))].clone()
        raw = record_of(part) if as_records else part.contiguous().view(torch.uint8).numpy().tobytes()
        chunks.append(Chunk(start, size, path.name, 0, len(content), len(raw) if as_records else 0))
        content += raw
    path.write_bytes(content)
    dtype = BY_NAME[str(whole.dtype).removeprefix("torch.")]
    return opened(path, Assembly("w", dtype, tuple(whole.shape), tuple(chunks), exact))


@st.composite
def parted(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Box]]:
    """A shape and boxes that part it: one is cut in two again and again."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    boxes: list[Box] = [((0,) * len(shape), shape)]
    for _ in range(draw(st.integers(0, 5))):
        start, size = boxes.pop(draw(st.integers(0, len(boxes) - 1)))
        axis = draw(st.integers(0, len(shape) - 1))
        cut = draw(st.integers(1, size[axis]))
        boxes.append((start, (*size[:axis], cut, *size[axis + 1 :])))
        if cut < size[axis]:
            moved = (*start[:axis], start[axis] + cut, *start[axis + 1 :])
            boxes.append((moved, (*size[:axis], size[axis] - cut, *size[axis + 1 :])))
    return shape, boxes


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parted(), st.data())
def test_any_stretch_of_bytes_is_that_of_the_whole(
    tmp_path: Path, case: tuple[tuple[int, ...], list[Box]], data: st.DataObject
) -> None:
    shape, boxes = case
    whole = torch.arange(math.prod(shape), dtype=torch.int32).reshape(shape)
    source = assembled(tmp_path / "w", whole, boxes, as_records=data.draw(st.booleans()))
    raw = whole.numpy().tobytes()
    begin = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(begin, len(raw)))
    assert read_bytes(source, begin, end - begin) == raw[begin:end]
    assert source.size == len(raw)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.complex64, torch.bool, torch.float8_e5m2, torch.float64])
def test_chunks_that_were_saved_turned_are_read_in_order(tmp_path: Path, dtype: torch.dtype) -> None:
    whole = (torch.arange(24) % 5).to(dtype).reshape(6, 4).t()
    source = assembled(tmp_path / "w", whole, [((0, 0), (4, 2)), ((0, 2), (4, 4))])
    expected = whole.contiguous().view(torch.uint8).numpy().tobytes()
    assert read_bytes(source, 0, source.size) == expected


def test_bytes_of_two_values_each_are_copied_as_bytes(tmp_path: Path) -> None:
    raw = torch.arange(6, dtype=torch.uint8).reshape(2, 3)
    source = assembled(tmp_path / "w", raw.view(torch.float4_e2m1fn_x2), [((0, 0), (2, 2)), ((0, 2), (2, 1))])
    assert read_bytes(source, 0, 6) == bytes(range(6))


def test_a_number_has_one_chunk(tmp_path: Path) -> None:
    source = assembled(tmp_path / "w", torch.tensor(2.5), [((), ())])
    value: npt.NDArray[np.float32] = np.frombuffer(read_bytes(source, 0, 4), np.float32)
    assert value.tolist() == [2.5]


def test_of_chunks_that_overlap_the_last_one_counts_and_holes_are_told(tmp_path: Path) -> None:
    whole = torch.arange(10, dtype=torch.int8)
    boxes: list[Box] = [((0,), (4,)), ((2,), (5,))]
    source = assembled(tmp_path / "w", whole, boxes, exact=False)
    assert read_bytes(source, 0, 7) == bytes(range(7))
    with pytest.raises(MissingBytes, match=r"no chunk holds 'w'\[7\]"):
        read_bytes(source, 5, 4)


def test_a_record_of_something_else_is_an_error_that_names_tensor_and_file(tmp_path: Path) -> None:
    path = tmp_path / "w"
    cases = {
        "float64": record_of(torch.zeros(4, dtype=torch.float64)),
        r"\[5\]": record_of(torch.zeros(5)),
        "something else": record_of({"a": torch.zeros(4)}),  # type: ignore[arg-type]
        "'w' is there": b"PK\x03\x04 and no more",
        "no record": b"\x80\x04N." + bytes(50),
    }
    for word, content in cases.items():
        path.write_bytes(content)
        chunk = Chunk((0,), (4,), "w", 0, 0, len(content))
        source = opened(path, Assembly("w", BY_NAME["float32"], (4,), (chunk,), exact=True))
        with pytest.raises(CannotRead, match=word) as caught:
            read_bytes(source, 0, 16)
        assert str(path) in caught.value.file
        assert "'w'" in caught.value.message


def test_a_chunk_whose_file_is_gone_is_missed_only_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w"
    content = record_of(torch.arange(2, dtype=torch.uint8))
    path.write_bytes(content)
    chunks = (Chunk((0,), (2,), "w", 0, 0, len(content)), Chunk((2,), (2,), "other", -1, 0, 9))
    source = opened(path, Assembly("w", BY_NAME["uint8"], (4,), chunks, exact=True))
    assert read_bytes(source, 0, 2) == b"\0\1"
    with pytest.raises(MissingBytes, match="'w' lies in other"):
        read_bytes(source, 1, 2)


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    source = assembled(tmp_path / "w", torch.arange(4), [((0,), (4,))])
    source.check_unchanged()
    (tmp_path / "w").write_bytes(b"")
    with pytest.raises(SourceChanged):
        source.check_unchanged()


def test_an_assembly_travels_as_bytes() -> None:
    chunks = (Chunk((0, 0), (1, 2), "a", 3, 4, 5), Chunk((1, 0), (1, 2), "λ", -1, 0))
    assembly = Assembly("näme\ud800", BY_NAME["bfloat16"], (2, 2), chunks, exact=False)
    assert from_bytes(to_bytes(assembly)) == assembly
