"""A checkpoint that travelled is the checkpoint that was sent, in every field."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, ModuleVersion, Problem
from sdviewer.processes.frames import read_frame, write_frame
from sdviewer.processes.transport import pack, pack_checkpoint, unpack, unpack_checkpoint
from tests.helpers.hand_built import checkpoint_with, description_with


def through_a_pipe(value: Any) -> Any:
    stream = io.BytesIO()
    header, buffers = pack(value)
    write_frame(stream, {"value": header}, buffers)
    stream.seek(0)
    frame = read_frame(stream)
    assert frame is not None
    return unpack(frame[0]["value"], frame[1])


def sent(checkpoint: Checkpoint) -> Checkpoint:
    header, buffers = pack_checkpoint(checkpoint)
    return unpack_checkpoint(checkpoint.path, json.loads(json.dumps(header)), [bytes(buffer) for buffer in buffers])


def assert_same(there: Any, here: Any, where: str = "") -> None:
    """Equal in type and content, arrays in dtype and shape too."""
    assert type(there) is type(here), where
    if isinstance(here, np.ndarray):
        assert there.dtype == here.dtype, where
        np.testing.assert_array_equal(there, here, where)
    elif dataclasses.is_dataclass(here):
        for field in dataclasses.fields(here):
            assert_same(getattr(there, field.name), getattr(here, field.name), f"{where}.{field.name}")
    elif isinstance(here, Mapping):
        assert list(there) == list(here), where
        for key in here:
            assert_same(there[key], here[key], f"{where}[{key!r}]")
    elif isinstance(here, tuple | list):
        assert len(there) == len(here), where
        for index, (one, other) in enumerate(zip(there, here, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    else:
        assert there == here, where


def test_every_field_of_a_checkpoint_arrives() -> None:
    checkpoint = checkpoint_with(description_with(problems=(Problem("partial", "warning", "ends early", "x"),)))
    arrived = sent(checkpoint)
    for name in ("path", "file_bytes", "description", "sections", "tree"):
        assert_same(getattr(arrived, name), getattr(checkpoint, name), name)
    assert_same(tuple(arrived.sources.specs), tuple(checkpoint.sources.specs), "specs")


def test_a_checkpoint_without_a_tensor_arrives() -> None:
    checkpoint = checkpoint_with(description_with(names=()))
    assert_same(sent(checkpoint).description, checkpoint.description)


def test_inline_bytes_can_be_read_on_the_other_side() -> None:
    arrived = sent(checkpoint_with(description_with()))
    assert arrived.sources.inline == b"\x00\xff inline"  # type: ignore[attr-defined]  # LocalSources has it


def test_arrays_that_arrive_are_read_only() -> None:
    arrived = sent(checkpoint_with(description_with()))
    with pytest.raises(ValueError, match="read-only"):
        arrived.table.offset[0] = 1


@given(
    numpy_strategies.arrays(
        numpy_strategies.integer_dtypes(endianness="<") | numpy_strategies.floating_dtypes(endianness="<"),
        numpy_strategies.array_shapes(min_dims=0, min_side=0),
    )
)
def test_any_array_arrives(array: np.ndarray[Any, Any]) -> None:
    assert_same(through_a_pipe(array), array)


def test_an_array_that_is_not_contiguous_arrives() -> None:
    array = np.arange(24).reshape(4, 6)[::2, ::-1]
    assert_same(through_a_pipe(array), array)


@given(st.lists(st.text(st.characters(exclude_categories=()))))
def test_any_strings_arrive(strings: list[str]) -> None:
    assert_same(through_a_pipe(tuple(strings)), tuple(strings))
    assert_same(through_a_pipe(StringColumn.of(strings)), StringColumn.of(strings))


@given(st.lists(st.builds(ModuleVersion, st.integers(), st.text(), st.none() | st.integers())))
def test_many_small_records_arrive(records: list[ModuleVersion]) -> None:
    assert_same(through_a_pipe(tuple(records)), tuple(records))


def test_what_has_no_form_here_is_refused() -> None:
    with pytest.raises(TypeError, match="does not travel"):
        pack(object())


def test_the_header_does_not_grow_with_the_tensors() -> None:
    sizes = []
    for count in (10, 5_000):
        header, _ = pack_checkpoint(checkpoint_with(description_with(tuple(f"layer.{i}" for i in range(count)))))
        sizes.append(len(json.dumps(header)))
    assert sizes[1] < sizes[0] + 200
